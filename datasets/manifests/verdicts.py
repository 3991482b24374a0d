"""What is said of a place in a manifest that could not be taken as it stands."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final, Literal

import polars as pl

Outcome = Literal["rejected", "without_value", "note"]
"""`rejected`: no row was made of it; `without_value`: the row is there, this field of it is empty;
`note`: everything was taken, and something about it is odd."""

SHOWN_CHARACTERS: Final = 100
"""Enough to recognise a value in a report; a megabyte of junk in a field stays out of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """One thing that is wrong or odd with a manifest, and where."""

    verdict: Outcome
    table: str
    """`parcels` or `cartons`; empty where a whole file or message is meant."""
    file: str
    format: str
    place: str
    """Row, element path, JSON path or segment within the file."""
    key: str
    """The `parcel_id` or `carton_id`, where one is known."""
    field: str
    expected: str
    got: str


VERDICT_SCHEMA: Final[dict[str, pl.DataType]] = {
    field.name: pl.String() for field in fields(Verdict)
}


def shown(text: object) -> str:
    """`text` as a verdict repeats it: printable, and not longer than it need be."""
    plain = "".join(
        char if char.isprintable() else "\ufffd" for char in str(text)[:SHOWN_CHARACTERS]
    )
    return plain if plain.strip() else "nothing"


def verdicts_frame(verdicts: Iterable[Verdict]) -> pl.DataFrame:
    """`verdicts` as a table, one row each."""
    return pl.DataFrame(
        [{name: getattr(one, name) for name in VERDICT_SCHEMA} for one in verdicts],
        schema=VERDICT_SCHEMA,
        orient="row",
    )
