"""Decoding of the heat-map detector's raw outputs into boxes. No torch.

The graph already keeps only local peaks (a 3 x 3 maximum), so that decoding is a threshold and a
sort, and the same peaks come out of every runtime.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

STRIDE_PX = 4
"""Canvas pixels per heat-map cell."""
FLOOR = 0.05
"""Lowest peak kept: below it lie thousands of empty cells, and no threshold."""
LIMIT = 100
"""Most boxes kept for one scan; a master carton of 40 pieces shows fewer than 60."""


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
    peaks: Floats, size: Floats, offset: Floats, *, floor: float = FLOOR, limit: int = LIMIT
) -> Boxes:
    """Boxes of one scan.

    Args:
        peaks: (C, h, w) peak scores, zero off the peaks.
        size: (2, h, w) width and height in canvas pixels.
        offset: (2, h, w) of the centre inside its cell, in cells, 0 to 1.
        floor: Lowest score kept.
        limit: Most boxes kept.
    """
    label, row, column = np.nonzero(peaks >= floor)
    score = peaks[label, row, column]
    # Equal scores are broken by position, so that two runtimes give the same order.
    order = np.lexsort((column, row, label, -score))[:limit]
    label, row, column, score = label[order], row[order], column[order], score[order]
    centre_x = (column + offset[0, row, column]) * STRIDE_PX
    centre_y = (row + offset[1, row, column]) * STRIDE_PX
    half_w, half_h = size[0, row, column] / 2, size[1, row, column] / 2
    box_xyxy = np.stack(
        [centre_x - half_w, centre_y - half_h, centre_x + half_w, centre_y + half_h], axis=1
    ).astype(np.float32)
    return Boxes(box_xyxy=box_xyxy, score=score.astype(np.float32), label=label)
