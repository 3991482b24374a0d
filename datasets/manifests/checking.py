"""Fields as text, made the types of a feed; what cannot be is told, and costs its field only."""

from dataclasses import dataclass

import polars as pl

from parcelscope.datasets.columns import Column, TableSchema, expectation
from parcelscope.datasets.manifests.limits import Limits
from parcelscope.datasets.manifests.verdicts import SHOWN_CHARACTERS, VERDICT_SCHEMA
from parcelscope.datasets.table_values import DTYPES, bad, typed

FILE, FORMAT, PLACE, ROW_ID = "\x00file", "\x00format", "\x00place", "\x00row_id"
"""Columns beside the fields: where a row came from, and a number that no other row has."""
HIDDEN = (FILE, FORMAT, PLACE, ROW_ID)
_CONTROLS = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u0080-\u009f]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """One table in the types of a feed."""

    frame: pl.DataFrame
    """The schema's columns, then `HIDDEN`."""
    verdicts: list[pl.DataFrame]
    """Columns as `VERDICT_SCHEMA`."""


def checked(text: pl.DataFrame, schema: TableSchema, limits: Limits) -> Checked:
    """`text` in the types of `schema`.

    Args:
        text: Columns of `schema` as text, those that the source has, and `HIDDEN`.
        schema: The table.
        limits: Numbers, years and lengths beyond which a value is a slip.
    """
    key = schema.key[0]
    present = [column for column in schema.columns if column.name in text.columns]
    cleaned, verdicts = _cleaned(text, schema, present, limits)
    values: dict[str, pl.Expr] = {}
    wrong: dict[str, pl.Expr] = {}
    for column in present:
        value = typed(column, pl.String())
        if value is None:
            raise TypeError(f"no way from text to {column.type}")
        values[column.name] = value
    frame = cleaned.with_columns(value.alias(f"\x00{name}") for name, value in values.items())
    for column in present:
        value = pl.col(f"\x00{column.name}")
        unlikely = _unlikely(column, value, limits)
        wrong[column.name] = bad(column, pl.String(), value) | unlikely.fill_null(value=False)
    frame = frame.with_columns(mark.alias(f"\x01{name}") for name, mark in wrong.items())
    for column in present:
        rows = frame.filter(pl.col(f"\x01{column.name}"))
        if rows.height:
            outcome = "rejected" if column.name == key else "without_value"
            verdicts.append(
                _verdicts(rows, schema, column.name, outcome, _expected(column, limits))
            )
    usable = frame.filter(~pl.col(f"\x01{key}")) if key in wrong else frame.clear()
    if key not in wrong and frame.height:
        verdicts.append(
            _verdicts(frame.with_columns(pl.lit(None, pl.String()).alias(key)), schema, key,
                      "rejected", expectation(schema.column(key)))
        )  # fmt: skip
    columns = [
        pl.when(~pl.col(f"\x01{column.name}")).then(pl.col(f"\x00{column.name}")).alias(column.name)
        if column.name in values
        else pl.lit(None, DTYPES[column.type]).alias(column.name)
        for column in schema.columns
    ]
    return Checked(frame=usable.select(*columns, *HIDDEN), verdicts=verdicts)


def _cleaned(
    text: pl.DataFrame, schema: TableSchema, present: list[Column], limits: Limits
) -> tuple[pl.DataFrame, list[pl.DataFrame]]:
    """`text` with single blanks, without control characters, and cut where it is too long.

    Ids are left alone: what is wrong with them costs them.
    """
    verdicts = []
    for column in present:
        if column.type != "text" or column.pattern is not None:
            continue
        name = pl.col(column.name)
        controls = text.filter(name.str.contains(_CONTROLS))
        if controls.height:
            verdicts.append(
                _verdicts(controls, schema, column.name, "note", "text without control characters")
            )
            text = text.with_columns(name.str.replace_all(_CONTROLS, "\ufffd"))
        if text.get_column(column.name).str.contains(r"[\r\n\t]").any():
            text = text.with_columns(name.str.replace_all(r"\s+", " "))
        long = text.filter(name.str.len_chars() > limits.text_characters)
        if long.height:
            expected = f"at most {limits.text_characters:,} characters; the rest is cut off"
            verdicts.append(_verdicts(long, schema, column.name, "note", expected))
            text = text.with_columns(name.str.slice(0, limits.text_characters))
    return text, verdicts


def _unlikely(column: Column, value: pl.Expr, limits: Limits) -> pl.Expr:
    if column.type == "datetime":
        first, last = limits.years
        return ~value.dt.year().is_between(first, last)
    if column.name in limits.largest:
        return value > limits.largest[column.name]
    return pl.lit(value=False)


def _expected(column: Column, limits: Limits) -> str:
    if column.type == "datetime":
        return f"{expectation(column)}, from {limits.years[0]} to {limits.years[1]}"
    if column.name in limits.largest:
        return f"{expectation(column)} and at most {limits.largest[column.name]:,.0f}"
    return expectation(column)


def _verdicts(
    rows: pl.DataFrame, schema: TableSchema, field: str, outcome: str, expected: str
) -> pl.DataFrame:
    """One verdict for each of `rows`, on its `field` as written."""
    key = schema.key[0]
    printable = r"[\x00-\x1f\x7f]"
    return rows.select(
        pl.lit(outcome).alias("verdict"),
        pl.lit(schema.name).alias("table"),
        pl.col(FILE).cast(pl.String).alias("file"),
        pl.col(FORMAT).cast(pl.String).alias("format"),
        pl.col(PLACE).alias("place"),
        (pl.col(key) if key in rows.columns else pl.lit(None, pl.String()))
        .fill_null("")
        .str.slice(0, SHOWN_CHARACTERS)
        .str.replace_all(printable, "\ufffd")
        .alias("key"),
        pl.lit(field).alias("field"),
        pl.lit(expected).alias("expected"),
        pl.col(field)
        .fill_null("nothing")
        .str.slice(0, SHOWN_CHARACTERS)
        .str.replace_all(printable, "\ufffd")
        .alias("got"),
    ).cast(pl.Schema(VERDICT_SCHEMA))
