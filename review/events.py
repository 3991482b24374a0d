"""The log of the review: who did what to which parcel, each event chained to the one before it."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, insert, select, text

from parcelscope.review.clock import utc_now
from parcelscope.review.tables import EVENTS

NO_HASH: Final = "0" * 64
"""What the first event is chained to."""
ROWS_AT_ONCE: Final = 1000
_APPEND_LOCK: Final = 7_206_115_043
"""Any number that nobody else takes: PostgreSQL locks by number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One row of the log."""

    seq: int
    """From 1, without a gap."""
    at: str
    who: str
    kind: str
    item_id: str | None
    reference: str | None
    body: str
    """JSON as `canonical` writes it."""
    prev_hash: str
    hash: str

    def told(self) -> dict[str, Any]:
        """The body, read."""
        told: dict[str, Any] = json.loads(self.body)
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What checking the chain came to."""

    events: int
    head: str
    """Hash of the last event; `NO_HASH` where there is none."""
    problem: str | None
    """What does not fit and where, or None if the chain is whole."""


def append(
    connection: Connection,
    *,
    who: str,
    kind: str,
    body: Mapping[str, Any],
    item_id: str | None = None,
    reference: str | None = None,
    at: str | None = None,
) -> Event:
    """Write one event at the end of the log, in the transaction of `connection`.

    From here to the end of that transaction nobody else can append. So lock the rows that the event
    is of first, and append last.

    Raises:
        ValueError: If a field could be read as two, or `body` is no JSON.
    """
    for name, field in (("who", who), ("kind", kind), ("item_id", item_id), ("ref", reference)):
        # A line break would let one field be taken for two under the same hash.
        if field is not None and not (field and field.isprintable()):
            raise ValueError(f"{name} of an event must be printable text, got {field!r}")
    text_of_body = canonical(body)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _APPEND_LOCK})
    last = connection.execute(
        select(EVENTS.c.seq, EVENTS.c.hash).order_by(EVENTS.c.seq.desc()).limit(1)
    ).first()
    seq, prev_hash = (1, NO_HASH) if last is None else (last.seq + 1, last.hash)
    event = Event(
        seq=seq,
        at=at or utc_now(),
        who=who,
        kind=kind,
        item_id=item_id,
        reference=reference,
        body=text_of_body,
        prev_hash=prev_hash,
        hash="",
    )
    event = replace(event, hash=digest(event))
    connection.execute(insert(EVENTS).values(asdict(event)))
    return event


def canonical(body: Mapping[str, Any]) -> str:
    """`body` as JSON in the one form that is hashed: keys sorted, no spaces, ASCII.

    >>> canonical({"b": [2, 3], "a": None})
    '{"a":null,"b":[2,3]}'
    """
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(event: Event) -> str:
    """SHA-256 of `event` in hexadecimal: of its fields but `hash`, in their order, a line each."""
    fields = (
        event.seq,
        event.at,
        event.who,
        event.kind,
        event.item_id or "",
        event.reference or "",
        event.body,
        event.prev_hash,
    )
    return hashlib.sha256("\n".join(map(str, fields)).encode()).hexdigest()


def of_item(connection: Connection, item_id: str) -> list[Event]:
    """The events of one parcel or carton, oldest first."""
    return of_items(connection, [item_id])


def of_items(connection: Connection, item_ids: Sequence[str]) -> list[Event]:
    """The events of several parcels and cartons, oldest first."""
    rows = connection.execute(
        select(EVENTS).where(EVENTS.c.item_id.in_(item_ids)).order_by(EVENTS.c.seq)
    )
    return [as_event(row) for row in rows]


def read(connection: Connection, *, after: int = 0) -> Iterator[Event]:
    """All events behind number `after`, oldest first, a slice at a time."""
    while True:
        rows = connection.execute(
            select(EVENTS).where(EVENTS.c.seq > after).order_by(EVENTS.c.seq).limit(ROWS_AT_ONCE)
        ).all()
        yield from map(as_event, rows)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1].seq


def head(connection: Connection) -> str:
    """Hash of the last event, to be kept elsewhere: it tells later if the log was cut off."""
    newest = select(EVENTS.c.hash).order_by(EVENTS.c.seq.desc()).limit(1)
    return connection.execute(newest).scalar() or NO_HASH


def verify(connection: Connection, head: str | None = None) -> Verdict:
    """Check the whole log of a database; see `chained`."""
    return chained(read(connection), head)


def chained(events: Iterable[Event], head: str | None = None) -> Verdict:
    """Check that no event was changed, removed, added between others or put elsewhere.

    Args:
        events: All events, oldest first.
        head: Hash of an event that once was the last. Without it nobody can tell that events at the
            end are missing, or that whoever can write to the database chained all of them anew.
    """
    count, last, found = 0, NO_HASH, head in (None, NO_HASH)
    for event in events:
        problem = _problem(event, seq=count + 1, prev_hash=last)
        if problem:
            return Verdict(events=count, head=last, problem=problem)
        count, last = count + 1, event.hash
        found = found or last == head
    lost = f"no event has the hash {head}: the last ones are missing, or all were chained anew"
    return Verdict(events=count, head=last, problem=None if found else lost)


def _problem(event: Event, *, seq: int, prev_hash: str) -> str | None:
    """Why `event` cannot stand as number `seq` behind the event with `prev_hash`."""
    if event.seq != seq:
        return f"event {seq} is missing: behind it comes event {event.seq}"
    if event.prev_hash != prev_hash:
        return f"event {seq} is not chained to the event before it: one of the two was replaced"
    made_of = (event.who, event.kind, event.item_id, event.reference)
    blurred = any(one is not None and not (one and one.isprintable()) for one in made_of)
    if blurred or event.hash != digest(event):
        return f"event {seq} of {event.at} was changed: its fields do not give its hash"
    return None


def as_event(row: Row[Any]) -> Event:
    """The event of a whole row."""
    return Event(**row._mapping)
