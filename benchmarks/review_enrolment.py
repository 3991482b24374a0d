"""How long it takes to bring a large run to review, and how much memory.

    python benchmarks/review_enrolment.py RUN [--parcels 100000] [--flags 2000] [--work FOLDER]

Makes a run of so many parcels by repeating `RUN` (such as `runs/demo/run`) and its feed under other
ids, keeps the first `--flags` flags, and enrols it in a new SQLite database: once, once more, which
does nothing, and with another run card, which goes through all of it and changes nothing. Half a
minute for a hundred thousand parcels; some minutes and 1 GB of disk for a million. CPU time of this
process.
"""

import argparse
import dataclasses
import json
import resource
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import polars as pl

from parcelscope.datasets.feed import read_feed
from parcelscope.pipelines.review_runs import enrol_run
from parcelscope.pipelines.run_folder import CARD, PARTS, read_run, write_flags, write_part
from parcelscope.review.database import open_review

T = TypeVar("T")

IDS = ("parcel_id", "carton_id", "owner_id", "tracking_number", "path", "image_path")
COPIES_AT_ONCE = 250


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--parcels", type=int, default=100_000)
    parser.add_argument("--flags", type=int, default=2_000)
    parser.add_argument("--work", type=Path, default=None)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.work) as name:
        folder = Path(name)
        bundle = chosen.run.absolute().parent / "bundle"
        repeat(chosen.run, folder, parcels=chosen.parcels, flags=chosen.flags)
        engine = open_review(f"sqlite:///{folder / 'review.sqlite'}")
        card = folder / "run" / CARD
        for what in ("enrol", "enrol again", "enrol another card"):
            if what == "enrol another card":
                card.write_text(json.dumps(json.loads(card.read_text()) | {"workers": 0}))
            told = timed(
                what,
                lambda: enrol_run(
                    engine,
                    folder / "run",
                    bundle_folder=bundle if bundle.is_dir() else None,
                ),
            )
            print(f"  {told.enrolled}")
        print(f"database: {(folder / 'review.sqlite').stat().st_size / 1e6:,.0f} MB")
        engine.dispose()


def repeat(source: Path, out: Path, *, parcels: int, flags: int) -> None:
    """Write a feed and a run of `parcels` parcels, `flags` of them flagged, below `out`."""
    run = read_run(source)
    feed = read_feed(Path(run.card.feed))
    copies = -(-parcels // feed.parcels.height)
    flagged = -(-flags // run.flags.height)
    (out / "feed").mkdir()
    for name in ("parcels", "cartons", "images"):
        table: pl.DataFrame = getattr(feed, name)
        plain = table.drop("row", *(["owner_kind"] if name == "images" else []))
        copied(plain, 0, copies).write_parquet(out / "feed" / f"{name}.parquet")
    parts = []
    for name in PARTS:
        for number, first in enumerate(range(0, copies, COPIES_AT_ONCE)):
            rows = copied(getattr(run, name), first, min(first + COPIES_AT_ONCE, copies))
            if name in ("parcels", "cartons") and "arm" in rows.columns:
                # What is flagged no more has no arm, nor what would come with it.
                key = pl.col(rows.columns[0]).str.extract(r"-(\d+)$").cast(pl.Int64)
                rows = rows.with_columns(pl.when(key < flagged).then("arm").alias("arm"))
            parts.append(write_part(out / "run", name, number, rows))
    write_flags(out / "run", copied(run.flags, 0, flagged).head(flags))
    card = json.loads((source / CARD).read_text())
    card |= {"feed": str(out / "feed"), "parts": [dataclasses.asdict(part) for part in parts]}
    (out / "run" / CARD).write_text(json.dumps(card))
    if (source / "references").is_dir():
        shutil.copytree(source / "references", out / "run" / "references")


def copied(frame: pl.DataFrame, first: int, end: int) -> pl.DataFrame:
    """`frame` once for each number from `first` to before `end`, which its ids end in."""
    ids = [name for name in IDS if name in frame.columns]
    return pl.concat(
        [
            frame.with_columns(pl.format("{}-{}", name, pl.lit(k)).alias(name) for name in ids)
            for k in range(first, end)
        ]
    )


def timed(what: str, work: Callable[[], T]) -> T:
    """What `work` gives; prints what it took."""
    wall, cpu = time.monotonic(), time.process_time()
    given = work()
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(
        f"{what}: {time.process_time() - cpu:.2f} s of one core, {time.monotonic() - wall:.1f} s"
        f" wall, at most {most:.1f} GB of memory",
        flush=True,
    )
    return given


if __name__ == "__main__":
    main()
