"""Judging scores: how they rank images, and whether they are probabilities."""

import math

import numpy as np
import numpy.typing as npt

from parcelscope.pipelines.judgement import (
    FALSE_ALARMS,
    Chart,
    Floats,
    Judged,
    NamedFigure,
    Series,
    Unjudged,
    plain,
)
from parcelscope.training.metrics import Groups, area_under_roc, auroc, recall_at_false_alarms
from parcelscope.training.reliability import calibration_error, reliability


def roc_judged(
    score: Floats, positive: npt.NDArray[np.bool_], groups: Groups, *, what: str
) -> Judged:
    """AUROC and recalls of `score` (N,) for `positive` (N,)."""
    figures = [
        NamedFigure(key="auroc", what=f"AUROC, {what}", figure=auroc(score, positive, groups))
    ]
    unjudged = []
    negatives = int((~positive).sum())
    for share in FALSE_ALARMS:
        name = f"recall at {share * 100:g} % false alarms"
        if negatives * share < 1:
            why = f"it takes {math.ceil(1 / share):,} images without anything, and there are"
            unjudged.append(Unjudged(what=name, why=f"{why} {negatives:,}"))
            continue
        recall = recall_at_false_alarms(score, positive, false_alarms=share, groups=groups)
        key = f"recall_at_{share * 100:g}_percent"
        figures.append(NamedFigure(key=key, what=name, figure=recall))
    order = np.argsort(-score, kind="stable")
    found = np.concatenate([[0.0], np.cumsum(positive[order]) / positive.sum()])
    wrong = np.concatenate([[0.0], np.cumsum(~positive[order]) / (~positive).sum()])
    chart = Chart(
        name="roc",
        title="Recall by false alarms",
        note=f"AUROC {area_under_roc(score, positive):.3f} on {len(score):,} images; the lines are"
        " at 1, 2, 5 and 18 % false alarms.",
        x_label="false alarms",
        y_label="recall",
        series=(Series(name="", x=wrong, y=found),),
        marks_x=FALSE_ALARMS,
        diagonal=True,
    )
    return Judged(figures=figures, charts=[chart], unjudged=unjudged)


def reliability_judged(
    score: Floats, hit: npt.NDArray[np.bool_], groups: Groups, *, images: int
) -> Judged:
    """Whether the scores (N,) of boxes are the chance that they are right.

    Args:
        score: Of every box found.
        hit: Whether each is right.
        groups: Group of each one's image.
        images: How many images there were.
    """
    if not len(score):
        why = "nothing was found in any image"
        return Judged(unjudged=[Unjudged(what="reliability of scores", why=why)])
    figure = NamedFigure(
        key="ece",
        what="expected calibration error of box scores",
        figure=calibration_error(score, hit, groups=groups),
        on="boxes found",
    )
    bins = [one for one in reliability(score, hit) if one.count]
    chart = Chart(
        name="reliability",
        title="Reliability of scores",
        note="Share of found boxes that are right (overlap of 0.5) by their score; on the line a"
        " score is a probability.",
        x_label="mean score",
        y_label="share right",
        series=(
            Series(
                name="",
                x=np.array([one.score for one in bins]),
                y=np.array([one.right for one in bins]),
                style="points",
            ),
            Series(
                name="share of all boxes found",
                x=np.array([(one.low + one.high) / 2 for one in bins]),
                y=np.array([one.count / len(score) for one in bins]),
                style="bars",
            ),
        ),
        diagonal=True,
    )
    found = NamedFigure(
        key="boxes_found", what="boxes found", figure=plain(float(len(score)), images)
    )
    return Judged(figures=[figure, found], charts=[chart])
