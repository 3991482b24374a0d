"""How genuine copies of one design vary, place by place, from what was measured of their photos."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from parcelscope.inference.appearance import WINDOWS_WH, Appearance, opponents
from parcelscope.inference.codes import ReadCode
from parcelscope.models.references import Floats, Spread

PRIOR: Final = 5.0
"""How many photos the shared spread counts for beside those of the place itself."""
VARYING_HW: Final = (9, 15)
"""Cells of the maps around a place that varies among copies which may vary as well."""
COLOUR_PRIOR: Final = 10.0
LINE_PRIOR: Final = 10.0
"""How many photos count as much as what is usual of inks, and of sharpness."""
USUAL_LINES: Final = ((1.0, 0.055), (-0.95, 0.15))
"""Slope and standard deviation of steepness and of softness, see `Spread.sharpness_fit`."""
OUTSIDE_STD: Final = 0.18
"""Usual standard deviation of the steepness of edges beside the print, over photos."""
MIN_KNOWN: Final = 4
"""Photos whose sharpness is known, below which the check says nothing."""
PRECISE: Final = 8.0
"""Grey levels by which the colour of an ink may vary among genuine copies; what varies more is no
ink but foil or background."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """All that was measured of one genuine photo."""

    appearance: Appearance
    features: tuple[Floats, Floats]
    codes: tuple[ReadCode, ...]


def spread_of(samples: Sequence[Sample], paper: int) -> Spread:
    """Means and standard deviations over genuine photos, steadied where they are few.

    `paper` is the number of the region of neutral board, or 0.
    """
    seen = [one.appearance for one in samples]
    residual = np.stack([np.stack([s.residual[w] for w in WINDOWS_WH]) for s in seen])
    moved = np.stack([np.where(s.tracked[:, None], s.moved, np.nan) for s in seen])
    # A place that is tracked in less than half of the photos says nothing.
    poor = np.isnan(moved[..., 0]).mean(axis=0) > 0.5
    moved[:, poor] = 0.0
    moved_std = np.nanstd(moved, axis=0)
    usual = np.median(moved_std[~poor], axis=0) if (~poor).any() else 0.3
    n = len(samples)
    regions = np.stack([opponents(s.inks_rgb) for s in seen])
    fine = np.stack([one.features[0] for one in samples])
    coarse = np.stack([one.features[1] for one in samples])
    residual_std = np.stack([_steady_print(residual[:, w]) for w in range(residual.shape[1])])
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
        region_root=_region_roots(regions, paper),
        fine_mean=fine.mean(axis=0),
        fine_std=_steady_channels(fine),
        coarse_mean=coarse.mean(axis=0),
        coarse_std=_steady_channels(coarse),
        sharpness_fit=_sharpness_lines(np.stack([s.sharpness for s in seen])),
    )


def _steady(maps: Floats, floor: float) -> Floats:
    """Standard deviation of (n, h, w) at each place, leaning on its neighbourhood's."""
    n = len(maps)
    own = maps.var(axis=0, ddof=1)
    near = cv2.blur(np.ascontiguousarray(own, np.float32), (9, 9))
    return np.asarray(np.sqrt((n * own + PRIOR * near) / (n + PRIOR) + floor**2), np.float32)


def _steady_print(maps: Floats) -> Floats:
    """As `_steady`, and wide wherever print nearby varies: lot, date and codes differ by copy."""
    own = np.ascontiguousarray(maps.var(axis=0, ddof=1), np.float32)
    near = cv2.dilate(cv2.blur(own, (5, 5)), np.ones(VARYING_HW, np.uint8))
    return np.asarray(np.sqrt(_steady(maps, 2.0) ** 2 + cv2.blur(near, (9, 9))), np.float32)


def _steady_channels(features: Floats) -> Floats:
    """Of (n, C, h, w), leaning on the channel, and wide wherever a place nearby varies more."""
    n = len(features)
    own = features.var(axis=0, ddof=1)
    channel = own.mean(axis=(1, 2), keepdims=True)
    brush = np.ones((3, 3), np.uint8)
    near = np.stack([cv2.blur(cv2.dilate(one, brush), (3, 3)) for one in own])
    steady = np.maximum((n * own + PRIOR * channel) / (n + PRIOR), near)
    return np.asarray(np.sqrt(steady) + 1e-3, np.float32)


def _region_roots(regions: Floats, paper: int) -> Floats:
    """(R, 3, 3) from the opponent colours (n, R, 3) of each region; 0 where it is no ink.

    Luma is left out: it depends on the fit of the light more than on the ink.
    """
    n = len(regions)
    prior = np.diag([2.0, 2.0]) ** 2
    roots = np.zeros((regions.shape[1], 3, 3), np.float32)
    for r in range(regions.shape[1]):
        values = regions[:, r, :2][np.isfinite(regions[:, r]).all(axis=1)]
        own = np.cov(values.T) if len(values) > 3 else prior
        # The balance is read on the paper, so that its own colour says nothing.
        if r + 1 == paper or np.trace(own) / 2 > PRECISE**2:
            continue
        covariance = (n * own + COLOUR_PRIOR * prior) / (n + COLOUR_PRIOR)
        values_of, axes = np.linalg.eigh(np.linalg.inv(covariance))
        roots[r, :2, :2] = axes * np.sqrt(np.clip(values_of, 0, None))
    return roots


def _sharpness_lines(sharpness: Floats) -> Floats:
    """(2, 3) from (n, 3) `Appearance.sharpness`: see `Spread.sharpness_fit`."""
    known = sharpness[np.isfinite(sharpness).all(axis=1)].astype(np.float64)
    n = len(known)
    if n < MIN_KNOWN:
        return np.full((2, 3), np.nan, np.float32)
    outside = known[:, 1]
    along = outside - outside.mean()
    lines = []
    for values, (slope, usual) in zip((known[:, 0], known[:, 2]), USUAL_LINES, strict=True):
        # A few shots that are equally sharp show no slope: lean on the usual one.
        spare = LINE_PRIOR * OUTSIDE_STD**2
        slope = (along @ values + spare * slope) / (along @ along + spare)
        off = values - values.mean() - slope * along
        variance = (n * off.var(ddof=2) + LINE_PRIOR * usual**2) / (n + LINE_PRIOR)
        lines.append((slope, values.mean() - slope * outside.mean(), np.sqrt(variance)))
    return np.array(lines, np.float32)
