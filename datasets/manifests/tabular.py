"""Manifest tables: CSV, NDJSON and Parquet, taken column by column."""

import codecs
import csv
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parcelscope.datasets.columns import Column, TableSchema
from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.manifests.column_names import (
    ColumnNames,
    Filled,
    Mapping,
    known_columns,
    mapped,
)
from parcelscope.datasets.manifests.entries import EntryTable, Format, Message
from parcelscope.datasets.manifests.limits import Limits
from parcelscope.datasets.manifests.units import GRAMS_IN
from parcelscope.datasets.manifests.verdicts import Verdict, shown
from parcelscope.datasets.polars_faults import POLARS_FAULTS
from parcelscope.datasets.table_files import ROW, SURPLUS, read_raw

_DELIMITERS = (",", ";", "\t", "|")
REPLACED = "\x00replaced"
"""Column that is true where bytes of a row were no text."""
_HEADER_BYTES = 1_000_000
_MOST_COLUMNS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TableText:
    """One manifest table, its fields as text in the units of the feed."""

    table: EntryTable
    message: Message
    frame: pl.DataFrame
    """Text columns named by field, then `row`, `SURPLUS` and `REPLACED`."""
    written: pl.DataFrame
    """`row`, and as text the columns that were converted, named by field."""
    mapping: Mapping
    verdicts: tuple[Verdict, ...]
    """On the table as a whole."""

    @property
    def columns(self) -> dict[str, str]:
        """The column that fills each field of `frame`."""
        return {
            one.field: one.column for one in self.mapping.filled if one.field in self.frame.columns
        }

    @property
    def rows_in_file(self) -> int:
        """Number of the last row; rows that are blank lines are counted in it."""
        return int(self.frame.select(pl.col(ROW).max()).item() or 0)


def read_tabular(path: Path, file: str, names: ColumnNames, limits: Limits) -> TableText | Verdict:
    """The table in `path`, or why it is not one.

    Args:
        path: CSV, TSV, NDJSON or Parquet.
        file: What the file is called in verdicts and provenance.
        names: What columns may be called.
        limits: The largest table that is read.
    """
    unread = Message(file=file, format="table")
    size = path.stat().st_size
    if size > limits.table_bytes:
        return unread.verdict(
            "rejected", place="file", expected=f"at most {limits.table_bytes:,} bytes",
            got=f"{size:,} bytes",
        )  # fmt: skip
    try:
        raw, mapping = _raw(path, names)
    except FeedError as error:
        told = str(error).removeprefix(f"{path.name}: ").removeprefix("table.csv: ")
        return unread.verdict("rejected", place="file", expected="a table", got=told)
    if not mapping.filled:
        return unread.verdict(
            "rejected", place="header", expected="columns of parcels or cartons",
            got=", ".join(mapping.unused) or "none",
        )  # fmt: skip
    form: Format = "table" if mapping.is_own else "postal-csv"
    message = Message(file=file, format=form)
    frame, written, lost = _fields(raw, mapping)
    verdicts = [
        message.verdict(
            "note", table=mapping.table, place=f"column {shown(column)}",
            expected="a column that a feed has, or one of its other names",
            got=f"{column}, which is not used",
        )
        for column in mapping.unused
    ] + [
        message.verdict(
            "without_value", table=mapping.table, place=f"column {one.column}", field=one.field,
            expected="text, as numbers have lost their zeros", got="numbers",
        )
        for one in lost
    ]  # fmt: skip
    return TableText(
        table=mapping.table, message=message, frame=frame, written=written, mapping=mapping,
        verdicts=tuple(verdicts),
    )  # fmt: skip


def _raw(path: Path, names: ColumnNames) -> tuple[pl.DataFrame, Mapping]:
    """The columns as the file holds them with `REPLACED`, and how they are read."""
    suffix = path.suffix.lower()
    if suffix in (".parquet", ".ndjson", ".jsonl"):
        header = _header_of(path, suffix)
        raw, was_text = read_raw(path, _as_it_is(header)), True
    else:
        data, was_text, as_it_is = _as_utf8(path)
        end = data.find(b"\n") + 1 or len(data)
        header, delimiter = _csv_header(data[:end], names)
        # The reader of feeds takes UTF-8 in a file called .csv, and names without delimiters.
        with tempfile.TemporaryDirectory(prefix="parcelscope-manifest-") as folder:
            source, first = path, delimiter.join(header).encode()
            if not as_it_is or suffix != ".csv" or data[:end].rstrip(b"\r\n") != first:
                source = Path(folder) / "table.csv"
                source.write_bytes(first + b"\n" + data[end:])
            del data
            raw = read_raw(source, _as_it_is(header))
    mark = pl.any_horizontal(pl.col(name).str.contains("\ufffd", literal=True) for name in header)
    replaced = pl.lit(value=False) if was_text else mark.fill_null(value=False)
    return raw.with_columns(replaced.alias(REPLACED)), mapped(header, path.stem, names)


