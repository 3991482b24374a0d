"""Where on a large photo codes may be, told from its edges in a twentieth of the time of reading.

Bars are a patch of steep steps that all point one way; a matrix code is a patch of steep steps that
point both ways. Print does the same in thin lines, which are left out.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Luma = npt.NDArray[np.uint8]
_Map = npt.NDArray[np.float32]

_BLOCK_PX: Final = 8
_AROUND_BLOCKS: Final = 5
_NOISE_LEVELS: Final = 12
"""Grey levels added to the local range, so that noise on plain paper is no pattern."""
_ONE_WAY_SHARE: Final = 0.08
"""Mean step from pixel to pixel along the bars' normal, less 1.5 times that across it, as a share
of the local range. In the patches of 93 readable linear codes on generated photos, dark, blurred
and glaring ones included, it was at least that over 64 blocks but for two; where no such code was
read, over 55 blocks at most on 48 photos of labels."""
_LEAST_BAR_BLOCKS: Final = 24
_BOTH_WAYS_SHARE: Final = 0.45
"""Lesser of the mean steps along both axes, as a share of the photo's hundredth part with most of
it: 0.57 or more in all but one in a hundred of 76 matrix codes on generated photos, and above 0.57
on 6 % of what was no code."""
_LEAST_STEP: Final = 2.0
"""Mean step in grey levels below which nothing is a pattern."""
_LEAST_SIDE_BLOCKS: Final = 4
"""Patches that are narrower, such as lines of print, are no matrix codes."""
_LEAST_MATRIX_BLOCKS: Final = 12
_MARGIN_BLOCKS: Final = 6
_MOST_SHARE: Final = 0.6
"""Of the photo, above which the parts together cost more than the whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePlaces:
    """What a photo may hold that looks like codes."""

    upright_bars: bool
    """A patch of bars that a row of pixels crosses."""
    lying_bars: bool
    """A patch of bars that a column of pixels crosses."""
    matrix: Luma
    """1 where a matrix code may be, one value for each block of 8 x 8 pixels."""
    size_wh: tuple[int, int]
    """Of the photo in pixels."""

    def boxes_xyxy(
        self, known: Sequence[npt.NDArray[np.float32]] = ()
    ) -> tuple[tuple[int, int, int, int], ...]:
        """Pixels around each patch that may be a matrix code; the whole photo where they fill it.

        Args:
            known: Corners of codes that were read already, shape (4, 2) each; they are left out.
        """
        left = self.matrix.copy()
        for corners_xy in known:
            blocks = np.round(corners_xy / _BLOCK_PX).astype(np.int32)
            cv2.fillConvexPoly(left, blocks, (0,))
        return _boxes(_opened(left, _LEAST_SIDE_BLOCKS), *self.size_wh)


def code_places(luma: Luma) -> CodePlaces:
    """Where codes may be on a photo, shape (H, W), at least 64 pixels high and wide."""
    across, down, span = _steps(luma)
    both = np.minimum(across, down)
    least = max(_LEAST_STEP, _BOTH_WAYS_SHARE * _nearly_most(both))
    return CodePlaces(
        upright_bars=_has_bars(across, down, span),
        lying_bars=_has_bars(down, across, span),
        matrix=np.asarray(both >= least, np.uint8),
        size_wh=(luma.shape[1], luma.shape[0]),
    )


def _has_bars(along: _Map, across: _Map, span: _Map) -> bool:
    # Closed, then opened: gaps between bars are filled, single edges go.
    bars = np.asarray(along - 1.5 * across >= _ONE_WAY_SHARE * span, np.uint8)
    near = np.ones((3, 3), np.uint8)
    filled = np.asarray(cv2.morphologyEx(bars, cv2.MORPH_CLOSE, near), np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(_opened(filled, 3))
    return count > 1 and int(stats[1:, cv2.CC_STAT_AREA].max()) >= _LEAST_BAR_BLOCKS


def _steps(luma: Luma) -> tuple[_Map, _Map, _Map]:
    """Mean step from pixel to pixel along rows and columns around each block, and local range."""
    tall, wide = (n // _BLOCK_PX * _BLOCK_PX for n in luma.shape)
    whole = luma[:tall, :wide]
    step = np.zeros((tall, wide), np.uint8)
    cv2.absdiff(whole[:, 1:], whole[:, :-1], dst=step[:, 1:])
    across = _around(step)
    step[0] = 0
    cv2.absdiff(whole[1:], whole[:-1], dst=step[1:])
    down = _around(step)
    near = np.ones((3, 3), np.uint8)
    brightest = cv2.dilate(_of_blocks(np.maximum, whole), near)
    darkest = cv2.erode(_of_blocks(np.minimum, whole), near)
    span = cv2.subtract(brightest, darkest).astype(np.float32) + _NOISE_LEVELS
    return across, down, span


def _around(step: Luma) -> _Map:
    small = step
    for _ in range(3):  # exact halves are several times as fast as an eighth at once
        size_wh = (small.shape[1] // 2, small.shape[0] // 2)
        small = np.asarray(cv2.resize(small, size_wh, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.blur(small.astype(np.float32), (_AROUND_BLOCKS, _AROUND_BLOCKS)))


def _of_blocks(pick: np.ufunc, luma: Luma) -> Luma:
    """The brightest or darkest pixel of each block."""
    picked = pick.reduce(luma.reshape(-1, _BLOCK_PX, luma.shape[1]), axis=1)
    for _ in range(3):  # pairs, as numpy is slow over short rows
        picked = pick(picked[:, ::2], picked[:, 1::2])
    return np.ascontiguousarray(picked)


def _opened(mask: Luma, blocks: int) -> Luma:
    kernel = np.ones((blocks, blocks), np.uint8)
    return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, kernel), np.uint8)


def _nearly_most(values: _Map) -> float:
    """What all but a hundredth of `values` are below; faster than a percentile."""
    flat = values.ravel()
    place = min(int(0.99 * flat.size), flat.size - 1)
    return float(np.partition(flat, place)[place])


def _boxes(mask: Luma, width: int, height: int) -> tuple[tuple[int, int, int, int], ...]:
    """Boxes in pixels around the patches of `mask`, with a margin; those that meet are joined."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    boxes = [
        _grown(x, y, x + wide, y + tall, mask.shape)
        for x, y, wide, tall, area in stats[1:].tolist()
        if area >= _LEAST_MATRIX_BLOCKS
    ]
    boxes = _joined(boxes)
    if sum(map(_area, boxes)) > _MOST_SHARE * mask.size:
        return ((0, 0, width, height),)
    high, wide = mask.shape
    return tuple(
        (
            x0 * _BLOCK_PX,
            y0 * _BLOCK_PX,
            width if x1 == wide else x1 * _BLOCK_PX,
            height if y1 == high else y1 * _BLOCK_PX,
        )
        for x0, y0, x1, y1 in boxes
    )


def _grown(x0: int, y0: int, x1: int, y1: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    room = _MARGIN_BLOCKS
    return max(0, x0 - room), max(0, y0 - room), min(shape[1], x1 + room), min(shape[0], y1 + room)


def _joined(boxes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """`boxes`, two of them as one wherever that is no larger than both."""
    left = list(boxes)
    while True:
        for a, b in itertools.combinations(left, 2):
            both = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
            if _area(both) <= _area(a) + _area(b):
                left.remove(a)
                left.remove(b)
                left.append(both)
                break
        else:
            return left


def _area(box: tuple[int, int, int, int]) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])
