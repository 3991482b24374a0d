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
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, ValidationError

from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.placing import path_inside, place_file
from parcelscope.datasets.writing import write_parquet_whole, write_text_whole

Floats = npt.NDArray[np.float32]
Kind = Literal["colour", "grey", "dual", "photo"]
Split = Literal["train", "val", "test"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SPLITS: tuple[Split, ...] = get_args(Split)
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


def _no_boxes() -> Floats:
    return np.empty((0, 4), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnnotatedImage:
    """One picture or scan, with its boxes."""

    image_id: str
    """Unique in the set, and a plain file name."""
    path: str
    """From the set's root, with forward slashes; `AnnotatedSet.file` opens it."""
    kind: Kind
    """`dual` is counts at two energies: `path` low and `high_path` high, or `path` both."""
    width_px: int
    height_px: int
    """Of the upright picture, which boxes are measured in."""
    split: Split
    group: str
    """What must never be on both sides of a split: sender, carton, bag, near-duplicates."""
    box_xyxy: Floats = field(default_factory=_no_boxes)
    """(N, 4) in pixels, corner (0, 0) at the upper left edge of the first pixel."""
    labels: tuple[str, ...] = ()
    """Class of each box."""
    image_labels: tuple[str, ...] = ()
    """What is somewhere in the picture, where the set gives no box: a defect, a class of bag."""
    anomalous: bool | None = None
    """Whether the whole is other than normal; None where nobody said."""
    high_path: str | None = None
    mask_path: str | None = None
    """Picture of the anomaly's pixels: zero outside it."""
    sha256: str | None = None
    """Of the file at `path`; None before the set was written."""

    def __post_init__(self) -> None:
        shape = self.box_xyxy.shape
        if shape != (len(self.labels), 4):
            raise DatasetError(
                f"{self.image_id}: box_xyxy must have shape ({len(self.labels)}, 4),"
                f" one row per label, got {shape}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnnotatedSet:
    """Pictures that were annotated with one list of classes."""

    name: str
    root: Path
    """Folder that the paths of the images start from."""
    classes: tuple[str, ...]
    """In the order in which a network numbers them."""
    images: tuple[AnnotatedImage, ...]
    licence: str
    source: str
    """Where it came from, in words."""
    digest: str | None = None
    """SHA-256 of every file, box and split; None before the set was written."""

    def file(self, path: str) -> Path:
        """The file that `path`, `high_path` or `mask_path` of one of the images names."""
        return self.root / path

    def of_split(self, split: Split) -> tuple[AnnotatedImage, ...]:
        """The images of one split."""
        return tuple(image for image in self.images if image.split == split)

    def class_indices(self, image: AnnotatedImage) -> npt.NDArray[np.int64]:
        """(N,) place in `classes` of each box's label."""
        place = {name: index for index, name in enumerate(self.classes)}
        return np.array([place[label] for label in image.labels], np.int64)


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
    _check(annotated)
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
    none = (_no_boxes(), ())
    found = []
    for row in images.iter_rows(named=True):
        box_xyxy, labels = corners.pop(row["image_id"], none)
        row["image_labels"] = tuple(row["image_labels"] or ())
        found.append(AnnotatedImage(box_xyxy=box_xyxy, labels=labels, **row))
    if corners:
        raise DatasetError(f"{folder}: boxes.parquet has image {next(iter(corners))!r}, which"
                           " images.parquet does not")  # fmt: skip
    annotated = AnnotatedSet(
        name=sheet.name,
        root=folder,
        classes=sheet.classes,
        images=tuple(found),
        licence=sheet.licence,
        source=sheet.source,
        digest=sheet.digest,
    )
    _check(annotated)
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
    paths: dict[str, str] = {}
    digests: dict[str, str] = {}
    for role, path in (
        ("path", image.path),
        ("high_path", image.high_path),
        ("mask_path", image.mask_path),
    ):
        if path is None:
            continue
        folder = "masks" if role == "mask_path" else f"images/{image.split}"
        name = f"{image.image_id}.high" if role == "high_path" else image.image_id
        paths[role] = f"{folder}/{name}{PurePosixPath(path).suffix.lower()}"
        source = path_inside(annotated.root, path)
        if source is None or not source.is_file():
            raise DatasetError(f"{annotated.root}: expected the file {path}, which is not there")
        try:
            digests[role] = place_file(source, out / paths[role], copy=copy)
        except OSError as error:
            raise DatasetError(
                f"{source}: cannot be taken into {out}: {error.strerror or error}"
            ) from error
    return replace(image, sha256=_joined(digests), **paths)  # type: ignore[arg-type]


def _joined(digests: dict[str, str]) -> str:
    """One digest of all files of an image; of a single file, that file's own."""
    if len(digests) == 1:
        return digests["path"]
    return hashlib.sha256(" ".join(digests[role] for role in sorted(digests)).encode()).hexdigest()


def _write_tables(annotated: AnnotatedSet) -> AnnotatedSet:
    """Write everything but the pictures, `dataset.json` last: without it the folder is no set."""
    images = pl.DataFrame(
        {
            name: pl.Series([getattr(i, name) for i in annotated.images], dtype=dtype)
            for name, dtype in _IMAGES.items()
        }
    )
    owner = [i.image_id for i in annotated.images for _ in i.labels]
    corners = np.concatenate([_no_boxes(), *(i.box_xyxy for i in annotated.images)])
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


def _check(annotated: AnnotatedSet) -> None:
    """Refuse a set that contradicts itself.

    Raises:
        DatasetError: On the first thing that is wrong.
    """
    where, known, seen = annotated.root, set(annotated.classes), set[str]()
    if len(known) < len(annotated.classes):
        raise DatasetError(f"{where}: a class is named twice in {list(annotated.classes)}")
    for image in annotated.images:
        name = image.image_id
        if not _is_plain(name):
            raise DatasetError(f"{where}: image_id must be a plain file name, got {name!r}")
        if name.lower() in seen:
            raise DatasetError(f"{where}: image {name!r} is there twice")
        seen.add(name.lower())
        stranger = next((label for label in image.labels if label not in known), None)
        if stranger is not None:
            raise DatasetError(
                f"{where}: {name} has a box of class {stranger!r}; known: {sorted(known)}"
            )
        if image.kind not in KINDS or image.split not in SPLITS:
            raise DatasetError(
                f"{where}: {name} must have a kind of {KINDS} and a split of {SPLITS},"
                f" got {image.kind!r} and {image.split!r}"
            )
        if image.width_px < 1 or image.height_px < 1:
            size = f"{image.width_px} x {image.height_px}"
            raise DatasetError(f"{where}: {name} must have pixels, got {size}")
        for path in (image.path, image.high_path, image.mask_path):
            if path is not None and path_inside(where, path) is None:
                raise DatasetError(f"{where}: {name} names {path!r}, which leads out of the folder")


def _is_plain(name: str) -> bool:
    plain = all(char.isascii() and (char.isalnum() or char in "._-") for char in name)
    return plain and 0 < len(name) <= 140 and not name.startswith(".")


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
        raise DatasetError(f"{path}: not a readable table: {str(error).splitlines()[0]}") from None
    if dict(frame.schema) != columns:
        raise DatasetError(f"{path}: expected columns {list(columns)}, got {dict(frame.schema)}")
    may_be_null = {"high_path", "image_labels", "anomalous", "mask_path"}
    for name in columns:
        if name not in may_be_null and frame[name].null_count():
            raise DatasetError(f"{path}: column {name!r} must be filled in every row")
    return frame
