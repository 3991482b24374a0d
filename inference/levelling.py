"""The attenuation of a scan, its air brought to zero, and what of it is covered."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Counts = npt.NDArray[np.uint16]
Mask = npt.NDArray[np.bool_]

COVERED_ATTENUATION: Final = 0.008
"""Smoothed low-energy attenuation from which a pixel counts as covered: 0.03 g/cm2."""
LEAST_TRANSMISSION: Final = 1e-3
"""Floor of the transmission that is taken the logarithm of."""


def attenuation_of_counts(counts: Counts, air_level: float) -> Image:
    """(H, W) attenuation -ln(I/I0), the air as it is.

    Args:
        counts: (H, W).
        air_level: Counts of an empty belt.
    """
    # A logarithm for each value that counts can have, not for each pixel: four times as fast.
    return np.asarray(np.take(_attenuation_of(float(air_level)), counts), np.float32)


def level(images: Sequence[Image]) -> tuple[Mask, bool]:
    """Bring the air in all `images` of one view to zero, in place.

    Args:
        images: (H, W) attenuation each; the first shows best what is thin.

    Returns:
        (H, W) what is covered, and whether there is air to take the level from.
    """
    for image in images:
        image -= _border_level(image)
    covered = _covered(images[0])
    air = np.asarray(~covered, np.float32)
    if air.sum() < 200:
        return covered, False
    for image in images:
        _subtract_offset(image, air)
    return _covered(images[0]), True


def window(where: Mask, *, margin_px: int) -> tuple[slice, slice]:
    """Rows and columns around `where`, with `margin_px` more."""
    x, y, width, height = cv2.boundingRect(where.view(np.uint8))
    first_row, first_column = max(y - margin_px, 0), max(x - margin_px, 0)
    # Where nothing is covered, one pixel: there must be something to sum up.
    return (
        slice(first_row, max(y + height + margin_px, 1)),
        slice(first_column, max(x + width + margin_px, 1)),
    )


def sum_over(image: Image, where: Mask) -> float:
    """Sum of `image` over `where`, in double precision."""
    mask = where.view(np.uint8)
    return float(cv2.mean(image, mask=mask)[0]) * cv2.countNonZero(mask)


@lru_cache(maxsize=64)
def _attenuation_of(air_level: float) -> Image:
    """(65536,) attenuation of every number of counts."""
    transmission = np.arange(65536, dtype=np.float32) / np.float32(air_level)
    depth: Image = -np.log(np.maximum(transmission, np.float32(LEAST_TRANSMISSION)))
    depth.setflags(write=False)
    return depth


def _border_level(image: Image, frame_px: int = 8) -> Image:
    """(1, W) first guess of the air level of each line, from the edges of the belt."""
    edges = np.concatenate([image[:frame_px], image[-frame_px:]])
    middle = np.median(edges, axis=0, keepdims=True)
    # What is not close to air is a parcel that reaches the edge.
    return np.where(np.abs(middle) < 0.04, middle, 0).astype(np.float32)


def _covered(thin: Image) -> Mask:
    thick = (cv2.blur(thin, (9, 9)) > COVERED_ATTENUATION).astype(np.uint8)
    return np.asarray(cv2.dilate(thick, np.ones((7, 7), np.uint8))) > 0


def _subtract_offset(image: Image, air: Image) -> None:
    """Take the mean of the air of each line, and then of each row, from `image`, in place.

    Args:
        image: (H, W), lines of the detector upright.
        air: (H, W) 1 where there is air, 0 elsewhere.
    """
    masked = image * air
    columns = _offsets(masked.sum(0), air.sum(0))
    # What the rows have left: the sums of the first pass less what that has taken away.
    rows = _offsets(masked.sum(1) - air @ columns, air.sum(1))
    image -= columns
    image -= rows[:, None]


def _offsets(sums: Image, counts: Image) -> Image:
    """Mean of each line with 16 pixels of air or more; in between, as its neighbours'."""
    known = np.flatnonzero(counts >= 16)
    if not len(known):
        return np.zeros(len(counts), np.float32)
    means = np.interp(np.arange(len(counts)), known, sums[known] / counts[known])
    return np.asarray(means, np.float32)
