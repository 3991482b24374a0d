"""Damaged tables: each is read as far as it can be believed, or refused with a sentence."""

import io
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.hostile_feed import (
    empty,
    flipped,
    flipped_head,
    of_zeros,
    overwritten,
    spliced,
    truncated,
    web_page,
)

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import read_feed

ROWS = 30
DAMAGES = (truncated, flipped, flipped_head, overwritten, spliced, of_zeros, empty, web_page)
_SHARES = np.array([4, 6, 6, 4, 3, 1, 1, 1]) / 26
_IDS = [f"P{n}" for n in range(ROWS)]
TABLES = {
    "parcels": pl.DataFrame(
        {
            "parcel_id": _IDS,
            "description": ['a "quoted" thing, and ü'] * ROWS,
            "declared_weight_g": [float(n) for n in range(ROWS)],
            "arrived_at": ["2026-01-31T13:45:00Z"] * ROWS,
        }
    ),
    "images": pl.DataFrame(
        {
            "owner_id": _IDS,
            "kind": ["photo"] * ROWS,
            "path": [f"{n}.jpg" for n in range(ROWS)],
            "pixel_pitch_mm": [1.0] * ROWS,
        }
    ),
}
FORMS = (".csv", ".ndjson", ".parquet")


def written(table: pl.DataFrame, form: str) -> bytes:
    stream = io.BytesIO()
    {".csv": table.write_csv, ".ndjson": table.write_ndjson, ".parquet": table.write_parquet}[form](
        stream
    )
    return stream.getvalue()


def outcomes(folder: Path, *, items: int, seed: int) -> Counter[str]:
    """How reading ended for `items` feeds of which one table is damaged."""
    rng = np.random.default_rng(seed)
    told: Counter[str] = Counter()
    for n in range(items):
        name, other = list(TABLES)[:: 1 if n % 2 else -1]
        form = FORMS[int(rng.integers(len(FORMS)))]
        damage = DAMAGES[int(rng.choice(len(DAMAGES), p=_SHARES))]
        feed = folder / str(n)
        feed.mkdir()
        (feed / f"{name}{form}").write_bytes(damage(written(TABLES[name], form), rng))
        (feed / f"{other}.csv").write_bytes(written(TABLES[other], ".csv"))
        try:
            read = read_feed(feed)
        except FeedError as error:
            # The sentence names the table that it is about.
            told["refused" if f"{feed}" in str(error) or name in str(error) else "unnamed"] += 1
        else:
            kept = read.parcels.height + read.images.height
            assert kept + read.rejected.height == sum(read.rows.values())
            told["read"] += 1
    return told


def test_damaged_tables_are_read_or_refused(tmp_path: Path) -> None:
    told = outcomes(tmp_path, items=150, seed=1)
    assert told.total() == 150
    assert told["unnamed"] == 0
    assert min(told["read"], told["refused"]) > 15


@pytest.mark.slow
def test_a_soak_of_damaged_tables(tmp_path: Path) -> None:
    outcomes(tmp_path, items=4000, seed=2)
