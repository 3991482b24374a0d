"""The inspection budget, from assessments to flags."""

import datetime
import math
from collections import Counter
from collections.abc import Sequence
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.screening.budget import (
    Budget,
    ExamConfig,
    ExamMinutes,
    ExamValue,
    budget_words,
)
from parcelscope.screening.flagging import FLAG_SCHEMA, Flagging, choose_flags

PLAIN = ExamConfig(uncertain_share=0.0)


def assessments(
    risks: Sequence[float | None],
    *,
    kind: str = "parcel",
    verdict: str = "assessed",
    **columns: object,
) -> pl.DataFrame:
    frame = pl.DataFrame(
        {
            "owner_kind": [kind] * len(risks),
            "owner_id": [f"{kind[0]}{n:04d}" for n in range(len(risks))],
            "verdict": [verdict] * len(risks),
            "risk": risks,
            "reasons": [["why"]] * len(risks),
        },
        schema={
            "owner_kind": pl.String(),
            "owner_id": pl.String(),
            "verdict": pl.String(),
            "risk": pl.Float64(),
            "reasons": pl.List(pl.String()),
        },
    )
    return frame.with_columns(pl.Series(name, values) for name, values in columns.items())


def choose(
    rows: pl.DataFrame,
    budget: float | Budget,
    *,
    random_share: float = 0.05,
    seed: int = 1,
    exams: ExamConfig = PLAIN,
) -> Flagging:
    return choose_flags(rows, budget=budget, random_share=random_share, seed=seed, exams=exams)


RISKS = st.lists(st.none() | st.sampled_from([0.0, 0.1, 0.5, 0.9]) | st.floats(0, 1), max_size=120)
SHARES = st.floats(0.001, 1.0)


@settings(max_examples=50)
@given(RISKS, SHARES, st.floats(0, 1), st.integers(0, 2**32))
def test_a_share_is_kept_and_everyone_has_a_propensity(
    risks: list[float | None], budget: float, random_share: float, seed: int
) -> None:
    rows = assessments(risks)
    chosen = choose(rows, budget, random_share=random_share, seed=seed, exams=ExamConfig())
    flags = chosen.flags
    assert flags.schema == FLAG_SCHEMA
    assert flags.height <= math.ceil(budget * len(risks))
    assert flags["owner_id"].n_unique() == flags.height
    assert flags["propensity"].is_between(0, 1, closed="right").all()
    assert flags["rank"].to_list() == list(range(1, flags.height + 1))
    assert flags.filter(pl.col("arm") == "targeted")["risk"].is_not_null().all()
    assert chosen.chances.height == rows.height
    if random_share > 0.001:
        assert (chosen.chances["propensity"] > 0).all()


