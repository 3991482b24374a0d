"""Rates among all from the few that were opened."""

import math

import numpy as np
import pytest

from parcelscope.screening.outcome_metrics import (
    MIN_EXAMS,
    Exams,
    prevalence,
    rate,
    recall,
    share_interval,
    weighted_rate,
)
from parcelscope.screening.outcome_uniformity import (
    agreement,
    control_limits,
    groups_of,
    heterogeneity,
    shift_of,
)


def drawn(rng: np.random.Generator, *, size: int = 4000) -> tuple[Exams, float]:
    """A population of which the riskiest are certain and one in twenty of the others is drawn."""
    risk = rng.beta(0.5, 16.0, size)
    violation = rng.random(size) < risk
    certain = risk >= np.quantile(risk, 0.97)
    propensity = np.where(certain, 1.0, 0.05)
    examined = rng.random(size) < propensity
    return (
        Exams(propensity=propensity, examined=examined, violation=violation & examined),
        float(violation.mean()),
    )


def test_intervals_of_weighted_rates_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    hits, among = np.zeros(2), 300
    for _ in range(among):
        exams, truth = drawn(rng)
        estimate = prevalence(exams)
        hits += [low <= truth <= high for low, high in estimate.intervals]
    assert 0.85 <= hits[0] / among <= 0.95
    assert 0.91 <= hits[1] / among <= 0.99


def test_recall_is_the_share_of_all_violations_seen_or_not() -> None:
    rng = np.random.default_rng(2)
    exams, truth = drawn(rng, size=40_000)
    estimate = recall(exams, exams.certain)
    caught = exams.violation[exams.certain].sum() / (truth * 40_000)
    low, high = estimate.intervals[0]
    assert low <= caught <= high
    assert low < estimate.value < high


def test_when_everything_was_examined_nothing_is_estimated() -> None:
    violation = np.arange(100) < 7
    exams = Exams(propensity=np.ones(100), examined=np.ones(100, bool), violation=violation)
    estimate = prevalence(exams)
    assert estimate.value == pytest.approx(0.07)
    assert estimate.intervals[0] == (pytest.approx(0.07), pytest.approx(0.07))


def test_exams_that_did_not_take_place_are_no_compliant_ones() -> None:
    violation, examined = np.zeros(200, bool), np.zeros(200, bool)
    violation[:20], examined[:100] = True, True
    exams = Exams(propensity=np.ones(200), examined=examined, violation=violation)
    assert prevalence(exams).value == pytest.approx(0.2)
    assert recall(exams, np.arange(200) < 50).value == pytest.approx(0.5)


def test_too_few_exams_give_no_figure_but_what_it_would_take() -> None:
    few = rate(np.zeros(12, bool))
    assert (few.known, few.exams, few.needed) == (False, 12, MIN_EXAMS)
    assert few.why == "12 exams, at least 30 needed"
    exams = Exams(
        propensity=np.full(50, 0.1), examined=np.arange(50) < 5, violation=np.zeros(50, bool)
    )
    assert prevalence(exams).why == (
        "5 exams of what was not certain to be examined, at least 30 needed"
    )


def test_without_any_violation_there_is_no_recall() -> None:
    exams = Exams(
        propensity=np.full(90, 0.5), examined=np.arange(90) < 45, violation=np.zeros(90, bool)
    )
    assert recall(exams, np.ones(90, bool)).why == ("no violation was found: there is none to miss")


@pytest.mark.parametrize(
    ("found", "trials", "low", "high"),
    [
        pytest.param(0, 10, 0.0, 0.217, id="none of ten"),
        pytest.param(2, 10, 0.044, 0.503, id="two of ten"),
        pytest.param(10, 20, 0.293, 0.707, id="half of twenty"),
    ],
)
def test_shares_have_jeffreys_intervals(found: int, trials: int, low: float, high: float) -> None:
    assert share_interval(found, trials, 0.95) == (
        pytest.approx(low, abs=1e-3),
        pytest.approx(high, abs=1e-3),
    )


def test_unequal_weights_make_fewer_exams_of_many() -> None:
    violation = np.arange(100) % 10 == 0
    equal = weighted_rate(violation, np.ones(100))
    skewed = weighted_rate(violation, np.where(np.arange(100) < 20, 30.0, 1.0))
    assert equal.value == skewed.value == pytest.approx(0.1)
    assert skewed.intervals[0][1] > equal.intervals[0][1]


def test_a_facility_that_finds_half_lies_outside_its_limits() -> None:
    rng = np.random.default_rng(4)
    names = np.repeat(["A", "B", "C", "D"], 500)
    stratum = np.tile(["high", "low"], 1000)
    chance = np.where(stratum == "high", 0.4, 0.05) * np.where(names == "D", 0.4, 1.0)
    groups = groups_of(names, stratum, rng.random(2000) < chance)
    assert [group.name for group in groups] == ["A", "B", "C", "D"]
    assert sum(group.found for group in groups) == pytest.approx(
        sum(group.expected for group in groups)
    )
    assert [group.outside(0.998) for group in groups][3]
    assert heterogeneity(groups) < 0.001
    assert math.isnan(heterogeneity(groups[:1]))


def test_a_funnel_narrows_with_what_is_expected() -> None:
    low, high = control_limits(np.array([5.0, 50.0]), 0.1, 0.95)
    assert low[0] < low[1] < 1 < high[1] < high[0]


def test_officers_agree_beyond_chance() -> None:
    first = np.array([True] * 10 + [False] * 10)
    assert agreement(first, first).kappa == 1.0
    assert agreement(first, ~first).kappa == pytest.approx(-1.0)
    half = np.array(([True] * 5 + [False] * 5) * 2)
    assert agreement(first, half).kappa == pytest.approx(0.0)
    assert agreement(first, np.zeros(20, bool)).agreed == 0.5


def test_scores_that_moved_are_shifted_and_equal_ones_are_alike() -> None:
    rng = np.random.default_rng(5)
    before = rng.beta(1, 20, 3000)
    same, moved = shift_of(before, rng.beta(1, 20, 3000)), shift_of(before, rng.beta(2, 15, 3000))
    assert same.words == "alike"
    assert same.p_value > 0.01
    assert moved.words == "shifted"
    assert moved.ks > 0.2
    tied = np.full(500, 0.01)
    assert shift_of(tied, tied).psi == pytest.approx(0.0)
