"""Threads that take turns, in the order in which they came."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """So many places at once; whoever waits longest is next.

    A plain lock goes to whichever thread runs when it comes free, mostly the one that just had it,
    so that under load some wait for minutes while others never wait.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for a place, and have it until the block ends."""
        mine = self._ask()
        if mine is not None:
            try:
                mine.wait()
            except BaseException:
                self._give_up(mine)
                raise
        try:
            yield
        finally:
            with self._lock:
                self._pass_on()

    def _ask(self) -> threading.Event | None:
        """None if there is a place at once, else what is set when there is."""
        with self._lock:
            if self._free:
                self._free -= 1
                return None
            mine = threading.Event()
            self._waiting.append(mine)
            return mine

    def _pass_on(self) -> None:
        if self._waiting:
            self._waiting.popleft().set()
        else:
            self._free += 1

    def _give_up(self, mine: threading.Event) -> None:
        """Leave the line, as when interrupted; a place that came meanwhile goes to the next."""
        with self._lock:
            if mine in self._waiting:
                self._waiting.remove(mine)
            else:
                self._pass_on()
