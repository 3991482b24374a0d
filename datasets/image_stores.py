"""Where the images of a feed are read from: loose files, or shards that hold many of them.

A feed may keep its images in the folder `image_shards`, as tar archives or Parquet files, under the
very paths that its images table names; what is in no shard is looked for as a loose file. An image
is only ever looked up by its path: whatever a path or an archive says, nothing outside is read.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import BYTES_CAP, read_bytes
from parcelscope.datasets.plain_files import open_plain
from parcelscope.datasets.polars_faults import POLARS_FAULTS
from parcelscope.datasets.shard_index import (
    ROWS_AT_ONCE,
    ShardIndex,
    first_line,
    parquet_rows,
)

CACHE_BYTES: Final = 64_000_000
"""Images read together and not yet asked for."""


class ImageStore(Protocol):
    """A place that images are read from by their path; safe to call from several threads."""

    def read(self, path: str) -> bytes:
        """The content of the image at `path`.

        Raises:
            ImageError: `missing`, `empty`, `too_large`, `not_an_image`, `outside_feed`, `truncated`
                or `unreadable`.
        """

    def stamp(self, path: str) -> str:
        """What changes when the image at `path` is replaced; `missing` where there is none."""


@dataclass(frozen=True, slots=True)
class FolderStore:
    """Loose files below `root`."""

    root: Path

    def read(self, path: str) -> bytes:
        """As `ImageStore.read`."""
        return read_bytes(self.root / path, within=self.root)

    def stamp(self, path: str) -> str:
        """Size and time of the last change."""
        try:
            with open_plain(self.root / path, within=self.root) as file:
                status = os.fstat(file.fileno())
        except (ImageError, OSError, ValueError):  # no rights, or no name that the system takes
            return "missing"
        return f"{status.st_size}@{status.st_mtime_ns}"


class ShardStore:
    """Images in shards, and loose files for what is in none."""

    def __init__(
        self,
        root: Path,
        index: ShardIndex,
        loose: ImageStore,
        *,
        local: Callable[[str], Path],
        faults: Sequence[str] = (),
    ) -> None:
        """A store over shards that are listed in `index`.

        Args:
            root: The feed, for messages.
            index: What lies where.
            loose: Where to look for all else.
            local: From the name of a shard to a file on this machine.
            faults: What is wrong with shards, in words, for whoever misses an image.
        """
        self._root = root
        self._index = index
        self._loose = loose
        self._local = local
        self._faults = tuple(faults)
        self._rows: OrderedDict[tuple[str, int], list[bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: str) -> bytes:
        """As `ImageStore.read`."""
        found = self._index.find(safe_path(path, self._root))
        if found is None:
            return self._read_loose(path)
        shard, position, size = found
        where = self._root / path
        if size > BYTES_CAP:
            message = f"{where} has {size} bytes, more than the {BYTES_CAP} allowed"
            raise ImageError("too_large", message)
        try:
            data = (
                self._read_row(shard, position)
                if shard.endswith(".parquet")
                else self._read_range(shard, position, size)
            )
        except (OSError, *POLARS_FAULTS) as error:
            raise ImageError("unreadable", f"{where}: shard {shard}: {first_line(error)}") from None
        if len(data) > BYTES_CAP:
            raise ImageError("too_large", f"{where} has more than the {BYTES_CAP} bytes allowed")
        if size >= 0 and len(data) != size:
            message = f"{where}: expected {size} bytes in shard {shard}, got {len(data)}"
            raise ImageError("truncated", message)
        if not data:
            raise ImageError("empty", f"{where} has no bytes")
        return data

    def stamp(self, path: str) -> str:
        """Where it lies; for a loose file, size and time of the last change."""
        found = self._index.find(path)
        if found is None:
            return self._loose.stamp(path)
        return "{}:{}+{}".format(*found)

    def _read_loose(self, path: str) -> bytes:
        try:
            return self._loose.read(path)
        except ImageError as error:
            if error.code == "missing" and self._faults:
                raise ImageError("missing", f"{error}; {'; '.join(self._faults)}") from None
            raise

    def _read_range(self, shard: str, offset: int, size: int) -> bytes:
        with self._local(shard).open("rb") as file:
            file.seek(offset)
            return file.read(size)

    def _read_row(self, shard: str, row: int) -> bytes:
        """One image of a Parquet shard; its neighbours are kept, as they are asked for next."""
        chunk = (shard, row // ROWS_AT_ONCE)
        with self._lock:
            rows = self._rows.get(chunk)
            if rows is None:
                rows = parquet_rows(self._local(shard), chunk[1] * ROWS_AT_ONCE)
                self._rows[chunk] = rows
            self._rows.move_to_end(chunk)
            while (
                len(self._rows) > 1
                and sum(len(data) for kept in self._rows.values() for data in kept) > CACHE_BYTES
            ):
                self._rows.popitem(last=False)
        return rows[row % ROWS_AT_ONCE]


def safe_path(path: str, root: Path) -> str:
    """`path`, if it is a plain relative one that stays inside of `root`.

    Raises:
        ImageError: `outside_feed`.
    """
    pure = PurePosixPath(path)
    if (
        pure.is_absolute()
        or ".." in pure.parts
        or "\\" in path
        or "://" in path
        or not pure.parts
        or any(ord(char) < 32 for char in path)
    ):
        raise ImageError("outside_feed", f"{root}: {path!r} is not inside the feed folder")
    return path
