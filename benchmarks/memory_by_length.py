"""Memory of a whole run by the length of its feed: what the tables of a window take.

    python benchmarks/memory_by_length.py 20000 40000 60000

Some parcels are drawn and scored by the built-in bundle. A feed of each length repeats their rows
and images under ids, numbers and consignees of its own, and `screen` runs over it in a process of
its own, whose shards are given what was found on the drawn parcels instead of scoring them again.
That leaves out the threads that score, whose memory does not depend on the length (a test holds
it), and leaves in all that does: the feed, the parts, the window, the ledger and the report.
"""

import argparse
import pickle
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import synth_feed
from parcelscope.inference.detectors import load_detectors
from parcelscope.inference.engine import ShardResult, score_feed
from parcelscope.inference.executors import WorkerMaker
from parcelscope.inference.shards import ShardReceipt, ShardSpec
from parcelscope.models.bundle import builtin_bundle_folder, load_bundle
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.shard_work import WorkerRecipe, commit_shard

DRAWN = 24
SCORED = "scored.pkl"
MEGABYTE = 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("lengths", type=int, nargs="*", default=[20_000, 40_000, 60_000])
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--stages", action="store_true", help="memory through time as well")
    told = parser.parse_args()
    if told.one is not None:
        run(told.one, told.lengths[0], stages=told.stages)
        return
    with tempfile.TemporaryDirectory() as name:
        drawn = Path(name) / "drawn"
        config = load_synth_config(None).model_copy(update={"photos": 1.0})
        synth_feed(drawn, parcels=DRAWN, seed=5, config=config)
        score_drawn(drawn)
        for length in told.lengths:
            words = [sys.executable, __file__, str(length), "--one", str(drawn)]
            subprocess.run(words + ["--stages"] * told.stages, check=True)


def run(drawn: Path, length: int, *, stages: bool) -> None:
    """Screen a feed of `length` parcels and print the most memory that this process had."""
    bundle = builtin_bundle_folder()
    result = pickle.loads((drawn / SCORED).read_bytes())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "feed"
        folder.mkdir()
        ids = write_repeated(folder, drawn, length)
        samples = Samples(stages)
        if stages:
            threading.Thread(target=samples.take, daemon=True).start()
        began = time.process_time()
        executor = Repeated(result, ids, samples)
        summary = screen(folder, Path(name) / "run", bundle_folder=bundle, executor=executor)
        took_s = time.process_time() - began
        assert summary.counts.parcels.assessed == length
    peak = peak_bytes()
    print(
        f"{length:,} parcels, {summary.counts.findings:,} findings: peak"
        f" {peak / MEGABYTE:,.0f} MB, {executor.peak_bytes / MEGABYTE:,.0f} MB of it before the"
        f" window; {took_s:.0f} s of CPU",
        flush=True,
    )


def score_drawn(drawn: Path) -> None:
    """Keep what the built-in bundle finds on the parcels in `drawn`."""
    bundle = builtin_bundle_folder()
    feed = read_feed(drawn)
    loose = replace(feed, cartons=feed.cartons.clear())
    (result,) = score_feed(loose, load_detectors(load_bundle(bundle)[0], bundle), workers=2)
    (drawn / SCORED).write_bytes(pickle.dumps(result))


