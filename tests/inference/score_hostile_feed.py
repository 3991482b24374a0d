"""Screens a hostile feed in a process with little memory, and watches a folder meanwhile.

Started by `test_hostile_feed.py`: FEED OUTSIDE BUNDLE OUT ISOLATE BYTES. Prints one JSON object.
"""

import ctypes
import json
import os
import resource
import struct
import sys
import time
from pathlib import Path

from parcelscope.inference.intake import Intake
from parcelscope.pipelines.screen import screen

IN_ACCESS, IN_OPEN = 0x1, 0x20


def watch(folder: Path) -> int:
    """A descriptor that has something to read once a file in `folder` was opened or read."""
    libc = ctypes.CDLL(None, use_errno=True)
    notifier = int(libc.inotify_init1(os.O_NONBLOCK))
    if libc.inotify_add_watch(notifier, os.fsencode(folder), IN_ACCESS | IN_OPEN) < 0:
        raise OSError(ctypes.get_errno(), "inotify")
    return notifier


def opened(notifier: int) -> list[str]:
    """Names of the files that were opened or read since `watch`."""
    try:
        events = os.read(notifier, 1 << 20)
    except BlockingIOError:
        return []
    names = []
    while events:
        size = struct.unpack_from("iIII", events)[3]
        names.append(os.fsdecode(events[16 : 16 + size].rstrip(b"\0")))
        events = events[16 + size :]
    return names


def main() -> None:
    feed, outside, bundle, out = (Path(word) for word in sys.argv[1:5])
    isolate, limit = sys.argv[5] == "isolate", int(sys.argv[6])
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    notifier = watch(outside)
    (outside / "photo.jpg").read_bytes()
    assert "photo.jpg" in opened(notifier), "the watch does not see anything"
    began = time.monotonic()
    screen(
        feed,
        out,
        bundle_folder=bundle,
        workers=2,
        intake=Intake(isolate=isolate, max_quarantine_ratio=1),
    )
    print(
        json.dumps(
            {
                "opened": opened(notifier),
                "seconds": time.monotonic() - began,
                "peak_kb": peak_kb(),
            }
        )
    )


def peak_kb() -> int:
    """The most memory that this process held; `ru_maxrss` would start with that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


if __name__ == "__main__":
    main()
