"""People and parcels of a review, its database of both kinds, and what must hold of it always."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text
from tests.inference.postgres_server import Server

from parcelscope.inference.database import sqlite_url
from parcelscope.review.audit import audit
from parcelscope.review.database import open_review, reading
from parcelscope.review.events import Event, read
from parcelscope.review.exams import Exam
from parcelscope.review.items import Item, NewItem, enrol, find
from parcelscope.review.queue import Decision, take
from parcelscope.review.roles import Person
from parcelscope.review.tables import METADATA

ANA = Person(name="ana", role="analyst")
BO = Person(name="bo", role="analyst")
SUE = Person(name="sue", role="supervisor")
VIC = Person(name="vic", role="viewer")
OLA = Person(name="ola", role="auditor")
NOON = 1_795_000_000.0
"""Some seconds since 1970, where a test wants to say what time it is."""


def parcel(number: int, **columns: Any) -> NewItem:
    """A parcel; the lower its number, the more urgent."""
    told: dict[str, Any] = {
        "facility": "JFK",
        "risk": 0.5,
        "band": "look",
        "priority": -float(number),
        "reason_codes": ("U3.mass",),
        "description": "phone case",
        "dossier": {"number": number},
    }
    return NewItem(owner_kind="parcel", owner_id=f"CN-{number}", **{**told, **columns})


def carton(number: int, **columns: Any) -> NewItem:
    """A master carton."""
    told: dict[str, Any] = {"facility": "JFK", "priority": 0.0, "dossier": {}, **columns}
    return NewItem(owner_kind="carton", owner_id=f"MC-{number}", **told)


FIVE_PARCELS = tuple(parcel(number) for number in range(1, 6))
CLEAR = Decision(decision="clear", reason_code="repacked")
INSPECT = Decision(decision="inspect")
VIOLATION = Exam(outcome="violation", kind="undeclared")


def took(engine: Engine, person: Person, *, now: float = NOON, **options: Any) -> list[str]:
    """Ids of what `person` has after they took what comes next."""
    return [one.owner_id for one in take(engine, person, now=now, **options)]


@contextmanager
def review_with(url: str, *items: NewItem) -> Iterator[Engine]:
    """A review database at `url` with `items`; whole at the end, whatever was done to it."""
    engine = open_review(url)
    try:
        enrol(engine, items, "run-1", now=NOON)
        yield engine
        require_whole(engine)
    finally:
        engine.dispose()


def require_whole(engine: Engine) -> None:
    """No event is missing or changed, and every item stands where its events put it."""
    with reading(engine) as connection:
        found = audit(connection)
    assert found.chain.problem is None
    assert found.differ == ()


def new_url(folder: Path, server: Server | None) -> str:
    """URL of an empty review database: on `server`, where it is one for all, or in `folder`."""
    if server is None:
        (folder / "review.sqlite").write_bytes(_blank_file())
        return sqlite_url(folder / "review.sqlite")
    url = _blank_on(server)
    engine = open_review(url)
    with engine.begin() as connection:
        # As the owner of the server can: no trigger is asked.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        names = ", ".join(table.name for table in METADATA.sorted_tables)
        connection.execute(text(f"TRUNCATE {names}"))
    engine.dispose()
    return url


@cache
def _blank_file() -> bytes:
    """A SQLite file after all migrations, which take longer than most tests."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "review.sqlite"
        open_review(sqlite_url(path)).dispose()
        return path.read_bytes()


@cache
def _blank_on(server: Server) -> str:
    """URL of a database on `server` with the tables."""
    url = server.new_database("review")
    open_review(url).dispose()
    return url


def look(engine: Engine, item: NewItem | Item) -> Item:
    """The item as it is now."""
    with reading(engine) as connection:
        return find(connection, item.item_id)


def leases(engine: Engine, *items: NewItem | Item) -> dict[str, int]:
    """The number of the last lease of each."""
    return {one.item_id: look(engine, one).lease_number for one in items}


def log(engine: Engine, kind: str | None = None) -> list[Event]:
    """All events, or those of one kind."""
    with reading(engine) as connection:
        return [event for event in read(connection) if kind in (None, event.kind)]