def write_repeated(folder: Path, drawn: Path, length: int) -> dict[str, str]:
    """A feed of `length` parcels like those in `drawn`; of which drawn one each is a copy."""
    feed = read_feed(drawn)
    parcels = feed.parcels.drop("row", "carton_id").with_row_index("of")
    place = pl.DataFrame({"n": pl.int_range(length, eager=True)}).with_columns(
        (pl.col("n") % parcels.height).cast(pl.UInt32).alias("of"),
        pl.format("P{}", pl.col("n").cast(pl.String).str.zfill(7)).alias("new_id"),
    )
    digits = pl.col("n").cast(pl.String).str.zfill(9)
    rows = place.join(parcels, on="of", maintain_order="left").with_columns(
        pl.format("XX{}YY", digits).alias("tracking_number"),
        pl.format("{} {}", "consignee_name", digits).alias("consignee_name"),
        pl.format("{} {}", "consignee_address", digits).alias("consignee_address"),
    )
    images = feed.images.filter(pl.col("owner_kind") == "parcel").drop("row", "owner_kind")
    owned = rows.select(pl.col("parcel_id").alias("owner_id"), "new_id").join(images, on="owner_id")
    ids = dict(rows.select("new_id", "parcel_id").iter_rows())
    rows.drop("n", "of", "parcel_id").rename({"new_id": "parcel_id"}).write_parquet(
        folder / "parcels.parquet"
    )
    owned.drop("owner_id").rename({"new_id": "owner_id"}).with_columns(
        pl.lit(None, pl.String).alias("sha256")
    ).write_parquet(folder / "images.parquet")
    feed.step_wedges.drop("row").write_parquet(folder / "step_wedges.parquet")
    for path in images["path"].unique():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if (drawn / path).is_file():
            (folder / path).hardlink_to(drawn / path)
    return ids


@dataclass(slots=True)
class Repeated:
    """An executor that gives every shard what was found on drawn parcels, and commits it."""

    result: ShardResult
    ids: dict[str, str]
    samples: "Samples"
    peak_bytes: int = 0
    name: str = "local"

    def threads(self, workers: int) -> int:
        """All of them."""
        return workers

    def map_shards(
        self,
        specs: Iterable[ShardSpec],
        make_worker: WorkerMaker,
        cancelled: Callable[[], bool],
    ) -> Iterator[ShardReceipt]:
        """A receipt for each of `specs`."""
        assert isinstance(make_worker, WorkerRecipe)
        assert make_worker.loaded is not None
        said = {
            kind: by_owner(getattr(self.result, kind))
            for kind in ("findings", "not_assessed", "image_verdicts", "embeddings")
        }
        for spec in specs:
            told = {
                kind: tuple(
                    replace(one, owner_id=owner_id)
                    for _, owner_id in spec.owners
                    for one in owned.get(self.ids[owner_id], ())
                )
                for kind, owned in said.items()
            }
            result = ShardResult(index=spec.index, owners=len(spec.owners), **told)
            yield commit_shard(make_worker, make_worker.loaded.ledger, spec, result)
        self.peak_bytes = peak_bytes()
        self.samples.note("shards committed")


def peak_bytes() -> int:
    """The most memory that this program had.

    `getrusage` would also count what the process held before this program was started in it.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def by_owner(rows: Iterable[Any]) -> dict[str, list[Any]]:
    """What was said of each parcel."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        if row.owner_kind == "parcel":
            found.setdefault(row.owner_id, []).append(row)
    return found


class Samples:
    """Memory through time, printed whenever it reaches a new height."""

    def __init__(self, is_wanted: bool) -> None:
        self.is_wanted = is_wanted
        self.highest = 0.0

    def take(self) -> None:
        """Look twenty times a second, for ever; say what the main thread does at new heights."""
        main = threading.main_thread().ident
        while True:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            now = pages * resource.getpagesize() / MEGABYTE
            if now > self.highest + 15:
                self.highest = now
                frames, frame = [], sys._current_frames().get(main)
                while frame is not None:
                    if "site-packages" not in frame.f_code.co_filename:
                        frames.append(f"{Path(frame.f_code.co_filename).stem}:{frame.f_lineno}")
                    frame = frame.f_back
                print(f"  {now:,.0f} MB at {' < '.join(frames[:4])}", flush=True)
            time.sleep(0.01)

    def note(self, words: str) -> None:
        """Say `words` with the memory in use, if anybody wants to know."""
        if not self.is_wanted:
            return
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        print(f"  {words}: {pages * resource.getpagesize() / MEGABYTE:,.0f} MB in use", flush=True)


if __name__ == "__main__":
    main()
