"""Simulated 90-day streams that drift: what each way of choosing exams finds, and what it learns.

    python benchmarks/streams.py --streams 200

Parcels are eight numbers that stand for what detectors and indicators say of them. One kind of
violation is there from the start, and history taught it. On day 30 violators change their method:
the first kind becomes rare, and a second begins, on parcels that look better than most by the
first. The share of violations stays 3 %. Every way of choosing gets the same parcels, the same
history and the same officer-minutes a day; its model is fitted again each week on the history and
on what its own exams found, older exams counting less, and on nothing else. Only the arms know the
propensity of their exams, and can weigh by it when they fit; a line shows them without. What they
find is also weighed to rates among all, whose 90 % intervals are held against the truth.

Printed: violations per 1,000 exams in all, before and after the drift, and of the second kind; the
differences on the same streams; how often the intervals held the truth; CPU seconds.
"""

import argparse
import contextlib
import math
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from parcelscope.screening.arms import draw_exams, plan_exams
from parcelscope.screening.outcome_metrics import LEVELS, Estimate, Exams, prevalence, recall
from parcelscope.screening.selection import NONE, TARGETED, Spending, Units

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

DAYS, DRIFT_DAY, WEEK = 90, 30, 7
PARCELS, EXAMS, MINUTES = 600, 24, 4.0
"""A day: parcels, exams that the budget pays, and what each takes."""
HISTORY, HISTORY_DAYS = 2_000, 60
"""Parcels drawn at random and examined in the days before the first."""
HALF_LIFE_DAYS = 14.0
"""Age at which an exam counts half when a model is fitted."""
MOST_WEIGHT = 60.0
"""No exam counts for more than so many others, however unlikely it was."""
FEATURES = 8
FIRST = np.array([1.6, 1.2, 0.8, 0.0, 0.0, 0.0, 0.0, 0.0])
SECOND = np.array([-0.8, -0.6, 0.0, 2.0, 1.6, 0.0, 0.0, 0.0])
"""What makes the log-odds of either kind; the second shuns what makes the first."""
SHARES = ((0.03, 0.0), (0.005, 0.025))
"""Share of parcels of either kind, before and after the drift."""
SPENDING = Spending(random_share=0.10, uncertain_share=0.05, doubt_known=0.5, doubt_unknown=2.0)
LEVEL = 0.90
PAIRS = (
    ("arms, logistic", "top k, logistic"),
    ("arms, forest", "top k, forest"),
    ("arms, logistic", "arms, logistic, propensities unused"),
    ("arms, logistic", "top k, forest"),
    ("arms, forest", "top k, logistic"),
    ("arms, logistic", "random"),
)
"""Ways of choosing that are compared on the same streams."""


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One facility's parcels, day by day."""

    x: Floats
    """(DAYS, PARCELS, FEATURES)"""
    kind: Ints
    """(DAYS, PARCELS) 0 compliant, 1 or 2 the kind of violation."""
    past_x: Floats
    past_y: Bools


@dataclass(kw_only=True)
class Chosen:
    """What one way of choosing examined."""

    examined: Bools
    """(DAYS, PARCELS)"""
    propensity: Floats
    """(DAYS, PARCELS), 0 where it is not known."""
    targeted: Bools


@dataclass(kw_only=True)
class Policy:
    """A way of choosing exams, by name."""

    name: str
    model: Callable[[], Any] | None
    arms: bool = False
    weighs: bool = False
    """Whether its exams count by one over their propensity when its model is fitted."""
    found: list[Floats] = field(default_factory=list)
    """Per stream: violations per 1,000 exams in all, before, after, of the second kind after."""


def make_stream(rng: np.random.Generator) -> Stream:
    """A stream and its history."""
    x = rng.normal(size=(DAYS, PARCELS, FEATURES))
    past_x = rng.normal(size=(HISTORY, FEATURES))
    kind = np.zeros((DAYS, PARCELS), np.int64)
    for late in (False, True):
        days = slice(DRIFT_DAY, None) if late else slice(0, DRIFT_DAY)
        for number, weights in ((1, FIRST), (2, SECOND)):
            hit = rng.random(kind[days].shape) < _chance(
                x[days] @ weights, SHARES[late][number - 1]
            )
            kind[days][hit] = number
    past_y = rng.random(HISTORY) < _chance(past_x @ FIRST, SHARES[0][0])
    return Stream(x=x, kind=kind, past_x=past_x, past_y=past_y)


