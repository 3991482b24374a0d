"""The pictures of one flagged parcel or carton: its scans in colour, its photos, all with marks."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.owners import (
    IMAGE_COLUMNS,
    ImageRow,
    Owner,
    ScanGroup,
    read_file,
    scan_groups,
)
from parcelscope.inference.photo_authenticity import ZONE
from parcelscope.inference.placing import read_group
from parcelscope.models.bundle import Bundle
from parcelscope.pipelines.calibration_words import calibration_note
from parcelscope.pipelines.pictures import (
    BoxXyxy,
    MarkKind,
    Picture,
    mark,
    photo_picture,
    scan_picture,
)

Row = dict[str, Any]
Box = tuple[MarkKind, str, BoxXyxy]

MOST_SCANS = 4
MOST_PHOTOS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Gallery:
    """What can be looked at of one owner, and what cannot."""

    scans: tuple[Picture, ...]
    photos: tuple[Picture, ...]
    unseen: tuple[str, ...]
    """Why pictures are not shown, one sentence each."""


def gallery_of(
    images: pl.DataFrame,
    verdicts: pl.DataFrame,
    reported: pl.DataFrame,
    *,
    root: Path,
    kind: OwnerKind,
    bundle: Bundle,
) -> Gallery:
    """The pictures of one owner.

    Args:
        images: Its rows of the images table.
        verdicts: What became of them in the run.
        reported: Findings to draw, those of this owner alone.
        root: Folder that image paths start from.
        kind: Whether it is a parcel or a carton.
        bundle: Says which scanners the scores are calibrated for.
    """
    told = dict(failures(verdicts.iter_rows(named=True)))
    rows = [
        ImageRow(**{name: row[name] for name in IMAGE_COLUMNS})
        for row in images.sort("path", "row").iter_rows(named=True)
    ]
    owner = Owner(owner_id="", owner_kind=kind, images=tuple(rows))
    boxes = _boxes(reported)
    scans: list[Picture] = []
    photos: list[Picture] = []
    unseen: list[str] = []
    readable = [g for g in scan_groups(owner) if not any(i.path in told for i in g.images)]
    for group in readable[:MOST_SCANS]:
        try:
            found = boxes.get(group.images[0].path, [])
            scans.append(_scan(group, found, root, kind, bundle))
        except ImageError as error:
            unseen.append(str(error))
    kept = [photo for photo in owner.photos if photo.path not in told]
    for photo in kept[:MOST_PHOTOS]:
        try:
            photos.append(
                photo_picture(
                    read_file(photo, root),
                    caption=_caption(photo),
                    boxes=boxes.get(photo.path, []),
                )
            )
        except ImageError as error:
            unseen.append(str(error))
    left_out = max(len(readable) - MOST_SCANS, 0) + max(len(kept) - MOST_PHOTOS, 0)
    if left_out:
        unseen.append(f"{left_out} more lie in the feed; only the first ones are shown.")
    return Gallery(
        scans=tuple(scans), photos=tuple(photos), unseen=(*dict.fromkeys(told.values()), *unseen)
    )


def failures(verdicts: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Path, and one sentence, of each image that was not read, by path."""
    failed = [row for row in verdicts if row["verdict"] not in ("assessed", "degraded")]
    for row in sorted(failed, key=lambda row: row["path"]):
        path, message = row["path"], row["message"]
        if row["verdict"] == "missing":
            yield path, f"{path} is named in the feed, but is not there."
        else:
            yield path, message if path in (message or "") else f"{path}: {message}"


def _scan(
    group: ScanGroup, boxes: Sequence[Box], root: Path, owner_kind: OwnerKind, bundle: Bundle
) -> Picture:
    first = group.images[0]
    scan = read_group(group, [read_file(image, root) for image in group.images], root)
    marks = [mark(kind, label, box, scan.size_wh) for kind, label, box in boxes]
    words = "X-ray, both energies" if scan.kind == "dual" else "X-ray"
    note = calibration_note(
        bundle, owner_kind, scan.kind, first.scanner_model, first.scanner_software
    )
    caption = _caption(first, words) + (f". {note}" if note else "")
    return scan_picture(scan, caption=caption, marks=marks)


def _caption(image: ImageRow, words: str = "Photo") -> str:
    view = f", {image.view}" if image.view else ""
    station = " at origin" if image.station == "origin" else ""
    return f"{words}{view}{station}: {image.path}"


def _boxes(reported: pl.DataFrame) -> dict[str, list[Box]]:
    """What to draw on each image, by its path."""
    drawn: dict[str, list[Box]] = {}
    pieces: dict[str, int] = {}
    located = reported.filter(pl.col("box_xyxy").is_not_null() & pl.col("image_path").is_not_null())
    for row in sorted(located.iter_rows(named=True), key=reading_order):
        path, code = row["image_path"], row["code"]
        x0, y0, x1, y1 = row["box_xyxy"]
        kind, label = mark_words(row)
        if code == "pieces.piece":
            pieces[path] = pieces.get(path, 0) + 1
            label = str(pieces[path])
        drawn.setdefault(path, []).append((kind, label, (x0, y0, x1, y1)))
    return drawn


def mark_words(row: Row) -> tuple[MarkKind, str]:
    """What kind of mark a finding is, and what stands beside it; pieces are numbered by place."""
    code: str = row["code"]
    if code == "pieces.piece":
        return "piece", ""
    if code.startswith("item."):
        name = code.removeprefix("item.").replace("_", " ")
        return "item", f"like {name}, {row['score']:.2f}"
    if code.startswith("code."):
        return "code", code.removeprefix("code.")
    if code == ZONE:
        return "zone", (row["text"] or "").partition(":")[0]
    return "anomaly", "most unusual here"


def reading_order(row: Row) -> tuple[str, int, float]:
    """From top to bottom in bands of a tenth of the picture's usual height, then left to right."""
    x0, y0, _, _ = row["box_xyxy"]
    return row["image_path"], int(y0) // 60, x0
