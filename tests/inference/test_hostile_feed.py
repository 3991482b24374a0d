"""Thousands of damaged, forged and misplaced files: each has its verdict, none stops a run."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.hostile_feed import DAMAGES, Sound, sound_files, write_hostile_feed
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.photos import decode_photo
from parcelscope.datasets.scans import ScanFile, read_scan
from parcelscope.pipelines.run_folder import Run, read_run

CI_ITEMS, SOAK_ITEMS, SEED = 2000, 20_000, 1
MEMORY_BYTES = 4 << 30
"""Address space; the libraries alone map 2 GB."""
PEAK_BYTES = 700 << 20
KNOWN_CODES = {
    "altered", "corrupt", "empty", "images.path", "missing", "not_an_image", "outside_feed",
    "too_large", "truncated", "unsupported", "wrong_channels", "wrong_depth", "ambiguous_pair",
    "pair_disagrees",
}  # fmt: skip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="watches files by inotify")


def screened(folder: Path, *, items: int, isolate: bool, seed: int = SEED) -> Run:
    """The run over a hostile feed, by a process of its own that may not take much memory."""
    feed, outside, bundle = folder / "feed", folder / "outside", folder / "bundle"
    feed.mkdir()
    outside.mkdir()
    write_hostile_feed(feed, outside, items=items, seed=seed)
    write_tiny_bundle(bundle)
    how = "isolate" if isolate else "threads"
    # Shared memory for isolated decoding is address space, too: half a gigabyte for each slab.
    memory = MEMORY_BYTES * (2 if isolate else 1)
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.inference.score_hostile_feed",
            *map(str, (feed, outside, bundle, folder / how, how, memory)),
        ],
        capture_output=True, text=True, timeout=280 if items <= CI_ITEMS else 3000,
        cwd=Path(__file__).parents[2], env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["opened"] == [], "files outside of the feed were opened"
    assert said["peak_kb"] * 1024 < PEAK_BYTES
    return read_run(folder / how)


def check(run: Run, items: int) -> None:
    """Hold the verdicts of `run` against what is known of a hostile feed."""
    rows = items + (items + 1) // 2
    verdicts = Counter(run.images.get_column("verdict"))
    assert run.images.get_column("row").n_unique() == run.images.height == rows
    assert verdicts.total() == rows
    faulty = run.images.filter(pl.col("verdict") != "assessed")
    assert faulty.get_column("code").null_count() == 0
    assert set(faulty.get_column("code")) <= KNOWN_CODES
    assert verdicts["quarantined"] > items / 3
    assert verdicts["degraded"] == 0
    sound = run.images.filter(pl.col("path") == "sound.tif")
    assert set(sound.get_column("verdict")) == {"assessed"}
    misplaced = run.images.filter(
        pl.col("path").str.contains("misplaced|outside") | pl.col("path").is_null()
    )
    assert misplaced.height > items / 20
    assert set(misplaced.get_column("verdict")) <= {"quarantined", "missing"}
    # A bad photo does not lose the scan: every parcel has its own scored.
    scored = run.findings.filter(pl.col("code") == "anomaly.scan")
    assert scored.get_column("owner_id").n_unique() == run.parcels.height


def test_two_thousand_hostile_files_end_with_their_verdicts(tmp_path: Path) -> None:
    check(screened(tmp_path, items=CI_ITEMS, isolate=False), CI_ITEMS)


def test_isolated_decoding_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    isolated = screened(tmp_path / "a", items=300, isolate=True, seed=2)
    check(isolated, 300)
    threads = screened(tmp_path / "b", items=300, isolate=False, seed=2)
    for table in ("images", "findings", "not_assessed", "parcels"):
        one, other = (getattr(run, table) for run in (isolated, threads))
        assert _without_folder(one).equals(_without_folder(other)), table


def _without_folder(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` without the names of the two folders, which hostile paths carry."""
    return frame.with_columns(
        pl.col(pl.String).str.replace_all(r"/[^ ']*/(a|b)/outside", "/outside")
    )


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("isolate", [False, True])
def test_a_soak_of_hostile_files(tmp_path: Path, isolate: bool) -> None:
    check(screened(tmp_path, items=SOAK_ITEMS, isolate=isolate, seed=3), SOAK_ITEMS)


@pytest.mark.parametrize("damage", DAMAGES[5:], ids=lambda damage: damage.__name__)
def test_what_is_surely_damaged_is_surely_refused(
    tmp_path: Path, damage: Callable[[bytes, np.random.Generator], bytes]
) -> None:
    for file in sound_files(tmp_path):
        data = damage(file.data, np.random.default_rng(0))
        with pytest.raises(ImageError):
            decoded(file, data)


def test_files_that_nothing_was_done_to_are_read(tmp_path: Path) -> None:
    for file in sound_files(tmp_path):
        assert decoded(file, file.data) is not None


def decoded(file: Sound, data: bytes) -> object:
    if file.energy is None:
        return decode_photo(data)
    return read_scan([ScanFile(path=Path(file.name), energy=file.energy, data=data)])
