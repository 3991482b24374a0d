"""Figures of a detector on scans of known content, for learning curves and cards."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.models.heatmap import Boxes
from parcelscope.training.curve import Row
from parcelscope.training.metrics import mean_average_precision

Floats = npt.NDArray[np.float32]
_COLUMNS = {
    "image_path": pl.String(), "label": pl.String(), "x0": pl.Float64(), "y0": pl.Float64(),
    "x1": pl.Float64(), "y1": pl.Float64(),
}  # fmt: skip


def box_figures(
    found: Sequence[Boxes],
    box_xyxy: Sequence[Floats],
    label: Sequence[npt.NDArray[np.int64]],
    classes: tuple[str, ...],
) -> Row:
    """Mean average precision at an overlap of 0.5, `map50`; nothing where no scan has a box.

    Args:
        found: What the detector found in each of S scans.
        box_xyxy: True boxes of each, (N, 4), on the same canvas.
        label: Their classes, (N,).
        classes: Names of the classes.
    """
    if not any(len(one) for one in label):
        return {}
    figure, _ = mean_average_precision(
        _table(box_xyxy, label, classes),
        _table(
            [boxes.box_xyxy for boxes in found],
            [boxes.label for boxes in found],
            classes,
            score=[boxes.score for boxes in found],
        ),
        [str(index) for index in range(len(found))],
        classes,
    )
    return {"map50": round(figure.value, 4)}


def count_figures(raw: npt.NDArray[np.floating], label: Sequence[npt.NDArray[np.int64]]) -> Row:
    """Mean error of the uncalibrated counts `raw` (S,), in pieces: `count_mae`."""
    true = np.array([len(one) for one in label], np.float64)
    return {"count_mae": round(float(np.abs(raw - true).mean()), 4)}


def best_thresholds(
    found: Sequence[Boxes],
    box_xyxy: Sequence[Floats],
    label: Sequence[npt.NDArray[np.int64]],
    classes: tuple[str, ...],
    *,
    least_overlap: float = 0.5,
) -> dict[str, float]:
    """For each class the score at which boxes are right and complete most evenly (best F1).

    For where there are no compliant scans to set thresholds by. 0.5 for a class never found.

    Args:
        found: What the detector found in each of S scans, best first.
        box_xyxy: True boxes of each, (N, 4), on the same canvas.
        label: Their classes, (N,).
        classes: Names of the classes.
        least_overlap: Intersection over union from which a box is right, 0 to 1.
    """
    chosen = {}
    for index, name in enumerate(classes):
        scores, right = [], []
        for boxes, true, kinds in zip(found, box_xyxy, label, strict=True):
            mine = boxes.label == index
            scores.append(boxes.score[mine])
            right.append(_right(boxes.box_xyxy[mine], true[kinds == index], least_overlap))
        score = np.concatenate(scores)
        order = np.argsort(-score, kind="stable")
        hits = np.cumsum(np.concatenate(right)[order])
        total = sum(int((kinds == index).sum()) for kinds in label)
        if len(score) == 0 or hits[-1] == 0:
            chosen[name] = 0.5
            continue
        f1 = 2 * hits / (np.arange(1, len(hits) + 1) + total)
        chosen[name] = round(float(score[order][int(f1.argmax())]), 4)
    return chosen


def _right(found: Floats, true: Floats, least_overlap: float) -> npt.NDArray[np.bool_]:
    """Which of `found` (N, 4), best first, cover one of `true` (M, 4) that no better one does."""
    right = np.zeros(len(found), np.bool_)
    if len(true) == 0:
        return right
    free = np.ones(len(true), np.bool_)
    for index, box in enumerate(found):
        corner, opposite = np.maximum(true[:, :2], box[:2]), np.minimum(true[:, 2:], box[2:])
        shared = np.clip(opposite - corner, 0, None).prod(1)
        both = (true[:, 2:] - true[:, :2]).prod(1) + (box[2:] - box[:2]).prod() - shared
        overlap = np.where(free, shared / np.maximum(both, 1e-6), 0.0)
        best = int(overlap.argmax())
        if overlap[best] >= least_overlap:
            right[index], free[best] = True, False
    return right


def _table(
    box_xyxy: Sequence[Floats],
    label: Sequence[npt.NDArray[np.int64]],
    classes: tuple[str, ...],
    *,
    score: Sequence[Floats] | None = None,
) -> pl.DataFrame:
    """One row per box, as `training/metrics.py` takes them."""
    corner = np.concatenate([np.empty((0, 4), np.float32), *box_xyxy]).astype(np.float64)
    columns = {
        "image_path": [str(index) for index, one in enumerate(label) for _ in one],
        "label": [classes[int(kind)] for one in label for kind in one],
    } | {name: corner[:, at] for at, name in enumerate(("x0", "y0", "x1", "y1"))}
    table = pl.DataFrame({name: pl.Series(columns[name], dtype=t) for name, t in _COLUMNS.items()})
    if score is None:
        return table
    scores = np.concatenate([np.empty(0, np.float32), *score]).astype(np.float64)
    return table.with_columns(pl.Series("score", scores))
