"""Where each value of a feed came from: one row for each field of each parcel and carton."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from parcelscope.datasets.manifests.checking import FILE, FORMAT, PLACE, ROW_ID
from parcelscope.datasets.manifests.entries import EntryTable, Message
from parcelscope.datasets.manifests.joining import JoinedRow
from parcelscope.datasets.manifests.tabular import TableText
from parcelscope.datasets.table_files import ROW

PROVENANCE_SCHEMA: dict[str, pl.DataType] = {
    "table": pl.String(),
    "key": pl.String(),
    "field": pl.String(),
    "file": pl.String(),
    "format": pl.String(),
    "message_id": pl.String(),
    "row": pl.Int64(),
    "path": pl.String(),
    "as_written": pl.String(),
}
"""`row` for tables, `path` for messages (of an element, a JSON value or a segment) and for tables
the column; `as_written` only where the value was converted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """One row of a feed that messages were read into."""

    row_id: int
    row: JoinedRow


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRows:
    """The rows of a feed that one table was read into; row `n` of it has id `first_id + n`."""

    first_id: int
    source: TableText
    added: dict[str, str]
    """Fields that were filled where the table has none, and what from."""


def of_messages(rows: list[MessageRow], tables: dict[EntryTable, pl.DataFrame]) -> pl.DataFrame:
    """The provenance of `rows`, as far as they are in `tables`."""
    records = [
        (
            one.row_id,
            one.row.main.table,
            name,
            *_place(entry.message),
            origin.path,
            origin.as_written,
        )
        for one in rows
        for name, (value, entry) in one.row.fields.items()
        for origin in value.origins
    ] + [
        (
            one.row_id,
            one.row.main.table,
            _KEYS[one.row.main.table],
            *_place(one.row.main.message),
            one.row.main.place,
            None,
        )
        for one in rows
    ]
    frame = pl.DataFrame(
        records,
        schema={
            ROW_ID: pl.Int64(),
            **{
                name: dtype
                for name, dtype in PROVENANCE_SCHEMA.items()
                if name not in ("key", "row")
            },
        },
        orient="row",
    )
    keys = pl.concat(
        [
            frame_of.select(ROW_ID, pl.col(_KEYS[table]).alias("key"))
            for table, frame_of in tables.items()
        ]
    )
    return frame.join(keys, on=ROW_ID, how="inner", maintain_order="left").select(
        pl.lit(None, pl.Int64()).alias("row") if name == "row" else pl.col(name)
        for name in PROVENANCE_SCHEMA
    )


def of_table(rows: TableRows, tables: dict[EntryTable, pl.DataFrame]) -> Iterator[pl.DataFrame]:
    """The provenance of one table, a frame for each of its fields, so that few are held at once."""
    source = rows.source
    frame = tables[source.table]
    first, last = rows.first_id, rows.first_id + source.rows_in_file
    keys = frame.filter(pl.col(ROW_ID).is_between(first, last)).select(
        pl.col(_KEYS[source.table]).alias("key"), (pl.col(ROW_ID) - first).alias(ROW)
    )
    text = keys.join(source.frame, on=ROW, how="left", maintain_order="left")
    written = source.written if source.written.width > 1 else None
    for name, column in source.columns.items():
        filled = text.filter(pl.col(name).str.strip_chars() != "").select("key", ROW)
        if written is not None and name in written.columns:
            filled = filled.join(
                written.select(ROW, pl.col(name).alias("as_written")), on=ROW, how="left",
                maintain_order="left",
            )  # fmt: skip
        else:
            filled = filled.with_columns(pl.lit(None, pl.String()).alias("as_written"))
        yield _shaped(filled, source, name, f"column {column}")
    for name, path in rows.added.items():
        empty = text
        if name in source.columns:
            blank = pl.col(name).is_null() | (pl.col(name).str.strip_chars() == "")
            empty = text.filter(blank)
        made = empty.select("key", ROW).with_columns(pl.lit(None, pl.String()).alias("as_written"))
        yield _shaped(made, source, name, path)


def of_derived_cartons(cartons: pl.DataFrame) -> pl.DataFrame:
    """The provenance of cartons that only their parcels name."""
    made = cartons.filter(pl.col(ROW_ID) == -1)
    fields = [name for name in made.columns if name not in (FILE, FORMAT, PLACE, ROW_ID)]
    frames = [
        made.filter(pl.col(name).is_not_null()).select(
            pl.lit("cartons").alias("table"),
            pl.col("carton_id").alias("key"),
            pl.lit(name).alias("field"),
            pl.col(FILE).cast(pl.String).alias("file"),
            pl.col(FORMAT).cast(pl.String).alias("format"),
            pl.lit(None, pl.String()).alias("message_id"),
            pl.lit(None, pl.Int64()).alias("row"),
            pl.col(PLACE).alias("path"),
            pl.lit(None, pl.String()).alias("as_written"),
        )
        for name in fields
    ]
    return pl.concat([pl.DataFrame(schema=PROVENANCE_SCHEMA), *frames])


_KEYS: dict[EntryTable, str] = {"parcels": "parcel_id", "cartons": "carton_id"}


def _place(message: Message) -> tuple[str, str, str | None]:
    return message.file, message.format, message.message_id


def _shaped(filled: pl.DataFrame, source: TableText, name: str, path: str) -> pl.DataFrame:
    return filled.select(
        pl.lit(source.table).alias("table"),
        pl.col("key"),
        pl.lit(name).alias("field"),
        pl.lit(source.message.file).alias("file"),
        pl.lit(source.message.format).alias("format"),
        pl.lit(None, pl.String()).alias("message_id"),
        pl.col(ROW),
        pl.lit(path).alias("path"),
        pl.col("as_written"),
    )
