"""What a postal table costs to convert and to judge: processor time for 100,000 rows, and memory.

    python benchmarks/manifest_tables.py --rows 1000000

The table has twenty columns under names of its own, weights in two units, and some wrong values.
"""

import argparse
import datetime
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from parcelscope.pipelines.manifest_convert import convert
from parcelscope.pipelines.manifest_scorecard import scorecard_of

DESCRIPTIONS = ("cotton shirt", "gift", "phone case", "accessories", "running shoes", "sample")
DAY = datetime.date(2026, 10, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--measure", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        measure(Path(options.measure[0]), options.measure[1], options.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_table(Path(folder) / "post.csv", options.rows)
        # A process each: memory that one of them took does not count for the next.
        for what in ("convert", "convert, with the origin of each value", "scorecard"):
            subprocess.run(
                [sys.executable, __file__, "--rows", str(options.rows), "--measure", folder, what],
                check=True,
            )


def write_table(path: Path, rows: int) -> None:
    chance = np.random.default_rng(1)
    number = pl.Series("number", np.arange(rows))
    pl.DataFrame({"number": number}).select(
        pl.format("UA{}CN", pl.col("number").cast(pl.String).str.zfill(9)).alias("Item ID"),
        pl.format(
            "CNSHAAUSJFKAAUN6{}{}000120",
            (pl.col("number") // 400 % 10_000).cast(pl.String).str.zfill(4),
            (pl.col("number") // 40 % 10 + 1).cast(pl.String).str.zfill(3),
        ).alias("Receptacle"),
        pl.Series("Weight", chance.uniform(-0.01, 3, rows).round(3)),
        pl.Series("Weight Unit", chance.choice(["KGM", "KGM", "LBR"], rows)),
        pl.Series("Content Description", chance.choice(DESCRIPTIONS, rows)),
        pl.Series("HS Tariff Number", chance.choice(["610910", "8517.79", ""], rows)),
        pl.Series("Content Quantity", chance.integers(1, 5, rows)),
        pl.Series("Declared Value", chance.uniform(2, 90, rows).round(2)),
        pl.Series("Currency", chance.choice(["USD", "CNY", "ZZZ"], rows)),
        pl.format("Seller {}", pl.col("number") % 997).alias("Sender Name"),
        pl.format("{} Road, Shenzhen", pl.col("number") % 313).alias("Sender Address"),
        pl.lit("CN").alias("Sender Country"),
        pl.format("Person {}", pl.col("number") % 7919).alias("Addressee Name"),
        pl.format("{} Main St", pl.col("number") % 999).alias("Addressee Address"),
        pl.lit("10001").alias("Addressee Postcode"),
        pl.lit("New York").alias("Addressee City"),
        pl.Series("Addressee Country", chance.choice(["US", "US", "XX"], rows)),
        pl.lit("CN").alias("Country of Origin"),
        pl.lit("2026-03-01T08:00:00Z").alias("Received At"),
        pl.lit("2026-03-01T13:00:00Z").alias("Arrived At"),
    ).write_csv(path)


def measure(folder: Path, what: str, rows: int) -> None:
    feed = folder / f"feed-{len(what)}"
    start = time.process_time()
    if what == "scorecard":
        scorecard_of([folder / f"feed-{len('convert')}"], day=DAY)
    else:
        convert([folder / "post.csv"], feed, with_provenance=what != "convert")
    seconds = time.process_time() - start
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(
        f"{what}: {seconds * 100_000 / rows:.2f} s of processor time for 100,000 rows,"
        f" {peak_gb:.1f} GB at most"
    )


if __name__ == "__main__":
    main()
