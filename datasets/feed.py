"""A feed: one folder with the tables of a batch of parcels and their image files."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed_urls import feed_url, fetch_feed, local_path
from parcelscope.datasets.image_paths import without_strays
from parcelscope.datasets.schema import (
    CARTONS,
    IMAGES,
    PARCELS,
    STEP_WEDGES,
    TABLES,
    TableSchema,
)
from parcelscope.datasets.tables import (
    ROW,
    SUFFIXES,
    TableRead,
    empty_table,
    no_rejections,
    read_table,
)

OWNER_KIND = "owner_kind"
"""Column that `Feed.images` has beyond its schema: `parcel` or `carton`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """The tables of one feed, checked against each other.

    Each table has its schema's columns and `row`, its row in the file; a table that the feed does
    not have is empty. Every row of every file is either in its table or in `rejected`.
    """

    root: Path
    """The folder that image paths start from; a stand-in where the feed lies behind a URL."""
    parcels: pl.DataFrame
    cartons: pl.DataFrame
    images: pl.DataFrame
    """With `owner_kind` beyond the schema."""
    step_wedges: pl.DataFrame
    rejected: pl.DataFrame
    """Rows that were not taken: table, file, row, column, expected, got, key."""
    notes: pl.DataFrame
    """Rows that were taken although something about them is odd; columns as in `rejected`."""
    rows: dict[str, int]
    """Data rows in the file of each table that the feed has."""


def read_feed(folder: Path) -> Feed:
    """Read the feed in `folder`. Image files are not opened here, nor need they exist.

    A feed behind a URL (`s3://bucket/feed`, also as a path, which swallows a slash) is read through
    a stand-in folder.

    A `carton_id` that is not in the cartons table keeps its parcel and becomes a note; without a
    cartons table there is nothing to look it up in, and no note.

    Raises:
        FeedError: If a table cannot be read (see `read_table`), or if there are no parcels.
    """
    url = feed_url(str(folder))
    if url is not None:
        folder = fetch_feed(url, [name for table in TABLES for name in _file_names(table.name)])
    folder = local_path(str(folder))
    if not folder.is_dir():
        raise FeedError(f"{folder}: expected a folder with a feed, got no such folder")
    if find_table(folder, PARCELS.name) is None:
        raise FeedError(
            f"{folder}: a feed must have a parcels table ({', '.join(_file_names(PARCELS.name))}), "
            "got none"
        )
    parcels = _read(folder, PARCELS)
    if parcels.rows == 0:
        raise FeedError(f"{folder}: table parcels has a header but no rows")
    cartons, images, wedges = (_read(folder, s) for s in (CARTONS, IMAGES, STEP_WEDGES))
    images_file = find_table(folder, IMAGES.name)
    if images_file is not None:
        images = without_strays(images, folder, images_file.name)
    owned, orphans = _owned(images, parcels, cartons, images_file)
    cartons_file = find_table(folder, CARTONS.name)
    feed = Feed(
        root=folder,
        parcels=parcels.frame,
        cartons=cartons.frame,
        images=owned,
        step_wedges=wedges.frame,
        rejected=pl.concat(
            [parcels.rejected, cartons.rejected, images.rejected, orphans, wedges.rejected]
        ),
        notes=no_rejections()
        if cartons_file is None
        else _unknown_cartons(folder, parcels, cartons),
        rows={
            schema.name: read.rows
            for schema, read in (
                (PARCELS, parcels),
                (CARTONS, cartons),
                (IMAGES, images),
                (STEP_WEDGES, wedges),
            )
            if find_table(folder, schema.name) is not None
        },
    )
    _require_sums(feed)
    return feed


def find_table(folder: Path, name: str) -> Path | None:
    """The file in `folder` that holds table `name`, or None.

    Raises:
        FeedError: If several files do, as nothing says which one counts.
    """
    found = [path for path in (folder / file for file in _file_names(name)) if path.is_file()]
    if len(found) > 1:
        raise FeedError(
            f"{folder}: table {name} must be one file, got {' and '.join(p.name for p in found)}"
        )
    return found[0] if found else None


def _file_names(name: str) -> list[str]:
    return [f"{name}{suffix}" for suffix in SUFFIXES]


def _read(folder: Path, schema: TableSchema) -> TableRead:
    path = find_table(folder, schema.name)
    if path is None:
        return TableRead(frame=empty_table(schema), rejected=no_rejections(), rows=0)
    return read_table(path, schema)


def _owned(
    images: TableRead, parcels: TableRead, cartons: TableRead, file: Path | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The images whose owner is in the feed, with `owner_kind`, and the others as rejections."""
    owner = pl.col("owner_id")
    is_parcel = owner.is_in(parcels.frame.get_column("parcel_id").implode())
    is_carton = owner.is_in(cartons.frame.get_column("carton_id").implode())
    refused = pl.concat([parcels.rejected, cartons.rejected]).get_column("key").implode()
    marked = images.frame.with_columns(
        pl.when(is_parcel & ~is_carton)
        .then(pl.lit("parcel"))
        .when(is_carton & ~is_parcel)
        .then(pl.lit("carton"))
        .alias(OWNER_KIND)
    )
    trouble = (
        pl.when(is_parcel)
        .then(pl.lit("ambiguous owner: both a parcel and a carton"))
        .when(owner.is_in(refused))
        .then(pl.lit("owner whose own row was rejected"))
        .otherwise(pl.lit("unknown owner"))
    )
    orphans = marked.filter(pl.col(OWNER_KIND).is_null()).select(
        pl.lit(IMAGES.name).alias("table"),
        pl.lit(file.name if file is not None else "").alias("file"),
        ROW,
        pl.lit("owner_id").alias("column"),
        pl.lit("the parcel_id or carton_id of one row of this feed").alias("expected"),
        trouble.alias("got"),
        pl.concat_str(owner, "path", separator=" ").alias("key"),
    )
    return marked.filter(pl.col(OWNER_KIND).is_not_null()), orphans


def _unknown_cartons(folder: Path, parcels: TableRead, cartons: TableRead) -> pl.DataFrame:
    """A note for each parcel whose carton the cartons table does not have."""
    file = find_table(folder, PARCELS.name)
    known = cartons.frame.get_column("carton_id").implode()
    carton = pl.col("carton_id")
    return parcels.frame.filter(carton.is_not_null() & ~carton.is_in(known)).select(
        pl.lit(PARCELS.name).alias("table"),
        pl.lit(file.name if file is not None else "").alias("file"),
        ROW,
        pl.lit("carton_id").alias("column"),
        pl.lit("a carton_id of the cartons table").alias("expected"),
        carton.alias("got"),
        pl.col("parcel_id").alias("key"),
    )


def _require_sums(feed: Feed) -> None:
    for name, rows in feed.rows.items():
        kept = getattr(feed, name).height
        rejected = feed.rejected.filter(pl.col("table") == name).height
        if kept + rejected != rows:
            raise FeedError(
                f"table {name}: rows must be kept or rejected, "
                f"got {rows} rows, {kept} kept and {rejected} rejected"
            )