def _as_utf8(path: Path) -> tuple[bytes, bool, bool]:
    """The file in UTF-8 without a mark, whether all was text, and whether it was so already."""
    data = path.read_bytes()
    for mark, codec in (
        (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):  # fmt: skip
        if data.startswith(mark):
            text = data.decode(codec, errors="replace")
            return text.encode("utf-8"), "\ufffd" not in text, False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("utf-8", errors="replace").encode("utf-8"), False, False
    return data, True, True


def _csv_header(line: bytes, names: ColumnNames) -> tuple[list[str], str]:
    """The names in the first line of a table, each once, and its delimiter."""
    text = line[:_HEADER_BYTES].decode("utf-8", errors="replace").rstrip("\r\n")
    if not text.strip():
        raise FeedError("expected a header with column names, got an empty line")

    def split(delimiter: str) -> list[str]:
        try:
            return [name.strip() for name in next(csv.reader([text], delimiter=delimiter))]
        except csv.Error as error:
            raise FeedError(f"the header is not CSV: {error}") from None

    best = max(_DELIMITERS, key=lambda delimiter: known_columns(split(delimiter), names))
    if best == "|":
        raise FeedError("expected columns separated by a comma, semicolon or tab, got |")
    header = split(best)
    while header and header[-1] == "":
        header.pop()  # spreadsheets leave delimiters behind their last column
    if len(header) > _MOST_COLUMNS:
        raise FeedError(f"expected at most {_MOST_COLUMNS:,} columns, got {len(header):,}")
    return _told_apart(header), best


def _told_apart(header: Sequence[str]) -> list[str]:
    """Names that differ, hold no delimiter, and are not the one that rows are numbered by."""
    taken: set[str] = {ROW}
    apart: list[str] = []
    for number, name in enumerate(header, start=1):
        plain = re.sub(r'[,;|"\x00-\x1f\x7f]+', " ", name).strip() or f"unnamed {number}"
        # The first column of a name counts; a second one is left unused, and noted.
        apart.append(plain if plain not in taken else f"{plain} (column {number})")
        taken.add(apart[-1])
    return apart


def _header_of(path: Path, suffix: str) -> list[str]:
    try:
        if suffix == ".parquet":
            return list(pl.read_parquet_schema(path))
        return list(pl.scan_ndjson(path, infer_schema_length=None).collect_schema())
    except POLARS_FAULTS as error:
        lines = str(error).strip().splitlines()
        raise FeedError(
            f"not readable: {lines[0][:200] if lines else type(error).__name__}"
        ) from None


def _as_it_is(header: Sequence[str]) -> TableSchema:
    """A schema that takes any of the columns that are there."""
    if ROW in header:
        raise FeedError(f"expected no column called {ROW!r}, as rows are numbered by it")
    columns = tuple(Column(name=name, type="text", meaning="") for name in header)
    return TableSchema(name="manifest", meaning="", key=(), columns=columns)


def _fields(raw: pl.DataFrame, mapping: Mapping) -> tuple[pl.DataFrame, pl.DataFrame, list[Filled]]:
    """The fields as text, the converted ones as written, and those whose type lost something."""
    fields: list[pl.Expr] = []
    written: list[pl.Expr] = []
    lost: list[Filled] = []
    for one in mapping.filled:
        dtype = raw.schema[one.column]
        is_text_field = one.field not in _NUMBERS and one.field not in _MOMENTS
        if is_text_field and dtype.is_numeric():
            lost.append(one)
            continue
        text = _as_text(one.column, dtype)
        if one.unit is None and one.unit_column is None:
            fields.append(text.alias(one.field))
            continue
        grams, as_written = _grams(one, text, raw)
        fields.append(grams.alias(one.field))
        written.append(as_written.alias(one.field))
    return raw.select(*fields, ROW, SURPLUS, REPLACED), raw.select(ROW, *written), lost


_NUMBERS = ("quantity", "pieces", "pieces_manifested", "declared_weight_g", "measured_weight_g",
            "value")  # fmt: skip
_MOMENTS = ("data_received_at", "arrived_at")


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(name)
    if isinstance(dtype, pl.Datetime):
        aware = column.dt.convert_time_zone("UTC") if dtype.time_zone else column
        return aware.dt.strftime("%Y-%m-%dT%H:%M:%S%.f")
    if dtype == pl.String:
        return column
    return column.cast(pl.String, strict=False)


def _grams(one: Filled, text: pl.Expr, raw: pl.DataFrame) -> tuple[pl.Expr, pl.Expr]:
    """The weight in grams, and as it was written with its unit.

    What is no number, or has no unit, stays as written: no number column takes it, and so it is
    told instead of being dropped.
    """
    if one.unit_column is not None:
        unit = _as_text(one.unit_column, raw.schema[one.unit_column]).str.strip_chars()
        factor = unit.str.to_uppercase().replace_strict(
            {name: float(grams) for name, grams in GRAMS_IN.items()},
            default=None,
            return_dtype=pl.Float64,
        )
        as_written = pl.concat_str(
            text.str.strip_chars(), unit.fill_null("without a unit"), separator=" "
        )
    else:
        factor = pl.lit(float(GRAMS_IN[str(one.unit)]))
        as_written = pl.concat_str(text.str.strip_chars(), pl.lit(str(one.unit)), separator=" ")
    number = text.str.strip_chars().cast(pl.Float64, strict=False)
    # Six digits of a gram: what a product of floats adds below is no weight.
    weight = pl.when(number.is_finite() & (number >= 0)).then(number * factor)
    grams = weight.round(6).cast(pl.String)
    return pl.coalesce(grams, pl.when(text.str.strip_chars() != "").then(as_written)), as_written