@settings(max_examples=50)
@given(RISKS, SHARES, st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_same_seed_same_flags_in_any_order_of_rows(
    risks: list[float | None], budget: float, seed: int, random: Random
) -> None:
    rows = assessments(risks)
    order = list(range(rows.height))
    random.shuffle(order)
    one, two = (choose(some, budget, seed=seed) for some in (rows, rows[order]))
    assert one.flags.equals(two.flags)
    assert one.chances.equals(two.chances)


@pytest.mark.parametrize(
    ("count", "budget", "random_share", "targeted", "drawn"),
    [
        pytest.param(1, 0.02, 0.0, 1, 0, id="one parcel is rounded up"),
        pytest.param(100, 0.07, 0.0, 7, 0, id="a product just above a whole number"),
        pytest.param(10_000, 0.02, 0.05, 190, 10, id="the shares"),
        pytest.param(50, 1.0, 1.0, 0, 50, id="everyone at random"),
    ],
)
def test_how_many_are_flagged(
    count: int, budget: float, random_share: float, targeted: int, drawn: int
) -> None:
    chosen = choose(assessments([0.5] * count), budget, random_share=random_share)
    assert (chosen.flags["arm"] == "targeted").sum() == targeted
    assert (chosen.flags["arm"] == "random").sum() == drawn


def test_with_a_budget_of_one_the_draw_takes_its_share_of_the_windows() -> None:
    rows = assessments([0.9, *([0.1] * 39)])
    arms = Counter(
        choose(rows, 0.02, random_share=0.2, seed=seed).flags["arm"].item() for seed in range(100)
    )
    assert 8 <= arms["random"] <= 35
    assert arms["targeted"] + arms["random"] == 100
    assert choose(rows, 0.02, random_share=0.2).flags.height == 1


def test_the_riskiest_are_targeted_and_all_are_drawn_alike() -> None:
    chosen = choose(assessments([n / 1000 for n in range(1000)]), 0.02, random_share=0.25, seed=3)
    targeted = chosen.flags.filter(pl.col("arm") == "targeted")
    assert targeted["risk"].to_list() == [n / 1000 for n in range(999, 984, -1)]
    assert (targeted["propensity"] == 1.0).all()
    random = chosen.flags.filter(pl.col("arm") == "random")
    assert random["propensity"].to_list() == [pytest.approx(5 / 985)] * 5


def test_a_budget_for_everyone_flags_everyone() -> None:
    flags = choose(assessments([None, *([0.3] * 64)]), 1.0, exams=ExamConfig()).flags
    assert flags.height == 65


def test_weighting_by_propensity_gives_back_the_total() -> None:
    rows = assessments([n / 200 for n in range(200)])
    totals = [
        (1 / choose(rows, 0.1, random_share=0.5, seed=seed).flags["propensity"]).sum()
        for seed in range(10)
    ]
    # The number of draws is whole, and all that are drawn weigh alike: exact in every window.
    assert totals == [pytest.approx(200)] * 10


def test_what_could_not_be_read_is_drawn_like_the_others_and_never_chosen() -> None:
    rows = pl.concat(
        [assessments([0.1] * 10), assessments([None] * 90, kind="carton", verdict="quarantined")]
    )
    chosen = choose(rows, 0.1, random_share=0.1)
    assert (chosen.chances["propensity"] > 0).all()
    hit = {
        arm
        for seed in range(15)
        for arm in choose(rows, 0.1, random_share=0.1, seed=seed)
        .flags.filter(pl.col("owner_kind") == "carton")
        .get_column("arm")
    }
    assert hit == {"random"}


def test_a_row_that_was_refused_because_of_its_id_is_the_parcel_of_that_id() -> None:
    rows = pl.concat([assessments([0.9] * 3), assessments([None], verdict="quarantined")])
    chosen = choose(rows, 0.3)
    assert chosen.chances.height == 3
    assert chosen.flags["arm"].to_list() == ["targeted"]


def test_parcels_and_cartons_have_a_share_each() -> None:
    rows = pl.concat([assessments([0.1] * 100), assessments([0.9] * 50, kind="carton")])
    flags = choose(rows, 0.04, random_share=0.0).flags
    assert Counter(flags["owner_kind"]) == {"parcel": 4, "carton": 2}


def test_a_flagged_carton_carries_its_parcels() -> None:
    parcels = assessments([0.9, 0.8, 0.7, 0.6], carton_id=["c0000", "c0000", None, "c0001"])
    cartons = assessments([0.95, 0.1], kind="carton", carton_id=[None, None])
    cartons = cartons.with_columns(pl.col("carton_id").cast(pl.String()))
    chosen = choose(pl.concat([parcels, cartons]), 0.5, random_share=0.0)
    arms = dict(chosen.chances.select("owner_id", "arm").iter_rows())
    # Two parcels may be flagged; the two in the opened carton leave their places to others.
    assert arms == {
        "p0000": "with_carton",
        "p0001": "with_carton",
        "p0002": "targeted",
        "p0003": "targeted",
        "c0000": "targeted",
        "c0001": None,
    }
    assert set(chosen.flags["owner_id"]) == {"c0000", "p0002", "p0003"}
    assert dict(chosen.chances.select("owner_id", "propensity").iter_rows())["p0000"] == 1.0


def test_minutes_are_shared_by_parcels_and_cartons() -> None:
    rows = pl.concat([assessments([0.5] * 20), assessments([0.4] * 5, kind="carton")])
    exams = ExamConfig(
        minutes=ExamMinutes(parcel=4, carton=10),
        value=ExamValue(carton=10),
        uncertain_share=0.0,
    )
    flags = choose(rows, Budget(minutes=38), random_share=0.0, exams=exams).flags
    assert Counter(flags["owner_kind"]) == {"carton": 3, "parcel": 2}
    assert flags["minutes"].sum() == 38


def test_a_reason_can_be_worth_more_than_others() -> None:
    rows = assessments([0.9, 0.5, 0.4], reason_codes=[["U8.value"], [], ["item.knife", "U3.mass"]])
    exams = ExamConfig(value=ExamValue(by_reason={"item.*": 5, "U8.value": 0.1}))
    flags = choose(rows, Budget(minutes=4), random_share=0.0, exams=exams).flags
    assert flags["owner_id"].to_list() == ["p0002"]


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        pytest.param(
            Budget(minutes=8, by=("facility", "lane")),
            {"EWR, express": 2, "JFK, post": 2, "JFK, express": 2, "not known": 2},
            id="facility and lane",
        ),
        pytest.param(
            Budget(per_hour=4),
            {"2026-03-01 00:00": 1, "2026-03-01 01:00": 1, "2026-03-01 02:00": 1, "not known": 1},
            id="hour of arrival",
        ),
        pytest.param(
            Budget(share=0.1, by=("facility",)),
            {"parcels, EWR": 1, "parcels, JFK": 2, "parcels, not known": 1},
            id="a share of each facility",
        ),
    ],
)
def test_budgets_of_their_own(budget: Budget, expected: dict[str, int]) -> None:
    hour = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
    rows = assessments(
        [n / 40 for n in range(40)],
        facility=["EWR"] * 10 + ["JFK"] * 20 + [None] * 10,
        lane=["express"] * 20 + ["post"] * 20,
        arrived_at=[hour + datetime.timedelta(minutes=6 * n) for n in range(30)] + [None] * 10,
    )
    flags = choose(rows, budget, random_share=0.0).flags
    assert Counter(flags["pool"]) == expected


@pytest.mark.parametrize(
    ("budget", "words"),
    [
        pytest.param(0.02, "2%", id="share"),
        pytest.param(Budget(minutes=480), "480 officer-minutes", id="minutes"),
        pytest.param(
            Budget(minutes=480, by=("facility", "lane")),
            "480 officer-minutes per facility and lane",
            id="by facility and lane",
        ),
        pytest.param(
            Budget(per_hour=30, by=("facility",)),
            "30 officer-minutes per hour of arrival, facility",
            id="per hour and facility",
        ),
    ],
)
def test_a_budget_in_words(budget: float | Budget, words: str) -> None:
    assert budget_words(budget) == words


def test_an_empty_window_has_no_flags() -> None:
    chosen = choose(assessments([]), 0.02)
    assert chosen.flags.schema == FLAG_SCHEMA
    assert chosen.chances.is_empty()
