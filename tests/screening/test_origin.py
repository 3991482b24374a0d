"""U14: the scan at origin against the one on arrival."""

from typing import Any

import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import Finding, NotAssessed, OwnerKind
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.origin import ORIGIN, ORIGIN_COUNT, origin_unlike_arrival


def scans(owner: str = "P", *stations: str | None, kind: str = "parcel") -> list[dict[str, Any]]:
    return [
        {
            "owner_id": owner,
            "owner_kind": kind,
            "kind": "scan",
            "path": f"{owner}-{station}.tif",
            "station": station,
        }
        for station in stations
    ]


def whole(strength: float, net: float, text: str = "more") -> Finding:
    return Finding(
        owner_id="P",
        owner_kind="parcel",
        source="xray.comparison",
        code="comparison.whole",
        sentence="Against the scan at origin so much; where is not known: it lies otherwise.",
        score=strength / (1 + strength),
        observed=net,
        observed_low=net - 20,
        observed_high=net + 20,
        expected=0.0,
        unit="g",
        text=text,
        image_path="P-arrival.tif",
    )


def spot(amount: float, score: float = 0.7) -> Finding:
    return Finding(
        owner_id="P",
        owner_kind="parcel",
        source="xray.comparison",
        code="comparison.more" if amount > 0 else "comparison.less",
        sentence="a place",
        score=score,
        observed=amount,
        unit="g",
        image_path="P-arrival.tif",
        box_xyxy=(10.0, 20.0, 40.0, 60.0),
    )


def judged(*findings: Finding, stations: tuple[str | None, ...] = ("origin", None)) -> Outcome:
    of = w.evidence(w.feed([{"parcel_id": "P"}], images=scans("P", *stations)), findings)
    return origin_unlike_arrival(of, w.parameters("origin"))


def test_what_was_put_in_is_told_with_its_grams_and_its_place() -> None:
    outcome = judged(whole(2.0, 120), spot(115))
    assert w.sentences(outcome, ORIGIN) == {
        "P": "Against the scan at origin more is inside than at origin (+120 g, between +100 and"
        " +140); 115 g more at x 10 to 40, y 20 to 60."
    }
    row = outcome.findings.row(0, named=True)
    assert row["box_xyxy"] == [10.0, 20.0, 40.0, 60.0]
    assert (row["observed_low"], row["observed_high"], row["expected"]) == (100.0, 140.0, 0.0)
    assert row["likelihood_ratio"] > 20


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("less", "less is inside than at origin"),
        ("rearranged", "about as much is inside as at origin, in other places"),
        ("more, not laid over", "could not be laid over each other"),
    ],
)
def test_every_kind_of_difference_has_its_words(text: str, words: str) -> None:
    assert words in w.sentences(judged(whole(1.2, -30, text)), ORIGIN)["P"]


def test_scans_that_differ_no_more_than_those_of_untouched_parcels_are_silent() -> None:
    outcome = judged(whole(0.8, 10, "alike"))
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


@pytest.mark.parametrize(
    ("stations", "reason"),
    [
        pytest.param((), "no scan", id="none"),
        pytest.param(("arrival",), "no scan at origin", id="arrival alone"),
        pytest.param((None,), "no scan at origin", id="arrival by default"),
        pytest.param(("origin",), "no scan on arrival", id="origin alone"),
        pytest.param(("origin", "arrival"), "the two scans were not compared", id="both"),
    ],
)
def test_it_is_not_assessed_without_two_scans(
    stations: tuple[str | None, ...], reason: str
) -> None:
    assert w.reasons_not_assessed(judged(stations=stations), ORIGIN) == {"P": reason}


def test_the_reason_of_the_engine_is_told() -> None:
    of = w.evidence(
        w.feed([{"parcel_id": "P"}], images=scans("P", "origin", "arrival")),
        not_assessed=[
            NotAssessed(
                owner_id="P", owner_kind="parcel", check="xray.comparison", reason="no scale"
            )
        ],
    )
    outcome = origin_unlike_arrival(of, w.parameters("origin"))
    assert w.reasons_not_assessed(outcome, ORIGIN) == {"P": "no scale"}


def test_scans_not_laid_over_each_other_that_weigh_the_same_are_not_assessed() -> None:
    outcome = judged(whole(0.3, 10, "alike, not laid over"))
    assert outcome.findings.is_empty()
    assert "it lies otherwise" in w.reasons_not_assessed(outcome, ORIGIN)["P"]


def counts(origin: tuple[float, float], arrival: tuple[float, float]) -> Outcome:
    kind: OwnerKind = "carton"
    of = w.evidence(
        w.feed(cartons=[{"carton_id": "C"}], images=scans("C", "origin", "arrival", kind="carton")),
        [
            w.band("C", "pieces.count", *origin, kind=kind, image="C-origin.tif"),
            w.band("C", "pieces.count", *arrival, kind=kind, image="C-arrival.tif"),
        ],
    )
    return origin_unlike_arrival(of, w.parameters("origin"))


def test_more_pieces_on_arrival_than_at_origin_are_reported() -> None:
    outcome = counts((8.2, 10.4), (12.1, 15.0))
    assert w.sentences(outcome, ORIGIN_COUNT) == {
        "C": "The scan on arrival shows 13 to 15 pieces, the one at origin 9 to 10."
    }
    assert w.ratio(outcome, ORIGIN_COUNT, "C") > 10


def test_counts_that_may_be_the_same_are_silent() -> None:
    assert w.sentences(counts((8.2, 12.4), (11.5, 15.0)), ORIGIN_COUNT) == {}


def test_a_carton_counted_once_is_not_assessed() -> None:
    of = w.evidence(
        w.feed(cartons=[{"carton_id": "C"}], images=scans("C", "origin", "arrival", kind="carton")),
        [w.band("C", "pieces.count", 3, 5, image="C-origin.tif")],
    )
    outcome = origin_unlike_arrival(of, w.parameters("origin"))
    assert w.reasons_not_assessed(outcome, ORIGIN_COUNT) == {
        "C": "no pieces were counted in one of the scans"
    }
