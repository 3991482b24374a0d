"""A wall-clock limit on decoding one item, as far as threads allow.

A thread cannot be killed: one that is over its limit is left behind, and its item is refused. A
decoder that never gives the interpreter back (C code that holds its lock) stops every thread and
cannot be limited here at all, and one that crashes takes the process with it: both need
`isolation.Isolated`.
"""

import contextlib
import threading
import weakref
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeVar

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.photos import Photo
from parcelscope.datasets.scans import Scan, ScanFile
from parcelscope.datasets.text_lines import TextLine
from parcelscope.inference.code_reading import Luma, ReadCode
from parcelscope.inference.decoding import DIRECT, Decoding
from parcelscope.inference.owners import ImageRow

T = TypeVar("T")

LIMIT_S: Final = 30.0
"""Seconds that one step on one item may take: decoding a usual one takes 0.01, the largest that is
allowed, 100 million pixels, about one, and a busy machine ten times that."""
LOST_THREADS: Final = 2
"""Threads that may be left behind before decoding moves to processes, which can be killed: each
keeps a core busy for as long as its decoder runs."""

_Jobs = SimpleQueue[tuple[Callable[[], Any], "Future[Any]"] | None]


def timeout(limit_s: float) -> ImageError:
    """What is said of an item that was not done in time."""
    return ImageError("timeout", f"not decoded within {limit_s:g} s")


class Limiter:
    """Does work in a thread beside the calling one, and leaves that thread behind at the limit."""

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self.lost = 0
        """Threads that were left behind."""
        self._mine = threading.local()
        self._helpers: weakref.WeakSet[_Helper] = weakref.WeakSet()

    def close(self) -> None:
        """End the threads that are idle; those that were left behind stay behind."""
        for helper in list(self._helpers):
            helper.end()

    def run(self, work: Callable[[], T]) -> T:
        """What `work` gives or raises.

        Raises:
            ImageError: `timeout` where it takes longer than the limit.
        """
        helper = getattr(self._mine, "helper", None)
        if helper is None:
            helper = self._mine.helper = _Helper()
            self._helpers.add(helper)
        done: Future[T] = helper.begin(work)
        with contextlib.suppress(TimeoutError):
            # The wait alone may be over time: `work` can raise a TimeoutError of its own.
            done.exception(self.limit_s)
        if not done.done():
            self.lost += 1
            self._mine.helper = None  # ends by itself, if its work ever does
            self._helpers.discard(helper)
            raise timeout(self.limit_s)
        return done.result()


class _Helper:
    """A thread that ends when nobody holds this object any more."""

    def __init__(self) -> None:
        self._jobs: _Jobs = SimpleQueue()
        # A daemon: a decoder that hangs for ever must not keep the process from ending.
        self._thread = threading.Thread(
            target=_serve, args=(self._jobs,), name="decode", daemon=True
        )
        self._thread.start()
        weakref.finalize(self, self._jobs.put, None)

    def begin(self, work: Callable[[], T]) -> "Future[T]":
        done: Future[T] = Future()
        self._jobs.put((work, done))
        return done

    def end(self) -> None:
        self._jobs.put(None)
        self._thread.join()


def _serve(jobs: _Jobs) -> None:
    while (job := jobs.get()) is not None:
        work, done = job
        try:
            done.set_result(work())
        except BaseException as error:  # handed to whoever waits for the result
            done.set_exception(error)
        del job, work, done  # or the pixels would live until the next job


class Limited:
    """Decodes in threads under a time limit; in processes, once several threads were lost."""

    def __init__(
        self,
        inner: Decoding = DIRECT,
        *,
        limit_s: float = LIMIT_S,
        refuge: Callable[[], Decoding] | None = None,
    ) -> None:
        """Wrap `inner`; `refuge` gives what decodes after `LOST_THREADS` hung ones, if anything."""
        self._inner = inner
        self._limiter = Limiter(limit_s)
        self._refuge = refuge
        self._moved: Decoding | None = None
        self._moving = threading.Lock()

    def close(self) -> None:
        """End the threads that are idle."""
        self._limiter.close()

    @property
    def lost(self) -> int:
        """Threads that were left behind."""
        return self._limiter.lost

    def file(self, image: ImageRow, root: Path) -> bytes:
        """As `owners.read_file`; a file system that does not answer costs its item, too."""
        return self._limiter.run(partial(self._inner.file, image, root))

    def scan(
        self,
        files: Sequence[ScanFile],
        *,
        air_level: float | None = None,
        pixel_pitch_mm: float | None = None,
    ) -> Scan:
        """As `scans.read_scan`."""
        facts = {"air_level": air_level, "pixel_pitch_mm": pixel_pitch_mm}
        if (moved := self._where()) is not None:
            return moved.scan(files, **facts)
        return self._limiter.run(partial(self._inner.scan, files, **facts))

    def photo(self, data: bytes, *, wanted_px: int | None = None) -> Photo:
        """As `photos.decode_photo`."""
        if (moved := self._where()) is not None:
            return moved.photo(data, wanted_px=wanted_px)
        return self._limiter.run(partial(self._inner.photo, data, wanted_px=wanted_px))

    def codes(self, luma: Luma, *, thorough: bool = True) -> tuple[ReadCode, ...]:
        """As `codes.read_codes`."""
        if (moved := self._where()) is not None:
            return moved.codes(luma, thorough=thorough)
        return self._limiter.run(partial(self._inner.codes, luma, thorough=thorough))

    def text(self, luma: Luma) -> tuple[TextLine, ...]:
        """As `label_reading.read_text`."""
        if (moved := self._where()) is not None:
            return moved.text(luma)
        return self._limiter.run(partial(self._inner.text, luma))

    def _where(self) -> Decoding | None:
        """The processes that decode from now on; None while threads do."""
        if self._refuge is None or self._limiter.lost < LOST_THREADS:
            return None
        with self._moving:
            if self._moved is None:
                self._moved = self._refuge()
            return self._moved
