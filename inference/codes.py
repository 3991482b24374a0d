"""Reads bar codes and matrix codes from photos of labels and packages, and doubts the weak ones.

zxing-cpp finds and decodes. Its thorough search takes 24 ms on a photo of 1280 x 960 pixels, so a
large photo is first searched where its edges look like codes; EAN and UPC readings must win a vote.
"""

import itertools
from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.records import Finding, OwnerKind
from parcelscope.inference.code_filters import equalised, sharpened
from parcelscope.inference.code_places import CodePlaces, code_places
from parcelscope.inference.code_reading import (
    FORMATS,
    LINEAR,
    MATRIX,
    Luma,
    ReadCode,
    decode,
    decode_on_side,
    halved,
    moved,
)
from parcelscope.inference.code_votes import elected

__all__ = ["ReadCode", "code_findings", "read_codes"]

Image = npt.NDArray[np.uint8]

_LARGE_FROM_PX: Final = 1000
"""Long side from which a photo is searched in parts, and from which filtered copies are made at
half the size first, in a quarter of the time: where a well-lit photo shows nothing, its codes are
blurred or far away. At full size only linear codes are looked for then, as matrix codes take three
quarters of the time there."""
_DULL_SPAN: Final = 80
"""Grey levels between the darkest and the brightest hundredth below which all codes are looked for
at full size, too: they may be hidden in the dark. Well-lit label photos have 130 or more, dark
ones 42 at most."""


def read_codes(photo: Image, *, thorough: bool = True) -> tuple[ReadCode, ...]:
    """All codes of a photo, from top to bottom.

    The photo is read as it is; only if that yields nothing is it searched again as a whole, and
    then with stronger filters, on a large photo at half its size first.

    Args:
        photo: RGB, shape (H, W, 3), or its luma, shape (H, W).
        thorough: Whether to search a large photo again although nothing on it looks like bars, as
            where a code is expected; takes three times as long where there is none.

    Raises:
        ValueError: If the photo has neither shape.
    """
    luma = luma_of(photo)
    reads = []
    if max(luma.shape) < _LARGE_FROM_PX:
        reads = decode(luma, FORMATS)
        again = True
    else:
        places = code_places(luma)
        reads = _read_places(luma, places)
        again = thorough or places.upright_bars or places.lying_bars
        if again and not any(r.symbology_ok for r in reads):
            reads += decode(luma, FORMATS)
    if again and not any(r.symbology_ok for r in reads):
        reads += _filtered(luma)
    retail = [r for r in reads if r.is_retail]
    kept = [r for r in reads if r.symbology_ok and not r.is_retail]
    if retail:
        kept += elected(luma, retail)
    unique = {(r.format, r.text): r for r in reversed(kept)}
    return tuple(sorted(unique.values(), key=lambda r: float(r.corners_xy[:, 1].mean())))


def luma_of(photo: Image) -> Luma:
    """Brightness of a photo, shape (H, W), as codes are read and sharpness is judged on it.

    Raises:
        ValueError: If the photo has neither the shape (H, W, 3) nor (H, W).
    """
    if photo.ndim == 2:
        return photo
    if photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"a photo must have shape (H, W, 3) or (H, W), got {photo.shape}")
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)


def code_findings(
    codes: Sequence[ReadCode], *, owner_id: str, owner_kind: OwnerKind, image_path: str | None
) -> tuple[Finding, ...]:
    """What was read, as findings of `photo.codes`; measurements without a score."""
    return tuple(
        Finding(
            owner_id=owner_id,
            owner_kind=owner_kind,
            source="photo.codes",
            code=f"code.{code.format.lower()}",
            sentence=_sentence(code),
            text=code.text,
            image_path=image_path,
            box_xyxy=code.box_xyxy,
        )
        for code in codes
    )


def _sentence(code: ReadCode) -> str:
    shown = "".join(c if c.isprintable() else " " for c in code.text)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    if code.symbology_ok:
        return f"{code.format} code on the photo reads {shown}."
    return f"{code.format} code on the photo reads {shown}, whose check digit does not fit."


def _read_places(luma: Luma, places: CodePlaces) -> list[ReadCode]:
    """Readings of a large photo: bars the way they lie, large matrix codes, and dense ones."""
    reads = []
    if places.upright_bars:
        reads += decode(luma, LINEAR, thorough=False)
    if places.lying_bars:
        reads += decode_on_side(luma, LINEAR)
    # Modules of many pixels have too few edges to be told from print, but survive the halving.
    reads += [moved(r, 0, 0, 2) for r in decode(halved(luma), MATRIX, thorough=False)]
    known = [r.corners_xy for r in reads if r.symbology_ok]
    for x0, y0, x1, y1 in places.boxes_xyxy(known):
        part = np.ascontiguousarray(luma[y0:y1, x0:x1])
        reads += [moved(r, x0, y0) for r in decode(part, MATRIX)]
    return reads


def _filtered(luma: Luma) -> list[ReadCode]:
    """Readings of the first filtered copy in which something can be read for sure."""
    tries = [(False, FORMATS)]
    if max(luma.shape) >= _LARGE_FROM_PX:
        tries = [(True, FORMATS), (False, FORMATS if _is_dull(luma) else LINEAR)]
    reads: list[ReadCode] = []
    for (smaller, formats), look in itertools.product(tries, (equalised, sharpened)):
        seen = look(halved(luma) if smaller else luma)
        scale = luma.shape[1] / seen.shape[1]
        reads += [moved(r, 0, 0, scale) for r in decode(seen, formats)]
        if any(r.symbology_ok for r in reads):
            break
    return reads


def _is_dull(luma: Luma) -> bool:
    darkest, brightest = np.percentile(luma[::8, ::8], [1, 99])
    return float(brightest - darkest) < _DULL_SPAN
