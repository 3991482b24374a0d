"""The arms: what is logged is what happens."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.screening.arms import Plan, draw_exams, plan_exams
from parcelscope.screening.selection import (
    ARMS,
    NONE,
    RANDOM,
    TARGETED,
    UNCERTAIN,
    WITH_CARTON,
    Spending,
    Units,
)

REDRAWS = 10_000
SPENDING = Spending(random_share=0.1, uncertain_share=0.2, doubt_known=0.5, doubt_unknown=2.0)


def units(
    risks: list[float],
    *,
    cartons: list[int] | None = None,
    pool: list[int] | None = None,
    budget: tuple[float, ...] = (20.0,),
    carton_minutes: float = 6.0,
    n_cartons: int = 0,
    unreadable: tuple[int, ...] = (),
) -> Units:
    """Parcels, the last `n_cartons` of `risks` being cartons."""
    size = len(risks)
    is_carton = np.arange(size) >= size - n_cartons
    return Units(
        names=tuple(f"{'carton' if one else 'parcel'}\0{n:04d}" for n, one in enumerate(is_carton)),
        is_carton=is_carton,
        pool=np.array(pool or [0] * size, np.int64),
        minutes=np.where(is_carton, carton_minutes, 2.0),
        risk=np.array(risks, float),
        value=np.ones(size),
        unassessed=np.zeros(size),
        carton=np.array(cartons or [-1] * size, np.int64),
        readable=~np.isin(np.arange(size), unreadable),
        pool_names=tuple(f"pool {n}" for n in range(len(budget))),
        pool_minutes=np.array(budget),
    )


def mixed() -> Units:
    """Thirty parcels of two pools, half of them in cartons of one of them, some unreadable."""
    risks = [((7 * n) % 30) / 30 for n in range(30)] + [0.95, 0.6, 0.05]
    risks[4] = risks[11] = float("nan")
    return units(
        risks,
        cartons=[30 + n % 3 if n < 18 else -1 for n in range(30)] + [-1] * 3,
        pool=[0 if n < 20 else 1 for n in range(30)] + [0, 0, 0],
        budget=(21.0, 7.0),
        n_cartons=3,
        unreadable=(11, 25),
    )


def shares(plan: Plan, redraws: int) -> np.ndarray:
    """(2, N) how often each unit came to an exam, and was drawn by itself."""
    counts = np.zeros((2, len(plan.units.names)))
    for seed in range(redraws):
        choice = draw_exams(plan, seed)
        counts[0] += choice.arm != NONE
        counts[1] += choice.drawn
    return counts / redraws


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(mixed(), id="parcels and cartons in two pools"),
        pytest.param(units([0.5, 0.2, 0.1, 0.9], budget=(2.0,)), id="a budget of one exam"),
    ],
)
def test_ten_thousand_redraws_match_the_logged_chances(of: Units) -> None:
    plan = plan_exams(of, SPENDING)
    seen = shares(plan, REDRAWS)
    for found, logged in zip(seen, (plan.inclusion, plan.draw_chance), strict=True):
        # Five standard deviations: with some sixty comparisons one in 30,000 runs would miss.
        tolerance = 5 * np.sqrt(logged * (1 - logged) / REDRAWS) + 1e-9
        assert np.all(np.abs(found - logged) <= tolerance), (found, logged)


@settings(max_examples=60)
@given(
    st.lists(st.floats(0, 1) | st.just(float("nan")), min_size=1, max_size=60),
    st.floats(0.5, 80.0),
    st.integers(0, 6),
    st.integers(0, 2**40),
)
def test_everyone_has_a_chance_and_the_budget_is_kept(
    risks: list[float], budget: float, n_cartons: int, seed: int
) -> None:
    n_cartons = min(n_cartons, len(risks))
    cartons = [
        len(risks) - 1 - n % n_cartons if n_cartons and n < len(risks) - n_cartons else -1
        for n in range(len(risks))
    ]
    of = units(risks, cartons=cartons, n_cartons=n_cartons, budget=(budget,), unreadable=(0,))
    plan = plan_exams(of, SPENDING)
    assert np.all((plan.inclusion > 0) & (plan.inclusion <= 1))
    choice = draw_exams(plan, seed)
    flagged = (choice.arm != NONE) & (choice.arm != WITH_CARTON)
    # Rounding up may add one draw of each kind to what the budget pays.
    assert of.minutes[flagged].sum() <= budget + 2.0 + 6.0 + 1e-6
    opened = np.flatnonzero(flagged & of.is_carton)
    assert np.all(choice.arm[np.isin(of.carton, opened)] == WITH_CARTON)
    assert not np.any(np.isnan(of.risk) & (choice.arm == TARGETED))
    assert choice.arm[0] in (NONE, RANDOM, WITH_CARTON)


def test_the_order_of_rows_decides_nothing() -> None:
    of = mixed()
    order = np.random.default_rng(3).permutation(len(of.names))
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    turned = Units(
        names=tuple(of.names[n] for n in order),
        carton=np.where(of.carton[order] >= 0, place[of.carton[order]], -1),
        pool_names=of.pool_names,
        pool_minutes=of.pool_minutes,
        **{
            name: getattr(of, name)[order]
            for name in ("is_carton", "pool", "minutes", "risk", "value", "unassessed", "readable")
        },
    )
    one, two = plan_exams(of, SPENDING), plan_exams(turned, SPENDING)
    assert np.allclose(one.inclusion[order], two.inclusion)
    for seed in range(20):
        assert np.array_equal(draw_exams(one, seed).arm[order], draw_exams(two, seed).arm)


def test_value_per_minute_decides_not_risk_alone() -> None:
    of = units([0.5, 0.4, 0.3, 0.0, 0.0, 0.6], n_cartons=1, budget=(6.0,))
    free = Spending(random_share=0.0, uncertain_share=0.0, doubt_known=0.5, doubt_unknown=2.0)
    arm = draw_exams(plan_exams(of, free), 1).arm
    # The carton is riskiest, but takes three times as long as a parcel.
    assert [ARMS[one] for one in arm] == ["targeted"] * 3 + [None] * 3


def test_the_uncertain_arm_takes_those_beside_the_line_and_those_least_known() -> None:
    risks = [0.9, 0.8, 0.7, 0.69, 0.3, *([0.01] * 95)]
    of = units(risks, budget=(8.0,))
    blind = np.zeros(100)
    blind[4] = 1.0
    doubtful = Spending(random_share=0.0, uncertain_share=0.25, doubt_known=0.1, doubt_unknown=4.0)
    known = draw_exams(plan_exams(of, doubtful), 1).arm
    assert [ARMS[one] for one in known[:5]] == ["targeted"] * 3 + ["uncertain", None]
    unknown = draw_exams(
        plan_exams(
            dataclasses.replace(of, unassessed=blind),
            Spending(random_share=0.0, uncertain_share=0.5, doubt_known=0.1, doubt_unknown=4.0),
        ),
        1,
    ).arm
    # Nothing could be checked on the one at 0.3: it may well be the riskiest of all.
    assert set(np.flatnonzero(unknown == UNCERTAIN)) == {2, 4}
