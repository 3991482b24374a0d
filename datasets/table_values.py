"""From the raw values of a column to the schema's type, and which values cannot be taken."""

import polars as pl

from parcelscope.datasets.columns import Column, ColumnType

DTYPES: dict[ColumnType, pl.DataType] = {
    "text": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "datetime": pl.Datetime("us", "UTC"),
    "date": pl.Date(),
    "boolean": pl.Boolean(),
}

# Above it, a float no longer holds every whole number.
_WHOLE_FLOATS = 2.0**53


def typed(column: Column, raw: pl.DataType) -> pl.Expr | None:
    """`column` in the schema's type, null where empty or unreadable.

    None if raw values of type `raw` cannot hold such a column at all.
    """
    source = pl.col(column.name)
    if raw == pl.Null:
        return source.cast(DTYPES[column.type])
    if isinstance(raw, pl.Categorical | pl.Enum):
        return _from_text(column, source.cast(pl.String)) if column.type == "text" else None
    if raw == pl.String:
        return _from_text(column, _stripped(column.name))
    return _from_values(column, raw)


def bad(column: Column, raw: pl.DataType, value: pl.Expr) -> pl.Expr:
    """True where a row cannot be taken because of `column`, given its `typed` value."""
    if column.type == "text" or raw != pl.String:
        filled = pl.col(column.name).is_not_null() if raw != pl.String else value.is_not_null()
    else:
        filled = _stripped(column.name).is_not_null()
    wrong = filled & (value.is_null() | ~_allowed(column, value))
    return wrong | ~filled if column.required else wrong


def _allowed(column: Column, value: pl.Expr) -> pl.Expr:
    """True where `value` keeps to the limits of `column`; anything where it is null."""
    allowed = pl.lit(value=True)
    if column.type == "number":
        allowed &= value.is_finite()
    if column.minimum is not None:
        allowed &= value >= column.minimum
    if column.maximum is not None:
        allowed &= value <= column.maximum
    if column.choices:
        allowed &= value.is_in(list(column.choices))
    if column.pattern is not None:
        allowed &= value.str.contains(column.pattern)
    return allowed.fill_null(value=False)


def _from_values(column: Column, raw: pl.DataType) -> pl.Expr | None:
    source = pl.col(column.name)
    dtype = DTYPES[column.type]
    match column.type:
        case "number" if raw.is_numeric():
            return source.cast(dtype, strict=False)
        case "integer" if raw.is_integer():
            return source.cast(dtype, strict=False)
        case "integer" if raw.is_numeric():
            return _whole(source.cast(pl.Float64, strict=False))
        case "datetime" if isinstance(raw, pl.Datetime):
            aware = (
                source.dt.convert_time_zone("UTC")
                if raw.time_zone
                else source.dt.replace_time_zone("UTC")
            )
            return aware.cast(dtype, strict=False)
        case "datetime" if raw == pl.Date:
            return source.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
        case "date" if raw == pl.Date:
            return source
        case "boolean" if raw == pl.Boolean:
            return source
    return None


def _stripped(name: str) -> pl.Expr:
    """The text without surrounding blanks, null where nothing is left."""
    text = pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text)


def _from_text(column: Column, text: pl.Expr) -> pl.Expr:
    match column.type:
        case "text":
            # PostgreSQL cannot store NUL; where a pattern rules it out, the row is refused instead.
            if column.pattern is None:
                return text.str.replace_all("\x00", "\ufffd", literal=True)
            return text
        case "number":
            return text.cast(pl.Float64, strict=False)
        case "integer":
            # Spreadsheets and data frames write 3 as 3.0 once a column has a gap.
            exact = text.cast(pl.Int64, strict=False)
            return pl.coalesce(exact, _whole(text.cast(pl.Float64, strict=False)))
        case "datetime":
            return text.map_batches(_datetimes, return_dtype=DTYPES["datetime"])
        case "date":
            return text.str.to_date("%Y-%m-%d", strict=False)
        case "boolean":
            word = text.str.to_lowercase()
            return (
                pl.when(word.is_in(["true", "1"]))
                .then(pl.lit(value=True))
                .when(word.is_in(["false", "0"]))
                .then(pl.lit(value=False))
            )


def _whole(number: pl.Expr) -> pl.Expr:
    fits = (number == number.round()) & (number.abs() <= _WHOLE_FLOATS)
    return pl.when(fits).then(number).cast(pl.Int64, strict=False)


def _datetimes(text: pl.Series) -> pl.Series:
    """ISO 8601 with `T` or a blank between; UTC where no offset is given."""
    frame = text.to_frame("text")
    # Nearly all feeds write one form throughout, and without an offset polars is eight times
    # faster; the rest goes the slow way.
    text_in_utc = pl.col("text")
    plain = (
        pl.when(text_in_utc.str.ends_with("+00:00"))
        .then(text_in_utc.str.strip_suffix("+00:00"))
        .otherwise(text_in_utc.str.strip_suffix("Z"))
    )
    quick = frame.select(
        pl.coalesce(
            plain.str.to_datetime(form, time_unit="us", strict=False)
            for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
        ).dt.replace_time_zone("UTC")
    ).to_series()
    if quick.null_count() == text.null_count():
        return quick
    left = pl.when(quick.is_null()).then(pl.col("text"))
    return frame.select(pl.coalesce(quick, _datetime(left))).to_series()


def _datetime(text: pl.Expr) -> pl.Expr:
    full = (
        text.str.replace(r"^(\d{4}-\d{2}-\d{2})$", "${1}T00:00:00")
        .str.replace(r"^(\d{4}-\d{2}-\d{2})[ t]", "${1}T")
        .str.replace(r"[zZ]$", "+00:00")
        .str.replace(r"T(\d{2}:\d{2})($|[+-])", "T${1}:00${2}")
        .str.replace(r"(T[\d:.]+)$", "${1}+00:00")
        .str.replace(r"([+-]\d{2}):?(\d{2})$", "${1}${2}")
    )
    return full.str.to_datetime(
        "%Y-%m-%dT%H:%M:%S%.f%z", time_unit="us", strict=False, time_zone="UTC"
    )
