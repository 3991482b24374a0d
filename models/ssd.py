"""Decoding of an SSD's raw head, as torchvision's ssdlite320_mobilenet_v3_large has it. No torch.

The graph gives logits and regressions of fixed anchors; the anchors follow from the canvas alone,
so that nothing but its size has to be kept beside the graph.
"""

import math
from functools import lru_cache

import numpy as np

from parcelscope.models.box_scores import CANDIDATES, boxes_above, inside
from parcelscope.models.heatmap import FLOOR, LIMIT, Boxes, Floats

# All as in torchvision 0.29, `models/detection/ssdlite.py` and `anchor_utils.py`.
LEVELS = 6
FIRST_HALVINGS = 4
"""The first level has one cell for 16 pixels, each further one half as many a side."""
SMALLEST, LARGEST = 0.2, 0.95
"""Anchor side on the first and the last level, as a share of the canvas."""
ASPECTS = (2, 3)
REACH = (10.0, 10.0, 5.0, 5.0)
"""What the regressions are divided by: x, y, width, height."""
LARGEST_GROWTH = math.log(1000.0 / 16)
"""Of the logarithm of a side, before the exponential."""
MOST_OVERLAP = 0.55
"""Intersection over union above which two boxes of one class are taken for one."""


def decode_ssd(
    logits: Floats,
    regression: Floats,
    *,
    width_px: int,
    height_px: int,
    floor: float = FLOOR,
    limit: int = LIMIT,
    most_overlap: float | None = MOST_OVERLAP,
    candidates: int = CANDIDATES,
) -> Boxes:
    """Boxes of one scan, cut to the canvas.

    Args:
        logits: (A, 1 + C), background first.
        regression: (A, 4) from each anchor to its box: shift in x, in y, growth in width, height.
        width_px: Width of the canvas.
        height_px: Height of the canvas.
        floor: Lowest score kept.
        limit: Most boxes kept.
        most_overlap: As in `boxes_above`.
        candidates: As in `boxes_above`.
    """
    anchor = anchors(width_px, height_px)
    step = regression / np.array(REACH, np.float32)
    centre = anchor[:, :2] + step[:, :2] * anchor[:, 2:]  # (A, 2)
    half = anchor[:, 2:] * np.exp(np.minimum(step[:, 2:], LARGEST_GROWTH)) / 2
    box_xyxy = inside(
        np.concatenate([centre - half, centre + half], axis=1),
        width_px=width_px,
        height_px=height_px,
    )
    power = np.exp(logits - logits.max(axis=1, keepdims=True))
    return boxes_above(
        (power / power.sum(axis=1, keepdims=True))[:, 1:],
        box_xyxy,
        most_overlap=most_overlap,
        floor=floor,
        limit=limit,
        candidates=candidates,
    )


@lru_cache(maxsize=16)
def anchors(width_px: int, height_px: int) -> Floats:
    """(A, 4) centre x, y, width and height in canvas pixels: by level, row, column and shape."""
    parts = []
    columns, rows = width_px, height_px
    for _ in range(FIRST_HALVINGS):
        columns, rows = halved(columns), halved(rows)
    for level in range(LEVELS):
        y, x = np.mgrid[:rows, :columns].astype(np.float32) + 0.5
        shapes = anchor_shapes(level)
        cells = np.stack([x / columns, y / rows], axis=-1).reshape(-1, 1, 2)  # (cells, 1, 2)
        centre = np.broadcast_to(cells, (len(cells), len(shapes), 2))
        size = np.broadcast_to(shapes, centre.shape)
        parts.append(np.concatenate([centre, size], axis=-1).reshape(-1, 4))
        columns, rows = halved(columns), halved(rows)
    found: Floats = np.concatenate(parts) * np.array([width_px, height_px] * 2, np.float32)
    found.setflags(write=False)  # shared by all who ask
    return found


def anchor_shapes(level: int) -> Floats:
    """(6, 2) widths and heights of the anchors of one level, as shares of the canvas."""
    sides = [SMALLEST + (LARGEST - SMALLEST) * k / (LEVELS - 1) for k in range(LEVELS)] + [1.0]
    side, between = sides[level], math.sqrt(sides[level] * sides[level + 1])
    shapes = [(side, side), (between, between)]
    for aspect in ASPECTS:
        long, short = side * math.sqrt(aspect), side / math.sqrt(aspect)
        shapes += [(long, short), (short, long)]
    return np.minimum(np.array(shapes, np.float32), 1.0)


def halved(cells: int) -> int:
    """Cells after a convolution of stride 2 with padding."""
    return (cells + 1) // 2
