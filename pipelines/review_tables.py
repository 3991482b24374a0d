"""The rows of a run and its feed that are about what is reviewed, and no others.

A run of a million parcels flags some ten thousand: its findings are searched lazily, so that what
is about the others is never held in memory.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.feed_urls import absolute_feed, feed_url
from parcelscope.datasets.records import OwnerKind
from parcelscope.pipelines.run_folder import RunCard, read_card, read_flags, scan_table
from parcelscope.screening import selection
from parcelscope.screening.indicators.evidence import KEYS

Key = tuple[OwnerKind, str]
OWNER: Final = ["owner_kind", "owner_id"]
WITH_CARTON: Final = str(selection.ARMS[selection.WITH_CARTON])
"""Arm of a parcel that comes to an exam with its flagged carton."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewTables:
    """What a run and its feed say of the flagged parcels and cartons."""

    folder: Path
    card: RunCard
    feed_at: str
    """Folder of the feed, or its URL, as it holds from anywhere."""
    feed: Feed
    """Rows of the flagged alone, and all parcel rows of their cartons."""
    owners: pl.DataFrame
    """owner_kind, owner_id, then the columns of their assessment, and `rank` of a flag."""
    bands: pl.DataFrame
    """parcel_id, band of the parcels in the cartons."""
    findings: pl.DataFrame
    """Of the flagged, and the counts of their cartons."""
    not_assessed: pl.DataFrame
    verdicts: pl.DataFrame
    """Images of the flagged that were not read, or on which a check failed."""
    embeddings: pl.DataFrame


def read_review_tables(folder: Path, feed_folder: Path | None = None) -> ReviewTables:
    """What the complete run in `folder` and its feed hold of what it flagged.

    Parcels that come with a flagged carton are among them: an officer who opens the carton has
    them in hand.

    Args:
        folder: Of the run.
        feed_folder: Where its feed lies now; None is where it lay.

    Raises:
        RunError: If there is no complete run, or a part or the feed is gone.
        FeedError: If the feed cannot be read.
    """
    card = read_card(folder)
    owners = _owners(folder, card)
    feed = _part_of(_feed(folder, card, feed_folder), owners)
    cartons = feed.cartons.select(pl.lit("carton").alias("owner_kind"), owner_id="carton_id")
    return ReviewTables(
        folder=folder,
        card=card,
        feed_at=_lasting(feed_folder or Path(card.feed)),
        feed=feed,
        owners=owners,
        bands=_bands(folder, card, feed),
        findings=_findings(folder, card, owners, cartons),
        not_assessed=_collected(
            scan_table(folder, card, "not_assessed").join(
                owners.select(OWNER).lazy(), on=OWNER, how="semi"
            )
        ),
        verdicts=_collected(
            scan_table(folder, card, "images")
            .filter(pl.col("verdict") != "assessed")
            .join(owners.select(OWNER).lazy(), on=OWNER, how="semi")
        ),
        embeddings=_collected(
            scan_table(folder, card, "embeddings").join(
                owners.select(OWNER).lazy(), on=OWNER, how="semi"
            )
        ),
    )


def by_owner(frame: pl.DataFrame) -> dict[Key, list[dict[str, Any]]]:
    """The rows of `frame` by kind and id of their owner, in their order."""
    grouped: dict[Key, list[dict[str, Any]]] = {}
    for row in frame.iter_rows(named=True):
        grouped.setdefault((row["owner_kind"], row["owner_id"]), []).append(row)
    return grouped


def manifest_rows(feed: Feed) -> Mapping[Key, dict[str, Any]]:
    """The manifest rows of `feed` by kind and id."""
    rows: dict[Key, dict[str, Any]] = {}
    tables: dict[OwnerKind, pl.DataFrame] = {"parcel": feed.parcels, "carton": feed.cartons}
    for kind, table in tables.items():
        for row in table.iter_rows(named=True):
            rows[kind, row[KEYS[kind]]] = row
    return rows


