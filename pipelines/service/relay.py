"""What the engine of one process observes, told to the metrics of another."""

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from parcelscope.inference.observed import Observer, StageState

EVERY_S: Final = 0.5


@dataclass(slots=True)
class Relay:
    """An `Observer` that adds up what it is told and passes it on now and then."""

    send: Callable[[dict[str, Any]], object]
    clock: Callable[[], float] = time.monotonic
    _sent: float = 0.0
    _rows: Counter[tuple[str, str | None]] = field(default_factory=Counter)
    _times: defaultdict[tuple[str, StageState], float] = field(
        default_factory=lambda: defaultdict(float)
    )
    _queues: dict[str, int] = field(default_factory=dict)
    _commits: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, verdict: str, count: int, *, code: str | None = None) -> None:
        """As `Observer.rows`."""
        with self._lock:
            self._rows[verdict, code] += count
        self._maybe_flush()

    def stage_time(self, stage: str, state: StageState, seconds: float) -> None:
        """As `Observer.stage_time`."""
        with self._lock:
            self._times[stage, state] += seconds
        self._maybe_flush()

    def queued(self, queue: str, size_bytes: int) -> None:
        """As `Observer.queued`."""
        with self._lock:
            self._queues[queue] = size_bytes
        self._maybe_flush()

    def committed(self, seconds: float) -> None:
        """As `Observer.committed`."""
        with self._lock:
            self._commits.append(seconds)
        self._maybe_flush()

    def flush(self) -> None:
        """Pass on what has not been passed on."""
        with self._lock:
            told = {
                "rows": [[*key, count] for key, count in self._rows.items()],
                "times": [[*key, seconds] for key, seconds in self._times.items()],
                "queues": dict(self._queues),
                "commits": list(self._commits),
            }
            for kept in (self._rows, self._times, self._queues, self._commits):
                kept.clear()
            self._sent = self.clock()
        if any(told.values()):
            self.send(told)

    def _maybe_flush(self) -> None:
        if self.clock() - self._sent >= EVERY_S:
            self.flush()


def replay(told: dict[str, Any], observer: Observer) -> int:
    """Tell `observer` what a `Relay` passed on; how many rows of it were quarantined."""
    quarantined = 0
    for verdict, code, count in told["rows"]:
        observer.rows(verdict, count, code=code)
        quarantined += count if verdict == "quarantined" else 0
    for stage, state, seconds in told["times"]:
        observer.stage_time(stage, state, seconds)
    for queue, size_bytes in told["queues"].items():
        observer.queued(queue, size_bytes)
    for seconds in told["commits"]:
        observer.committed(seconds)
    return quarantined
