"""The parcels and master cartons of a feed, in the order of their ids, each with its images."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.feed_images import read_image
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import Energy


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """One row of the images table, as far as scoring needs it."""

    row: int
    """Row in the file, for messages."""
    kind: Literal["scan", "photo"]
    view: str | None
    station: str | None
    path: str
    """Relative to the feed."""
    sha256: str | None
    energy: Energy | None
    scanner_model: str | None
    scanner_software: str | None
    pixel_pitch_mm: float | None
    air_level: float | None


IMAGE_COLUMNS = tuple(field.name for field in fields(ImageRow))


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One parcel or master carton and its images."""

    owner_id: str
    owner_kind: OwnerKind
    images: tuple[ImageRow, ...] = ()
    """In the order of their paths."""
    sku: str | None = None
    brand: str | None = None
    """What the manifest row of a parcel says it is."""

    @property
    def photos(self) -> tuple[ImageRow, ...]:
        """The images that are photos."""
        return tuple(image for image in self.images if image.kind == "photo")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanGroup:
    """The files of one scan."""

    images: tuple[ImageRow, ...]
    """Those to read: one file, or low and high."""
    derived: tuple[ImageRow, ...] = ()
    """Renderings of the same scan; they share its verdict, but are not read."""


class OwnerTable:
    """The owners of a feed sorted by id, and their images, to be read a stretch at a time.

    The order is that of the ids alone, so that neither the order of the rows nor the number of
    workers moves an owner to another place.
    """

    def __init__(self, feed: Feed) -> None:
        self._owners = _sorted_owners(feed)
        self._images = (
            feed.images.join(
                self._owners.select("rank", "owner_id", "owner_kind"), on=["owner_id", "owner_kind"]
            )
            .sort("rank", "path", "row")
            .select("rank", *IMAGE_COLUMNS)
        )
        self._ranks = self._images.get_column("rank").to_numpy()

    @property
    def count(self) -> int:
        """How many owners there are."""
        return self._owners.height

    def between(self, first: int, end: int) -> tuple[Owner, ...]:
        """The owners from place `first` to before `end`, fewer at the end of the table."""
        some = self._owners.slice(first, end - first)
        start, stop = np.searchsorted(self._ranks, [first, first + some.height])
        by_rank: dict[int, list[ImageRow]] = {}
        for rank, *values in self._images.slice(int(start), int(stop - start)).iter_rows():
            image = ImageRow(**dict(zip(IMAGE_COLUMNS, values, strict=True)))
            by_rank.setdefault(rank, []).append(image)
        return tuple(
            Owner(
                owner_id=owner_id,
                owner_kind=kind,
                images=tuple(by_rank.get(rank, ())),
                sku=sku,
                brand=brand,
            )
            for rank, owner_id, kind, sku, brand in some.iter_rows()
        )


def owner_shards(feed: Feed, *, shard_size: int) -> Iterator[tuple[Owner, ...]]:
    """The owners of `feed` sorted by id, `shard_size` at a time; the last shard may be shorter."""
    owners = OwnerTable(feed)
    for start in range(0, owners.count, shard_size):
        yield owners.between(start, start + shard_size)


def scan_groups(owner: Owner) -> list[ScanGroup]:
    """The scans of `owner`: a low and a high energy of one view and station make one scan.

    An energy whose other half is not in the feed is a scan by itself. A rendering in the place of
    a scan with both energies was derived from them, and is not scored a second time. Several
    halves of one place come as one group, which `check_pair` refuses.
    """
    places: dict[tuple[str | None, str], list[ImageRow]] = {}
    for image in owner.images:
        if image.kind == "scan":
            places.setdefault((image.view, image.station or "arrival"), []).append(image)
    return [group for images in places.values() for group in _groups_of_place(images)]


def _groups_of_place(images: list[ImageRow]) -> list[ScanGroup]:
    halves = [image for image in images if image.energy in ("low", "high")]
    is_pair = {image.energy for image in halves} == {"low", "high"}
    read = [[image] for image in images if image.energy == "dual"]
    if is_pair:
        read.append(sorted(halves, key=lambda image: image.energy != "low"))
    derived = [image for image in images if image.energy in ("colour", "grey")] if read else []
    alone = [
        image
        for image in images
        if image.energy is None
        or (image in halves and not is_pair)
        or (image.energy in ("colour", "grey") and not read)
    ]
    groups = [ScanGroup(images=tuple(scan)) for scan in [*read, *([image] for image in alone)]]
    if derived:
        groups[0] = replace(groups[0], derived=tuple(derived))
    return groups


def check_pair(images: tuple[ImageRow, ...]) -> None:
    """Refuse files that are not one acquisition.

    Mixing the energies of two acquisitions would give pixels that no scanner has seen.

    Raises:
        ImageError: `ambiguous_pair` for more than one low or high energy, `pair_disagrees` where
            the two rows tell different facts about the one scan.
    """
    paths = " and ".join(image.path for image in images)
    if len(images) > 2:
        raise ImageError(
            "ambiguous_pair",
            "expected one low and one high energy for one view and station,"
            f" got {len(images)} files: {paths}",
        )
    for name in ("scanner_model", "scanner_software", "pixel_pitch_mm", "air_level"):
        told = {getattr(image, name) for image in images} - {None}
        if len(told) > 1:
            values = " and ".join(sorted(map(str, told)))
            raise ImageError(
                "pair_disagrees", f"{paths}: expected one {name} for both energies, got {values}"
            )


def read_file(image: ImageRow, root: Path) -> bytes:
    """Content of the file that `image` names, checked against the SHA-256 of the table.

    Raises:
        ImageError: As `read_image` raises, `outside_feed` included, or `altered` where the table
            gives another SHA-256.
    """
    data = read_image(root, image.path)
    if image.sha256 is not None:
        expected, found = image.sha256.lower(), hashlib.sha256(data).hexdigest()
        if found != expected:
            raise ImageError(
                "altered",
                f"{root / image.path}: expected SHA-256 {expected[:12]}…, got {found[:12]}…",
            )
    return data


def _sorted_owners(feed: Feed) -> pl.DataFrame:
    """Rank, owner_id, owner_kind, sku, brand, by id; a parcel and a carton may share an id."""
    return (
        pl.concat(
            [
                feed.cartons.select(
                    owner_id="carton_id",
                    owner_kind=pl.lit("carton"),
                    sku=pl.lit(None, pl.String()),
                    brand=pl.lit(None, pl.String()),
                ),
                feed.parcels.select(
                    owner_id="parcel_id", owner_kind=pl.lit("parcel"), sku="sku", brand="brand"
                ),
            ]
        )
        .sort("owner_id", "owner_kind")
        .with_row_index("rank")
    )
