"""Fine detail of print: how crisp it is, and the bars of a retail code."""

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.packaging.codes import ean13_modules
from parcelscope.inference.registration import Image, Matrix, grey_of, mapped

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

TILE_PX: Final = 12
"""Sharpness is judged on the strongest edges of tiles of the photo."""
LEAST_EDGE: Final = 40
"""Grey levels within a tile that count as an edge."""
MIN_TILES: Final = 8
BAR_SAMPLES: Final = 1000
"""Along the strip that is searched for the code; about six for each of its modules."""
BAR_GROUPS: Final = 4
"""Bands of the strip that are averaged apart, as a tilted code leaves it at one end."""
_ROWS_OF_GROUP = 8
_MODULES = 95
_SAMPLES = 6
"""For each module, where patterns are compared."""
_WIDTHS = np.linspace(0.42, 0.92, 51)
"""Share of the strip that the code may take."""
_LEAST_MATCH = 0.5
_BLURS = (0.35, 0.6, 0.9)
"""Modules."""


def edges_of(photo: Image, print_there: Mask) -> tuple[float, float]:
    """How steep edges are in the print and in the rest of the photo, logarithms; NaN if unknown.

    A blurred shot blurs both. What was scanned and printed again has lost detail that the edges of
    the package and its surroundings still have.

    Args:
        photo: (h, w, 3) RGB, at its own pixels.
        print_there: (h, w) where it shows the compared print.
    """
    grey = grey_of(photo).astype(np.float32)
    there = print_there.astype(np.uint8)
    inside = _steepness(grey, there > 0)
    outside = _steepness(grey, cv2.dilate(there, np.ones((9, 9), np.uint8)) == 0)
    return float(np.log(inside)), float(np.log(outside))


