"""Judging the boxes of a detector: average precision, thresholds, p-values, reliability."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.annotated import AnnotatedImage
from parcelscope.inference.annotated_images import Answer
from parcelscope.models.bundle import DetectorCard
from parcelscope.pipelines.class_mapping import ClassMapping
from parcelscope.pipelines.judge_scores import reliability_judged, roc_judged
from parcelscope.pipelines.judgement import (
    Chart,
    Floats,
    Judged,
    NamedFigure,
    Series,
    Table,
    Unjudged,
    told,
)
from parcelscope.training.metrics import (
    Groups,
    Precisions,
    average_precisions,
    mean_of,
)

REPORTED_P_VALUE = 0.02
_CORNERS = ("x0", "y0", "x1", "y1")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """What is true of the images and what was found in them, in the detector's words."""

    labels: tuple[str, ...]
    groups: Groups
    """(N,) of each image."""
    has: npt.NDArray[np.bool_]
    """(N, C) whether an image holds an object of each class."""
    compliant: npt.NDArray[np.bool_]
    """(N,) whether nothing at all is marked in it, of any class."""
    highest: Floats
    """(N, C) highest score of each class, 0 where nothing was found."""
    precisions: Precisions


def judge_items(answers: Sequence[Answer], card: DetectorCard, mapping: ClassMapping) -> Judged:
    """Figures of a detector of items.

    Args:
        answers: What it gave on each image.
        card: With the thresholds and p-values to judge it by.
        mapping: Which classes of the data can be judged.
    """
    seen = look(answers, card, mapping)
    return (
        precision_judged(seen)
        + left_out(mapping)
        + _image_level(seen)
        + _thresholds(seen, card)
        + box_reliability(seen)
    )


def look(answers: Sequence[Answer], card: DetectorCard, mapping: ClassMapping) -> Seen:
    """What is true and what was found, for the classes of `mapping`."""
    labels = mapping.labels
    names = [answer.image.image_id for answer in answers]
    groups = np.array([answer.image.group for answer in answers])
    truth = _frame(
        [(a.image.image_id, mapping.named.get(name), *box.tolist())
         for a in answers
         for name, box in zip(a.image.labels, a.image.box_xyxy, strict=True)]
    ).drop_nulls("label")  # fmt: skip
    found = _frame(
        [(a.image.image_id, card.classes[label], *box.tolist(), float(score))
         for a in answers
         if a.boxes is not None
         for label, box, score in zip(
             a.boxes.label, a.boxes.box_xyxy, a.boxes.score, strict=True)],
        score=True,
    )  # fmt: skip
    # What the data has no word for is neither right nor wrong.
    found = found.filter(pl.col("label").is_in(labels))
    row = {name: index for index, name in enumerate(names)}
    column = {label: index for index, label in enumerate(labels)}
    has = np.zeros((len(names), len(labels)), np.bool_)
    for name, label in truth.select("image_path", "label").iter_rows():
        has[row[name], column[label]] = True
    highest = np.zeros((len(names), len(labels)))
    for name, label, score in found.select("image_path", "label", "score").iter_rows():
        place = row[name], column[label]
        highest[place] = max(highest[place], score)
    return Seen(
        labels=labels,
        groups=groups,
        has=has,
        compliant=np.array([is_compliant(answer.image) for answer in answers], np.bool_),
        highest=highest,
        precisions=average_precisions(truth, found, names, labels, groups=groups),
    )


def is_compliant(image: AnnotatedImage) -> bool:
    """Whether nothing is marked in `image`, and nobody said that the whole is not normal."""
    return not image.labels and not image.image_labels and not image.anomalous


def precision_judged(seen: Seen) -> Judged:
    """Average precision of the boxes, over all classes and by class."""
    precisions = seen.precisions
    figures = [
        NamedFigure(key="map50", what="mAP50", figure=precisions.map50),
        NamedFigure(key="map50_95", what="mAP50-95", figure=precisions.map50_95),
    ]
    rows, series = [], []
    recalls = np.linspace(0, 1, 101)
    for label, one in precisions.by_class.items():
        if one.ap50.count == 0:
            continue
        figures += [
            NamedFigure(key=f"ap50.{label}", what=f"{label}: AP50", figure=one.ap50, on="boxes"),
            NamedFigure(
                key=f"ap50_95.{label}", what=f"{label}: AP50-95", figure=one.ap50_95, on="boxes"
            ),
        ]
        rows.append((label, f"{one.ap50.count:,}", told(one.ap50), told(one.ap50_95)))
        series.append(Series(name=label, x=recalls, y=one.precision))
    table = Table(
        title="By class",
        note="Average precision at an overlap of 0.5, and its mean over overlaps of 0.5 to 0.95.",
        head=("Class", "Boxes", "AP50", "AP50-95"),
        rows=tuple(rows),
    )
    chart = Chart(
        name="precision_recall",
        title="Precision and recall",
        note="At an overlap of 0.5, each class by its own line.",
        x_label="recall",
        y_label="precision",
        series=tuple(series),
    )
    empty = [
        Unjudged(what=label, why="the data knows the class, but no image of this split holds it")
        for label, one in precisions.by_class.items()
        if one.ap50.count == 0
    ]
    return Judged(figures=figures, tables=[table], charts=[chart], unjudged=empty)


