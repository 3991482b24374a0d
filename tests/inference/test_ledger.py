"""The ledger: a shard is done once, with all that belongs to it or with nothing."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    inspect,
    select,
    text,
)
from tests.inference.postgres_server import Server, postgres_server

from parcelscope.datasets.errors import ConfigError, RunError
from parcelscope.inference.database import (
    HEAD,
    MIGRATIONS,
    DatabaseError,
    open_database,
    sqlite_url,
    upgrade,
    upsert,
    without_password,
)
from parcelscope.inference.ledger import Done, Ledger, RunRow, open_ledger
from parcelscope.inference.ledger_tables import METADATA, RUNS
from parcelscope.inference.shards import PartFile

RUN = RunRow(run_id="r1", fingerprint="f" * 64, feed="feed", created="2026-01-01T00:00:00+00:00")
PART = PartFile(
    table="findings", file="findings/part-00000.parquet", rows=3, size_bytes=9, sha256="a"
)
DONE = Done(stage="score", shard=0, digest="d", owners=2, parts=(PART,))
CASES = Table(
    "cases",
    MetaData(),
    Column("owner_id", String, primary_key=True),
    Column("score", Integer),
    Column("decision", Text),
)


@dataclass(frozen=True)
class Cases:
    """A sink that keeps a score beside what an analyst decided."""

    fails: bool = False

    def write(self, connection: Connection, shard: dict[str, int]) -> None:
        rows = [{"owner_id": owner, "score": score} for owner, score in shard.items()]
        upsert(connection, CASES, rows, update=["score"])
        if self.fails:
            raise RunError("the sink gave up")


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return sqlite_url(tmp_path / "ledger.sqlite")
    server: Server = request.getfixturevalue("server")
    name = "".join(char if char.isalnum() else "_" for char in request.node.name.lower())
    return server.new_database(name)


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    opened = open_ledger(url, RUN, patience_s=5)
    engine = open_database(url)
    with engine.begin() as connection:
        CASES.create(connection)
    engine.dispose()
    yield opened
    opened.close()


def rows(url: str, table: Table) -> list[tuple[object, ...]]:
    engine = open_database(url)
    with engine.begin() as connection:
        found = [tuple(row) for row in connection.execute(select(table))]
    engine.dispose()
    return sorted(found, key=str)


def test_nothing_is_done_in_an_empty_ledger(ledger: Ledger) -> None:
    assert ledger.done("score") == {}


def test_a_shard_is_done_with_its_parts_and_its_sinks(ledger: Ledger, url: str) -> None:
    assert ledger.commit(DONE, {"P1": 1, "P2": 2}, [Cases()])
    assert ledger.done("score") == {0: DONE}
    assert ledger.done("screen") == {}
    assert rows(url, CASES) == [("P1", 1, None), ("P2", 2, None)]


def test_a_shard_whose_sink_fails_leaves_nothing(ledger: Ledger, url: str) -> None:
    with pytest.raises(RunError, match="gave up"):
        ledger.commit(DONE, {"P1": 1}, [Cases(), Cases(fails=True)])
    assert ledger.done("score") == {}
    assert rows(url, CASES) == []


def test_whoever_comes_second_changes_nothing(ledger: Ledger, url: str) -> None:
    assert ledger.commit(DONE, {"P1": 1}, [Cases()])
    assert not ledger.commit(DONE, {"P1": 7}, [Cases()])
    assert rows(url, CASES) == [("P1", 1, None)]


def test_two_different_results_for_one_shard_are_an_error(ledger: Ledger) -> None:
    ledger.commit(DONE, {}, [])
    other = replace(DONE, parts=(replace(PART, sha256="b"),))
    with pytest.raises(RunError, match="score 0: two workers came to different results"):
        ledger.commit(other, {}, [])


def test_many_threads_commit_a_shard_once(ledger: Ledger, url: str) -> None:
    new: list[bool] = []
    threads = [
        threading.Thread(target=lambda: new.append(ledger.commit(DONE, {"P1": 1}, [Cases()])))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(new) == [False, False, False, True]
    assert ledger.done("score") == {0: DONE}


def test_a_new_score_never_touches_what_an_analyst_decided(ledger: Ledger, url: str) -> None:
    ledger.commit(DONE, {"P1": 1}, [Cases()])
    engine = open_database(url)
    with engine.begin() as connection:
        connection.execute(CASES.update().values(decision="released"))
    engine.dispose()
    ledger.commit(replace(DONE, shard=1, parts=()), {"P1": 5}, [Cases()])
    assert rows(url, CASES) == [("P1", 5, "released")]


def test_a_run_is_forgotten_and_no_other(ledger: Ledger, url: str) -> None:
    other = open_ledger(url, replace(RUN, run_id="r2"))
    for one in (ledger, other):
        one.commit(DONE, {"P1": 1}, [Cases()])
    ledger.forget()
    assert ledger.done("score") == {}
    assert other.done("score") == {0: DONE}
    assert [row[0] for row in rows(url, RUNS)] == ["r2"]
    assert rows(url, CASES) == [("P1", 1, None)]
    other.close()


def test_the_migrations_make_the_tables_that_the_code_uses(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    with engine.begin() as connection:
        made = inspect(connection)
        for table in METADATA.sorted_tables:
            columns = {
                column["name"]: (column["nullable"], str(column["type"]).split("(")[0])
                for column in made.get_columns(table.name)
            }
            told = {
                column.name: (
                    column.nullable,
                    str(column.type.compile(connection.dialect)).split("(")[0],
                )
                for column in table.columns
            }
            assert columns == told
            assert made.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key
            ]
    engine.dispose()


def test_an_older_database_is_brought_up_to_date_and_keeps_its_rows(url: str) -> None:
    from alembic import command
    from alembic.config import Config

    engine = open_database(url)
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(RUNS.insert().values(**vars_of(RUN)))
    upgrade(engine)
    with engine.begin() as connection:
        assert inspect(connection).has_table("assessments")
        assert [row.run_id for row in connection.execute(select(RUNS))] == ["r1"]
    engine.dispose()


def vars_of(run: RunRow) -> dict[str, str]:
    return {name: getattr(run, name) for name in ("run_id", "fingerprint", "feed", "created")}


def test_a_database_of_a_newer_release_is_refused(url: str) -> None:
    engine = open_database(url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE ledger_version SET version_num = '9999'"))
    with pytest.raises(DatabaseError, match="expected tables of this release of parcelscope or an"):
        upgrade(engine)
    engine.dispose()


def test_the_newest_migration_is_the_one_that_the_code_names() -> None:
    names = sorted(path.name for path in (MIGRATIONS / "versions").glob("v*.py"))
    assert names[-1].startswith(f"v{HEAD}_")


def test_many_open_an_empty_database_at_once(url: str) -> None:
    failed: list[BaseException] = []

    def open_it() -> None:
        try:
            open_ledger(url, RUN).close()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert [row[0] for row in rows(url, RUNS)] == ["r1"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        pytest.param("mysql://host/name", "must be a PostgreSQL or SQLite URL", id="mysql"),
        pytest.param("user:secret@host", "must be a URL like .* got 'host'", id="no url"),
    ],
)
def test_other_databases_are_refused_without_their_password(url: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        open_database(url)
    assert "secret" not in str(caught.value)


def test_a_password_is_never_shown() -> None:
    assert without_password("postgresql://me:secret@host/name") == "postgresql://me:***@host/name"


def test_a_file_that_is_no_database_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"<html>not found</html>" * 100)
    with pytest.raises(DatabaseError, match="the database of the run: file is not a database"):
        open_ledger(sqlite_url(tmp_path / "ledger.sqlite"), RUN)


def test_a_server_that_goes_away_and_comes_back_is_waited_for(server: Server) -> None:
    url = server.new_database("away")
    ledger = open_ledger(url, RUN, patience_s=60)
    server.stop()
    timer = threading.Timer(1.0, server.start)
    timer.start()
    try:
        began = time.monotonic()
        assert ledger.commit(DONE, {}, [])
        assert time.monotonic() - began > 0.5
    finally:
        timer.join()
    assert ledger.done("score") == {0: DONE}
    ledger.close()


def test_a_server_that_stays_away_is_one_sentence(server: Server) -> None:
    url = server.new_database("gone")
    ledger = open_ledger(url, RUN, patience_s=0.3)
    server.stop()
    try:
        with pytest.raises(DatabaseError, match="the database of the run: "):
            ledger.commit(DONE, {}, [])
    finally:
        server.start()
    ledger.close()
