"""The picture of a genuine reference: many photos of one print laid over each other."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.inference.appearance import Template, lab_of, luma, relit
from parcelscope.inference.codes import ReadCode
from parcelscope.inference.reference_codes import named_code
from parcelscope.inference.registration import (
    Image,
    Matrix,
    align,
    flattened,
    grey_of,
    keypoints_of,
    laid_over,
    mapped,
    reduced,
    refined,
    textured_points,
)
from parcelscope.models.references import Floats

WIDTH_PX: Final = 512
MIN_REGION_SHARE: Final = 0.006
"""Of the print: smaller patches of even colour are left to the maps."""
MOST_REGIONS: Final = 6
SURE_INLIERS: Final = 25
"""Matches between two genuine photos that count as the same print."""
BAR_HALF_HEIGHT: Final = 0.1
"""Of the strip that is averaged, as a share of the code's length: well inside any EAN."""
_CANDIDATES = 3


def common_grid(
    photos: Sequence[Image],
) -> tuple[int, list[Matrix | None], npt.NDArray[np.bool_]]:
    """The photo that the others match best; from each to the grid; where the print is."""
    smalls = [reduced(photo)[0] for photo in photos]
    found = [keypoints_of(grey_of(small)) for small in smalls]
    # The richest in detail first: blurred and tilted photos have fewer keypoints.
    order = sorted(range(len(photos)), key=lambda k: (-len(found[k].xy), k))[:_CANDIDATES]
    trials = []
    for k in order:
        lies = [align(points, found[k]) for points in found]
        good = [a if a is not None and a.inliers >= SURE_INLIERS else None for a in lies]
        median = float(np.median([0 if a is None else a.inliers for a in good]))
        trials.append((median, k, good))
        if median >= 80:
            break
    _, base, lies = max(trials, key=lambda trial: (trial[0], -trial[1]))
    votes = np.zeros(smalls[base].shape[:2], np.float32)
    for k, one in enumerate(lies):
        if one is None or k == base:
            continue
        mark = np.zeros(votes.shape, np.uint8)
        for x, y in one.target_xy:
            cv2.circle(mark, (round(float(x)), round(float(y))), 6, 1, -1)
        votes += mark
    shared = np.argwhere(votes >= max(2, 0.15 * len(photos)))[:, ::-1].astype(np.int32)
    if len(shared) < 3:
        return base, [None] * len(photos), np.zeros((1, 1), np.bool_)
    hull = cv2.convexHull(shared)
    x0, y0, width, height = cv2.boundingRect(hull)
    margin = 0.05 * width
    zoom = WIDTH_PX / (width + 2 * margin)
    shift = np.array(
        [[zoom, 0, (margin - x0) * zoom], [0, zoom, (margin - y0) * zoom], [0, 0, 1]], np.float64
    )
    size = (WIDTH_PX, round((height + 2 * margin) * zoom))
    inside = np.zeros(size[::-1], np.uint8)
    outline = mapped(shift, hull.reshape(-1, 2)).round().astype(np.int32)
    cv2.fillConvexPoly(inside, outline, 1)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25))
    inside = np.asarray(cv2.dilate(inside, brush), np.uint8)
    return base, [None if a is None else shift @ a.matrix for a in lies], inside > 0


def template_of(
    smalls: dict[int, Image],
    to_grid: dict[int, Matrix | None],
    inside: npt.NDArray[np.bool_],
) -> tuple[Template, dict[int, Matrix]]:
    """The mean of the photos on the grid, each in the same light, after fine registration."""
    size = (inside.shape[1], inside.shape[0])
    matrices = {k: matrix for k, matrix in to_grid.items() if matrix is not None}
    pictures = np.stack([laid_over(smalls[k], matrices[k], size) for k in matrices])
    picture = np.median(pictures, axis=0).astype(np.uint8)
    blank = np.zeros(inside.shape, np.uint8)
    for _ in range(2):
        flat = flattened(grey_of(picture))
        points = textured_points(flat, inside.astype(np.uint8))
        matrices = {
            k: refined(smalls[k], matrix, flat, points, rounds=1) for k, matrix in matrices.items()
        }
        plain = Template(
            picture=picture, flat=flat, inside=inside, regions=blank, paper=0, points=points
        )
        lit = [relit(plain, laid_over(smalls[k], m, size), inside) for k, m in matrices.items()]
        picture = np.clip(np.median(np.stack(lit), axis=0), 0, 255).astype(np.uint8)
    regions, paper = colour_regions(picture, inside)
    flat = flattened(grey_of(picture))
    points = textured_points(flat, inside.astype(np.uint8))
    return (
        Template(
            picture=picture, flat=flat, inside=inside, regions=regions, paper=paper, points=points
        ),
        matrices,
    )


