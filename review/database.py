"""The review database: one for many runs, since decisions outlive the folder of a run.

A SQLite file beside the run folders by default; PostgreSQL where several machines ask.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event, inspect, text

from parcelscope.datasets.errors import ConfigError, ParcelscopeError
from parcelscope.inference.database import (
    OPEN_PATIENCE_S,
    READS_ONLY,
    DatabaseError,
    open_database,
    patiently,
    sqlite_url,
    without_password,
)
from parcelscope.review.turns import Turns

MIGRATIONS: Final = Path(__file__).parent / "migrations"
VERSION_TABLE: Final = "review_version"
HEAD: Final = "0006"
"""The newest migration; a test holds it against the folder."""
FILE_NAME: Final = "review.sqlite"
_UPGRADE_LOCK: Final = 7_206_115_044
_MIGRATING: Final = threading.Lock()
"""Alembic keeps what it works on in one place for all threads."""
_WRITERS: Final[WeakKeyDictionary[Engine, Turns]] = WeakKeyDictionary()
POSTGRESQL_WRITERS: Final = 10
"""Threads of one process that write at once; five connections of the pool are left to readers."""


def review_url(name: str | None, *, runs: Path = Path("runs")) -> str:
    """The URL of the review database that `name` names: a URL, or the path of a SQLite file.

    Args:
        name: What the user gave, if anything.
        runs: Folder of the run folders; the file lies there if `name` is None.

    Raises:
        ConfigError: If it is the URL of something else, or no file can be there.
    """
    if name is not None and "://" in name:
        if name.partition("://")[0].partition("+")[0] not in ("sqlite", "postgresql"):
            raise ConfigError(
                "--database must be a file or a URL like postgresql://user@host/name or"
                f" sqlite:///file, got one of {name.partition('://')[0]}"
            )
        return name
    path = (runs / FILE_NAME if name is None else Path(name)).absolute()
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"--database must be a file in a folder that is there, got {path}")
    return sqlite_url(path)


def open_review(url: str, *, patience_s: float = OPEN_PATIENCE_S) -> Engine:
    """The review database at `url`, made or brought up to date.

    An older SQLite file is copied to `NAME.before-<version>.bak` first.

    Args:
        url: As `review_url` gives it.
        patience_s: How long a server that does not answer is waited for.

    Raises:
        ConfigError: If `url` names no SQLite or PostgreSQL.
        DatabaseError: If the tables were made by a newer release, or the database is away.
    """
    engine = connect(url)
    path = sqlite_path(engine)
    if path is not None and not path.exists():
        # Names and addresses of senders: for nobody else on this machine to read.
        path.touch(mode=0o600)
    try:
        patiently(lambda: upgrade(engine), patience_s=patience_s, of="review")
    except ParcelscopeError:
        engine.dispose()
        raise
    return engine


def open_as_it_is(url: str, *, patience_s: float = OPEN_PATIENCE_S) -> Engine:
    """The review database at `url`, which must be there and of this release.

    Raises:
        ConfigError: If `url` names no SQLite or PostgreSQL, or there is no such file.
        DatabaseError: If it holds no review, or that of another release, or is away.
    """
    engine = connect(url)
    path = sqlite_path(engine)
    shown = without_password(url) if path is None else str(path)
    if path is not None and not path.is_file():
        raise ConfigError(f"{shown}: expected a review database, got no such file")
    try:
        found = patiently(lambda: _found(engine), patience_s=patience_s, of="review")
    except DatabaseError:
        engine.dispose()
        raise
    if found != HEAD:
        engine.dispose()
        raise DatabaseError(
            f"{shown}: expected a review database of version {HEAD}, got"
            f" {'none' if found is None else found}; `parcelscope review` brings older ones up to"
            " date"
        )
    return engine


def connect(url: str) -> Engine:
    """An engine for `url`; connects only when it is used, and makes nothing."""
    engine = open_database(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _write_ahead)
        _WRITERS[engine] = Turns(1)
        return engine
    event.listen(engine, "connect", _let_go)
    # Each statement must see what others committed while it waited for them.
    engine = engine.execution_options(isolation_level="READ COMMITTED")
    _WRITERS[engine] = Turns(POSTGRESQL_WRITERS)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that changes something; commits at the end, or undoes all of it.

    The threads of this process line up here, and not for SQLite's one writer, where each sleeps for
    longer and longer and may sleep through its turn, nor for a connection, where none is in a line.
    """
    turns = _WRITERS.get(engine)
    with nullcontext() if turns is None else turns.turn(), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that changes nothing, waits for no writer, and sees one moment throughout."""
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection.execution_options(**{READS_ONLY: True})


def upgrade(engine: Engine) -> None:
    """Bring the tables up to date: those of an older release are changed, their rows kept.

    Raises:
        DatabaseError: If the tables were made by a newer release.
    """
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _UPGRADE_LOCK})
        found = _version(connection)
        if found == HEAD:
            return
        # Only here: Alembic takes long to import.
        from alembic import command
        from alembic.config import Config
        from alembic.script import ScriptDirectory
        from alembic.util import CommandError

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        known = [one.revision for one in ScriptDirectory.from_config(config).walk_revisions()]
        if found is not None and found not in known:
            raise DatabaseError(
                f"{without_password(str(engine.url))}: expected a review database of this release"
                f" of parcelscope or an older one, got version {found}; this release knows {HEAD}"
            )
        path = sqlite_path(engine)
        if found is not None and path is not None:
            # While this transaction keeps all others from writing, and has written nothing itself.
            _copy(path, HEAD)
        try:
            with _MIGRATING:
                command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseError(f"{without_password(str(engine.url))}: {error}") from None


def sqlite_path(engine: Engine) -> Path | None:
    """The file of `engine`, or None where it is a server or in memory."""
    name = engine.url.database
    if engine.dialect.name != "sqlite" or not name or name == ":memory:":
        return None
    return Path(name)


def _copy(path: Path, version: str) -> Path:
    """Copy the database at `path` beside it, whatever still is in its write-ahead log included."""
    backup = path.with_name(f"{path.name}.before-{version}.bak")
    number = 1
    while backup.exists():
        number += 1
        backup = path.with_name(f"{path.name}.before-{version}.{number}.bak")
    backup.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as copy:
        source.backup(copy)
    return backup


def _found(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return _version(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def _let_go(connection: Any, _: object) -> None:
    # Whoever holds the log and is not heard of any more, as when a cable is pulled, lets go of it.
    connection.execute("SET idle_in_transaction_session_timeout = '60s'")
    connection.commit()


def _write_ahead(connection: sqlite3.Connection, _: object) -> None:
    # Readers go on while somebody writes; a decision is on the disk before it is answered.
    connection.execute("PRAGMA journal_mode = WAL").close()
    connection.execute("PRAGMA synchronous = FULL").close()
