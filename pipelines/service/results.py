"""The results of a run for whoever asks by HTTP: whole tables as Parquet, pages of them as JSON."""

import json
from pathlib import Path
from typing import Any, Final, Literal, get_args

import polars as pl

from parcelscope.datasets.errors import RunError
from parcelscope.pipelines.run_folder import FLAGS, read_card

TableName = Literal[
    "flags", "parcels", "cartons", "images", "findings", "not_assessed", "quarantine", "notes"
]
TABLES: Final[tuple[TableName, ...]] = get_args(TableName)


def table_frame(folder: Path, table: TableName) -> pl.LazyFrame:
    """The rows of `table` of the run in `folder`, in the order of its parts.

    Raises:
        RunError: If the run has no such table.
    """
    listed = read_card(folder).parts
    if table == "flags":
        paths = [folder / FLAGS]
    elif listed is None:  # a run of an early release
        paths = sorted((folder / table).glob("part-*.parquet"))
    else:
        paths = [folder / part.file for part in listed if part.table == table]
    if not paths or not all(path.is_file() for path in paths):
        raise RunError(f"the run has no table {table}")
    return pl.scan_parquet(paths)


def table_page(
    folder: Path, table: TableName, *, offset: int, limit: int
) -> tuple[int, list[dict[str, Any]]]:
    """How many rows `table` has, and `limit` of them from `offset` on, as JSON has them."""
    rows = table_frame(folder, table)
    count = int(rows.select(pl.len()).collect().item())
    page = rows.slice(offset, limit).collect()
    # Through polars' own JSON, which knows what to do with dates and numbers that are none.
    return count, json.loads(page.write_json())


def write_table(folder: Path, table: TableName, path: Path) -> None:
    """Write all of `table` to `path` as one Parquet file, piece by piece."""
    table_frame(folder, table).sink_parquet(path)
