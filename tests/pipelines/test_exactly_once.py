"""Whoever scores, in whatever shards and order, and however often it is killed: the same run."""

import importlib.util
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.inference.postgres_server import Server, postgres_server
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.facility_feed import write_facility_feed
from tests.pipelines.killed_runs import (
    DiesOnce,
    Told,
    killed_by_itself,
    killed_from_outside,
    left_over,
    preload,
    require_same,
    run_child,
    run_to_the_end,
    said,
)
from tests.pipelines.ray_cluster import TOKEN, ray_cluster

from parcelscope.pipelines.run_finish import Sinks

KILLS = 10
MOST_STEPS = 70
"""About a fifth of the steps of a run: ten kills come to its end, and to its window."""
EXECUTORS = ("local", "isolated", "array", "ray")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    preload()
    folder = tmp_path_factory.mktemp("exactly-once")
    write_tiny_bundle(folder / "bundle")
    write_facility_feed(folder / "feed")
    return folder


@pytest.fixture(scope="module")
def undisturbed(place: Path) -> dict[str, pl.DataFrame]:
    """What one worker says in one shard, with nobody killing it."""
    told = Told(
        feed=place / "feed", bundle=place / "bundle", out=place / "undisturbed", shard_size=256
    )
    run_to_the_end(told)
    assert left_over(told.out) == set()
    return said(told)


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Address of a Ray cluster of two processes."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed; it comes with the ray extra")
    with ray_cluster(cpus=2) as address:
        yield address


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


def told_to(
    request: pytest.FixtureRequest, place: Path, out: Path, executor: str, *, shard_size: int
) -> Told:
    return Told(
        feed=place / "feed",
        bundle=place / "bundle",
        out=out,
        shard_size=shard_size,
        workers=2 if executor == "ray" else 1,
        share=(0, 3) if executor == "array" else None,
        ray_address=request.getfixturevalue("cluster") if executor == "ray" else None,
        environment=TOKEN,
        isolate=executor == "isolated",
    )


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("shard_size", [3, 8])
def test_every_executor_says_the_same_whatever_the_shards(
    request: pytest.FixtureRequest,
    place: Path,
    undisturbed: dict[str, pl.DataFrame],
    tmp_path: Path,
    executor: str,
    shard_size: int,
) -> None:
    told = told_to(request, place, tmp_path / "run", executor, shard_size=shard_size)
    run_to_the_end(told)
    require_same(said(told), undisturbed)
    assert left_over(told.out) == set()


def test_the_number_of_threads_changes_nothing(
    place: Path, undisturbed: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    told = Told(feed=place / "feed", bundle=place / "bundle", out=tmp_path, shard_size=5, workers=3)
    run_to_the_end(told)
    require_same(said(told), undisturbed)


def test_the_shares_of_an_array_may_come_in_any_order(
    place: Path, undisturbed: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    told = Told(feed=place / "feed", bundle=place / "bundle", out=tmp_path, shard_size=4)
    for index in (2, 0, 0, 3, 1):
        assert run_child(replace(told, share=(index, 4))) == 0
        assert (tmp_path / "run.json").exists() == (index == 1)
    require_same(said(told), undisturbed)


def test_a_server_keeps_the_same_rows(
    server: Server, place: Path, undisturbed: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    url = server.new_database("rows")
    for name, shard_size in (("one", 3), ("two", 256)):
        told = Told(
            feed=place / "feed",
            bundle=place / "bundle",
            out=tmp_path / name,
            shard_size=shard_size,
            url=url,
        )
        run_to_the_end(told)
        require_same(said(told), undisturbed)


@pytest.mark.parametrize(
    ("executor", "shard_size"),
    [("local", 3), ("local", 7), ("array", 3), ("array", 7), ("isolated", 5)],
)
def test_a_run_killed_at_random_is_the_same_in_the_end(
    request: pytest.FixtureRequest,
    place: Path,
    undisturbed: dict[str, pl.DataFrame],
    tmp_path: Path,
    executor: str,
    shard_size: int,
) -> None:
    told = told_to(request, place, tmp_path / "run", executor, shard_size=shard_size)
    kills = kill_and_finish(told, random.Random(shard_size), kills=KILLS // 2)
    assert kills >= 3
    require_same(said(told), undisturbed)
    assert left_over(told.out) == set()


def test_a_run_killed_on_a_server_is_the_same_in_the_end(
    server: Server, place: Path, undisturbed: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    told = Told(
        feed=place / "feed",
        bundle=place / "bundle",
        out=tmp_path,
        shard_size=5,
        url=server.new_database("killed"),
    )
    assert kill_and_finish(told, random.Random(1), kills=4) >= 2
    require_same(said(told), undisturbed)


def test_actors_of_ray_killed_inside_a_transaction_are_replaced(
    cluster: str, place: Path, undisturbed: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    (tmp_path / "died").mkdir()
    shards = frozenset(range(KILLS - 2))
    told = Told(
        feed=place / "feed",
        bundle=place / "bundle",
        out=tmp_path / "run",
        shard_size=3,
        workers=2,
        ray_address=cluster,
        environment=TOKEN,
        sinks=Sinks(shard=(DiesOnce(tmp_path / "died", shards),)),
    )
    run_to_the_end(told)
    assert len(list((tmp_path / "died").iterdir())) == len(shards)
    require_same(said(told), undisturbed)
    assert left_over(told.out) == set()


def test_a_driver_of_ray_killed_from_outside_goes_on(
    cluster: str, place: Path, undisturbed: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    told = Told(
        feed=place / "feed",
        bundle=place / "bundle",
        out=tmp_path,
        shard_size=2,
        workers=2,
        ray_address=cluster,
        environment=TOKEN,
    )
    chance = random.Random(3)
    assert sum(killed_from_outside(told, chance, most_s=8) for _ in range(2)) >= 1
    run_to_the_end(told)
    require_same(said(told), undisturbed)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("executor", ["local", "isolated", "array"])
def test_two_hundred_kills(
    request: pytest.FixtureRequest,
    place: Path,
    undisturbed: dict[str, pl.DataFrame],
    tmp_path: Path,
    executor: str,
) -> None:
    chance, kills, runs = random.Random(200), 0, 0
    while kills < 200:
        told = told_to(
            request,
            place,
            tmp_path / f"run-{runs}",
            executor,
            shard_size=chance.choice([1, 2, 3, 5, 8, 13, 256]),
        )
        kills += kill_and_finish(told, chance, kills=20)
        runs += 1
        require_same(said(told), undisturbed)
        assert left_over(told.out) == set()


def kill_and_finish(told: Told, chance: random.Random, *, kills: int) -> int:
    """Try to kill a run so many times, then let it finish; how often it was in the middle."""
    killed = 0
    for attempt in range(kills):
        if attempt % 3 == 2:
            killed += killed_from_outside(told, chance, most_s=0.5)
        else:
            killed += killed_by_itself(told, chance, most_steps=MOST_STEPS)
    run_to_the_end(told)
    return killed
