"""Dated exchange rates, from a table that the facility keeps."""

from collections.abc import Iterable
from pathlib import Path
from typing import Final

import polars as pl

from parcelscope.datasets.columns import Column, TableSchema
from parcelscope.datasets.tables import empty_table, read_table
from parcelscope.screening.outside_tables import require_all_taken

EXCHANGE_RATES: Final = TableSchema(
    name="exchange_rates",
    meaning="One row per currency pair and day from which a rate holds.",
    key=("currency", "to_currency", "from"),
    columns=(
        Column(
            name="from",
            type="date",
            meaning="First day of the rate; it holds until the next row of the pair.",
            required=True,
        ),
        Column(
            name="currency",
            type="text",
            meaning="Currency of declared values, ISO 4217.",
            required=True,
            pattern="^[A-Z]{3}$",
        ),
        Column(
            name="to_currency",
            type="text",
            meaning="Currency that a rule states its amount in, ISO 4217; XDR for the special"
            " drawing right.",
            required=True,
            pattern="^[A-Z]{3}$",
        ),
        Column(
            name="rate",
            type="number",
            meaning="What one unit of `currency` is in `to_currency`.",
            required=True,
            minimum=1e-9,
        ),
        Column(name="source", type="text", meaning="Who published it.", required=True),
    ),
)


def read_rates(path: Path) -> pl.DataFrame:
    """The rates in `path`, columns as `EXCHANGE_RATES`.

    Raises:
        ConfigError: If a row cannot be taken; a rate that is left out would change verdicts.
        FeedError: If the file cannot be read as this table.
    """
    read = read_table(path, EXCHANGE_RATES)
    require_all_taken(read, path)
    return read.frame.select(EXCHANGE_RATES.names)


def no_rates() -> pl.DataFrame:
    """A table of rates without rows."""
    return empty_table(EXCHANGE_RATES).select(EXCHANGE_RATES.names)


def with_converted(
    rows: pl.DataFrame,
    currencies: Iterable[str],
    rates: pl.DataFrame,
    *,
    max_age_days: int,
) -> pl.DataFrame:
    """`rows` with their value in each of `currencies`.

    Args:
        rows: With `value`, `currency` (upper case) and `day`, any of them null.
        currencies: What to convert into, as ISO 4217 has it.
        rates: As `read_rates` gives it.
        max_age_days: An older rate is not used.

    Returns:
        `rows` in their order, with columns `value_<currency>`: null without a value, or without a
        rate of the day.
    """
    for name in sorted(set(currencies)):
        rated = _with_rate(rows, name, rates)
        too_old = (pl.col("day") - pl.col("from")).dt.total_days() > max_age_days
        factor = (
            pl.when(pl.col("currency") == name)
            .then(1.0)
            .when(~too_old)
            .then(pl.col("rate"))
            .otherwise(None)
        )
        rows = rated.with_columns((pl.col("value") * factor).alias(f"value_{name}")).drop(
            "rate", "from"
        )
    return rows


def _with_rate(rows: pl.DataFrame, into: str, rates: pl.DataFrame) -> pl.DataFrame:
    """`rows` in their order with `rate` and `from`, the day since which it holds."""
    ours = (
        rates.filter(pl.col("to_currency") == into)
        .select("currency", "from", "rate", pl.col("from").alias("day"))
        .sort("day")
    )
    if ours.is_empty():
        return rows.with_columns(pl.lit(None, pl.Float64).alias("rate"), _NO_DAY.alias("from"))
    place = "\x00valued"
    numbered = rows.with_row_index(place)
    # A null day would stop the join; such rows get no rate.
    dated = numbered.drop_nulls(["day", "currency"]).select(place, "day", "currency").sort("day")
    found = dated.join_asof(
        ours, on="day", by="currency", strategy="backward", check_sortedness=False
    )
    return (
        numbered.join(found.select(place, "rate", "from"), on=place, how="left")
        .sort(place)
        .drop(place)
    )


_NO_DAY: Final = pl.lit(None, pl.Date)
