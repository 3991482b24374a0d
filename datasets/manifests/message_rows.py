"""Joined consignments of messages on their way to a feed."""

import polars as pl

from parcelscope.datasets.manifests.checking import FILE, FORMAT, PLACE, ROW_ID
from parcelscope.datasets.manifests.column_names import SCHEMAS
from parcelscope.datasets.manifests.crosschecks import DERIVED
from parcelscope.datasets.manifests.entries import EntryTable
from parcelscope.datasets.manifests.joining import JoinedRow
from parcelscope.datasets.manifests.provenance import MessageRow


def numbered_rows(rows: list[JoinedRow], *, first_id: int) -> list[MessageRow]:
    """`rows` with ids from `first_id` on."""
    return [MessageRow(row_id=first_id + index, row=row) for index, row in enumerate(rows)]


def message_frames(rows: list[MessageRow], table: EntryTable) -> list[pl.DataFrame]:
    """The rows of `table` as one frame of text, ready to be checked; none where there are none."""
    mine = [one for one in rows if one.row.main.table == table]
    if not mine:
        return []
    schema = SCHEMAS[table]
    present = {name for one in mine for name in one.row.fields}
    columns: dict[str, list[str | None]] = {
        name: [one.row.fields[name][0].text if name in one.row.fields else None for one in mine]
        for name in schema.names
        if name in present
    }
    columns[schema.key[0]] = [one.row.key for one in mine]
    columns[FILE] = [one.row.main.message.file for one in mine]
    columns[FORMAT] = [one.row.main.message.format for one in mine]
    columns[PLACE] = [one.row.main.place for one in mine]
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String()))
    return [
        frame.with_columns(
            pl.Series(ROW_ID, [one.row_id for one in mine], dtype=pl.Int64),
            pl.Series(DERIVED, [one.row.main.is_key_derived for one in mine], dtype=pl.Boolean),
        )
    ]
