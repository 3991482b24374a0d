"""Judges whether a photo is good enough to assess: sharpness, exposure, glare, size on target."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.records import Finding, OwnerKind

Image = npt.NDArray[np.uint8]

_TILE_PX = 32
_SHARPNESS_SIDE_PX = 1280
_REDUCED_SIDE_PX = 512
_DARK, _BRIGHT = 16, 250
# Grey range within a tile that counts as an edge to judge sharpness on, or as detail.
_LEAST_CONTRAST = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityLimits:
    """What a photo must reach.

    The defaults part generated photos without and with faults (30 each: accepted labels have
    sharpness 0.43 or more and glare on 5 % at most, blurred ones 0.33 at most, those with glare
    11 % or more), and accept all 26 photos of delivered packages that they were checked on.
    """

    min_sharpness: float = 0.36
    min_exposure_mean: float = 0.16
    max_exposure_mean: float = 0.86
    max_clipped_dark_share: float = 0.6
    max_clipped_bright_share: float = 0.3
    max_glare_share: float = 0.08
    min_size_px: int = 480
    """Shortest side of the photo."""
    min_target_share: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoQuality:
    """What was measured of one photo, and whether it can be assessed."""

    sharpness: float
    """Steepest step of the strongest edges as a share of their height, 0 to 1. About 0.4 divided
    by the standard deviation of the blur in pixels, at a long side of 1280."""
    exposure_mean: float
    """Mean luma, 0 (black) to 1 (white)."""
    clipped_dark_share: float
    clipped_bright_share: float
    """Shares of pixels without detail left in the dark or in the light."""
    glare_share: float
    """Share of pixels in compact burnt-out patches that fade into their surroundings."""
    size_px: int
    """Shortest side of the photo."""
    target_share: float
    """Share of the frame that the parcel, package or label takes; see `assess_photo`."""
    verdict: Literal["good", "poor"]
    reasons: tuple[str, ...]
    """What is short of the limits, one clause each; empty where the photo is good."""


def assess_photo(
    rgb: Image,
    limits: QualityLimits | None = None,
    *,
    target_box_xyxy: tuple[float, float, float, float] | None = None,
    luma: Image | None = None,
) -> PhotoQuality:
    """Measures of a photo, and whether it is good enough to assess.

    Args:
        rgb: Photo, shape (H, W, 3).
        limits: What it must reach; the defaults if None.
        target_box_xyxy: Box of the parcel or label in pixels, where a detector knows it. Without
            it the target is taken to be the largest connected area of detail (print, edges).
        luma: Brightness of the photo, shape (H, W), where the caller has it already.

    Raises:
        ValueError: If the photo has not the shape (H, W, 3) or is empty.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"a photo must have shape (H, W, 3) and pixels, got {rgb.shape}")
    limits = limits or QualityLimits()
    height, width = rgb.shape[:2]
    small = _reduced(rgb)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    if target_box_xyxy is None:
        target_share = _detail_share(grey)
    else:
        x0, y0, x1, y1 = target_box_xyxy
        target_share = max(0.0, x1 - x0) * max(0.0, y1 - y0) / (width * height)
    measures = {
        "sharpness": _sharpness(rgb, luma),
        "exposure_mean": float(grey.mean()) / 255,
        "clipped_dark_share": float((grey <= _DARK).mean()),
        "clipped_bright_share": float((grey >= _BRIGHT).mean()),
        "glare_share": _glare_share(small),
        "target_share": target_share,
    }
    reasons = _reasons(measures, min(height, width), limits)
    return PhotoQuality(
        **measures,
        size_px=min(height, width),
        verdict="poor" if reasons else "good",
        reasons=reasons,
    )


def quality_finding(
    quality: PhotoQuality, *, owner_id: str, owner_kind: OwnerKind, image_path: str | None
) -> Finding:
    """The verdict on a photo as a finding of `photo.quality`; a measurement without a score."""
    reasons = "; ".join(quality.reasons)
    if quality.verdict == "good":
        sentence = "The photo is good enough to assess."
    else:
        sentence = f"The photo is too poor to assess: {reasons}."
    return Finding(
        owner_id=owner_id,
        owner_kind=owner_kind,
        source="photo.quality",
        code=f"quality.{quality.verdict}",
        sentence=sentence,
        text=reasons or None,
        image_path=image_path,
    )


