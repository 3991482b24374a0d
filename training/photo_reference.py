"""Makes the constants of one genuine reference from its photos."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.appearance import (
    WINDOWS_WH,
    Appearance,
    Template,
    lab_of,
    luma,
    measure,
    opponents,
    relit,
)
from parcelscope.inference.authenticity import CHECKS, raw_scores
from parcelscope.inference.codes import ReadCode
from parcelscope.inference.photo_features import photo_features
from parcelscope.inference.reference_codes import flat_codes, named_code
from parcelscope.inference.registration import (
    Image,
    Keypoints,
    Matrix,
    Registered,
    align,
    flattened,
    grey_of,
    keypoints_of,
    laid_over,
    mapped,
    reduced,
    refined,
    register,
    textured_points,
)
from parcelscope.models.references import Floats, Reference, Spread

WIDTH_PX: Final = 512
MIN_PHOTOS: Final = 5
GOOD_PHOTOS: Final = 20
"""From this many on, held-out genuine photos resolve a p-value of 0.05."""
MIN_REGION_SHARE: Final = 0.006
"""Of the print: smaller patches of even colour are left to the maps."""
MOST_REGIONS: Final = 6
PRIOR: Final = 5.0
"""How many photos the shared spread counts for beside those of the place itself."""
SURE_INLIERS: Final = 25
"""Matches between two genuine photos that count as the same print."""
BAR_HALF_HEIGHT: Final = 0.1
"""Of the strip that is averaged, as a share of the code's length: well inside any EAN."""
_CANDIDATES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All that was measured of one genuine photo."""

    appearance: Appearance
    features: tuple[Floats, Floats]
    codes: tuple[ReadCode, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A reference, and which photos it was made of."""

    reference: Reference
    used: tuple[int, ...]
    """Places in the sequence given."""
    left_out: dict[int, str]
    """Why the others were not used."""


def build_reference(photos: Sequence[Image], session: ort.InferenceSession) -> Built:
    """The constants of one design from genuine photos of it.

    Args:
        photos: (H, W, 3) RGB each, `MIN_PHOTOS` or more, at different angles and in different
            light; copies of several lots, so that what varies among genuine ones is known.
        session: The feature graph.

    Raises:
        ConfigError: If fewer than `MIN_PHOTOS` of them show one and the same print.
    """
    if len(photos) < MIN_PHOTOS:
        raise ConfigError(f"expected {MIN_PHOTOS} or more genuine photos, got {len(photos)}")
    base, to_grid, inside = _grid(photos)
    left_out = {k: "does not show the same print" for k, m in enumerate(to_grid) if m is None}
    used = [k for k, matrix in enumerate(to_grid) if matrix is not None]
    if len(used) < MIN_PHOTOS:
        raise ConfigError(
            f"expected {MIN_PHOTOS} or more photos of one and the same print, got {len(used)}"
            f" of {len(photos)} that match"
        )
    smalls = {k: reduced(photos[k])[0] for k in used}
    template, matrices = _template(smalls, {k: to_grid[k] for k in used}, inside)
    target = keypoints_of(grey_of(template.picture), inside.astype(np.uint8))
    registered: dict[int, Registered] = {}
    for k in used:
        # Registered anew, by the way that scoring goes: its errors belong to the spread.
        found = register(
            photos[k], target, flat=template.flat, points=template.points, inside=template.inside
        )
        if not isinstance(found, Registered):
            left_out[k] = found.reason
            continue
        registered[k] = found
    read = {k: flat_codes(photos[k], f.matrix, template.size_wh) for k, f in registered.items()}
    template = replace(template, bars_xy=bar_strip(template.picture, list(read.values())))
    kept = list(registered)
    samples = [sample(photos[k], registered[k], template, session, read[k]) for k in kept]
    if len(kept) < MIN_PHOTOS:
        raise ConfigError(
            f"expected {MIN_PHOTOS} or more photos that register, got {len(kept)} of {len(photos)}"
        )
    shown_k = base if base in kept else kept[0]
    shown = laid_over(smalls[shown_k], matrices[shown_k], template.size_wh)
    return Built(
        reference=fitted(template, target, samples, shown),
        used=tuple(kept),
        left_out=dict(sorted(left_out.items())),
    )


def sample(
    photo: Image,
    found: Registered,
    template: Template,
    session: ort.InferenceSession,
    codes: tuple[ReadCode, ...] | None = None,
) -> Sample:
    """What is measured of one registered photo; its codes are read where they are not given."""
    lit = relit(template, found.picture, template.inside & found.seen)
    return Sample(
        appearance=measure(template, found.picture, lit, found.seen, photo, found.matrix),
        features=photo_features(session, lit),
        codes=flat_codes(photo, found.matrix, template.size_wh) if codes is None else codes,
    )


def fitted(
    template: Template, target: Keypoints, samples: Sequence[Sample], shown: Image
) -> Reference:
    """The reference, with its checks set by photos that were left out in turn."""
    codes = _common_codes(samples)
    held_out = []
    for k, one in enumerate(samples):
        others = [*samples[:k], *samples[k + 1 :]]
        texts = [named_code(code) for code in one.codes]
        raw = raw_scores(one.appearance, one.features, template, spread_of(others), texts, codes)
        held_out.append([raw[name].score for name in CHECKS])
    logs = np.log(np.array(held_out, np.float32) + 1e-3)  # (n, C)
    centre = np.median(logs, axis=0)
    scale = np.maximum(logs.std(axis=0), 0.1)
    genuine = ((logs - centre) / scale).max(axis=1)
    return Reference(
        picture=template.picture,
        shown=shown,
        inside=template.inside,
        regions=template.regions,
        paper=template.paper,
        points=template.points,
        bars_xy=np.zeros((0, 2), np.float32) if template.bars_xy is None else template.bars_xy,
        keypoint_xy=target.xy,
        keypoint_descriptors=target.descriptors,
        spread=spread_of(samples),
        codes=codes,
        checks=CHECKS,
        check_centre=centre.astype(np.float32),
        check_scale=scale.astype(np.float32),
        genuine=np.sort(genuine).astype(np.float32),
    )


