"""Scans placed on a model's canvas: cropped to what they show, to scale, never stretched.

The canvas is a fixed number of pixels at a fixed mm per pixel, so that a detector always sees a
thing at the same size. One scale and one offset map it back to the scan.
"""

from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.uint16]
Colour = npt.NDArray[np.uint8]
Boxes = npt.NDArray[np.float64]
Pixel = TypeVar("Pixel", np.uint8, np.uint16)

AIR = 60000
"""Counts of air on every canvas of counts."""
CONTENT_LEVEL = 0.97
"""Share of air below which a 4x4 block is content; noise there is 0.4 %, an envelope takes 4 %."""
COLOUR_DISTANCE = 14
"""Difference from the background, of 255, above which a 4x4 block is content."""
MARGIN_MM = 4.0
MARGIN_PX = 6
"""Kept around the content, in mm where the pixel pitch is known and in pixels otherwise."""

_BLOCK = 4  # side of the blocks that content is looked for in
_BORDER_PX = 6  # width of the frame that air and background are estimated from


@dataclass(frozen=True, slots=True, kw_only=True)
class CanvasSpec:
    """The canvas that a model takes."""

    width_px: int
    height_px: int
    mm_per_px: float | None
    """Scale of scans whose pitch is known; None: the content always fills the canvas."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Canvas:
    """A scan on a model's canvas."""

    pixels: npt.NDArray[np.uint16] | npt.NDArray[np.uint8]
    """uint16 (2, H, W), low then high, air at 60000; or uint8 (3, H, W) RGB."""
    scale: float
    """Canvas pixels for one pixel of the scan."""
    offset_xy: tuple[float, float]
    """Where the scan's corner (0, 0) lies on the canvas, outside it where that was cropped away."""
    fits: bool
    """Whether it is to the spec's scale; else the scan was too large, or its pitch unknown."""

    def to_image(self, boxes_xyxy: npt.ArrayLike) -> Boxes:
        """Boxes (N, 4) on the canvas, in pixels of the scan; not clipped to it."""
        boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 4)
        mapped: Boxes = (boxes - np.tile(self.offset_xy, 2)) / self.scale
        return mapped

    def to_canvas(self, boxes_xyxy: npt.ArrayLike) -> Boxes:
        """Boxes (N, 4) in pixels of the scan, on the canvas; not clipped to it."""
        boxes = np.asarray(boxes_xyxy, np.float64).reshape(-1, 4)
        mapped: Boxes = boxes * self.scale + np.tile(self.offset_xy, 2)
        return mapped


@dataclass(frozen=True, slots=True)
class _Placing:
    """Which part of a scan goes where on the canvas."""

    crop_xyxy: tuple[int, int, int, int]
    size_wh: tuple[int, int]
    corner_xy: tuple[int, int]
    scale: float
    fits: bool

    @property
    def offset_xy(self) -> tuple[float, float]:
        """Offset of the scan; sizes are whole, so the rounding is shared between both edges."""
        x0, y0, x1, y1 = self.crop_xyxy
        slack = (
            self.size_wh[0] - (x1 - x0) * self.scale,
            self.size_wh[1] - (y1 - y0) * self.scale,
        )
        return (
            self.corner_xy[0] + slack[0] / 2 - x0 * self.scale,
            self.corner_xy[1] + slack[1] / 2 - y0 * self.scale,
        )