def _chance(score: Floats, share: float) -> Floats:
    """Chances with log-odds rising with `score`, `share` of all on average."""
    if share == 0:
        return np.zeros_like(score)
    low, high = -20.0, 5.0
    for _ in range(40):
        middle = (low + high) / 2
        if float((1 / (1 + np.exp(-(score + middle)))).mean()) > share:
            high = middle
        else:
            low = middle
    return np.asarray(1 / (1 + np.exp(-(score + low))), np.float64)


def run_policy(stream: Stream, policy: Policy, seed: int) -> Chosen:
    """The exams of one stream: chosen day by day, learnt from week by week."""
    examined = np.zeros(stream.kind.shape, bool)
    propensity = np.zeros(stream.kind.shape)
    targeted = np.zeros(stream.kind.shape, bool)
    rng = np.random.default_rng([seed, 77])
    risks = np.zeros(stream.kind.shape)
    for day in range(DAYS):
        if day % WEEK == 0 and policy.model is not None:
            week = slice(day, day + WEEK)
            weight = 1 / propensity[:day] if policy.weighs else np.ones((day, PARCELS))
            model = _fitted(stream, policy.model(), examined[:day], weight)
            known = model.predict_proba(stream.x[week].reshape(-1, FEATURES))[:, 1]
            risks[week] = known.reshape(risks[week].shape)
        if policy.arms:
            plan = plan_exams(_units(day, risks[day]), SPENDING)
            arm = draw_exams(plan, seed).arm
            examined[day], targeted[day] = arm != NONE, arm == TARGETED
            propensity[day] = plan.inclusion
        elif policy.model is None:
            examined[day, rng.choice(PARCELS, EXAMS, replace=False)] = True
        else:
            examined[day, np.argsort(-risks[day], kind="stable")[:EXAMS]] = True
    return Chosen(examined=examined, propensity=propensity, targeted=targeted)


def _units(day: int, risk: Floats) -> Units:
    size = risk.size
    return Units(
        names=tuple(f"parcel\0{day}-{n}" for n in range(size)),
        is_carton=np.zeros(size, bool),
        pool=np.zeros(size, np.int64),
        minutes=np.full(size, MINUTES),
        risk=risk,
        value=np.ones(size),
        unassessed=np.zeros(size),
        carton=np.full(size, -1),
        readable=np.ones(size, bool),
        pool_names=("all",),
        pool_minutes=np.array([EXAMS * MINUTES]),
    )


def _fitted(stream: Stream, model: Any, examined: Bools, weight: Floats) -> Any:
    """`model`, fitted on the history and on the exams until now, (days, PARCELS) each."""
    days = examined.shape[0]
    day, _ = np.nonzero(examined)
    age = np.concatenate([np.linspace(days + HISTORY_DAYS, days, HISTORY), days - day])
    counts = np.concatenate([np.ones(HISTORY), np.minimum(weight[examined], MOST_WEIGHT)])
    return model.fit(
        np.concatenate([stream.past_x, stream.x[:days][examined]]),
        np.concatenate([stream.past_y, stream.kind[:days][examined] > 0]),
        sample_weight=counts * 0.5 ** (age / HALF_LIFE_DAYS),
    )


def logistic() -> Any:
    """Logistic regression, as the project's own risk is."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=1.0)


def forest(trees: int, sample: float) -> Any:
    """A random forest, each tree on `sample` of the exams."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=trees, min_samples_leaf=5, max_samples=sample, random_state=0, n_jobs=1
    )


def per_thousand(stream: Stream, chosen: Chosen) -> Floats:
    """Violations per 1,000 exams: in all, before and after the drift, and of the second kind."""
    hit = (stream.kind > 0) & chosen.examined
    second = (stream.kind == 2) & chosen.examined
    late = chosen.examined[DRIFT_DAY:].sum()
    return 1000 * np.array(
        [
            hit.sum() / chosen.examined.sum(),
            hit[:DRIFT_DAY].sum() / chosen.examined[:DRIFT_DAY].sum(),
            hit[DRIFT_DAY:].sum() / late,
            second[DRIFT_DAY:].sum() / late,
        ]
    )


