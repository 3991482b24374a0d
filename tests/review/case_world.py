"""Parcels to make cases of, people, policies, and databases of both kinds."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from tests.inference.postgres_server import Server

from parcelscope.review.database import open_review, reading
from parcelscope.review.events import verify
from parcelscope.review.items import NewItem, enrol, find
from parcelscope.review.queue import Decision, decide, take
from parcelscope.review.roles import Person
from parcelscope.screening.policy import PolicyConfig, load_policies

ANA = Person(name="ana", role="analyst")
SUE = Person(name="sue", role="supervisor")
VIC = Person(name="vic", role="viewer")
US = load_policies(PolicyConfig())
MONDAY = datetime(2026, 11, 23, 15, tzinfo=UTC).timestamp()
"""10:00 in New York; Thursday of that week is Thanksgiving."""
DAY_S = 86_400.0


def parcel(number: int = 1, **declared: str) -> NewItem:
    """A parcel with the manifest fields `declared`."""
    lines = [{"field": name, "declared": value} for name, value in declared.items()]
    return NewItem(
        owner_kind="parcel",
        owner_id=f"CN-{number}",
        facility="JFK",
        risk=0.9,
        band="inspect",
        priority=1.0 / number,
        reason_codes=("U3.mass",),
        description="phone case",
        dossier={"manifest": lines},
    )


def carton(number: int = 1, **declared: str) -> NewItem:
    """A master carton."""
    lines = [{"field": name, "declared": value} for name, value in declared.items()]
    return NewItem(
        owner_kind="carton",
        owner_id=f"MC-{number}",
        facility="JFK",
        priority=0.5,
        dossier={"manifest": lines},
    )


def references(engine: Engine, *items: NewItem) -> list[str]:
    """Enrol `items`; their references."""
    enrol(engine, items, "run-1", now=MONDAY)
    with reading(engine) as connection:
        return [find(connection, one.item_id).reference or "" for one in items]


def inspected(engine: Engine, item: NewItem, person: Person = ANA, *, now: float = MONDAY) -> str:
    """Enrol `item` and decide to inspect it; its reference."""
    (reference,) = references(engine, item)
    decided(engine, item, "inspect", person, now=now)
    return reference


def decided(
    engine: Engine, item: NewItem, decision: Any, person: Person = ANA, *, now: float = MONDAY
) -> None:
    """Take `item`, and nothing else, and decide on it."""
    take(engine, person, ahead=100, now=now)
    told = Decision(decision=decision, reason_code="other", ms_on_screen=4000)
    decide(engine, person, item.item_id, told, now=now)


@contextmanager
def sqlite_review(folder: Path) -> Iterator[Engine]:
    """A review database in a file; its log must hold together in the end."""
    yield from _checked(f"sqlite:///{folder / 'review.sqlite'}")


@contextmanager
def postgres_review(server: Server, name: str) -> Iterator[Engine]:
    """A review database on a server; its log must hold together in the end."""
    yield from _checked(server.new_database(name))


def _checked(url: str) -> Iterator[Engine]:
    engine = open_review(url)
    try:
        yield engine
        with reading(engine) as connection:
            assert verify(connection).problem is None
    finally:
        engine.dispose()
