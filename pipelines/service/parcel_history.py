"""The history of numbers for parcels that come one by one: kept open, asked and told for each."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import NOT_ASSESSED_SCHEMA, not_assessed_frame
from parcelscope.datasets.sightings import Earlier, no_sightings
from parcelscope.inference.database import DatabaseError
from parcelscope.inference.history import Kept, OpenHistory
from parcelscope.pipelines.window_history import days_asked
from parcelscope.screening.indicator_pack import Indicators
from parcelscope.screening.indicators.reuse import REUSE
from parcelscope.screening.numbers_seen import sightings

LOCK_WAIT_S: Final = 0.5
"""How long a parcel waits for somebody else's commit; after that it is answered without."""
PRUNE_EVERY: Final = 64
"""Parcels between two that take old rows out: looking for them costs more than one parcel's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the history says of one parcel."""

    earlier: Earlier | None = None
    """None where it could not be asked."""
    not_assessed: pl.DataFrame
    """Rows for the checks that this leaves open."""


class ParcelHistory:
    """One history, for as long as the process scores."""

    def __init__(self, url: str, keep_days: int, *, lock_wait_s: float = LOCK_WAIT_S) -> None:
        self._history = OpenHistory(url, lock_wait_s=lock_wait_s)
        self._keep_days = keep_days

    def close(self) -> None:
        """Give the connection back."""
        self._history.close()

    def look(self, feed: Feed, row: Mapping[str, Any]) -> Seen:
        """Leave the numbers of `feed`, one parcel with the manifest `row`, and see who had them.

        Kept first, then looked up: of two parcels that come at the same moment with one number, at
        least the later one is told of the other. The same row again is the same parcel again.
        """
        today = datetime.now(UTC).date()
        ours = sightings(feed, today).drop_nulls("number")
        if ours.is_empty():
            return _seen(no_sightings(), today)
        kept = Kept(
            run_id="parcel",
            feed=row_digest(row),
            sightings=ours,
            keep_days=self._keep_days,
            today=today,
            prune_every=PRUNE_EVERY,
        )
        try:
            return _seen(self._history.keep_and_look(kept), today)
        except DatabaseError as error:
            reason = f"the history of numbers could not be asked: {error}"
            owners = feed.parcels.select(
                pl.col("parcel_id").alias("owner_id"),
                pl.lit("parcel").alias("owner_kind"),
                pl.lit(REUSE).alias("check"),
                pl.lit(reason).alias("reason"),
            )
            return Seen(not_assessed=owners.cast(pl.Schema(NOT_ASSESSED_SCHEMA)))


def open_parcel_history(url: str | None, indicators: Indicators) -> ParcelHistory | None:
    """The history at `url`; None where there is none, or no indicator asks for it.

    Raises:
        ConfigError: If `url` cannot be used.
    """
    days = days_asked(indicators)
    return None if url is None or days is None else ParcelHistory(url, days)


def row_digest(row: Mapping[str, Any]) -> str:
    """SHA-256 that tells a manifest row from others."""
    return hashlib.sha256(b"parcel:" + json.dumps(row, sort_keys=True).encode()).hexdigest()


def _seen(found: pl.DataFrame, today: date) -> Seen:
    return Seen(earlier=Earlier(sightings=found, today=today), not_assessed=not_assessed_frame(()))
