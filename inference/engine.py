"""The batch engine: every parcel and master carton of a feed, scored by worker threads.

Each worker takes a few owners at a time, decodes their images, and calls one shared session per
model. What is said about an owner does not depend on the number of workers, nor does the order in
which it is said.
"""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import cv2

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import Finding, NotAssessed
from parcelscope.inference.detectors import Detectors
from parcelscope.inference.owners import Owner, owner_shards
from parcelscope.inference.photo_scoring import score_photos
from parcelscope.inference.scan_scoring import read_scans, score_scans
from parcelscope.inference.verdicts import ImageVerdict, Outcome
from parcelscope.inference.weighing import Gauges, gauges_of

Item = TypeVar("Item")
Done = TypeVar("Done")

MICRO_SHARD: Final = 8
"""Owners that one worker decodes before it calls the models. Larger batches gain 6 % of inference
on a CPU and cost canvases in memory; the number is fixed, as it decides which scans share a call.
"""
WAITING_PER_WORKER: Final = 3
"""Micro-shards submitted ahead of the one whose result is awaited, for each worker: enough that a
slow one at the head starves nobody, few enough that results do not pile up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardResult:
    """All that was said about one shard of owners."""

    index: int
    """0 for the owners whose ids sort first."""
    owners: int
    """How many parcels and master cartons."""
    findings: tuple[Finding, ...]
    """By owner, in the order of their ids."""
    not_assessed: tuple[NotAssessed, ...]
    """By owner, likewise."""
    image_verdicts: tuple[ImageVerdict, ...]
    """One for each row of the images table that belongs to the shard, by owner."""


def score_feed(
    feed: Feed,
    detectors: Detectors,
    gauges: Gauges | None = None,
    *,
    workers: int,
    shard_size: int = 256,
    progress: Callable[[int], None] | None = None,
) -> Iterator[ShardResult]:
    """Score `feed` shard by shard, in the order of the owners' ids.

    No image stops the run: what is missing or cannot be read has a verdict and leaves its checks
    not assessed. At most `WAITING_PER_WORKER` micro-shards for each worker are under way, so memory
    does not grow with the feed, and a slow reader of the results slows the workers down.

    Args:
        feed: The tables; image files are opened below its root.
        detectors: The sessions, shared by all workers.
        gauges: One for each scanner; None makes them from the step wedges of the feed.
        workers: Threads, 1 or more.
        shard_size: Parcels and cartons of one result, 1 or more.
        progress: Called in the caller's thread with how many owners are done so far.

    Raises:
        ValueError: If `workers` or `shard_size` is below 1.
    """
    for name, value in (("workers", workers), ("shard_size", shard_size)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")
    return _shards(
        feed,
        detectors,
        gauges_of(feed.step_wedges) if gauges is None else gauges,
        workers=workers,
        shard_size=shard_size,
        progress=progress,
    )


def use_one_thread_per_worker() -> None:
    """Turn OpenCV's own threads off, for this process.

    The workers already fill the cores; OpenCV's pool would only make them wait for one another.
    """
    cv2.setNumThreads(1)


def score_owners(
    owners: Sequence[Owner], root: Path, detectors: Detectors, gauges: Gauges
) -> Outcome:
    """All that is said about `owners`, in their order, from one call of each model."""
    outcome = Outcome()
    scans = []
    for owner in owners:
        scans += read_scans(owner, root, detectors, gauges, outcome)
        score_photos(owner, root, outcome, detectors.references)
    score_scans(scans, root, detectors, outcome)
    return outcome.sorted_by(owners)


def in_order(
    pool: ThreadPoolExecutor,
    work: Callable[[Item], Done],
    items: Iterable[Item],
    *,
    ahead: int,
) -> Iterator[Done]:
    """`work` of each of `items` in their order, with at most `ahead` of them under way."""
    waiting: deque[Future[Done]] = deque()
    for item in items:
        waiting.append(pool.submit(work, item))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _shards(
    feed: Feed,
    detectors: Detectors,
    gauges: Gauges,
    *,
    workers: int,
    shard_size: int,
    progress: Callable[[int], None] | None,
) -> Iterator[ShardResult]:
    use_one_thread_per_worker()

    def score(part: tuple[int, Sequence[Owner]]) -> tuple[int, int, Outcome]:
        index, owners = part
        return index, len(owners), score_owners(owners, feed.root, detectors, gauges)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="score")
    try:
        done = 0
        outcomes = in_order(
            pool, score, _micro_shards(feed, shard_size), ahead=workers * WAITING_PER_WORKER
        )
        for index, parts in itertools.groupby(outcomes, key=lambda outcome: outcome[0]):
            counts, said = [], []
            for _, count, outcome in parts:
                counts.append(count)
                said.append(outcome)
                done += count
                if progress is not None:
                    progress(done)
            yield _result(index, sum(counts), said)
    finally:
        # Also when the caller stops early or is interrupted: what has not begun never does.
        pool.shutdown(wait=True, cancel_futures=True)


def _micro_shards(feed: Feed, shard_size: int) -> Iterator[tuple[int, Sequence[Owner]]]:
    """The owners `MICRO_SHARD` at a time, with the index of their shard."""
    for index, owners in enumerate(owner_shards(feed, shard_size=shard_size)):
        for start in range(0, len(owners), MICRO_SHARD):
            yield index, owners[start : start + MICRO_SHARD]


def _result(index: int, owners: int, said: Sequence[Outcome]) -> ShardResult:
    return ShardResult(
        index=index,
        owners=owners,
        findings=tuple(finding for outcome in said for finding in outcome.findings),
        not_assessed=tuple(row for outcome in said for row in outcome.not_assessed),
        image_verdicts=tuple(verdict for outcome in said for verdict in outcome.verdicts),
    )
