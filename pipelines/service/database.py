"""The service's own memory: one SQLite file with its keys and its queue of runs."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from parcelscope.datasets.errors import ConfigError

FILE: Final = "service.sqlite"
VERSION: Final = 1
SCHEMA: Final = """
CREATE TABLE api_keys (
    key_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    secret_sha256 TEXT NOT NULL,
    created TEXT NOT NULL,
    revoked TEXT
);
CREATE TABLE runs (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT NOT NULL UNIQUE,
    request_key TEXT UNIQUE,
    state TEXT NOT NULL,
    feed TEXT NOT NULL,
    budget REAL,
    seed INTEGER NOT NULL,
    submitted_by TEXT NOT NULL,
    created TEXT NOT NULL,
    began TEXT,
    ended TEXT,
    bundle_folder TEXT,
    bundle_digest TEXT,
    stage TEXT,
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    rate REAL,
    quarantined INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    error TEXT,
    counts TEXT
);
CREATE INDEX runs_by_state ON runs (state, place);
"""


@dataclass(frozen=True, slots=True)
class ServiceDatabase:
    """The file, opened anew for each transaction, so that any thread or process may use it."""

    path: Path

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection to read with; it waits for no writer."""
        with closing(sqlite3.connect(self.path, timeout=10, isolation_level=None)) as connection:
            connection.row_factory = sqlite3.Row
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection that commits at the end of the block, or rolls back if it fails."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")


def open_database(home: Path) -> ServiceDatabase:
    """The database in `home`, made if it is not there.

    Raises:
        ConfigError: If the folder cannot be written, or the file is none of ours or a newer one.
    """
    path = home / FILE
    try:
        home.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path, timeout=10)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        path.chmod(0o600)  # hashes of keys, names of feeds
        database = ServiceDatabase(path)
        with database.transaction() as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            if version == 0:
                for statement in SCHEMA.split(";\n"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
    except OSError as error:
        raise ConfigError(
            f"{home}: expected a folder that the service can write, got: {error.strerror}"
        ) from None
    except sqlite3.Error as error:
        raise ConfigError(f"{path}: expected the database of the service, got: {error}") from None
    if version > VERSION:
        raise ConfigError(
            f"{path}: expected version {VERSION} of the service's database, got {version};"
            " it was written by a newer parcelscope"
        )
    return database
