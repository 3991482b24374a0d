"""Whether exams and scores are alike across facilities, officers and periods. Needs `[eval]`."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Strings = npt.NDArray[np.str_]

LIMITS: Final = (0.95, 0.998)
"""Control limits of a funnel plot: outside the wider ones chance is no explanation (Spiegelhalter
2005)."""
PSI_BINS: Final = 10
PSI_STABLE, PSI_SHIFTED = 0.10, 0.25
"""Usual readings of a population stability index: below the first alike, above the second not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One facility or officer against what all found on the like of their exams."""

    name: str
    exams: int
    found: int
    expected: float
    """Violations, had everyone found them at the pooled rate of the arm and the risk."""
    variance: float
    """Of that number, by chance."""

    @property
    def ratio(self) -> float:
        """Found over expected; 1 is as others."""
        return self.found / self.expected if self.expected else math.nan

    def outside(self, level: float) -> bool:
        """Whether chance alone gives so far a number less often than 1 - `level`."""
        return abs(self.found - self.expected) > _z(level) * math.sqrt(self.variance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Two officers on the same things."""

    pairs: int
    agreed: float
    """Share of pairs that said the same."""
    kappa: float
    """Agreement beyond chance (Cohen 1960): 1 full, 0 as by chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """How far two distributions of scores differ."""

    first: int
    second: int
    """Scores in each."""
    psi: float
    ks: float
    p_value: float
    """Of the Kolmogorov-Smirnov distance, were both drawn from one distribution."""

    @property
    def words(self) -> str:
        """The index as it is usually read."""
        if self.psi < PSI_STABLE:
            return "alike"
        return "somewhat shifted" if self.psi < PSI_SHIFTED else "shifted"


def groups_of(names: Strings, stratum: Strings, violation: Bools) -> tuple[Group, ...]:
    """Each group's finds beside what the pooled rates of its exams' strata lead to expect.

    Args:
        names: (N,) the facility or officer of each exam.
        stratum: (N,) such as arm and risk: exams whose rates should be alike.
        violation: (N,) what was found.
    """
    _, of = np.unique(stratum, return_inverse=True)
    counts = np.bincount(of)
    pooled = (np.bincount(of, weights=violation) / counts)[of]
    return tuple(
        Group(
            name=str(name),
            exams=int(own.sum()),
            found=int(violation[own].sum()),
            expected=float(pooled[own].sum()),
            variance=float((pooled[own] * (1 - pooled[own])).sum()),
        )
        for name in np.unique(names)
        for own in (names == name,)
    )


def heterogeneity(groups: tuple[Group, ...]) -> float:
    """P-value of the groups finding alike, by the chi-squared of found against expected.

    NaN with fewer than two groups of which anything is expected.
    """
    from scipy.stats import chi2

    told = [group for group in groups if group.variance > 0]
    if len(told) < 2:
        return math.nan
    distance = sum((group.found - group.expected) ** 2 / group.variance for group in told)
    return float(chi2.sf(distance, len(told) - 1))


def control_limits(expected: Floats, share: float, level: float) -> tuple[Floats, Floats]:
    """Lower and upper limit of found over expected, at each number expected, for a pooled rate."""
    half = _z(level) * np.sqrt((1 - share) / expected)
    return np.maximum(1 - half, 0.0), 1 + half


def agreement(first: Bools, second: Bools) -> Agreement:
    """How far two officers agree on the same (N,) things."""
    agreed = float((first == second).mean())
    by_chance = float(first.mean() * second.mean() + (1 - first.mean()) * (1 - second.mean()))
    kappa = 1.0 if by_chance >= 1 else (agreed - by_chance) / (1 - by_chance)
    return Agreement(pairs=int(first.size), agreed=agreed, kappa=kappa)


def shift_of(before: Floats, after: Floats) -> Shift:
    """How far the scores `after` have moved from those `before`.

    The population stability index over tenths of the scores before, each share counted as half of
    one score at least; and the largest distance of the two distribution functions.
    """
    from scipy.stats import ks_2samp

    edges = np.unique(np.quantile(before, np.linspace(0, 1, PSI_BINS + 1)[1:-1]))
    shares = []
    for scores in (before, after):
        counts = np.bincount(
            np.searchsorted(edges, scores, side="left"), minlength=edges.size + 1
        ).astype(float)
        shares.append(np.maximum(counts, 0.5) / scores.size)
    psi = float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
    distance = ks_2samp(before, after, method="asymp")
    return Shift(
        first=before.size,
        second=after.size,
        psi=psi,
        ks=float(distance.statistic),
        p_value=float(distance.pvalue),
    )


def _z(level: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(0.5 + level / 2))
