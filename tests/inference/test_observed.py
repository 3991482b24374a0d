"""What somebody who watches the engine is told."""

import pytest

from parcelscope.inference.observed import Observer, Observers, bottleneck, bound_fraction
from parcelscope.pipelines.progress import Seen


def test_several_observers_hear_the_same() -> None:
    first, second = Seen(), Seen()
    both: Observer = Observers((first, second))
    both.rows("quarantined", 2, code="empty")
    both.stage_time("decode", "busy", 1.0)
    both.queued("decoded", 7)
    both.committed(0.5)
    assert first == second
    assert (first.quarantined, first.shards, first.waiting_bytes) == (2, 1, {"decoded": 7})


def test_the_bottleneck_is_the_stage_that_was_busy_longest() -> None:
    assert bottleneck({}) is None
    assert bottleneck({"decode": 1.0, "detect": 2.0}) == "detect"


@pytest.mark.parametrize(
    ("busy_s", "waited_s", "expected"),
    [
        pytest.param({}, 0.0, None, id="nothing-yet"),
        pytest.param({}, 5.0, None, id="only-waited"),
        pytest.param({"commit": 2.0}, 0.0, None, id="committing-is-not-theirs"),
        pytest.param({"models": 4.0}, 0.0, 1.0, id="never-waited"),
        pytest.param({"models": 2.0, "photos": 1.0}, 1.0, 0.75, id="some"),
        pytest.param({"models": 3.0, "commit": 9.0}, 1.0, 0.75, id="commit-left-out"),
    ],
)
def test_the_share_of_the_bound_is_what_threads_did_not_wait(
    busy_s: dict[str, float], waited_s: float, expected: float | None
) -> None:
    assert bound_fraction(busy_s, waited_s) == expected
