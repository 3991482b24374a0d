"""U2.packaging on windows of cartons whose packaging follows from their rows."""

import math
import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.screening import windows as w

from parcelscope.datasets.feed import Feed
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.packaging_weight import (
    PACKAGING,
    PackagingParameters,
    robust_fit,
    unusual_packaging,
)

PARAMETERS: PackagingParameters = w.parameters("packaging")
CARTONS = 60
ODD = "C07"
Rows = list[dict[str, Any]]


def window(*, scale: float = 1.0) -> tuple[Rows, Rows]:
    """Parcel rows and carton rows; what each carton weighs beyond its rows scatters a little."""
    noise = random.Random(5)
    parcels: Rows = []
    cartons: Rows = []
    for number in range(CARTONS):
        carton, rows = f"C{number:02}", 2 + number % 20
        weights = [scale * (200 + 37 * ((number + k) % 9)) for k in range(rows)]
        parcels += [
            {"parcel_id": f"{carton}-{k:02}", "carton_id": carton, "declared_weight_g": weight}
            for k, weight in enumerate(weights)
        ]
        rest = 0.5 * sum(weights) ** 0.5 * sum(weights[:1]) ** 0.5
        total = sum(weights) + rest * math.exp(noise.gauss(0, 0.2))
        cartons.append(
            {
                "carton_id": carton,
                "pieces_manifested": rows,
                "declared_weight_g": total,
                "measured_weight_g": total,
            }
        )
    return parcels, cartons


def judged(parcels: Rows, cartons: Rows, *, rejected: int = 0) -> Outcome:
    """The outcome by the pack that ships."""
    of: Feed = w.feed(parcels, cartons, rejected_parcels=rejected)
    return unusual_packaging(w.evidence(of), PARAMETERS)


def changed(rows: Rows, key: str, owner_id: str, values: Mapping[str, Any]) -> Rows:
    """`rows`, that of `owner_id` with other `values`."""
    return [{**row, **values} if row[key] == owner_id else row for row in rows]


def heavier(rows: Rows, extra_g: float) -> Rows:
    """The carton rows, the odd one with pieces that nobody listed, its weight declared truly."""
    own = next(row for row in rows if row["carton_id"] == ODD)
    return weighing(rows, own["measured_weight_g"] + extra_g)


def weighing(rows: Rows, total_g: float) -> Rows:
    """The carton rows, the odd one of this weight, by the scale and by its own row."""
    values = {"declared_weight_g": total_g, "measured_weight_g": total_g}
    return changed(rows, "carton_id", ODD, values)


def test_a_carton_with_unlisted_weight_fires_though_scale_and_manifest_agree() -> None:
    parcels, cartons = window()
    outcome = judged(parcels, heavier(cartons, 3000))
    finding = outcome.findings.filter(owner_id=ODD).row(0, named=True)
    assert finding["code"] == PACKAGING
    assert finding["unit"] == "g"
    assert finding["observed"] > 3000 > finding["expected"] > 0
    assert finding["likelihood_ratio"] == pytest.approx(30)
    assert finding["sentence"].startswith("By the scale the carton weighs ")
    assert (
        " more than its 9 parcel rows together; two in three cartons like it in this window"
        in (finding["sentence"])
    )
    assert outcome.not_assessed.is_empty()


def test_the_sentence_says_how_much_more_and_how_much_is_usual() -> None:
    parcels = [
        {"parcel_id": f"P{n:02}", "carton_id": f"C{n:02}", "declared_weight_g": 1000.0}
        for n in range(40)
    ]
    cartons = [{"carton_id": f"C{n:02}", "declared_weight_g": 1500.0} for n in range(40)]
    heavy = changed(cartons, "carton_id", "C03", {"declared_weight_g": 3310.0})
    assert w.sentences(judged(parcels, heavy), PACKAGING) == {
        "C03": "By its own row the carton weighs 2.31 kg more than its one parcel row; two in three"
        " cartons like it in this window weigh 452 g to 553 g more."
    }


def test_a_carton_that_weighs_more_counts_for_more() -> None:
    parcels, cartons = window()
    listed = sum(p["declared_weight_g"] for p in parcels if p["carton_id"] == ODD)
    some, much = (judged(parcels, weighing(cartons, listed + grams)) for grams in (700, 850))
    assert w.ratio(much, PACKAGING, ODD) > w.ratio(some, PACKAGING, ODD) > 1


@pytest.mark.parametrize(
    "beyond_g",
    [
        pytest.param(500.0, id="as usual"),
        pytest.param(60.0, id="little packaging"),
        pytest.param(0.0, id="none"),
        pytest.param(-400.0, id="less than its rows, which other checks are of"),
    ],
)
def test_usual_or_little_packaging_is_silent(beyond_g: float) -> None:
    parcels, cartons = window()
    listed = sum(p["declared_weight_g"] for p in parcels if p["carton_id"] == ODD)
    outcome = judged(parcels, weighing(cartons, listed + beyond_g))
    assert ODD not in w.sentences(outcome, PACKAGING)
    assert outcome.not_assessed.is_empty()


