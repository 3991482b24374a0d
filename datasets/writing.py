"""Writing files so that a reader sees the old one or the new one, never half of one."""

import contextlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

import polars as pl

ParquetCompression = Literal["zstd", "lz4", "snappy", "gzip", "uncompressed"]


def write_whole(
    path: Path,
    content: bytes | bytearray | Callable[[BinaryIO], object],
    *,
    replace: bool = True,
) -> None:
    """Write `path` aside, flush it to the disk, then rename it into place.

    Args:
        path: File to write; missing parent folders are made.
        content: The bytes, or a function that writes them to the open file it is given.
        replace: Replace an old file. Without it, of several writers the first wins.

    Raises:
        FileExistsError: If `path` is there and is not to be replaced.
        OSError: If the disk refuses; `path` is then as it was before.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, as a rename is whole only within one file system. The leading dot and the
    # suffix keep readers that list `*.parquet` or `part-*` from seeing it.
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".part", dir=path.parent)
    aside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(content, bytes | bytearray):
                file.write(content)
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files private to their owner; a written table is for its readers.
        aside.chmod(_default_mode(path))
        if replace:
            aside.replace(path)
        else:
            os.link(aside, path)
            aside.unlink()
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()
        raise
    _sync_folder(path.parent)


def write_text_whole(path: Path, text: str, *, replace: bool = True) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all; see `write_whole`."""
    write_whole(path, text.encode("utf-8"), replace=replace)


def write_parquet_whole(
    frame: pl.DataFrame, path: Path, *, compression: ParquetCompression = "zstd"
) -> None:
    """Write `frame` to `path` as Parquet, whole or not at all."""
    write_whole(path, lambda file: frame.write_parquet(file, compression=compression))


def parquet_bytes(frame: pl.DataFrame, *, compression: ParquetCompression = "zstd") -> bytes:
    """`frame` as the content of a Parquet file; the same frame gives the same bytes."""
    file = io.BytesIO()
    frame.write_parquet(file, compression=compression)
    return file.getvalue()


def write_csv_whole(frame: pl.DataFrame, path: Path) -> None:
    """Write `frame` to `path` as CSV with a header, whole or not at all."""
    write_whole(path, lambda file: frame.write_csv(file, datetime_format="%Y-%m-%dT%H:%M:%S%.f%:z"))


def _default_mode(path: Path) -> int:
    """Mode of the file that is replaced, else what a plain `open` would have given."""
    try:
        return path.stat().st_mode & 0o7777
    except FileNotFoundError:
        return 0o666 & ~_umask()


def _umask() -> int:
    """The process's umask, read without changing it where the system allows."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` survive a power cut, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
