"""What the heat-map network should have said: boxes to maps."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

SPREAD = 0.09
"""Spread of a peak as a share of the box's side; Liu et al. 2020 (TTFNet) use 0.54 / 6."""
LEAST_SPREAD_CELLS = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Maps for one scan, h x w cells."""

    heat: Floats
    """(C, h, w) 0 to 1, exactly 1 at each centre's cell."""
    size: Floats
    """(2, h, w) width and height in canvas pixels near each centre."""
    offset: Floats
    """(2, h, w) centre minus cell corner, in cells."""
    weight: Floats
    """(h, w) how much size and offset count in that cell."""
    density: Floats
    """(h, w) objects per cell; sums to the number of boxes."""


def draw_targets(
    box_xyxy: Floats,
    label: npt.NDArray[np.int64],
    *,
    classes: int,
    grid_hw: tuple[int, int],
    stride_px: int,
) -> Targets:
    """Maps for the boxes of one scan.

    Args:
        box_xyxy: (N, 4) in canvas pixels.
        label: (N,) class of each box.
        classes: Number of classes.
        grid_hw: Rows and columns of the maps.
        stride_px: Canvas pixels per cell.
    """
    h, w = grid_hw
    heat = np.zeros((classes, h, w), np.float32)
    size = np.zeros((2, h, w), np.float32)
    offset = np.zeros((2, h, w), np.float32)
    weight = np.zeros((h, w), np.float32)
    density = np.zeros((h, w), np.float32)
    rows, columns = np.arange(h, dtype=np.float32), np.arange(w, dtype=np.float32)
    area = (box_xyxy[:, 2] - box_xyxy[:, 0]) * (box_xyxy[:, 3] - box_xyxy[:, 1])
    for index in np.argsort(-area):  # small boxes last: they win the cells that they share
        x0, y0, x1, y1 = box_xyxy[index]
        cx, cy = (x0 + x1) / 2 / stride_px, (y0 + y1) / 2 / stride_px
        column, row = min(max(int(cx), 0), w - 1), min(max(int(cy), 0), h - 1)
        sx = max((x1 - x0) / stride_px * SPREAD, LEAST_SPREAD_CELLS)
        sy = max((y1 - y0) / stride_px * SPREAD, LEAST_SPREAD_CELLS)
        peak = np.exp(-((rows[:, None] - row) ** 2) / (2 * sy * sy)) * np.exp(
            -((columns[None] - column) ** 2) / (2 * sx * sx)
        )  # (h, w)
        np.maximum(heat[label[index]], peak, out=heat[label[index]])
        density += peak / peak.sum()
        near = (peak > 0.35) & (peak >= weight)
        size[:, near] = np.array([[x1 - x0], [y1 - y0]], np.float32)
        offset[0, near] = (cx - columns[None].repeat(h, 0))[near]
        offset[1, near] = (cy - rows[:, None].repeat(w, 1))[near]
        weight[near] = peak[near]
    return Targets(heat=heat, size=size, offset=offset, weight=weight, density=density)
