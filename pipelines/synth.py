"""`parcelscope synth feed`: a feed of invented parcels, with its truth."""

from pathlib import Path

import polars as pl

from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import TRUTH_FOLDER, synth_feed
from parcelscope.pipelines.progress import Report, silent


def synthesise_feed(
    out: Path,
    *,
    parcels: int,
    seed: int = 0,
    config_path: Path | None = None,
    workers: int = 2,
    progress: Report = silent,
) -> str:
    """Write a synthetic feed to `out`; gives one sentence about it.

    Raises:
        ConfigError: If the settings cannot be read or do not fit.
        FeedError: If `out` is in use.
    """
    synth_feed(
        out,
        parcels=parcels,
        seed=seed,
        config=load_synth_config(config_path),
        workers=workers,
        progress=lambda done, total: progress("drawing", done, total),
    )
    truth = {
        name: pl.read_parquet(out / TRUTH_FOLDER / f"{name}s.parquet")
        for name in ("parcel", "carton")
    }
    counts = " and ".join(
        f"{len(table):,} {name}s ({int(table['violative'].sum()):,} violative)"
        for name, table in truth.items()
    )
    return f"{out}: {counts}; what is true of them is in {out / TRUTH_FOLDER}"
