"""Judging the detector of inner parcels: its boxes, and the count with its interval."""

from collections.abc import Sequence

import numpy as np

from parcelscope.datasets.annotated import AnnotatedImage
from parcelscope.inference.annotated_images import Answer
from parcelscope.models.bundle import CountCalibration, DetectorCard
from parcelscope.pipelines.class_mapping import ClassMapping
from parcelscope.pipelines.judge_boxes import box_reliability, left_out, look, precision_judged
from parcelscope.pipelines.judgement import Chart, Floats, Judged, NamedFigure, Series, Unjudged
from parcelscope.training.metrics import Groups, mean_of


def judge_pieces(answers: Sequence[Answer], card: DetectorCard, mapping: ClassMapping) -> Judged:
    """Figures of a detector of inner parcels: its boxes, and the count with its interval."""
    seen = look(answers, card, mapping)
    judged = precision_judged(seen) + left_out(mapping)
    if card.count is None:
        why = "the bundle has no calibration of counts for these scans"
        return judged + Judged(unjudged=[Unjudged(what="piece counts", why=why)])
    true = np.array([_boxes_of(a.image, mapping) for a in answers], np.float64)
    raw = np.array([a.count for a in answers], np.float64)
    return judged + judge_counts(raw, true, card.count, seen.groups) + box_reliability(seen)


def judge_counts(
    raw: Floats, true: Floats, calibration: CountCalibration, groups: Groups
) -> Judged:
    """Figures of raw counts (N,) against the true number of pieces (N,)."""
    middle, low, high = np.array([calibration.interval(float(value)) for value in raw]).T
    error = np.abs(middle - true)
    inside = (np.ceil(low - 1e-9) <= true) & (true <= np.floor(high + 1e-9))
    meant = f"counts inside the interval (meant: {calibration.coverage:.0%})"
    parts = (
        ("count_mae", "mean error of the count", error, "pieces"),
        ("count_within_1", "counts within 1 of the truth", np.abs(middle.round() - true) <= 1, ""),
        ("interval_coverage", meant, inside, ""),
        ("interval_width", "width of the interval", high - low, "pieces"),
        ("exceeds", "interval wholly above the truth, a false alarm", low > true, ""),
    )
    figures = [
        NamedFigure(key=key, what=what, unit=unit, figure=mean_of(one.astype(np.float64), groups))
        for key, what, one, unit in parts
    ]
    chart = Chart(
        name="counts",
        title="Counts",
        note="Estimated pieces and their interval by true pieces; the line is a perfect count.",
        x_label="true pieces",
        y_label="estimated pieces",
        series=(Series(name="", x=true, y=middle, style="points", low=low, high=high),),
        diagonal=True,
        unit_square=False,
    )
    return Judged(figures=figures, charts=[chart])


def _boxes_of(image: AnnotatedImage, mapping: ClassMapping) -> int:
    return sum(name in mapping.named for name in image.labels)
