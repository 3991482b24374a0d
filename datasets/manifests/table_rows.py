"""Manifest tables on their way to a feed: ids where they have none, and what was filled in."""

from dataclasses import dataclass

import polars as pl

from parcelscope.datasets.manifests.checking import FILE, FORMAT, PLACE, ROW_ID
from parcelscope.datasets.manifests.crosschecks import DERIVED
from parcelscope.datasets.manifests.provenance import TableRows
from parcelscope.datasets.manifests.tabular import REPLACED, TableText
from parcelscope.datasets.manifests.verdicts import VERDICT_SCHEMA, shown
from parcelscope.datasets.table_files import ROW, SURPLUS

COMMAND_LINE = "command line"
_FORMAT_SAYS = "the format of the file"


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedTable:
    """One manifest table as text, ready to be checked."""

    frame: pl.DataFrame
    """Columns of the feed's table that it has, then the hidden ones and `DERIVED`."""
    rows: TableRows
    verdicts: list[pl.DataFrame]


def table_text(source: TableText, *, first_id: int, fill: dict[str, str]) -> PreparedTable:
    """`source` with ids for its rows, and with `fill` where it has nothing."""
    verdicts = [
        _verdicts(source, SURPLUS, "rejected", "fields as in the header", "more fields"),
        _verdicts(source, REPLACED, "note", "UTF-8 text", "bytes that are none, shown as \ufffd"),
    ]
    frame = source.frame.filter(~pl.col(SURPLUS))
    added: dict[str, str] = {}
    is_derived = False
    if source.table == "parcels":
        frame, added, is_derived = _completed(frame, source, fill)
    hidden = frame.select(
        pl.exclude(ROW, SURPLUS, REPLACED),
        pl.lit(source.message.file).alias(FILE),
        pl.lit(source.message.format).alias(FORMAT),
        pl.format("row {}", pl.col(ROW)).alias(PLACE),
        (pl.col(ROW) + first_id).alias(ROW_ID),
        pl.lit(is_derived).alias(DERIVED),
    )
    return PreparedTable(
        frame=hidden,
        rows=TableRows(first_id=first_id, source=source, added=added),
        verdicts=verdicts,
    )


def _completed(
    frame: pl.DataFrame, source: TableText, fill: dict[str, str]
) -> tuple[pl.DataFrame, dict[str, str], bool]:
    """Ids and cartons made of other numbers, and fields filled in; which, and what from."""
    added: dict[str, str] = {}
    is_derived = "parcel_id" not in source.columns
    if is_derived:
        numbers = [name for name in ("tracking_number", "house_bill") if name in source.columns]
        if numbers:
            frame = frame.with_columns(
                pl.coalesce(_filled(name) for name in numbers).alias("parcel_id")
            )
            added["parcel_id"] = " or ".join(f"column {source.columns[name]}" for name in numbers)
    is_postal = source.message.format == "postal-csv"
    if is_postal and "carton_id" not in source.columns and "receptacle_id" in source.columns:
        frame = frame.with_columns(_filled("receptacle_id").alias("carton_id"))
        added["carton_id"] = f"column {source.columns['receptacle_id']}"
    defaults = {name: (text, COMMAND_LINE) for name, text in fill.items()}
    if is_postal and "house_bill" not in source.columns:
        # A table with house bills may be a carrier's; without them it is a post's.
        defaults.setdefault("channel", ("mail", _FORMAT_SAYS))
    for name, (text, origin) in defaults.items():
        present = _filled(name) if name in frame.columns else pl.lit(None, pl.String())
        frame = frame.with_columns(present.fill_null(text).alias(name))
        added[name] = origin
    return frame, added, is_derived


def _filled(name: str) -> pl.Expr:
    text = pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text)


def _verdicts(source: TableText, mark: str, outcome: str, expected: str, got: str) -> pl.DataFrame:
    key = next(
        (n for n in ("parcel_id", "tracking_number", "carton_id") if n in source.columns), None
    )
    return source.frame.filter(pl.col(mark)).select(
        pl.lit(outcome).alias("verdict"),
        pl.lit(source.table).alias("table"),
        pl.lit(source.message.file).alias("file"),
        pl.lit(source.message.format).alias("format"),
        pl.format("row {}", pl.col(ROW)).alias("place"),
        pl.lit("").alias("key")
        if key is None
        else pl.col(key).fill_null("").map_elements(
            lambda text: shown(text) if text else "", return_dtype=pl.String
        ).alias("key"),
        pl.lit("").alias("field"),
        pl.lit(expected).alias("expected"),
        pl.lit(got).alias("got"),
    ).cast(pl.Schema(VERDICT_SCHEMA))  # fmt: skip
