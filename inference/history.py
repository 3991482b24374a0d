"""The history: which numbers earlier windows saw, kept for as long as they must not be used again.

One transaction writes a whole window, or nothing of it; the same feed a second time changes
nothing. Old rows go a slice at a time, in the transactions that bring new ones.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

import polars as pl
from sqlalchemy import Connection, Executable, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.sightings import MOST_PER_WINDOW, SIGHTING_SCHEMA, bounded
from parcelscope.inference.database import (
    OPEN_PATIENCE_S,
    PATIENCE_S,
    insert_new,
    open_database,
    patiently,
    sqlite_url,
    upgrade,
)
from parcelscope.inference.ledger_tables import HISTORY_SIGHTINGS, HISTORY_WINDOWS

SLICES: Final = 32
"""A commit takes old rows out of one of so many slices of the numbers, in turn: none takes long,
and no index of days is needed. So rows outlive their time by at most 32 commits."""
ROWS_AT_ONCE: Final = 10_000
_EPOCH: Final = date(1970, 1, 1)
_LOWEST: Final = -(1 << 63)
_SLICE: Final = (1 << 64) // SLICES


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What one window leaves in the history. A sink, where ledger and history are one database."""

    run_id: str
    feed: str
    """Digest of the feed's tables: whoever scores the same again leaves nothing new."""
    sightings: pl.DataFrame
    """Columns as `SIGHTING_SCHEMA`."""
    keep_days: int
    """How long a later window must be told of them."""
    today: date
    prune_every: int = 1
    """Old rows are taken out by one of so many windows: more where windows are single parcels."""

    def write(self, connection: Connection, shard: object) -> None:
        """Write the window on `connection`, and leave the transaction to the caller."""
        row = {
            "feed": self.feed,
            "run_id": self.run_id,
            "day": _number(self.today),
            "keep_days": self.keep_days,
        }
        if not insert_new(connection, HISTORY_WINDOWS, row):
            return
        window_id = connection.execute(
            select(HISTORY_WINDOWS.c.window_id).where(HISTORY_WINDOWS.c.feed == self.feed)
        ).scalar_one()
        rows = bounded(self.sightings).with_columns(
            pl.col("day").cast(pl.Int32), pl.lit(window_id).alias("window_id")
        )
        # In the order of the key: two windows that bring the same numbers never wait in a circle.
        for some in rows.iter_slices(ROWS_AT_ONCE):
            connection.execute(_insert(connection), some.to_dicts())
        if window_id % self.prune_every == 0:
            prune(connection, window_id, self.today, slice_=window_id // self.prune_every)


class OpenHistory:
    """A history that stays open for many small windows, such as single parcels.

    Whoever asks must be answered soon, so it is not waited for.
    """

    def __init__(self, url: str, *, lock_wait_s: float) -> None:
        """Name it; it is opened when it is first used.

        Raises:
            ConfigError: If `url` cannot be used.
        """
        self._engine = open_database(url, lock_wait_s=lock_wait_s)
        self._is_current = False

    def close(self) -> None:
        """Give the connection back."""
        self._engine.dispose()

    def keep_and_look(self, kept: Kept) -> pl.DataFrame:
        """Write `kept`, then read what windows of other feeds saw of its numbers.

        In this order and in two transactions: of two that come at once, one sees the other.

        Returns:
            Columns as `SIGHTING_SCHEMA`.

        Raises:
            DatabaseError: If the database is away, busy for too long, or of a newer release.
        """

        def work() -> pl.DataFrame:
            if not self._is_current:
                upgrade(self._engine)
                self._is_current = True
            with self._engine.begin() as connection:
                kept.write(connection, None)
            asked = kept.sightings["number"].drop_nulls().unique().sort().to_list()
            with self._engine.begin() as connection:
                return _read(connection, asked, kept.feed)

        return patiently(work, patience_s=0.0)


def history_url(name: str) -> str:
    """The URL of the history that `name` names: a database's URL, or the path of a SQLite file.

    Raises:
        ConfigError: If it is the URL of something else, or no file can be there.
    """
    if "://" in name:
        if name.partition("://")[0].partition("+")[0] not in ("sqlite", "postgresql"):
            raise ConfigError(
                "--history must be a file or a URL like postgresql://user@host/name or"
                f" sqlite:///file, got one of {name.partition('://')[0]}"
            )
        return name
    path = Path(name).absolute()
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"--history must be a file in a folder that is there, got {name}")
    return sqlite_url(path)


