"""What somebody who watches the engine is told, whoever that is: a metrics page, a display, a log.

The engine takes an `Observer` or None and knows nothing of Prometheus. Calls come once per
micro-shard or shard, from any thread, and must return at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, Protocol

COMMIT: Final = "commit"
"""The one stage that is not worked at by the worker threads."""
StageState = Literal["busy", "starved", "blocked"]
"""Working; waiting for input; waiting for room behind it."""


class Observer(Protocol):
    """Takes the news of an engine at work."""

    def rows(self, verdict: str, count: int, *, code: str | None = None) -> None:
        """`count` rows got `verdict`; `code` says why where they were not assessed."""

    def stage_time(self, stage: str, state: StageState, seconds: float) -> None:
        """The workers of `stage` spent `seconds` more in `state`."""

    def queued(self, queue: str, size_bytes: int) -> None:
        """`queue` now holds `size_bytes`."""

    def committed(self, seconds: float) -> None:
        """One shard was written and committed, which took `seconds`."""


@dataclass(frozen=True, slots=True)
class Observers:
    """Several observers as one."""

    each: tuple[Observer, ...]

    def rows(self, verdict: str, count: int, *, code: str | None = None) -> None:
        """Tell each."""
        for observer in self.each:
            observer.rows(verdict, count, code=code)

    def stage_time(self, stage: str, state: StageState, seconds: float) -> None:
        """Tell each."""
        for observer in self.each:
            observer.stage_time(stage, state, seconds)

    def queued(self, queue: str, size_bytes: int) -> None:
        """Tell each."""
        for observer in self.each:
            observer.queued(queue, size_bytes)

    def committed(self, seconds: float) -> None:
        """Tell each."""
        for observer in self.each:
            observer.committed(seconds)


def bottleneck(busy_s: Mapping[str, float]) -> str | None:
    """The stage that holds the others up: the one that was busy longest; None before any was."""
    return max(busy_s, key=lambda stage: busy_s[stage], default=None)


def bound_fraction(busy_s: Mapping[str, float], waited_s: float) -> float | None:
    """Share of the additive bound that worker threads reached, 0 to 1; None before they worked.

    The additive bound is the rate of threads that never wait: threads / seconds of work that one
    parcel takes in all stages. What was achieved is parcels / wall-clock time, so that the share is
    seconds of work / (threads x wall-clock time): what threads did, of what they did and waited.
    Seconds are those of the wall clock. Where other processes take the cores, work takes longer and
    the bound is lower, but the share is not; `parcelscope bench` measures the components alone and
    by CPU time. A thread that waits inside a stage, for a core or a decoding process, counts as
    working. Committing is no work of these threads; where they wait for it, they are blocked.

    Args:
        busy_s: Seconds of work by stage.
        waited_s: Seconds that the threads were starved or blocked between pieces of work.
    """
    worked_s = sum(seconds for stage, seconds in busy_s.items() if stage != COMMIT)
    spent_s = worked_s + waited_s
    return worked_s / spent_s if worked_s > 0 else None
