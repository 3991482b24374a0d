"""How one registered photo differs from the spread of genuine copies: one score per check.

Each check gives a raw score, higher for more unlike, and a map of where. What a raw score means
is learned from held-out genuine photos, so that the checks can be put beside one another.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.inference.appearance import STRIDE, WINDOWS_WH, Appearance, Template, opponents
from parcelscope.inference.fine_print import other_digit
from parcelscope.inference.reference_codes import conflicting_code, retail_digits
from parcelscope.models.references import Floats, Reference, Spread

CHECKS: Final = ("print", "hue", "placement", "colour", "sharpness", "features", "bars", "codes")
MOVED_FLOOR_PX: Final = 0.15
"""Tracking is no better than this."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """What one check says: how unlike, and where."""

    score: float
    heat: Floats | None = None
    """(H / 2, W / 2) in units of genuine spread; None where the check is about the whole."""


def raw_scores(
    seen: Appearance,
    features: tuple[Floats, Floats],
    template: Template,
    spread: Spread,
    codes: Sequence[str],
    expected: Sequence[str],
) -> dict[str, Raw]:
    """Each check of `CHECKS` on one photo."""
    inside = template.inside[::STRIDE, ::STRIDE]
    return {
        "print": _print(seen, spread, inside),
        "hue": _hue(seen, spread, inside),
        "placement": _placement(seen, template, spread),
        "colour": _colour(seen, template, spread),
        "sharpness": _sharpness(seen, spread),
        "features": _features(features, spread, inside),
        "bars": _bars(seen, expected),
        "codes": Raw(score=float(conflicting_code(codes, expected) is not None)),
    }


def combined(
    raw: Mapping[str, Raw], checks: Sequence[str], centre: Floats, scale: Floats
) -> Floats:
    """Each check in units of its own spread on genuine photos, (C,)."""
    values = np.array([raw[name].score for name in checks], np.float32)
    return np.asarray((np.log(values + 1e-3) - centre) / scale, np.float32)


def p_value(reference: Reference, score: float) -> float:
    """Share of held-out genuine photos that score as high: (1 + how many) / (1 + n)."""
    genuine = reference.genuine
    return float((1 + (genuine >= score).sum()) / (1 + len(genuine)))


def _print(seen: Appearance, spread: Spread, inside: npt.NDArray[np.bool_]) -> Raw:
    heat = np.zeros(inside.shape, np.float32)
    for k, name in enumerate(WINDOWS_WH):
        off = (seen.residual[name] - spread.residual_mean[k]) / spread.residual_std[k]
        np.maximum(heat, np.abs(off), out=heat)
    smooth = np.asarray(cv2.blur(heat, (3, 3)), np.float32) * inside
    return Raw(score=_top(smooth, inside, share=0.0004), heat=smooth)


def _hue(seen: Appearance, spread: Spread, inside: npt.NDArray[np.bool_]) -> Raw:
    off = (seen.hue - spread.hue_mean) / spread.hue_std
    heat = cv2.blur(np.sqrt((off * off).mean(axis=0)), (5, 5)) * inside
    return Raw(score=_top(heat, inside, share=0.005), heat=heat)


def _placement(seen: Appearance, template: Template, spread: Spread) -> Raw:
    shape = seen.hue.shape[1:]
    kept = seen.tracked & np.isfinite(spread.moved_mean).all(axis=1)
    if kept.sum() < 12:
        return Raw(score=0.0)
    spare = np.sqrt(spread.moved_std[kept] ** 2 + MOVED_FLOOR_PX**2)
    off = (seen.moved[kept] - spread.moved_mean[kept]) / spare
    points = template.points[kept]
    near = neighbours(points, count=6)
    # The median over neighbours: one place tracked wrongly moves nothing.
    agreed = np.median(off[near], axis=1)
    size = np.linalg.norm(agreed, axis=1).astype(np.float32)
    heat = np.zeros(shape, np.float32)
    for (x, y), value in zip(points, size, strict=True):
        row, column = min(int(y) // STRIDE, shape[0] - 1), min(int(x) // STRIDE, shape[1] - 1)
        heat[row, column] = max(heat[row, column], value)
    wide = np.asarray(cv2.dilate(heat, np.ones((7, 7), np.uint8)), np.float32)
    return Raw(score=float(np.sort(size)[-max(4, len(size) // 50) :].mean()), heat=wide)


def neighbours(points: Floats, *, count: int) -> npt.NDArray[np.intp]:
    """(P, count) the nearest of `points` to each of them, itself among them."""
    square = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    return np.argsort(square, axis=1, kind="stable")[:, :count]


def region_distances(seen: Appearance, spread: Spread) -> Floats:
    """(R,) how far each region's colour lies off, in units of genuine spread; 0 if unseen."""
    off = np.nan_to_num(opponents(seen.regions_rgb) - spread.region_mean)
    return np.asarray(np.linalg.norm(np.einsum("ri,rij->rj", off, spread.region_root), axis=1))


def _colour(seen: Appearance, template: Template, spread: Spread) -> Raw:
    if template.count == 0:
        return Raw(score=0.0)
    distance = region_distances(seen, spread)
    lookup = np.concatenate([[0.0], distance]).astype(np.float32)
    return Raw(
        score=float(np.sqrt((distance * distance).sum())),
        heat=lookup[template.regions[::STRIDE, ::STRIDE]],
    )


def _sharpness(seen: Appearance, spread: Spread) -> Raw:
    mean, std = (float(v) for v in spread.crispness_mean_std)
    if not np.isfinite(seen.crispness) or not np.isfinite(mean):
        return Raw(score=0.0)
    off = (mean - seen.crispness) / max(std, 0.04)  # only softer counts
    return Raw(score=float(np.exp(np.clip(off, -4, 12))))


def _bars(seen: Appearance, expected: Sequence[str]) -> Raw:
    digits = retail_digits(expected)
    if seen.bars is None or digits is None:
        return Raw(score=0.0)
    gain, _ = other_digit(seen.bars, digits)
    return Raw(score=float(np.exp(10 * gain)))


def _features(
    features: tuple[Floats, Floats], spread: Spread, inside: npt.NDArray[np.bool_]
) -> Raw:
    size = (inside.shape[1], inside.shape[0])
    total = np.zeros(inside.shape, np.float32)
    pairs = (
        (features[0], spread.fine_mean, spread.fine_std),
        (features[1], spread.coarse_mean, spread.coarse_std),
    )
    for found, mean, std in pairs:
        square = (((found - mean) / std) ** 2).mean(axis=0)
        total += cv2.resize(np.sqrt(square), size, interpolation=cv2.INTER_LINEAR)
    # Blur and noise raise the whole map; what stands out against the rest is a difference.
    heat = total / max(float(np.median(total[inside])), 0.1) * inside
    return Raw(score=_top(heat, inside, share=0.002), heat=heat)


def _top(heat: Floats, inside: npt.NDArray[np.bool_], *, share: float) -> float:
    """Mean of the hottest `share` of the print."""
    values = heat[inside]
    count = max(3, int(len(values) * share))
    return float(np.partition(values, -count)[-count:].mean())
