"""Whether scores mean what they say: of detections scored 0.7, 70 % should be right."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parcelscope.training.metrics import Figure, Groups, bootstrap

Floats = npt.NDArray[np.float64]
BINS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityBin:
    """Detections with scores in one tenth of the range."""

    low: float
    high: float
    count: int
    score: float
    """Their mean score; NaN where there is none."""
    right: float
    """Share of them that are right."""


def reliability(
    score: Floats, right: npt.NDArray[np.bool_], *, bins: int = BINS
) -> list[ReliabilityBin]:
    """Mean score and share right of detections by score, in `bins` equal steps from 0 to 1.

    Args:
        score: (N,) 0 to 1.
        right: (N,) whether each is.
        bins: How many.
    """
    edges = np.linspace(0, 1, bins + 1)
    place = _bin_of(score, bins)
    found = []
    for k in range(bins):
        chosen = place == k
        count = int(chosen.sum())
        found.append(
            ReliabilityBin(
                low=float(edges[k]),
                high=float(edges[k + 1]),
                count=count,
                score=float(score[chosen].mean()) if count else float("nan"),
                right=float(right[chosen].mean()) if count else float("nan"),
            )
        )
    return found


def calibration_error(
    score: Floats, right: npt.NDArray[np.bool_], *, groups: Groups | None = None, bins: int = BINS
) -> Figure:
    """Expected calibration error: mean difference of score and share right, over the bins.

    Args:
        score: (N,) 0 to 1.
        right: (N,) whether each is.
        groups: (N,) detections that go together, as for `bootstrap`: those of one image or sender.
        bins: Equal steps from 0 to 1.
    """
    place = _bin_of(score, bins)
    gap = score - right

    def measure(rows: npt.NDArray[np.int64]) -> float:
        # The bin's mean difference times its share is its summed difference over N.
        sums = np.bincount(place[rows], gap[rows], minlength=bins)
        return float(np.abs(sums).sum() / len(rows)) if len(rows) else float("nan")

    return bootstrap(len(score), measure, groups=groups)


def _bin_of(score: Floats, bins: int) -> npt.NDArray[np.int64]:
    return np.minimum((score * bins).astype(np.int64), bins - 1)