def colour_regions(picture: Image, inside: npt.NDArray[np.bool_]) -> tuple[Image, int]:
    """Regions of even colour: (H, W) numbers from 1, and which of them is neutral paper or 0."""
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.0).astype(np.float32)
    lab = lab_of(smooth)
    grey = luma(smooth)
    spread = cv2.dilate(grey, np.ones((5, 5))) - cv2.erode(grey, np.ones((5, 5)))
    even = (spread < 14) & (cv2.erode(inside.astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)
    values = lab[even]
    if len(values) < 500:
        return np.zeros(inside.shape, np.uint8), 0
    cv2.setRNGSeed(0)
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 30, 0.2)
    _, found, centres = cv2.kmeans(
        np.ascontiguousarray(values),
        MOST_REGIONS,
        np.zeros((len(values), 1), np.int32),
        stop,
        3,
        cv2.KMEANS_PP_CENTERS,
    )
    groups = _merged(
        np.asarray(centres, np.float32), np.bincount(found.ravel(), minlength=MOST_REGIONS)
    )
    regions = np.zeros(inside.shape, np.uint8)
    regions[even] = groups[found.ravel()]
    least = MIN_REGION_SHARE * inside.sum()
    kept = [r for r in range(1, int(groups.max()) + 1) if (regions == r).sum() >= least]
    numbers = np.zeros(int(groups.max()) + 1, np.uint8)
    for new, old in enumerate(kept, start=1):
        numbers[old] = new
    regions = numbers[regions]
    paper, largest = 0, 0
    for number in range(1, len(kept) + 1):
        place = regions == number
        light, a, b = np.median(lab[place], axis=0)
        if light > 60 and np.hypot(a, b) < 12 and place.sum() > largest:
            paper, largest = number, int(place.sum())
    return regions, paper


def _merged(centres: Floats, sizes: npt.NDArray[np.intp]) -> npt.NDArray[np.uint8]:
    """Number from 1 of the group that each centre belongs to: near colours are one ink.

    Lightness counts half: the same ink in uneven light is one region.
    """
    groups = np.zeros(len(centres), np.uint8)
    count = 0
    for k in np.argsort(-sizes, kind="stable"):
        for j in range(len(centres)):
            off = (centres[k] - centres[j]) * (0.4, 1.0, 1.0)
            if groups[j] and np.linalg.norm(off) < 9:
                groups[k] = groups[j]
                break
        else:
            count += 1
            groups[k] = count
    return groups


def bar_strip(picture: Image, read: Sequence[Sequence[ReadCode]]) -> Floats | None:
    """(4, 2) strip of the retail code that most photos agree on; None where none was read twice.

    The ends come from the readings, the direction of the bars from the picture: a code is read
    along any line that crosses it.
    """
    counts = Counter(named_code(code) for codes in read for code in codes if code.symbology_ok)
    retail = [code for code in counts if code.startswith(("EAN", "UPC")) and counts[code] >= 2]
    if not retail:
        return None
    chosen = max(sorted(retail), key=lambda code: counts[code])
    corners = np.stack([c.corners_xy for codes in read for c in codes if named_code(c) == chosen])
    left = np.median((corners[:, 0] + corners[:, 3]) / 2, axis=0)
    right = np.median((corners[:, 1] + corners[:, 2]) / 2, axis=0)
    along = right - left
    bars = _bar_direction(picture, left, right) * np.linalg.norm(along) * BAR_HALF_HEIGHT
    start, end = left - along * 0.3, right + along * 0.3
    return np.stack([start - bars, end - bars, end + bars, start + bars]).astype(np.float32)


def _bar_direction(
    picture: Image, left: npt.NDArray[np.floating], right: npt.NDArray[np.floating]
) -> Floats:
    """Unit vector along the bars between two points of a picture, pointing down."""
    grey = cv2.GaussianBlur(grey_of(picture).astype(np.float32), (0, 0), 1.0)
    dx, dy = (cv2.Sobel(grey, cv2.CV_32F, *order) for order in ((1, 0), (0, 1)))
    place = np.zeros(grey.shape, np.uint8)
    ends = [(round(float(x)), round(float(y))) for x, y in (left, right)]
    cv2.line(place, ends[0], ends[1], 1, max(3, round(float(np.linalg.norm(right - left)) / 12)))
    there = place > 0
    tensor = np.array(
        [
            [(dx * dx)[there].sum(), (dx * dy)[there].sum()],
            [(dx * dy)[there].sum(), (dy * dy)[there].sum()],
        ]
    )
    # Brightness changes across the bars: they run along the axis of least change.
    direction = np.linalg.eigh(tensor)[1][:, 0]
    return np.asarray(direction if direction[1] > 0 else -direction, np.float32)
