"""Figures of merit with bootstrap intervals. No torch: the `[eval]` extra is enough."""

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
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
Groups = npt.NDArray[np.str_] | npt.NDArray[np.int64]

REPEATS = 300
OVERLAPS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""Least intersection over union of COCO's mAP50-95."""
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
    count: int,
    measure: Callable[[Rows], float],
    *,
    repeats: int = REPEATS,
    seed: int = 0,
    groups: Groups | None = None,
) -> Figure:
    """`measure` on all rows, and its spread over `repeats` resamplings of them.

    Args:
        count: How many rows there are; 0 gives a figure of NaN.
        measure: From row numbers (N,), possibly repeated, to the figure; NaN where it is undefined.
        repeats: Resamplings.
        seed: Source of the resamplings.
        groups: (N,) rows that go together, such as scans of one sender: whole groups are drawn, as
            rows of one group tell less than as many of different ones.
    """
    if count == 0:
        return Figure(value=float("nan"), low=float("nan"), high=float("nan"), count=0)
    drawn = resamplings(count, repeats=repeats, seed=seed, groups=groups)
    return _figure(measure(np.arange(count)), np.array([measure(rows) for rows in drawn]), count)


def resamplings(
    count: int, *, repeats: int, seed: int = 0, groups: Groups | None = None
) -> Iterator[Rows]:
    """Row numbers drawn with replacement, (N,) each, or whole groups of rows (see `bootstrap`)."""
    rng = np.random.default_rng(seed)
    if groups is None:
        for _ in range(repeats):
            yield rng.integers(0, count, count)
        return
    _, group = np.unique(groups, return_inverse=True)
    members = np.split(np.argsort(group, kind="stable"), np.cumsum(np.bincount(group))[:-1])
    for _ in range(repeats):
        yield np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])


def _figure(value: float, spread: Floats, count: int) -> Figure:
    known = spread[np.isfinite(spread)]
    low, high = np.percentile(known, [LOW, HIGH]) if len(known) else (np.nan, np.nan)
    return Figure(value=value, low=float(low), high=float(high), count=count)


def mean_of(values: Floats, groups: Groups | None = None) -> Figure:
    """The mean of `values` (N,)."""
    return bootstrap(len(values), lambda rows: float(values[rows].mean()), groups=groups)


def median_of(values: Floats) -> Figure:
    """The median of `values` (N,)."""
    return bootstrap(len(values), lambda rows: float(np.median(values[rows])))


def auroc(score: Floats, positive: npt.NDArray[np.bool_], groups: Groups | None = None) -> Figure:
    """Area under the ROC curve of `score` (N,) for `positive` (N,)."""
    return bootstrap(
        len(score), lambda rows: area_under_roc(score[rows], positive[rows]), groups=groups
    )


def recall_at_false_alarms(
    score: Floats,
    positive: npt.NDArray[np.bool_],
    *,
    false_alarms: float,
    groups: Groups | None = None,
) -> Figure:
    """Share of positives scoring above the threshold that `false_alarms` of the negatives pass."""
    return bootstrap(
        len(score),
        lambda rows: recall_above(score[rows], positive[rows], false_alarms=false_alarms),
        groups=groups,
    )


def paired_difference(
    measure: Callable[[Floats, npt.NDArray[np.bool_]], float],
    before: Floats,
    after: Floats,
    positive: npt.NDArray[np.bool_],
    *,
    repeats: int = REPEATS,
) -> Figure:
    """`measure` of `after` less that of `before`, both (N,), on the same resamplings of the rows.

    What makes a resampling easy or hard makes it so for both, so the interval is narrower than
    those of the two figures suggest.
    """
    return bootstrap(
        len(positive),
        lambda rows: measure(after[rows], positive[rows]) - measure(before[rows], positive[rows]),
        repeats=repeats,
    )


