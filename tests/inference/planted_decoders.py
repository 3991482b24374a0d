"""Decoders with faults planted in them, here and as the program of a decoding process.

A photo's bytes carry the fault behind the end of the picture, where no decoder looks.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from parcelscope.datasets.photos import Photo
from parcelscope.datasets.scans import Scan, ScanFile
from parcelscope.datasets.text_lines import TextLine
from parcelscope.inference.code_reading import Luma, ReadCode
from parcelscope.inference.decoding import DIRECT
from parcelscope.inference.decoding_process import main
from parcelscope.inference.owners import ImageRow

COMMAND = (sys.executable, "-P", str(Path(__file__).resolve()))
MARK = b"\nplanted:"
DEADLY_LUMA = [255, 0, 255, 0]
"""First pixels of a picture whose codes crash the reader."""
ENDLESS_LUMA = [255, 255, 0, 0]
"""First pixels of a picture whose text takes for ever to read."""


def planted(data: bytes, fault: str) -> bytes:
    """`data` with `fault` behind it."""
    return data + MARK + fault.encode()


@dataclass(frozen=True, slots=True)
class Planted:
    """Decodes as `Direct` does, but for bytes that carry a fault."""

    def file(self, image: ImageRow, root: Path) -> bytes:
        return DIRECT.file(image, root)

    def scan(
        self,
        files: Sequence[ScanFile],
        *,
        air_level: float | None = None,
        pixel_pitch_mm: float | None = None,
    ) -> Scan:
        for file in files:
            _meet(file.data or b"")
        return DIRECT.scan(files, air_level=air_level, pixel_pitch_mm=pixel_pitch_mm)

    def photo(self, data: bytes, *, wanted_px: int | None = None) -> Photo:
        if (made := _meet(data)) is not None:
            return made
        return DIRECT.photo(data, wanted_px=wanted_px)

    def codes(self, luma: Luma, *, thorough: bool = True) -> tuple[ReadCode, ...]:
        if luma[0, :4].tolist() == DEADLY_LUMA:
            ctypes.string_at(0)
        return DIRECT.codes(luma, thorough=thorough)

    def text(self, luma: Luma) -> tuple[TextLine, ...]:
        if luma[0, :4].tolist() == ENDLESS_LUMA:
            time.sleep(600)
        return DIRECT.text(luma)


def _meet(data: bytes) -> Photo | None:
    """Do what the fault in `data` does; the pixels it makes, where it makes some."""
    _, found, fault = data.rpartition(MARK)
    name, _, where = fault.decode().partition("=") if found else ("", "", "")
    match name:
        case "segfault":
            ctypes.string_at(0)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "exit":
            os._exit(3)
        case "sleep":
            time.sleep(600)
        case "spin":
            while True:
                pass
        case "hold":  # a call in C that never gives the interpreter back
            ctypes.PyDLL(None).sleep(600)
        case "once":
            if not Path(where).exists():
                Path(where).touch()
                ctypes.string_at(0)
        case "take":
            np.ones(12 << 30, np.uint8)
        case "raise":
            raise ZeroDivisionError("nobody foresaw this")
        case "grey":
            return np.zeros((4, 4), np.uint8)
        case "floats":
            return np.zeros((4, 4, 3), np.float32)  # type: ignore[return-value]
        case "say":
            print("a decoder that prints", flush=True)
            print("and grumbles", file=sys.stderr, flush=True)
    return None


if __name__ == "__main__":
    main(Planted())
