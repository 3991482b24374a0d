"""Shards: the same for everybody who looks at the same feed, and another for a changed one."""

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import photo_row, write_tables

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed
from parcelscope.inference.detectors import load_detectors
from parcelscope.inference.engine import RunStoppedError, score_shards
from parcelscope.inference.shards import ShardPlan
from parcelscope.inference.weighing import gauges_of

IDS = [f"P{n}" for n in range(10)]


@pytest.fixture
def feed(tmp_path: Path) -> Feed:
    """Ten parcels in no order, three with a photo; one photo has its SHA-256, one is not there."""
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).write_bytes(name.encode())
    rows = [
        photo_row("P1", "a.jpg"),
        photo_row("P5", "b.jpg", sha256="ab" * 32),
        photo_row("P8", "gone.jpg"),
    ]
    return write_tables(tmp_path, parcels=IDS[::-1], images=rows)


def digests(feed: Feed, *, shard_size: int = 4) -> list[str]:
    return [spec.digest for spec in ShardPlan(feed, shard_size=shard_size).specs()]


def test_shards_hold_the_owners_in_the_order_of_their_ids(feed: Feed) -> None:
    plan = ShardPlan(feed, shard_size=4)
    assert (len(plan), plan.owners) == (3, 10)
    specs = list(plan.specs())
    assert [spec.index for spec in specs] == [0, 1, 2]
    assert [owner_id for spec in specs for _, owner_id in spec.owners] == IDS
    assert plan.spec(2) == specs[2]


def test_a_feed_whose_rows_were_all_refused_has_no_shards(feed: Feed) -> None:
    assert len(ShardPlan(replace(feed, parcels=feed.parcels.clear()))) == 0


def test_the_order_of_the_rows_changes_no_shard(feed: Feed) -> None:
    turned = replace(feed, parcels=feed.parcels.reverse(), images=feed.images.reverse())
    assert digests(turned) == digests(feed)


def test_a_specification_crosses_a_network_as_it_is(feed: Feed) -> None:
    spec = ShardPlan(feed, shard_size=4).spec(1)
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert len(pickle.dumps(spec)) < 1_000


def touched(folder: Path) -> None:
    os.utime(folder / "a.jpg", ns=(1, 1))


def longer(folder: Path) -> None:
    (folder / "a.jpg").write_bytes(b"longer")


def arrived(folder: Path) -> None:
    (folder / "gone.jpg").write_bytes(b"here")


def told_by_its_digest(folder: Path) -> None:
    (folder / "b.jpg").write_bytes(b"something else")


@pytest.mark.parametrize(
    ("change", "changed"),
    [
        pytest.param(touched, [0], id="time"),
        pytest.param(longer, [0], id="size"),
        pytest.param(arrived, [2], id="a file arrives"),
        pytest.param(told_by_its_digest, [], id="the table gives the SHA-256"),
    ],
)
def test_a_changed_file_changes_its_shard_alone(
    feed: Feed, change: Callable[[Path], None], changed: list[int]
) -> None:
    before = digests(feed)
    change(feed.root)
    after = digests(feed)
    assert [n for n in range(3) if before[n] != after[n]] == changed


def test_another_digest_in_the_table_changes_the_shard(feed: Feed) -> None:
    other = feed.images.with_columns(sha256=pl.col("sha256").str.replace_all("a", "c"))
    before, after = digests(feed), digests(replace(feed, images=other))
    assert [n for n in range(3) if before[n] != after[n]] == [1]


def test_a_worker_that_sees_another_feed_refuses_the_shard(feed: Feed, tmp_path: Path) -> None:
    specs = list(ShardPlan(feed, shard_size=4).specs())
    longer(feed.root)
    detectors = load_detectors(write_tiny_bundle(tmp_path / "bundle"), tmp_path / "bundle")
    results = score_shards(
        ShardPlan(feed, shard_size=4), specs, detectors, gauges_of(feed.step_wedges), workers=1
    )
    with pytest.raises(RunError, match="shard 0: its rows or files are not those that the run was"):
        list(results)


def test_a_run_is_stopped_between_micro_shards(feed: Feed, tmp_path: Path) -> None:
    detectors = load_detectors(write_tiny_bundle(tmp_path / "bundle"), tmp_path / "bundle")
    plan = ShardPlan(feed, shard_size=2)
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 4

    done: list[int] = []
    results = score_shards(
        plan,
        plan.specs(),
        detectors,
        gauges_of(feed.step_wedges),
        workers=1,
        cancelled=cancelled,
    )
    with pytest.raises(RunStoppedError, match="the run was asked to stop"):
        done.extend(result.index for result in results)
    assert done == sorted(done)
    assert len(done) < len(plan)
