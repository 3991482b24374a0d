"""What a column and a table of a feed are; the tables themselves are in `schema`."""

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "integer", "number", "datetime", "date", "boolean"]

# Ids become dictionary keys, file names and log fields, so control characters stay outside.
ID_PATTERN = r"^[^\x00-\x1f\x7f]{1,200}$"
# What a path must not hold is the feed's business: it stops the run instead of costing a row.
PATH_PATTERN = r"(?s)^.{1,1000}$"
SHA256_PATTERN = r"^[0-9a-fA-F]{64}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a table."""

    name: str
    type: ColumnType
    meaning: str
    unit: str | None = None
    required: bool = False
    """Whether the column must be there and every row must fill it."""
    minimum: float | None = None
    maximum: float | None = None
    """Both ends included."""
    choices: tuple[str, ...] = ()
    """The only words allowed, where there are any."""
    pattern: str | None = None
    """Regular expression that the text must match, in syntax that Python and Rust share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableSchema:
    """One table of a feed."""

    name: str
    meaning: str
    key: tuple[str, ...]
    """Columns that together name a row; no two rows share them. None where rows may repeat."""
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Column names, in order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column called `name`.

        Raises:
            KeyError: If the table has none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def expectation(column: Column) -> str:
    """What a value of `column` must be, as the end of a sentence: `a number, 0 or more`."""
    if column.choices:
        return "one of " + ", ".join(column.choices)
    words = _TYPE_WORDS[column.type]
    if column.pattern == SHA256_PATTERN:
        words = "64 hexadecimal digits"
    elif column.pattern == ID_PATTERN:
        words = "1 to 200 characters without control characters"
    elif column.pattern == PATH_PATTERN:
        words = "a path of 1 to 1000 characters"
    elif column.pattern is not None:
        words = f"text like {column.pattern}"
    if column.minimum is not None and column.maximum is not None:
        return f"{words}, {column.minimum:g} to {column.maximum:g}"
    if column.minimum is not None:
        return f"{words}, {column.minimum:g} or more"
    if column.maximum is not None:
        return f"{words}, at most {column.maximum:g}"
    return words


_TYPE_WORDS: dict[ColumnType, str] = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "datetime": "a date and time like 2026-01-31T13:45:00Z",
    "date": "a date like 2026-01-31",
    "boolean": "true or false",
}
