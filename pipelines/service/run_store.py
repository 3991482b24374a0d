"""The runs that were asked for: a queue that survives the service."""

import json
import secrets
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydantic import BaseModel

from parcelscope.pipelines.service.database import ServiceDatabase

RunState = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: Final = ("done", "failed", "cancelled")
MAX_ATTEMPTS: Final = 3
"""A run whose process dies this often is not tried again."""


class RunStatus(BaseModel, frozen=True, extra="forbid"):
    """One run, as the service knows it."""

    run_id: str
    state: RunState
    feed: str
    """What was asked for: a path or URL, or the name of the uploaded archive."""
    budget: float | None
    """Share of parcels, and of cartons, to flag; that of the configuration if null."""
    seed: int
    submitted_by: str
    created: str
    """UTC, ISO 8601."""
    began: str | None
    ended: str | None
    bundle_folder: str | None
    bundle_digest: str | None
    """SHA-256 of the card of the bundle that scores; it stays the same for the whole run."""
    stage: str | None
    done: int
    total: int
    rate: float | None
    """Parcels and cartons per second."""
    quarantined: int
    attempts: int
    """How often it was started; more than once after a crash or a restart."""
    error: str | None
    counts: dict[str, Any] | None
    """As in `run.json`, once it is done."""

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED


COLUMNS: Final = tuple(RunStatus.model_fields)


class RunStore:
    """The runs of a service."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def submit(
        self,
        *,
        run_id: str,
        feed: str,
        budget: float | None,
        seed: int,
        submitted_by: str,
        request_key: str | None,
        max_queued: int,
    ) -> RunStatus | None:
        """Put a run at the end of the queue; one with the same `request_key` comes back instead.

        None if `max_queued` runs wait already.
        """
        with self._database.transaction() as connection:
            known = self._with_request_key(connection, request_key)
            if known is not None:
                return known
            (queued,) = connection.execute(
                "SELECT count(*) FROM runs WHERE state = 'queued'"
            ).fetchone()
            if queued >= max_queued:
                return None
            connection.execute(
                "INSERT INTO runs (run_id, request_key, state, feed, budget, seed, submitted_by,"
                " created) VALUES (?, ?, 'queued', ?, ?, ?, ?, ?)",
                (run_id, request_key, feed, budget, seed, submitted_by, _now()),
            )
            return _one(connection, run_id)

    def with_request_key(self, request_key: str | None) -> RunStatus | None:
        """The run that was submitted with `request_key`, if any."""
        with self._database.reading() as connection:
            return self._with_request_key(connection, request_key)

    def find(self, run_id: str) -> RunStatus | None:
        """The run, or None."""
        with self._database.reading() as connection:
            row = connection.execute(
                f"SELECT {', '.join(COLUMNS)} FROM runs WHERE run_id = ?", (run_id,)
            ).fetchone()
        return None if row is None else _status(row)

    def newest(self, *, limit: int, state: RunState | None = None) -> list[RunStatus]:
        """The runs, newest first."""
        with self._database.reading() as connection:
            rows = connection.execute(
                f"SELECT {', '.join(COLUMNS)} FROM runs WHERE ? IS NULL OR state = ?"
                " ORDER BY place DESC LIMIT ?",
                (state, state, limit),
            ).fetchall()
        return [_status(row) for row in rows]

    def count_by_state(self) -> dict[str, int]:
        """How many runs there are in each state."""
        with self._database.reading() as connection:
            return dict(
                connection.execute("SELECT state, count(*) FROM runs GROUP BY state").fetchall()
            )

    def take_next(self, *, bundle_folder: str, bundle_digest: str) -> RunStatus | None:
        """The run that waits longest, now running; one that began before keeps its bundle."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT run_id FROM runs WHERE state = 'queued' ORDER BY place LIMIT 1"
            ).fetchone()
            if row is None:
                return None
            connection.execute(
                "UPDATE runs SET state = 'running', attempts = attempts + 1,"
                " began = coalesce(began, ?), bundle_folder = coalesce(bundle_folder, ?),"
                " bundle_digest = coalesce(bundle_digest, ?) WHERE run_id = ?",
                (_now(), bundle_folder, bundle_digest, row["run_id"]),
            )
            return _one(connection, row["run_id"])

    def progress(
        self,
        run_id: str,
        *,
        stage: str,
        done: int,
        total: int,
        rate: float | None,
        quarantined: int,
    ) -> None:
        """Note how far the run is."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET stage = ?, done = ?, total = ?, rate = ?, quarantined = ?"
                " WHERE run_id = ?",
                (stage, done, total, rate, quarantined, run_id),
            )

    def end(
        self,
        run_id: str,
        state: Literal["done", "failed", "cancelled"],
        *,
        error: str | None = None,
        counts: dict[str, Any] | None = None,
    ) -> None:
        """Note what became of the run."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET state = ?, ended = ?, error = ?, counts = ?, rate = NULL"
                " WHERE run_id = ?",
                (state, _now(), error, None if counts is None else json.dumps(counts), run_id),
            )

    def put_back(self, run_id: str, *, attempted: bool) -> None:
        """Queue the run again at its old place; an attempt that we ended is not counted."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE runs SET state = 'queued', rate = NULL, attempts = attempts - ?"
                " WHERE run_id = ?",
                (0 if attempted else 1, run_id),
            )

    def put_back_running(self) -> Sequence[str]:
        """Queue again what a service that is gone left running; its ids.

        Whoever pulled the plug on the service meant no run, so that is no attempt of the run.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                "UPDATE runs SET state = 'queued', rate = NULL, attempts = attempts - 1"
                " WHERE state = 'running' RETURNING run_id"
            ).fetchall()
        return [row["run_id"] for row in rows]

    def cancel_queued(self, run_id: str) -> bool:
        """Cancel the run if it waits; whether it did."""
        with self._database.transaction() as connection:
            done = connection.execute(
                "UPDATE runs SET state = 'cancelled', ended = ?"
                " WHERE run_id = ? AND state = 'queued'",
                (_now(), run_id),
            )
            return done.rowcount == 1

    def forget(self, run_id: str) -> None:
        """Strike the run from the list."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM runs WHERE run_id = ?", (run_id,))

    @staticmethod
    def _with_request_key(
        connection: sqlite3.Connection, request_key: str | None
    ) -> RunStatus | None:
        row = connection.execute(
            "SELECT run_id FROM runs WHERE request_key = ?", (request_key,)
        ).fetchone()
        return None if row is None else _one(connection, row["run_id"])


def new_run_id() -> str:
    """An id that sorts by time: `20261122T124500Z-1f09ab`."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"


def _one(connection: sqlite3.Connection, run_id: str) -> RunStatus:
    return _status(
        connection.execute(
            f"SELECT {', '.join(COLUMNS)} FROM runs WHERE run_id = ?", (run_id,)
        ).fetchone()
    )


def _status(row: sqlite3.Row) -> RunStatus:
    values = dict(row)
    values["counts"] = None if values["counts"] is None else json.loads(values["counts"])
    return RunStatus.model_validate(values)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
