"""Feeds that lie behind a URL: tables are fetched, images are read when they are asked for.

A feed behind a URL has a stand-in folder in the user's cache. It holds the tables, so that whatever
reads a feed reads one folder, and the few shards that are in use. Loose images are not kept.
"""

import hashlib
import importlib
import os
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO, Final

import polars as pl

from parcelscope.datasets.errors import FeedError, ImageError
from parcelscope.datasets.headers import BYTES_CAP
from parcelscope.datasets.image_stores import ImageStore, ShardStore, safe_path
from parcelscope.datasets.polars_faults import POLARS_FAULTS
from parcelscope.datasets.shard_index import (
    INDEX,
    INDEX_SCHEMA,
    SHARDS,
    first_line,
    shard_index,
)
from parcelscope.datasets.writing import write_text_whole, write_whole

SCHEMES: Final = {"memory": None, "s3": "s3fs", "gs": "gcsfs", "abfs": "adlfs"}
"""What a URL may begin with, and the package that reads it. Others (zip within a cache within HTTP)
would let a URL reach whatever this machine reaches."""
EXTRAS: Final = {"s3": "parcelscope[s3]"}
SOURCE: Final = "source-url.txt"
KEPT_SHARDS: Final = 4
"""Shards kept on disk at once: owners come in the order in which `feed pack` writes them."""
PIECE_BYTES: Final = 4 << 20

# A path swallows the second slash of `s3://`, which is how a URL arrives on the command line.
_URL = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]+):/+(?P<rest>.*)", re.DOTALL)


def feed_url(text: str) -> str | None:
    """`text` as a URL of a feed, or None where it is a plain path.

    Raises:
        FeedError: If it is a URL that is not read, or holds a password.
    """
    found = _URL.fullmatch(text)
    if found is None or found["scheme"] == "file":
        return None
    scheme, rest = found["scheme"], found["rest"].rstrip("/")
    if scheme not in SCHEMES:
        raise FeedError(
            f"{text}: the URL of a feed must begin with {', '.join(sorted(SCHEMES))}, got {scheme}"
        )
    if "@" in rest.split("/", 1)[0]:
        raise FeedError(
            f"{scheme}://…: the URL of a feed must not hold a password; it would be written into"
            " run.json. Set the credentials in the environment"
        )
    return f"{scheme}://{rest}"


def feed_name(folder: Path) -> str:
    """The feed at `folder` as a person names it: a URL with both slashes, or the path."""
    return feed_url(str(folder)) or str(folder)


def absolute_feed(folder: Path) -> Path:
    """`folder` as it holds from any working folder; a URL holds anyway."""
    return folder if _URL.fullmatch(str(folder)) else folder.absolute()


def local_path(text: str) -> Path:
    """The folder that `text` names, which may be a `file:` URL."""
    found = _URL.fullmatch(text)
    return Path("/" + found["rest"]) if found and found["scheme"] == "file" else Path(text)


def stand_ins() -> Path:
    """Folder of this user for the stand-ins of feeds behind URLs."""
    root = os.environ.get("XDG_CACHE_HOME") or ""
    base = Path(root) if Path(root).is_absolute() else Path.home() / ".cache"
    return base / "parcelscope" / "feeds"


def stand_in_of(url: str) -> Path:
    """The folder that stands in for the feed at `url`, which is there once it was fetched."""
    return stand_ins() / hashlib.sha256(url.encode()).hexdigest()[:24]


def fetch_feed(url: str, tables: Iterable[str]) -> Path:
    """A stand-in for the feed at `url`, with those of its `tables` (file names) that are there.

    Raises:
        FeedError: If the URL cannot be read.
    """
    system, base = _open(url)
    folder = stand_in_of(url)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        entries = system.ls(base, detail=True)
        listed = {str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]: entry for entry in entries}
        for name in tables:
            if listed.get(name, {}).get("type") == "file":
                _fetch(system, f"{base}/{name}", folder / name)
            else:
                (folder / name).unlink(missing_ok=True)
        shards = folder / SHARDS
        if SHARDS in listed:
            shards.mkdir(exist_ok=True)
            _fetch(system, f"{base}/{SHARDS}/{INDEX}", shards / INDEX)
        else:
            (shards / INDEX).unlink(missing_ok=True)
    except FileNotFoundError as error:
        if SHARDS in str(error):
            raise FeedError(
                f"{url}: has {SHARDS} without {INDEX}; write them with `parcelscope feed pack`"
            ) from None
        raise FeedError(f"{url}: expected a folder with a feed, got no such folder") from None
    except Exception as error:  # each system has errors of its own, below Exception alone
        raise FeedError(f"{url}: cannot be read: {first_line(error)}") from error
    write_text_whole(folder / SOURCE, url)
    return folder


def source_of(root: Path) -> str | None:
    """The URL that `root` stands in for, or None where it is a folder of its own.

    Only folders that this user's cache holds are believed: a feed from outside could name any URL.
    """
    if root.parent != stand_ins():
        return None
    try:
        return (root / SOURCE).read_text(encoding="utf-8")
    except OSError:
        return None


