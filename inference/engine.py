"""The batch engine: every parcel and master carton of a feed, scored by worker threads.

Each worker takes a few owners at a time, decodes their images, and calls one shared session per
model. What is said about an owner does not depend on the number of workers, nor does the order in
which it is said.
"""

import itertools
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

import cv2

from parcelscope.datasets.embeddings import ScanEmbedding
from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import Finding, NotAssessed
from parcelscope.inference.decoding import DIRECT, Decoding
from parcelscope.inference.detectors import Detectors
from parcelscope.inference.owners import Owner
from parcelscope.inference.photo_scoring import score_photos
from parcelscope.inference.scan_scoring import read_scans, score_scans
from parcelscope.inference.shards import DEFAULT_SHARD_SIZE, ShardPlan, ShardSpec, spec_of
from parcelscope.inference.stage_clock import StageClock, StageTimes
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


NO_TIMES: Final = StageTimes(times=(), held_bytes=0)


class RunStoppedError(RunError):
    """Somebody asked the run to stop; what it had committed stays."""


def never() -> bool:
    """Nobody asks the run to stop."""
    return False


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
    embeddings: tuple[ScanEmbedding, ...] = field(default=(), compare=False)
    """One for each scan that could be read, by owner."""
    spent: StageTimes = field(default=NO_TIMES, compare=False)
    """What the threads did since the shard before."""


def score_feed(
    feed: Feed,
    detectors: Detectors,
    gauges: Gauges | None = None,
    *,
    workers: int,
    shard_size: int = DEFAULT_SHARD_SIZE,
    progress: Callable[[int], None] | None = None,
    decoding: Decoding = DIRECT,
    ocr: bool = False,
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
        decoding: How files are opened and decoded, such as under a time limit.
        ocr: Whether labels are read as text, too, which takes a second a photo.

    Raises:
        ValueError: If `workers` or `shard_size` is below 1.
    """
    if shard_size < 1:
        raise ValueError(f"shard_size must be 1 or more, got {shard_size}")
    plan = ShardPlan(feed, shard_size=shard_size)
    return score_shards(
        plan,
        plan.specs(),
        detectors,
        gauges_of(feed.step_wedges) if gauges is None else gauges,
        workers=workers,
        progress=progress,
        decoding=decoding,
        ocr=ocr,
    )


def score_shards(
    plan: ShardPlan,
    specs: Iterable[ShardSpec],
    detectors: Detectors,
    gauges: Gauges,
    *,
    workers: int,
    progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] = never,
    decoding: Decoding = DIRECT,
    ocr: bool = False,
) -> Generator[ShardResult, None, None]:
    """Score those shards of `plan` that `specs` name, in that order; else as `score_feed`.

    Args:
        plan: The shards of the feed as this process sees it.
        specs: Which to score, as they were planned; read no further ahead than the workers are.
        detectors: The sessions, shared by all workers.
        gauges: One for each scanner.
        workers: Threads, 1 or more.
        progress: Called in the caller's thread with how many owners are done so far.
        cancelled: Asked before every micro-shard whether to stop.
        decoding: How files are opened and decoded.
        ocr: Whether labels are read as text, too.

    Raises:
        ValueError: If `workers` is below 1.
        RunError: While iterating, where a shard is not what was planned.
        RunStoppedError: While iterating, once `cancelled` says so.
    """
    if workers < 1:
        raise ValueError(f"workers must be 1 or more, got {workers}")
    clock = StageClock()
    return _results(
        _micro_shards(plan, specs, cancelled),
        lambda owners: score_owners(owners, plan.root, detectors, gauges, clock, decoding, ocr=ocr),
        clock,
        workers=workers,
        progress=progress,
    )


def use_one_thread_per_worker() -> None:
    """Turn OpenCV's own threads off, for this process.

    The workers already fill the cores; OpenCV's pool would only make them wait for one another.
    """
    cv2.setNumThreads(1)


def score_owners(
    owners: Sequence[Owner],
    root: Path,
    detectors: Detectors,
    gauges: Gauges,
    clock: StageClock,
    decoding: Decoding = DIRECT,
    *,
    ocr: bool = False,
) -> Outcome:
    """All that is said about `owners`, in their order, from one call of each model."""
    outcome = Outcome()
    scans = []
    for owner in owners:
        with clock.stage("scans"):
            scans += read_scans(owner, root, detectors, gauges, outcome, decoding)
        with clock.stage("photos"):
            score_photos(owner, root, outcome, detectors.references, decoding, ocr=ocr)
    with clock.holding(sum(scan.size_bytes for scan in scans)), clock.stage("models"):
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


def _results(
    micro_shards: Iterable[tuple[int, Sequence[Owner]]],
    score: Callable[[Sequence[Owner]], Outcome],
    clock: StageClock,
    *,
    workers: int,
    progress: Callable[[int], None] | None,
) -> Generator[ShardResult, None, None]:
    """What `score` says of the micro-shards, those of one shard together."""
    use_one_thread_per_worker()

    def work(part: tuple[int, Sequence[Owner]]) -> tuple[int, int, Outcome]:
        index, owners = part
        with clock.work():
            return index, len(owners), score(owners)

    pool = ThreadPoolExecutor(workers, thread_name_prefix="score")
    try:
        done = 0
        outcomes = in_order(pool, work, micro_shards, ahead=workers * WAITING_PER_WORKER)
        for index, parts in itertools.groupby(outcomes, key=lambda outcome: outcome[0]):
            counts, said = [], []
            for _, count, outcome in parts:
                counts.append(count)
                said.append(outcome)
                done += count
                if progress is not None:
                    progress(done)
            result = _result(index, sum(counts), said, clock.take())
            with clock.away():
                yield result
    finally:
        # Also when the caller stops early or is interrupted: what has not begun never does.
        pool.shutdown(wait=True, cancel_futures=True)


def _micro_shards(
    plan: ShardPlan, specs: Iterable[ShardSpec], cancelled: Callable[[], bool]
) -> Iterator[tuple[int, Sequence[Owner]]]:
    """The owners `MICRO_SHARD` at a time, with the index of their shard."""
    for spec in specs:
        owners = plan.shard(spec.index)
        if spec_of(spec.index, owners, plan.root) != spec:
            raise RunError(
                f"shard {spec.index}: its rows or files are not those that the run was planned on;"
                " a feed must stay as it is until its run is complete"
            )
        for start in range(0, len(owners), MICRO_SHARD):
            if cancelled():
                raise RunStoppedError("the run was asked to stop")
            yield spec.index, owners[start : start + MICRO_SHARD]


def _result(index: int, owners: int, said: Sequence[Outcome], spent: StageTimes) -> ShardResult:
    return ShardResult(
        index=index,
        owners=owners,
        findings=tuple(finding for outcome in said for finding in outcome.findings),
        not_assessed=tuple(row for outcome in said for row in outcome.not_assessed),
        image_verdicts=tuple(verdict for outcome in said for verdict in outcome.verdicts),
        embeddings=tuple(one for outcome in said for one in outcome.embeddings),
        spent=spent,
    )
