"""Images with what is known of them, to train and judge detectors on: one folder, one form.

    dataset.json     name, classes, licence, source, digest
    images.parquet   one row per picture: file, kind, size, split, group
    boxes.parquet    one row per box
    images/          the files, by split
    masks/           pixel masks of anomalies, where the set has them

Adapters bring public sets into this form; recipes read nothing else.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np
import polars as pl
from pydantic import BaseModel, ValidationError

from parcelscope.datasets.annotated_values import (
    KINDS,
    SPLITS,
    AnnotatedImage,
    AnnotatedSet,
    Floats,
    Kind,
    Split,
    check_consistent,
    no_boxes,
)
from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.placing import path_inside, place_file
from parcelscope.datasets.writing import write_parquet_whole, write_text_whole

__all__ = [
    "KINDS", "SPLITS", "AnnotatedImage", "AnnotatedSet", "Floats", "Kind", "Split", "file_digest",
    "read_annotated", "write_annotated",
]  # fmt: skip

FORMAT = 1
"""Version of the folder's form; another one is refused."""

_IMAGES = {
    "image_id": pl.String(), "path": pl.String(), "high_path": pl.String(), "kind": pl.String(),
    "width_px": pl.Int32(), "height_px": pl.Int32(), "split": pl.String(), "group": pl.String(),
    "image_labels": pl.List(pl.String()), "anomalous": pl.Boolean(), "mask_path": pl.String(),
    "sha256": pl.String(),
}  # fmt: skip
_BOXES = {
    "image_id": pl.String(), "x0": pl.Float32(), "y0": pl.Float32(), "x1": pl.Float32(),
    "y1": pl.Float32(), "label": pl.String(),
}  # fmt: skip


class _Sheet(BaseModel, frozen=True, extra="forbid"):
    """`dataset.json`."""

    format: int
    name: str
    classes: tuple[str, ...]
    licence: str
    source: str
    digest: str


