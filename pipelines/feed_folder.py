"""A feed made from loose scans and photos in folders, for a first try without a manifest."""

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.placing import place_file, unique_name
from parcelscope.datasets.scan_plugins import scan_suffixes
from parcelscope.datasets.schema import IMAGES, PARCELS, TableSchema, expectation
from parcelscope.datasets.tables import dtypes
from parcelscope.datasets.writing import write_csv_whole

PHOTO_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderCounts:
    """What a feed from folders holds."""

    parcels: int
    scans: int
    photos: int
    attached_photos: int
    """Photos that share the name of a scan and so went to its parcel."""
    skipped: int
    """Files whose ending is not that of an image, links, and hidden files."""

    def __str__(self) -> str:
        """The counts as one sentence."""
        return (
            f"{self.parcels} parcels of {self.scans} scans and {self.photos} photos, "
            f"{self.attached_photos} of them beside a scan; {self.skipped} other files passed over"
        )


@dataclass(frozen=True, slots=True)
class _Found:
    kind: Literal["scan", "photo"]
    source: Path
    parcel_id: str
    path: str


def feed_from_folder(
    out: Path,
    *,
    scans: Path | None = None,
    photos: Path | None = None,
    pixel_pitch_mm: float | None = None,
    energy: str = "colour",
    copy: bool = False,
    limit: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> FolderCounts:
    """Make a feed in `out` of the images in `scans` and `photos`, folders within included.

    Each scan becomes one parcel, named after its file. A photo joins the parcel whose scan has the
    same file name without the ending, if exactly one has; else it becomes a parcel of its own.

    Args:
        out: New or empty folder to make the feed in.
        scans: Folder with X-ray scans, if any.
        photos: Folder with photos, if any.
        pixel_pitch_mm: Size of one scan pixel at the parcel, where known.
        energy: What the pixels of the scans hold: a choice of the column `energy`.
        copy: Copy the images instead of linking them; hard links take no space, but share later
            changes of the originals. Where hard links cannot be made, images are copied anyway.
        limit: Most scans, and most photos, to take; the first ones by path.
        progress: Called with images done and images in all.

    Raises:
        FeedError: If an option or a folder is not what it must be, `out` is not empty, there is no
            image to take, or one cannot be read.
    """
    _require_options(out, pixel_pitch_mm=pixel_pitch_mm, energy=energy, limit=limit)
    scan_files, skipped_scans = _images(scans, (*scan_suffixes(), ".bmp"), limit, out)
    photo_files, skipped_photos = _images(photos, PHOTO_SUFFIXES, limit, out)
    if not scan_files and not photo_files:
        raise FeedError(f"no scan in {scans} and no photo in {photos}: nothing to make a feed of")
    found = _named(scans, scan_files, photos, photo_files)
    digests = []
    for done, image in enumerate(found, start=1):
        digests.append(_place(image.source, out / image.path, copy=copy))
        if progress is not None:
            progress(done, len(found))
    _write_tables(out, found, digests, pixel_pitch_mm=pixel_pitch_mm, energy=energy)
    scanned = {image.parcel_id for image in found if image.kind == "scan"}
    return FolderCounts(
        parcels=len({image.parcel_id for image in found}),
        scans=len(scan_files),
        photos=len(photo_files),
        attached_photos=sum(i.kind == "photo" and i.parcel_id in scanned for i in found),
        skipped=skipped_scans + skipped_photos,
    )


def _require_options(
    out: Path, *, pixel_pitch_mm: float | None, energy: str, limit: int | None
) -> None:
    """Raise a `FeedError` for the first option that is not what it must be."""
    energies = IMAGES.column("energy")
    if energy not in energies.choices:
        raise FeedError(f"energy must be {expectation(energies)}, got {energy!r}")
    pitch = IMAGES.column("pixel_pitch_mm")
    low, high = pitch.minimum or 0.0, pitch.maximum or math.inf
    if pixel_pitch_mm is not None and not low <= pixel_pitch_mm <= high:
        raise FeedError(f"pixel_pitch_mm must be {expectation(pitch)}, got {pixel_pitch_mm}")
    if limit is not None and limit < 1:
        raise FeedError(f"limit must be 1 or more, got {limit}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FeedError(f"{out}: expected a new or empty folder to make a feed in, got one in use")


def _images(
    folder: Path | None, suffixes: Sequence[str], limit: int | None, out: Path
) -> tuple[list[Path], int]:
    """The image files in `folder`, by path, and how many other files were passed over."""
    if folder is None:
        return [], 0
    if not folder.is_dir():
        raise FeedError(f"{folder}: expected a folder with images, got no such folder")
    inside = out.resolve()
    taken: list[Path] = []
    skipped = 0
    for path in _files(folder):
        if path.resolve().is_relative_to(inside):
            continue
        usable = not path.name.startswith(".") and path.is_file() and not path.is_symlink()
        if usable and path.suffix.lower() in suffixes:
            taken.append(path)
        else:
            skipped += 1
    taken.sort()
    return taken[:limit], skipped


def _files(folder: Path) -> Iterator[Path]:
    for root, _folders, names in os.walk(folder):
        for name in names:
            yield Path(root) / name


def _named(
    scans: Path | None, scan_files: list[Path], photos: Path | None, photo_files: list[Path]
) -> list[_Found]:
    """Each image with its parcel and its place in the feed."""
    used: set[str] = set()
    found: list[_Found] = []
    of_stem: dict[str, list[str]] = {}
    for path in scan_files if scans is not None else []:
        parcel_id = unique_name(path.stem, used, default="parcel")
        of_stem.setdefault(path.stem, []).append(parcel_id)
        found.append(_Found("scan", path, parcel_id, f"scans/{parcel_id}{path.suffix.lower()}"))
    names: set[str] = set()
    for path in photo_files if photos is not None else []:
        same = of_stem.get(path.stem, [])
        parcel_id = same[0] if len(same) == 1 else unique_name(path.stem, used, default="parcel")
        name = unique_name(parcel_id, names)
        found.append(_Found("photo", path, parcel_id, f"photos/{name}{path.suffix.lower()}"))
    return found


def _place(source: Path, target: Path, *, copy: bool) -> str:
    """Link or copy `source` to `target`; the SHA-256 of what is there then."""
    try:
        return place_file(source, target, copy=copy)
    except OSError as error:
        raise FeedError(
            f"{source}: cannot be taken into the feed: {error.strerror or error}"
        ) from error


def _write_tables(
    out: Path,
    found: list[_Found],
    digests: list[str],
    *,
    pixel_pitch_mm: float | None,
    energy: str,
) -> None:
    scan = [image.kind == "scan" for image in found]
    images: dict[str, Sequence[object]] = {
        "owner_id": [image.parcel_id for image in found],
        "kind": [image.kind for image in found],
        "path": [image.path for image in found],
        "sha256": digests,
        "view": [None if is_scan else "exterior" for is_scan in scan],
        "energy": [energy if is_scan else None for is_scan in scan],
        "pixel_pitch_mm": [pixel_pitch_mm if is_scan else None for is_scan in scan],
    }
    parcels = list(dict.fromkeys(image.parcel_id for image in found))
    write_csv_whole(_table(IMAGES, images), out / "images.csv")
    # Last, as a folder without a parcels table is not yet a feed.
    write_csv_whole(_table(PARCELS, {"parcel_id": parcels}), out / "parcels.csv")


def _table(schema: TableSchema, columns: Mapping[str, Sequence[object]]) -> pl.DataFrame:
    """The given columns of `schema`, in its order and types."""
    types = dtypes(schema)
    return pl.DataFrame(
        {name: pl.Series(columns[name], dtype=types[name]) for name in types if name in columns}
    )
