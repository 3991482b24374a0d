"""What an image file says of itself, read before a single pixel is allocated.

Every file from outside goes through here first: a header that claims 65535x65535 costs nothing,
while several decoders would allocate gigabytes for it.
"""

import errno
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from parcelscope.datasets.dicos_header import read_dicos_header
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.jpeg_header import read_jpeg_frame
from parcelscope.datasets.plain_files import open_plain
from parcelscope.datasets.tiff_header import orientation_of, read_tiff_pages

PIXEL_CAP = 100_000_000
"""Most pixels of one file, all pages together; a 600 x 600 mm tray at 0.1 mm is 36 million."""
CHUNK_LIMIT = 1000
"""Most chunks of a PNG before its pixels; writers make about 10, a file of empty ones costs."""
BYTES_CAP = 800_000_000
"""Most bytes of one file: twice two uncompressed 16-bit channels of `PIXEL_CAP` pixels."""

Format = Literal["png", "jpeg", "tiff", "dicos"]
Sample = Literal["unsigned", "signed", "float"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Form of one image file."""

    format: Format
    width: int
    height: int
    channels: int
    """Of the decoded first page: a palette counts as its 3 (or 4) channels."""
    bits: int
    """Of each channel of the decoded first page; palettes and 1, 2 or 4-bit PNG decode to 8."""
    pages: int = 1
    sample: Sample = "unsigned"
    orientation: int = 1
    """EXIF orientation, 1 (upright) to 8."""


def read_bytes(path: Path, *, within: Path | None = None) -> bytes:
    """Content of the file at `path`.

    Args:
        path: The file.
        within: Folder that must hold it, whatever links there are and whoever changes them now.

    Raises:
        ImageError: `missing`; `unreadable` where it is there but is not given to us;
            `outside_feed` where it is not in `within`; `not_an_image` for what is no plain file;
            `empty`, `too_large`, or `changed` while it was read.
    """
    try:
        with open_plain(path, within=within) as file:
            size = os.fstat(file.fileno()).st_size
            if size > BYTES_CAP:
                message = f"{path} has {size} bytes, more than the {BYTES_CAP} allowed"
                raise ImageError("too_large", message)
            data = file.read(size + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise ImageError("missing", f"{path} is not there") from None
    except OSError as error:
        lost = error.errno in (errno.ENAMETOOLONG, errno.ELOOP)
        code = "missing" if lost else "unreadable"
        raise ImageError(code, f"{path} cannot be opened: {error.strerror}") from None
    except ValueError as error:  # a null byte in the name
        raise ImageError("missing", f"{path} cannot be opened: {error}") from None
    if len(data) != size:
        raise ImageError("changed", f"{path} changed while it was read")
    if not data:
        raise ImageError("empty", f"{path} has no bytes")
    return data


def read_header(data: bytes | memoryview, *, pixel_cap: int = PIXEL_CAP) -> Header:
    """Form of the image file whose content is `data`, PNG, JPEG, TIFF, BigTIFF or DICOS.

    Args:
        data: The whole content; only its headers are looked at.
        pixel_cap: Most pixels, over all pages.

    Raises:
        ImageError: `empty`, `not_an_image`, `truncated`, `too_large`, `corrupt` or `unsupported`.
    """
    content = bytes(data)  # bytes stay as they are, a view is copied
    if not content:
        raise ImageError("empty", "the image has no bytes")
    for magic, at, reader in _READERS:
        if content[at : at + len(magic)] == magic:
            return reader(content, pixel_cap)
    for magic, at, name in _KNOWN_BUT_NOT_READ:
        if content[at : at + len(magic)] == magic:
            message = f"{name} is not read; expected PNG, JPEG, TIFF or DICOS"
            raise ImageError("unsupported", message)
    start = content[:16]
    if any(magic.startswith(content) for magic, at, _ in _READERS if at == 0):
        raise ImageError("truncated", f"the file ends after {len(content)} bytes")
    message = f"expected PNG, JPEG, TIFF or DICOS, got a file that begins with {start!r}"
    raise ImageError("not_an_image", message)


def check_size(width: int, height: int, pixels: int, pixel_cap: int) -> None:
    """Refuse an image without pixels, or with more than `pixel_cap` of them.

    Raises:
        ImageError: `corrupt` or `too_large`.
    """
    if width < 1 or height < 1:
        raise ImageError("corrupt", f"the header says {width} x {height} pixels")
    if pixels > pixel_cap:
        message = f"the header says {width} x {height} pixels; at most {pixel_cap} are read"
        raise ImageError("too_large", message)


_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}  # by colour type
_PNG_BITS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}


def _png(data: bytes, pixel_cap: int) -> Header:
    head = data[8:33]
    if len(head) < 25:
        raise ImageError("truncated", "the PNG ends inside its header")
    if head[:8] != b"\0\0\0\x0dIHDR":
        raise ImageError("corrupt", "the PNG does not begin with a 13-byte IHDR")
    if zlib.crc32(head[4:21]) != int.from_bytes(head[21:25], "big"):
        raise ImageError("corrupt", "the checksum of the PNG header does not fit")
    width, height = int.from_bytes(head[8:12], "big"), int.from_bytes(head[12:16], "big")
    bits, colour = head[16], head[17]
    if bits not in _PNG_BITS.get(colour, ()):
        raise ImageError("corrupt", f"no PNG has colour type {colour} with {bits} bits")
    check_size(width, height, width * height, pixel_cap)
    transparent, orientation = _png_extras(data)
    return Header(
        format="png",
        width=width,
        height=height,
        channels=_PNG_CHANNELS[colour] + (transparent and colour in (0, 2, 3)),
        bits=max(bits, 8),
        orientation=orientation,
    )


def _png_extras(data: bytes) -> tuple[bool, int]:
    """Whether a tRNS chunk precedes the pixels, and the orientation of an eXIf chunk."""
    transparent, orientation, at = False, 1, 33
    for _ in range(CHUNK_LIMIT):
        if at + 8 > len(data):
            raise ImageError("truncated", "the PNG ends before its pixels")
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        if kind == b"IDAT":
            break
        transparent |= kind == b"tRNS"
        if kind == b"eXIf":
            orientation = orientation_of(data[at + 8 : at + 8 + length])
        at += length + 12
    else:
        message = f"the PNG has more than {CHUNK_LIMIT} chunks before its pixels"
        raise ImageError("unsupported", message)
    return transparent, orientation


def _jpeg(data: bytes, pixel_cap: int) -> Header:
    frame = read_jpeg_frame(data)
    if frame.process in (0xC3, 0xF7):
        raise ImageError("unsupported", "lossless JPEG is read inside DICOS only")
    if frame.bits != 8:
        raise ImageError("unsupported", f"JPEG with {frame.bits} bits is not read, only 8")
    if frame.components not in (1, 3, 4):
        raise ImageError("corrupt", f"the JPEG has {frame.components} components, not 1, 3 or 4")
    check_size(frame.width, frame.height, frame.width * frame.height, pixel_cap)
    return Header(
        format="jpeg",
        width=frame.width,
        height=frame.height,
        channels=frame.components,
        bits=8,
        orientation=frame.orientation,
    )


def _tiff(data: bytes, pixel_cap: int) -> Header:
    pages = [page for page in read_tiff_pages(data) if not page.reduced]
    if not pages:
        raise ImageError("corrupt", "the TIFF has thumbnails only")
    total = 0
    for page in pages:
        total += page.width * page.height
        check_size(page.width, page.height, total, pixel_cap)
    first = pages[0]
    if len(first.bits) > 1:
        raise ImageError("unsupported", f"the TIFF's channels have {first.bits} bits")
    samples: dict[int, Sample] = {1: "unsigned", 2: "signed", 3: "float"}
    if first.sample_format not in samples:
        raise ImageError("unsupported", f"TIFF sample format {first.sample_format} is not read")
    return Header(
        format="tiff",
        width=first.width,
        height=first.height,
        channels=first.channels,
        bits=first.bits[0],
        pages=len(pages),
        sample=samples[first.sample_format],
        orientation=first.orientation,
    )


def _dicos(data: bytes, pixel_cap: int) -> Header:
    header = read_dicos_header(data)
    check_size(header.width, header.height, header.width * header.height * header.frames, pixel_cap)
    return Header(
        format="dicos",
        width=header.width,
        height=header.height,
        channels=header.channels,
        bits=header.bits,
        pages=header.frames,
        sample="signed" if header.signed else "unsigned",
    )


_READERS: tuple[tuple[bytes, int, Callable[[bytes, int], Header]], ...] = (
    (b"\x89PNG\r\n\x1a\n", 0, _png),
    (b"\xff\xd8\xff", 0, _jpeg),
    (b"II*\0", 0, _tiff),
    (b"MM\0*", 0, _tiff),
    (b"II+\0", 0, _tiff),
    (b"MM\0+", 0, _tiff),
    (b"DICM", 128, _dicos),
)
_KNOWN_BUT_NOT_READ = (
    (b"WEBP", 8, "WebP"),
    (b"GIF8", 0, "GIF"),
    (b"BM", 0, "BMP"),
    (b"ftypheic", 4, "HEIC"),
    (b"ftypavif", 4, "AVIF"),
    (b"%PDF", 0, "PDF"),
)
