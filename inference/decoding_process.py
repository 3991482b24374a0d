"""The processes that decode, seen from within: one that imports everything and then only forks.

A process that died of its input is replaced by a fork, in milliseconds; a fresh interpreter would
take a second. This one never sees a byte from outside, and reaps its children only when it is
asked to, so that a process id always means the process that it meant.
"""

import contextlib
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from mmap import mmap
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.scans import ScanFile
from parcelscope.inference.decoding import DIRECT, Decoding
from parcelscope.inference.process_messages import EndedError, Words, receive, send
from parcelscope.inference.sessions import first_line
from parcelscope.inference.slabs import Pixels, write_buffers

MEMORY_BYTES: Final = 6 << 30
"""Private memory that one decoding process may take: a 16-bit photo of `PIXEL_CAP` pixels takes
four. A decoder that wants twelve for a forged header then fails alone, not the whole machine."""
GRACE_S: Final = 2.0
"""After the limit, when the run should have killed the process long ago: the run is gone."""


def main(decoding: Decoding = DIRECT) -> None:
    """Serve the run at the other end of standard input, until it closes it."""
    control = socket.socket(fileno=os.dup(0))
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(silence, stream)
    cv2.setNumThreads(1)
    gc.freeze()  # forks would copy every page that the collector looks at
    with contextlib.suppress(EndedError):
        send(control, {"ready": True})
        os.dup2(silence, 2)  # until here an error is for the user; from here decoders grumble
        while True:
            words, files = receive(control, most_files=1)
            if "fork" in words:
                _fork(control, decoding, float(words["fork"]), files[0])
            else:
                send(control, {"status": _end(int(words["end"]))})


def _fork(control: socket.socket, decoding: Decoding, limit_s: float, channel: int) -> None:
    """Start one process that serves `channel`, and tell its id."""
    try:
        process = os.fork()
    except OSError as error:
        os.close(channel)
        send(control, {"error": str(error)})
        return
    if process == 0:
        code = 1
        try:
            control.close()
            _restrain()
            serve(socket.socket(fileno=channel), decoding, limit_s)
            code = 0
        finally:
            os._exit(code)
    os.close(channel)
    send(control, {"process": process})


def _end(process: int) -> int:
    """Kill `process`; its exit code, or minus the signal that ended it, if something else did."""
    os.kill(process, signal.SIGKILL)  # a child that is dead already does not mind
    _, status = os.waitpid(process, 0)
    return os.waitstatus_to_exitcode(status)


def _restrain() -> None:
    """Take from this process what no decoder needs."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))


def serve(channel: socket.socket, decoding: Decoding, limit_s: float) -> None:
    """Answer one request after the other, until the run closes `channel`."""
    slabs: dict[int, mmap] = {}
    # The kernel ends this process, whatever its code is busy with: the run kills it earlier, and
    # if the run itself was killed, nobody else would.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    with contextlib.suppress(EndedError):
        while True:
            signal.setitimer(signal.ITIMER_REAL, 0)
            words, files = receive(channel, most_files=1)
            signal.setitimer(signal.ITIMER_REAL, limit_s + GRACE_S)
            number = int(words["slab"])
            if files:
                slabs[number] = mmap(files[0], int(words["size"]))
                os.close(files[0])
            send(channel, _answer(words, slabs[number], decoding))
            if words["once"]:
                del slabs[number]


def _answer(words: Words, slab: mmap, decoding: Decoding) -> Words:
    """What is to be said to the request `words`; pixels are written to `slab`."""
    try:
        facts, arrays = _ASKED[words["ask"]](words, slab, decoding)
        parts = [
            [offset, array.dtype.name, list(array.shape)]
            for (offset, _), array in zip(write_buffers(slab, arrays), arrays, strict=True)
        ]
    except ImageError as error:
        return {"refused": [error.code, str(error)]}
    # As in `verdicts.attempt`: whatever it is, it costs this item, not the run.
    except Exception as error:
        return {"unforeseen": [type(error).__name__, first_line(error)]}
    return {"facts": facts, "parts": parts}


def _content(words: Words, slab: mmap) -> list[memoryview]:
    view = memoryview(slab)
    return [view[offset : offset + size] for offset, size in words["buffers"]]


def _scan(words: Words, slab: mmap, decoding: Decoding) -> tuple[Words, list[Pixels]]:
    files = [
        ScanFile(path=Path(file["path"]), energy=file["energy"], data=bytes(data))
        for file, data in zip(words["files"], _content(words, slab), strict=True)
    ]
    scan = decoding.scan(
        files, air_level=words["air_level"], pixel_pitch_mm=words["pixel_pitch_mm"]
    )
    planes = {name: getattr(scan, name) for name in ("low", "high", "rgb")}
    held = {name: pixels for name, pixels in planes.items() if pixels is not None}
    facts: Words = {
        "kind": scan.kind,
        "planes": list(held),
        "air_level": scan.air_level,
        "pixel_pitch_mm": scan.pixel_pitch_mm,
        "energies_swapped": scan.energies_swapped,
    }
    return facts, list(held.values())


def _photo(words: Words, slab: mmap, decoding: Decoding) -> tuple[Words, list[Pixels]]:
    (data,) = _content(words, slab)
    return {}, [decoding.photo(bytes(data), wanted_px=words["wanted_px"])]


def _codes(words: Words, slab: mmap, decoding: Decoding) -> tuple[Words, list[Pixels]]:
    (data,) = _content(words, slab)
    luma = np.frombuffer(data, np.uint8).reshape(words["shape"])
    codes = [
        [code.format, code.text, code.symbology_ok, code.corners_xy.tolist()]
        for code in decoding.codes(luma, thorough=words["thorough"])
    ]
    return {"codes": codes}, []


def _text(words: Words, slab: mmap, decoding: Decoding) -> tuple[Words, list[Pixels]]:
    (data,) = _content(words, slab)
    luma = np.frombuffer(data, np.uint8).reshape(words["shape"])
    lines = [[line.text, line.confidence, line.corners_xy.tolist()] for line in decoding.text(luma)]
    return {"lines": lines}, []


_ASKED: dict[str, Callable[[Words, mmap, Decoding], tuple[Words, list[Pixels]]]] = {
    "scan": _scan,
    "photo": _photo,
    "codes": _codes,
    "text": _text,
}

if __name__ == "__main__":
    main()
