"""Lays one scan of a parcel over another: turned, mirrored and shifted on the belt as it may be.

Both are coarse maps of how much lies in each cell. Parcels have straight sides, so few ways to lie
are worth trying; the best is refined until the maps agree. What is near the source is shown
larger, so a little stretch is allowed.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

SMOOTHING_CELLS: Final = 2.0
"""Blur before matching: contents slip by half a cell, and noise is no match."""
SQUARE_ASPECT: Final = 1.25
"""Below this ratio of sides a parcel may as well lie a quarter turned."""
MOST_REFINED: Final = 3
"""Ways to lie that are refined; the others match too poorly."""
STRETCH: Final = (0.85, 1.18)
"""By how much one map may be larger: what lies 100 mm higher is shown 14 % smaller."""
LEAST_OVERLAP: Final = 0.8
"""Common share of both outlines from which the maps are taken to show the same side."""
LEAST_AMOUNT: Final = 0.02
"""In g/cm2 or as an attenuation: half a sheet of mailer on both sides."""
FEWEST_CELLS: Final = 40
_CRITERIA: Final = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aligned:
    """The first map on the grid of the second."""

    first: Floats
    """(H, W)."""
    overlap: float
    """Share of both outlines that is common, 0 to 1."""
    agreement: float
    """Correlation of the blurred maps, -1 to 1."""


def align_maps(first: Floats, second: Floats) -> Aligned | str:
    """`first` laid over `second`, or one sentence part why that cannot be done.

    Args:
        first: (h, w) amount in each cell, 0 where nothing lies.
        second: (H, W), likewise, cells of the same size.
    """
    outlines = [outline(one) for one in (first, second)]
    if any(int(one.sum()) < FEWEST_CELLS for one in outlines):
        return "one of the scans shows next to nothing"
    blurred = [_matchable(one) for one in (first, second)]
    ways = _ways(*(_rectangle(one) for one in outlines))
    tried = [(_correlation(_laid(blurred[0], way, second.shape), blurred[1]), way) for way in ways]
    best: Aligned | None = None
    for _, way in sorted(tried, key=lambda one: -one[0])[:MOST_REFINED]:
        for matrix in (_refined(blurred[0], blurred[1], way), way):
            if matrix is None:
                continue
            found = _aligned(first, outlines, blurred, matrix)
            # The refined way unless it lost the outline, as it may where contents were moved.
            if found.overlap >= LEAST_OVERLAP and (
                best is None or found.agreement > best.agreement
            ):
                best = found
    if best is None:
        return "the outlines do not match: the parcel lies on another side, or was packed anew"
    return best


def outline(amount: Floats) -> Mask:
    """(H, W) the largest piece of a map where something lies, thin packaging too."""
    blurred = cv2.GaussianBlur(amount, (0, 0), 1.0)
    thick = cv2.morphologyEx(
        (blurred > LEAST_AMOUNT).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)
    )
    count, labels, stats, _ = cv2.connectedComponentsWithStats(thick)
    if count < 2:
        return np.zeros(amount.shape, np.bool_)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(labels == largest)


def _matchable(amount: Floats) -> Floats:
    # The root, so that a little steel does not decide alone.
    blurred = cv2.GaussianBlur(amount, (0, 0), SMOOTHING_CELLS)
    return np.asarray(np.sqrt(np.maximum(blurred, np.float32(0))), np.float32)


def _rectangle(mask: Mask) -> tuple[tuple[float, float], float, float]:
    """Middle, angle in degrees of the longer side, and aspect (1 or more) of `mask`."""
    points = cv2.findNonZero(mask.view(np.uint8))
    (x, y), (width, height), angle = cv2.minAreaRect(points)
    if width < height:
        width, height, angle = height, width, angle + 90
    return (x, y), angle, width / max(height, 1.0)


def _ways(
    first: tuple[tuple[float, float], float, float],
    second: tuple[tuple[float, float], float, float],
) -> list[Floats]:
    """(2, 3) each: from cells of the first to cells of the second, for every way to lie."""
    turns = [0.0, 180.0]
    if min(first[2], second[2]) < SQUARE_ASPECT:
        turns += [90.0, 270.0]
    ways = []
    for mirrored in (False, True):
        mirror = np.diag([1.0, -1.0]) if mirrored else np.eye(2)
        for turn in turns:
            linear = _rotation(second[1] + turn) @ mirror @ _rotation(-first[1])
            shift = np.array(second[0]) - linear @ np.array(first[0])
            ways.append(np.column_stack([linear, shift]).astype(np.float32))
    return ways


def _rotation(degrees: float) -> npt.NDArray[np.float64]:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s], [s, c]])


def _laid(amount: Floats, way: Floats, shape: tuple[int, ...]) -> Floats:
    return np.asarray(cv2.warpAffine(amount, way, (shape[1], shape[0])), np.float32)


def _correlation(one: Floats, other: Floats) -> float:
    a, b = one - one.mean(), other - other.mean()
    scale = float(np.sqrt(float((a * a).sum()) * float((b * b).sum())))
    return float((a * b).sum()) / scale if scale > 0 else 0.0


def _refined(first: Floats, second: Floats, way: Floats) -> Floats | None:
    """`way` corrected until the maps agree best; None where that leads astray."""
    back = cv2.invertAffineTransform(way).astype(np.float32)
    everywhere = np.full(first.shape, 255, np.uint8)
    try:
        _, found = cv2.findTransformECC(
            second, first, back, cv2.MOTION_AFFINE, _CRITERIA, everywhere, 3
        )
    except cv2.error:  # it raises where the iteration does not converge
        return None
    scales = np.linalg.svd(np.asarray(found)[:, :2], compute_uv=False)
    if not (scales.min() >= STRETCH[0] and scales.max() <= STRETCH[1]):
        return None
    return np.asarray(cv2.invertAffineTransform(found), np.float32)


def _aligned(first: Floats, outlines: list[Mask], blurred: list[Floats], matrix: Floats) -> Aligned:
    shape = outlines[1].shape
    mask = _laid(outlines[0].astype(np.float32), matrix, shape) > 0.5
    common, either = mask & outlines[1], mask | outlines[1]
    return Aligned(
        first=_laid(first, matrix, shape),
        overlap=float(common.sum() / max(int(either.sum()), 1)),
        agreement=_correlation(_laid(blurred[0], matrix, shape), blurred[1]),
    )
