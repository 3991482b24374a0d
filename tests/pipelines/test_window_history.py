"""Numbers used again across runs: killed ones, resumed ones, repeated ones, and two at once."""

import os
import random
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Connection, select
from tests.inference.postgres_server import Server, postgres_server
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.killed_runs import (
    Told,
    killed_by_itself,
    preload,
    run_child,
)

from parcelscope.datasets.errors import ConfigError, RunError
from parcelscope.inference.database import open_database, sqlite_url
from parcelscope.inference.ledger_tables import HISTORY_SIGHTINGS
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.run_finish import Sinks
from parcelscope.pipelines.run_folder import SNAPSHOT, read_run
from parcelscope.pipelines.screen import screen, screen_job
from parcelscope.screening.assess import Window

REUSED = "RB123456785GB"
ARRIVED = datetime(2026, 11, 20, 9)
PLACES = ("file", "postgresql")


@dataclass(frozen=True)
class DiesOnce:
    """A sink that kills its process inside the transaction that commits the window, once."""

    mark: Path

    def write(self, connection: Connection, shard: Window) -> None:
        try:
            self.mark.touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    preload()
    folder = tmp_path_factory.mktemp("history") / "bundle"
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


def write_feed(
    folder: Path, name: str, *, days_before: int = 0, facility: str = "JFK", note: str = "mug"
) -> Path:
    """A feed of manifest rows alone: six parcels, of which one has the number that comes again."""
    folder.mkdir(parents=True)
    numbers = [f"LX{name}{n:06}{n}CN"[:13] for n in range(5)]
    pl.DataFrame(
        {
            "parcel_id": [f"{name}-{n}" for n in range(6)],
            "tracking_number": [*numbers, REUSED],
            "facility": [facility] * 6,
            "arrived_at": [(ARRIVED - timedelta(days=days_before)).isoformat() + "Z"] * 6,
            "description": [note] * 6,
        }
    ).write_csv(folder / "parcels.csv")
    return folder


def do(told: Told) -> None:
    """Do it in this process, without being killed."""
    screen_job(told.job, told.executor)


def reuses(out: Path) -> dict[str, str]:
    """What the run in `out` says of numbers used again, by parcel."""
    found = read_run(out).findings.filter(pl.col("code") == "U6.reuse")
    return dict(zip(found["owner_id"], found["sentence"], strict=True))


def stored(url: str) -> list[tuple[object, ...]]:
    """The sightings in the history, without the window that brought them."""
    engine = open_database(url)
    columns = [column for column in HISTORY_SIGHTINGS.columns if column.name != "window_id"]
    with engine.begin() as connection:
        rows = [tuple(row) for row in connection.execute(select(*columns))]
    engine.dispose()
    return sorted(rows, key=str)


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """Where the history is: a file of its own, or the database of the runs."""
    if request.param == "file":
        return {"history": sqlite_url(tmp_path / "history.sqlite")}
    server: Server = request.getfixturevalue("server")
    name = "".join(char if char.isalnum() else "_" for char in request.node.name.lower())
    return {"url": server.new_database(name[-60:])}


def url_of(place: dict[str, str]) -> str:
    return place.get("history") or place["url"]


def test_a_number_of_an_earlier_run_is_found_and_no_repetition_is_a_re_use(
    bundle: Path, place: dict[str, str], tmp_path: Path
) -> None:
    old = write_feed(tmp_path / "old", "A", days_before=60, facility="ORD")
    new = write_feed(tmp_path / "new", "B")
    first = Told(feed=old, out=tmp_path / "1", bundle=bundle, **place)  # type: ignore[arg-type]
    do(first)
    assert reuses(first.out) == {}
    # The same feed again: in the same folder, in another one, and copied with a new description.
    do(first)
    do(replace(first, out=tmp_path / "2", shard_size=2))
    amended = write_feed(tmp_path / "amended", "A", days_before=60, facility="ORD", note="cup")
    do(replace(first, feed=amended, out=tmp_path / "3"))
    assert reuses(tmp_path / "2") == reuses(tmp_path / "3") == {}
    assert len(stored(url_of(place))) == 6
    do(replace(first, feed=new, out=tmp_path / "4"))
    assert reuses(tmp_path / "4") == {
        "B-5": "Tracking number RB123456785GB was seen on another parcel, on 2026-09-21 at ORD,"
        " 60 days earlier; it must not be used again within 365 days."
    }
    assert len(stored(url_of(place))) == 12


def test_a_run_killed_between_its_history_and_its_ledger_says_and_leaves_the_same(
    bundle: Path, place: dict[str, str], tmp_path: Path
) -> None:
    old = write_feed(tmp_path / "old", "A", days_before=60)
    new = write_feed(tmp_path / "new", "B")
    do(Told(feed=old, out=tmp_path / "1", bundle=bundle, **place))  # type: ignore[arg-type]
    dies = Sinks(window=(DiesOnce(tmp_path / "died"),))
    told = Told(feed=new, out=tmp_path / "2", bundle=bundle, sinks=dies, **place)  # type: ignore[arg-type]
    assert run_child(told) == -signal.SIGKILL
    # A history of its own has the window already, that in the ledger's database has not.
    assert len(stored(url_of(place))) == (12 if "history" in place else 6)
    do(told)
    assert list(reuses(tmp_path / "2")) == ["B-5"]
    assert len(stored(url_of(place))) == 12


