"""The review database: made once, brought up to date with a copy kept, never rebuilt."""

import os
import re
import sqlite3
import stat
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text
from tests.inference.postgres_server import Server, postgres_server

from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.database import DatabaseError, sqlite_url
from parcelscope.inference.ledger import RunRow, open_ledger
from parcelscope.review.database import (
    HEAD,
    MIGRATIONS,
    connect,
    open_as_it_is,
    open_review,
    reading,
    review_url,
    writing,
)
from parcelscope.review.events import append
from parcelscope.review.tables import METADATA


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "review.sqlite")
    server: Server = request.getfixturevalue("server")
    name = "".join(char if char.isalnum() else "_" for char in request.node.name.lower())
    return server.new_database(name[:60])


def migrate(engine: Engine, to: str) -> None:
    """Bring `engine` to an older version than this release's."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)


def old(url: str) -> None:
    """Make a database of the first version, with one saved view."""
    engine = connect(url)
    migrate(engine, "0001")
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO review_views VALUES ('v', 'ana', 'mine', '{}')"))
    engine.dispose()


def views(path: Path) -> list[tuple[str]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute("SELECT name FROM review_views").fetchall()


def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    engine = open_review(url)
    with reading(engine) as connection:
        made = inspect(connection)
        names = {name for name in made.get_table_names() if name.startswith("review_")}
        assert names - {"review_version"} == {table.name for table in METADATA.sorted_tables}
        for table in METADATA.sorted_tables:
            columns = {
                column["name"]: (column["nullable"], str(column["type"]))
                for column in made.get_columns(table.name)
            }
            told = {
                column.name: (column.nullable, str(column.type.compile(connection.dialect)))
                for column in table.columns
            }
            assert columns == told, table.name
            assert made.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key
            ]
            indexes = {
                one["name"]: one["column_names"]
                for one in made.get_indexes(table.name)
                if not one.get("duplicates_constraint")
            }
            assert indexes == {
                one.name: [column.name for column in one.columns] for one in table.indexes
            }
    engine.dispose()


def test_the_newest_migration_is_the_one_that_the_code_names() -> None:
    names = sorted(path.name for path in (MIGRATIONS / "versions").glob("v*.py"))
    assert names[-1].startswith(f"v{HEAD}_")


def test_every_migration_goes_back_as_well(url: str) -> None:
    engine = open_review(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with reading(engine) as connection:
        assert [name for name in inspect(connection).get_table_names() if "review" in name] == [
            "review_version"
        ]
    migrate(engine, "head")
    engine.dispose()


def test_opening_again_changes_nothing(url: str, tmp_path: Path) -> None:
    open_review(url).dispose()
    before = sorted(tmp_path.iterdir())
    open_review(url).dispose()
    assert sorted(tmp_path.iterdir()) == before


def test_an_older_database_is_brought_up_to_date_and_keeps_its_rows(url: str) -> None:
    old(url)
    engine = open_review(url)
    with reading(engine) as connection:
        assert inspect(connection).has_table("review_users")
        assert connection.execute(text("SELECT name FROM review_views")).scalars().all() == ["mine"]
    engine.dispose()


def test_an_older_file_is_copied_first(tmp_path: Path) -> None:
    path = tmp_path / "review.sqlite"
    old(sqlite_url(path))
    open_review(sqlite_url(path)).dispose()
    copy = tmp_path / f"review.sqlite.before-{HEAD}.bak"
    assert views(copy) == [("mine",)]
    with closing(sqlite3.connect(copy)) as connection:
        assert connection.execute("SELECT * FROM review_version").fetchall() == [("0001",)]


def test_what_is_only_in_the_write_ahead_log_is_copied_too(tmp_path: Path) -> None:
    path = tmp_path / "review.sqlite"
    old(sqlite_url(path))
    with closing(sqlite3.connect(path)) as open_elsewhere:
        open_elsewhere.execute("INSERT INTO review_views VALUES ('w', 'bo', 'his', '{}')")
        open_elsewhere.commit()
        assert (tmp_path / "review.sqlite-wal").stat().st_size > 0
        open_review(sqlite_url(path)).dispose()
    assert views(tmp_path / f"review.sqlite.before-{HEAD}.bak") == [("mine",), ("his",)]


def test_no_copy_replaces_another(tmp_path: Path) -> None:
    path = tmp_path / "review.sqlite"
    first = tmp_path / f"review.sqlite.before-{HEAD}.bak"
    first.write_bytes(b"an older copy")
    old(sqlite_url(path))
    open_review(sqlite_url(path)).dispose()
    assert first.read_bytes() == b"an older copy"
    assert views(tmp_path / f"review.sqlite.before-{HEAD}.2.bak") == [("mine",)]


def test_a_database_of_a_newer_release_is_refused_and_left_alone(url: str, tmp_path: Path) -> None:
    engine = open_review(url)
    with writing(engine) as connection:
        connection.execute(text("UPDATE review_version SET version_num = '9999'"))
    engine.dispose()
    for attempt in (open_review, open_as_it_is):
        with pytest.raises(DatabaseError, match=r"expected a review database of .* got .*9999"):
            attempt(url)
    assert not list(tmp_path.glob("*.bak"))


def test_whoever_only_reads_makes_and_upgrades_nothing(url: str, tmp_path: Path) -> None:
    if url.startswith("sqlite"):
        with pytest.raises(ConfigError, match=r"review\.sqlite: expected a review database, got"):
            open_as_it_is(url)
        assert list(tmp_path.iterdir()) == []
    old(url)
    with pytest.raises(DatabaseError, match=f"of version {HEAD}, got 0001; `parcelscope review`"):
        open_as_it_is(url)


def test_many_open_an_old_database_at_once(url: str, tmp_path: Path) -> None:
    old(url)
    failed: list[BaseException] = []

    def open_it() -> None:
        try:
            open_review(url).dispose()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(list(tmp_path.glob("*.bak"))) == (1 if url.startswith("sqlite") else 0)


def test_runs_and_reviews_live_in_one_database(url: str) -> None:
    run = RunRow(run_id="r1", fingerprint="f", feed="feed", created="2026-01-01T00:00:00+00:00")
    open_review(url).dispose()
    open_ledger(url, run).close()
    engine = open_review(url)
    with reading(engine) as connection:
        assert {"runs", "review_items"} <= set(inspect(connection).get_table_names())
    engine.dispose()


def test_a_new_file_is_for_nobody_else_to_read(tmp_path: Path) -> None:
    path = tmp_path / "review.sqlite"
    open_review(sqlite_url(path)).dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_readers_do_not_wait_for_a_writer(url: str) -> None:
    engine = open_review(url)
    with writing(engine) as writer:
        writer.execute(text("INSERT INTO review_views VALUES ('v', 'ana', 'mine', '{}')"))
        with reading(engine) as reader:
            assert reader.execute(text("SELECT count(*) FROM review_views")).scalar() == 0
    engine.dispose()


def test_a_reader_sees_one_moment_throughout(url: str) -> None:
    engine = open_review(url)
    count = text("SELECT count(*) FROM review_views")
    with reading(engine) as reader:
        assert reader.execute(count).scalar() == 0
        with writing(engine) as writer:
            writer.execute(text("INSERT INTO review_views VALUES ('v', 'ana', 'mine', '{}')"))
        assert reader.execute(count).scalar() == 0
    with reading(engine) as reader:
        assert reader.execute(count).scalar() == 1
    engine.dispose()


def test_a_decision_is_on_the_disk_before_it_is_answered(tmp_path: Path) -> None:
    engine = open_review(sqlite_url(tmp_path / "review.sqlite"))
    with writing(engine) as connection:
        assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert connection.execute(text("PRAGMA synchronous")).scalar() == 2
    engine.dispose()


def test_whoever_falls_silent_in_the_middle_lets_go_of_the_log(server: Server) -> None:
    engine = open_review(server.new_database("silent"))
    with engine.connect() as silent:
        assert silent.execute(text("SHOW idle_in_transaction_session_timeout")).scalar() == "1min"
        append(silent, who="ana", kind="note", body={})
        silent.execute(text("SET idle_in_transaction_session_timeout = 100"))
        with writing(engine) as connection:
            assert append(connection, who="bo", kind="note", body={}).seq == 1
        silent.invalidate()
    engine.dispose()


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "review.sqlite").write_bytes(b"<html>not found</html>" * 100)
    for attempt in (open_review, open_as_it_is):
        with pytest.raises(DatabaseError, match="file is not a database"):
            attempt(sqlite_url(tmp_path / "review.sqlite"))


def test_a_server_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(DatabaseError, match="refused"):
        open_review("postgresql://me:secret@127.0.0.1:9/x", patience_s=0)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("mysql://host/x", "must be a file or a URL .* got one of mysql", id="mysql"),
        pytest.param("nowhere/review.sqlite", "a folder that is there", id="no folder"),
        pytest.param("", "must be a file", id="empty"),
    ],
)
def test_names_that_name_no_database(
    name: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=says):
        review_url(name)


def test_the_database_lies_beside_the_runs_if_nobody_says_otherwise(tmp_path: Path) -> None:
    assert review_url(None, runs=tmp_path) == sqlite_url(tmp_path / "review.sqlite")
    assert review_url("sqlite:///x.db") == "sqlite:///x.db"
    found = review_url(str(tmp_path / "mine.db"))
    assert re.fullmatch(r"sqlite:///.*/mine\.db", found)
    assert os.fspath(tmp_path) in found
