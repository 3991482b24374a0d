"""Reads bar codes and matrix codes from photos of labels and packages, and doubts the weak ones.

zxing-cpp finds and decodes. On poor photos its EAN and UPC readings are often wrong yet pass the
check digit (one in ten does by chance), so those must win a vote over differently filtered copies.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp

from parcelscope.datasets.records import Finding, OwnerKind

Image = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]

_B = zxingcpp.BarcodeFormat
_RETAIL = zxingcpp.BarcodeFormats([_B.EANUPC])
# What carriers, posts and retail print. Each format more is a chance more of a false read.
_FORMATS = zxingcpp.BarcodeFormats([
    _B.Code128, _B.Code39, _B.Code93, _B.ITF, _B.EANUPC, _B.DataBar,
    _B.QRCode, _B.DataMatrix, _B.PDF417, _B.Aztec, _B.MaxiCode,
])  # fmt: skip
# How a retail reading earns belief: by looks (of five) that agree, and by support, the height of
# the band of scan lines that gave the text over the code's length, summed over the looks.
# Measured on 49 photographed EAN and UPC codes: right texts had two looks or support 0.69 or more;
# wrong ones with a fitting check digit never had the most support at their place.
_MIN_LOOKS = 2
_MIN_SUPPORT_OF_ONE_LOOK = 0.5
_MIN_SHARE_OF_BEST_SUPPORT = 0.25
_MIN_LOOKS_AGAINST_CHECK_DIGIT = 3
_UPSCALE_BELOW_PX = 500


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


def read_codes(rgb: Image) -> tuple[ReadCode, ...]:
    """All codes of a photo, shape (H, W, 3) RGB, from top to bottom.

    The photo is read as it is; only if that yields nothing are stronger filters tried.

    Raises:
        ValueError: If the photo has not the shape (H, W, 3).
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3:
        raise ValueError(f"a photo must have shape (H, W, 3), got {rgb.shape}")
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    reads = _decode(grey, _FORMATS)
    for look in (_equalised, _sharpened):
        if any(r.symbology_ok for r in reads):
            break
        reads += _look(grey, look, _FORMATS)
    retail = [r for r in reads if _is_retail(r)]
    kept = [r for r in reads if r.symbology_ok and not _is_retail(r)]
    if retail:
        kept += _elected(grey, retail)
    unique = {(r.format, r.text): r for r in reversed(kept)}
    return tuple(sorted(unique.values(), key=lambda r: float(r.corners_xy[:, 1].mean())))


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
            box_xyxy=_box(code.corners_xy),
        )
        for code in codes
    )


def _sentence(code: ReadCode) -> str:
    shown = "".join(c if c.isprintable() else " " for c in code.text)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."
    if code.symbology_ok:
        return f"{code.format} code on the photo reads {shown}."
    return f"{code.format} code on the photo reads {shown}, whose check digit does not fit."


def _elected(grey: Image, retail: Sequence[ReadCode]) -> list[ReadCode]:
    """EAN and UPC readings that several looks at the same place agree on."""
    x0, y0, x1, y1 = _region(grey, retail)
    crop = np.ascontiguousarray(grey[y0:y1, x0:x1])
    votes: list[list[ReadCode]] = []  # one list for each text at each place
    for read in _looks(crop):
        same = (v for v in votes if v[0].text == read.text and _meet(v, [read]))
        group = next(same, None)
        if group is None:
            votes.append([read])
        else:
            group.append(read)
    best = max((_support(v) for v in votes if v[0].symbology_ok), default=0.0)
    winners = [
        group[0]
        for group in votes
        if _support(group) >= _MIN_SHARE_OF_BEST_SUPPORT * best
        and _wins(group, [v for v in votes if v is not group and _meet(v, group)])
    ]
    shift = np.array([x0, y0], np.float32)
    return [
        ReadCode(
            format=w.format,
            text=w.text,
            symbology_ok=w.symbology_ok,
            corners_xy=w.corners_xy + shift,
        )
        for w in winners
    ]


def _wins(group: Sequence[ReadCode], rivals: Sequence[Sequence[ReadCode]]) -> bool:
    """Whether the readings of one text outdo the other texts read at the same place."""
    valid = [v for v in rivals if v[0].symbology_ok]
    if group[0].symbology_ok:
        believed = len(group) >= _MIN_LOOKS or _support(group) >= _MIN_SUPPORT_OF_ONE_LOOK
        return believed and _support(group) > max(map(_support, valid), default=0.0)
    # A wrong check digit is a claim about the package: no look may have seen a right one.
    ahead = _support(group) > max(map(_support, rivals), default=0.0)
    return ahead and not valid and len(group) >= _MIN_LOOKS_AGAINST_CHECK_DIGIT


