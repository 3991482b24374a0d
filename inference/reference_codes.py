"""Bar codes of a registered photo, and whether they say what the genuine reference's say."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from parcelscope.inference.codes import ReadCode, read_codes
from parcelscope.inference.registration import Image, Matrix, laid_over

RETAIL: Final = frozenset({"EAN13", "UPCA"})
"""Codes that are looked for once more in a sharpened photo."""
SOFT_PX: Final = 3.0
SHARPENED: Final = 1.5
"""What is lost in a blur this wide is added so many times."""
ENLARGED: Final = 2.5
"""Bars narrower than two pixels are seldom read; seen flat and enlarged they often are."""


def flat_codes(photo: Image, matrix: Matrix, size_wh: tuple[int, int]) -> tuple[ReadCode, ...]:
    """Codes on a photo, read as the reference's grid shows it, corners in pixels of that grid.

    Args:
        photo: (h, w, 3) RGB.
        matrix: (3, 3) from its pixels to those of the reference.
        size_wh: Size of the reference's picture.
    """
    larger = np.diag([ENLARGED, ENLARGED, 1.0]) @ matrix
    size = (round(size_wh[0] * ENLARGED), round(size_wh[1] * ENLARGED))
    flat = laid_over(photo, larger, size)
    found = read_codes(flat)
    if not any(code.format in RETAIL for code in found):
        # Bars of about a pixel merge; steeper edges part some of them again.
        soft = cv2.GaussianBlur(flat, (0, 0), SOFT_PX)
        sharper = cv2.addWeighted(flat, 1 + SHARPENED, soft, -SHARPENED, 0)
        read = [code for code in read_codes(np.asarray(sharper, np.uint8)) if code.format in RETAIL]
        found = (*found, *read)
    return tuple(
        replace(code, corners_xy=np.asarray(code.corners_xy / ENLARGED, np.float32))
        for code in found
    )


def named_code(code: ReadCode) -> str:
    """Symbology and text: `EAN13 4006381333931`."""
    return f"{code.format} {code.text}"


def conflicting_code(codes: Sequence[str], expected: Sequence[str]) -> str | None:
    """A code of the kind that genuine copies carry, but with another text; None where none is.

    Codes as `named_code` gives them. One of another symbology or length, such as that of a
    shipping label, is not of that kind. Where the expected one was read as well, the other may
    belong to another package in the picture.
    """
    for known in expected:
        if known in codes:
            continue
        for code in codes:
            same_kind = code.split()[0] == known.split()[0] and len(code) == len(known)
            if same_kind and code not in expected:
                return code
    return None


def retail_digits(expected: Sequence[str]) -> str | None:
    """The 13 digits of the retail code among `expected`; None where there is none."""
    for code in expected:
        kind, text = code.split(maxsplit=1)
        if kind == "EAN13" and len(text) == 13 and text.isdigit():
            return text
        if kind == "UPCA" and len(text) in (12, 13) and text.isdigit():
            return text.rjust(13, "0")
    return None
