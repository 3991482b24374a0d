"""What every act on a parcel does: check who asks, write its event, then what that comes to."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from sqlalchemy import Connection, update

from parcelscope.review.clock import as_text, now_s
from parcelscope.review.errors import LostLease, NotAllowed
from parcelscope.review.events import Event, append, of_item
from parcelscope.review.items import Item
from parcelscope.review.roles import Action, Person
from parcelscope.review.standing import WAITING, Standing, after
from parcelscope.review.tables import ITEMS

LEASE_S: Final = 90.0
"""For how long a parcel stays with whoever took it: three heartbeats of 30 s."""


def require(person: Person, action: Action) -> None:
    """Let nobody by whose role does not allow `action`.

    Raises:
        NotAllowed: If it does not.
    """
    if not person.may(action):
        raise NotAllowed(f"{person.name} is {person.role} here, which does not allow it")


def require_held(person: Person, item: Item) -> None:
    """Let nobody by who does not hold `item`.

    Raises:
        LostLease: Who does, or what became of it.
    """
    if item.state not in WAITING:
        raise LostLease(f"{item.words} was {item.state} by {item.decided_by} already")
    if item.first_by == person.name:
        raise LostLease(f"{item.words} waits for somebody else's opinion, as you asked")
    if item.holder is None:
        raise LostLease(f"{item.words} went back to the queue; take it again")
    if item.holder != person.name:
        raise LostLease(f"{item.words} is now with {item.holder}")


def record(
    connection: Connection,
    person: Person,
    item: Item,
    kind: str,
    body: Mapping[str, Any],
    *,
    gives_back: bool = False,
    now: float | None = None,
) -> Event:
    """Write an event on a locked item, and the columns that it comes to.

    With `gives_back`, nobody holds it afterwards.
    """
    event = append_as(connection, person, item, kind, body, now=now)
    columns = asdict(after(standing_of(item), event))
    if gives_back:
        columns |= {"holder": None, "lease_until": 0.0}
    connection.execute(update(ITEMS).where(ITEMS.c.item_id == item.item_id).values(**columns))
    return event


def append_as(
    connection: Connection,
    person: Person,
    item: Item,
    kind: str,
    body: Mapping[str, Any],
    *,
    now: float | None = None,
) -> Event:
    """Write an event of `person` on a locked item, with their role at the time."""
    return append(
        connection,
        who=person.name,
        kind=kind,
        body={**body, "role": person.role},
        item_id=item.item_id,
        reference=item.reference,
        # Else the time is taken when this event's turn has come, so that times go up as numbers do.
        at=None if now is None else as_text(now),
    )


def standing_of(item: Item) -> Standing:
    """The columns of `item` that events come to."""
    return Standing(**{one.name: getattr(item, one.name) for one in fields(Standing)})


def set_standing(connection: Connection, item_id: str, standing: Standing) -> None:
    """Write the columns that the events of a locked item come to."""
    here = update(ITEMS).where(ITEMS.c.item_id == item_id)
    connection.execute(here.values(**asdict(standing)))


def repeated(
    connection: Connection, person: Person, item_id: str, kind: str, key: str | None
) -> Event | None:
    """The event that `person` wrote with `key` before, if they did."""
    if key is None:
        return None
    for event in of_item(connection, item_id):
        if event.kind == kind and event.who == person.name and event.told().get("key") == key:
            return event
    return None


def lend(connection: Connection, item_ids: Sequence[str], to: str, *, now: float) -> None:
    """Let `to` hold locked items from `now` on, for as long as a lease lasts: a new one of each."""
    number = ITEMS.c.lease_number + 1
    _set(connection, item_ids, holder=to, lease_until=now + LEASE_S, lease_number=number)


def prolong(connection: Connection, item_ids: Sequence[str], *, now: float) -> None:
    """Let the leases of locked items end as late as if they began `now`."""
    _set(connection, item_ids, lease_until=now + LEASE_S)


def put_back(connection: Connection, item_ids: Sequence[str]) -> None:
    """Let nobody hold `item_ids`."""
    _set(connection, item_ids, holder=None, lease_until=0.0)


def moment(now: float | None) -> float:
    """`now`, or the time if it is None: seconds since 1970."""
    return now_s() if now is None else now


def _set(connection: Connection, item_ids: Sequence[str], **columns: Any) -> None:
    if item_ids:
        these = update(ITEMS).where(ITEMS.c.item_id.in_(item_ids))
        connection.execute(these.values(**columns))