@pytest.mark.slow
def test_a_run_killed_anywhere_says_and_leaves_the_same(
    bundle: Path, place: dict[str, str], tmp_path: Path
) -> None:
    old = write_feed(tmp_path / "old", "A", days_before=60)
    do(Told(feed=old, out=tmp_path / "1", bundle=bundle, **place))  # type: ignore[arg-type]
    new = write_feed(tmp_path / "new", "B")
    told = Told(feed=new, out=tmp_path / "2", bundle=bundle, shard_size=3, **place)  # type: ignore[arg-type]
    chance, kills = random.Random(5), 0
    for _ in range(20):
        kills += killed_by_itself(told, chance, most_steps=60)
    assert kills >= 2
    do(told)
    assert list(reuses(tmp_path / "2")) == ["B-5"]
    assert len(stored(url_of(place))) == 12


def test_a_run_knows_what_was_there_when_it_began_whatever_others_commit_meanwhile(
    bundle: Path, place: dict[str, str], tmp_path: Path
) -> None:
    slow, quick, later = (
        write_feed(tmp_path / name, name.upper(), days_before=days)
        for name, days in (("s", 3), ("q", 30), ("l", 0))
    )
    told = Told(feed=slow, out=tmp_path / "1", bundle=bundle, shard_size=2, **place)  # type: ignore[arg-type]
    do(replace(told, share=(0, 2)))
    do(replace(told, feed=quick, out=tmp_path / "2"))
    do(replace(told, share=(1, 2)))
    assert reuses(tmp_path / "1") == reuses(tmp_path / "2") == {}
    do(replace(told, feed=later, out=tmp_path / "3"))
    assert (
        "was seen 2 times on other parcels, the nearest on 2026-11-17"
        in reuses(tmp_path / "3")["L-5"]
    )


def test_two_runs_at_once_both_leave_their_numbers(
    bundle: Path, place: dict[str, str], tmp_path: Path
) -> None:
    feeds = [write_feed(tmp_path / f"f{n}", f"F{n}", days_before=40 * n) for n in range(3)]
    jobs = [
        Told(feed=feed, out=tmp_path / f"{n}", bundle=bundle, **place)  # type: ignore[arg-type]
        for n, feed in enumerate(feeds)
    ]
    with ThreadPoolExecutor() as pool:
        list(pool.map(do, jobs))
    assert len(stored(url_of(place))) == 18


def test_without_a_history_only_the_feed_is_looked_at_and_the_run_says_so(
    bundle: Path, tmp_path: Path
) -> None:
    feed = write_feed(tmp_path / "feed", "A")
    summary = screen(feed, tmp_path / "run", bundle_folder=bundle)
    assert read_run(tmp_path / "run").card.history is None
    assert any("in this feed alone" in line for line in summary.lines())
    assert not (tmp_path / "run" / SNAPSHOT).exists()
    kept = screen(
        feed, tmp_path / "kept", bundle_folder=bundle, history=str(tmp_path / "history.sqlite")
    )
    assert not any("in this feed alone" in line for line in kept.lines())
    assert str(read_run(tmp_path / "kept").card.history).endswith("/history.sqlite")


def test_a_run_goes_on_with_the_history_that_it_began_with(bundle: Path, tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed", "A")
    told = Told(feed=feed, out=tmp_path / "run", bundle=bundle, shard_size=2, share=(0, 2))
    do(replace(told, history=sqlite_url(tmp_path / "one.sqlite")))
    with pytest.raises(RunError, match=r"its history was sqlite:.*one.sqlite, now is none"):
        screen(feed, tmp_path / "run", bundle_folder=bundle, budget=0.3, seed=7, shard_size=2)


def test_a_fresh_start_takes_the_snapshot_away_and_leaves_the_history(
    bundle: Path, tmp_path: Path
) -> None:
    feed, history = write_feed(tmp_path / "feed", "A"), str(tmp_path / "history.sqlite")
    screen(feed, tmp_path / "run", bundle_folder=bundle, history=history)
    screen(feed, tmp_path / "run", bundle_folder=bundle, fresh=True)
    assert not (tmp_path / "run" / SNAPSHOT).exists()
    assert len(stored(sqlite_url(tmp_path / "history.sqlite"))) == 6


@pytest.mark.parametrize(
    ("history", "says"),
    [
        pytest.param("mysql://host/name", "--history must be a file or a URL", id="mysql"),
        pytest.param("nowhere/history.sqlite", "--history must be a file in a folder", id="folder"),
    ],
)
def test_a_history_that_cannot_be_is_refused_before_anything_is_written(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, history: str, says: str
) -> None:
    feed = write_feed(tmp_path / "feed", "A")
    with pytest.raises(SystemExit) as left:
        main(["screen", str(feed), "--out", str(tmp_path / "run"), "--history", history])
    assert left.value.code == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=says):
        screen(feed, tmp_path / "run", history=history)


def test_a_file_that_is_no_history_is_refused_in_a_sentence(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database" * 100)
    feed = write_feed(tmp_path / "feed", "A")
    with pytest.raises(RunError, match="file is not a database"):
        screen(feed, tmp_path / "run", bundle_folder=bundle, history=str(tmp_path / "notes.txt"))
