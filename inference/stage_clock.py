"""Where the threads of a worker spend their time, and how much they hold: told shard by shard."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from parcelscope.inference.observed import COMMIT, Observer, StageState
from parcelscope.inference.shards import ShardReceipt, StageTime

WORKERS = "workers"
"""Stage that waiting is told of: a thread that waits is in none of the others."""
DECODED = "decoded"
"""Queue of what was decoded and waits for the models."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageTimes:
    """What a `StageClock` gathered since it was last asked."""

    times: tuple[StageTime, ...]
    held_bytes: int
    """Most that was decoded and waited for the models at one time."""


class StageClock:
    """Times the stages of several threads; one for each worker of a run."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._thread = threading.local()
        self._seconds: defaultdict[tuple[str, StageState], float] = defaultdict(float)
        self._held = self._most_held = 0
        self._away = 0.0
        self._away_since: float | None = None

    @contextmanager
    def work(self) -> Iterator[None]:
        """One piece of work of this thread; the time since its last one was spent waiting.

        While whoever takes the results was away, it waited for room, else for input.
        """
        now = self._clock()
        left_at, away_then = getattr(self._thread, "left", (now, 0.0))
        with self._lock:
            blocked = min(now - left_at, max(0.0, self._away_at(now) - away_then))
            self._seconds[WORKERS, "blocked"] += blocked
            self._seconds[WORKERS, "starved"] += now - left_at - blocked
        try:
            yield
        finally:
            now = self._clock()
            with self._lock:
                self._thread.left = (now, self._away_at(now))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time that this thread works at stage `name`."""
        began = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[name, "busy"] += self._clock() - began

    @contextmanager
    def away(self) -> Iterator[None]:
        """Time that nobody takes results: whoever should is busy with those that it has."""
        with self._lock:
            self._away_since = self._clock()
        try:
            yield
        finally:
            with self._lock:
                self._away = self._away_at(self._clock())
                self._away_since = None

    @contextmanager
    def holding(self, size_bytes: int) -> Iterator[None]:
        """`size_bytes` are decoded and wait for the models."""
        with self._lock:
            self._held += size_bytes
            self._most_held = max(self._most_held, self._held)
        try:
            yield
        finally:
            with self._lock:
                self._held -= size_bytes

    def take(self) -> StageTimes:
        """What was gathered since the last time."""
        with self._lock:
            times = tuple(
                (stage, state, seconds) for (stage, state), seconds in self._seconds.items()
            )
            most, self._most_held = self._most_held, self._held
            self._seconds.clear()
        return StageTimes(times=times, held_bytes=most)

    def _away_at(self, now: float) -> float:
        return self._away + (0.0 if self._away_since is None else now - self._away_since)


def tell(observer: Observer, receipt: ShardReceipt) -> None:
    """Tell `observer` what the receipt of one shard says."""
    coded = dict(receipt.faults)
    for verdict, count in receipt.verdicts:
        if verdict == "quarantined":
            for code, faults in coded.items():
                observer.rows(verdict, faults, code=code)
            count -= sum(coded.values())
        if count > 0:
            observer.rows(verdict, count)
    tell_times(observer, receipt.times)
    observer.queued(DECODED, receipt.held_bytes)
    observer.stage_time(COMMIT, "busy", receipt.commit_s)
    observer.committed(receipt.commit_s)


def tell_times(observer: Observer, times: Iterable[StageTime]) -> None:
    """Tell `observer` the seconds of each stage."""
    for stage, state, seconds in times:
        observer.stage_time(stage, state, seconds)
