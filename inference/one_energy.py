"""What a scan of one energy, or a rendering, tells of mass: the columns that a model weighs by.

One energy does not tell what lies there: a gram of steel attenuates many times more than a gram of
paper. How deep, how uneven and, in a rendering, of what colour the shadows are says something about
it. These columns are computed here for training and for screening alike.
"""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.canvas import estimate_air, estimate_background
from parcelscope.datasets.scans import Scan
from parcelscope.inference.levelling import (
    LEAST_TRANSMISSION,
    Image,
    Mask,
    attenuation_of_counts,
    level,
    sum_over,
    window,
)
from parcelscope.models.mass_model import COLOUR_COLUMNS, GREY_COLUMNS, MassInput

Columns = npt.NDArray[np.float32]

STEP: Final = 0.02
STEPS: Final = 352
"""The fine histogram: attenuation in steps of 0.02, up to that of the least transmission."""
DEPTH_EDGES: Final = (0.08, 0.14, 0.22, 0.34, 0.5, 0.7, 1.0, 1.4, 1.9, 2.5, 3.3, 4.4)
"""Between the bins of attenuation by which the absorption is shared out."""
OPAQUE: Final = 3.9
"""Attenuation from which next to nothing, 2 %, gets through."""
TINT_EDGES: Final = (-0.2, -0.06, 0.03, 0.12)
"""Between the bins of (blue - red) over all light: orange, pale orange, grey or green, pale blue,
blue. Renderings show light elements orange and metals blue."""
FINE_MM: Final = 4.0
COARSE_MM: Final = 16.0
"""Sides of the squares that the attenuation is compared with: an even filling differs from none."""
LEAST_ABSORPTION_CM2: Final = 0.5
"""A tenth of a letter; below it nothing lies there."""
_LUMA: Final = (0.299, 0.587, 0.114)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shadow:
    """What one scan shows, in the columns of a model."""

    columns: Columns
    """(D,) as `columns_of` names them."""
    absorption_cm2: float
    """Attenuation summed over the area that is covered: cm2 at attenuation 1."""


def columns_of(kind: MassInput) -> tuple[str, ...]:
    """Names of the columns for scans of `kind`."""
    return GREY_COLUMNS if kind != "colour" else GREY_COLUMNS + COLOUR_COLUMNS


def shadow_of(scan: Scan, kind: MassInput) -> Shadow | str:
    """The columns of `scan`, read as scans of `kind`, or one sentence why there are none.

    Args:
        scan: May hold both energies where `kind` is one of them: the other is not looked at.
        kind: What the pixels are taken for.
    """
    if scan.pixel_pitch_mm is None:
        return "the pixel pitch is not known, so the scan has no scale"
    image = _attenuation(scan, kind)
    if image is None:
        return f"the scan is {scan.kind}, and holds no {kind}"
    covered, _ = level((image,))
    part = window(covered, margin_px=0)
    depth, covered = np.maximum(image[part], np.float32(0)), covered[part]
    pixel_cm2 = scan.pixel_pitch_mm**2 / 100
    absorption_cm2 = sum_over(depth, covered) * pixel_cm2
    if absorption_cm2 < LEAST_ABSORPTION_CM2:
        return "the scan shows next to nothing"
    values = _grey_columns(depth, covered, scan.pixel_pitch_mm)
    if kind == "colour" and scan.rgb is not None:
        values += _tints(scan.rgb[part], depth, covered)
    return Shadow(columns=np.array(values, np.float32), absorption_cm2=absorption_cm2)


def _attenuation(scan: Scan, kind: MassInput) -> Image | None:
    """(H, W) attenuation of the pixels that `kind` names; None where `scan` has none such."""
    if kind in ("grey8", "colour"):
        if scan.rgb is None or scan.kind != kind:
            return None
        return _attenuation_of_rendering(scan.rgb)
    counts = scan.high if kind == "high" else scan.low
    if counts is None:
        return None
    return attenuation_of_counts(counts, scan.air_level or estimate_air(counts))


def _attenuation_of_rendering(rgb: npt.NDArray[np.uint8]) -> Image:
    """-ln of the brightness over that of the background; what a display makes of attenuation."""
    background = estimate_background(rgb)
    air = float(sum(s * float(c) for s, c in zip(_LUMA, background, strict=True)))
    transmission = (_luma(rgb) + 1) / np.float32(air + 1)
    return np.asarray(-np.log(np.maximum(transmission, LEAST_TRANSMISSION)), np.float32)


def _luma(rgb: npt.NDArray[np.uint8]) -> Image:
    # Written out: the last bit of a matrix product depends on where its operands lie in memory.
    red, green, blue = (rgb[..., n].astype(np.float32) * np.float32(s) for n, s in enumerate(_LUMA))
    luma: Image = red + green + blue
    return luma


def _grey_columns(depth: Image, covered: Mask, pitch_mm: float) -> list[float]:
    """The columns `GREY_COLUMNS`."""
    bins = np.minimum((depth[covered] * np.float32(1 / STEP)).astype(np.int32), STEPS - 1)
    pixels = np.bincount(bins, minlength=STEPS).astype(np.float64)
    middle = (np.arange(STEPS) + 0.5) * STEP
    absorbed = pixels * middle
    total, count = float(absorbed.sum()), float(pixels.sum())
    pixel_cm2 = pitch_mm**2 / 100
    cuts = np.searchsorted(middle, DEPTH_EDGES)
    shares = [float(part.sum()) / total for part in np.split(absorbed, cuts)]
    return [
        float(np.log(total * pixel_cm2)),
        float(np.log(count * pixel_cm2)),
        float(np.log(total / count)),
        float(np.log((absorbed * middle).sum() / total)),
        float(np.log((pixels * np.sqrt(middle)).sum() / count)),
        float(pixels[middle >= OPAQUE].sum()) / count,
        *(_unevenness(depth, covered, side_mm / pitch_mm) for side_mm in (FINE_MM, COARSE_MM)),
        float(np.log(pitch_mm)),
        *shares,
    ]


def _unevenness(depth: Image, covered: Mask, side_px: float) -> float:
    """Mean difference from the surroundings, as a share of the attenuation."""
    side = max(3, 2 * round(side_px / 2) + 1)
    off = np.abs(depth - cv2.blur(depth, (side, side)))
    return sum_over(off, covered) / max(sum_over(depth, covered), 1e-6)


def _tints(rgb: npt.NDArray[np.uint8], depth: Image, covered: Mask) -> list[float]:
    """The columns `COLOUR_COLUMNS`: how the absorption is shared out among tints."""
    smooth = cv2.blur(np.ascontiguousarray(rgb), (3, 3)).astype(np.float32)[covered]
    weight = depth[covered].astype(np.float64)
    light = smooth.sum(axis=1) + 1
    tint = (smooth[:, 2] - smooth[:, 0]) / light
    green = (2 * smooth[:, 1] - smooth[:, 0] - smooth[:, 2]) / light
    total = max(float(weight.sum()), 1e-6)
    bins = np.searchsorted(TINT_EDGES, tint)
    shares = np.bincount(bins, weights=weight, minlength=len(TINT_EDGES) + 1) / total
    return [*shares.tolist(), float((weight * tint).sum()) / total,
            float((weight * green).sum()) / total]  # fmt: skip
