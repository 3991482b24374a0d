"""How well a map shows where a picture is unusual, against masks of its pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from sklearn.metrics import auc, roc_auc_score

from parcelscope.training.metrics import Figure, Groups, Rows, bootstrap

Floats = npt.NDArray[np.float32]
MOST_FALSE = 0.3
"""Share of normal pixels up to which the overlap is integrated, as MVTec AD does."""
STEPS = 200
"""Thresholds, at even shares of normal pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFigures:
    """Figures of maps against masks."""

    auroc: float
    """Of all pixels together; NaN without both kinds."""
    aupro: Figure
    """Area under mean region overlap by share of false pixels, up to `MOST_FALSE`, 0 to 1."""


def pixel_figures(
    heats: Sequence[Floats],
    masks: Sequence[npt.NDArray[np.bool_]],
    *,
    groups: Groups | None = None,
    repeats: int = 100,
) -> PixelFigures:
    """Figures of `heats` against `masks`, both (h, w) of each picture.

    Args:
        heats: Higher is more unusual, comparable between pictures.
        masks: Whether each pixel is unusual; pictures of normal things have none.
        groups: (N,) pictures that go together, as for `bootstrap`.
        repeats: Resamplings.
    """
    heat = np.concatenate([one.ravel() for one in heats])
    mask = np.concatenate([one.ravel() for one in masks])
    if mask.all() or not mask.any():
        nothing = Figure(value=np.nan, low=np.nan, high=np.nan, count=len(heats))
        return PixelFigures(auroc=float("nan"), aupro=nothing)
    normal_heat = heat[~mask]
    # Just above all normal pixels first: a map of few values has no threshold between them.
    above_all = np.nextafter(normal_heat.max(), np.float32(np.inf))
    shares = np.linspace(0, MOST_FALSE, STEPS + 1)
    thresholds = np.concatenate([[above_all], np.quantile(normal_heat, 1 - shares)])
    counted = [_counted(h, m, thresholds) for h, m in zip(heats, masks, strict=True)]
    false, normal, overlap, regions = (np.array(column) for column in zip(*counted, strict=True))

    def measure(rows: Rows) -> float:
        found = regions[rows].sum()
        if not found or not normal[rows].sum():
            return float("nan")
        wrong = false[rows].sum(0) / normal[rows].sum()
        return area_under_overlap(wrong, overlap[rows].sum(0) / found)

    aupro = bootstrap(len(heats), measure, groups=groups, repeats=repeats)
    return PixelFigures(auroc=float(roc_auc_score(mask, heat)), aupro=aupro)


def area_under_overlap(wrong: npt.NDArray[np.float64], overlap: npt.NDArray[np.float64]) -> float:
    """Area under `overlap` by `wrong` (both (T,), rising) from 0 to `MOST_FALSE`, as a share."""
    end = float(np.interp(MOST_FALSE, wrong, overlap))
    below = wrong < MOST_FALSE
    x = np.concatenate([[0.0], wrong[below], [MOST_FALSE]])
    y = np.concatenate([[0.0], overlap[below], [end]])
    return float(auc(x, y) / MOST_FALSE)


def _counted(
    heat: Floats, mask: npt.NDArray[np.bool_], thresholds: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.int64], int, npt.NDArray[np.float64], int]:
    """(T,) false pixels, all normal pixels, (T,) summed overlap of the regions, and how many."""
    false = _at_least(heat[~mask], thresholds)
    regions, numbered = cv2.connectedComponents(mask.astype(np.uint8))
    overlap = np.zeros(len(thresholds))
    for region in range(1, regions):
        inside = heat[numbered == region]
        overlap += _at_least(inside, thresholds) / len(inside)
    return false, int((~mask).sum()), overlap, regions - 1


def _at_least(values: Floats, thresholds: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """How many of `values` are at least each of `thresholds`."""
    return len(values) - np.searchsorted(np.sort(values), thresholds, side="left")
