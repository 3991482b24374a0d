"""Counts failed sign-ins, so that nobody can try passwords for long."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from parcelscope.review.settings import Limits

MOST_KEYS: Final = 10_000
"""Names and addresses that are remembered; somebody may make up many."""


@dataclass(slots=True)
class Attempts:
    """Failed sign-ins of the last minutes. They are forgotten when the application stops."""

    limits: Limits
    clock: Callable[[], float] = time.monotonic
    _failed: dict[tuple[str, str], deque[float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, name: str, address: str) -> float:
        """0 if `name` may be tried from `address`, else how long to wait."""
        with self._lock:
            now = self.clock()
            return max(self._wait_s(key, most, now) for key, most in self._keys(name, address))

    def note_failure(self, name: str, address: str) -> None:
        """Count a try that failed."""
        with self._lock:
            now = self.clock()
            if len(self._failed) > MOST_KEYS:
                self._drop_old(now)
            for key, most in self._keys(name, address):
                self._failed.setdefault(key, deque(maxlen=most)).append(now)

    def note_success(self, name: str, address: str) -> None:
        """Take back the try that was counted as failed, and forget those of `name` before it."""
        with self._lock:
            self._failed.pop((name, address), None)
            for key in (("", address), (name, "")):
                failed = self._failed.get(key)
                if failed:
                    failed.pop()

    def _keys(self, name: str, address: str) -> tuple[tuple[tuple[str, str], int], ...]:
        # A name alone has the higher limit, or anybody could shut a person out by guessing.
        return (
            ((name, address), self.limits.failures_of_name),
            (("", address), self.limits.failures_of_address),
            ((name, ""), self.limits.failures_of_address),
        )

    def _wait_s(self, key: tuple[str, str], most: int, now: float) -> float:
        failed = self._failed.get(key, ())
        recent = [at for at in failed if now - at < self.limits.failure_window_s]
        if len(recent) < most:
            return 0.0
        return recent[0] + self.limits.failure_window_s - now

    def _drop_old(self, now: float) -> None:
        window = self.limits.failure_window_s
        self._failed = {
            key: failed
            for key, failed in self._failed.items()
            if failed and now - failed[-1] < window
        }
        if len(self._failed) > MOST_KEYS:
            # Somebody makes up names: their address is what counts, and it is among the keys.
            self._failed = {key: failed for key, failed in self._failed.items() if not key[0]}
