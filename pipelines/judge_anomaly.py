"""Judging the anomaly detector: whole images, and where its map says that they are unusual."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet
from parcelscope.datasets.errors import DatasetError
from parcelscope.inference.annotated_images import Answer, heat_on_image
from parcelscope.inference.scan_findings import SCAN
from parcelscope.models.bundle import DetectorCard
from parcelscope.pipelines.judge_scores import roc_judged
from parcelscope.pipelines.judgement import (
    Chart,
    Floats,
    Judged,
    NamedFigure,
    Series,
    Table,
    Unjudged,
    plain,
    told,
)
from parcelscope.pipelines.p_values import SHARES, uniformity
from parcelscope.training.metrics import Groups, auroc, mean_of
from parcelscope.training.pixel_metrics import MOST_FALSE, pixel_figures

LONGEST_SIDE_PX = 256
"""Of the grid that maps and masks are compared on: finer than any map, and quick to sort."""


def judge_anomaly(
    annotated: AnnotatedSet,
    answers: Sequence[Answer],
    card: DetectorCard,
    scanner: tuple[str | None, str | None],
) -> Judged:
    """Figures of an anomaly detector.

    Args:
        annotated: The set, for its masks.
        answers: What the detector gave on each image.
        card: With the scores of compliant scans.
        scanner: Model and software version to judge by.
    """
    told_of = [answer for answer in answers if answer.image.anomalous is not None]
    unsaid = len(answers) - len(told_of)
    judged = Judged()
    if unsaid:
        why = f"nobody said whether {unsaid:,} images are anomalous; they were left out"
        judged += Judged(unjudged=[Unjudged(what="some images", why=why)])
    score = np.array([answer.score for answer in told_of], np.float64)
    positive = np.array([bool(answer.image.anomalous) for answer in told_of], np.bool_)
    groups = np.array([answer.image.group for answer in told_of])
    if positive.any() and not positive.all():
        judged += roc_judged(score, positive, groups, what="anomalous images")
        judged += _by_kind(told_of, score, positive, groups)
    else:
        why = f"{int(positive.sum()):,} of {len(positive):,} images are anomalous; it takes both"
        judged += Judged(
            unjudged=[Unjudged(what="AUROC and recall at fixed false alarms", why=why)]
        )
    return judged + _pixels(annotated, told_of) + _compliant(score, positive, groups, card, scanner)


def _by_kind(
    answers: Sequence[Answer], score: Floats, positive: npt.NDArray[np.bool_], groups: Groups
) -> Judged:
    """The images of each kind of anomaly against all normal ones."""
    kinds = sorted({name for a in answers for name in kinds_of(a.image)})
    figures, rows = [], []
    for kind in kinds:
        of_kind = np.array([kind in kinds_of(a.image) for a in answers], np.bool_) & positive
        chosen = of_kind | ~positive
        if not of_kind.any():
            continue
        figure = auroc(score[chosen], of_kind[chosen], groups[chosen])
        figures.append(NamedFigure(key=f"auroc.{kind}", what=f"{kind}: AUROC", figure=figure))
        rows.append((kind, f"{int(of_kind.sum()):,}", told(figure)))
    if not rows:
        return Judged()
    note = "The images of each kind against all normal ones."
    table = Table(title="By kind", note=note, head=("Kind", "Images", "AUROC"), rows=tuple(rows))
    return Judged(figures=figures, tables=[table])


def kinds_of(image: AnnotatedImage) -> set[str]:
    """What is unusual in `image`, by the set's words."""
    return {*image.image_labels, *image.labels}


def _pixels(annotated: AnnotatedSet, answers: Sequence[Answer]) -> Judged:
    """Where the map is hot, against the masks."""
    chosen = [a for a in answers if not a.image.anomalous or a.image.mask_path is not None]
    if not any(answer.image.mask_path for answer in chosen):
        what = "pixel AUROC and AUPRO"
        return Judged(unjudged=[Unjudged(what=what, why="the data has no masks in this split")])
    heats, masks = [], []
    for answer in chosen:
        size_wh = grid_of(answer.image)
        heats.append(heat_on_image(answer, size_wh))
        masks.append(_mask(annotated, answer.image, size_wh))
    groups = np.array([answer.image.group for answer in chosen])
    found = pixel_figures(heats, masks, groups=groups)
    figures = [
        NamedFigure(
            key="pixel_auroc", what="AUROC of pixels", figure=plain(found.auroc, len(chosen))
        ),
        NamedFigure(
            key="aupro",
            what=f"AUPRO (region overlap up to {MOST_FALSE:.0%} false pixels)",
            figure=found.aupro,
        ),
    ]
    return Judged(figures=figures)


def grid_of(image: AnnotatedImage) -> tuple[int, int]:
    """Width and height of the grid that the map and mask of `image` are compared on."""
    scale = min(LONGEST_SIDE_PX / max(image.width_px, image.height_px), 1.0)
    return max(round(image.width_px * scale), 1), max(round(image.height_px * scale), 1)


def _mask(
    annotated: AnnotatedSet, image: AnnotatedImage, size_wh: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    if image.mask_path is None:
        return np.zeros(size_wh[::-1], np.bool_)
    path = Path(annotated.file(image.mask_path))
    mask = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
    if mask is None:
        raise DatasetError(f"{path}: expected the mask of {image.image_id}, got no picture")
    # The mean of each cell, so that a region smaller than a cell does not vanish.
    covered = cv2.resize((mask > 0).astype(np.float32), size_wh, interpolation=cv2.INTER_AREA)
    marked: npt.NDArray[np.bool_] = covered >= min(0.5, float(covered.max()))
    return marked & (covered > 0)


def _compliant(
    score: Floats,
    positive: npt.NDArray[np.bool_],
    groups: Groups,
    card: DetectorCard,
    scanner: tuple[str | None, str | None],
) -> Judged:
    """Whether the p-values of normal images are what they claim."""
    if SCAN not in card.genuine or positive.all() or not len(score):
        why = "no normal images" if SCAN in card.genuine else "the bundle has no compliant scores"
        return Judged(unjudged=[Unjudged(what="p-values of normal images", why=why)])
    genuine = card.genuine[SCAN]
    p_values = np.array([genuine.p_value(float(s)) for s in score[~positive]])
    row = uniformity(p_values, card, *scanner)
    figures = [
        NamedFigure(
            key=f"normal_p_below_{share:g}",
            what=f"normal images with p <= {share:g}, which should be {share:.0%}",
            figure=mean_of((p_values <= share).astype(np.float64), groups[~positive]),
            on="normal images",
        )
        for share in SHARES
    ]
    figures.append(
        NamedFigure(
            key="normal_p_distance",
            what="distance of their p-values from uniform (Kolmogorov-Smirnov)",
            figure=plain(row.distance, len(p_values)),
            on="normal images",
        )
    )
    ordered = np.sort(p_values)
    chart = Chart(
        name="p_values",
        title="P-values of normal images",
        note="Share of normal images with a p-value of at most p. On the line they are right; above"
        " it they are too small. A distance as large has a chance of"
        f" {row.chance:.2g} where they are right. The bundle keeps the highest"
        f" {len(genuine.top):,} of {genuine.count:,} scores, so p-values end"
        f" at {(1 + len(genuine.top)) / (1 + genuine.count):.2f}.",
        x_label="p",
        y_label="share of normal images",
        series=(Series(name="", x=ordered, y=np.arange(1, len(ordered) + 1) / len(ordered)),),
        diagonal=True,
    )
    return Judged(figures=figures, charts=[chart])
