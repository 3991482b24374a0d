"""Lines of printed text as a reader finds them on a photo, and which of them belong together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

_PITCH: Final = 1.45
"""Heights of a line from its middle to that of the next one, up to which both are one block. On
printed addresses it is 0.9 to 1.2, since readers draw their boxes around a line generously; an
empty line makes it 1.7 and more."""
_OVERLAP: Final = 0.3
"""Share of the shorter line that must lie above or below the longer one."""
_LIKE_HEIGHT: Final = 1.3
"""Lines of one block differ in height by no more than this factor: a headline is no part of it."""


_ROW_GAP: Final = 2.5
"""Heights of a line that may lie between two parts of one row: the first digit of an EAN stands
apart from the others by about one."""
_ROW_SHIFT: Final = 0.5
"""Heights by which the middles of two parts of a row may differ."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextLine:
    """One line of text that was read in a photo."""

    text: str
    confidence: float
    """Of the reader, 0 to 1; no probability."""
    corners_xy: Points
    """Corners in pixels, shape (4, 2), clockwise from the upper left one of the photo, not of the
    text: a reader does not say which way up the line is."""

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        """Upright box around the corners, in pixels."""
        low, high = self.corners_xy.min(axis=0), self.corners_xy.max(axis=0)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


@dataclass(frozen=True, slots=True)
class _Places:
    """Where lines lie in the label's own frame, each (N,): along the text, and from line to line.

    The frame may still stand on its head.
    """

    start: Floats
    end: Floats
    middle: Floats
    height: Floats


def text_blocks(lines: Sequence[TextLine]) -> tuple[tuple[TextLine, ...], ...]:
    """Lines that stand below each other at the pitch of one paragraph, each block from its top.

    The label may lie on its side or on its head. Which way is up follows from the margins: text is
    set flush left, so that lines begin at one place and end at many.

    Returns:
        Blocks from the top of the label to its bottom; every line is in one of them.
    """
    if not lines:
        return ()
    places = _places(lines)
    groups = _groups(places)
    sign = 1 if _is_upright(places, groups) else -1
    ordered = [sorted(group, key=lambda n: sign * places.middle[n]) for group in groups]
    ordered.sort(key=lambda group: (sign * places.middle[group[0]], sign * places.start[group[0]]))
    return tuple(tuple(lines[n] for n in group) for group in ordered)


def text_rows(lines: Sequence[TextLine]) -> tuple[TextLine, ...]:
    """Rows of lines that stand side by side, each as one line; none of a single line.

    A reader takes the groups of a number for lines of their own where the gaps are wide.
    """
    if len(lines) < 2:
        return ()
    places = _places(lines)
    upright = _is_upright(places, _groups(places))
    order = np.argsort(places.start if upright else -places.end)
    rows: list[list[int]] = []
    for n in order.tolist():
        for row in rows:
            if _continues(places, row[-1], n):
                row.append(n)
                break
        else:
            rows.append([n])
    return tuple(_joined([lines[n] for n in row]) for row in rows if len(row) > 1)


def _continues(places: _Places, one: int, other: int) -> bool:
    """Whether two lines are neighbours in a row."""
    tall = max(places.height[one], places.height[other])
    gap = max(places.start[one], places.start[other]) - min(places.end[one], places.end[other])
    is_level = abs(places.middle[one] - places.middle[other]) <= _ROW_SHIFT * tall
    alike = tall <= _LIKE_HEIGHT * min(places.height[one], places.height[other])
    return bool(is_level and alike and -_ROW_SHIFT * tall <= gap <= _ROW_GAP * tall)


def _joined(row: Sequence[TextLine]) -> TextLine:
    corners = np.concatenate([line.corners_xy for line in row])
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return TextLine(
        text=" ".join(line.text for line in row),
        confidence=min(line.confidence for line in row),
        corners_xy=np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32),
    )


def _places(lines: Sequence[TextLine]) -> _Places:
    corners = np.stack([line.corners_xy for line in lines]).astype(np.float64)  # (N, 4, 2)
    across = (corners[:, 1] - corners[:, 0] + corners[:, 2] - corners[:, 3]) / 2
    down = (corners[:, 3] - corners[:, 0] + corners[:, 2] - corners[:, 1]) / 2
    is_flat = np.linalg.norm(across, axis=1) >= np.linalg.norm(down, axis=1)
    along = np.where(is_flat[:, None], across, down)  # (N, 2)
    # Lines of one label are parallel; doubled angles make opposite directions one.
    doubled = (along[:, 0] + 1j * along[:, 1]) ** 2
    angle = float(np.angle(doubled.sum()) / 2)
    axis, normal = _turned(angle), _turned(angle + np.pi / 2)
    at, off = corners @ axis, corners @ normal  # (N, 4)
    return _Places(
        start=at.min(axis=1),
        end=at.max(axis=1),
        middle=off.mean(axis=1),
        # Not the shorter side: a single letter may be taller than wide.
        height=np.maximum(np.abs(across @ normal), np.abs(down @ normal)),
    )


def _turned(angle: float) -> Floats:
    return np.array([np.cos(angle), np.sin(angle)])


def _groups(places: _Places) -> list[list[int]]:
    """The places of lines that are neighbours of neighbours."""
    count = len(places.start)
    low = np.maximum(places.start[:, None], places.start)
    shared = np.minimum(places.end[:, None], places.end) - low
    width = places.end - places.start
    shorter = np.maximum(np.minimum(width[:, None], width), 1.0)
    tall = np.maximum(np.maximum(places.height[:, None], places.height), 1.0)
    alike = tall <= _LIKE_HEIGHT * np.minimum(places.height[:, None], places.height)
    pitch = np.abs(places.middle[:, None] - places.middle)
    near = (shared >= _OVERLAP * shorter) & alike & (pitch <= _PITCH * tall)
    np.fill_diagonal(near, val=True)  # a line of no width shares nothing, even with itself
    group = np.arange(count)
    for n in range(count):
        joined = np.unique(group[near[n]])
        group[np.isin(group, joined)] = joined[0]
    return [np.flatnonzero(group == g).tolist() for g in np.unique(group)]


def _is_upright(places: _Places, groups: Sequence[Sequence[int]]) -> bool:
    """Whether the text begins at the lower end of the axis."""
    begins, ends = 0.0, 0.0
    for group in groups:
        if len(group) > 1:
            begins += float(np.ptp(places.start[list(group)]))
            ends += float(np.ptp(places.end[list(group)]))
    return begins <= ends
