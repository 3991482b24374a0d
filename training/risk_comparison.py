"""Whether one risk is better than another, on the same owners, with bootstrap intervals."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from parcelscope.training.metrics import Figure, Rows, bootstrap

Floats = npt.NDArray[np.float64]
Measure = Callable[[Floats, Floats], float]
"""From scores and truths (N,) to a figure of merit."""

ENDS = ("", "_low", "_high")
"""What is added to a figure's name for its value and the ends of its 95 % interval."""


def comparison(truth: Floats, scores: dict[str, Floats], *, budget: float) -> dict[str, float]:
    """AUROC and precision at the budget of each score, and by how much `new` is better.

    Every difference is of the same resampled owners, with its 95 % interval.

    Args:
        truth: (N,) 1 for violative owners, 0 for the others.
        scores: (N,) by name: `run`, `findings` and `new`, each of models that did not see the
            owner.
        budget: Share of owners inspected.
    """
    found: dict[str, float] = {"owners": float(len(truth)), "violative": float(truth.sum())}
    measures: dict[str, Measure] = {"auroc": _auroc, "precision": partial(precision_at, budget)}
    for measure_name, measure in measures.items():
        for name, score in scores.items():
            found |= _told(f"{measure_name}_{name}", _figure(measure, truth, score))
        for other in ("run", "findings"):
            gain = _gain(measure, truth, scores["new"], scores[other])
            found |= _told(f"{measure_name}_gain_over_{other}", gain)
    return found


def verdict(metrics: dict[str, float]) -> tuple[str, ...]:
    """Whether the new risk is better than that of findings alone: a sentence for each measure."""
    said = []
    for measure in ("auroc", "precision"):
        gain, low, high = (metrics[f"{measure}_gain_over_findings{end}"] for end in ENDS)
        if low > 0:
            told = "better than"
        elif high < 0:
            told = "worse than"
        else:
            told = "not shown to differ from"
        words = "AUROC" if measure == "auroc" else "precision at the budget"
        said.append(
            f"{words}: {told} findings alone, {gain:+.3f} (95 % interval {low:+.3f} to {high:+.3f})"
        )
    return tuple(said)


def precision_at(budget: float, score: Floats, truth: Floats) -> float:
    """Share of violative owners among the `budget` of owners that score highest."""
    most = max(1, int(np.ceil(budget * len(score))))
    return float(truth[np.argsort(-score, kind="stable")[:most]].mean())


def _auroc(score: Floats, truth: Floats) -> float:
    """From the ranks, ties shared: scikit-learn's takes many times as long on a few hundred."""
    positive = truth > 0
    few, many = int(positive.sum()), int((~positive).sum())
    if few == 0 or many == 0:
        return float("nan")
    ranks = rankdata(score)[positive].sum()
    return float((ranks - few * (few + 1) / 2) / (few * many))


def _figure(measure: Measure, truth: Floats, score: Floats) -> Figure:
    def of(rows: Rows) -> float:
        return measure(score[rows], truth[rows])

    return bootstrap(len(truth), of)


def _gain(measure: Measure, truth: Floats, new: Floats, other: Floats) -> Figure:
    def of(rows: Rows) -> float:
        return measure(new[rows], truth[rows]) - measure(other[rows], truth[rows])

    return bootstrap(len(truth), of)


def _told(name: str, figure: Figure) -> dict[str, float]:
    values = (figure.value, figure.low, figure.high)
    return {f"{name}{end}": round(value, 4) for end, value in zip(ENDS, values, strict=True)}
