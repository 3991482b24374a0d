"""Figures of merit with bootstrap intervals. No torch: the `[eval]` extra is enough."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from sklearn.metrics import roc_auc_score

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]

REPEATS = 300
LOW, HIGH = 2.5, 97.5
"""Percentiles of the bootstrap interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of merit and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    count: int
    """How many scans, parcels or cartons it rests on."""


def bootstrap(
    count: int, measure: Callable[[Rows], float], *, repeats: int = REPEATS, seed: int = 0
) -> Figure:
    """`measure` on all rows, and its spread over `repeats` resamplings of them.

    Args:
        count: How many rows there are; 0 gives a figure of NaN.
        measure: From row numbers (N,), possibly repeated, to the figure; NaN where it is undefined.
        repeats: Resamplings.
        seed: Source of the resamplings.
    """
    if count == 0:
        return Figure(value=float("nan"), low=float("nan"), high=float("nan"), count=0)
    rng = np.random.default_rng(seed)
    values = np.array([measure(rng.integers(0, count, count)) for _ in range(repeats)])
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, [LOW, HIGH]) if len(known) else (np.nan, np.nan)
    return Figure(value=measure(np.arange(count)), low=float(low), high=float(high), count=count)


def mean_of(values: Floats) -> Figure:
    """The mean of `values` (N,)."""
    return bootstrap(len(values), lambda rows: float(values[rows].mean()))


def median_of(values: Floats) -> Figure:
    """The median of `values` (N,)."""
    return bootstrap(len(values), lambda rows: float(np.median(values[rows])))


def auroc(score: Floats, positive: npt.NDArray[np.bool_]) -> Figure:
    """Area under the ROC curve of `score` (N,) for `positive` (N,)."""

    def measure(rows: Rows) -> float:
        chosen = positive[rows]
        if chosen.all() or not chosen.any():
            return float("nan")
        return float(roc_auc_score(chosen, score[rows]))

    return bootstrap(len(score), measure)


def recall_at_false_alarms(
    score: Floats, positive: npt.NDArray[np.bool_], *, false_alarms: float
) -> Figure:
    """Share of positives scoring above the threshold that `false_alarms` of the negatives pass."""

    def measure(rows: Rows) -> float:
        chosen, scores = positive[rows], score[rows]
        if chosen.all() or not chosen.any():
            return float("nan")
        negatives = np.sort(scores[~chosen])[::-1]
        # The highest threshold that at most this many negatives lie strictly above.
        threshold = negatives[int(np.floor(len(negatives) * false_alarms))]
        return float((scores[chosen] > threshold).mean())

    return bootstrap(len(score), measure)


def mean_average_precision(
    truth: pl.DataFrame, found: pl.DataFrame, images: list[str], labels: tuple[str, ...]
) -> tuple[Figure, dict[str, float]]:
    """Mean average precision at an overlap of 0.5 by pycocotools, and the AP of each class.

    Args:
        truth: image_path, label, x0, y0, x1, y1.
        found: The same and score.
        images: Every image that was scored, those without objects too.
        labels: The classes.
    """
    evaluation = _evaluated(truth, found, images, labels)
    everything = list(evaluation.evalImgs)
    count = len(images)

    def measure(rows: Rows) -> float:
        # evalImgs is ordered by class, then by image: resampling images picks from each class.
        evaluation.evalImgs = [
            everything[klass * count + int(row)] for klass in range(len(labels)) for row in rows
        ]
        evaluation.params.imgIds = list(range(len(rows)))
        evaluation._paramsEval.imgIds = list(range(len(rows)))
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.accumulate()
        return _mean_precision(evaluation.eval["precision"])

    figure = bootstrap(count, measure, repeats=100)
    measure(np.arange(count))
    precision = evaluation.eval["precision"]  # (overlaps, recalls, classes, areas, limits)
    by_class = {
        label: _mean_precision(precision[:, :, index : index + 1])
        for index, label in enumerate(labels)
    }
    return figure, by_class


def _evaluated(
    truth: pl.DataFrame, found: pl.DataFrame, images: list[str], labels: tuple[str, ...]
) -> Any:
    number = {path: index for index, path in enumerate(images)}
    label_id = {label: index + 1 for index, label in enumerate(labels)}
    annotations = [
        _box(row, number, label_id) | {"id": index + 1, "iscrowd": 0}
        for index, row in enumerate(truth.iter_rows(named=True))
    ]
    detections = [
        _box(row, number, label_id) | {"score": row["score"]} for row in found.iter_rows(named=True)
    ]
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints as it goes
        real = COCO()
        real.dataset = {
            "info": {},
            "images": [{"id": index} for index in number.values()],
            "categories": [{"id": index, "name": label} for label, index in label_id.items()],
            "annotations": annotations,
        }
        real.createIndex()
        evaluation = COCOeval(real, real.loadRes(detections) if detections else COCO(), "bbox")
        evaluation.params.iouThrs = np.array([0.5])
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.params.maxDets = [100]
        evaluation.params.imgIds = sorted(number.values())
        evaluation.params.catIds = sorted(label_id.values())
        evaluation.evaluate()
    return evaluation


def _box(row: dict[str, Any], number: dict[str, int], label_id: dict[str, int]) -> dict[str, Any]:
    width, height = row["x1"] - row["x0"], row["y1"] - row["y0"]
    return {
        "image_id": number[row["image_path"]],
        "category_id": label_id[row["label"]],
        "bbox": [row["x0"], row["y0"], width, height],
        "area": width * height,
    }


def _mean_precision(precision: Floats) -> float:
    """Mean over recalls and over the classes that occur (-1 marks the others)."""
    known = precision[precision > -1]
    return float(known.mean()) if known.size else float("nan")