def held(stream: Stream, chosen: Chosen) -> tuple[list[bool | None], list[float]]:
    """Whether the 90 % intervals hold the truth, and by what share each estimate is off."""
    violation = (stream.kind > 0).ravel()
    exams = Exams(
        propensity=chosen.propensity.ravel(),
        examined=chosen.examined.ravel(),
        violation=violation & chosen.examined.ravel(),
    )
    flagged, targeted = chosen.examined.ravel(), chosen.targeted.ravel()
    truths = (
        violation.mean(),
        violation[flagged].sum() / violation.sum(),
        violation[targeted].sum() / violation.sum(),
    )
    estimates = (prevalence(exams), recall(exams, flagged), recall(exams, targeted))
    inside = [_inside(one, truth) for one, truth in zip(estimates, truths, strict=True)]
    bias = [one.value / truth - 1 for one, truth in zip(estimates, truths, strict=True)]
    return inside, bias


def _inside(estimate: Estimate, truth: float) -> bool | None:
    if not estimate.known:
        return None
    low, high = estimate.intervals[LEVELS.index(LEVEL)]
    return bool(low <= truth <= high)


def main() -> None:
    """Simulate the streams and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--trees", type=int, default=20, help="of the random forest")
    parser.add_argument("--tree-sample", type=float, default=1.0, help="of the exams, per tree")
    options = parser.parse_args()
    woods = partial(forest, options.trees, options.tree_sample)
    begin = time.process_time()
    policies = [
        Policy(name="arms, logistic", model=logistic, arms=True, weighs=True),
        Policy(name="arms, logistic, propensities unused", model=logistic, arms=True),
        Policy(name="arms, forest", model=woods, arms=True, weighs=True),
        Policy(name="top k, logistic", model=logistic),
        Policy(name="top k, forest", model=woods),
        Policy(name="random", model=None),
    ]
    inside: list[list[bool | None]] = []
    bias: list[list[float]] = []
    # An interrupt ends it early, and prints what the streams until then came to.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        for number in range(options.streams):
            stream = make_stream(np.random.default_rng([options.seed, number]))
            chosen = [run_policy(stream, policy, seed=number) for policy in policies]
            hits, off = held(stream, chosen[0])
            inside.append(hits)
            bias.append(off)
            for policy, exams in zip(policies, chosen, strict=True):
                policy.found.append(per_thousand(stream, exams))
            print(f"{number + 1} of {options.streams}", end="\r", file=sys.stderr, flush=True)
    done = min(len(policy.found) for policy in policies)
    for policy in policies:
        del policy.found[done:]
    print(f"{done} streams of {DAYS} days, {PARCELS} parcels and {EXAMS} exams a day")
    print(
        f"arms: {SPENDING.random_share:.0%} random, {SPENDING.uncertain_share:.0%} uncertain,"
        " the rest targeted"
    )
    _print_found(policies)
    _print_held(inside, bias)
    print(f"{time.process_time() - begin:.0f} s CPU")


def _print_found(policies: list[Policy]) -> None:
    print("\nviolations per 1,000 exams, mean over the streams and its 90 % interval")
    print("| chosen by | 90 days | before the drift | after it | of the new kind, after |")
    print("|---|---|---|---|---|")
    for policy in policies:
        print(f"| {policy.name} | " + " | ".join(_mean_words(np.array(policy.found))) + " |")
    print("\nlike against like, on the same streams")
    print("| | 90 days | before the drift | after it | of the new kind, after |")
    print("|---|---|---|---|---|")
    by_name = {policy.name: np.array(policy.found) for policy in policies}
    for one, other in PAIRS:
        words = _mean_words(by_name[one] - by_name[other], sign="+")
        print(f"| {one} less {other} | " + " | ".join(words) + " |")


def _mean_words(values: Floats, sign: str = "") -> list[str]:
    mean = values.mean(axis=0)
    half = 1.645 * values.std(axis=0, ddof=1) / math.sqrt(len(values)) if len(values) > 1 else mean
    return [f"{one:{sign}.1f} ({one - h:{sign}.1f} to {one + h:{sign}.1f})"
            for one, h in zip(mean, half, strict=True)]  # fmt: skip


def _print_held(inside: list[list[bool | None]], bias: list[list[float]]) -> None:
    print(f"\nhow often the {LEVEL:.0%} interval of the arms' weighted estimate held the truth")
    print("| estimate | held | streams | estimate over truth, mean |")
    print("|---|---|---|---|")
    names = ("prevalence", "share caught by all arms", "share caught by the targeted arm")
    for column, name in enumerate(names):
        told = [row[column] for row in inside if row[column] is not None]
        off = float(np.nanmean([row[column] for row in bias]))
        print(f"| {name} | {sum(map(bool, told)) / len(told):.1%} | {len(told)} | {1 + off:.3f} |")


if __name__ == "__main__":
    main()
