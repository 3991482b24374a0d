"""Where the files of a tar archive lie in it, read from its headers alone.

Nothing is ever unpacked, so that no name, link or device in an archive can reach anything outside
it. Python's own reader keeps an object for every member, and reads headers of any size.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

BLOCK: Final = 512
MOST_NAME_BYTES: Final = 64 * 1024
"""Most bytes of a header that holds a long name; paths end at 4096."""
FILE_TYPES: Final = (b"0", b"\0", b"7")
"""A plain file, as three generations of tar say it. All others (links, devices, sparse files) have
no content of their own in the archive and are passed over."""


class TarError(Exception):
    """An archive ends early, or holds what is no header; all before that can be used."""


@dataclass(frozen=True, slots=True)
class Member:
    """One plain file of an archive."""

    name: str
    offset: int
    """First byte of its content in the archive."""
    size: int


def tar_members(path: Path) -> Iterator[Member]:
    """The plain files of the archive at `path`, in its order.

    Raises:
        TarError: After the last member that could be read, if the archive does not end there.
    """
    with path.open("rb", buffering=0) as file:
        end = file.seek(0, 2)
        position = 0
        name: str | None = None
        size: int | None = None
        while True:
            file.seek(position)
            header = file.read(BLOCK)
            if header.strip(b"\0") == b"":
                if len(header) < BLOCK:
                    raise TarError(f"ends at byte {position} without the mark of its end")
                return
            kind, told = header[156:157], _number(header[124:136])
            if len(header) < BLOCK or _checksum(header) != _number(header[148:156]):
                raise TarError(f"holds no tar header at byte {position}; it may be compressed")
            content = position + BLOCK
            if kind in (b"L", b"x"):
                extra = _short(file, content, told)
                if kind == b"L":
                    name = _text(extra)
                else:
                    name, size = _pax(extra, name, size)
                position = content + _padded(told)
                continue
            if kind in (b"g", b"K"):  # facts about the archive, and the long target of a link
                position = content + _padded(told)
                continue
            length = told if size is None else size
            if kind in FILE_TYPES:
                if content + length > end:
                    raise TarError(f"is cut off at byte {end}, inside of a file")
                plain = _plain(name or _name(header))
                if plain.isprintable():  # else it is no UTF-8, and no path of a feed
                    yield Member(plain, content, length)
            elif kind not in b"123456":  # a sparse file, or what nobody knows, may have content
                length = told
            else:
                length = 0
            position = content + _padded(length)
            name = size = None


def _name(header: bytes) -> str:
    base = _text(header[:100])
    prefix = _text(header[345:500]) if header[257:262] == b"ustar" else ""
    return f"{prefix}/{base}" if prefix and header[257:265] == b"ustar\x0000" else base


def _plain(name: str) -> str:
    """`./scans/a.tiff` and `scans/a.tiff` are one file."""
    while name.startswith("./"):
        name = name[2:]
    return name


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "surrogateescape")


def _number(field: bytes) -> int:
    """An octal number, or a binary one where the first bit says so; -1 if it is neither."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.strip(b" \0") or b"0", 8)
    except ValueError:
        return -1


def _checksum(header: bytes) -> int:
    return sum(header[:148]) + 8 * ord(" ") + sum(header[156:])


def _padded(size: int) -> int:
    if size < 0:
        raise TarError("gives a file a size that is no number")
    return -(-size // BLOCK) * BLOCK


def _short(file: FileIO, content: int, size: int) -> bytes:
    if not 0 <= size <= MOST_NAME_BYTES:
        raise TarError(f"has a name of {size} bytes at byte {content}")
    file.seek(content)
    return file.read(size)


def _pax(extra: bytes, name: str | None, size: int | None) -> tuple[str | None, int | None]:
    """The path and size in records of the form `27 path=scans/0001.tiff`."""
    while extra:
        length, _, _ = extra.partition(b" ")
        if not length.isdigit() or not len(length) < int(length) <= len(extra):
            raise TarError("has a record that does not give its length")
        record, extra = extra[: int(length)], extra[int(length) :]
        key, _, value = record[len(length) + 1 : -1].partition(b"=")
        if key == b"path":
            name = _text(value)
        elif key == b"size":
            size = int(value) if value.isdigit() else -1
    return name, size
