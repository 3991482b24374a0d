"""Memory stays flat in the length of a feed: only tables grow, and by little."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import dual_counts, photo_pixels, photo_row, scan_row, wedge_table

from parcelscope.datasets.scan_writing import write_colour_jpeg, write_dual_tiff
from parcelscope.pipelines.feed_pack import pack_feed

PICTURES = 16
MOST_BYTES_PER_ROW_READ = 10_000
"""Of a parcel and its images while their tables are read and put in order; about 3,000 is usual."""
MOST_BYTES = 1_500_000_000
"""Of a run over 100,000 parcels."""

FEW, MANY = 150, 900
SCORE = """
import resource, sys
from pathlib import Path
from parcelscope.datasets.feed import read_feed
from parcelscope.inference.detectors import load_detectors
from parcelscope.inference.engine import score_feed
from parcelscope.models.bundle import load_bundle

feed, bundle, few = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
done = 0
for shard in score_feed(
    read_feed(feed), load_detectors(load_bundle(bundle)[0], bundle), workers=2, shard_size=50
):
    done += shard.owners
    if done == few:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
READ = """
import resource, sys
from pathlib import Path
from parcelscope.datasets.feed import read_feed
from parcelscope.inference.shards import ShardPlan
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
plan = ShardPlan(read_feed(Path(sys.argv[1])))
for index in range(3):
    plan.shard(index)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""
SCREEN = """
import resource, sys
from pathlib import Path
from parcelscope.pipelines.screen import screen
feed, out, bundle = map(Path, sys.argv[1:])
screen(feed, out, bundle_folder=bundle, workers=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


def write_long_feed(folder: Path, parcels: int, *, photos_every: int) -> Path:
    """A feed whose parcels share a few pictures, packed into shards."""
    loose = folder / f"loose-{parcels}"
    loose.mkdir()
    for n in range(PICTURES):
        write_dual_tiff(loose / f"{n}.tif", *dual_counts((24 + n, 30), seed=n))
        write_colour_jpeg(loose / f"{n}.jpg", photo_pixels(n))
    ids = [f"P{n:06}" for n in range(parcels)]
    rows = [scan_row(owner, f"{n % PICTURES}.tif") for n, owner in enumerate(ids)]
    rows += [
        photo_row(owner, f"{n % PICTURES}.jpg")
        for n, owner in enumerate(ids)
        if n % photos_every == 0
    ]
    pl.DataFrame({"parcel_id": ids, "description": "cotton shirt"}).write_parquet(
        loose / "parcels.parquet"
    )
    pl.DataFrame(rows, infer_schema_length=None).write_parquet(loose / "images.parquet")
    wedge_table().write_parquet(loose / "step_wedges.parquet")
    packed = folder / f"packed-{parcels}"
    pack_feed(loose, packed, form="tar", shard_bytes=500_000)
    return packed


def printed(script: str, *words: object) -> list[int]:
    """The numbers that `script` prints, one a line, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [int(line) for line in done.stdout.split()]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    write_tiny_bundle(folder, kinds=("dual",))
    return folder


def test_scoring_keeps_nothing_of_the_images_that_it_has_seen(tmp_path: Path, bundle: Path) -> None:
    feed = write_long_feed(tmp_path, MANY, photos_every=75)
    early, late = printed(SCORE, feed, bundle, FEW)
    kept = (late - early) / (MANY - FEW)
    # One decoded scan is 77 kB, its canvas 12 kB, and its file 60 kB.
    assert kept < 10_000, f"{kept:,.0f} bytes for each parcel after the first {FEW}"


def test_the_tables_of_a_long_feed_are_small(tmp_path: Path) -> None:
    parcels = 20_000
    feed = write_long_feed(tmp_path, parcels, photos_every=2)
    before, after = printed(READ, feed)
    each = (after - before) / parcels
    assert each < MOST_BYTES_PER_ROW_READ, f"{each:,.0f} bytes a parcel"


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_a_hundred_thousand_parcels_stay_under_their_limit(tmp_path: Path, bundle: Path) -> None:
    feed = write_long_feed(tmp_path, 100_000, photos_every=500)
    (peak,) = printed(SCREEN, feed, tmp_path / "run", bundle)
    assert peak < MOST_BYTES, f"{peak / 1e6:,.0f} MB"
