"""Scores of fixed places to boxes: the part that anchor and grid detectors share. No torch."""

import numpy as np

from parcelscope.models.heatmap import FLOOR, LIMIT, Boxes, Floats, without_doubles

CANDIDATES = 300
"""Most boxes of one class that are compared with each other, as in torchvision's SSD."""


def boxes_above(
    score: Floats,
    box_xyxy: Floats,
    *,
    most_overlap: float | None,
    floor: float = FLOOR,
    limit: int = LIMIT,
    candidates: int = CANDIDATES,
) -> Boxes:
    """Boxes of one scan, best first; one place may be boxes of several classes.

    Args:
        score: (A, C) of each place and class, 0 to 1.
        box_xyxy: (A, 4) box of each place.
        most_overlap: Of two boxes of one class with a larger intersection over union, 0 to 1, only
            the better is kept. None keeps all: the network was taught to say each thing once.
        floor: Lowest score kept.
        limit: Most boxes kept.
        candidates: Most boxes of one class looked at.
    """
    place, label = np.nonzero(score >= floor)
    value = score[place, label]
    # Equal scores are broken by position, so that two runtimes give the same order.
    order = np.lexsort((place, label, -value))
    rows = np.concatenate(
        [order[:0], *(order[label[order] == kind][:candidates] for kind in np.unique(label))]
    )
    rows = rows[np.lexsort((place[rows], label[rows], -value[rows]))]
    boxes = Boxes(
        box_xyxy=box_xyxy[place[rows]].astype(np.float32),
        score=value[rows].astype(np.float32),
        label=label[rows],
    )
    if most_overlap is not None and len(rows):
        boxes = without_doubles(boxes, most_overlap)
    return Boxes(
        box_xyxy=boxes.box_xyxy[:limit], score=boxes.score[:limit], label=boxes.label[:limit]
    )


def inside(box_xyxy: Floats, *, width_px: int, height_px: int) -> Floats:
    """`box_xyxy` (N, 4) cut to the canvas."""
    edge = np.array([width_px, height_px] * 2, np.float32)
    cut: Floats = np.clip(box_xyxy, np.float32(0), edge)
    return cut
