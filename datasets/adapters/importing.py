"""A set as it was downloaded, brought into the form that recipes read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from parcelscope.datasets.adapters.catalog import Adapter
from parcelscope.datasets.adapters.layout import Box, Entry
from parcelscope.datasets.adapters.splitting import (
    Splitting,
    check_shares,
    group_names,
    split_entries,
)
from parcelscope.datasets.annotated import (
    AnnotatedImage,
    AnnotatedSet,
    Floats,
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
from parcelscope.datasets.splits import joined_groups, straddling
from parcelscope.datasets.writing import write_text_whole

Progress = Callable[[str, int, int], None]

MOST_LEFT_OUT = 0.1
"""Share of pictures that may be missing or unreadable before the whole set is refused."""
LEAST_SIDE_PX = 1.0
"""Boxes with less left inside the picture hold nothing to learn from."""


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
    splitting: Splitting | None = None,
    title: str | None = None,
    licence: str | None = None,
    copy: bool = False,
    progress: Progress = lambda stage, done, total: None,
) -> Imported:
    """Read the set in `src` with `adapter` and write it to `out`.

    Args:
        adapter: What reads it.
        src: Folder with the set as it was downloaded and unpacked.
        out: New or empty folder.
        variant: Part of the set, where it has several.
        splitting: How to split; as `Splitting()` if left out.
        title: Name of the set, where the adapter is for a layout that many sets have.
        licence: Its licence, for the same case.
        copy: Copy the pictures; else hard links are made where the disk can.
        progress: Called with the stage, things done and things in all.

    Raises:
        DatasetError: If `src` is not laid out as the adapter expects, a path leads out of it, more
            than a tenth of the pictures cannot be read, or `out` is in use.
    """
    splitting = Splitting() if splitting is None else splitting
    check_shares(splitting)
    src = src.resolve()
    layout = adapter.read(src, variant)
    images, owners, thumbs, left_out = _opened(src, layout.entries, progress)
    if not images or len(layout.entries) - len(images) > MOST_LEFT_OUT * len(layout.entries):
        raise DatasetError(
            f"{src}: only {len(images)} of {len(layout.entries)} pictures can be read;"
            f" the first fault: {left_out[0] if left_out else 'there is none'}"
        )
    names = group_names(owners, splitting.groups)
    groups = joined_groups(names, near_duplicates(looks(thumbs)))
    kept, splits = split_entries([entry.split for entry in owners], groups, splitting)
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
        name=title or (adapter.title if variant is None else f"{adapter.title} {variant}"),
        root=src,
        classes=layout.classes,
        images=chosen,
        licence=licence or adapter.licence,
        source=f"{adapter.title}: {adapter.what}",
    )
    written = write_annotated(
        annotated, out, copy=copy, progress=lambda done, total: progress("writing", done, total)
    )
    if left_out:
        write_text_whole(out / "left_out.txt", "\n".join(left_out) + "\n")
    both = straddling([groups[at] for at in kept], splits)
    return Imported(annotated=written, left_out=tuple(left_out), straddling=len(both))


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


def _group_labels(
    groups: Sequence[int], owners: Sequence[Entry], images: Sequence[AnnotatedImage]
) -> Mapping[int, str]:
    """A name for the group of each picture: the set's own, else that of its first picture."""
    first = {group: at for at, group in reversed(list(enumerate(groups)))}
    return {
        at: owners[first[group]].group or images[first[group]].image_id
        for at, group in enumerate(groups)
    }
