"""The program of a decoding process that a file took over: it answers what the file tells it to."""

import json
import os
import sys
from mmap import mmap
from pathlib import Path

from parcelscope.inference import decoding_process
from parcelscope.inference.decoding import Decoding
from parcelscope.inference.process_messages import Words

COMMAND = (sys.executable, "-P", str(Path(__file__).resolve()))


def lie(words: Words, slab: mmap, decoding: Decoding) -> Words:
    """The JSON in the buffer, after cutting off the shared memory if that can be done."""
    ((offset, size),) = words["buffers"]
    asked = bytes(slab[offset : offset + size])
    if asked == b"cut":
        cut = 0
        for entry in os.scandir("/proc/self/fd"):
            if "memfd:parcelscope" in str(Path(entry.path).readlink()):
                try:
                    os.ftruncate(int(entry.name), 0)
                    cut += 1
                except PermissionError:
                    pass
        return {"refused": ["cut", f"{cut} cut"]}
    answer: Words = json.loads(asked)
    return answer


if __name__ == "__main__":
    decoding_process._answer = lie
    decoding_process.main()