def spread_of(samples: Sequence[Sample]) -> Spread:
    """Means and standard deviations over genuine photos, steadied where they are few."""
    seen = [one.appearance for one in samples]
    residual = np.stack([np.stack([s.residual[w] for w in WINDOWS_WH]) for s in seen])
    moved = np.stack([np.where(s.tracked[:, None], s.moved, np.nan) for s in seen])
    # A place that is tracked in less than half of the photos says nothing.
    poor = np.isnan(moved[..., 0]).mean(axis=0) > 0.5
    moved[:, poor] = 0.0
    moved_std = np.nanstd(moved, axis=0)
    usual = np.median(moved_std[~poor], axis=0) if (~poor).any() else 0.3
    n = len(samples)
    regions = np.stack([opponents(s.regions_rgb) for s in seen])
    fine = np.stack([one.features[0] for one in samples])
    coarse = np.stack([one.features[1] for one in samples])
    crisp = np.array([s.crispness for s in seen])
    crisp = crisp[np.isfinite(crisp)]
    known = (np.median(crisp), crisp.std()) if len(crisp) >= MIN_PHOTOS - 1 else (np.nan, 1.0)
    residual_std = np.stack([_steady(residual[:, w], 2.0) for w in range(residual.shape[1])])
    hue = np.stack([s.hue for s in seen])
    hue_std = np.stack([_steady(hue[:, k], 0.8) for k in range(2)])
    moved_mean = np.nanmean(moved, axis=0)
    moved_mean[poor] = np.nan
    return Spread(
        residual_mean=residual.mean(axis=0),
        residual_std=residual_std,
        hue_mean=hue.mean(axis=0),
        hue_std=hue_std,
        moved_mean=moved_mean.astype(np.float32),
        moved_std=np.sqrt((n * moved_std**2 + PRIOR * usual**2) / (n + PRIOR)).astype(np.float32),
        region_mean=np.nanmean(regions, axis=0).astype(np.float32),
        region_root=_region_roots(regions),
        fine_mean=fine.mean(axis=0),
        fine_std=_steady_channels(fine),
        coarse_mean=coarse.mean(axis=0),
        coarse_std=_steady_channels(coarse),
        crispness_mean_std=np.array(known, np.float32),
    )


def _steady(maps: Floats, floor: float) -> Floats:
    """Standard deviation of (n, h, w) at each place, leaning on its neighbourhood's."""
    n = len(maps)
    own = maps.var(axis=0, ddof=1)
    near = cv2.blur(np.ascontiguousarray(own, np.float32), (9, 9))
    return np.asarray(np.sqrt((n * own + PRIOR * near) / (n + PRIOR) + floor**2), np.float32)


def _steady_channels(features: Floats) -> Floats:
    """Standard deviation of (n, C, h, w) at each place, leaning on its channel's."""
    n = len(features)
    own = features.var(axis=0, ddof=1)
    channel = own.mean(axis=(1, 2), keepdims=True)
    return np.asarray(np.sqrt((n * own + PRIOR * channel) / (n + PRIOR)) + 1e-3, np.float32)


def _region_roots(regions: Floats) -> Floats:
    """(R, 3, 3) from the opponent colours (n, R, 3) of each region."""
    n = len(regions)
    # Luma depends on the fit of the light, so it counts for less until the photos prove better.
    prior = np.diag([2.0, 2.0, 5.0]) ** 2
    roots = np.zeros((regions.shape[1], 3, 3), np.float32)
    for r in range(regions.shape[1]):
        values = regions[:, r][np.isfinite(regions[:, r]).all(axis=1)]
        own = np.cov(values.T) if len(values) > 3 else prior
        covariance = (n * own + PRIOR * prior) / (n + PRIOR)
        values_of, axes = np.linalg.eigh(np.linalg.inv(covariance))
        roots[r] = axes * np.sqrt(np.clip(values_of, 0, None))
    return roots


def _grid(
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
    outline = np.round(mapped(shift, hull.reshape(-1, 2))).astype(np.int32)
    cv2.fillConvexPoly(inside, outline, 1)
    brush = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25))
    inside = np.asarray(cv2.dilate(inside, brush), np.uint8)
    return base, [None if a is None else shift @ a.matrix for a in lies], inside > 0


def _template(
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
        np.ascontiguousarray(values), MOST_REGIONS, None, stop, 3, cv2.KMEANS_PP_CENTERS
    )
    groups = _merged(centres, np.bincount(found.ravel(), minlength=MOST_REGIONS))
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


def _common_codes(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Codes that two photos or more show, and most of those with one of that kind."""
    counts = Counter(code for one in samples for code in {named_code(c) for c in one.codes})
    return tuple(sorted(code for code in counts if _is_common(code, counts)))


def _is_common(code: str, counts: Counter[str]) -> bool:
    kind = (code.split()[0], len(code))
    alike = sum(n for other, n in counts.items() if (other.split()[0], len(other)) == kind)
    return counts[code] >= 2 and counts[code] > 0.5 * alike


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


def _bar_direction(picture: Image, left: Floats, right: Floats) -> Floats:
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
