"""Host memory that a GPU copies from by itself: pages that the system may not move.

A copy from other memory goes through a buffer of the driver's first, while the caller waits.
"""

import ctypes
import functools
import math
import re
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

MAPS: Final = Path("/proc/self/maps")
_RUNTIME: Final = re.compile(r"\s(/\S*/libcudart\.so[^/\s]*)$", re.MULTILINE)


def pinned_empty(shape: Sequence[int], dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """An array for values to come, pinned for as long as it lives where CUDA is in this process.

    Elsewhere, or where no more may be pinned, it is an array like any other: slower to copy from,
    and equal in all else.
    """
    array = np.empty(shape, dtype)
    runtime = _cuda_runtime(_loaded())
    size_bytes = math.prod(array.shape) * array.itemsize
    if runtime is None or size_bytes == 0:
        return array
    address = ctypes.c_void_p(array.ctypes.data)
    if runtime.cudaHostRegister(address, ctypes.c_size_t(size_bytes), ctypes.c_uint(0)) == 0:
        # The memory of an array is freed after its finalizers ran.
        weakref.finalize(array, runtime.cudaHostUnregister, address).atexit = False
    return array


def _loaded() -> str | None:
    """Path of the CUDA runtime that the ONNX runtime has loaded; no other could pin for it."""
    try:
        found = _RUNTIME.search(MAPS.read_text(errors="replace"))
    except OSError:  # not Linux
        return None
    return None if found is None else found[1]


@functools.cache
def _cuda_runtime(path: str | None) -> Any:
    return None if path is None else ctypes.CDLL(path)
