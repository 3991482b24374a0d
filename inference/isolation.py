"""Decoding in processes of their own, for input that nobody vouches for.

A decoder that hangs is killed at the limit. One that dies is replaced and its input tried once
more, in case something else killed it; an input that kills twice is refused. The pixels come
through shared memory. Needs a Unix system.
"""

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import numpy as np

from parcelscope.datasets.errors import ConfigError, ImageError, RunError
from parcelscope.datasets.photos import Photo, check_photo
from parcelscope.datasets.scans import Scan, ScanFile, check_scan
from parcelscope.datasets.text_lines import TextLine
from parcelscope.inference.code_reading import Luma, ReadCode
from parcelscope.inference.decoding import DIRECT, Decoding, UnforeseenError
from parcelscope.inference.nursery import DecodingProcess, Nursery
from parcelscope.inference.owners import ImageRow, read_file
from parcelscope.inference.process_messages import EndedError, Words
from parcelscope.inference.slabs import Pixels
from parcelscope.inference.time_limit import LIMIT_S, Limited, Limiter, timeout

T = TypeVar("T")

COMMAND: Final = (sys.executable, "-P", "-m", "parcelscope.inference.decoding_process")
"""`-P`: a folder that holds a feed must not lend modules to the process that reads it."""
LONGEST_NAME, LONGEST_MESSAGE = 80, 4000
"""Characters of what a process says of a failure; paths of 1000 characters are allowed."""
KILLS: Final = 2
"""Processes that one input may kill before it is refused."""


@contextlib.contextmanager
def open_decoding(*, isolate: bool, processes: int, limit_s: float = LIMIT_S) -> Iterator[Decoding]:
    """How a run decodes: in processes if `isolate`, else in threads, each under a time limit.

    Args:
        isolate: Whether to outlive decoders that crash or cannot be interrupted.
        processes: How many may decode at once: as many as threads that ask.
        limit_s: Seconds that one item may take.

    Raises:
        ConfigError: If `isolate` is asked for where processes cannot be had.
        RunError: If the first process does not start.
    """
    able = os.name == "posix"
    if isolate and not able:
        raise ConfigError(f"--isolate needs a Unix system, this one is {os.name}")
    opened = contextlib.ExitStack()

    def processes_now() -> Isolated:
        return opened.enter_context(
            contextlib.closing(Isolated(processes=processes, limit_s=limit_s))
        )

    with opened:
        if isolate:
            yield processes_now()
        else:
            refuge = processes_now if able else None
            limited = Limited(DIRECT, limit_s=limit_s, refuge=refuge)
            yield opened.enter_context(contextlib.closing(limited))


