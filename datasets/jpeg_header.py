"""What a JPEG stream says of itself before its pixels: size, components, precision, orientation."""

from dataclasses import dataclass

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.tiff_header import orientation_of

SCAN_LIMIT = 100
"""Most scans of a progressive file that is decoded; encoders write about 10."""

MARKER_LIMIT = 1000
"""Most markers before the frame header, and most fill bytes before one; writers make about 10."""

_FRAME_MARKERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}  # 0xF7: JPEG-LS
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})  # no length follows
_START_OF_SCAN, _END_OF_IMAGE, _APP1 = 0xDA, 0xD9, 0xE1


@dataclass(frozen=True, slots=True, kw_only=True)
class JpegFrame:
    """The frame header of a JPEG stream."""

    width: int
    height: int
    components: int
    bits: int
    process: int
    """Low byte of the SOF marker: 0xC0 baseline, 0xC2 progressive, 0xC3 lossless, 0xF7 JPEG-LS."""
    orientation: int
    """EXIF orientation, 1 (upright) to 8."""


def read_jpeg_frame(data: bytes) -> JpegFrame:
    """Frame header of the JPEG stream `data`, found by walking its markers; no pixel is decoded.

    Raises:
        ImageError: `truncated`, `corrupt` or `unsupported`.
    """
    orientation = 1
    at = 2
    for _ in range(MARKER_LIMIT):
        marker, at = _next_marker(data, at)
        if marker in _BARE_MARKERS:
            continue
        if marker in (_END_OF_IMAGE, _START_OF_SCAN):
            raise ImageError("corrupt", "the JPEG has no frame header before its data")
        length = int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or at + length > len(data):
            raise ImageError("truncated", f"the JPEG ends inside segment 0x{marker:02x}")
        if length < 2:
            raise ImageError("corrupt", f"JPEG segment 0x{marker:02x} has length {length}")
        segment = data[at + 2 : at + length]
        if marker == _APP1 and segment.startswith(b"Exif\0\0"):
            orientation = orientation_of(segment[6:])
        if marker in _FRAME_MARKERS:
            return _frame(segment, marker, orientation, data)
        at += length
    raise ImageError("unsupported", f"the JPEG has more than {MARKER_LIMIT} segments")


def _next_marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at`, past its fill bytes, and the position behind it."""
    if at < len(data) and data[at] != 0xFF:
        raise ImageError("corrupt", f"expected a JPEG marker at byte {at}, got 0x{data[at]:02x}")
    filled = data[at : at + MARKER_LIMIT]
    at += len(filled) - len(filled.lstrip(b"\xff"))
    if at < len(data) and data[at] == 0xFF:
        message = f"the JPEG has more than {MARKER_LIMIT} fill bytes at byte {at - MARKER_LIMIT}"
        raise ImageError("corrupt", message)
    if at >= len(data):
        raise ImageError("truncated", "the JPEG ends before its frame header")
    return data[at], at + 1


def _frame(segment: bytes, marker: int, orientation: int, data: bytes) -> JpegFrame:
    if len(segment) < 6:
        raise ImageError("corrupt", f"the JPEG frame header has only {len(segment)} bytes")
    # 0xFF inside entropy-coded data is always stuffed, so these two bytes are a scan (or one of
    # an embedded preview): a file of thousands of tiny scans would cost as many passes.
    scans = data.count(b"\xff\xda")
    if scans > SCAN_LIMIT:
        raise ImageError("unsupported", f"the JPEG has {scans} scans, more than {SCAN_LIMIT}")
    return JpegFrame(
        bits=segment[0],
        height=int.from_bytes(segment[1:3], "big"),
        width=int.from_bytes(segment[3:5], "big"),
        components=segment[5],
        process=marker,
        orientation=orientation,
    )
