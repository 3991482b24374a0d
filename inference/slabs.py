"""Memory that the run shares with a process that decodes for it, so that no pixel is copied.

Anonymous memory files, not `multiprocessing.shared_memory`: they vanish with their last user,
however it was killed, and are not held to the 64 MB that a container gives `/dev/shm`.
"""

import itertools
import mmap
import os
import tempfile
import weakref
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.headers import PIXEL_CAP

Pixels = npt.NDArray[Any]

RESULT_BYTES: Final = 4 * PIXEL_CAP
"""Most bytes of one result: two energies of `PIXEL_CAP` 16-bit pixels; RGB needs less."""
SLAB_BYTES: Final = RESULT_BYTES + (112 << 20)
"""Size of a slab, of which only the pages that were written to take memory."""
KEPT_BYTES: Final = 32 << 20
"""Written pages that a slab keeps for the next item."""
_ALIGNMENT: Final = 64
_DTYPES: Final = {"uint8": np.uint8, "uint16": np.uint16}

_numbers = itertools.count()


class Slab:
    """One piece of shared memory."""

    def __init__(self, size_bytes: int = SLAB_BYTES) -> None:
        self.number = next(_numbers)
        """Name of the slab between the two processes."""
        self.size_bytes = size_bytes
        self.file = _anonymous_file(size_bytes)
        """Descriptor to send to the other process."""
        weakref.finalize(self, os.close, self.file)
        self.memory = mmap.mmap(self.file, size_bytes)
        self._written_bytes = 0

    def write(self, buffers: Sequence[bytes | Pixels]) -> list[list[int]]:
        """Write `buffers` to the start of the slab; offset and size of each.

        Raises:
            ValueError: If they do not fit.
        """
        places = write_buffers(self.memory, buffers)
        self._written_bytes = max((offset + size for offset, size in places), default=0)
        return [[offset, size] for offset, size in places]

    def lend(
        self, parts: Sequence[tuple[int, str, Sequence[int]]], give_back: Callable[[], None]
    ) -> list[Pixels]:
        """Arrays on the slab; `give_back` is called once nothing refers to any of them.

        Args:
            parts: Offset, dtype (`uint8` or `uint16`) and shape of each.
            give_back: Called in whatever thread drops the last reference.

        Raises:
            ValueError: If a part is not what it should be, or leaves the slab.
        """
        whole = np.frombuffer(self.memory, np.uint8)
        arrays = []
        for offset, dtype_name, shape in parts:
            dtype = np.dtype(_DTYPES[dtype_name]) if dtype_name in _DTYPES else None
            sides = [side for side in shape if isinstance(side, int) and side > 0]
            if dtype is None or len(sides) != len(shape) or not 2 <= len(shape) <= 3:
                raise ValueError(f"not an image: {dtype_name} {shape}")
            size = dtype.itemsize
            for side in sides:
                size *= side  # Python's own numbers, which do not overflow
            if offset < 0 or offset % _ALIGNMENT or offset + size > self.size_bytes:
                raise ValueError(f"{size} bytes at {offset} are not inside the slab")
            self._written_bytes = max(self._written_bytes, offset + size)
            # Views of views have `whole` as their base, so it lives as long as any of them.
            arrays.append(whole[offset : offset + size].view(dtype).reshape(sides))
        weakref.finalize(whole, give_back).atexit = False
        return arrays

    def trim(self) -> None:
        """Give the pages back that a large item wrote."""
        if hasattr(mmap, "MADV_REMOVE") and self._written_bytes > KEPT_BYTES:
            self.memory.madvise(mmap.MADV_REMOVE, KEPT_BYTES, self.size_bytes - KEPT_BYTES)


def room_for(buffers: Sequence[bytes | Pixels]) -> int:
    """Bytes that `buffers` take in a slab."""
    return sum(_aligned(_size(buffer)) for buffer in buffers)


def write_buffers(memory: mmap.mmap, buffers: Sequence[bytes | Pixels]) -> list[tuple[int, int]]:
    """Write `buffers` one behind the other to the start of `memory`; offset and size of each.

    Raises:
        ValueError: If they do not fit.
    """
    places = []
    offset = 0
    target = np.frombuffer(memory, np.uint8)
    for buffer in buffers:
        size = _size(buffer)
        if offset + size > target.size:
            raise ValueError(f"{offset + size} bytes do not fit a slab of {target.size}")
        into = target[offset : offset + size]
        if isinstance(buffer, np.ndarray):
            into.view(buffer.dtype).reshape(buffer.shape)[...] = buffer
        else:
            into[:] = np.frombuffer(buffer, np.uint8)
        places.append((offset, size))
        offset += _aligned(size)
    return places


def _size(buffer: bytes | Pixels) -> int:
    return buffer.nbytes if isinstance(buffer, np.ndarray) else len(buffer)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _anonymous_file(size_bytes: int) -> int:
    """A descriptor of `size_bytes` of memory that nobody else can reach by a name."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("parcelscope", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(file, size_bytes)
        import fcntl  # not on Windows, which has no processes that decode

        # A file that was made shorter under a mapping kills whoever reads it.
        seals = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, seals)
        return file
    with tempfile.TemporaryFile() as aside:
        os.ftruncate(aside.fileno(), size_bytes)
        return os.dup(aside.fileno())