def write_annotated(
    annotated: AnnotatedSet,
    out: Path,
    *,
    copy: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> AnnotatedSet:
    """Write `annotated` with its files to the folder `out`, and give the set as it lies there.

    Args:
        annotated: The set; its files are read from its own root.
        out: New or empty folder.
        copy: Copy the files; else hard links are made where the disk can, which share later
            changes of the originals.
        progress: Called with images done and images in all.

    Raises:
        DatasetError: If `out` is in use, a file is missing, or the set contradicts itself.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DatasetError(
            f"{out}: expected a new or empty folder for the data set, got one in use"
        )
    check_consistent(annotated)
    placed = []
    for done, image in enumerate(annotated.images, start=1):
        placed.append(_place(annotated, image, out, copy=copy))
        if progress is not None:
            progress(done, len(annotated.images))
    written = replace(annotated, root=out, images=tuple(placed))
    return _write_tables(written)


def read_annotated(folder: Path) -> AnnotatedSet:
    """The data set in `folder`, as `write_annotated` left it. No picture is opened.

    Raises:
        DatasetError: If it is no such folder, was altered, or a path leads out of it.
    """
    sheet = _sheet(folder)
    images = _table(folder / "images.parquet", _IMAGES)
    boxes = _table(folder / "boxes.parquet", _BOXES)
    corners: dict[str, tuple[Floats, tuple[str, ...]]] = {
        str(key[0]): (
            part.select("x0", "y0", "x1", "y1").to_numpy().astype(np.float32),
            tuple(part["label"].to_list()),
        )
        for key, part in boxes.group_by("image_id", maintain_order=True)
    }
    none = (no_boxes(), ())
    found = []
    for row in images.iter_rows(named=True):
        box_xyxy, labels = corners.pop(row["image_id"], none)
        row["image_labels"] = tuple(row["image_labels"] or ())
        found.append(AnnotatedImage(box_xyxy=box_xyxy, labels=labels, **row))
    if corners:
        stranger = next(iter(corners))
        raise DatasetError(f"{folder}: boxes.parquet names {stranger!r}, images.parquet does not")
    annotated = AnnotatedSet(
        name=sheet.name,
        root=folder,
        classes=sheet.classes,
        images=tuple(found),
        licence=sheet.licence,
        source=sheet.source,
        digest=sheet.digest,
    )
    check_consistent(annotated)
    if _digest(annotated) != sheet.digest:
        raise DatasetError(
            f"{folder}: the tables were altered after the set was written;"
            " import it again, or write it with write_annotated"
        )
    return annotated


def _place(
    annotated: AnnotatedSet, image: AnnotatedImage, out: Path, *, copy: bool
) -> AnnotatedImage:
    """`image` with its files in `out`, under names of their own."""
    digests: list[str] = []

    def take(path: str, stem: str) -> str:
        name = f"{stem}{PurePosixPath(path).suffix.lower()}"
        source = path_inside(annotated.root, path)
        if source is None or not source.is_file():
            raise DatasetError(f"{annotated.root}: expected the file {path}, which is not there")
        try:
            digests.append(place_file(source, out / name, copy=copy))
        except OSError as error:
            raise DatasetError(
                f"{source}: cannot be taken into {out}: {error.strerror or error}"
            ) from error
        return name

    name, high, mask = image.image_id, image.high_path, image.mask_path
    placed = replace(
        image,
        path=take(image.path, f"images/{image.split}/{name}"),
        high_path=None if high is None else take(high, f"images/{image.split}/{name}.high"),
        mask_path=None if mask is None else take(mask, f"masks/{name}"),
    )
    return replace(placed, sha256=_joined(digests))


def file_digest(root: Path, image: AnnotatedImage) -> str:
    """SHA-256 of the files of an image as they lie now, to compare with its `sha256`.

    Raises:
        OSError: If one cannot be read.
    """
    digests = []
    for path in (image.path, image.high_path, image.mask_path):
        if path is not None:
            with (root / path).open("rb") as file:
                digests.append(hashlib.file_digest(file, "sha256").hexdigest())
    return _joined(digests)


def _joined(digests: list[str]) -> str:
    """One digest for all files of an image; of a single file, that file's own."""
    return (
        digests[0] if len(digests) == 1 else hashlib.sha256(" ".join(digests).encode()).hexdigest()
    )


def _write_tables(annotated: AnnotatedSet) -> AnnotatedSet:
    """Write everything but the pictures, `dataset.json` last: without it the folder is no set."""
    images = pl.DataFrame(
        {
            name: pl.Series([getattr(i, name) for i in annotated.images], dtype=dtype)
            for name, dtype in _IMAGES.items()
        }
    )
    owner = [i.image_id for i in annotated.images for _ in i.labels]
    corners = np.concatenate([no_boxes(), *(i.box_xyxy for i in annotated.images)])
    columns: dict[str, Iterable[object]] = {"image_id": owner}
    columns |= {name: corners[:, at] for at, name in enumerate(("x0", "y0", "x1", "y1"))}
    columns["label"] = [label for i in annotated.images for label in i.labels]
    boxes = pl.DataFrame({n: pl.Series(columns[n], dtype=d) for n, d in _BOXES.items()})
    write_parquet_whole(images, annotated.root / "images.parquet")
    write_parquet_whole(boxes, annotated.root / "boxes.parquet")
    digest = _digest(annotated)
    sheet = _Sheet(
        format=FORMAT,
        name=annotated.name,
        classes=annotated.classes,
        licence=annotated.licence,
        source=annotated.source,
        digest=digest,
    )
    write_text_whole(annotated.root / "dataset.json", sheet.model_dump_json(indent=2) + "\n")
    return replace(annotated, digest=digest)


def _digest(annotated: AnnotatedSet) -> str:
    """SHA-256 over what a training sees: files, classes, splits, groups, boxes."""
    hasher = hashlib.sha256("\n".join(annotated.classes).encode())
    for image in sorted(annotated.images, key=lambda i: i.image_id):
        words = (
            image.image_id, image.sha256, image.kind, image.split, image.group, image.anomalous,
            image.labels, image.image_labels, image.width_px, image.height_px,
        )  # fmt: skip
        hasher.update(repr(words).encode())
        hasher.update(np.ascontiguousarray(image.box_xyxy, "<f4").tobytes())
    return hasher.hexdigest()


def _sheet(folder: Path) -> _Sheet:
    path = folder / "dataset.json"
    try:
        sheet = _Sheet.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DatasetError(
            f"{folder}: expected a data set of parcelscope with its dataset.json, got"
            f" {error.strerror or error}; `parcelscope dataset import` makes one"
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(step) for step in first["loc"]) or "the file"
        raise DatasetError(f"{path}: {at}: {first['msg']}") from None
    if sheet.format != FORMAT:
        raise DatasetError(f"{path}: expected format {FORMAT}, got {sheet.format}")
    return sheet


def _table(path: Path, columns: dict[str, pl.DataType]) -> pl.DataFrame:
    """The Parquet file at `path`, which has exactly `columns`, filled where they must be."""
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DatasetError(f"{path}: not a readable table: {reason}") from None
    if dict(frame.schema) != columns:
        raise DatasetError(f"{path}: expected columns {list(columns)}, got {dict(frame.schema)}")
    may_be_null = {"high_path", "image_labels", "anomalous", "mask_path"}
    for name in columns:
        if name not in may_be_null and frame[name].null_count():
            raise DatasetError(f"{path}: column {name!r} must be filled in every row")
    return frame
