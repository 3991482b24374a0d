"""Make shards of a loose feed: few large files instead of many small ones."""

import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, Literal

import polars as pl

from parcelscope.datasets.errors import FeedError, ImageError
from parcelscope.datasets.feed import Feed, find_table, read_feed
from parcelscope.datasets.feed_images import read_image
from parcelscope.datasets.schema import TABLES
from parcelscope.datasets.shard_index import (
    INDEX,
    INDEX_SCHEMA,
    PARQUET_SCHEMA,
    ROWS_AT_ONCE,
    SHARDS,
    shard_contents,
)
from parcelscope.datasets.writing import write_parquet_whole, write_whole

Form = Literal["tar", "parquet"]
Images = list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What a packing came to."""

    images: int
    shards: int
    size_bytes: int
    """Of all images."""
    unread: int
    """Images that are not there, empty or too large: they are in no shard."""


def pack_feed(
    folder: Path,
    out: Path,
    *,
    form: Form,
    shard_bytes: int,
    progress: Callable[[int, int], object] = lambda done, total: None,
) -> Packed:
    """Write the feed in `folder` into `out`, with its images in shards.

    Tables are copied as they are, and paths stay the same, so that the packed feed is scored alike.
    Images are packed in the order in which they are scored. The tables come last: until then `out`
    is no feed.

    Args:
        folder: The feed.
        out: New or empty folder.
        form: Of the shards.
        shard_bytes: Images of one shard, in bytes; one more image may exceed it.
        progress: Told how many images are done, of how many.

    Raises:
        FeedError: If the feed cannot be read, or `out` is in use.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FeedError(f"{out}: expected a new or empty folder for the feed, got one in use")
    feed = read_feed(folder)
    paths = _in_order(feed)
    packed = _Count()
    contents = [pl.DataFrame(schema=INDEX_SCHEMA)]
    for number, images in enumerate(_shards(feed.root, paths, shard_bytes, packed, progress)):
        path = out / SHARDS / f"part-{number:05d}.{form}"
        write_whole(path, partial(_WRITERS[form], images))
        written, _ = shard_contents(path)
        sizes = pl.DataFrame(
            {"path": [name for name, _ in images], "size": [len(data) for _, data in images]}
        )
        contents.append(
            written.drop("size").join(sizes, on="path", how="left").select(list(INDEX_SCHEMA))
        )
    write_parquet_whole(pl.concat(contents), out / SHARDS / INDEX)
    for schema in TABLES:
        table = find_table(feed.root, schema.name)
        if table is not None:
            shutil.copyfile(table, out / table.name)
    return Packed(
        images=packed.images,
        shards=len(contents) - 1,
        size_bytes=packed.size_bytes,
        unread=packed.unread,
    )


@dataclass(slots=True)
class _Count:
    images: int = 0
    size_bytes: int = 0
    unread: int = 0


def _in_order(feed: Feed) -> list[str]:
    """Every path of the images table once, by owner."""
    images = feed.images.sort("owner_id", "owner_kind", "path")
    return images.get_column("path").unique(maintain_order=True).to_list()


def _shards(
    root: Path,
    paths: list[str],
    shard_bytes: int,
    count: _Count,
    progress: Callable[[int, int], object],
) -> Iterator[Images]:
    """The images at `paths`, `shard_bytes` at a time."""
    images: Images = []
    held = 0
    for done, path in enumerate(paths, start=1):
        try:
            data = read_image(root, path)
        except ImageError:
            count.unread += 1
        else:
            images.append((path, data))
            held += len(data)
            count.images += 1
            count.size_bytes += len(data)
        if held >= shard_bytes:
            yield images
            images, held = [], 0
        progress(done, len(paths))
    if images:
        yield images


def _write_tar(images: Images, file: BinaryIO) -> None:
    with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path, data in images:
            member = tarfile.TarInfo(
                path
            )  # time and owner stay zero: the same feed, the same bytes
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def _write_parquet(images: Images, file: BinaryIO) -> None:
    frame = pl.DataFrame(images, schema=PARQUET_SCHEMA, orient="row")
    # Images are compressed already; small groups, as one image is read with its whole group.
    frame.write_parquet(file, compression="uncompressed", row_group_size=ROWS_AT_ONCE)


_WRITERS: dict[Form, Callable[[Images, BinaryIO], None]] = {
    "tar": _write_tar,
    "parquet": _write_parquet,
}