def place_dual(
    low: Counts,
    high: Counts,
    air_level: float | None,
    pixel_pitch_mm: float | None,
    spec: CanvasSpec,
    *,
    out: Counts | None = None,
) -> Canvas:
    """A dual-energy scan on the canvas, both energies with air at 60000.

    Args:
        low: Low-energy counts, shape (H, W).
        high: High-energy counts, shape (H, W).
        air_level: Counts of air in both; None estimates each from the frame of the scan.
        pixel_pitch_mm: Size of a pixel. With it the scan is resampled to the spec's mm per pixel,
            or down to fit where it is larger; without it, it is at most shrunk to fit.
        spec: The canvas.
        out: Buffer (2, height, width) uint16 to fill and return; every pixel of it is written.

    Raises:
        ValueError: The arrays are no uint16 images of one shape, or `out` does not fit the spec.
    """
    if low.shape != high.shape or low.ndim != 2 or low.size == 0:
        message = f"low and high must have one shape (H, W), got {low.shape} and {high.shape}"
        raise ValueError(message)
    if not low.dtype == high.dtype == np.uint16:
        raise ValueError(f"low and high must be uint16, got {low.dtype} and {high.dtype}")
    pixels = _buffer(out, (2, spec.height_px, spec.width_px), np.uint16)
    airs = [air_level if air_level else estimate_air(energy) for energy in (low, high)]
    # The low energy alone shows the content: it is weakened more, and less noisy.
    blocks = _in_blocks(low)
    box = content_box(blocks < CONTENT_LEVEL * airs[0], low.shape)
    placing = _place(box, low.shape, pixel_pitch_mm, spec, may_grow=False)
    pixels.fill(AIR)
    for energy, air, plane in zip((low, high), airs, pixels, strict=True):
        resized = _resized(energy, placing)
        if air != AIR:
            # Rounded by the half, capped where noise or an overexposed pixel exceeds 16 bits.
            rescaled = resized * np.float32(AIR / air) + np.float32(0.5)
            resized = np.minimum(rescaled, np.float32(65535)).astype(np.uint16)
        _window(plane, placing)[:] = resized
    return Canvas(
        pixels=pixels, scale=placing.scale, offset_xy=placing.offset_xy, fits=placing.fits
    )


def place_colour(
    rgb: Colour, pixel_pitch_mm: float | None, spec: CanvasSpec, *, out: Colour | None = None
) -> Canvas:
    """A colour rendering on the canvas, on its own background colour.

    Args:
        rgb: Shape (H, W, 3).
        pixel_pitch_mm: As for `place_dual`; without it the content fills the canvas.
        spec: The canvas.
        out: Buffer (3, height, width) uint8 to fill and return.

    Raises:
        ValueError: `rgb` is no uint8 image (H, W, 3), or `out` does not fit the spec.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"rgb must be uint8 (H, W, 3), got {rgb.dtype} {rgb.shape}")
    pixels = _buffer(out, (3, spec.height_px, spec.width_px), np.uint8)
    background = estimate_background(rgb)
    blocks = _in_blocks(rgb)  # (H/4, W/4, 3)
    distance = np.maximum(blocks, background) - np.minimum(blocks, background)
    size = rgb.shape[0], rgb.shape[1]
    box = content_box(distance.max(axis=2) > COLOUR_DISTANCE, size)
    placing = _place(box, size, pixel_pitch_mm, spec, may_grow=True)
    pixels[:] = background[:, None, None]
    _window(pixels, placing)[:] = _resized(rgb, placing).transpose(2, 0, 1)
    return Canvas(
        pixels=pixels, scale=placing.scale, offset_xy=placing.offset_xy, fits=placing.fits
    )


def estimate_air(counts: Counts) -> float:
    """Counts of air: the middle of the brightest peak in the frame of the scan (H, W).

    Falls back to the brightest hundredth of the whole scan where the frame shows no air, as in a
    scan cropped to its parcel.
    """
    frame = _frame(counts)
    top = float(np.percentile(counts[::_BLOCK, ::_BLOCK], 99))
    air = frame[(frame > 0.9 * top) & (frame < 1.1 * top)]
    # A tenth of the frame: the belt's ends stay free even where a long parcel crosses the rest.
    return max(float(np.median(air)) if air.size > 0.1 * frame.size else top, 1.0)


def estimate_background(rgb: Colour) -> Colour:
    """Commonest colour (3,) in the frame of a rendering (H, W, 3)."""
    frame = _frame(rgb)  # (N, 3)
    # 16 levels a channel: wide enough for JPEG noise, narrow enough to part hues.
    cells = (frame >> 4).astype(np.int32) @ np.array([256, 16, 1], np.int32)
    commonest = np.bincount(cells, minlength=4096).argmax()
    background: Colour = np.median(frame[cells == commonest], axis=0).astype(np.uint8)
    return background


def content_box(mask: npt.NDArray[np.bool_], size_hw: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Box (x0, y0, x1, y1) of the content, in pixels of an image of `size_hw`.

    Args:
        mask: Content in blocks of 4x4 pixels, shape (H/4, W/4).
        size_hw: Size of the image; its whole box is the answer where nothing is content.
    """
    height, width = size_hw[:2]
    # A dead detector row or a dropped line is thinner than two blocks; a parcel is not. The two
    # anchors mirror each other: with one for both, an even kernel would shift the content.
    kernel = np.ones((2, 2), np.uint8)
    solid = cv2.dilate(
        cv2.erode(mask.astype(np.uint8), kernel, anchor=(1, 1)), kernel, anchor=(0, 0)
    )
    x, y, w, h = cv2.boundingRect(solid)
    if w == 0 or h == 0:
        return 0, 0, width, height
    fx, fy = width / mask.shape[1], height / mask.shape[0]
    return int(x * fx), int(y * fy), int(np.ceil((x + w) * fx)), int(np.ceil((y + h) * fy))


