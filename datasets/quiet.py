"""Silence for libraries that warn about damaged metadata which does not touch the pixels."""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

# Warning filters belong to the process, not the thread: two threads that set and restore them at
# once would leave the wrong ones behind.
_ONE_AT_A_TIME = threading.Lock()


@contextmanager
def quiet_warnings() -> Iterator[None]:
    """Ignore every warning inside the block, which one thread enters at a time. Keep it short."""
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