def _steepness(grey: Floats, mask: Mask) -> float:
    """Steepest step of strong edges as a share of their height, in tiles within `mask`."""
    step = np.zeros_like(grey)
    step[:, 1:] = np.abs(np.diff(grey, axis=1))
    step[1:] = np.maximum(step[1:], np.abs(np.diff(grey, axis=0)))
    tall, wide = (n // TILE_PX * TILE_PX for n in grey.shape)

    def tiles(values: Floats) -> Floats:
        cut = values[:tall, :wide]
        return cut.reshape(tall // TILE_PX, TILE_PX, wide // TILE_PX, TILE_PX)

    span = tiles(grey).max(axis=(1, 3)) - tiles(grey).min(axis=(1, 3))
    edges = tiles(mask.astype(np.float32)).min(axis=(1, 3)).astype(np.bool_) & (span >= LEAST_EDGE)
    if edges.sum() < MIN_TILES:
        return float("nan")
    # The tiles with the most contrast: noise weighs least there.
    strong = edges & (span >= np.quantile(span[edges], 0.5))
    return float(np.quantile(tiles(step).max(axis=(1, 3))[strong] / span[strong], 0.7))


def bars_of(photo: Image, matrix: Matrix, corners_xy: Floats) -> Floats:
    """Brightness along the strip of a linear code, (BAR_GROUPS, BAR_SAMPLES).

    Averaged over the height of each band, which shows modules narrower than a pixel's noise.

    Args:
        photo: (h, w, 3) RGB.
        matrix: (3, 3) from its pixels to those of the reference.
        corners_xy: (4, 2) strip on the reference, clockwise, sides along the bars.
    """
    there = mapped(np.linalg.inv(matrix), corners_xy)
    size = (BAR_SAMPLES, BAR_GROUPS * _ROWS_OF_GROUP)
    flat = np.array([[0, 0], [size[0], 0], [size[0], size[1]], [0, size[1]]], np.float32)
    warp = cv2.getPerspectiveTransform(there.astype(np.float32), flat)
    strip = cv2.warpPerspective(grey_of(photo), warp, size, flags=cv2.INTER_CUBIC)
    bands = np.asarray(strip, np.float32).reshape(BAR_GROUPS, _ROWS_OF_GROUP, -1)
    return np.asarray(bands.mean(axis=1), np.float32)


def other_digit(profiles: Floats, digits: str) -> tuple[float, str | None]:
    """How much better another digit fits the bars of an EAN-13 than the expected one.

    Every digit is tried at every place: a code too small to be read as a whole can still be held
    against the one that genuine copies carry.

    Args:
        profiles: As `bars_of` gives them.
        digits: The 13 digits that genuine copies carry.

    Returns:
        Largest gain in correlation, -2 to 2, below 0 where the expected digits fit best (-1 where
        the code was not found at all), and the text with that one digit, None below 0.
    """
    found = _located(profiles, ean13_modules(digits)[0])
    if found is None:
        return -1.0, None
    code, blur = found
    best, text = -2.0, None
    right, left = _patterns()
    for place in range(1, 13):
        start = 3 + 7 * (place - 1) + (5 if place > 6 else 0)
        gain, digit = _gain(
            code, ean13_modules(digits)[0], start, blur, right if place > 6 else left
        )
        if gain > best:
            best, text = gain, f"{digits[:place]}{digit}{digits[place + 1 :]}"
    return best, text if best > 0 else None


def _located(profiles: Floats, modules: Image) -> tuple[Floats, float] | None:
    """The code stretched to `_SAMPLES` a module, with a quiet zone of 4, and its blur."""
    best: tuple[float, int, int, int, float] | None = None
    for blur in _BLURS:
        ideal = _drawn(modules, blur)
        for width in _WIDTHS:
            size = round(width * BAR_SAMPLES)
            pattern = cv2.resize(ideal[None], (size, 1), interpolation=cv2.INTER_AREA)
            for group, profile in enumerate(profiles):
                match = cv2.matchTemplate(profile[None], pattern, cv2.TM_CCOEFF_NORMED)[0]
                start = int(match.argmax())
                if best is None or match[start] > best[0]:
                    best = (float(match[start]), group, start, size, blur)
    if best is None or best[0] < _LEAST_MATCH:
        return None
    _, group, start, size, blur = best
    step = size / (_MODULES + 8) / _SAMPLES
    x = start + (np.arange((_MODULES + 8) * _SAMPLES) + 0.5) * step - 0.5
    return np.interp(x, np.arange(BAR_SAMPLES), profiles[group]).astype(np.float32), blur


def _gain(
    code: Floats, modules: Image, start: int, blur: float, patterns: list[tuple[str, Image]]
) -> tuple[float, str]:
    """How much better the best other digit fits the seven modules from `start`, and which."""
    first = (start + 4 - 2) * _SAMPLES
    length = 11 * _SAMPLES
    reach = round(0.7 * _SAMPLES)
    window = code[max(first - reach, 0) : first + length + reach]
    expected = modules[start : start + 7]

    def fit(pattern: Image) -> float:
        around = modules.copy()
        around[start : start + 7] = pattern
        drawn = _drawn(around, blur)[first : first + length]
        return float(cv2.matchTemplate(window[None], drawn[None], cv2.TM_CCOEFF_NORMED).max())

    others = [
        (fit(pattern), digit)
        for digit, pattern in patterns
        if not np.array_equal(pattern, expected)
    ]
    score, digit = max(others)
    return score - fit(expected), digit


def _drawn(modules: Image, blur: float) -> Floats:
    """The modules with a quiet zone of 4 as a camera sees them, `_SAMPLES` a module."""
    padded = np.pad(modules.astype(np.float32), 4, constant_values=255)
    sharp = np.repeat(padded, _SAMPLES)[None]
    return np.asarray(cv2.GaussianBlur(sharp, (0, 0), blur * _SAMPLES)[0], np.float32)


@lru_cache(maxsize=1)
def _patterns() -> tuple[list[tuple[str, Image]], list[tuple[str, Image]]]:
    """Modules of each digit in the right half, and of each in the left half, both parities."""
    right = [(str(d), ean13_modules(f"{'0' * 12}{d}")[0][85:92]) for d in range(10)]
    odd = [(digit, 255 - pattern) for digit, pattern in right]
    even = [(digit, pattern[::-1]) for digit, pattern in right]
    return right, odd + even