def _place(
    box_xyxy: tuple[int, int, int, int],
    size_hw: tuple[int, ...],
    pitch_mm: float | None,
    spec: CanvasSpec,
    *,
    may_grow: bool,
) -> _Placing:
    margin = MARGIN_PX if pitch_mm is None else round(MARGIN_MM / pitch_mm)
    x0, y0 = max(box_xyxy[0] - margin, 0), max(box_xyxy[1] - margin, 0)
    x1, y1 = min(box_xyxy[2] + margin, size_hw[1]), min(box_xyxy[3] + margin, size_hw[0])
    fitting = min(spec.width_px / (x1 - x0), spec.height_px / (y1 - y0))
    if pitch_mm is None or spec.mm_per_px is None:
        may_grow = may_grow or spec.mm_per_px is None
        scale, fits = fitting if may_grow else min(fitting, 1.0), False
    else:
        scale = min(pitch_mm / spec.mm_per_px, fitting)
        fits = scale < fitting or scale == pitch_mm / spec.mm_per_px
    width = min(max(round((x1 - x0) * scale), 1), spec.width_px)
    height = min(max(round((y1 - y0) * scale), 1), spec.height_px)
    corner = (spec.width_px - width) // 2, (spec.height_px - height) // 2
    return _Placing((x0, y0, x1, y1), (width, height), corner, scale, fits)


def _resized(image: npt.NDArray[Pixel], placing: _Placing) -> npt.NDArray[Pixel]:
    x0, y0, x1, y1 = placing.crop_xyxy
    # Area averaging keeps counts true when shrinking; it degenerates to blocks when growing.
    how = cv2.INTER_AREA if placing.scale < 1 else cv2.INTER_LINEAR
    crop = image[y0:y1, x0:x1]
    if crop.shape[1::-1] == placing.size_wh:
        return crop
    return np.asarray(cv2.resize(crop, placing.size_wh, interpolation=how), image.dtype)


def _window(pixels: npt.NDArray[Pixel], placing: _Placing) -> npt.NDArray[Pixel]:
    """The part of canvas `pixels` (..., H, W) that the scan covers."""
    x, y = placing.corner_xy
    width, height = placing.size_wh
    return pixels[..., y : y + height, x : x + width]


def _in_blocks(image: npt.NDArray[Pixel]) -> npt.NDArray[Pixel]:
    size_wh = max(image.shape[1] // _BLOCK, 1), max(image.shape[0] // _BLOCK, 1)
    return np.asarray(cv2.resize(image, size_wh, interpolation=cv2.INTER_AREA), image.dtype)


def _frame(image: npt.NDArray[Pixel]) -> npt.NDArray[Pixel]:
    """Pixels of the frame of an image, shape (N,) or (N, C)."""
    edge = min(_BORDER_PX, *((side + 1) // 2 for side in image.shape[:2]))
    parts = image[:edge], image[-edge:], image[:, :edge], image[:, -edge:]
    return np.concatenate([part.reshape(-1, *image.shape[2:]) for part in parts])


def _buffer(
    out: npt.NDArray[Pixel] | None, shape: tuple[int, ...], dtype: type[Pixel]
) -> npt.NDArray[Pixel]:
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype:
        raise ValueError(f"out must be {dtype.__name__} {shape}, got {out.dtype} {out.shape}")
    return out