def read_history(url: str, numbers: pl.Series, *, feed: str) -> pl.DataFrame:
    """What windows of other feeds than `feed` saw of `numbers`, columns as `SIGHTING_SCHEMA`.

    Of each number the latest sightings alone, `MOST_PER_WINDOW` at most.

    Raises:
        ConfigError: If `url` cannot be used.
        DatabaseError: If the database is away, or is of a newer release.
    """
    asked = numbers.drop_nulls().unique().sort().to_list()
    engine = open_database(url)

    def read() -> pl.DataFrame:
        upgrade(engine)
        with engine.begin() as connection:
            return _read(connection, asked, feed)

    try:
        return patiently(read, patience_s=OPEN_PATIENCE_S)
    finally:
        engine.dispose()


def write_history(url: str, kept: Kept) -> None:
    """Write `kept` in a transaction of its own; twice is as once.

    Raises:
        DatabaseError: If the database stays away or refuses.
    """
    engine = open_database(url)

    def write() -> None:
        with engine.begin() as connection:
            kept.write(connection, None)

    try:
        patiently(write, patience_s=PATIENCE_S)
    finally:
        engine.dispose()


def prune(connection: Connection, window_id: int, today: date, *, slice_: int) -> None:
    """Take the rows out of one slice of the numbers that no later window is told of any more."""
    windows, sightings = HISTORY_WINDOWS.c, HISTORY_SIGHTINGS.c
    keep_days = connection.execute(select(func.max(windows.keep_days))).scalar_one()
    # By the day of their commit: an arrival in the year 2099 must not drive out all others.
    horizon = _number(today - timedelta(days=keep_days))
    oldest = connection.execute(
        select(func.min(windows.window_id)).where(windows.day >= horizon)
    ).scalar()
    if oldest is None:
        return
    low = _LOWEST + slice_ % SLICES * _SLICE
    # A window with a lower number may be committed between these statements, by someone slower.
    late = select(windows.window_id).where(windows.window_id < oldest, windows.day >= horizon)
    connection.execute(
        delete(HISTORY_SIGHTINGS).where(
            sightings.number.between(low, low + _SLICE - 1),
            sightings.window_id < oldest,
            sightings.window_id.not_in(late),
        )
    )
    connection.execute(
        delete(HISTORY_WINDOWS).where(windows.window_id < oldest, windows.day < horizon)
    )


def _read(connection: Connection, numbers: list[int], feed: str) -> pl.DataFrame:
    sightings, windows = HISTORY_SIGHTINGS.c, HISTORY_WINDOWS.c
    own = select(windows.window_id).where(windows.feed == feed)
    told = [sightings[name] for name in SIGHTING_SCHEMA]
    age = func.row_number().over(
        partition_by=sightings.number,
        order_by=[sightings.day.desc(), sightings.facility, sightings.owner_id, sightings.entry],
    )
    latest = (
        select(*told, age.label("age"))
        .where(
            sightings.number.in_(bindparam("numbers", expanding=True)),
            sightings.window_id.not_in(own),
        )
        .subquery()
    )
    query = select(*(latest.c[name] for name in SIGHTING_SCHEMA)).where(
        latest.c.age <= MOST_PER_WINDOW
    )
    rows = [
        tuple(row)
        for begin in range(0, len(numbers), ROWS_AT_ONCE)
        for row in connection.execute(query, {"numbers": numbers[begin : begin + ROWS_AT_ONCE]})
    ]
    stored = pl.Schema(SIGHTING_SCHEMA | {"day": pl.Int32()})
    return (
        pl.DataFrame(rows, schema=stored, orient="row").cast(SIGHTING_SCHEMA).sort(*SIGHTING_SCHEMA)
    )


def _insert(connection: Connection) -> Executable:
    if connection.dialect.name == "postgresql":
        return postgresql_insert(HISTORY_SIGHTINGS).on_conflict_do_nothing()
    return sqlite_insert(HISTORY_SIGHTINGS).on_conflict_do_nothing()


def _number(day: date) -> int:
    return (day - _EPOCH).days
