"""The images of a feed, wherever they are kept: loose files, shards, or behind a URL."""

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

import polars as pl

from parcelscope.datasets.feed_urls import remote_store, source_of
from parcelscope.datasets.image_stores import FolderStore, ImageStore, ShardStore
from parcelscope.datasets.shard_index import (
    INDEX,
    INDEX_SCHEMA,
    SHARDS,
    shard_contents,
    shard_index,
    shard_names,
)

MOST_OPEN: Final = 8
"""Feeds whose stores are kept open in one process."""


def read_image(root: Path, path: str) -> bytes:
    """The content of the image at `path` of the feed at `root`, wherever it is kept.

    Raises:
        ImageError: See `ImageStore.read`.
    """
    return store_at(root).read(path)


_open: OrderedDict[tuple[Path, str | None, int], ImageStore] = OrderedDict()
_opening = threading.Lock()


def store_at(root: Path) -> ImageStore:
    """Where the images of the feed at `root` are; opened once, and again when its shards change.

    Raises:
        FeedError: If the shards cannot be listed, or two of them hold one path.
    """
    url = source_of(root)
    # Fetching a shard changes the folder of a stand-in, but not what lies where.
    key = (root, url, _changed(root / SHARDS if url is None else root / SHARDS / INDEX))
    with _opening:
        if key not in _open:
            _open[key] = _local_store(root) if url is None else remote_store(url, root)
        _open.move_to_end(key)
        while len(_open) > MOST_OPEN:
            _open.popitem(last=False)
        return _open[key]


def _local_store(root: Path) -> ImageStore:
    folder = root / SHARDS
    loose = FolderStore(root)
    if not folder.is_dir():
        return loose
    tables, faults = [pl.DataFrame(schema=INDEX_SCHEMA)], []
    for name in shard_names(root):
        found, fault = shard_contents(folder / name)
        tables.append(found)
        if fault is not None:
            faults.append(f"shard {name} {fault}")
    index = shard_index(pl.concat(tables), str(folder))
    return ShardStore(root, index, loose, local=lambda name: folder / name, faults=faults)


def _changed(path: Path) -> int:
    """When `path` was last changed, 0 where it is not there."""
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0
