"""A set as it was downloaded, brought into the form that recipes read."""

import csv
import io
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np

from parcelscope.datasets.adapters.catalog import Adapter
from parcelscope.datasets.adapters.layout import Box, Entry, read_text
from parcelscope.datasets.annotated import (
    AnnotatedImage,
    AnnotatedSet,
    Floats,
    Split,
    write_annotated,
)
from parcelscope.datasets.annotated_pictures import read_picture, size_wh
from parcelscope.datasets.errors import DatasetError, ImageError
from parcelscope.datasets.headers import read_bytes, read_header
from parcelscope.datasets.near_duplicates import (
    SEEN_PX,
    Thumb,
    grey_of,
    looks,
    near_duplicates,
)
from parcelscope.datasets.placing import path_inside, unique_name
from parcelscope.datasets.splits import draw_splits, joined_groups, straddling, to_leave_out
from parcelscope.datasets.writing import write_text_whole

SplitMode = Literal["auto", "clean", "published", "new"]
Progress = Callable[[str, int, int], None]

MOST_LEFT_OUT = 0.1
"""Share of pictures that may be missing or unreadable before the whole set is refused."""
LEAST_SIDE_PX = 1.0
"""Boxes with less left inside the picture hold nothing to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Splitting:
    """How to split."""

    mode: SplitMode = "auto"
    """`clean` keeps the set's own split but leaves out what would straddle, `published` keeps it
    as it is, `new` draws one; `auto` is `clean` where the set has a split and `new` elsewhere."""
    val_share: float = 0.15
    test_share: float = 0.15
    seed: int = 0
    groups: Path | None = None
    """CSV with a column `file` and others, such as sender or carton, that must not straddle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """The set as it lies in its new folder, and what was left out."""

    annotated: AnnotatedSet
    left_out: tuple[str, ...]
    """One sentence for each picture or box that was not taken."""
    straddling: int
    """Groups on both sides, which only a `published` split may have."""


def import_set(
    adapter: Adapter,
    src: Path,
    out: Path,
    *,
    variant: str | None = None,
    splitting: Splitting = Splitting(),
    copy: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> Imported:
    """Read the set in `src` with `adapter` and write it to `out`.

    Raises:
        DatasetError: If `src` is not laid out as the adapter expects, a path leads out of it, more
            than a tenth of the pictures cannot be read, or `out` is in use.
    """
    _require(splitting)
    src = src.resolve()
    layout = adapter.read(src, variant)
    images, owners, thumbs, left_out = _opened(src, layout.entries, progress)
    if not images or len(layout.entries) - len(images) > MOST_LEFT_OUT * len(layout.entries):
        raise DatasetError(
            f"{src}: only {len(images)} of {len(layout.entries)} pictures can be read;"
            f" the first fault: {left_out[0] if left_out else 'there is none'}"
        )
    names = _group_names(owners, splitting.groups)
    groups = joined_groups(names, near_duplicates(looks(thumbs)))
    kept, splits = _split([entry.split for entry in owners], groups, splitting)
    left_out += [
        f"{images[at].path}: left out of {owners[at].split}, since a held-out picture is of"
        " the same group or looks the same"
        for at in sorted(set(range(len(images))) - set(kept))
    ]
    labels = _group_labels(groups, owners, images)
    chosen = tuple(
        replace(images[at], split=split, group=labels[at])
        for at, split in zip(kept, splits, strict=True)
    )
    annotated = AnnotatedSet(
        name=adapter.title if variant is None else f"{adapter.title} {variant}",
        root=src,
        classes=layout.classes,
        images=chosen,
        licence=adapter.licence,
        source=f"{adapter.title}: {adapter.what}",
    )
    written = write_annotated(
        annotated, out, copy=copy, progress=lambda done, total: progress("writing", done, total)
    )
    if left_out:
        write_text_whole(out / "left_out.txt", "\n".join(left_out) + "\n")
    both = straddling([groups[at] for at in kept], splits)
    return Imported(annotated=written, left_out=tuple(left_out), straddling=len(both))


def _require(splitting: Splitting) -> None:
    val, test = splitting.val_share, splitting.test_share
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1):
        raise DatasetError(f"val and test must be shares below 1 together, got {val} and {test}")


def _opened(
    src: Path, entries: Sequence[Entry], progress: Progress
) -> tuple[list[AnnotatedImage], list[Entry], list[Thumb], list[str]]:
    """The pictures that can be read, their entries and thumbnails, and what is left out."""
    images: list[AnnotatedImage] = []
    owners: list[Entry] = []
    thumbs: list[Thumb] = []
    left_out: list[str] = []
    used: set[str] = set()
    for done, entry in enumerate(entries, start=1):
        progress("reading", done, len(entries))
        try:
            image, dropped = _image(src, entry)
            thumb = grey_of(read_picture(src, image, wanted_px=SEEN_PX))
        except ImageError as error:
            left_out.append(_said(error, entry.path))
            continue
        image_id = unique_name(PurePosixPath(entry.path).stem, used)
        images.append(replace(image, image_id=image_id))
        owners.append(entry)
        thumbs.append(thumb)
        left_out += [f"{entry.path}: {reason}" for reason in dropped]
    return images, owners, thumbs, left_out


def _said(error: ImageError, path: str) -> str:
    text = str(error)
    return text if path in text else f"{path}: {text}"


