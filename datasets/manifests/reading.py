"""Manifests of any known form, read into the `parcels` and `cartons` of a feed."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.manifests.cargo_xml import read_cargo_xml
from parcelscope.datasets.manifests.checking import (
    FILE,
    FORMAT,
    HIDDEN,
    PLACE,
    ROW_ID,
    checked,
)
from parcelscope.datasets.manifests.column_names import SCHEMAS, shipped_names
from parcelscope.datasets.manifests.crosschecks import DERIVED, cross_checked
from parcelscope.datasets.manifests.edifact import read_edifact
from parcelscope.datasets.manifests.entries import EntryTable, Format, Message, Reading
from parcelscope.datasets.manifests.formats import ManifestFile, format_of, manifest_files
from parcelscope.datasets.manifests.joining import joined
from parcelscope.datasets.manifests.limits import Limits, shipped_limits
from parcelscope.datasets.manifests.message_rows import message_frames, numbered_rows
from parcelscope.datasets.manifests.postal_json import read_postal_json
from parcelscope.datasets.manifests.provenance import (
    TableRows,
    of_derived_cartons,
    of_messages,
    of_table,
)
from parcelscope.datasets.manifests.table_rows import COMMAND_LINE, table_text
from parcelscope.datasets.manifests.tabular import read_tabular
from parcelscope.datasets.manifests.verdicts import VERDICT_SCHEMA, Verdict, verdicts_frame
from parcelscope.datasets.table_files import ROW, SURPLUS
from parcelscope.datasets.tables import dtypes

_READERS: Final[dict[Format, Callable[[bytes, str, Limits], Reading]]] = {
    "cargo-xml": read_cargo_xml,
    "postal-json": read_postal_json,
    "edifact": read_edifact,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One file that was read."""

    name: str
    format: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifests:
    """What all sources came to."""

    parcels: pl.DataFrame
    """Columns of the feed's table in their types."""
    cartons: pl.DataFrame
    verdicts: pl.DataFrame
    """Columns as `VERDICT_SCHEMA`."""
    files: tuple[SourceFile, ...]
    passed_over: int
    """Files of folders that are no manifests."""
    taken_in: int
    """Rows of tables and consignments of messages, of both tables of a feed."""
    joined: int
    """Consignments that became part of another one's row."""
    derived_cartons: int
    """Cartons that no row describes, made of the parcels that name them."""
    rejected: int
    """Rows, consignments, messages and files that no row was made of."""
    origins: pl.DataFrame
    """`parcel_id`, `file` and `format` of each parcel."""
    provenance: Callable[[], Iterator[pl.DataFrame]]
    """Gives the provenance, part by part."""


@dataclass(slots=True)
class _Gathered:
    readings: Reading = field(default_factory=Reading)
    tables: list[TableRows] = field(default_factory=list)
    frames: dict[EntryTable, list[pl.DataFrame]] = field(
        default_factory=lambda: {"parcels": [], "cartons": []}
    )
    verdicts: list[pl.DataFrame] = field(default_factory=list)
    files: list[SourceFile] = field(default_factory=list)
    unread: int = 0
    """Rejections of what was never taken in: files, messages, declarations without an id."""
    next_id: int = 0
    table_rows: int = 0


def read_manifests(
    sources: Sequence[Path],
    *,
    form: Format | None = None,
    fill: dict[str, str] | None = None,
    limits: Limits | None = None,
) -> Manifests:
    """The parcels and cartons in `sources`, each a file or a folder.

    Nothing that a file holds raises: what cannot be taken ends as a verdict that names file, place,
    field, what was expected and what came.

    Args:
        sources: Files and folders.
        form: The form of all files; told by their content if left out.
        fill: Fields of parcels to fill where a source has nothing, as text.
        limits: What is a slip; as shipped if left out.

    Raises:
        FeedError: If a source is not there, none holds a manifest, or the counts do not add up.
    """
    bounds = limits if limits is not None else shipped_limits()
    files, passed_over = manifest_files(sources)
    gathered = _Gathered()
    for file in files:
        _read(file, form, bounds, fill or {}, gathered)
    done = joined(gathered.readings.entries, fill=fill, filled_by=COMMAND_LINE)
    gathered.verdicts.append(verdicts_frame(done.verdicts))
    gathered.readings.joined = done.joined
    message_rows = numbered_rows(done.rows, first_id=gathered.next_id)
    for table in SCHEMAS:
        gathered.frames[table] += message_frames(message_rows, table)
    frames: dict[EntryTable, pl.DataFrame] = {}
    for table, schema in SCHEMAS.items():
        checked_frames = []
        for text in gathered.frames[table]:
            one = checked(text.drop(DERIVED), schema, bounds)
            derived = text.select(ROW_ID, DERIVED)
            checked_frames.append(
                one.frame.join(derived, on=ROW_ID, how="left", maintain_order="left")
            )
            gathered.verdicts += one.verdicts
        frames[table] = pl.concat([_no_rows(table), *checked_frames])
    crossed = cross_checked(
        frames["parcels"], frames["cartons"], bounds, named=_named_cartons(gathered)
    )
    gathered.verdicts += crossed.verdicts
    tables: dict[EntryTable, pl.DataFrame] = {
        "parcels": crossed.parcels,
        "cartons": crossed.cartons,
    }

    def provenance() -> Iterator[pl.DataFrame]:
        yield of_messages(message_rows, tables)
        yield of_derived_cartons(crossed.cartons)
        for rows in gathered.tables:
            yield from of_table(rows, tables)

    return _summed(gathered, tables, crossed.derived_cartons, passed_over, provenance)


