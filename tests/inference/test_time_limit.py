"""The limit of threads: what it does, and how it hands over to processes."""

import contextlib
import time
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from tests.inference.planted_decoders import COMMAND, Planted, planted
from tests.inference.tiny_feed import photo_pixels, photo_row, write_tables

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.photos import decode_photo
from parcelscope.inference.isolation import Isolated
from parcelscope.inference.owners import owner_shards
from parcelscope.inference.time_limit import LOST_THREADS, Limited

JPEG = simplejpeg.encode_jpeg(photo_pixels())
LIMIT_S = 0.3


def test_a_photo_is_the_same_as_without_a_limit() -> None:
    with contextlib.closing(Limited()) as decoding:
        np.testing.assert_array_equal(decoding.photo(JPEG), decode_photo(JPEG))
        with pytest.raises(ImageError, match="begins with"):
            decoding.photo(b"<html>not found</html>")


@pytest.mark.parametrize("fault", ["sleep"])
def test_a_decoder_that_hangs_is_left_behind_at_the_limit(fault: str) -> None:
    with contextlib.closing(Limited(Planted(), limit_s=LIMIT_S)) as decoding:
        began = time.monotonic()
        with pytest.raises(ImageError, match=r"not decoded within 0\.3 s") as refusal:
            decoding.photo(planted(JPEG, fault))
        assert refusal.value.code == "timeout"
        assert time.monotonic() - began < LIMIT_S + 2
        assert decoding.lost == 1
        np.testing.assert_array_equal(decoding.photo(JPEG), decode_photo(JPEG))


def test_a_timeout_of_the_work_itself_is_its_own_error() -> None:
    class Late(Planted):
        def photo(self, data: bytes, *, wanted_px: int | None = None) -> np.ndarray:
            raise TimeoutError("the file server")

    with contextlib.closing(Limited(Late(), limit_s=30)) as decoding:
        with pytest.raises(TimeoutError, match="the file server"):
            decoding.photo(JPEG)
        assert decoding.lost == 0


def test_after_a_few_lost_threads_processes_decode() -> None:
    isolated = Isolated(processes=1, limit_s=LIMIT_S, command=COMMAND)
    threads = Limited(Planted(), limit_s=LIMIT_S, refuge=lambda: isolated)
    with contextlib.closing(isolated), contextlib.closing(threads):
        isolated.photo(JPEG)
        for _ in range(LOST_THREADS + 2):
            with pytest.raises(ImageError, match="not decoded within"):
                threads.photo(planted(JPEG, "sleep"))
        assert threads.lost == LOST_THREADS
        assert isolated.killed == 2
        with pytest.raises(ImageError, match="it ended 2 decoding processes"):
            threads.photo(planted(JPEG, "segfault"))
        np.testing.assert_array_equal(threads.photo(JPEG), decode_photo(JPEG))


def test_files_are_read_under_the_limit_and_checked(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    rows = [photo_row("P", "a.jpg", sha256="0" * 64)]
    feed = write_tables(tmp_path, parcels=["P"], images=rows)
    ((owner,),) = owner_shards(feed, shard_size=1)
    with contextlib.closing(Limited()) as decoding, pytest.raises(ImageError) as refusal:
        decoding.file(owner.images[0], tmp_path)
    assert refusal.value.code == "altered"
