"""Which numbers stand on the parcels and cartons of a feed, where and when."""

from datetime import date

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.sightings import (
    FACILITY_CHARACTERS,
    NO_ENTRY,
    SIGHTING_SCHEMA,
    NumberKind,
    digests,
)
from parcelscope.screening.indicators.check_digits import normalised


def sightings(feed: Feed, today: date) -> pl.DataFrame:
    """The sightings of all numbers of `feed`, columns as `SIGHTING_SCHEMA`.

    Args:
        feed: The manifest tables.
        today: The day of rows without an arrival.
    """
    parcels = numbered_parcels(feed, today)
    return (
        pl.concat(
            [
                _sighted(parcels, "tracking").with_columns(
                    digests(parcels["entry_text"], "entry").fill_null(NO_ENTRY).alias("entry")
                ),
                _sighted(numbered_cartons(feed, today), "seal"),
            ]
        )
        .drop_nulls("number")
        .select(*SIGHTING_SCHEMA)
        .cast(SIGHTING_SCHEMA)
    )


def numbered_parcels(feed: Feed, today: date) -> pl.DataFrame:
    """owner_id, owner_kind, text, number_text, entry_text, facility, day, dated of each parcel."""
    arrived = pl.col("arrived_at").dt.date()
    return feed.parcels.select(
        pl.col("parcel_id").alias("owner_id"),
        pl.lit("parcel").alias("owner_kind"),
        pl.col("tracking_number").alias("text"),
        normalised(pl.col("tracking_number")).alias("number_text"),
        normalised(pl.col("entry_number")).alias("entry_text"),
        _facility(),
        arrived.fill_null(pl.lit(today)).alias("day"),
        arrived.is_not_null().alias("dated"),
    )


def numbered_cartons(feed: Feed, today: date) -> pl.DataFrame:
    """As of parcels, of each carton's seal; it came when the first of its parcels came."""
    came = (
        feed.parcels.drop_nulls("carton_id")
        .group_by("carton_id")
        .agg(pl.col("arrived_at").min().dt.date().alias("arrived"))
    )
    return feed.cartons.join(came, on="carton_id", how="left").select(
        pl.col("carton_id").alias("owner_id"),
        pl.lit("carton").alias("owner_kind"),
        pl.col("seal_id").alias("text"),
        normalised(pl.col("seal_id")).alias("number_text"),
        pl.lit(None, pl.String).alias("entry_text"),
        _facility(),
        pl.col("arrived").fill_null(pl.lit(today)).alias("day"),
        pl.col("arrived").is_not_null().alias("dated"),
    )


def _facility() -> pl.Expr:
    name = pl.col("facility").str.replace_all(r"\p{C}", "").str.strip_chars()
    return name.str.slice(0, FACILITY_CHARACTERS).fill_null("").alias("facility")


def _sighted(rows: pl.DataFrame, kind: NumberKind) -> pl.DataFrame:
    """`rows` with their number as a digest, and without an entry."""
    return rows.select(
        digests(rows["number_text"], kind).alias("number"),
        "owner_id",
        "facility",
        "day",
        "dated",
        pl.lit(NO_ENTRY, pl.Int64).alias("entry"),
    )
