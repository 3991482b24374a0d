"""The pages of a TIFF or BigTIFF file, from its directories alone; no pixel is decoded."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from parcelscope.datasets.errors import ImageError

PAGE_LIMIT = 64
"""Most pages of one file; a dual-energy scan has two."""

TAG_LIMIT = 1000
"""Most tags of one page; writers make about 20, and a file of nothing else costs."""

_ORIENTATION = 274
# Size, bits, codec, layout, predictor and sample format: a reader that overlooks a broken one of
# these takes its default, and returns other pixels.
_ESSENTIAL = frozenset({256, 257, 258, 259, 262, 273, 277, 278, 279, 284, 317, 322, 323, 324, 325,
                        339})  # fmt: skip
_SIZES = {1: 1, 3: 2, 4: 4, 16: 8}  # BYTE, SHORT, LONG, LONG8: the only types of the tags we read
_LETTERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_VALUES_LIMIT = 8  # of one tag: BitsPerSample has one value for each channel

Tags = dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffPage:
    """One image of a TIFF file, as its directory describes it."""

    width: int
    height: int
    channels: int
    bits: tuple[int, ...]
    """Bits of each channel; one entry where all are alike."""
    sample_format: int
    """1 unsigned, 2 signed, 3 floating point."""
    photometric: int
    orientation: int
    reduced: bool
    """Whether the page is a thumbnail of another one."""


def read_tiff_pages(data: bytes) -> tuple[TiffPage, ...]:
    """Every page in the chain of directories of `data`, thumbnails included, at least one.

    Raises:
        ImageError: `truncated`, `corrupt` or `unsupported`.
    """
    pages: list[TiffPage] = []
    for tags in _directories(data):
        if not (tags.get(256) and tags.get(257)):
            raise ImageError("corrupt", f"page {len(pages)} of the TIFF has no width or height")
        bits = tags.get(258, (1,))
        pages.append(
            TiffPage(
                width=tags[256][0],
                height=tags[257][0],
                channels=_first(tags, 277, 1),
                bits=bits[:1] if len(set(bits)) == 1 else bits,
                sample_format=_first(tags, 339, 1),
                photometric=_first(tags, 262, 1),
                orientation=_upright(_first(tags, _ORIENTATION, 1)),
                reduced=bool(_first(tags, 254, 0) & 1),
            )
        )
    return tuple(pages)


def orientation_of(exif: bytes) -> int:
    """EXIF orientation, 1 to 8, of an EXIF block; 1 where it says none or cannot be read.

    Broken EXIF does not make a picture unreadable, so nothing is raised.
    """
    try:
        for tags in _directories(exif):
            return _upright(_first(tags, _ORIENTATION, 1))
    except ImageError:
        pass
    return 1


def _first(tags: Tags, tag: int, default: int) -> int:
    return (tags.get(tag) or (default,))[0]


def _upright(orientation: int) -> int:
    return orientation if 1 <= orientation <= 8 else 1


def _directories(data: bytes) -> Iterator[Tags]:
    """Tags of each directory of the main chain, in file order."""
    order, big = _byte_order(data)
    count_at, entry_size, offset_size = (8, 20, 8) if big else (2, 12, 4)
    offset = _number(data, offset_size, order, offset_size)
    seen: set[int] = set()
    while offset:
        if offset in seen:
            raise ImageError("corrupt", "the TIFF's pages run in a circle")
        if len(seen) == PAGE_LIMIT:
            raise ImageError("unsupported", f"the TIFF has more than {PAGE_LIMIT} pages")
        seen.add(offset)
        entries = _number(data, offset, order, count_at)
        if entries > TAG_LIMIT:
            message = f"a page of the TIFF has {entries} tags, more than {TAG_LIMIT}"
            raise ImageError("unsupported", message)
        first = offset + count_at
        end = first + entries * entry_size
        if end + offset_size > len(data):
            raise ImageError("truncated", "the TIFF ends inside a page directory")
        yield _tags(data, range(first, end, entry_size), order, big)
        offset = _number(data, end, order, offset_size)
    if not seen:
        raise ImageError("corrupt", "the TIFF has no page")


def _byte_order(data: bytes) -> tuple[str, bool]:
    """`<` or `>`, and whether the file is a BigTIFF."""
    orders = {b"II": "<", b"MM": ">"}
    order = orders.get(data[:2])
    if order is None:
        raise ImageError("not_an_image", "a TIFF begins with II or MM")
    version = _number(data, 2, order, 2)
    if version == 43:
        # Offset size and a zero; everything but 8 and 0 is undefined.
        if (_number(data, 4, order, 2), _number(data, 6, order, 2)) != (8, 0):
            raise ImageError("corrupt", "the BigTIFF does not have 8-byte offsets")
        return order, True
    if version != 42:
        raise ImageError("not_an_image", f"a TIFF has version 42 or 43, got {version}")
    return order, False


def _number(data: bytes, at: int, order: str, size: int) -> int:
    if at + size > len(data):
        raise ImageError("truncated", f"the TIFF ends before byte {at + size}")
    return int.from_bytes(data[at : at + size], "little" if order == "<" else "big")


def _tags(data: bytes, entries: range, order: str, big: bool) -> Tags:
    """Values of the whole-number tags of one directory; others are left out."""
    layout, inline = (f"{order}HHQ", 8) if big else (f"{order}HHI", 4)
    head = struct.calcsize(layout)
    tags: Tags = {}
    for at in entries:
        tag, kind, count = struct.unpack_from(layout, data, at)
        if tag in _ESSENTIAL and (kind not in _SIZES or count == 0):
            raise ImageError("corrupt", f"TIFF tag {tag} has type {kind} and {count} values")
        if kind not in _SIZES or not 0 < count <= _VALUES_LIMIT:
            continue
        where = at + head
        size = _SIZES[kind] * count
        if size > inline:
            where = _number(data, where, order, inline)
            if where + size > len(data):
                raise ImageError("truncated", f"the TIFF ends inside the values of tag {tag}")
        tags[tag] = struct.unpack_from(f"{order}{count}{_LETTERS[kind]}", data, where)
    return tags
