"""Decoding of the heat-map detector's raw outputs into boxes. No torch.

The graph already keeps only local peaks (a 3 x 3 maximum), so that decoding is a threshold and a
sort, and the same peaks come out of every runtime.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

FLOOR = 0.05
"""Lowest peak kept: below it lie thousands of empty cells, and no threshold."""
LIMIT = 100
"""Most boxes kept for one scan; a master carton of 40 pieces shows fewer than 60."""

MOST_OVERLAP = 0.5
"""Intersection over union above which two items of one class are taken for one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Boxes:
    """Detections of one scan, best first."""

    box_xyxy: Floats
    """(N, 4) in canvas pixels."""
    score: Floats
    """(N,) 0 to 1."""
    label: npt.NDArray[np.int64]
    """(N,) index of the class."""


def decode_peaks(
    peaks: Floats,
    size: Floats,
    offset: Floats,
    *,
    width_px: int,
    floor: float = FLOOR,
    limit: int = LIMIT,
    most_overlap: float | None = None,
) -> Boxes:
    """Boxes of one scan.

    Args:
        peaks: (C, h, w) peak scores, zero off the peaks.
        size: (2, h, w) width and height in canvas pixels.
        offset: (2, h, w) of the centre inside its cell, in cells, 0 to 1.
        width_px: Width of the canvas, of which the w cells are an even share.
        floor: Lowest score kept.
        limit: Most boxes kept.
        most_overlap: Of two boxes of one class with a larger intersection over union, 0 to 1, only
            the better is kept: two peaks on one large object. None keeps all.
    """
    stride_px = width_px / peaks.shape[2]
    label, row, column = np.nonzero(peaks >= floor)
    score = peaks[label, row, column]
    # Equal scores are broken by position, so that two runtimes give the same order.
    order = np.lexsort((column, row, label, -score))[:limit]
    label, row, column, score = label[order], row[order], column[order], score[order]
    centre_x = (column + offset[0, row, column]) * stride_px
    centre_y = (row + offset[1, row, column]) * stride_px
    half_w, half_h = size[0, row, column] / 2, size[1, row, column] / 2
    box_xyxy = np.stack(
        [centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h], axis=1
    ).astype(np.float32)
    boxes = Boxes(box_xyxy=box_xyxy, score=score.astype(np.float32), label=label)
    return boxes if most_overlap is None else without_doubles(boxes, most_overlap)


def without_doubles(boxes: Boxes, most_overlap: float) -> Boxes:
    """`boxes`, best first, without those that overlap a better one of their class too much."""
    corner_wh = boxes.box_xyxy.astype(np.float64)
    corner_wh[:, 2:] -= corner_wh[:, :2]
    # OpenCV tells classes apart by shifting them beyond the largest coordinate, so that below zero
    # a box of one class would lie upon one of another.
    corner_wh[:, :2] -= corner_wh[:, :2].min(axis=0, initial=0.0)
    kept = cv2.dnn.NMSBoxesBatched(
        corner_wh.tolist(), boxes.score.tolist(), boxes.label.tolist(), 0.0, most_overlap
    )
    rows = np.sort(np.asarray(kept, np.int64).reshape(-1))
    return Boxes(box_xyxy=boxes.box_xyxy[rows], score=boxes.score[rows], label=boxes.label[rows])
