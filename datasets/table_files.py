"""The file formats of a feed's tables: CSV, Parquet and NDJSON, opened into raw columns.

What is wrong with a file as a whole is a `FeedError`; values are looked at elsewhere.
"""

import csv
import difflib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import polars as pl

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.polars_faults import POLARS_FAULTS
from parcelscope.datasets.schema import TableSchema

ROW = "row"
"""Column with the number of the data row, from 1."""
SURPLUS = "\x00surplus"
"""Column that is filled where a CSV row has more fields than the header."""

_DELIMITERS = (",", ";", "\t")
# A row may have several fields too many, of which the first ones may be empty.
_SPARE_FIELDS = 8


def read_raw(path: Path, schema: TableSchema) -> pl.DataFrame:
    """The columns of `path` that `schema` knows, as the file holds them, with `ROW`.

    CSV columns are text, and blank lines are left out but counted in `ROW`.

    Raises:
        FeedError: If the file cannot be read as a table, lacks a required column, or has a column
            that `schema` does not know.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise FeedError(
            f"{path.name}: the name of a table must end in {', '.join(_READERS)}, "
            f"got {path.suffix!r}"
        )
    try:
        return reader(path, schema)
    except OSError as error:
        raise FeedError(f"{path.name}: cannot be read: {error.strerror or error}") from error


def _read_csv(path: Path, schema: TableSchema) -> pl.DataFrame:
    content = path.read_bytes()
    line, end = _header_line(path, content)
    delimiter = _delimiter(line, schema)
    header = [name.strip() for name in next(csv.reader([line], delimiter=delimiter))]
    if header and header[-1] == "":
        header.pop()  # a trailing delimiter; its empty fields count as spare ones
    _check_columns(path, header, schema)
    # polars gets a header of its own, with spare fields, so that a row with a stray delimiter can
    # be told apart instead of being cut off or stopping the run.
    spare = [f"{SURPLUS}{index}" for index in range(_SPARE_FIELDS)]
    head = delimiter.join([*header, *spare]).encode() + b"\n"
    try:
        frame = pl.read_csv(
            io.BytesIO(head + content[end:]),
            separator=delimiter,
            infer_schema=False,
            truncate_ragged_lines=True,
        )
    except POLARS_FAULTS as error:
        raise FeedError(f"{path.name}: not valid UTF-8 CSV: {_first_line(error)}") from error
    return (
        frame.with_row_index(ROW, offset=1)
        .filter(pl.any_horizontal(pl.col(name).is_not_null() for name in [*header, *spare]))
        .select(
            pl.col(ROW).cast(pl.Int64),
            *header,
            pl.any_horizontal(pl.col(name).is_not_null() for name in spare).alias(SURPLUS),
        )
    )


def _header_line(path: Path, content: bytes) -> tuple[str, int]:
    """The first line, without its ending, and the offset of the byte after it."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise FeedError(f"{path.name}: expected UTF-8 text, got UTF-16")
    start = 3 if content.startswith(b"\xef\xbb\xbf") else 0
    newline = content.find(b"\n", start)
    end = len(content) if newline < 0 else newline + 1
    try:
        line = content[start:end].decode("utf-8").rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise FeedError(f"{path.name}: the header is not UTF-8 text") from error
    if not line.strip():
        raise FeedError(f"{path.name}: expected a header with column names, got an empty line")
    return line, end


def _delimiter(line: str, schema: TableSchema) -> str:
    """The delimiter that splits the header into the most columns of `schema`."""

    def known(delimiter: str) -> int:
        names = {name.strip() for name in next(csv.reader([line], delimiter=delimiter))}
        return len(names & set(schema.names))

    best = max(_DELIMITERS, key=known)
    # No known column at all: the delimiter that is there most often, for the error message's sake.
    return best if known(best) else max(_DELIMITERS, key=line.count)


def _read_parquet(path: Path, schema: TableSchema) -> pl.DataFrame:
    try:
        with path.open("rb") as file:
            header = list(pl.read_parquet_schema(file))
            _check_columns(path, header, schema)
            file.seek(0)
            frame = pl.read_parquet(file)
    except POLARS_FAULTS as error:
        raise FeedError(
            f"{path.name}: not a readable Parquet file: {_first_line(error)}"
        ) from error
    return _numbered(frame)


def _read_ndjson(path: Path, schema: TableSchema) -> pl.DataFrame:
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    try:
        keys = pl.scan_ndjson(io.BytesIO(content), infer_schema_length=None).collect_schema()
    except POLARS_FAULTS as error:
        raise _json_trouble(path, content, error) from error
    _check_columns(path, list(keys), schema)
    nested = [name for name, dtype in keys.items() if dtype.is_nested()]
    if nested:
        raise FeedError(
            f"{path.name}: column {nested[0]!r} must hold plain values, got {keys[nested[0]]}"
        )
    # As text, so that one odd value spoils its row and not the type of the column.
    try:
        frame = pl.read_ndjson(io.BytesIO(content), schema=dict.fromkeys(keys, pl.String()))
    except POLARS_FAULTS as error:
        raise _json_trouble(path, content, error) from error
    return _numbered(frame)


def _json_trouble(path: Path, content: bytes, error: BaseException) -> FeedError:
    """The error with the line that caused it, found by reading the lines one by one."""
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as reason:
            return FeedError(f"{path.name} line {number}: not valid JSON: {reason}")
        if not isinstance(value, dict):
            return FeedError(
                f"{path.name} line {number}: expected a JSON object, got {type(value).__name__}"
            )
        for name, item in value.items():
            if isinstance(item, dict | list):
                return FeedError(
                    f"{path.name} line {number}: column {name!r} must hold a plain value, "
                    f"got a {type(item).__name__}"
                )
    return FeedError(f"{path.name}: not readable as NDJSON: {_first_line(error)}")


def _check_columns(path: Path, header: Sequence[str], schema: TableSchema) -> None:
    for name in header:
        if name not in schema.names:
            near = _nearest(name, schema.names)
            raise FeedError(
                f"{path.name}: unknown column {name!r} in table {schema.name}; "
                + (f"did you mean {near!r}?" if near else f"known: {', '.join(schema.names)}")
            )
    if len(set(header)) < len(header):
        twice = next(name for name in header if header.count(name) > 1)
        raise FeedError(f"{path.name}: column {twice!r} appears twice in the header")
    missing = [c.name for c in schema.columns if c.required and c.name not in header]
    if missing:
        raise FeedError(
            f"{path.name}: table {schema.name} must have column {missing[0]!r}, got {list(header)}"
        )


def _nearest(name: str, known: Iterable[str]) -> str | None:
    near = difflib.get_close_matches(name.strip().lower().replace(" ", "_"), known, n=1, cutoff=0.5)
    return near[0] if near else None


def _numbered(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_row_index(ROW, offset=1).with_columns(
        pl.col(ROW).cast(pl.Int64), pl.lit(value=False).alias(SURPLUS)
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


_READERS: dict[str, Callable[[Path, TableSchema], pl.DataFrame]] = {
    ".csv": _read_csv,
    ".parquet": _read_parquet,
    ".ndjson": _read_ndjson,
    ".jsonl": _read_ndjson,
}
SUFFIXES = tuple(_READERS)
"""Endings of the table files that can be read."""
