"""Where the time of a worker's threads goes."""

import threading

import pytest

from parcelscope.inference.shards import ShardReceipt
from parcelscope.inference.stage_clock import StageClock, tell
from parcelscope.pipelines.progress import Seen


class Now:
    """A clock that moves when it is told to."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def seconds(clock: StageClock) -> dict[tuple[str, str], float]:
    return {(stage, state): s for stage, state, s in clock.take().times if s}


def test_a_thread_that_waits_is_starved_or_blocked_by_who_is_to_take_its_results() -> None:
    now = Now()
    clock = StageClock(now)
    with clock.work(), clock.stage("models"):
        now.at = 2.0
    now.at = 3.0  # one second without work
    with clock.away():
        now.at = 7.0  # four more, while a shard is committed
    with clock.work(), clock.stage("models"):
        now.at = 8.0
    assert seconds(clock) == pytest.approx(
        {("models", "busy"): 3.0, ("workers", "starved"): 1.0, ("workers", "blocked"): 4.0}
    )
    assert clock.take().times == ()


def test_work_that_begins_while_a_commit_goes_on_counts_what_it_waited_so_far() -> None:
    now = Now()
    clock = StageClock(now)
    with clock.work():
        now.at = 1.0
    with clock.away():
        now.at = 2.0
        with clock.work():
            now.at = 5.0
        now.at = 6.0
    assert seconds(clock) == pytest.approx({("workers", "blocked"): 1.0})


def test_the_most_that_waited_at_one_time_is_told_once() -> None:
    clock = StageClock()
    with clock.holding(100), clock.holding(50):
        pass
    with clock.holding(60):
        pass
    assert clock.take().held_bytes == 150
    assert clock.take().held_bytes == 0


def test_threads_are_timed_apart() -> None:
    now = Now()
    clock = StageClock(now)
    with clock.work():
        now.at = 1.0
    now.at = 5.0

    def other() -> None:
        with clock.work():
            pass

    thread = threading.Thread(target=other)
    thread.start()
    thread.join()
    assert seconds(clock) == {}, "a thread has not waited before its first work"


def test_a_receipt_tells_everything_once() -> None:
    seen = Seen()
    tell(
        seen,
        ShardReceipt(
            index=0,
            owners=3,
            parts=(),
            verdicts=(("assessed", 5), ("quarantined", 2)),
            commit_s=0.5,
            faults=(("truncated", 1), ("empty", 1)),
            times=(("models", "busy", 2.0), ("workers", "starved", 9.0)),
            held_bytes=4096,
        ),
    )
    assert (seen.quarantined, seen.shards) == (2, 1)
    assert seen.busy_s == {"models": 2.0, "commit": 0.5}
    assert seen.waiting_bytes == {"decoded": 4096}
