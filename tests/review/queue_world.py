"""People and parcels of a review, its database of both kinds, and what must hold of it always."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tests.inference.postgres_server import Server

from parcelscope.inference.database import sqlite_url
from parcelscope.review.audit import audit
from parcelscope.review.database import open_review, reading
from parcelscope.review.events import Event, read
from parcelscope.review.items import Item, NewItem, enrol, find
from parcelscope.review.roles import Person

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


def new_url(name: str, folder: Path, server: Server | None) -> str:
    """URL of a new database: on `server`, or a SQLite file in `folder`."""
    if server is None:
        return sqlite_url(folder / "review.sqlite")
    return server.new_database("".join(c if c.isalnum() else "_" for c in name.lower())[:60])


def look(engine: Engine, item: NewItem | Item) -> Item:
    """The item as it is now."""
    with reading(engine) as connection:
        return find(connection, item.item_id)


def log(engine: Engine, kind: str | None = None) -> list[Event]:
    """All events, or those of one kind."""
    with reading(engine) as connection:
        return [event for event in read(connection) if kind in (None, event.kind)]
