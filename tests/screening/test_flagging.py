"""The inspection budget."""

import math
from collections import Counter
from collections.abc import Sequence
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.screening.flagging import choose_flags, flag_counts


def assessments(
    risks: Sequence[float | None], *, kind: str = "parcel", verdict: str = "assessed"
) -> pl.DataFrame:
    return pl.DataFrame(
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


RISKS = st.lists(st.none() | st.sampled_from([0.0, 0.1, 0.5, 0.9]) | st.floats(0, 1), max_size=120)
SHARES = st.floats(0.001, 1.0)


@settings(deadline=None)
@given(RISKS, SHARES, st.floats(0, 1), st.integers(0, 2**32))
def test_the_budget_is_kept_and_every_flag_has_a_propensity(
    risks: list[float | None], budget: float, random_share: float, seed: int
) -> None:
    flags = choose_flags(assessments(risks), budget=budget, random_share=random_share, seed=seed)
    assert flags.height <= math.ceil(budget * len(risks))
    assert flags["owner_id"].n_unique() == flags.height
    assert flags["propensity"].is_between(0, 1, closed="right").all()
    assert flags["rank"].to_list() == list(range(1, flags.height + 1))
    targeted = flags.filter(pl.col("arm") == "targeted")
    assert (targeted["propensity"] == 1.0).all()
    assert targeted["risk"].is_not_null().all()


@settings(deadline=None)
@given(RISKS, SHARES, st.integers(0, 2**32), st.randoms(use_true_random=False))
def test_same_seed_same_flags_in_any_order_of_rows(
    risks: list[float | None], budget: float, seed: int, random: Random
) -> None:
    rows = assessments(risks)
    order = list(range(rows.height))
    random.shuffle(order)
    one = choose_flags(rows, budget=budget, random_share=0.2, seed=seed)
    two = choose_flags(rows[order], budget=budget, random_share=0.2, seed=seed)
    assert one.equals(two)


@pytest.mark.parametrize(
    ("assessed", "budget", "random_share", "expected"),
    [
        pytest.param(0, 0.02, 0.05, (0, 0), id="nobody"),
        pytest.param(1, 0.02, 0.05, (1, 0), id="one parcel is rounded up"),
        pytest.param(100, 0.07, 0.0, (7, 0), id="a product just above a whole number"),
        pytest.param(100, 0.02, 0.05, (1, 1), id="at least one at random"),
        pytest.param(40, 0.02, 0.05, (1, 0), id="the only flag goes to the riskiest"),
        pytest.param(19, 0.5, 0.01, (10, 0), id="too few for a random arm"),
        pytest.param(10_000, 0.02, 0.05, (190, 10), id="the shares"),
        pytest.param(50, 1.0, 1.0, (0, 50), id="everyone at random"),
    ],
)
def test_how_many_are_flagged(
    assessed: int, budget: float, random_share: float, expected: tuple[int, int]
) -> None:
    assert flag_counts(assessed, budget=budget, random_share=random_share) == expected


def test_the_riskiest_are_targeted_and_the_propensity_of_the_others_is_exact() -> None:
    risks = [n / 1000 for n in range(1000)]
    flags = choose_flags(assessments(risks), budget=0.02, random_share=0.25, seed=3)
    targeted = flags.filter(pl.col("arm") == "targeted")
    drawn = flags.filter(pl.col("arm") == "random")
    assert targeted["risk"].to_list() == [n / 1000 for n in range(999, 984, -1)]
    assert drawn["propensity"].to_list() == [pytest.approx(5 / 985)] * 5


def test_the_random_arm_draws_everyone_alike() -> None:
    drawn = Counter(
        owner
        for seed in range(400)
        for owner in choose_flags(
            assessments([0.1] * 10 + [0.9] * 10), budget=0.2, random_share=0.5, seed=seed
        )
        .filter(pl.col("arm") == "random")
        .get_column("owner_id")
    )
    # 400 windows draw 2 of 18; the two that were targeted rotate among the ten riskiest.
    assert all(20 <= drawn[f"p{n:04d}"] <= 75 for n in range(20))


def test_weighting_by_propensity_gives_back_the_total() -> None:
    risks = [n / 200 for n in range(200)]
    totals = []
    for seed in range(300):
        flags = choose_flags(assessments(risks), budget=0.1, random_share=0.5, seed=seed)
        totals.append((1 / flags["propensity"]).sum())
    assert sum(totals) / len(totals) == pytest.approx(200)


def test_a_parcel_whose_risk_is_unknown_is_only_drawn_at_random() -> None:
    flags = choose_flags(assessments([None] * 30), budget=0.5, random_share=0.2, seed=1)
    assert flags["arm"].to_list() == ["random"] * 3


def test_quarantined_rows_have_no_part_in_the_budget() -> None:
    rows = pl.concat(
        [assessments([0.1] * 10), assessments([None] * 90, kind="carton", verdict="quarantined")]
    )
    flags = choose_flags(rows, budget=0.1, random_share=0.0, seed=1)
    assert flags["owner_kind"].to_list() == ["parcel"]


def test_parcels_and_cartons_have_a_budget_each() -> None:
    rows = pl.concat([assessments([0.1] * 100), assessments([0.9] * 50, kind="carton")])
    flags = choose_flags(rows, budget=0.04, random_share=0.0, seed=1)
    assert Counter(flags["owner_kind"]) == {"parcel": 4, "carton": 2}
