"""Unpacks an uploaded feed, so that no archive reaches outside its folder or fills the disk."""

import gzip
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Final, cast

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import find_table
from parcelscope.datasets.schema import PARCELS

CHUNK_BYTES: Final = 1024 * 1024
MAX_DIRECTORY_BYTES: Final = 64 * CHUNK_BYTES
"""Largest list of files that a zip may have: the reader holds all of it, several times over."""
MAX_DEPTH: Final = 32
END_OF_DIRECTORY: Final = b"PK\x05\x06"
ZIP64_LOCATOR: Final = b"PK\x06\x07"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnpackLimits:
    """How large a feed may become."""

    size_bytes: int
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    name: str
    content: IO[bytes]


def unpack_feed(archive: Path, folder: Path, limits: UnpackLimits) -> Path:
    """Unpack `archive`, a zip or tar or gzipped tar, into `folder`, which is new; the feed in it.

    The feed is `folder` itself, or the one folder in it if all of the archive lies in one. If
    anything is wrong, nothing is left.

    Raises:
        FeedError: If it is no such archive, is damaged or encrypted, holds anything but plain
            files with plain relative names, is larger than `limits`, or has no parcels table.
    """
    folder.mkdir(parents=True)
    try:
        _unpack(archive, folder, limits)
        return _feed_in(folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _unpack(archive: Path, folder: Path, limits: UnpackLimits) -> None:
    files = size_bytes = 0
    try:
        for entry in _entries(archive, limits):
            files += 1
            if files > limits.files:
                raise FeedError(f"archive: expected at most {limits.files:,} files, got more")
            size_bytes = _write(entry, folder, size_bytes, limits)
    except (zipfile.BadZipFile, tarfile.TarError, gzip.BadGzipFile, EOFError) as error:
        raise FeedError(f"archive: damaged: {' '.join(str(error).split())}") from None
    # Decompressors and name decoders raise these on bytes that are none of theirs.
    except (NotImplementedError, RuntimeError, ValueError, zlib.error) as error:
        raise FeedError(f"archive: cannot be unpacked: {' '.join(str(error).split())}") from None


def _entries(archive: Path, limits: UnpackLimits) -> Iterator[_Entry]:
    """The files of the archive, one open at a time."""
    with archive.open("rb") as file:
        start = file.read(4)
    if start.startswith(b"PK"):
        yield from _zip_entries(archive)
    elif start.startswith(b"\x1f\x8b"):
        with gzip.open(archive) as unzipped:
            yield from _tar_entries(unzipped, limits)
    else:
        with archive.open("rb") as file:
            yield from _tar_entries(file, limits)


def _zip_entries(archive: Path) -> Iterator[_Entry]:
    _refuse_large_directory(archive)
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            if entry.is_dir():
                continue
            kind = entry.external_attr >> 28
            if kind not in (0, 0o10):  # what made it says nothing, or: a regular file
                raise FeedError(f"archive: expected plain files, got {entry.filename!r}, a link")
            if entry.flag_bits & 1:
                raise FeedError(f"archive: expected no password, got one for {entry.filename!r}")
            with opened.open(entry) as content:
                yield _Entry(name=entry.filename, content=content)


def _refuse_large_directory(archive: Path) -> None:
    """Refuse a zip whose list of files would fill the memory of whoever opens it."""
    with archive.open("rb") as file:
        file.seek(max(0, archive.stat().st_size - 65_536 - 22))
        tail = file.read()
    end = tail.rfind(END_OF_DIRECTORY)
    if end < 0 or len(tail) < end + 22:
        raise FeedError("archive: damaged: a zip without the list of its files")
    if ZIP64_LOCATOR in tail[max(0, end - 20) : end]:
        raise FeedError("archive: too many files or too large for a zip; send a tar instead")
    size_bytes = int.from_bytes(tail[end + 12 : end + 16], "little")
    if size_bytes > MAX_DIRECTORY_BYTES:
        raise FeedError(
            f"archive: expected at most {MAX_DIRECTORY_BYTES:,} bytes of file names,"
            f" got {size_bytes:,}"
        )


def _tar_entries(file: IO[bytes] | gzip.GzipFile, limits: UnpackLimits) -> Iterator[_Entry]:
    metered = _Metered(file, most_bytes=2 * limits.size_bytes + 2048 * limits.files)
    with tarfile.open(fileobj=cast("IO[bytes]", metered), mode="r:") as opened:
        for entry in opened:
            if entry.isdir():
                continue
            if not entry.isreg() or entry.issparse():
                raise FeedError(
                    f"archive: expected plain files, got {entry.name!r}, a link or a device"
                )
            content = opened.extractfile(entry)
            if content is not None:
                yield _Entry(name=entry.name, content=content)
            vars(opened)["members"].clear()  # else it keeps every header that it has seen


class _Metered:
    """A file that refuses to be read in large gulps, or for longer than a feed can be.

    The reader of tars takes the length of a long name from the file itself and reads it at once: a
    few kilobytes of gzip can ask it for gigabytes.
    """

    def __init__(self, file: IO[bytes] | gzip.GzipFile, *, most_bytes: int) -> None:
        self._file = file
        self._left = most_bytes

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= CHUNK_BYTES:
            raise FeedError("archive: damaged: a file name longer than a name can be")
        content = self._file.read(size)
        self._left -= len(content)
        if self._left < 0:
            raise FeedError("archive: larger than a feed may be")
        return content

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _write(entry: _Entry, folder: Path, size_bytes: int, limits: UnpackLimits) -> int:
    """Write one file; the bytes written so far with it."""
    target = folder / _plain_name(entry.name)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            while chunk := entry.content.read(CHUNK_BYTES):
                size_bytes += len(chunk)
                # Counted as it comes out, as what an archive says of itself may be a lie.
                if size_bytes > limits.size_bytes:
                    raise FeedError(
                        f"archive: expected at most {limits.size_bytes:,} bytes unpacked, got more"
                    )
                file.write(chunk)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise FeedError(f"archive: {entry.name!r} is there twice") from None
    return size_bytes


def _plain_name(name: str) -> PurePosixPath:
    """`name` as a relative path that stays where it is unpacked.

    Raises:
        FeedError: If it is none.
    """
    parts = name.removeprefix("./").split("/")
    plain = (
        len(name) <= 1000
        and len(parts) <= MAX_DEPTH
        and name.isprintable()
        and "\\" not in name
        and not (len(name) > 1 and name[1] == ":")
        and all(part not in {"", ".", ".."} and len(part.encode()) <= 255 for part in parts)
    )
    if not plain:
        raise FeedError(f"archive: expected plain relative names of files, got {name[:200]!r}")
    return PurePosixPath(*parts)


def _feed_in(folder: Path) -> Path:
    inside = list(folder.iterdir())
    candidates: list[Path] = [folder, *(inside if len(inside) == 1 and inside[0].is_dir() else ())]
    for candidate in candidates:
        if find_table(candidate, PARCELS.name) is not None:
            return candidate
    raise FeedError("archive: expected a feed with a parcels table, got none")
