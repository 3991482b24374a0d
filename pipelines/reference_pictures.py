"""Genuine references in a run: kept with it, and shown beside the photos that were compared."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import polars as pl
import simplejpeg

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.feed_images import read_image
from parcelscope.datasets.photos import Photo, decode_photo, read_photo
from parcelscope.datasets.writing import write_whole
from parcelscope.inference.photo_authenticity import AUTHENTICITY, ZONE, References
from parcelscope.pipelines.pictures import BoxXyxy, Mark, Picture, mark, plain_picture

FOLDER: Final = "references"
"""Folder in a run: what its photos were compared with, as an analyst needs to see it later."""
MOST_CROPS: Final = 4
_CROP_PX = 150
_MARGIN = 0.35


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """One photo beside its genuine reference."""

    reference: Picture
    """The genuine photo, with the zones that differ marked."""
    crops: tuple[Picture, ...]
    """Each zone: the photo's on the left, the genuine one's on the right."""
    sentences: tuple[str, ...]
    """One for each zone, in the order of their numbers."""


def keep_references(
    folder: Path, references: References | None, findings: pl.DataFrame, owners: pl.DataFrame
) -> None:
    """Write the genuine pictures of the SKUs of `owners` that were compared to the run `folder`.

    Args:
        folder: Run folder.
        references: Those of the bundle.
        findings: All findings of the run.
        owners: The flags, with owner_kind and owner_id.
    """
    if references is None:
        return
    flagged = owners.select("owner_kind", "owner_id")
    told = findings.filter(pl.col("code") == AUTHENTICITY).join(
        flagged, on=["owner_kind", "owner_id"], how="semi"
    )
    for sku in told.get_column("text").drop_nulls().unique().sort():
        loaded = references.by_sku.get(sku)
        if loaded is not None:
            picture = np.ascontiguousarray(loaded.constants.shown)
            data = simplejpeg.encode_jpeg(picture, quality=90, colorspace="RGB")
            write_whole(folder / FOLDER / file_name(sku), data)


def file_name(sku: str) -> str:
    """Name of the picture of `sku`, which comes from outside and may hold anything."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "_", sku)[:40]
    return f"{plain}-{hashlib.sha256(sku.encode()).hexdigest()[:8]}.jpg"


def comparisons_of(run_folder: Path, findings: pl.DataFrame, root: Path) -> tuple[Compared, ...]:
    """Each photo of one owner that differs from its reference, beside it.

    Args:
        run_folder: Where the genuine pictures are kept.
        findings: Those of this owner alone.
        root: Folder that image paths start from.
    """
    shown = []
    for row in findings.filter(pl.col("code") == AUTHENTICITY).sort("p_value").to_dicts():
        zones = findings.filter(
            (pl.col("code") == ZONE) & (pl.col("image_path") == row["image_path"])
        ).to_dicts()
        picture = run_folder / FOLDER / file_name(str(row["text"]))
        if not zones or not picture.is_file():
            continue
        try:
            photo = decode_photo(read_image(root, row["image_path"]))
            genuine = read_photo(picture)
        except ImageError:
            continue  # the gallery says which picture cannot be read
        shown.append(_compared(row, zones, genuine, photo))
    return tuple(shown)


def _compared(
    row: Mapping[str, Any], zones: Sequence[Mapping[str, Any]], genuine: Photo, photo: Photo
) -> Compared:
    size_wh = (genuine.shape[1], genuine.shape[0])
    marks: list[Mark] = []
    crops: list[Picture] = []
    for number, zone in enumerate(zones, start=1):
        box = reference_box(zone["text"])
        if box is None or zone["box_xyxy"] is None:
            continue
        marks.append(mark("zone", str(number), box, size_wh))
        if len(crops) < MOST_CROPS:
            pair = side_by_side(cropped(photo, tuple(zone["box_xyxy"])), cropped(genuine, box))
            crops.append(plain_picture(pair, caption=f"{number}: this photo, genuine"))
    return Compared(
        reference=plain_picture(
            genuine, caption=f"Genuine reference of SKU {row['text']}", marks=marks
        ),
        crops=tuple(crops),
        sentences=tuple(zone["sentence"] for zone in zones),
    )


def reference_box(text: str | None) -> BoxXyxy | None:
    """The box that a zone's finding names on the reference, or None."""
    parts = (text or "").partition(":")[2].split()
    if len(parts) != 4:
        return None
    x0, y0, x1, y1 = (float(part) for part in parts)
    return x0, y0, x1, y1


def cropped(rgb: Photo, box: BoxXyxy) -> Photo:
    """The box and some of its surroundings."""
    x0, y0, x1, y1 = box
    margin = max(x1 - x0, y1 - y0) * _MARGIN + 6
    height, width = rgb.shape[:2]
    left, top = max(int(x0 - margin), 0), max(int(y0 - margin), 0)
    right, bottom = min(int(x1 + margin) + 1, width), min(int(y1 + margin) + 1, height)
    return rgb[top : max(bottom, top + 1), left : max(right, left + 1)]


def side_by_side(ours: Photo, theirs: Photo) -> Photo:
    """Two crops at one height, with a white gap."""
    parts = []
    for one in (ours, theirs):
        scale = _CROP_PX / one.shape[0]
        size = (min(max(round(one.shape[1] * scale), 1), 4 * _CROP_PX), _CROP_PX)
        parts.append(np.asarray(cv2.resize(one, size, interpolation=cv2.INTER_LINEAR), np.uint8))
    gap = np.full((_CROP_PX, 8, 3), 255, np.uint8)
    return np.hstack([parts[0], gap, parts[1]])
