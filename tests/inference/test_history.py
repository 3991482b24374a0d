"""The history: what earlier windows saw, each sighting once, and not for ever."""

import threading
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import event, func, inspect, select
from tests.inference.postgres_server import Server, postgres_server

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.sightings import MOST_PER_WINDOW, SIGHTING_SCHEMA
from parcelscope.inference.database import open_database, sqlite_url, upgrade
from parcelscope.inference.history import (
    SLICES,
    Kept,
    history_url,
    read_history,
    write_history,
)
from parcelscope.inference.ledger_tables import HISTORY, HISTORY_SIGHTINGS, HISTORY_WINDOWS

TODAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        made = sqlite_url(tmp_path / "history.sqlite")
    else:
        server: Server = request.getfixturevalue("server")
        name = "".join(char if char.isalnum() else "_" for char in request.node.name.lower())
        made = server.new_database(name[-60:])
    engine = open_database(made)
    upgrade(engine)
    engine.dispose()
    return made


def seen(
    *numbers: int, owner: str = "P", facility: str = "JFK", day: date = TODAY, entry: int = 0
) -> pl.DataFrame:
    rows = [(n, f"{owner}{n}", facility, day, True, entry) for n in numbers]
    return pl.DataFrame(rows, schema=SIGHTING_SCHEMA, orient="row")


def kept(feed: str, rows: pl.DataFrame, *, today: date = TODAY, keep_days: int = 365) -> Kept:
    return Kept(
        run_id=f"run of {feed}", feed=feed, sightings=rows, keep_days=keep_days, today=today
    )


def asked(url: str, *numbers: int, feed: str = "now") -> pl.DataFrame:
    return read_history(url, pl.Series(numbers, dtype=pl.Int64), feed=feed)


def count(url: str) -> tuple[int, int]:
    """Windows and sightings that are stored."""
    engine = open_database(url)
    with engine.begin() as connection:
        found = tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (HISTORY_WINDOWS, HISTORY_SIGHTINGS)
        )
    engine.dispose()
    return found


def test_a_later_window_is_told_of_its_own_numbers_alone(url: str) -> None:
    write_history(url, kept("a", seen(1, 2, -(1 << 63), (1 << 63) - 1)))
    assert asked(url, 2, 3, -(1 << 63)).equals(seen(-(1 << 63), 2))
    assert asked(url, 2, feed="a").is_empty()
    assert asked(url).is_empty()
    assert read_history(url, pl.Series([None], dtype=pl.Int64), feed="b").is_empty()


def test_the_same_feed_a_second_time_changes_nothing(url: str) -> None:
    for _ in range(2):
        write_history(url, kept("a", seen(1, 2)))
    assert count(url) == (1, 2)


def test_the_same_sighting_in_two_feeds_stands_once(url: str) -> None:
    write_history(url, kept("a", seen(1, 2)))
    write_history(url, kept("b", seen(2, 3)))
    assert count(url) == (2, 3)
    assert asked(url, 2)["owner_id"].to_list() == ["P2"]


def test_windows_that_come_at_once_are_all_there_and_no_row_stands_twice(url: str) -> None:
    failed: list[BaseException] = []

    def write(name: int) -> None:
        try:
            write_history(url, kept(f"f{name % 3}", seen(*range(200), *range(1000, 1000 + name))))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    windows, rows = count(url)
    assert windows == 3
    assert 200 <= rows <= 205


def test_a_slower_window_outlives_the_one_that_overtook_it(server: Server) -> None:
    url = server.new_database("overtaken")
    slow, quick = open_database(url), open_database(url)
    upgrade(slow)
    with slow.connect() as connection:
        slower = connection.begin()
        second_slice = -(1 << 63) + 2 * (1 << 64) // SLICES  # what the second window looks through
        kept("slow", seen(second_slice)).write(connection, None)

        @event.listens_for(quick, "before_cursor_execute")
        def commit_the_slower(*said: object) -> None:
            if str(said[2]).startswith("DELETE") and slower.is_active:
                slower.commit()

        with quick.begin() as other:
            kept("quick", seen(7)).write(other, None)
    slow.dispose()
    quick.dispose()
    assert count(url) == (2, 2)


