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
SOFTER_WEIGHT: Final = 0.7
"""Of softness beside steepness: both say that detail was lost, and are noisy in their own way."""
USUAL_GAIN: Final = -0.15
"""By which another digit fits the bars of a genuine code worse."""
KNOTS: Final = (1.0, 2.5)
"""Spreads above the genuine middle from which a check begins to count, and to count for more."""
KNEE: Final = 0.5
"""Spreads over which it begins."""
WEIGHTS: Final[Mapping[str, tuple[float, float]]] = {
    "print": (0.93, 0.56), "hue": (0.00, 0.10), "placement": (0.34, 0.37),
    "colour": (1.31, 0.61), "sharpness": (0.89, 0.63), "features": (0.59, 0.53),
    "bars": (0.38, 0.46), "codes": (0.40, 0.40),
}  # fmt: skip
"""What each check adds to the log odds for every spread beyond each of `KNOTS`: printed by
`python benchmarks/altered_packaging.py --weigh --designs 8 --genuine 12 --altered 3`."""


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


def evidence(units: Floats, checks: Sequence[str]) -> Floats:
    """All checks together, (..., C) to (...): 0 or more, higher for more unlike.

    A check that lies within the genuine spread adds next to nothing; beyond it, what several
    checks see adds up. The weights are those of a logistic regression on generated packages, see
    `training/check_weights.py`.
    """
    weights = np.array([WEIGHTS[name] for name in checks])  # (C, 2)
    return np.asarray((beyond(units) * weights).sum(axis=(-2, -1)), np.float32)


def beyond(units: Floats) -> Floats:
    """How far each check lies beyond each of `KNOTS`, softly: (..., C) to (..., C, 2)."""
    off = np.asarray(units, np.float64)[..., None] - np.array(KNOTS)
    return np.asarray(KNEE * np.logaddexp(0, off / KNEE))


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
    off = np.nan_to_num(opponents(seen.inks_rgb) - spread.region_mean)
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
    inside, outside, softness = (float(v) for v in seen.sharpness)
    usual = spread.sharpness_fit[:, 0] * outside + spread.sharpness_fit[:, 1]
    steepness, soft = (np.array([inside, softness]) - usual) / spread.sharpness_fit[:, 2]
    off = (SOFTER_WEIGHT * soft - steepness) / np.hypot(1, SOFTER_WEIGHT)  # only softer counts
    if not np.isfinite(off):
        return Raw(score=1.0)  # as on a usual copy
    return Raw(score=float(np.exp(np.clip(off, -4, 12))))


def _bars(seen: Appearance, expected: Sequence[str]) -> Raw:
    digits = retail_digits(expected)
    if seen.bars is None or digits is None:
        return Raw(score=0.0)
    gain, _ = other_digit(seen.bars, digits)
    # Where the code was not found, nothing is said against it.
    return Raw(score=float(np.exp(10 * max(gain, USUAL_GAIN))))


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
