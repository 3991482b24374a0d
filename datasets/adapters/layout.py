"""What adapters share: entries of a set, and files from outside opened with care."""

import csv
import io
import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from parcelscope.datasets.annotated import Kind, Split
from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.placing import path_inside

PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff")
JSON_CAP_BYTES = 1_000_000_000
"""The largest public file of annotations, of COCO 2017, has 450 MB."""
TEXT_CAP_BYTES = 200_000_000
SMALL_CAP_BYTES = 2_000_000
"""Of a file about one picture, or of settings."""
_MOST_NAMES = 6


@dataclass(frozen=True, slots=True)
class Box:
    """One box as the set gives it."""

    label: str
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One picture as the set gives it, before it was opened."""

    path: str
    """From the set's folder, with forward slashes."""
    kind: Kind = "colour"
    boxes: tuple[Box, ...] = ()
    as_shares: bool = False
    """Whether boxes are shares of width and height rather than pixels."""
    split: Split | None = None
    """None where the set does not say."""
    group: str | None = None
    image_labels: tuple[str, ...] = ()
    anomalous: bool | None = None
    high_path: str | None = None
    mask_path: str | None = None
    stated_wh: tuple[int, int] | None = None
    """Size that the boxes were drawn for, where the set says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """All that an adapter found."""

    classes: tuple[str, ...]
    entries: tuple[Entry, ...]


def refuse(name: str, src: Path, expected: str) -> NoReturn:
    """Say that `src` is not laid out as `name` is.

    Raises:
        DatasetError: Always.
    """
    if not src.is_dir():
        raise DatasetError(f"{src}: expected the folder of {name}, got no such folder")
    names = sorted(p.name + "/" * p.is_dir() for p in src.iterdir() if not p.name.startswith("."))
    shown = ", ".join(names[:_MOST_NAMES]) or "nothing"
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    raise DatasetError(f"{src}: not the layout of {name}: expected {expected}, got {shown}{more}")


def first_folder(*candidates: Path) -> Path | None:
    """The first of `candidates` that is a folder."""
    return next((path for path in candidates if path.is_dir()), None)


def without_variant(name: str, variant: str | None) -> None:
    """Refuse a variant where a set has none.

    Raises:
        DatasetError: If there is one.
    """
    if variant is not None:
        raise DatasetError(f"{name} has no variants, got --variant {variant!r}")


def picture_files(folder: Path) -> Iterator[Path]:
    """The pictures right in `folder`, by name; hidden files left alone."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in PICTURE_SUFFIXES and not path.name.startswith("."):
            yield path


def files_by_stem(folder: Path, suffixes: Sequence[str] = PICTURE_SUFFIXES) -> dict[str, Path]:
    """Every file below `folder` with one of `suffixes`, by its name without the ending.

    Raises:
        DatasetError: If two have the same name.
    """
    found: dict[str, Path] = {}
    for root, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(root) / name
            if path.suffix.lower() not in suffixes or name.startswith("."):
                continue
            if path.stem in found:
                raise DatasetError(f"{path} and {found[path.stem]} have the same name")
            found[path.stem] = path
    return found


def relative(src: Path, path: Path) -> str:
    """`path`, which was found below `src`, as an entry names it."""
    return path.relative_to(src).as_posix()


def inside(src: Path, base: str, name: object, where: str) -> str:
    """The path from `src` of the file that annotations in `where` call `name`, below `base`.

    Raises:
        DatasetError: If it may lead out of `src`.
    """
    joined = f"{base}/{name}" if base else str(name)
    if not isinstance(name, str) or path_inside(src, name) is None or not path_inside(src, joined):
        raise DatasetError(f"{where}: expected a file inside {src}, got {name!r}")
    return joined


def read_limited(path: Path, cap_bytes: int) -> bytes:
    """Content of a file of annotations.

    Raises:
        DatasetError: If it cannot be read, or is absurdly large.
    """
    try:
        size = path.stat().st_size
        if size > cap_bytes or not path.is_file():
            raise DatasetError(f"{path}: expected a file of at most {cap_bytes} bytes, got {size}")
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from None


def read_text(path: Path, cap_bytes: int = TEXT_CAP_BYTES) -> str:
    """Text of a file of annotations, with or without a byte order mark.

    Raises:
        DatasetError: If it cannot be read or is no UTF-8.
    """
    try:
        return read_limited(path, cap_bytes).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DatasetError(f"{path}: expected UTF-8 text") from None


def read_json(path: Path) -> object:
    """The JSON value in `path`.

    Raises:
        DatasetError: If it is not JSON.
    """
    try:
        return json.loads(read_limited(path, JSON_CAP_BYTES))
    except (ValueError, RecursionError) as error:
        raise DatasetError(f"{path}: not valid JSON: {error}") from None


def read_names(path: Path) -> list[str]:
    """The names in a list, one a line, without what follows a blank (VOC lists end in 1 or -1)."""
    return [line.split()[0] for line in read_text(path).splitlines() if line.strip()]


def read_table(path: Path, delimiter: str, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a delimited file that has at least `columns`.

    Raises:
        DatasetError: If a column is missing, or a row is short.
    """
    reader = csv.DictReader(io.StringIO(read_text(path)), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in reader.fieldnames or ()]
        missing = [name for name in columns if name not in header]
        if missing:
            raise DatasetError(f"{path}: expected columns {', '.join(columns)}, got {header[:12]}")
        reader.fieldnames = header
        rows = list(reader)
    except csv.Error as error:
        raise DatasetError(f"{path}: not a table: {error}") from None
    for number, row in enumerate(rows, start=1):
        short = [name for name in columns if row[name] is None]
        if short:
            raise DatasetError(f"{path} row {number}: expected a value in column {short[0]!r}")
    return rows


def number(value: object, where: str) -> float:
    """`value` as a finite number.

    Raises:
        DatasetError: If it is none; `where` names the file and line.
    """
    try:
        found = float(value) if isinstance(value, str | int | float) else math.nan
    except (ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise DatasetError(f"{where}: expected a number, got {str(value)[:40]!r}")
    return found


def known_class(label: str, known: Iterable[str], where: str) -> str:
    """The class of `known` that `label` names, whatever its case.

    Raises:
        DatasetError: If there is none.
    """
    names = {name.lower(): name for name in known}
    try:
        return names[label.strip().lower()]
    except KeyError:
        raise DatasetError(
            f"{where}: expected a class of {', '.join(names.values())}, got {label[:60]!r}"
        ) from None


def seen_classes(entries: Iterable[Entry]) -> tuple[str, ...]:
    """The classes that the boxes of `entries` have, by name."""
    return tuple(sorted({box.label for entry in entries for box in entry.boxes}))