def test_of_a_number_that_everyone_uses_a_window_leaves_and_learns_few(url: str) -> None:
    days = [TODAY - timedelta(days=n) for n in range(20)]
    crowds = [
        pl.concat([seen(7, owner=f"{n:02}-{k:02}-", day=day) for k in range(20)])
        for n, day in enumerate(days)
    ]
    write_many(url, (kept(f"f{n}", rows) for n, rows in enumerate(crowds)))
    assert count(url) == (20, 20 * MOST_PER_WINDOW)
    told = asked(url, 7)
    assert told.height == MOST_PER_WINDOW
    assert told["day"].unique().to_list() == [TODAY]


def test_what_a_window_leaves_does_not_depend_on_the_order_of_its_rows(url: str) -> None:
    rows = pl.concat([seen(7, 8, owner=f"{k}-") for k in range(20)])
    write_history(url, kept("a", rows.reverse()))
    expected = sorted(f"{k}-7" for k in range(20))[:MOST_PER_WINDOW]
    assert asked(url, 7)["owner_id"].sort().to_list() == expected


def test_the_history_stays_bounded_however_long_it_runs(url: str) -> None:
    keep_days, days = 3, 2 * (3 + SLICES)
    step = (1 << 64) // 40
    engine = open_database(url)
    with engine.begin() as connection:
        for n in range(days):
            today = TODAY + timedelta(days=n)
            # Forty numbers, all over the range, of which none comes twice.
            rows = seen(*(-(1 << 63) + k * step + n for k in range(40)), day=today)
            kept(f"f{n}", rows, today=today, keep_days=keep_days).write(connection, None)
    engine.dispose()
    windows, stored = count(url)
    assert windows <= keep_days + 1
    assert 40 * keep_days <= stored <= 40 * (keep_days + 1 + SLICES)
    first, last = -(1 << 63), days - 1
    assert asked(url, first + last - keep_days).height == 1
    assert asked(url, first + last - keep_days - SLICES - 1).is_empty()


def write_many(url: str, many: Iterable[Kept]) -> None:
    engine = open_database(url)
    for one in many:
        with engine.begin() as connection:
            one.write(connection, None)
    engine.dispose()


def test_a_wrong_date_of_arrival_drives_nothing_out(url: str) -> None:
    write_history(url, kept("a", seen(1)))
    far = (kept(f"f{n}", seen(2, owner=f"{n}-", day=date(2199, 1, 1))) for n in range(2 * SLICES))
    write_many(url, far)
    assert asked(url, 1).height == 1


def test_whoever_wants_numbers_kept_longest_has_its_way(url: str) -> None:
    write_history(url, kept("a", seen(1), keep_days=365))
    later = TODAY + timedelta(days=200)
    write_many(url, (kept(f"f{n}", seen(2), today=later, keep_days=30) for n in range(2 * SLICES)))
    assert asked(url, 1).height == 1


def test_the_migrations_make_the_tables_of_the_history(url: str) -> None:
    engine = open_database(url)
    with engine.begin() as connection:
        made = inspect(connection)
        for table in HISTORY.sorted_tables:
            columns = {
                column["name"]: column["nullable"] for column in made.get_columns(table.name)
            }
            assert columns == {column.name: column.nullable for column in table.columns}
            assert made.get_pk_constraint(table.name)["constrained_columns"] == [
                column.name for column in table.primary_key
            ]
    engine.dispose()


def test_a_number_costs_less_than_a_hundred_bytes_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    url = history_url(str(path))
    asked(url)
    empty = path.stat().st_size
    numbers = [n * 7_919_000_003 for n in range(5000)]
    write_history(url, kept("a", seen(*numbers, owner="JFK-2026-")))
    assert (path.stat().st_size - empty) / len(numbers) < 100


@pytest.mark.parametrize(
    ("name", "says"),
    [
        pytest.param("mysql://host/name", "file or a URL like .* got one of mysql", id="mysql"),
        pytest.param("no/such/folder/h.sqlite", "folder that is there", id="no folder"),
        pytest.param(".", "folder that is there, got .", id="a folder"),
    ],
)
def test_what_can_be_no_history_is_refused(name: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        history_url(name)
