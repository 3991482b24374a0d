"""A cache that stays within its size and works out each value once."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from parcelscope.review.bounded_cache import BoundedCache


def test_the_least_recently_used_goes_first() -> None:
    cache: BoundedCache[str] = BoundedCache(10, len)
    made: list[str] = []

    def get(key: str) -> str:
        return cache.get(key, lambda: made.append(key) or key * 4)  # type: ignore[func-returns-value]

    for key in "ababcab":
        get(key)
    assert made == ["a", "b", "c", "a", "b"]
    assert cache.held_bytes <= 10


def test_what_is_larger_than_the_cache_is_not_kept() -> None:
    cache: BoundedCache[str] = BoundedCache(3, len)
    assert cache.get("k", lambda: "long") == "long"
    assert cache.held_bytes == 0
    assert cache.get("k", lambda: "new") == "new"


def test_several_that_ask_at_once_wait_for_the_first() -> None:
    cache: BoundedCache[int] = BoundedCache(100, lambda _: 1)
    made = []
    gate = threading.Barrier(8)

    def make() -> int:
        time.sleep(0.05)
        made.append(1)
        return 7

    def ask(_: int) -> int:
        gate.wait()
        return cache.get("k", make)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [7] * 8
    assert len(made) == 1


def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    cache: BoundedCache[int] = BoundedCache(100, lambda _: 1)

    def fail() -> int:
        raise ValueError("no such file")

    for _ in range(2):
        with pytest.raises(ValueError, match="no such file"):
            cache.get("k", fail)
    assert cache.get("k", lambda: 3) == 3