def _image(src: Path, entry: Entry) -> tuple[AnnotatedImage, list[str]]:
    """The picture of `entry`, its size read from the file, and the boxes that were dropped."""
    for path in (entry.path, entry.high_path, entry.mask_path):
        if path is not None and path_inside(src, path) is None:
            raise ImageError("missing", f"{path} leads out of {src}")
    header = read_header(read_bytes(src / entry.path))
    width, height = size_wh(header)
    if entry.kind == "dual" and header.bits != 16:
        raise ImageError("wrong_depth", f"{entry.path} must hold 16-bit counts, got {header.bits}")
    if entry.stated_wh is not None and entry.stated_wh != (width, height):
        stated = " x ".join(str(side) for side in entry.stated_wh)
        raise ImageError(
            "corrupt",
            f"{entry.path} has {width} x {height} pixels, its boxes were drawn on {stated}",
        )
    box_xyxy, labels, dropped = _boxes(entry, width, height)
    image = AnnotatedImage(
        image_id="unnamed",
        path=entry.path,
        high_path=entry.high_path,
        mask_path=entry.mask_path,
        kind=entry.kind,
        width_px=width,
        height_px=height,
        split=entry.split or "train",
        group="",
        box_xyxy=box_xyxy,
        labels=labels,
        image_labels=entry.image_labels,
        anomalous=entry.anomalous,
    )
    return image, dropped


def _boxes(entry: Entry, width: int, height: int) -> tuple[Floats, tuple[str, ...], list[str]]:
    """Boxes in pixels, cut at the picture's edges, their labels, and why others were dropped."""
    across, down = (width, height) if entry.as_shares else (1, 1)
    kept: list[tuple[float, float, float, float]] = []
    labels: list[str] = []
    dropped: list[str] = []
    for box in entry.boxes:
        x0, x1 = (min(max(x * across, 0.0), width) for x in (box.x0, box.x1))
        y0, y1 = (min(max(y * down, 0.0), height) for y in (box.y0, box.y1))
        if x1 - x0 < LEAST_SIDE_PX or y1 - y0 < LEAST_SIDE_PX:
            dropped.append(f"the box {_words(box)} has no area in {width} x {height} pixels")
            continue
        kept.append((x0, y0, x1, y1))
        labels.append(box.label)
    return np.array(kept, np.float32).reshape(-1, 4), tuple(labels), dropped


def _words(box: Box) -> str:
    return f"{box.label} ({box.x0:g}, {box.y0:g}, {box.x1:g}, {box.y1:g})"


def _group_names(owners: Sequence[Entry], table: Path | None) -> list[list[Hashable]]:
    """What each picture belongs to: its group in the set, and each named column of `table`."""
    named = {} if table is None else read_groups(table)
    missing = [entry.path for entry in owners if table is not None and entry.path not in named]
    if missing:
        raise DatasetError(
            f"{table}: expected a row for every picture, got none for {missing[0]!r}"
            f" and {len(missing) - 1} others"
        )
    found: list[list[Hashable]] = []
    for entry in owners:
        own: list[Hashable] = [] if entry.group is None else [("group", entry.group)]
        found.append(own + list(named.get(entry.path, ())))
    return found


def read_groups(table: Path) -> dict[str, list[tuple[str, str]]]:
    """Column and value of all that each file belongs to.

    Raises:
        DatasetError: If the table has no column `file`, or no other.
    """
    reader = csv.DictReader(io.StringIO(read_text(table)), strict=True)
    try:
        rows = list(reader)
    except csv.Error as error:
        raise DatasetError(f"{table}: not a table: {error}") from None
    columns = [name for name in reader.fieldnames or () if name and name != "file"]
    if "file" not in (reader.fieldnames or ()) or not columns:
        raise DatasetError(
            f"{table}: expected a column 'file' and others such as sender or carton,"
            f" got {list(reader.fieldnames or ())[:12]}"
        )
    return {row["file"]: [(name, row[name]) for name in columns if row[name]] for row in rows}


def _split(
    own: Sequence[Split | None], groups: Sequence[int], splitting: Splitting
) -> tuple[list[int], list[Split]]:
    """The pictures that are kept, and the split of each."""
    everyone = list(range(len(own)))
    published = [split for split in own if split is not None]
    mode = splitting.mode
    if mode == "auto":
        mode = "clean" if len(published) == len(own) else "new"
    if mode == "new":
        drawn = draw_splits(
            groups,
            val_share=splitting.val_share,
            test_share=splitting.test_share,
            seed=splitting.seed,
        )
        return everyone, drawn
    if len(published) < len(own):
        raise DatasetError(f"--split {mode} needs a set with a split of its own; use --split new")
    if mode == "clean":
        gone = set(to_leave_out(groups, published))
        everyone = [at for at in everyone if at not in gone]
    return everyone, [published[at] for at in everyone]


def _group_labels(
    groups: Sequence[int], owners: Sequence[Entry], images: Sequence[AnnotatedImage]
) -> Mapping[int, str]:
    """A name for the group of each picture: the set's own, else that of its first picture."""
    first = {group: at for at, group in reversed(list(enumerate(groups)))}
    return {
        at: owners[first[group]].group or images[first[group]].image_id
        for at, group in enumerate(groups)
    }
