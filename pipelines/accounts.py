"""Accounts of a run: what became of every row that came in."""

from collections.abc import Iterable
from dataclasses import fields

import polars as pl

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed
from parcelscope.inference.verdicts import ImageVerdict
from parcelscope.pipelines.run_folder import QUARANTINE_SCHEMA, RunCounts, TableCounts

IMAGE_SCHEMA = pl.Schema(
    (field.name, pl.Int64() if field.name == "row" else pl.String())
    for field in fields(ImageVerdict)
)
"""Columns of the run's images table."""


def verdict_frame(verdicts: Iterable[ImageVerdict]) -> pl.DataFrame:
    """`verdicts` as a table, columns as `IMAGE_SCHEMA`."""
    rows = [tuple(getattr(verdict, name) for name in IMAGE_SCHEMA) for verdict in verdicts]
    return pl.DataFrame(rows, schema=IMAGE_SCHEMA, orient="row")


def rejected_rows(feed: Feed) -> pl.DataFrame:
    """The rows that the feed did not take, columns as `QUARANTINE_SCHEMA`."""
    table, column = pl.col("table"), pl.col("column")
    of_images = table == "images"
    # The key of an image is its owner and its path. With a blank in one of them there is no
    # telling where one ends, and nothing is said rather than something wrong.
    parts = pl.col("key").str.split(" ")
    split = of_images & (parts.list.len() == 2)
    subject = pl.when(column == "").then(pl.lit("the row")).otherwise(column)
    return feed.rejected.select(
        table,
        pl.col("row"),
        pl.when(split).then(parts.list.get(1, null_on_oob=True)).alias("path"),
        pl.when(split)
        .then(parts.list.get(0, null_on_oob=True))
        .when(~of_images)
        .then(pl.col("key"))
        .alias("owner_id"),
        pl.lit("feed").alias("stage"),
        pl.lit("FeedError").alias("error_class"),
        pl.format(
            "{}.{}", table, pl.when(column == "").then(pl.lit("fields")).otherwise(column)
        ).alias("code"),
        pl.format(
            "{} row {}: {} must be {}, got {}", "file", "row", subject, "expected", "got"
        ).alias("message"),
    ).cast(QUARANTINE_SCHEMA)


def rejected_images(feed: Feed) -> pl.DataFrame:
    """The rejected rows of the images table, columns as `IMAGE_SCHEMA`."""
    rows = rejected_rows(feed).filter(pl.col("table") == "images")
    return rows.select(
        pl.lit("quarantined").alias(name)
        if name == "verdict"
        else pl.lit(None, dtype).alias(name)
        if name == "owner_kind"
        else pl.col(name)
        for name, dtype in IMAGE_SCHEMA.items()
    ).cast(IMAGE_SCHEMA)


def quarantine_rows(feed: Feed, images: pl.DataFrame) -> pl.DataFrame:
    """All that could not be read or checked: rejected rows, then images.

    Columns as `QUARANTINE_SCHEMA`; `stage` tells where an image failed.
    """
    unread = images.filter(
        pl.col("verdict").is_in(["degraded", "quarantined"]) & (pl.col("stage") != "feed")
    )
    return pl.concat(
        [
            rejected_rows(feed),
            unread.select(
                pl.lit("images").alias("table"), *(n for n in QUARANTINE_SCHEMA if n != "table")
            ).cast(QUARANTINE_SCHEMA),
        ]
    ).sort("table", "row")


def run_counts(
    feed: Feed,
    *,
    parcels: pl.DataFrame,
    cartons: pl.DataFrame,
    images: pl.DataFrame,
    flags: pl.DataFrame,
    findings: int,
    not_assessed: int,
) -> RunCounts:
    """How much went in and came out.

    Raises:
        RunError: If the rows of a table do not add up.
    """
    arms = flags.get_column("arm")
    counts = RunCounts(
        parcels=_table_counts(feed, "parcels", parcels),
        cartons=_table_counts(feed, "cartons", cartons),
        images=_table_counts(feed, "images", images),
        findings=findings,
        not_assessed=not_assessed,
        flagged_targeted=int((arms == "targeted").sum()),
        flagged_uncertain=int((arms == "uncertain").sum()),
        flagged_random=int((arms == "random").sum()),
        with_carton=int((parcels.get_column("arm") == "with_carton").sum()),
    )
    counts.require_sums()
    return counts


def require_all_scored(feed: Feed, scored: int) -> None:
    """Raise a `RunError` unless the engine went through every parcel and carton once."""
    expected = feed.parcels.height + feed.cartons.height
    if scored != expected:
        raise RunError(
            f"scoring: expected {expected} parcels and cartons, got {scored}; please report it"
        )


def _table_counts(feed: Feed, table: str, rows: pl.DataFrame) -> TableCounts:
    verdicts = rows.get_column("verdict")
    return TableCounts(
        rows=feed.rows.get(table, 0),
        assessed=int((verdicts == "assessed").sum()),
        quarantined=int((verdicts == "quarantined").sum()),
        missing=int((verdicts == "missing").sum()),
        degraded=int((verdicts == "degraded").sum()),
    )