class Isolated:
    """Decodes in processes that may die of it."""

    def __init__(
        self, *, processes: int, limit_s: float = LIMIT_S, command: Sequence[str] = COMMAND
    ) -> None:
        """Start the first process; the others are its forks, made when they are needed.

        Args:
            processes: How many decode at once, 1 or more.
            limit_s: Seconds that one item may take.
            command: What serves as `decoding_process.main` does.
        """
        self.limit_s = limit_s
        self.killed = 0
        """Processes that died of their input or were killed for being late."""
        self._nursery = Nursery(command, limit_s)
        self._free = threading.Semaphore(processes)
        self._idle: deque[DecodingProcess] = deque()
        self._files = Limiter(limit_s)

    def close(self) -> None:
        """End all processes. Arrays that they decoded stay valid."""
        self._files.close()
        with contextlib.suppress(RunError):  # then they are gone already
            while self._idle:
                self._nursery.end(self._idle.pop())
        self._nursery.close()

    def file(self, image: ImageRow, root: Path) -> bytes:
        """As `owners.read_file`, under the limit: reading runs nobody's decoder."""
        return self._files.run(partial(read_file, image, root))

    def scan(
        self,
        files: Sequence[ScanFile],
        *,
        air_level: float | None = None,
        pixel_pitch_mm: float | None = None,
    ) -> Scan:
        """As `scans.read_scan`, of files whose content is in memory."""
        words: Words = {
            "ask": "scan",
            "files": [{"path": str(file.path), "energy": file.energy} for file in files],
            "air_level": air_level,
            "pixel_pitch_mm": pixel_pitch_mm,
        }
        return self._ask(words, [file.data or b"" for file in files], _scan)

    def photo(self, data: bytes, *, wanted_px: int | None = None) -> Photo:
        """As `photos.decode_photo`."""
        return self._ask({"ask": "photo", "wanted_px": wanted_px}, [data], _photo)

    def codes(self, luma: Luma, *, thorough: bool = True) -> tuple[ReadCode, ...]:
        """As `codes.read_codes`."""
        words: Words = {"ask": "codes", "shape": list(luma.shape), "thorough": thorough}
        return self._ask(words, [luma], _codes)

    def text(self, luma: Luma) -> tuple[TextLine, ...]:
        """As `label_reading.read_text`."""
        return self._ask({"ask": "text", "shape": list(luma.shape)}, [luma], _text)

    def _ask(
        self,
        words: Words,
        buffers: Sequence[bytes | Pixels],
        made: Callable[[Words, list[Pixels]], T],
    ) -> T:
        """The result for `words` and `buffers`, from a process that lived to give it."""
        death = ""
        for _ in range(KILLS):
            with self._free:
                process = self._take()
                sound = False
                try:
                    answer, arrays = process.ask(words, buffers, self.limit_s)
                    result = _result(answer, arrays, made)
                    sound = True
                except TimeoutError:
                    raise timeout(self.limit_s) from None
                except EndedError:
                    pass
                except (ImageError, UnforeseenError):
                    sound = True
                    raise
                finally:
                    # Also where the run is interrupted: an answer may be left in the channel.
                    if sound:
                        self._idle.append(process)
                    else:
                        self.killed += 1
                        death = self._nursery.end(process)
            if sound:
                return result
        raise ImageError("killed_decoder", f"it ended {KILLS} decoding processes: {death}")

    def _take(self) -> DecodingProcess:
        try:
            return self._idle.pop()
        except IndexError:
            return self._nursery.fork()


def _result(answer: Words, arrays: list[Pixels], made: Callable[[Words, list[Pixels]], T]) -> T:
    """What `answer` says; nothing of it is believed unseen."""
    try:
        if "refused" in answer:
            raise ImageError(*_told(answer["refused"]))
        if "unforeseen" in answer:
            raise UnforeseenError(*_told(answer["unforeseen"]))
        return made(answer["facts"], arrays)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise EndedError(f"no answer to what was asked: {error}") from None


def _told(said: object) -> tuple[str, str]:
    """A short name (code or class) and a message."""
    if not isinstance(said, list) or [type(part) for part in said] != [str, str]:
        raise ValueError(f"not a name and a message: {said!r:.100}")
    name, message = said
    if not name.isidentifier() or len(name) > LONGEST_NAME:
        raise ValueError(f"not a name: {name!r:.100}")
    return name, message[:LONGEST_MESSAGE]


def _scan(facts: Words, arrays: list[Pixels]) -> Scan:
    planes = dict(zip(facts["planes"], arrays, strict=True))
    scan = Scan(
        kind=facts["kind"],
        low=planes.get("low"),
        high=planes.get("high"),
        rgb=planes.get("rgb"),
        air_level=facts["air_level"],
        pixel_pitch_mm=facts["pixel_pitch_mm"],
        energies_swapped=bool(facts["energies_swapped"]),
    )
    check_scan(scan)
    return scan


def _photo(facts: Words, arrays: list[Pixels]) -> Photo:
    (rgb,) = arrays
    check_photo(rgb)
    return rgb


def _codes(facts: Words, arrays: list[Pixels]) -> tuple[ReadCode, ...]:
    return tuple(
        ReadCode(
            format=str(name),
            text=str(text),
            symbology_ok=bool(ok),
            corners_xy=np.array(corners, np.float32).reshape(4, 2),
        )
        for name, text, ok, corners in facts["codes"]
    )


def _text(facts: Words, arrays: list[Pixels]) -> tuple[TextLine, ...]:
    lines = tuple(
        TextLine(
            text=str(text),
            confidence=float(confidence),
            corners_xy=np.array(corners, np.float32).reshape(4, 2),
        )
        for text, confidence, corners in facts["lines"]
    )
    if not all(0 <= line.confidence <= 1 and np.isfinite(line.corners_xy).all() for line in lines):
        raise ValueError("not lines of text")
    return lines