class RemoteStore:
    """Loose files below a URL, fetched whenever they are read."""

    def __init__(self, system: Any, base: str, root: Path) -> None:
        self._system = system
        self._base = base
        self._root = root

    def read(self, path: str) -> bytes:
        """As `ImageStore.read`."""
        where = self._root / safe_path(path, self._root)
        try:
            told = self._system.info(f"{self._base}/{path}")
            if told["type"] != "file":
                raise ImageError("not_an_image", f"{where} is not a plain file")
            if (told["size"] or 0) > BYTES_CAP:
                message = f"{where} has {told['size']} bytes, more than the {BYTES_CAP} allowed"
                raise ImageError("too_large", message)
            data = bytes(self._system.cat_file(f"{self._base}/{path}"))
        except FileNotFoundError:
            raise ImageError("missing", f"{where} is not there") from None
        except ImageError:
            raise
        except Exception as error:  # each system has errors of its own, below Exception alone
            raise ImageError("unreadable", f"{where}: {first_line(error)}") from None
        if not data:
            raise ImageError("empty", f"{where} has no bytes")
        return data

    def stamp(self, path: str) -> str:
        """What the system says of the version, else its size."""
        try:
            told = self._system.info(f"{self._base}/{safe_path(path, self._root)}")
        except Exception:  # as in `read`, which will say what is wrong
            return "missing"
        return str(told.get("ETag") or told.get("created") or told.get("size"))


class _FetchedShards:
    """Shards of a feed behind a URL as files of this machine, the last few of them."""

    def __init__(self, system: Any, base: str, folder: Path) -> None:
        self._system = system
        self._base = base
        self._folder = folder
        self._kept: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def local(self, name: str) -> Path:
        """The file that shard `name` is kept in, fetched where need be."""
        path = self._folder / name
        with self._lock:
            if name not in self._kept or not path.is_file():
                _fetch(self._system, f"{self._base}/{SHARDS}/{name}", path)
            self._kept[name] = None
            self._kept.move_to_end(name)
            while len(self._kept) > KEPT_SHARDS:
                old, _ = self._kept.popitem(last=False)
                (self._folder / old).unlink(missing_ok=True)
        return path


def remote_store(url: str, root: Path) -> ImageStore:
    """Where the images of the feed at `url`, with the stand-in `root`, are read from.

    Raises:
        FeedError: If the index of its shards cannot be read.
    """
    system, base = _open(url)
    loose = RemoteStore(system, base, root)
    index = root / SHARDS / INDEX
    if not index.is_file():
        return loose
    contents = _checked_index(index, url)
    fetched = _FetchedShards(system, base, index.parent)
    return ShardStore(root, shard_index(contents, url), loose, local=fetched.local)


def _checked_index(path: Path, url: str) -> pl.DataFrame:
    try:
        contents = pl.read_parquet(path)
    except (OSError, *POLARS_FAULTS) as error:
        raise FeedError(f"{url}/{SHARDS}/{INDEX}: cannot be read: {first_line(error)}") from None
    if contents.schema != INDEX_SCHEMA or contents.null_count().sum_horizontal().item():
        raise FeedError(
            f"{url}/{SHARDS}/{INDEX}: expected the columns {dict(INDEX_SCHEMA)} without gaps,"
            f" got {dict(contents.schema)}"
        )
    odd = contents.filter(
        ~pl.col("shard").str.contains(r"^[A-Za-z0-9][A-Za-z0-9._-]*\.(tar|parquet)$")
        | (pl.col("position") < 0)
        | (pl.col("size") < 0)
    )
    if not odd.is_empty():
        raise FeedError(
            f"{url}/{SHARDS}/{INDEX}: expected names of shards and places in them, got {odd.row(0)}"
        )
    return contents


def _open(url: str) -> tuple[Any, str]:
    """The file system behind `url`, and the path of the feed in it."""
    scheme = url.partition(":")[0]
    package = SCHEMES[scheme]
    if package is not None:
        try:
            importlib.import_module(package)
        except ModuleNotFoundError:
            wanted = EXTRAS.get(scheme, package)
            raise FeedError(f"{url}: needs {package}; install {wanted}") from None
    import fsspec

    try:
        system, base = fsspec.core.url_to_fs(url)
    except Exception as error:  # each system has errors of its own, below Exception alone
        raise FeedError(f"{url}: cannot be opened: {first_line(error)}") from error
    return system, str(base).rstrip("/")


def _fetch(system: Any, remote: str, path: Path) -> None:
    """Copy `remote` to `path`, whole or not at all, without holding it in memory."""

    def pour(file: BinaryIO) -> None:
        with system.open(remote, "rb") as source:
            while piece := source.read(PIECE_BYTES):
                file.write(piece)

    write_whole(path, pour)