def test_few_cartons_like_the_others_are_reported() -> None:
    outcome = judged(*window())
    assert outcome.findings.height <= 0.25 * CARTONS


@pytest.mark.parametrize(
    ("carton", "row", "reason"),
    [
        pytest.param(
            {"declared_weight_g": None, "measured_weight_g": None},
            {},
            "no weight of the carton",
            id="no weight",
        ),
        pytest.param(
            {},
            {"declared_weight_g": None},
            "1 parcel row of this carton without a declared weight",
            id="a row without a weight",
        ),
        pytest.param(
            {"pieces_manifested": 12},
            {},
            "its parcel rows list 9 of 12 pieces",
            id="rows that are not all",
        ),
    ],
)
def test_a_carton_that_cannot_be_compared_is_not_assessed(
    carton: dict[str, Any], row: dict[str, Any], reason: str
) -> None:
    parcels, cartons = window()
    outcome = judged(
        changed(parcels, "parcel_id", f"{ODD}-01", row), changed(cartons, "carton_id", ODD, carton)
    )
    assert w.reasons_not_assessed(outcome, PACKAGING) == {ODD: reason}


def test_a_carton_that_no_row_names_is_not_assessed() -> None:
    parcels, cartons = window()
    outcome = judged(parcels, [*cartons, {"carton_id": "Z", "declared_weight_g": 900.0}])
    assert w.reasons_not_assessed(outcome, PACKAGING) == {
        "Z": "no parcel row of this window names the carton"
    }


def test_rows_that_weigh_nothing_are_not_compared() -> None:
    parcels, cartons = window()
    light = [{**p, "declared_weight_g": 0.0} if p["carton_id"] == ODD else p for p in parcels]
    assert w.reasons_not_assessed(judged(light, cartons), PACKAGING) == {
        ODD: "the parcel rows of this carton declare no weight"
    }


def test_a_window_of_few_cartons_does_not_tell_what_is_usual() -> None:
    parcels, cartons = window()
    some = heavier(cartons, 3000)[: PARAMETERS.min_cartons - 1]
    outcome = judged(parcels, some)
    assert outcome.findings.is_empty()
    assert set(w.reasons_not_assessed(outcome, PACKAGING).values()) == {
        "fewer than 30 comparable cartons in this window, which do not tell what packaging"
        " usually weighs"
    }
    assert outcome.not_assessed.height == len(some)


def test_rejected_rows_may_be_those_that_a_heavy_carton_lacks() -> None:
    parcels, cartons = window()
    heavy = heavier(cartons, 3000)
    outcome = judged(parcels, heavy, rejected=2)
    assert outcome.findings.is_empty()
    reasons = w.reasons_not_assessed(outcome, PACKAGING)
    assert set(reasons) == set(w.sentences(judged(parcels, heavy), PACKAGING))
    assert reasons[ODD] == (
        "2 parcel rows of this window could not be read and may belong to the carton"
    )


@given(st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_the_order_of_the_rows_changes_nothing(shuffle: random.Random) -> None:
    parcels, cartons = window()
    heavy = changed(heavier(cartons, 900), "carton_id", "C11", {"pieces_manifested": 99})
    one = judged(parcels, heavy)
    other = judged(
        shuffle.sample(parcels, len(parcels)), shuffle.sample(heavy, len(heavy))
    )  # fmt: skip
    assert one.findings.sort("owner_id").equals(other.findings.sort("owner_id"))
    assert one.not_assessed.sort("owner_id").equals(other.not_assessed.sort("owner_id"))


@given(st.floats(0.01, 100))
@settings(max_examples=10)
def test_cartons_that_all_weigh_many_times_as_much_are_judged_alike(scale: float) -> None:
    plain = judged(window()[0], heavier(window()[1], 700)).findings
    parcels, cartons = window(scale=scale)
    scaled = judged(parcels, heavier(cartons, 700 * scale)).findings
    assert scaled["owner_id"].to_list() == plain["owner_id"].to_list()
    assert scaled["likelihood_ratio"].to_list() == pytest.approx(
        plain["likelihood_ratio"].to_list()
    )


def test_the_line_follows_most_points_and_not_a_third_of_outliers() -> None:
    noise = np.random.default_rng(3)
    known = np.column_stack([np.linspace(0, 4, 90), noise.normal(size=90)])
    told = 2 + 0.5 * known[:, 0] - known[:, 1] + noise.normal(0, 0.1, 90)
    told[::3] += 3
    usual, spread = robust_fit(known, told, min_spread=0.01)
    off = np.delete(told - usual, np.arange(0, 90, 3))
    assert np.abs(off).max() < 0.7
    assert spread < 0.7


def test_a_column_that_does_not_vary_is_left_out_of_the_line() -> None:
    known = np.column_stack([np.linspace(0, 1, 40), np.full(40, 3.0)])
    usual, spread = robust_fit(known, 1 + 2 * known[:, 0], min_spread=0.05)
    assert usual == pytest.approx(1 + 2 * known[:, 0])
    assert spread == 0.05
