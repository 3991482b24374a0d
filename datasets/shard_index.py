"""What lies where in the shards of a feed: many images in one tar archive or Parquet file."""

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.polars_faults import POLARS_FAULTS
from parcelscope.datasets.tar_shards import TarError, tar_members

SHARDS: Final = "image_shards"
"""Folder of a feed that holds its shards."""
INDEX: Final = "index.parquet"
"""Beside the shards that `feed pack` wrote: what lies where. A feed behind a URL needs it."""
INDEX_SCHEMA: Final = pl.Schema(
    {"path": pl.String(), "shard": pl.String(), "position": pl.Int64(), "size": pl.Int64()}
)
"""`position` is the offset in bytes in a tar archive, the row from 0 in a Parquet file."""
_PLACES: Final = pl.Schema({"path": pl.String(), "position": pl.Int64(), "size": pl.Int64()})
PARQUET_SCHEMA: Final = pl.Schema({"path": pl.String(), "content": pl.Binary()})
UNKNOWN_SIZE: Final = pl.lit(-1, pl.Int64)
"""Of an image in a Parquet file: to know it, all of them would have to be read."""
ROWS_AT_ONCE: Final = 8
"""Images that are read from a Parquet shard together; neighbours belong to one parcel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardIndex:
    """Which shard holds an image, and where, in 32 bytes for each."""

    shards: tuple[str, ...]
    """Names of the shards."""
    keys: npt.NDArray[np.uint64]
    """Ascending digests of the paths."""
    shard: npt.NDArray[np.int64]
    position: npt.NDArray[np.int64]
    size: npt.NDArray[np.int64]

    def find(self, path: str) -> tuple[str, int, int] | None:
        """Shard, position and size of the image at `path`, or None."""
        key = _key(path)
        place = int(np.searchsorted(self.keys, key))
        if place == len(self.keys) or self.keys[place] != key:
            return None
        shard, position, size = self.shard[place], self.position[place], self.size[place]
        return self.shards[int(shard)], int(position), int(size)


def shard_names(root: Path) -> list[str]:
    """The shards of the feed at `root`, by name.

    Raises:
        FeedError: If the folder or a shard is a link, which might lead out of the feed, or no
            plain file.
    """
    folder = root / SHARDS
    if folder.is_symlink():
        raise FeedError(f"{folder}: expected a folder inside the feed, got a link")
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.suffix.lower() in (".tar", ".parquet")
    )
    for name in names:
        if (folder / name).is_symlink() or not (folder / name).is_file():
            raise FeedError(f"{folder / name}: expected a plain file inside the feed, got another")
    return [name for name in names if name != INDEX]


def shard_contents(path: Path) -> tuple[pl.DataFrame, str | None]:
    """What the shard at `path` holds, as `INDEX_SCHEMA`, and what is wrong with it, in words."""
    fault = None
    if path.suffix.lower() == ".parquet":
        try:
            frame = pl.scan_parquet(path, glob=False)
            if {name: frame.collect_schema().get(name) for name in PARQUET_SCHEMA} != dict(
                PARQUET_SCHEMA
            ):
                raise FeedError(
                    f"{path}: a shard must have the columns path (text) and content (binary),"
                    f" got {dict(frame.collect_schema())}"
                )
            found = frame.select("path").collect().with_row_index("position")
            rows = found.drop_nulls().with_columns(
                pl.col("position").cast(pl.Int64), size=UNKNOWN_SIZE
            )
        except (OSError, *POLARS_FAULTS) as error:
            rows = pl.DataFrame(schema=_PLACES)
            fault = f"cannot be read: {first_line(error)}"
    else:
        members = []
        try:
            for member in tar_members(path):
                members.append((member.name, member.offset, member.size))  # kept if the next fails
        except (TarError, OSError) as error:
            fault = str(error)
        rows = pl.DataFrame(
            members,
            schema={"path": pl.String, "position": pl.Int64, "size": pl.Int64},
            orient="row",
        )
    return rows.with_columns(shard=pl.lit(path.name)).select(list(INDEX_SCHEMA)), fault


def shard_index(contents: pl.DataFrame, where: str) -> ShardIndex:
    """An index over `contents` (`INDEX_SCHEMA`).

    Raises:
        FeedError: If a path is there twice: nothing says which of the two counts.
    """
    names = contents.get_column("path").to_list()
    keys = np.fromiter((_key(name) for name in names), np.uint64, len(names))
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if len(twice):
        one, other = (contents.row(int(order[twice[0] + step]), named=True) for step in (0, 1))
        raise FeedError(
            f"{where}: path {one['path']!r} must be in one place,"
            f" got it in {one['shard']} and {other['shard']}"
        )
    shards = tuple(contents.get_column("shard").unique().sort().to_list())
    number = {name: at for at, name in enumerate(shards)}
    which = np.fromiter(
        (number[name] for name in contents.get_column("shard")), np.int64, len(names)
    )
    return ShardIndex(
        shards=shards,
        keys=ordered,
        shard=which[order],
        position=contents.get_column("position").to_numpy()[order],
        size=contents.get_column("size").to_numpy()[order],
    )


def parquet_rows(path: Path, first: int) -> list[bytes]:
    """`ROWS_AT_ONCE` images of the shard at `path` from row `first` on; fewer at its end."""
    some = pl.scan_parquet(path, glob=False).select("content").slice(first, ROWS_AT_ONCE)
    return [data or b"" for data in some.collect().get_column("content")]


def _key(path: str) -> Any:
    digest = blake2b(path.encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return np.uint64(int.from_bytes(digest, "big"))


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or its class where it has none."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
