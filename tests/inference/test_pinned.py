"""Pinned memory: asked of the runtime that is there, given back in time, and never needed."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from parcelscope.inference.pinned import pinned_empty

RUNTIME = """
#include <stdio.h>
#include <stddef.h>
static int left = LEFT;
int cudaHostRegister(void *at, size_t size, unsigned int flags) {
    if (left-- <= 0) return 2;
    printf("pin %p %zu %u\\n", at, size, flags); fflush(stdout);
    return 0;
}
int cudaHostUnregister(void *at) { printf("let %p\\n", at); fflush(stdout); return 0; }
"""
ASKS = """
import ctypes, sys
ctypes.CDLL(sys.argv[1])
import numpy as np
from parcelscope.inference.pinned import pinned_empty
arrays = [pinned_empty((4, 8), np.uint16) for _ in range(2)]
arrays[0][:] = 7
print("sum", int(arrays[0].sum()), [hex(one.ctypes.data) for one in arrays], flush=True)
view = arrays[0][1:]
del arrays
print("view", int(view.sum()), flush=True)
del view
print("end", flush=True)
"""


@pytest.mark.parametrize("shape", [(4, 8), (0, 8), ()])
def test_without_a_gpu_it_is_an_array_like_any_other(shape: tuple[int, ...]) -> None:
    array = pinned_empty(shape, np.uint16)
    assert (array.shape, array.dtype) == (shape, np.uint16)
    array[...] = 3
    assert (array == 3).all()


def asked(folder: Path, *, left: int) -> list[list[str]]:
    """What a process says with a CUDA runtime that only writes down what it is asked."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to make a stand-in for the CUDA runtime with")
    source, library = folder / "runtime.c", folder / "libcudart.so.99"
    source.write_text(RUNTIME)
    words = [compiler, f"-DLEFT={left}", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(words, check=True)
    told = subprocess.run(
        [sys.executable, "-c", ASKS, str(library)], check=True, capture_output=True, text=True
    )
    return [line.split() for line in told.stdout.splitlines()]


def test_memory_is_pinned_whole_and_let_go_before_it_is_freed(tmp_path: Path) -> None:
    lines = asked(tmp_path, left=10)
    assert [line[0] for line in lines] == ["pin", "pin", "sum", "let", "view", "let", "end"]
    pins = [line[1] for line in lines[:2]]
    assert [line[2:] for line in lines[:2]] == [["64", "0"]] * 2
    assert lines[2][1] == str(7 * 32)
    assert {lines[3][1], lines[5][1]} == set(pins)
    assert lines[5][1] == pins[0], "a view keeps its memory pinned"


def test_where_no_more_may_be_pinned_it_goes_on_without(tmp_path: Path) -> None:
    assert [line[0] for line in asked(tmp_path, left=1)] == ["pin", "sum", "view", "let", "end"]