def _reasons(measures: dict[str, float], size_px: int, limits: QualityLimits) -> tuple[str, ...]:
    mean, dark = measures["exposure_mean"], measures["clipped_dark_share"]
    bright, glare = measures["clipped_bright_share"], measures["glare_share"]
    sharpness, target = measures["sharpness"], measures["target_share"]
    checks = (
        (size_px < limits.min_size_px,
         f"short side {size_px} px, at least {limits.min_size_px} needed"),
        (sharpness < limits.min_sharpness,
         f"blurred: sharpness {sharpness:.2f}, at least {limits.min_sharpness:.2f} needed"),
        (mean < limits.min_exposure_mean,
         f"too dark: mean {mean:.2f}, at least {limits.min_exposure_mean:.2f} needed"),
        (mean > limits.max_exposure_mean,
         f"too bright: mean {mean:.2f}, at most {limits.max_exposure_mean:.2f} allowed"),
        (dark > limits.max_clipped_dark_share,
         f"{dark:.0%} black without detail, at most {limits.max_clipped_dark_share:.0%} allowed"),
        (bright > limits.max_clipped_bright_share,
         f"{bright:.0%} burnt out, at most {limits.max_clipped_bright_share:.0%} allowed"),
        (glare > limits.max_glare_share,
         f"glare on {glare:.1%}, at most {limits.max_glare_share:.1%} allowed"),
        (target < limits.min_target_share,
         f"target on {target:.1%} of the frame, at least {limits.min_target_share:.0%} needed"),
    )  # fmt: skip
    return tuple(text for fails, text in checks if fails)


def _sharpness(rgb: Image, luma: Image | None) -> float:
    """Edge steepness along the blurrier axis, where the picture has the most contrast; 0 to 1.

    Steepness as a share of the local range does not depend on light or contrast, unlike the
    variance of the Laplacian. The lesser of both axes, so that a hand movement counts as blur.
    """
    if luma is not None and max(luma.shape) <= _SHARPNESS_SIDE_PX:
        grey = luma
    else:
        fitted = _fitted(rgb, _SHARPNESS_SIDE_PX)
        grey = np.asarray(cv2.cvtColor(fitted, cv2.COLOR_RGB2GRAY), np.uint8)
    tall, wide = (n // _TILE_PX * _TILE_PX for n in grey.shape)
    if tall == 0 or wide == 0:
        return 0.0
    grey = np.ascontiguousarray(grey[:tall, :wide])
    step_x = np.zeros_like(grey)
    step_y = np.zeros_like(grey)
    cv2.absdiff(grey[:, 1:], grey[:, :-1], dst=step_x[:, 1:])
    cv2.absdiff(grey[1:], grey[:-1], dst=step_y[1:])
    span = _tile_max(grey) - _tile_min(grey)
    steepness = []
    for step in (step_x, step_y):
        steep = _tile_max(step)
        edges = span >= _LEAST_CONTRAST
        if not edges.any():
            return 0.0
        # Judge by the tiles with the most contrast: there sensor noise weighs least.
        strong = edges & (span >= np.percentile(span[edges], 75))
        steepness.append(float(np.percentile(steep[strong] / span[strong], 75)))
    return min(steepness)


def _tile_max(grey: Image) -> npt.NDArray[np.float32]:
    # Rows first: that reduction is contiguous and leaves a thirtieth of the data.
    rows = grey.reshape(-1, _TILE_PX, grey.shape[1]).max(axis=1)
    tiles = rows.reshape(rows.shape[0], -1, _TILE_PX).max(axis=2)
    return np.asarray(tiles, np.float32)


def _tile_min(grey: Image) -> npt.NDArray[np.float32]:
    return 255 - _tile_max(255 - grey)


def _glare_share(rgb: Image) -> float:
    red, green, blue = cv2.split(rgb)  # 30 times as fast as rgb.min(axis=2)
    burnt = np.asarray(cv2.min(cv2.min(red, green), blue) >= _BRIGHT, np.uint8)
    # Thin or speckled white (paper between lines of print) is not glare.
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    return float(cv2.morphologyEx(burnt, cv2.MORPH_OPEN, disc).mean())


def _detail_share(grey: Image) -> float:
    """Share of the frame under the largest connected area of strong local contrast."""
    box = np.ones((9, 9), np.uint8)
    span = cv2.subtract(cv2.dilate(grey, box), cv2.erode(grey, box))
    least = max(_LEAST_CONTRAST, 0.4 * float(np.percentile(span, 99.5)))
    detail = np.asarray(span >= least, np.uint8)
    joined = cv2.morphologyEx(detail, cv2.MORPH_CLOSE, np.ones((25, 25), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    if count < 2:
        return 0.0
    largest = stats[1:][np.argmax(stats[1:, cv2.CC_STAT_AREA])]
    box_area = int(largest[cv2.CC_STAT_WIDTH]) * int(largest[cv2.CC_STAT_HEIGHT])
    return box_area / grey.size


def _reduced(rgb: Image) -> Image:
    """The photo shrunk by the whole factor that brings its long side to 512 px at most."""
    # A whole factor averages equal blocks, which is five times as fast as a broken one.
    factor = -(-max(rgb.shape[:2]) // _REDUCED_SIDE_PX)
    height, width = (n // factor for n in rgb.shape[:2])
    if factor == 1 or height == 0 or width == 0:
        return rgb
    whole = rgb[: height * factor, : width * factor]
    small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)


def _fitted(rgb: Image, side_px: int) -> Image:
    """The photo with its long side at most `side_px`."""
    scale = side_px / max(rgb.shape[:2])
    if scale >= 1:
        return rgb
    height, width = (max(1, round(n * scale)) for n in rgb.shape[:2])
    small = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.uint8)