def _feed(folder: Path, card: RunCard, given: Path | None) -> Feed:
    if given is None and feed_url(card.feed) is None and not Path(card.feed).is_dir():
        raise RunError(
            f"{folder}: expected the feed of the run in {card.feed}, found none; say where it lies"
            " now"
        )
    return read_feed(given or Path(card.feed))


def _lasting(feed: Path) -> str:
    return feed_url(str(feed)) or str(absolute_feed(feed))


def _owners(folder: Path, card: RunCard) -> pl.DataFrame:
    """The flagged, and the parcels that come with a flagged carton, with their assessments."""
    flags = read_flags(folder)
    frames = []
    for kind, key in KEYS.items():
        rows = scan_table(folder, card, "parcels" if kind == "parcel" else "cartons")
        told = rows.collect_schema().names()
        ids = flags.filter(pl.col("owner_kind") == kind).get_column("owner_id")
        wanted = pl.col(key).is_in(ids.implode())
        if "arm" in told:  # not in runs of early releases
            wanted = wanted | (pl.col("arm") == WITH_CARTON)
        frames.append(
            _collected(rows.filter(wanted))
            # A row refused for its id has that of another; the assessed one comes first.
            .sort(key, "verdict")
            .unique(key, keep="first", maintain_order=True)
            .rename({key: "owner_id"})
            .select(pl.lit(kind).alias("owner_kind"), pl.all())
        )
    return pl.concat(frames, how="diagonal").join(
        flags.select(*OWNER, "rank", pl.col("arm").alias("flag_arm")), on=OWNER, how="left"
    )


def _part_of(feed: Feed, owners: pl.DataFrame) -> Feed:
    """`feed` with the rows of `owners`, of their cartons, and of all parcels in these."""
    ids = {
        kind: owners.filter(pl.col("owner_kind") == kind).get_column("owner_id") for kind in KEYS
    }
    chosen = feed.parcels.filter(pl.col("parcel_id").is_in(ids["parcel"].implode()))
    in_cartons = pl.concat([ids["carton"], chosen.get_column("carton_id").drop_nulls()]).unique()
    parcels = feed.parcels.filter(
        pl.col("parcel_id").is_in(ids["parcel"].implode())
        | pl.col("carton_id").is_in(in_cartons.implode())
    )
    cartons = feed.cartons.filter(pl.col("carton_id").is_in(in_cartons.implode()))
    kind, owner_id = pl.col("owner_kind"), pl.col("owner_id")
    images = feed.images.filter(
        ((kind == "parcel") & owner_id.is_in(ids["parcel"].implode()))
        | ((kind == "carton") & owner_id.is_in(in_cartons.implode()))
    )
    return replace(feed, parcels=parcels, cartons=cartons, images=images)


def _bands(folder: Path, card: RunCard, feed: Feed) -> pl.DataFrame:
    ids = feed.parcels.get_column("parcel_id")
    rows = scan_table(folder, card, "parcels").filter(pl.col("parcel_id").is_in(ids.implode()))
    return _collected(rows.select("parcel_id", "band"))


def _findings(
    folder: Path, card: RunCard, owners: pl.DataFrame, cartons: pl.DataFrame
) -> pl.DataFrame:
    """All findings of `owners` that pages or weights need, and the counts of `cartons`."""
    rows = scan_table(folder, card, "findings")
    flagged = owners.select(OWNER)
    others = cartons.join(flagged, on=OWNER, how="anti")
    counted = rows.filter(pl.col("code") == "pieces.count")
    return pl.concat(
        [
            _collected(rows.join(flagged.lazy(), on=OWNER, how="semi")),
            _collected(counted.join(others.lazy(), on=OWNER, how="semi")),
        ]
    )


def _collected(rows: pl.LazyFrame) -> pl.DataFrame:
    frame: pl.DataFrame = rows.collect(engine="streaming")
    return frame
