"""What exams found, weighed by how likely each was: rates among all from the few that were opened.

Whoever was certain to be examined stands for itself; the others stand for all that were not, each
with one over its propensity (Hajek 1971). Intervals are Jeffreys' on the effective number of exams
(Kish 1965; Korn and Graubard 1998), which hold where violations are few, and parts are added by
recovering their variances (Zou and Donner 2008). Needs `[eval]`.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

CERTAIN: Final = 0.9995
"""Propensity from which an exam was as good as certain."""
MIN_EXAMS: Final = 30
"""Fewer exams give no rate: with 30 and none found a violation rate of 6 % is still possible."""
LEVELS: Final = (0.90, 0.95)
RISK_EDGES: Final = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9)
"""Where the bins of risk end, for calibration and for comparing like with like."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its intervals, or why there is none."""

    value: float = math.nan
    intervals: tuple[tuple[float, float], ...] = ()
    """Low and high, one pair for each of `LEVELS`."""
    exams: int = 0
    needed: int | None = None
    """Exams needed before there is a figure; None where there is one."""
    why: str | None = None
    """Why there is no figure; None where there is one."""

    @property
    def known(self) -> bool:
        """Whether there is a figure."""
        return self.why is None

    def times(self, factor: float) -> "Estimate":
        """In another unit."""
        return Estimate(
            value=self.value * factor,
            intervals=tuple((low * factor, high * factor) for low, high in self.intervals),
            exams=self.exams,
            needed=self.needed,
            why=self.why,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exams:
    """The population of one kind, and what was found where it was examined, (N,) each."""

    propensity: Floats
    """Chance of coming to an exam, above 0 to 1."""
    examined: Bools
    violation: Bools
    """False where it was not examined."""

    @property
    def certain(self) -> Bools:
        """Who was certain to be examined."""
        return self.propensity >= CERTAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """Violations among some of the population: an estimate with intervals."""

    total: float
    spans: tuple[tuple[float, float], ...]


def too_few(exams: int, needed: int = MIN_EXAMS, *, of: str = "exams") -> Estimate:
    """No figure, and what it would take."""
    return Estimate(exams=exams, needed=needed, why=f"{exams:,} {of}, at least {needed:,} needed")


def share_interval(found: float, trials: float, level: float) -> tuple[float, float]:
    """Jeffreys interval of a share; `found` and `trials` need not be whole."""
    from scipy.stats import beta

    if trials <= 0:
        return 0.0, 1.0
    tail = (1 - level) / 2
    a, b = found + 0.5, max(trials - found, 0.0) + 0.5
    low = 0.0 if found <= 0 else float(beta.ppf(tail, a, b))
    high = 1.0 if found >= trials else float(beta.ppf(1 - tail, a, b))
    return low, high


def rate(violation: Bools) -> Estimate:
    """Share of exams that found a violation, of one arm."""
    exams = int(violation.size)
    if exams < MIN_EXAMS:
        return too_few(exams)
    found = int(violation.sum())
    return Estimate(
        value=found / exams,
        intervals=tuple(share_interval(found, exams, level) for level in LEVELS),
        exams=exams,
    )


def weighted_rate(violation: Bools, weight: Floats, *, needed: int = MIN_EXAMS) -> Estimate:
    """Hajek's estimate of a share, from exams that weigh differently."""
    exams = int(violation.size)
    if exams < needed:
        return too_few(exams, needed)
    value, effective = _hajek(violation, weight)
    return Estimate(
        value=value,
        intervals=tuple(share_interval(value * effective, effective, one) for one in LEVELS),
        exams=exams,
    )


def prevalence(exams: Exams) -> Estimate:
    """Share of violations in the population."""
    size = exams.propensity.size
    parts = _parts(exams)
    if isinstance(parts, Estimate):
        return parts
    total = _added(parts)
    return Estimate(
        value=total.total / size,
        intervals=tuple((low / size, high / size) for low, high in total.spans),
        exams=int(exams.examined.sum()),
    )


def recall(exams: Exams, caught: Bools) -> Estimate:
    """Share of all violations that lie among `caught`, such as those of one arm.

    Violations found there that were not examined count by the rate of those that were.

    Args:
        exams: The population.
        caught: (N,) who is in the arm.
    """
    parts = _parts(exams)
    if isinstance(parts, Estimate):
        return parts
    found = float(exams.violation[caught].sum())
    answered = float(exams.examined[caught].mean()) if caught.any() else 0.0
    found = found / answered if answered else 0.0
    total = _added(parts)
    if total.total <= 0:
        return Estimate(
            exams=int(exams.examined.sum()), why="no violation was found: there is none to miss"
        )
    spans = tuple(
        (min(found / max(high, found, 1e-12), 1.0), min(found / max(low, found, 1e-12), 1.0))
        for low, high in total.spans
    )
    return Estimate(
        value=min(found / total.total, 1.0), intervals=spans, exams=int(exams.examined.sum())
    )


def _hajek(violation: Bools, weight: Floats) -> tuple[float, float]:
    """The weighted share, and the number of equal exams that would tell as much."""
    total = float(weight.sum())
    return float((weight * violation).sum()) / total, total**2 / float((weight**2).sum())


def _parts(exams: Exams) -> tuple[_Part, _Part] | Estimate:
    """Violations among those certain to be examined and among the others; or why that is open."""
    certain, others = exams.certain, ~exams.certain
    seen = others & exams.examined
    drawn = int(seen.sum())
    if others.any() and drawn < MIN_EXAMS:
        return too_few(drawn, of="exams of what was not certain to be examined")
    answered = certain & exams.examined
    if certain.any() and not answered.any():
        return too_few(0, 1, of="exams of what was certain to be examined")
    return (
        _part(int(certain.sum()), exams.violation[answered], np.ones(int(answered.sum()))),
        _part(int(others.sum()), exams.violation[seen], 1 / exams.propensity[seen]),
    )


def _part(size: int, violation: Bools, weight: Floats) -> _Part:
    """Violations among `size`, of whom some were examined."""
    if size == 0 or violation.size == 0:
        return _Part(total=0.0, spans=((0.0, 0.0),) * len(LEVELS))
    value, effective = _hajek(violation, weight)
    if violation.size >= size:  # a census: nothing is estimated
        return _Part(total=value * size, spans=((value * size, value * size),) * len(LEVELS))
    effective /= 1 - violation.size / size
    spans = (share_interval(value * effective, effective, level) for level in LEVELS)
    return _Part(total=value * size, spans=tuple((low * size, high * size) for low, high in spans))


def _added(parts: tuple[_Part, ...]) -> _Part:
    """The sum of independent parts."""
    total = sum(part.total for part in parts)
    spans = tuple(
        (
            total - math.hypot(*(part.total - part.spans[level][0] for part in parts)),
            total + math.hypot(*(part.spans[level][1] - part.total for part in parts)),
        )
        for level in range(len(LEVELS))
    )
    return _Part(total=total, spans=spans)
