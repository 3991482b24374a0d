"""The log to take away: as a table for people, or as lines that prove themselves."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

from sqlalchemy import Connection, Row, select

from parcelscope.review.errors import ReviewError
from parcelscope.review.events import Event, canonical
from parcelscope.review.tables import EVENTS, ITEMS

ROWS_AT_ONCE: Final = 1000
TOLD: Final = (
    "role", "decision", "settles", "opinion", "reason_code", "reason", "note", "outcome", "band",
    "risk", "ms_on_screen", "functions_used", "marks_shown", "presentation", "model_version",
    "threshold_version",
)  # fmt: skip
"""What the table takes out of the body of an event."""
COLUMNS: Final = (
    "seq", "at", "who", "kind", "item_id", "parcel", "reference", *TOLD, "body", "prev_hash",
    "hash",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet would compute instead of show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events to export; None where all."""

    since: str | None = None
    """From this time on: as `clock.as_text` writes it, or the beginning of that, like a day."""
    until: str | None = None
    """Before this time."""
    who: str | None = None
    kind: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """One event, and the parcel or carton that it is of."""

    event: Event
    owner_kind: str | None
    owner_id: str | None


def exported(connection: Connection, wanted: Wanted = Wanted()) -> Iterator[Exported]:
    """The events that are wanted, oldest first, a slice at a time."""
    after = 0
    while True:
        rows = _slice(connection, wanted, after)
        for row in rows:
            columns = dict(row._mapping)
            kind, owner = columns.pop("owner_kind"), columns.pop("owner_id")
            yield Exported(event=Event(**columns), owner_kind=kind, owner_id=owner)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].seq


def write_csv(file: IO[bytes], events: Iterable[Exported]) -> int:
    """Write a table with `COLUMNS`, and how many events it has.

    A cell that a spreadsheet would compute gets an apostrophe in front; the lines of `write_jsonl`
    are as they are.
    """
    count = 0
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    rows = csv.writer(text)
    rows.writerow(COLUMNS)
    for one in events:
        rows.writerow([_cell(value) for value in _values(one)])
        count += 1
    text.detach()  # else the file would be closed with it
    return count


def write_jsonl(file: IO[bytes], events: Iterable[Exported]) -> int:
    """Write a line of JSON for each event, and how many there are; `read_jsonl` reads it back."""
    count = 0
    for one in events:
        line = {**asdict(one.event), "body": one.event.told()}
        if one.owner_id is not None:
            line |= {"owner_kind": one.owner_kind, "owner_id": one.owner_id}
        file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
        count += 1
    return count


def read_jsonl(file: Iterable[bytes]) -> Iterator[Event]:
    """The events of lines that `write_jsonl` wrote.

    Raises:
        ReviewError: Which line is none.
    """
    for number, line in enumerate(file, start=1):
        try:
            told = json.loads(line)
            columns = {name: told[name] for name in Event.__dataclass_fields__}
            yield Event(**{**columns, "body": canonical(columns["body"])})
        except (ValueError, KeyError, TypeError):
            raise ReviewError(
                f"line {number}: expected an event as `audit export` writes it, got"
                f" {line[:60].decode(errors='replace')!r}"
            ) from None


def _slice(connection: Connection, wanted: Wanted, after: int) -> Sequence[Row[Any]]:
    asked = [EVENTS.c.seq > after]
    if wanted.since is not None:
        asked.append(EVENTS.c.at >= wanted.since)
    if wanted.until is not None:
        asked.append(EVENTS.c.at < wanted.until)
    for name in ("who", "kind", "reference"):
        value = getattr(wanted, name)
        if value is not None:
            asked.append(EVENTS.c[name] == value)
    return connection.execute(
        select(EVENTS, ITEMS.c.owner_kind, ITEMS.c.owner_id)
        .outerjoin(ITEMS, ITEMS.c.item_id == EVENTS.c.item_id)
        .where(*asked)
        .order_by(EVENTS.c.seq)
        .limit(ROWS_AT_ONCE)
    ).all()


def _values(one: Exported) -> Iterator[Any]:
    event, told = one.event, one.event.told()
    for name in COLUMNS:
        if name == "parcel":
            yield None if one.owner_id is None else f"{one.owner_kind} {one.owner_id}"
        elif name in TOLD:
            yield told.get(name)
        else:
            yield getattr(event, name)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
