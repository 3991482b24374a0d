"""A table of a feed, read and checked against its schema, column by column."""

from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import polars as pl

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.schema import TableSchema, expectation
from parcelscope.datasets.table_files import ROW, SUFFIXES, SURPLUS, read_raw
from parcelscope.datasets.table_values import DTYPES, bad, typed

__all__ = ["ROW", "SUFFIXES", "TableRead", "dtypes", "empty_table", "no_rejections", "read_table"]

REJECTED_DTYPES: dict[str, pl.DataType] = {
    "table": pl.String(),
    "file": pl.String(),
    "row": pl.Int64(),
    "column": pl.String(),
    "expected": pl.String(),
    "got": pl.String(),
    "key": pl.String(),
}
"""Columns of `TableRead.rejected`, one row for each row of the file that was not taken."""

_FIRST = "\x00first"
_TYPED = "\x00typed "
# Enough to recognise a value in a report; a megabyte of junk in a field stays out of it.
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRead:
    """What one file of a feed holds."""

    frame: pl.DataFrame
    """The rows kept: exactly the schema's columns in their types, then `row`."""
    rejected: pl.DataFrame
    """One row for each row with a bad value, with its first bad column."""
    rows: int
    """Data rows in the file: those kept and those rejected."""


def read_table(path: Path, schema: TableSchema) -> TableRead:
    """Read `path` as a table of `schema`.

    A bad value (not a number, a negative weight, an empty required field) costs its row and never
    the run. `row` counts data rows from 1; a CSV header is not one.

    Raises:
        FeedError: If the file cannot be read, is empty, lacks or invents columns, holds a column of
            the wrong type, or has a key twice.
    """
    raw = read_raw(path, schema)
    checked = _checked(path, raw, schema)
    _refuse_duplicates(path, checked, schema)
    spoilt = checked.get_column(_FIRST).is_not_null()
    rejected = (
        _rejections(path, raw.filter(spoilt), checked.filter(spoilt), schema)
        if spoilt.any()
        else no_rejections()
    )
    frame = checked.filter(~spoilt) if spoilt.any() else checked
    return TableRead(frame=frame.select(*schema.names, ROW), rejected=rejected, rows=raw.height)


def dtypes(schema: TableSchema) -> dict[str, pl.DataType]:
    """The polars type of each column of `schema`, in order, without `row`."""
    return {column.name: DTYPES[column.type] for column in schema.columns}


# Made once each: an empty table of many columns costs as much as a small computation.
@cache
def empty_table(schema: TableSchema) -> pl.DataFrame:
    """A table of `schema` without rows, as `read_table` would give it."""
    return pl.DataFrame(schema={**dtypes(schema), ROW: pl.Int64()})


@cache
def no_rejections() -> pl.DataFrame:
    """A table of rejected rows that has none."""
    return pl.DataFrame(schema=REJECTED_DTYPES)


def _checked(path: Path, raw: pl.DataFrame, schema: TableSchema) -> pl.DataFrame:
    """Parsed columns, `ROW`, and `_FIRST`: the index of a row's first bad column, null if none.

    Index -1 stands for a row with too many fields.
    """
    values, kept = _reading(path.name, schema, tuple(raw.schema.items()))
    return raw.with_columns(values).select(kept)


# A service reads tables of one row and always the same columns, for which putting the expressions
# together takes longer than applying them.
@lru_cache(maxsize=32)
def _reading(
    file: str, schema: TableSchema, found: tuple[tuple[str, pl.DataType], ...]
) -> tuple[list[pl.Expr], list[pl.Expr]]:
    """What parses the columns `found` in `file`, and what then keeps and judges their values."""
    dtypes_found = dict(found)
    values: list[pl.Expr] = []
    problems: list[pl.Expr] = [pl.when(pl.col(SURPLUS)).then(pl.lit(-1, pl.Int32))]
    for index, column in enumerate(schema.columns):
        if column.name not in dtypes_found:
            values.append(pl.lit(None, DTYPES[column.type]).alias(_TYPED + column.name))
            continue
        dtype = dtypes_found[column.name]
        value = typed(column, dtype)
        if value is None:
            raise FeedError(f"{file}: column {column.name!r} must be {column.type}, got {dtype}")
        values.append(value.alias(_TYPED + column.name))
        wrong = bad(column, dtype, pl.col(_TYPED + column.name))
        problems.append(pl.when(wrong).then(pl.lit(index, pl.Int32)))
    kept = [pl.col(_TYPED + name).alias(name) for name in schema.names]
    return values, [*kept, pl.col(ROW), pl.coalesce(problems).alias(_FIRST)]


def _refuse_duplicates(path: Path, checked: pl.DataFrame, schema: TableSchema) -> None:
    if not schema.key:
        return
    # A row without a usable key clashes with nothing; it is rejected anyway.
    key_indices = [schema.names.index(name) for name in schema.key]
    keyed = checked.filter(~pl.col(_FIRST).is_in(key_indices).fill_null(value=False))
    clash = keyed.select(*schema.key, ROW).filter(pl.struct(*schema.key).is_duplicated())
    if clash.is_empty():
        return
    first = clash.row(0, named=True)
    second = clash.filter(
        pl.all_horizontal(pl.col(name).eq_missing(pl.lit(first[name])) for name in schema.key)
    ).row(1, named=True)
    names = ", ".join(f"{name} {first[name]!r}" for name in schema.key)
    raise FeedError(
        f"{path.name} rows {first[ROW]} and {second[ROW]}: {names} must be unique in table "
        f"{schema.name}, got it twice"
    )


def _rejections(
    path: Path, raw: pl.DataFrame, checked: pl.DataFrame, schema: TableSchema
) -> pl.DataFrame:
    """The rejected rows, said in `REJECTED_DTYPES`; `raw` and `checked` hold only those rows."""
    first = pl.col(_FIRST)
    wording = {index: expectation(column) for index, column in enumerate(schema.columns)}
    fields = sum(name not in (ROW, SURPLUS) for name in raw.columns)
    got = pl.coalesce(
        pl.when(first == index).then(
            pl.col(column.name).cast(pl.String, strict=False).fill_null("nothing")
        )
        for index, column in enumerate(schema.columns)
        if column.name in raw.columns
    )
    present = [name for name in schema.key if name in raw.columns]
    shown = [_shown(name) for name in present] or [pl.lit(None, pl.String())]
    key = pl.concat_str(shown, separator=" ", ignore_nulls=True)
    return raw.with_columns(checked.get_column(_FIRST)).select(
        pl.lit(schema.name).alias("table"),
        pl.lit(path.name).alias("file"),
        ROW,
        first.replace_strict(
            dict(enumerate(schema.names)), default="", return_dtype=pl.String
        ).alias("column"),
        first.replace_strict(
            wording, default=f"{fields} fields, as in the header", return_dtype=pl.String
        ).alias("expected"),
        pl.when(first < 0)
        .then(pl.lit("more fields"))
        .otherwise(got.str.slice(0, _SHOWN_CHARACTERS))
        .alias("got"),
        key.str.slice(0, _SHOWN_CHARACTERS).alias("key"),
    )


def _shown(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String, strict=False).str.strip_chars()
