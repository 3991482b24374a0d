"""Taking a decision back: an event of its own, for as long as the parcel has not been moved."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, Engine, select, text

from parcelscope.review.acts import append_as, lend, moment, require, set_standing
from parcelscope.review.clock import as_text
from parcelscope.review.database import writing
from parcelscope.review.errors import TooLate
from parcelscope.review.events import Event, as_event, of_item
from parcelscope.review.items import Item, find, lock
from parcelscope.review.roles import Person
from parcelscope.review.standing import DECISIONS, replay, standing_events
from parcelscope.review.tables import EVENTS

WITHIN_S: Final = 30.0
_UNDO_LOCK: Final = 7_206_115
"""Any number that nobody else takes: PostgreSQL locks by number, here with one for each person."""
_HARMLESS: Final = ("note", "enrol", "scored_again")
"""What may happen to a parcel after a decision that is then taken back."""


def undo(
    engine: Engine,
    person: Person,
    *,
    within_s: float = WITHIN_S,
    key: str | None = None,
    now: float | None = None,
) -> Item:
    """Take back what `person` decided last, and give them the parcel again.

    A second time takes back what they decided before that. A carton that was released with its
    parcels is taken back with them.

    Args:
        engine: The review database.
        person: Who takes back.
        within_s: For how long a decision can be taken back.
        key: The same for a request that is sent again, so that it takes back one decision.
        now: Seconds since 1970, for tests.

    Raises:
        NotAllowed: If their role does not decide.
        TooLate: If they decided nothing in the last `within_s`, or somebody went on from it.
    """
    require(person, "decide")
    at = moment(now)
    with writing(engine) as connection:
        _one_after_the_other(connection, person)
        recent = _recent(connection, person, since=as_text(at - within_s))
        for event in recent:
            if key is not None and event.kind == "undo" and event.told()["key"] == key:
                return find(connection, event.told()["shown"])
        last = _last(recent)
        if not last:
            raise TooLate(f"nothing to undo: {person.name} decided nothing in {within_s:g} s")
        wanted = [event.item_id for event in last if event.item_id is not None]
        items = {one.item_id: one for one in lock(connection, wanted)}
        shown = last[0].item_id or ""
        for event in last:
            item = items[event.item_id or ""]
            later = _may_go_back(connection, person, item, event, at)
            body = {"undoes": event.seq, "of": event.kind, "shown": shown, "key": key}
            undone = append_as(connection, person, item, "undo", body, now=now)
            set_standing(connection, item.item_id, replay([*later, undone]))
        lend(connection, [shown], person.name, now=at)
        return find(connection, shown)


def _one_after_the_other(connection: Connection, person: Person) -> None:
    """Let a second request of `person` see what the first one took back."""
    if connection.dialect.name == "postgresql":
        key = {"of": _UNDO_LOCK, "name": person.name}
        connection.execute(text("SELECT pg_advisory_xact_lock(:of, hashtext(:name))"), key)


def _recent(connection: Connection, person: Person, *, since: str) -> list[Event]:
    """What `person` decided and took back since then, oldest first."""
    rows = connection.execute(
        select(EVENTS)
        .where(
            EVENTS.c.who == person.name,
            EVENTS.c.at >= since,
            EVENTS.c.kind.in_((*DECISIONS, "undo")),
        )
        .order_by(EVENTS.c.seq)
    )
    return [as_event(row) for row in rows]


def _last(recent: Sequence[Event]) -> list[Event]:
    """The last of these that was not taken back; several events if it was one act on many items.

    The item that it was about comes first.
    """
    standing = standing_events(recent)
    if not standing:
        return []
    together = standing[-1].told().get("together")
    if together is None:
        return standing[-1:]
    return [event for event in standing if event.told().get("together") == together]


def _may_go_back(
    connection: Connection, person: Person, item: Item, event: Event, at: float
) -> list[Event]:
    """The events of the locked `item`, if `event` can be undone.

    Raises:
        TooLate: If somebody has it now, or something came of it.
    """
    if item.holder not in (None, person.name) and item.lease_until >= at:
        raise TooLate(f"nothing to undo: {item.words} is now with {item.holder}")
    events = of_item(connection, item.item_id)
    standing = standing_events(events)
    if event not in standing:
        raise TooLate(f"nothing to undo: {item.words} was taken back already")
    for later in standing:
        if later.seq > event.seq and later.kind not in _HARMLESS:
            raise TooLate(f"nothing to undo: {later.who} went on with {item.words} ({later.kind})")
    return events
