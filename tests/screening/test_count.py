"""U1 and U2 on small cartons."""

import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import NotAssessed
from parcelscope.screening.indicators.count import (
    more_pieces_than_manifested,
    rows_unlike_carton,
)
from parcelscope.screening.indicators.evidence import Outcome

COUNT = w.parameters("count")
ROWS = w.parameters("rows")


def counted(manifested: int | None, *bands: tuple[float, float]) -> Outcome:
    """U1 on carton C with one count per scan."""
    of = w.feed(cartons=[{"carton_id": "C", "pieces_manifested": manifested}])
    scans = [
        w.band("C", "pieces.count", low, high, image=f"{n}.tif")
        for n, (low, high) in enumerate(bands)
    ]
    return more_pieces_than_manifested(w.evidence(of, scans), COUNT)


@pytest.mark.parametrize(
    ("manifested", "bands", "says"),
    [
        pytest.param(
            10,
            [(10.4, 13.2)],
            "The X-ray shows 11 to 13 pieces; the manifest says 10.",
            id="a range above",
        ),
        pytest.param(0, [(0.6, 1.4)], "The X-ray shows 1 piece; the manifest says 0.", id="one"),
        pytest.param(
            10,
            [(9, 14), (12, 16)],
            "The X-ray shows 11 to 14 pieces; the manifest says 10.",
            id="two views together",
        ),
        pytest.param(
            5,
            [(6, 7), (9, 10)],
            "The X-ray shows 6 to 10 pieces; the manifest says 5.",
            id="scans that contradict each other but both exceed",
        ),
    ],
)
def test_a_lower_bound_above_the_manifest_fires(
    manifested: int, bands: list[tuple[float, float]], says: str
) -> None:
    assert w.sentences(counted(manifested, *bands), "U1.count") == {"C": says}


@pytest.mark.parametrize(
    ("manifested", "bands"),
    [
        pytest.param(11, [(10.4, 13.2)], id="inside the range"),
        pytest.param(10, [(10.0, 12.0)], id="at its lower end"),
        pytest.param(20, [(10.4, 13.2)], id="fewer seen than listed, which hiding explains"),
    ],
)
def test_a_lower_bound_within_the_manifest_is_silent(
    manifested: int, bands: list[tuple[float, float]]
) -> None:
    outcome = counted(manifested, *bands)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


@pytest.mark.parametrize(
    ("manifested", "bands", "reason"),
    [
        pytest.param(None, [(3, 4)], "the manifest gives no number of pieces", id="no manifest"),
        pytest.param(3, [], "no pieces were counted in a scan", id="no count"),
        pytest.param(
            7,
            [(6, 7), (9, 10)],
            "the scans of this carton show different numbers of pieces",
            id="scans disagree",
        ),
    ],
)
def test_a_count_that_cannot_be_compared_is_not_assessed(
    manifested: int | None, bands: list[tuple[float, float]], reason: str
) -> None:
    outcome = counted(manifested, *bands)
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U1.count") == {"C": reason}


def test_the_detectors_own_reason_is_passed_on() -> None:
    of = w.feed(cartons=[{"carton_id": "C", "pieces_manifested": 3}])
    why = NotAssessed(
        owner_id="C", owner_kind="carton", check="xray.pieces", reason="the scan is truncated"
    )
    outcome = more_pieces_than_manifested(w.evidence(of, [], [why]), COUNT)
    assert w.reasons_not_assessed(outcome, "U1.count") == {"C": "the scan is truncated"}


def test_more_surplus_pieces_count_for_more() -> None:
    few, many = counted(10, (10.5, 12)), counted(10, (17.5, 20))
    assert w.ratio(many, "U1.count", "C") > w.ratio(few, "U1.count", "C") > 1


def rows_of(carton: w.Row, *parcels: w.Row, rejected: int = 0) -> Outcome:
    """U2 on carton C with these parcels."""
    of = w.feed(
        [{"parcel_id": f"P{n}", "carton_id": "C", **row} for n, row in enumerate(parcels)],
        [{"carton_id": "C", **carton}],
        rejected_parcels=rejected,
    )
    return rows_unlike_carton(w.evidence(of), ROWS)


def test_parcel_rows_that_do_not_add_up_to_the_cartons_pieces_fire() -> None:
    outcome = rows_of({"pieces_manifested": 2}, {"pieces": 2}, {"pieces": None})
    assert w.sentences(outcome, "U2.pieces") == {
        "C": "The parcel rows of this carton add up to 3 pieces; its own row says 2."
    }


def test_parcel_rows_that_add_up_are_silent() -> None:
    outcome = rows_of(
        {"pieces_manifested": 2, "declared_weight_g": 1100.0},
        {"declared_weight_g": 500.0},
        {"declared_weight_g": 500.0},
    )
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_parcel_rows_heavier_than_their_carton_fire() -> None:
    outcome = rows_of(
        {"pieces_manifested": 2, "declared_weight_g": 800.0},
        {"declared_weight_g": 500.0},
        {"declared_weight_g": 700.0},
    )
    assert w.sentences(outcome, "U2.weight") == {
        "C": "The parcel rows of this carton add up to 1.2 kg; its own row says 800 g."
    }


def test_parcel_rows_lighter_than_packaging_explains_fire() -> None:
    outcome = rows_of({"declared_weight_g": 5000.0}, {"declared_weight_g": 500.0})
    assert set(w.sentences(outcome, "U2.weight")) == {"C"}


def test_a_carton_without_parcel_rows_is_not_assessed() -> None:
    outcome = rows_of({"pieces_manifested": 2, "declared_weight_g": 800.0})
    reason = {"C": "no parcel row of this window names the carton"}
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U2.pieces") == reason
    assert w.reasons_not_assessed(outcome, "U2.weight") == reason


def test_missing_rows_prove_nothing_while_some_could_not_be_read() -> None:
    outcome = rows_of(
        {"pieces_manifested": 3, "declared_weight_g": 3000.0},
        {"declared_weight_g": 500.0},
        rejected=2,
    )
    reason = {"C": "2 parcel rows of this window could not be read and may belong to the carton"}
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U2.pieces") == reason
    assert w.reasons_not_assessed(outcome, "U2.weight") == reason


def test_surplus_rows_fire_although_some_could_not_be_read() -> None:
    outcome = rows_of({"pieces_manifested": 1}, {}, {}, rejected=2)
    assert set(w.sentences(outcome, "U2.pieces")) == {"C"}


def test_a_weight_sum_with_a_gap_is_not_assessed() -> None:
    outcome = rows_of({"declared_weight_g": 800.0}, {"declared_weight_g": 900.0}, {})
    assert w.reasons_not_assessed(outcome, "U2.weight") == {
        "C": "1 parcel row of this carton without a declared weight"
    }