def _read(
    file: ManifestFile, form: Format | None, limits: Limits, fill: dict[str, str],
    gathered: _Gathered,
) -> None:  # fmt: skip
    told = form if form is not None else format_of(file.path)
    size = file.path.stat().st_size
    gathered.files.append(
        SourceFile(name=file.name, format=told or "unknown", size_bytes=size,
                   sha256=_digest(file.path))
    )  # fmt: skip
    if told is None:
        verdict = Message(file=file.name, format="table").verdict(
            "rejected", place="file", got=f"a file that ends in {file.path.suffix!r}",
            expected="Cargo-XML, JSON, EDIFACT, CSV, NDJSON or Parquet",
        )  # fmt: skip
        gathered.verdicts.append(verdicts_frame([verdict]))
        gathered.unread += 1
        return
    reader = _READERS.get(told)
    if reader is None:
        _read_table(file, limits, fill, gathered)
        return
    reading = (
        reader(file.path.read_bytes(), file.name, limits)
        if size <= limits.message_bytes
        else Reading(verdicts=[_too_large(file, told, size, limits)])
    )
    gathered.readings.entries += reading.entries
    gathered.readings.messages += reading.messages
    gathered.unread += sum(verdict.verdict == "rejected" for verdict in reading.verdicts)
    gathered.verdicts.append(verdicts_frame(reading.verdicts))


def _read_table(
    file: ManifestFile, limits: Limits, fill: dict[str, str], gathered: _Gathered
) -> None:
    source = read_tabular(file.path, file.name, shipped_names(), limits)
    if isinstance(source, Verdict):
        gathered.verdicts.append(verdicts_frame([source]))
        gathered.unread += 1
        return
    prepared = table_text(source, first_id=gathered.next_id, fill=fill)
    gathered.next_id += source.rows_in_file + 1
    gathered.table_rows += source.frame.height
    gathered.tables.append(prepared.rows)
    gathered.frames[source.table].append(prepared.frame)
    gathered.verdicts.append(verdicts_frame(source.verdicts))
    gathered.verdicts += prepared.verdicts


def _named_cartons(gathered: _Gathered) -> pl.DataFrame:
    """`ROW_ID` and `carton_id` of every parcel row, those with fields too many included."""
    schema = {ROW_ID: pl.Int64(), "carton_id": pl.String()}
    frames = [
        text.select(ROW_ID, pl.col("carton_id").str.strip_chars())
        for text in gathered.frames["parcels"]
        if "carton_id" in text.columns
    ]
    for rows in gathered.tables:
        source = rows.source
        name = next((n for n in ("carton_id", "receptacle_id") if n in source.columns), None)
        if source.table == "parcels" and name is not None:
            spoilt = source.frame.filter(SURPLUS)
            frames.append(
                spoilt.select(
                    (pl.col(ROW) + rows.first_id).alias(ROW_ID),
                    pl.col(name).str.strip_chars().alias("carton_id"),
                )
            )
    return pl.concat([pl.DataFrame(schema=schema), *frames])


def _summed(
    gathered: _Gathered, tables: dict[EntryTable, pl.DataFrame], derived: int, passed_over: int,
    provenance: Callable[[], Iterator[pl.DataFrame]],
) -> Manifests:  # fmt: skip
    verdicts = pl.concat([pl.DataFrame(schema=VERDICT_SCHEMA), *gathered.verdicts])
    taken_in = len(gathered.readings.entries) + gathered.table_rows
    rows = sum(frame.height for frame in tables.values()) - derived
    told = verdicts.filter(pl.col("verdict") == "rejected").height
    if rows + gathered.readings.joined + told - gathered.unread != taken_in:
        raise FeedError(
            f"rows and consignments must be taken, joined or rejected, got {taken_in} of them, "
            f"{rows} taken, {gathered.readings.joined} joined and {told - gathered.unread} rejected"
        )
    return Manifests(
        parcels=tables["parcels"].drop(HIDDEN),
        cartons=tables["cartons"].drop(HIDDEN),
        verdicts=verdicts,
        files=tuple(gathered.files),
        passed_over=passed_over,
        taken_in=taken_in,
        joined=gathered.readings.joined,
        derived_cartons=derived,
        rejected=told,
        origins=tables["parcels"].select(
            "parcel_id", pl.col(FILE).alias("file"), pl.col(FORMAT).alias("format")
        ),
        provenance=provenance,
    )


def _no_rows(table: EntryTable) -> pl.DataFrame:
    hidden = dict.fromkeys((FILE, FORMAT, PLACE), pl.String())
    return pl.DataFrame(
        schema={**dtypes(SCHEMAS[table]), **hidden, ROW_ID: pl.Int64(), DERIVED: pl.Boolean()}
    )


def _too_large(file: ManifestFile, form: Format, size: int, limits: Limits) -> Verdict:
    return Message(file=file.name, format=form).verdict(
        "rejected", place="file", expected=f"at most {limits.message_bytes:,} bytes",
        got=f"{size:,} bytes",
    )  # fmt: skip


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
