"""What a run knows of earlier windows, and what it leaves for later ones."""

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.sightings import SIGHTING_SCHEMA, Earlier
from parcelscope.datasets.writing import parquet_bytes, write_whole
from parcelscope.inference.history import Kept, read_history, write_history
from parcelscope.pipelines.run_folder import SNAPSHOT
from parcelscope.pipelines.run_plan import RunPlan
from parcelscope.screening.indicator_pack import Indicators
from parcelscope.screening.indicators.reuse import ReuseParameters
from parcelscope.screening.numbers_seen import sightings


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowHistory:
    """The history of one run; without a URL there is none."""

    url: str | None = None
    in_ledger: bool = False
    """Whether it lies in the same database as the ledger."""
    earlier: Earlier | None = None
    kept: Kept | None = None

    @property
    def sinks(self) -> tuple[Kept, ...]:
        """What goes into the transaction that commits the window."""
        return (self.kept,) if self.in_ledger and self.kept is not None else ()

    def keep_apart(self) -> None:
        """Write to a history that is not in the ledger's database.

        Before the window is committed: whoever is cut off in between writes the same once more,
        and a window that is committed is always in the history.
        """
        if not self.in_ledger and self.url is not None and self.kept is not None:
            write_history(self.url, self.kept)


NO_HISTORY = WindowHistory()


def open_history(
    out: Path,
    feed: Feed,
    indicators: Indicators,
    plan: RunPlan,
    *,
    history: str | None,
    database: str | None,
) -> WindowHistory:
    """The history of the run in `out`: its own, or that in its database, or none.

    What earlier windows saw is looked up once, when the run begins, and kept in the run folder, so
    that the run comes to the same however often it is cut off and whatever others commit meanwhile.

    Args:
        out: The run folder.
        feed: The manifest tables.
        indicators: They say for how long a number must not be used again.
        plan: The run.
        history: URL of a history of its own.
        database: URL of the run's database, where it is not in the run folder.
    """
    url = database if history is None else history
    days = days_asked(indicators)
    if url is None or days is None:
        return NO_HISTORY
    today = date.fromisoformat(plan.created[:10])
    digest = feed_digest(plan.fingerprint.tables)
    seen = sightings(feed, today)
    path = out / SNAPSHOT
    if not path.is_file():
        found = read_history(url, seen["number"], feed=digest)
        # A helper that started at the same moment may be faster; then its look-up counts.
        with contextlib.suppress(FileExistsError):
            write_whole(path, parquet_bytes(found), replace=False)
    return WindowHistory(
        url=url,
        in_ledger=url == database,
        earlier=read_earlier(out, plan.created),
        kept=Kept(run_id=plan.run_id, feed=digest, sightings=seen, keep_days=days, today=today),
    )


def days_asked(indicators: Indicators) -> int | None:
    """For how many days `indicators` want to be told of a number; None where none asks."""
    days = [
        rule.parameters.window_days
        for rule in indicators.rules
        if isinstance(rule.parameters, ReuseParameters)
    ]
    return max(days, default=None)


def read_earlier(out: Path, created: str) -> Earlier | None:
    """What the run in `out`, begun at `created`, knows of earlier windows; None without a history.

    Raises:
        RunError: If the file cannot be read.
    """
    path = out / SNAPSHOT
    if not path.is_file():
        return None
    try:
        found = pl.read_parquet(path).cast(SIGHTING_SCHEMA)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(f"{path}: expected the run's earlier sightings, got: {reason}") from None
    return Earlier(sightings=found, today=date.fromisoformat(created[:10]))


def feed_digest(tables: Mapping[str, str]) -> str:
    """SHA-256 that tells a feed from others, from those of its `tables`."""
    told = "".join(f"{name}:{tables[name]};" for name in sorted(tables))
    return hashlib.sha256(told.encode()).hexdigest()
