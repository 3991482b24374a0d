"""A small feed whose violative parcels hold something dark, with a table of outcomes."""

from pathlib import Path

import numpy as np
import polars as pl
from tests.inference.tiny_feed import dual_counts, scan_row, write_tables

from parcelscope.datasets.scan_writing import write_dual_tiff

PARCELS = 60


def write_outcome_feed(folder: Path) -> Path:
    """Write the feed into `folder`; the table of outcomes, of all but the last four parcels."""
    folder.mkdir()
    rng = np.random.default_rng(8)
    ids = [f"P{n:03}" for n in range(PARCELS)]
    violative = [n % 2 == 0 for n in range(PARCELS)]
    images = []
    for n, owner_id in enumerate(ids):
        # Most violative parcels hold a dark square, and so do a few others.
        shown = violative[n] == (rng.random() < 0.85)
        low, high = dual_counts(*([(40, 40)] if shown else []), seed=n)
        write_dual_tiff(folder / f"{owner_id}.tif", low, high)
        images.append(scan_row(owner_id, f"{owner_id}.tif"))
    write_tables(folder, parcels=ids, images=images)
    outcomes = folder.with_suffix(".outcomes.csv")
    pl.DataFrame({"parcel_id": ids, "violative": violative}).head(-4).write_csv(outcomes)
    return outcomes
