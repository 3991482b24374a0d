"""Image paths that lead out of their feed: the rows that name them are rejected, one by one."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

import polars as pl

from parcelscope.datasets.schema import IMAGES
from parcelscope.datasets.tables import ROW, TableRead


def without_strays(images: TableRead, folder: Path, file: str) -> TableRead:
    """`images` without the rows whose path is not a plain relative one inside `folder`.

    Those rows are rejected. Nothing outside is looked at; `read_file` looks again when it opens.

    Args:
        images: The images table.
        folder: The feed.
        file: Name of the table's file.
    """
    path = pl.col("path")
    wrong = (
        pl.when(path.str.contains(r"[\x00-\x1f\x7f]"))
        .then(pl.lit("a path without control characters"))
        .when(path.str.contains("\\", literal=True))
        .then(pl.lit("a path with forward slashes"))
        .when(path.str.contains(r"^(/|~|[A-Za-z]:)|://"))
        .then(pl.lit("a path relative to the feed folder"))
        .when(pl.concat_str(pl.lit("/"), path, pl.lit("/")).str.contains("/../", literal=True))
        .then(pl.lit("a path without '..'"))
    )
    judged = images.frame.with_columns(wrong.alias(_WRONG))
    plain = judged.filter(pl.col(_WRONG).is_null()).get_column("path").unique().to_list()
    real = folder.resolve()
    leading_out = [
        name for name in _linked_paths(folder, plain) if not _resolves_inside(folder / name, real)
    ]
    if leading_out:
        judged = judged.with_columns(
            pl.when(pl.col(_WRONG).is_null() & path.is_in(leading_out))
            .then(pl.lit("a file inside the feed folder, not a link out"))
            .otherwise(pl.col(_WRONG))
            .alias(_WRONG)
        )
    strays = judged.filter(pl.col(_WRONG).is_not_null())
    if strays.is_empty():
        return images
    rejected = strays.select(
        pl.lit(IMAGES.name).alias("table"),
        pl.lit(file).alias("file"),
        ROW,
        pl.lit("path").alias("column"),
        pl.col(_WRONG).alias("expected"),
        path.map_elements(repr, return_dtype=pl.String).alias("got"),
        pl.concat_str("owner_id", "path", separator=" ").alias("key"),
    )
    return replace(
        images,
        frame=judged.filter(pl.col(_WRONG).is_null()).drop(_WRONG),
        rejected=pl.concat([images.rejected, rejected]),
    )


_WRONG = "expected of the path"


def _linked_paths(folder: Path, paths: Sequence[str]) -> list[str]:
    """Those of `paths` that pass through a symbolic link, seen with one listing per folder."""
    by_parent: dict[str, list[str]] = {}
    for name in paths:
        by_parent.setdefault(name.rpartition("/")[0], []).append(name)
    found: list[str] = []
    linked = {PurePosixPath(): False}  # folders seen, and whether a link leads to them

    def is_linked(inner: PurePosixPath) -> bool:
        if inner not in linked:
            linked[inner] = is_linked(inner.parent) or (folder / inner).is_symlink()
        return linked[inner]

    for parent, names in by_parent.items():
        if is_linked(PurePosixPath(parent)):
            found += names
            continue
        try:
            with os.scandir(folder / parent) as entries:
                links = {entry.name for entry in entries if entry.is_symlink()}
        except OSError:
            continue  # no such folder: its images go to quarantine when they are opened
        if links:
            found += [name for name in names if PurePosixPath(name).name in links]
    return found


def _resolves_inside(path: Path, real_root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(real_root)
    except (OSError, RuntimeError):  # a loop of links leads nowhere
        return False
