"""Whom a budget is spent on by choice: the highest value per minute, and the most in doubt."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

NONE, TARGETED, UNCERTAIN, RANDOM, WITH_CARTON = range(5)
ARMS: Final = (None, "targeted", "uncertain", "random", "with_carton")
SLACK: Final = 1e-9
"""Minutes by which sums of floats may miss a budget."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """All that might be examined, each thing once, (N,) each."""

    names: tuple[str, ...]
    """Kind and id; unique. The draw depends on them, and on nothing else of a unit."""
    is_carton: Bools
    pool: Ints
    """Index into `pool_minutes`."""
    minutes: Floats
    """Of one exam."""
    risk: Floats
    """0 to 1; NaN where it is not known."""
    value: Floats
    """Of finding a violation."""
    unassessed: Floats
    """Share of the checks that could not be made, 0 to 1."""
    carton: Ints
    """Position of the carton that a parcel came in; -1 where there is none."""
    readable: Bools
    """Whether the manifest row could be read; what could not is only drawn."""
    pool_names: tuple[str, ...]
    pool_minutes: Floats
    """(P,) the budget of each pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """How a budget is spread."""

    random_share: float
    uncertain_share: float
    doubt_known: float
    doubt_unknown: float


def chosen(
    units: Units,
    own: Ints,
    budget: float,
    spent: float,
    spending: Spending,
    tie: Hashes,
    first: npt.NDArray[np.int8],
    carried: Bools,
) -> npt.NDArray[np.int8]:
    """The arm of each of `own`: targeted, uncertain or none."""
    minutes, risk = units.minutes[own], units.risk[own]
    arm = first[own].copy()
    free = units.readable[own] & ~carried[own] & (arm == NONE)
    usual = float(minutes[free].mean()) if free.any() else 0.0
    for_doubt = _whole_exams(spending.uncertain_share * budget, usual)
    left = budget - spent - for_doubt - float(minutes[arm == TARGETED].sum())
    priority = risk * units.value[own] / minutes
    worth = free & np.isfinite(risk)
    order = np.lexsort((tie[own], -np.where(worth, priority, -np.inf)))
    arm[_take(order[: int(worth.sum())], minutes, left)] = TARGETED
    for_doubt -= float(minutes[arm == UNCERTAIN].sum())
    free &= arm == NONE
    if for_doubt <= 0 or not free.any():
        return arm
    aimed = priority[(arm == TARGETED) & np.isfinite(priority)]
    line = float(aimed.min()) if aimed.size else None
    doubt = _sureness(units, own, line, spending)
    order = np.lexsort((tie[own], np.where(free, doubt, np.inf)))
    arm[_take(order[: int(free.sum())], minutes, min(for_doubt, budget - spent))] = UNCERTAIN
    return arm


def _whole_exams(minutes: float, usual: float) -> float:
    """As much of `minutes` as whole exams of the `usual` length take."""
    return float(np.floor(minutes / usual + SLACK)) * usual if usual else 0.0


def _sureness(units: Units, own: Ints, line: float | None, spending: Spending) -> Floats:
    """How many standard deviations each risk lies from where targeting stops; low is in doubt.

    The chance that a risk lies on the other side of the line falls with this distance, whichever
    side it is on. A risk that is not known is the usual one of the pool, known least.
    """
    risk = units.risk[own]
    known = np.isfinite(risk)
    usual = float(risk[known].mean()) if known.any() else 0.5
    unassessed = np.where(known, units.unassessed[own], 1.0)
    spread = np.sqrt(spending.doubt_known**2 + spending.doubt_unknown**2 * unassessed)
    at = _logit(np.where(known, risk, usual))
    if line is None:
        return -spread
    return np.abs(at - _logit(line * units.minutes[own] / units.value[own])) / spread


def _logit(share: Floats) -> Floats:
    inside = np.clip(share, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inside / (1 - inside)), np.float64)


def _take(order: Ints, minutes: Floats, budget: float) -> Ints:
    """The first of `order` whose minutes fit, passing over those that do not."""
    costs = minutes[order]
    fits = int(np.searchsorted(np.cumsum(costs), budget + SLACK, side="right"))
    taken = list(order[:fits])
    left = budget - float(costs[:fits].sum())
    rest, rest_costs = order[fits:], costs[fits:]
    # What still fits after the first that did not: few, unless exams differ a lot in length.
    for index in np.flatnonzero(rest_costs <= left + SLACK):
        if rest_costs[index] <= left + SLACK:
            taken.append(rest[index])
            left -= float(rest_costs[index])
    return np.array(taken, np.int64)
