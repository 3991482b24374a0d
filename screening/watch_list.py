"""Lists of entities that a facility wants to be told of: forced-labour lists, for one.

They are the user's: none ships. A list is CSV, Parquet or NDJSON with the columns of
`WATCH_LIST`; what it means to stand on it is for whoever published it to say.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from parcelscope.datasets.columns import Column, TableSchema
from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.tables import read_table
from parcelscope.screening.outside_tables import require_all_taken

ALIAS_SEPARATOR: Final = ";"
MAX_ENTRIES: Final = 1_000_000

WATCH_LIST: Final = TableSchema(
    name="watch_list",
    meaning="One row per entity on a list that a facility screens names against.",
    key=("list_name", "name", "country", "programme"),
    columns=(
        Column(name="name", type="text", meaning="Name of the entity.", required=True),
        Column(
            name="aliases",
            type="text",
            meaning=f"Other names of it, parted by `{ALIAS_SEPARATOR}`.",
        ),
        Column(
            name="country", type="text", meaning="Country of the entity, ISO 3166-1 alpha-2."
        ),
        Column(
            name="list_name", type="text", meaning="Name of the list, as reasons name it.",
            required=True,
        ),
        Column(
            name="list_date", type="date", meaning="Day of the list's edition.", required=True
        ),
        Column(name="programme", type="text", meaning="Programme or law that the entry is under."),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchLists:
    """All lists of a run as one."""

    names: pl.DataFrame
    """One row per name or alias: name, entity, country, list_name, list_date, programme."""
    digests: dict[str, str]
    """SHA-256 of each file, by its path as it was given."""


def load_watch_lists(paths: Sequence[str | Path]) -> WatchLists | None:
    """The lists in `paths`, or None where there are none.

    Raises:
        FeedError: If one cannot be read, or lacks a column.
        ConfigError: If a row of one is not as it should be, or they are too long.
    """
    if not paths:
        return None
    frames, digests = [], {}
    for path in map(Path, paths):
        read = read_table(path, WATCH_LIST)
        require_all_taken(read, path)
        frames.append(_names(read.frame))
        digests[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    names = pl.concat(frames)
    if names.height > MAX_ENTRIES:
        raise ConfigError(
            f"watch lists: expected at most {MAX_ENTRIES:,} names, got {names.height:,}"
        )
    return WatchLists(names=names, digests=digests)


def _names(entries: pl.DataFrame) -> pl.DataFrame:
    """One row for each name and each alias of `entries`."""
    aliases = pl.col("aliases").fill_null("").str.split(ALIAS_SEPARATOR)
    return (
        entries.select(
            pl.concat_list(pl.col("name"), aliases).alias("name"),
            pl.col("name").alias("entity"),
            pl.col("country").str.strip_chars().str.to_uppercase(),
            "list_name",
            "list_date",
            "programme",
        )
        .explode("name")
        .with_columns(pl.col("name").str.strip_chars())
        .filter(pl.col("name") != "")
        .unique(maintain_order=True)
    )