def area_under_roc(score: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve of `score` (N,) for `positive` (N,); NaN without both kinds."""
    if positive.all() or not positive.any():
        return float("nan")
    return float(roc_auc_score(positive, score))


def recall_above(score: Floats, positive: npt.NDArray[np.bool_], *, false_alarms: float) -> float:
    """As `recall_at_false_alarms`, the figure alone; NaN without both kinds."""
    if positive.all() or not positive.any():
        return float("nan")
    negatives = np.sort(score[~positive])[::-1]
    # The highest threshold that at most this many negatives lie strictly above.
    threshold = negatives[int(np.floor(len(negatives) * false_alarms))]
    return float((score[positive] > threshold).mean())


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassPrecision:
    """How well one class is found."""

    ap50: Figure
    """Average precision at an overlap of 0.5; `count` is the number of its boxes."""
    ap50_95: Figure
    """Mean over overlaps from 0.5 to 0.95."""
    precision: Floats
    """(101,) precision at recalls of 0 to 1, at an overlap of 0.5; -1 where it does not occur."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Precisions:
    """Average precisions over all classes, and what was matched."""

    map50: Figure
    map50_95: Figure
    by_class: dict[str, ClassPrecision]
    score: Floats
    """(D,) of every detection."""
    hit: npt.NDArray[np.bool_]
    """(D,) whether it overlaps a box of its class by 0.5 or more, each box taken once."""
    row: Rows
    """(D,) number of its image."""


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
    both = average_precisions(truth, found, images, labels, overlaps=(0.5,))
    return both.map50, {label: one.ap50.value for label, one in both.by_class.items()}


def average_precisions(
    truth: pl.DataFrame,
    found: pl.DataFrame,
    images: list[str],
    labels: tuple[str, ...],
    *,
    overlaps: Sequence[float] = OVERLAPS,
    groups: Groups | None = None,
    repeats: int = 100,
) -> Precisions:
    """Average precisions by pycocotools, with bootstrap intervals.

    Args:
        truth: image_path, label, x0, y0, x1, y1.
        found: The same and score.
        images: Every image that was scored, one at least, those without objects too.
        labels: The classes.
        overlaps: Least intersection over union of a hit; the first is 0.5.
        groups: (N,) images that go together, as for `bootstrap`.
        repeats: Resamplings.
    """
    evaluation = _evaluated(truth, found, images, labels, overlaps)
    everything = list(evaluation.evalImgs)
    count = len(images)

    def measure(rows: Rows) -> Floats:
        """(2, classes + 1): at the first overlap and over all; of all classes, then of each."""
        # evalImgs is ordered by class, then by image: resampling images picks from each class.
        evaluation.evalImgs = [
            everything[klass * count + int(row)] for klass in range(len(labels)) for row in rows
        ]
        evaluation.params.imgIds = list(range(len(rows)))
        evaluation._paramsEval.imgIds = list(range(len(rows)))
        with contextlib.redirect_stdout(io.StringIO()):
            evaluation.accumulate()
        precision = evaluation.eval["precision"]  # (overlaps, recalls, classes, areas, limits)
        kinds = (precision[:1], precision)
        each = [precision[:, :, k : k + 1] for k in range(len(labels))]
        return np.array(
            [
                [_mean_precision(kind), *(_mean_precision(one[: len(kind)]) for one in each)]
                for kind in kinds
            ]
        )

    drawn = resamplings(count, repeats=repeats, groups=groups)
    spread = np.array([measure(rows) for rows in drawn]).reshape(-1, 2, len(labels) + 1)
    value = measure(np.arange(count))
    curves = evaluation.eval["precision"][0, :, :, 0, 0]  # (recalls, classes)
    boxes = [truth.filter(pl.col("label") == label).height for label in labels]
    score, hit, row = _matches(everything, count)
    return Precisions(
        map50=_figure(float(value[0, 0]), spread[:, 0, 0], count),
        map50_95=_figure(float(value[1, 0]), spread[:, 1, 0], count),
        by_class={
            label: ClassPrecision(
                ap50=_figure(float(value[0, k + 1]), spread[:, 0, k + 1], boxes[k]),
                ap50_95=_figure(float(value[1, k + 1]), spread[:, 1, k + 1], boxes[k]),
                precision=np.asarray(curves[:, k], np.float64),
            )
            for k, label in enumerate(labels)
        },
        score=score,
        hit=hit,
        row=row,
    )


def _matches(evaluated: list[Any], count: int) -> tuple[Floats, npt.NDArray[np.bool_], Rows]:
    """Score, hit at the first overlap, and image number of every detection, (D,) each."""
    known = [(place % count, one) for place, one in enumerate(evaluated) if one is not None]
    score = np.concatenate([np.empty(0), *(one["dtScores"] for _, one in known)])
    hit = np.concatenate([np.empty(0, bool), *(one["dtMatches"][0] > 0 for _, one in known)])
    row = np.concatenate(
        [np.empty(0, np.int64), *(np.full(len(one["dtScores"]), n) for n, one in known)]
    )
    return score.astype(np.float64), hit.astype(np.bool_), row.astype(np.int64)


def _evaluated(
    truth: pl.DataFrame,
    found: pl.DataFrame,
    images: list[str],
    labels: tuple[str, ...],
    overlaps: Sequence[float],
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
        evaluation.params.iouThrs = np.array(overlaps)
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
