"""Pictures of the report: scans in colour and photos, small enough to lie inside the page."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from parcelscope.datasets.headers import read_header
from parcelscope.datasets.photos import decode_photo
from parcelscope.datasets.scans import Counts, Scan
from parcelscope.datasets.xray.colour import ANALYST_PALETTE, pseudo_colour
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.zeff import SHOWN_SPECTRUM, effective_z

Rgb = npt.NDArray[np.uint8]
MarkKind = Literal["item", "piece", "anomaly", "code", "zone"]
Pixels = TypeVar("Pixels", Rgb, Counts)
BoxXyxy = tuple[float, float, float, float]

SCAN_SIDE_PX = 840
PHOTO_SIDE_PX = 560
SHOWN_WH = (720, 500)
"""Most room for one picture on the page, in its pixels."""
SCAN_BYTES = 60_000
PHOTO_BYTES = 36_000
"""Limits of one picture: sixty flags with two scans and three photos each stay under 20 MB."""

_QUALITIES = (86, 78, 68, 56, 44)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A frame on a picture, in percent of its width and height."""

    kind: MarkKind
    label: str
    left: float
    top: float
    width: float
    height: float

    @property
    def label_below(self) -> bool:
        """Whether the label hangs below the frame: for lack of room, or to clear an item's."""
        return (self.top < 6 or self.kind == "anomaly") and self.top + self.height < 92

    @property
    def label_left(self) -> bool:
        """Whether the label must run to the left, as there is no room to the right."""
        return self.left > 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """One picture of the report."""

    uri: str
    """`data:` URI of a JPEG."""
    shown_width_px: int
    shown_height_px: int
    """Size on a page with room for it; small scans are enlarged, at most twice."""
    caption: str
    marks: tuple[Mark, ...] = ()


def scan_picture(scan: Scan, *, caption: str, marks: Sequence[Mark] = ()) -> Picture:
    """`scan` in the colours that analysts know."""
    return _picture(coloured(scan), SCAN_SIDE_PX, SCAN_BYTES, caption, marks)


def photo_picture(
    data: bytes, *, caption: str, boxes: Sequence[tuple[MarkKind, str, BoxXyxy]] = ()
) -> Picture:
    """A photo, with `boxes` (kind, label, box in pixels of the upright photo) marked.

    Raises:
        ImageError: If the content of the file, `data`, cannot be read as a photo.
    """
    header = read_header(data)
    size_wh = (header.width, header.height)
    if header.orientation >= 5:  # stored sideways
        size_wh = size_wh[::-1]
    rgb = decode_photo(data, wanted_px=PHOTO_SIDE_PX)
    marks = [mark(kind, label, box, size_wh) for kind, label, box in boxes]
    return _picture(rgb, PHOTO_SIDE_PX, PHOTO_BYTES, caption, marks)


def plain_picture(rgb: Rgb, *, caption: str, marks: Sequence[Mark] = ()) -> Picture:
    """Pixels that are already at hand, (H, W, 3), as a picture of the report."""
    return _picture(rgb, PHOTO_SIDE_PX, PHOTO_BYTES, caption, marks)


def mark(kind: MarkKind, label: str, box_xyxy: BoxXyxy, size_wh: tuple[int, int]) -> Mark:
    """A frame around `box_xyxy`, in pixels of a picture of `size_wh`, cut off at its edges."""
    width, height = size_wh
    x0, x1 = (100 * min(max(x / width, 0.0), 1.0) for x in box_xyxy[::2])
    y0, y1 = (100 * min(max(y / height, 0.0), 1.0) for y in box_xyxy[1::2])
    return Mark(
        kind=kind,
        label=label,
        left=round(x0, 2),
        top=round(y0, 2),
        width=round(max(x1 - x0, 0.0), 2),
        height=round(max(y1 - y0, 0.0), 2),
    )


def coloured(scan: Scan) -> Rgb:
    """`scan` as RGB, shape (H, W, 3), at most `SCAN_SIDE_PX` on its long side.

    Both energies give hues by material, a single energy gives greys, a rendering stays as it is.
    """
    if scan.rgb is not None:
        return _fitted(scan.rgb, SCAN_SIDE_PX)
    air_level = scan.air_level or AIR_LEVEL
    if scan.low is not None and scan.high is not None:
        low, high = (_fitted(counts, SCAN_SIDE_PX) for counts in (scan.low, scan.high))
        number = effective_z(low, high, SHOWN_SPECTRUM, air_level=air_level)
        return pseudo_colour(low, high, number, ANALYST_PALETTE, air_level=air_level)
    counts = scan.low if scan.low is not None else scan.high
    if counts is None:
        raise ValueError(f"a scan must have pixels, got none of kind {scan.kind}")
    small: Counts = _fitted(counts, SCAN_SIDE_PX)
    grey = np.clip(small * (255 / air_level), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def data_uri(rgb: Rgb, most_bytes: int) -> tuple[str, tuple[int, int]]:
    """`rgb` (H, W, 3) as a `data:` URI of a JPEG of at most `most_bytes`, and its size (w, h).

    Quality is given up first, then size. Nothing but pixels gets in: no EXIF, no thumbnail.
    """
    while True:
        for quality in _QUALITIES:
            data: bytes = simplejpeg.encode_jpeg(
                np.ascontiguousarray(rgb), quality=quality, colorspace="RGB", colorsubsampling="420"
            )
            if len(data) <= most_bytes or max(rgb.shape[:2]) <= 64:
                text = base64.b64encode(data).decode("ascii")
                return f"data:image/jpeg;base64,{text}", (rgb.shape[1], rgb.shape[0])
        rgb = _fitted(rgb, round(max(rgb.shape[:2]) * 0.8))


def _picture(
    rgb: Rgb, side_px: int, most_bytes: int, caption: str, marks: Sequence[Mark]
) -> Picture:
    uri, (width, height) = data_uri(_fitted(rgb, side_px), most_bytes)
    scale = min(SHOWN_WH[0] / width, SHOWN_WH[1] / height, 2.0)
    return Picture(
        uri=uri,
        shown_width_px=max(round(width * scale), 1),
        shown_height_px=max(round(height * scale), 1),
        caption=caption,
        marks=tuple(marks),
    )


def _fitted(pixels: Pixels, side_px: int) -> Pixels:
    """`pixels` shrunk to at most `side_px` on the long side, each output the mean of its area."""
    height, width = pixels.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return pixels
    size_wh = (max(round(width * scale), 1), max(round(height * scale), 1))
    # A belt scan may be 20 times as long as wide; no side may vanish.
    shrunk = cv2.resize(pixels, size_wh, interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, pixels.dtype)
