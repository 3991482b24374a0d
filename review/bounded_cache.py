"""A cache that never holds more than so many bytes, and works out each value once."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class BoundedCache(Generic[T]):
    """Values by key, the least recently used dropped first; safe to call from several threads.

    Of several that ask for one value at the same time, the first works it out and the others wait.
    What raises is not kept.
    """

    def __init__(self, most_bytes: int, size_of: Callable[[T], int]) -> None:
        """An empty cache for values whose sizes, by `size_of`, add up to at most `most_bytes`."""
        self._most_bytes = most_bytes
        self._size_of = size_of
        self._kept: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._coming: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()
        self.held_bytes = 0
        """Sizes of all that is kept."""

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made by `make` unless it is kept; raises what `make` raises."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key][0]
            coming = self._coming.get(key)
            if coming is None:
                mine: Future[T] = Future()
                self._coming[key] = mine
        if coming is not None:
            return coming.result()
        try:
            value = make()
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            mine.set_exception(error)
            mine.exception()  # told to whoever waits; nobody else need hear of it
            raise
        self._keep(key, value)
        mine.set_result(value)
        return value

    def _keep(self, key: Hashable, value: T) -> None:
        size = self._size_of(value)
        with self._lock:
            del self._coming[key]
            if size > self._most_bytes:
                return
            self._kept[key] = (value, size)
            self.held_bytes += size
            while self.held_bytes > self._most_bytes:
                _, (_, dropped) = self._kept.popitem(last=False)
                self.held_bytes -= dropped