def left_out(mapping: ClassMapping) -> Judged:
    """Classes that only one side knows."""
    unknown = [
        Unjudged(what=name, why="a class of the data that the detector has no word for")
        for name in mapping.unmapped
    ]
    absent = [
        Unjudged(what=label, why="a class of the detector that the data does not have")
        for label in mapping.absent
    ]
    return Judged(unjudged=[*unknown, *absent])


def _image_level(seen: Seen) -> Judged:
    """Whether images with objects score higher than images with none."""
    holds = np.asarray(seen.has.any(axis=1), np.bool_)
    chosen = holds | seen.compliant
    if not seen.compliant.any() or not holds.any():
        kind = "compliant images" if holds.any() else "images with an object"
        what = "AUROC and recall at fixed false alarms"
        why = f"no {kind} in this split"
        return Judged(unjudged=[Unjudged(what=what, why=why)])
    score, positive = seen.highest.max(axis=1)[chosen], holds[chosen]
    return roc_judged(score, positive, seen.groups[chosen], what="images with an object")


def _thresholds(seen: Seen, card: DetectorCard) -> Judged:
    """What each class's threshold and p-values do on whole images."""
    rows, alarms, low = [], [], []
    for column, label in enumerate(seen.labels):
        score, has = seen.highest[:, column], seen.has[:, column]
        threshold, genuine = card.thresholds.get(label), card.genuine.get(label)
        reached = None if threshold is None else score >= threshold
        below = (
            None
            if genuine is None
            else np.array([s > 0 and genuine.p_value(s) <= REPORTED_P_VALUE for s in score])
        )
        rows.append(
            (
                label,
                "none" if threshold is None else f"{threshold:.2f}",
                _share(reached, has),
                _share(reached, ~has),
                _share(below, seen.compliant),
            )
        )
        if reached is not None:
            alarms.append(reached & seen.compliant)
        if below is not None:
            low.append(below[seen.compliant])
    table = Table(
        title="At the bundle's thresholds",
        note="Shares of whole images: those with the class that reach its threshold, those without"
        f" that do, and compliant ones with a p-value of {REPORTED_P_VALUE:g} or less, which"
        f" should be {REPORTED_P_VALUE:.0%} or fewer.",
        head=("Class", "Threshold", "With it, reached", "Without it, reached", "Compliant, low p"),
        rows=tuple(rows),
    )
    figures = []
    if seen.compliant.any():
        groups = seen.groups[seen.compliant]
        if alarms:
            some = np.asarray(np.stack(alarms)[:, seen.compliant].any(axis=0), np.float64)
            figures.append(
                NamedFigure(
                    key="false_alarms",
                    what="compliant images that reach any threshold",
                    figure=mean_of(some, groups),
                )
            )
        if low:
            figures.append(
                NamedFigure(
                    key="low_p_share",
                    what=f"compliant images with p <= {REPORTED_P_VALUE:g}, mean over classes",
                    figure=mean_of(np.mean(low, axis=0), groups),
                )
            )
        return Judged(figures=figures, tables=[table])
    why = "no compliant images in this split"
    return Judged(tables=[table], unjudged=[Unjudged(what="false alarms", why=why)])


def _share(reached: npt.NDArray[np.bool_] | None, among: npt.NDArray[np.bool_]) -> str:
    total = int(among.sum())
    if reached is None or not total:
        return "not assessed"
    count = int((reached & among).sum())
    return f"{count / total:.1%} ({count:,} of {total:,})"


def box_reliability(seen: Seen) -> Judged:
    """Whether a score is the chance that the box is right."""
    found = seen.precisions
    groups = seen.groups[found.row]
    return reliability_judged(found.score, found.hit, groups, images=len(seen.groups))


def _frame(rows: list[tuple[object, ...]], *, score: bool = False) -> pl.DataFrame:
    schema: dict[str, pl.DataType] = {
        "image_path": pl.String(),
        "label": pl.String(),
        **dict.fromkeys(_CORNERS, pl.Float64()),
    }
    if score:
        schema["score"] = pl.Float64()
    return pl.DataFrame(rows, schema=schema, orient="row")