def _meet(a: Sequence[ReadCode], b: Sequence[ReadCode]) -> bool:
    return any(_overlap(p, q) for p in a for q in b)


def _support(group: Sequence[ReadCode]) -> float:
    total = 0.0
    for read in group:
        top_left, top_right, bottom_right, bottom_left = read.corners_xy
        band = np.linalg.norm(bottom_left - top_left) + np.linalg.norm(bottom_right - top_right)
        length = np.linalg.norm(top_right - top_left) + np.linalg.norm(bottom_right - bottom_left)
        total += float(band) / max(float(length), 1.0)
    return total


def _looks(grey: Image) -> Iterator[ReadCode]:
    yield from _decode(grey, _RETAIL)
    yield from _decode(grey, _RETAIL, zxingcpp.Binarizer.GlobalHistogram)
    for look in (_equalised, _sharpened, _smoothed):
        yield from _look(grey, look, _RETAIL)


def _look(
    grey: Image, look: Callable[[Image], Image], formats: zxingcpp.BarcodeFormats
) -> list[ReadCode]:
    seen = look(grey)
    scale = grey.shape[1] / seen.shape[1]
    return [
        ReadCode(
            format=r.format,
            text=r.text,
            symbology_ok=r.symbology_ok,
            corners_xy=r.corners_xy * np.float32(scale),
        )
        for r in _decode(seen, formats)
    ]


def _decode(
    grey: Image,
    formats: zxingcpp.BarcodeFormats,
    binarizer: zxingcpp.Binarizer = zxingcpp.Binarizer.LocalAverage,
) -> list[ReadCode]:
    """Readings of one picture; of those with errors only retail codes with a wrong check digit."""
    found = zxingcpp.read_barcodes(
        grey,
        formats=formats,
        binarizer=binarizer,
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
        if read.text and (read.symbology_ok or _is_retail(read)):
            reads.append(read)
    return reads


def _equalised(grey: Image) -> Image:
    return np.asarray(cv2.createCLAHE(3.0, (8, 8)).apply(grey), np.uint8)


def _sharpened(grey: Image) -> Image:
    large = _enlarged(grey)
    sharp = cv2.addWeighted(large, 2.5, cv2.GaussianBlur(large, (0, 0), 3), -1.5, 0)
    return np.asarray(sharp, np.uint8)


def _smoothed(grey: Image) -> Image:
    return np.asarray(cv2.GaussianBlur(_enlarged(grey), (0, 0), 1.2), np.uint8)


def _enlarged(grey: Image) -> Image:
    """Twice the size if small: bars under two pixels wide blur into each other otherwise."""
    if max(grey.shape) > _UPSCALE_BELOW_PX:
        return grey
    large = cv2.resize(grey, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8)


def _is_retail(read: ReadCode) -> bool:
    return read.format.startswith(("EAN", "UPC", "ISBN"))


def _box(corners_xy: Points) -> tuple[float, float, float, float]:
    low, high = corners_xy.min(axis=0), corners_xy.max(axis=0)
    return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def _overlap(a: ReadCode, b: ReadCode) -> bool:
    """Whether two readings can be of the same code: their boxes, a little grown, touch."""
    ax0, ay0, ax1, ay1 = _box(a.corners_xy)
    bx0, by0, bx1, by1 = _box(b.corners_xy)
    room = 0.1 * max(ax1 - ax0, ay1 - ay0)
    return ax0 - room <= bx1 and bx0 <= ax1 + room and ay0 - room <= by1 and by0 <= ay1 + room


def _region(grey: Image, reads: Sequence[ReadCode]) -> tuple[int, int, int, int]:
    """Part of the photo around the readings, with room for quiet zones and missed bars."""
    boxes = np.array([_box(r.corners_xy) for r in reads])
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    room = 0.4 * float((high - low).max()) + 16
    height, width = grey.shape
    x0, y0 = max(0, int(low[0] - room)), max(0, int(low[1] - room))
    return x0, y0, min(width, int(high[0] + room)), min(height, int(high[1] + room))
