"""One call of zxing-cpp on one picture: which symbologies, how thoroughly, and what it gives."""

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp

Luma = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
Formats = zxingcpp.BarcodeFormats
Binarizer = zxingcpp.Binarizer

_B = zxingcpp.BarcodeFormat
RETAIL: Final = Formats([_B.EANUPC])
LINEAR: Final = Formats([_B.Code128, _B.Code39, _B.Code93, _B.ITF, _B.EANUPC, _B.DataBar])
MATRIX: Final = Formats([_B.QRCode, _B.DataMatrix, _B.PDF417, _B.Aztec, _B.MaxiCode])
FORMATS: Final = Formats([
    _B.Code128, _B.Code39, _B.Code93, _B.ITF, _B.EANUPC, _B.DataBar,
    _B.QRCode, _B.DataMatrix, _B.PDF417, _B.Aztec, _B.MaxiCode,
])  # fmt: skip
"""What carriers, posts and retail print. Each format more is a chance more of a false read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadCode:
    """One code that was read in a photo."""

    format: str
    """Symbology as zxing-cpp names it: Code128, EAN13, QRCode, DataMatrix..."""
    text: str
    """Content as encoded; GS1 application identifiers are without parentheses."""
    symbology_ok: bool
    """False where the code was read consistently, but its own check digit does not fit."""
    corners_xy: Points
    """Corners in pixels, shape (4, 2), clockwise from the code's top left."""

    @property
    def is_retail(self) -> bool:
        """Whether it is an EAN or UPC, whose check digit alone proves little."""
        return self.format.startswith(("EAN", "UPC", "ISBN"))

    @property
    def box_xyxy(self) -> tuple[float, float, float, float]:
        """Upright box around the corners, in pixels."""
        low, high = self.corners_xy.min(axis=0), self.corners_xy.max(axis=0)
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def decode(
    luma: Luma,
    formats: Formats,
    *,
    binarizer: Binarizer = Binarizer.LocalAverage,
    thorough: bool = True,
) -> list[ReadCode]:
    """Readings of one picture; of those with errors only retail codes with a wrong check digit.

    Args:
        luma: The picture, shape (H, W).
        formats: What to look for.
        binarizer: How pixels become black or white.
        thorough: Whether to look for linear and DataMatrix codes on their side, for light codes on
            dark ground, and on smaller copies, too. Takes three to four times as long.
    """
    found = zxingcpp.read_barcodes(
        luma,
        formats=formats,
        binarizer=binarizer,
        try_rotate=thorough,
        try_downscale=thorough,
        try_invert=thorough,
        text_mode=zxingcpp.TextMode.Plain,
        return_errors=True,
    )
    reads = []
    for code in found:
        p = code.position
        corners = [(q.x, q.y) for q in (p.top_left, p.top_right, p.bottom_right, p.bottom_left)]
        read = ReadCode(
            format=code.format.name,
            text=code.text,
            symbology_ok=code.valid,
            corners_xy=np.array(corners, np.float32),
        )
        if read.text and (read.symbology_ok or read.is_retail):
            reads.append(read)
    return reads


def decode_on_side(luma: Luma, formats: Formats) -> list[ReadCode]:
    """As `decode`, not thorough, of the picture turned by a quarter."""
    turned = np.asarray(cv2.rotate(luma, cv2.ROTATE_90_CLOCKWISE), np.uint8)
    last_row = np.float32(luma.shape[0] - 1)
    return [
        replace(
            read,
            corners_xy=np.column_stack([read.corners_xy[:, 1], last_row - read.corners_xy[:, 0]]),
        )
        for read in decode(turned, formats, thorough=False)
    ]


def moved(read: ReadCode, x0: float, y0: float, scale: float = 1.0) -> ReadCode:
    """`read` in the pixels of the photo of which its picture was the part from (x0, y0) on.

    Args:
        read: As read in the part.
        x0: Left edge of the part.
        y0: Upper edge of the part.
        scale: Pixels of the photo for one of the part.
    """
    corners = read.corners_xy * np.float32(scale) + np.array([x0, y0], np.float32)
    return replace(read, corners_xy=corners)


def halved(luma: Luma) -> Luma:
    """The picture at half the size."""
    half = cv2.resize(luma, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    return np.asarray(half, np.uint8)
