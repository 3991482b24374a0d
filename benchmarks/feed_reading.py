"""What the tables and images of a long feed cost to read: memory, and time per image.

    python benchmarks/feed_reading.py --parcels 100000 --images 600

Tables hold three images a parcel. Images are random bytes of the size of a photo, read loose and
from shards of both kinds; times are of the processor, with the files in the system's memory.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.feed_images import read_image
from parcelscope.inference.shards import ShardPlan
from parcelscope.pipelines.feed_pack import pack_feed

PHOTO_BYTES = 200_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parcels", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        measure_tables(options.measure)
        return
    with tempfile.TemporaryDirectory() as folder:
        tables = write_tables(Path(folder) / "tables", options.parcels)
        # A process of its own: this one has written the tables, which took memory too.
        subprocess.run([sys.executable, __file__, "--measure", str(tables)], check=True)
        measure_images(Path(folder), options.images)


def write_tables(folder: Path, parcels: int) -> Path:
    folder.mkdir()
    ids = [f"P{number:07}" for number in range(parcels)]
    table = pl.DataFrame({"parcel_id": ids}).with_columns(
        tracking_number=pl.format("LX{}CN", "parcel_id"),
        shipper_name=pl.format("Shipper {} Trading Co", "parcel_id"),
        shipper_address=pl.format("{} Long Street, Building 7", "parcel_id"),
        consignee_name=pl.format("Consignee {}", "parcel_id"),
        consignee_address=pl.format("{} Another Avenue", "parcel_id"),
        description=pl.format("cotton shirt number {}", "parcel_id"),
        hs_code=pl.lit("610910"),
        declared_weight_g=pl.lit(420.5),
        value=pl.lit(12.5),
        arrived_at=pl.lit("2026-01-31T13:45:00Z"),
    )
    table.write_csv(folder / "parcels.csv")
    images = [
        pl.DataFrame({"owner_id": ids}).with_columns(
            kind=pl.lit(kind), path=pl.format("{}/{}.jpg", pl.lit(view), "owner_id"),
            sha256=pl.lit("ab" * 32), scanner_model=pl.lit("X1"),
        )
        for kind, view in (("scan", "top"), ("photo", "label"), ("photo", "exterior"))
    ]  # fmt: skip
    pl.concat(images).write_csv(folder / "images.csv")
    return folder


def measure_tables(folder: Path) -> None:
    before = peak_mb()
    began = time.process_time()
    plan = ShardPlan(read_feed(folder))
    taken_s = time.process_time() - began
    grown = peak_mb() - before
    print(
        f"tables of {plan.owners:,} parcels: {taken_s:.1f} s, {grown:,.0f} MB beyond the program's"
        f" {before:,.0f} MB, {1000 * grown / plan.owners:.1f} kB a parcel"
    )


def measure_images(folder: Path, count: int) -> None:
    loose = folder / "loose"
    loose.mkdir()
    paths = [f"{number:05}.jpg" for number in range(count)]
    for path in paths:
        (loose / path).write_bytes(os.urandom(PHOTO_BYTES))
    ids = [path.removesuffix(".jpg") for path in paths]
    pl.DataFrame({"parcel_id": ids}).write_parquet(loose / "parcels.parquet")
    pl.DataFrame({"owner_id": ids, "kind": "photo", "path": paths}).write_parquet(
        loose / "images.parquet"
    )
    pack_feed(loose, folder / "tar", form="tar", shard_bytes=128_000_000)
    pack_feed(loose, folder / "parquet", form="parquet", shard_bytes=128_000_000)
    for name in ("loose", "tar", "parquet"):
        read_image(folder / name, paths[0])  # lists the shards
        began = time.process_time()
        for path in paths:
            read_image(folder / name, path)
        print(f"{name:<8} {1000 * (time.process_time() - began) / count:.2f} ms an image")


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000


if __name__ == "__main__":
    main()
