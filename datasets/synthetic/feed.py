"""The synthetic feed: what a facility might send, in a folder, with the truth beside it."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from parcelscope.datasets.columns import TableSchema
from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.schema import CARTONS, IMAGES, PARCELS, STEP_WEDGES
from parcelscope.datasets.synthetic.carton import draw_carton
from parcelscope.datasets.synthetic.config import SynthConfig
from parcelscope.datasets.synthetic.loose import draw_loose
from parcelscope.datasets.synthetic.plan import CartonPlan, OwnerPlan, make_plan
from parcelscope.datasets.synthetic.reference_files import write_references
from parcelscope.datasets.synthetic.rows import (
    TRUE_CARTONS,
    TRUE_OBJECTS,
    TRUE_PARCELS,
    TRUE_PHOTOS,
    OwnerRows,
    Row,
)
from parcelscope.datasets.synthetic.scan_files import scanners_of
from parcelscope.datasets.synthetic.site import FeedSite
from parcelscope.datasets.tables import dtypes
from parcelscope.datasets.writing import write_csv_whole, write_parquet_whole, write_text_whole
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.wedge import step_wedge

TRUTH_FOLDER = "truth"
FEED_CARD = "feed.json"
CHUNK = 8
"""Owners handed to a process at a time."""


def synth_feed(
    out: Path,
    *,
    parcels: int,
    seed: int,
    config: SynthConfig,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a synthetic feed and its truth to `out`; the same arguments give the same bytes.

    `out` appears whole at the end: tables and images as `docs/feed.md` says, `feed.json`, and in
    `truth/` the tables of `synthetic.rows`, which scoring never reads.

    Args:
        out: Folder to write; new or empty.
        parcels: How many parcels, loose and in cartons together; loose ones alone where the
            configuration says how many cartons there are.
        seed: 0 or more; fixes everything.
        config: What kind of feed.
        workers: Processes; with 1 the work is done in this one.
        progress: Called with owners (loose parcels and cartons) done and in all.

    Raises:
        FeedError: If `out` is not new or empty, or `parcels` or `seed` is out of range.
    """
    if parcels < 1 or seed < 0:
        raise FeedError(
            f"a synthetic feed needs 1 parcel or more and a seed of 0 or more, got {parcels}"
            f" parcels and seed {seed}"
        )
    with _aside(out) as folder:
        site = FeedSite(folder=folder, seed=seed, config=config)
        owners = make_plan(parcels, seed, config).owners
        rows = OwnerRows()
        for done, one in enumerate(_drawn(site, owners, workers), start=1):
            rows.extend(one)
            if progress is not None:
                progress(done, len(owners))
        if config.reference_photos:
            write_references(site, (str(r["sku"]) for r in rows.parcels if r.get("sku")))
        _write_tables(folder, rows, _wedges(site))
        _write_card(folder, parcels, seed, config)


def draw_owner(site: FeedSite, plan: OwnerPlan) -> OwnerRows:
    """Draw and write one loose parcel or one carton; depends on no other."""
    return draw_carton(site, plan) if isinstance(plan, CartonPlan) else draw_loose(site, plan)


def _drawn(site: FeedSite, owners: Sequence[OwnerPlan], workers: int) -> Iterator[OwnerRows]:
    draw = partial(draw_owner, site)
    if workers <= 1:
        yield from map(draw, owners)
        return
    with ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=cv2.setNumThreads,  # the processes are the threads
        initargs=(1,),
    ) as pool:
        yield from pool.map(draw, owners, chunksize=CHUNK)


@contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A folder beside `out` that takes its name if all goes well, and goes away if not."""
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise FeedError(f"{out}: expected a new or empty folder for the feed, got one in use")
    out = out.absolute()
    folder = out.parent / f".{out.name}.{os.getpid()}.part"
    folder.mkdir(parents=True)
    try:
        yield folder
        folder.replace(out)  # onto an empty folder too
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _wedges(site: FeedSite) -> list[Row]:
    """What the facility measured on each of its scanners; their spectra stay unknown to it."""
    rows: list[Row] = []
    for k, (_, scanner) in enumerate(sorted(scanners_of(site.config).items())):
        wedge = step_wedge(scanner, np.random.default_rng([site.seed, 3, k]))
        rows += [
            {
                "scanner_model": scanner.model,
                "scanner_software": scanner.software,
                "pe_mm": float(pe),
                "steel_mm": float(steel),
                # Noise behind the thickest steps; a scanner stores no less than nothing.
                "le": round(max(float(low), 0.0), 2),
                "he": round(max(float(high), 0.0), 2),
                "air_level": float(AIR_LEVEL),
            }
            for pe, steel, low, high in zip(
                wedge.pe_mm, wedge.steel_mm, wedge.le, wedge.he, strict=True
            )
        ]
    return rows


def _write_tables(folder: Path, rows: OwnerRows, wedges: list[Row]) -> None:
    tables: tuple[tuple[TableSchema, list[Row]], ...] = (
        (PARCELS, rows.parcels),
        (CARTONS, rows.cartons),
        (IMAGES, rows.images),
        (STEP_WEDGES, wedges),
    )
    for schema, table in tables:
        write_csv_whole(_frame(table, dtypes(schema)), folder / f"{schema.name}.csv")
    truths = {
        "parcels": (rows.true_parcels, TRUE_PARCELS),
        "cartons": (rows.true_cartons, TRUE_CARTONS),
        "objects": (rows.true_objects, TRUE_OBJECTS),
        "photos": (rows.true_photos, TRUE_PHOTOS),
    }
    for name, (table, types) in truths.items():
        write_parquet_whole(_frame(table, types), folder / TRUTH_FOLDER / f"{name}.parquet")


def _frame(rows: list[Row], types: Mapping[str, pl.DataType]) -> pl.DataFrame:
    columns = {name: [row.get(name) for row in rows] for name in types}
    return pl.DataFrame(columns, schema=dict(types))


def _write_card(folder: Path, parcels: int, seed: int, config: SynthConfig) -> None:
    card = {
        "generator": "parcelscope synth feed",
        "version": metadata.version("parcelscope"),
        "parcels": parcels,
        "seed": seed,
        "config": config.model_dump(mode="json"),
    }
    write_text_whole(folder / FEED_CARD, json.dumps(card, indent=2) + "\n")
