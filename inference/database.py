"""The database of a run: opened, brought up to date, and waited for where it is gone for a while.

SQLite in the run folder by default; PostgreSQL where several machines work on one run.
"""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from parcelscope.datasets.errors import ConfigError, RunError

log = logging.getLogger(__name__)
T = TypeVar("T")

MIGRATIONS: Final = Path(__file__).parent / "migrations"
VERSION_TABLE: Final = "ledger_version"
"""Not Alembic's own name: other parts of parcelscope keep their tables in the same database."""
HEAD: Final = "0003"
"""The newest migration; a test holds it against the folder."""
PATIENCE_S: Final = 120.0
"""How long a run waits for a database that went away: a restart or a fail-over takes less."""
OPEN_PATIENCE_S: Final = 10.0
"""How long it is waited for at first, when a wrong name or password is as likely."""
LOCK_WAIT_S: Final = 60.0
"""How long a writer to SQLite waits for the others; a commit takes some milliseconds."""
READS_ONLY: Final = "parcelscope_reads_only"
"""Execution option of a connection that changes nothing, and so waits for no writer of SQLite."""
_MIGRATING: Final = threading.Lock()
"""Alembic keeps what it works on in one place for all threads, whatever database each is at."""
_UPGRADE_LOCK: Final = 7_206_115_042
"""Any number that nobody else takes: PostgreSQL locks by number."""


class DatabaseError(RunError):
    """The database of a run cannot be used."""


def sqlite_url(path: Path) -> str:
    """The URL of the SQLite file `path`."""
    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def without_password(url: str) -> str:
    """`url` to be shown and kept."""
    return _parsed(url).render_as_string(hide_password=True)


def open_database(url: str, *, lock_wait_s: float = LOCK_WAIT_S) -> Engine:
    """The database at `url`; connects only when it is used.

    Args:
        url: SQLite or PostgreSQL.
        lock_wait_s: How long a writer to SQLite waits for the others.

    Raises:
        ConfigError: If `url` names no SQLite or PostgreSQL, or its driver is not installed.
    """
    parsed = _parsed(url)
    kind = parsed.get_backend_name()
    if kind == "sqlite":
        engine = create_engine(parsed, connect_args={"timeout": lock_wait_s})
        event.listen(engine, "connect", _begin_ourselves)
        event.listen(engine, "begin", _begin_to_write)
        return engine
    try:
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True)
    except ModuleNotFoundError:
        raise ConfigError(
            "--database names a PostgreSQL server, but psycopg is not installed;"
            " install parcelscope[postgres]"
        ) from None


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date: those of an older release are changed, their rows kept.

    Raises:
        DatabaseError: If the tables were made by a newer release.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Many workers may start at once; the lock goes with the transaction.
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _UPGRADE_LOCK})
        if _version(connection) == HEAD:
            return
        # Only here: Alembic takes longer to import than most runs take to open their database.
        from alembic import command
        from alembic.config import Config
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        try:
            with _MIGRATING:
                command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseError(
                f"{without_password(str(engine.url))}: expected tables of this release of"
                f" parcelscope or an older one, got: {error}"
            ) from None


def insert_new(connection: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert `row` unless its key is there; whether it was inserted."""
    make = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    key = next(iter(table.primary_key.columns))
    statement = make(table).values(**row).on_conflict_do_nothing().returning(key)
    return connection.execute(statement).first() is not None


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Sequence[str],
) -> None:
    """Insert `rows`; of those whose key is there, change the columns `update` and no other.

    So that a new score never touches what people wrote into the same row.
    """
    if not rows:
        return
    make = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    statement = make(table)
    statement = statement.on_conflict_do_update(
        index_elements=list(table.primary_key.columns),
        set_={name: statement.excluded[name] for name in update},
    )
    connection.execute(statement, list(rows))


def patiently(
    work: Callable[[], T],
    *,
    patience_s: float = PATIENCE_S,
    of: str = "run",
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What `work` gives, tried again while the database is away. `work` must bear repetition.

    Args:
        work: What is done with the database.
        patience_s: How long it is waited for.
        of: Whose database it is, for the sentence of an error.
        sleep: How to wait.
        clock: Seconds since anything.

    Raises:
        DatabaseError: If the database stays away for `patience_s`, or refuses.
    """
    began, pause_s = clock(), 0.1
    while True:
        try:
            return work()
        except DBAPIError as error:
            if not is_away(error) or clock() - began + pause_s > patience_s:
                raise DatabaseError(_sentence(error, of)) from None
            log.warning("the database is away, trying again: %s", _sentence(error, of))
        except SQLAlchemyError as error:
            raise DatabaseError(_sentence(error, of)) from None
        sleep(pause_s)
        pause_s = min(2 * pause_s, 5.0)


def is_away(error: DBAPIError) -> bool:
    """Whether the server is gone or starting, so that it may come back."""
    if error.connection_invalidated:
        return True
    # A server that is not there, and one that is just going down or coming up.
    return isinstance(error, OperationalError) and not isinstance(error.orig, sqlite3.Error)


def _version(connection: Connection) -> str | None:
    """The newest migration that was made, or None where there was none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise ConfigError(
            "--database must be a URL like postgresql://user@host/name or sqlite:///file, got"
            f" {url.rpartition('@')[2]!r}"
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(
            f"--database must be a PostgreSQL or SQLite URL, got one of {parsed.get_backend_name()}"
        )
    return parsed


def _begin_ourselves(connection: sqlite3.Connection, _: object) -> None:
    # Python's sqlite3 would commit before a CREATE TABLE, and half a migration would stay.
    connection.isolation_level = None


def _begin_to_write(connection: Connection) -> None:
    # The write lock at once: a reader that turns writer is refused instead of made to wait.
    only_reads = connection.get_execution_options().get(READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if only_reads else "BEGIN IMMEDIATE")


def _sentence(error: SQLAlchemyError, of: str) -> str:
    reason = error.orig if isinstance(error, DBAPIError) else error
    lines = [line.strip() for line in str(reason).splitlines() if line.strip()]
    return f"the database of the {of}: {lines[0] if lines else type(reason).__name__}"
