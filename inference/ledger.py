"""The ledger: which shards of a run are done, and which files count.

One transaction writes all sinks of a shard, its parts and its row. Before that row nothing is done,
whatever lies in the folder; after it the shard is done, whoever asks.
"""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeVar

from sqlalchemy import Connection, Engine, delete, select

from parcelscope.datasets.errors import RunError
from parcelscope.inference import ledger_tables as tables
from parcelscope.inference.database import (
    OPEN_PATIENCE_S,
    PATIENCE_S,
    insert_new,
    open_database,
    patiently,
    upgrade,
)
from parcelscope.inference.shards import PartFile
from parcelscope.inference.sinks import Sink

Shard = TypeVar("Shard")
Stage = Literal["score", "screen"]
"""What is done with a shard of owners, then once with the whole window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """A run as the database knows it."""

    run_id: str
    fingerprint: str
    feed: str
    created: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A shard that is done."""

    stage: Stage
    shard: int
    digest: str
    """What it was planned to be; see `ShardSpec.digest`."""
    owners: int
    parts: tuple[PartFile, ...] = ()
    """In the order of their names."""


class Ledger:
    """The ledger of one run. Safe to be used by several threads, processes and machines."""

    def __init__(self, engine: Engine, run: RunRow, *, patience_s: float = PATIENCE_S) -> None:
        """See `open_ledger`."""
        self.run = run
        self._engine = engine
        self._patience_s = patience_s

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def done(self, stage: Stage) -> dict[int, Done]:
        """The shards of `stage` that are done, by index, in order."""

        def read() -> dict[int, Done]:
            with self._engine.begin() as connection:
                return _read(connection, self.run.run_id, stage)

        return patiently(read, patience_s=self._patience_s)

    def commit(self, done: Done, shard: Shard, sinks: Sequence[Sink[Shard]]) -> bool:
        """Write `shard` to all `sinks` and say that it is `done`, or nothing of it at all.

        Whoever comes second with the same shard changes nothing. A commit of which the answer was
        lost with the connection is made again, and found to be there.

        Returns:
            Whether it was new.

        Raises:
            DatabaseError: If the database stays away or refuses.
            RunError: If the shard was done before with other results.
        """

        def write() -> bool:
            with self._engine.begin() as connection:
                if not insert_new(connection, tables.LEDGER, self._row(done)):
                    self._require_same(connection, done)
                    return False
                for part in done.parts:
                    connection.execute(tables.PARTS.insert().values(self._part_row(done, part)))
                for sink in sinks:
                    sink.write(connection, shard)
                return True

        return patiently(write, patience_s=self._patience_s)

    def forget(self) -> None:
        """Delete all rows of this run that `inference` and `pipelines` wrote, and no other."""

        def write() -> None:
            with self._engine.begin() as connection:
                for table in reversed(tables.METADATA.sorted_tables):
                    connection.execute(delete(table).where(table.c.run_id == self.run.run_id))

        patiently(write, patience_s=self._patience_s)

    def _row(self, done: Done) -> dict[str, object]:
        return {
            "run_id": self.run.run_id,
            "stage": done.stage,
            "shard": done.shard,
            "digest": done.digest,
            "owners": done.owners,
            "committed": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "worker": f"{platform.node()}:{os.getpid()}",
        }

    def _part_row(self, done: Done, part: PartFile) -> dict[str, object]:
        return {
            "run_id": self.run.run_id,
            "file": part.file,
            "stage": done.stage,
            "shard": done.shard,
            "table_name": part.table,
            "rows": part.rows,
            "size_bytes": part.size_bytes,
            "sha256": part.sha256,
        }

    def _require_same(self, connection: Connection, done: Done) -> None:
        before = _read(connection, self.run.run_id, done.stage)[done.shard]
        if (before.digest, before.owners, before.parts) != (done.digest, done.owners, done.parts):
            raise RunError(
                f"{done.stage} {done.shard}: two workers came to different results, so the run"
                " cannot be trusted; start over with --fresh, and report it"
            )


def open_ledger(url: str, run: RunRow, *, patience_s: float = PATIENCE_S) -> Ledger:
    """The ledger of `run` in the database at `url`, whose tables are made or brought up to date.

    Raises:
        ConfigError: If `url` cannot be used.
        DatabaseError: If the database is away, or is of a newer release.
    """
    engine = open_database(url)

    def prepare() -> None:
        upgrade(engine)
        with engine.begin() as connection:
            insert_new(connection, tables.RUNS, _fields(run))

    patiently(prepare, patience_s=min(patience_s, OPEN_PATIENCE_S))
    return Ledger(engine, run, patience_s=patience_s)


def reach_database(url: str) -> None:
    """Make or bring up to date the tables of the database at `url`, before a run counts on it.

    Raises:
        ConfigError: If `url` cannot be used.
        DatabaseError: If the database is away, or is of a newer release.
    """
    engine = open_database(url)
    try:
        patiently(lambda: upgrade(engine), patience_s=OPEN_PATIENCE_S)
    finally:
        engine.dispose()


def _fields(run: RunRow) -> Mapping[str, str]:
    return {
        "run_id": run.run_id,
        "fingerprint": run.fingerprint,
        "feed": run.feed,
        "created": run.created,
    }


def _read(connection: Connection, run_id: str, stage: Stage) -> dict[int, Done]:
    """The shards of one stage of one run, by index, in order."""
    ledger, parts = tables.LEDGER, tables.PARTS
    by_shard: dict[int, list[PartFile]] = {}
    of_stage = (parts.c.run_id == run_id) & (parts.c.stage == stage)
    for row in connection.execute(select(parts).where(of_stage).order_by(parts.c.file)):
        by_shard.setdefault(row.shard, []).append(
            PartFile(
                table=row.table_name,
                file=row.file,
                rows=row.rows,
                size_bytes=row.size_bytes,
                sha256=row.sha256,
            )
        )
    here = (ledger.c.run_id == run_id) & (ledger.c.stage == stage)
    return {
        row.shard: Done(
            stage=stage,
            shard=row.shard,
            digest=row.digest,
            owners=row.owners,
            parts=tuple(by_shard.get(row.shard, ())),
        )
        for row in connection.execute(select(ledger).where(here).order_by(ledger.c.shard))
    }
