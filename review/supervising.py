"""What supervisors do with the queue: release whole cartons, hand parcels on, reopen them."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, and_, or_, select

from parcelscope.review.acts import lend, moment, put_back, record, repeated, require
from parcelscope.review.colleagues import colleagues, is_unanswerable
from parcelscope.review.database import writing
from parcelscope.review.errors import LostLease, NeedsReason, NotAllowed, ReviewError
from parcelscope.review.events import Event, of_item
from parcelscope.review.items import Item, as_item, find, lock_one
from parcelscope.review.roles import ROLES, Person, Role
from parcelscope.review.standing import WAITING
from parcelscope.review.tables import ITEMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """What the release of a carton came to."""

    event: Event
    """That of the carton."""
    item_ids: tuple[str, ...]
    """The carton and the parcels that were released with it."""
    left_ids: tuple[str, ...]
    """Parcels of it that stay in the queue: somebody looks at them, or they wait for an opinion."""


def release_carton(
    engine: Engine,
    person: Person,
    item_id: str,
    reason: str,
    *,
    key: str | None = None,
    now: float | None = None,
) -> Released:
    """Release a master carton and the parcels of it that nobody looks at: all of them or none.

    Args:
        engine: The review database.
        person: Who releases.
        item_id: The carton.
        reason: Why, for the log.
        key: The same for a request that is sent again, so that it counts once.
        now: Seconds since 1970, for tests.

    Raises:
        NotAllowed: If their role does not supervise.
        NeedsReason: If `reason` is empty.
        LostLease: If somebody else has the carton, or it was decided.
        ReviewError: If it is no carton.
        NoSuchItem: If there is none.
    """
    require(person, "supervise")
    if not reason.strip():
        raise NeedsReason("releasing a carton with its parcels needs a reason")
    at = moment(now)
    with writing(engine) as connection:
        carton, inside = _lock_carton(connection, find(connection, item_id))
        earlier = repeated(connection, person, item_id, "release", key)
        if earlier is not None:
            return _again(connection, earlier, inside)
        if carton.state != "open":
            raise LostLease(f"{carton.words} is {carton.state}, so it cannot be released at once")
        if _elsewhere(carton, person, at):
            raise LostLease(f"{carton.words} is now with {carton.holder}")
        going = [one for one in inside if one.state == "open" and not _elsewhere(one, person, at)]
        body = {"reason": reason, "together": secrets.token_hex(8), "key": key}
        body_of_carton = {**body, "parcels": len(going)}
        event = record(
            connection, person, carton, "release", body_of_carton, gives_back=True, now=now
        )
        for one in going:
            record(connection, person, one, "release", body, gives_back=True, now=now)
    ids = (carton.item_id, *(one.item_id for one in going))
    left = tuple(one.item_id for one in inside if one not in going and one.state in WAITING)
    return Released(event=event, item_ids=ids, left_ids=left)


def reassign(
    engine: Engine, person: Person, item_id: str, to: str | None, *, now: float | None = None
) -> Event:
    """Hand what somebody holds to `to`, or back to the queue if None.

    Raises:
        NotAllowed: If their role does not supervise, or `to` asked for a second opinion on it.
        LostLease: If it was decided.
        NoSuchItem: If there is none.
    """
    require(person, "supervise")
    with writing(engine) as connection:
        item = lock_one(connection, item_id)
        if item.state not in WAITING:
            raise LostLease(f"{item.words} was {item.state} by {item.decided_by} already")
        if to is not None and to == item.first_by:
            raise NotAllowed(f"{item.words} waits for the opinion of somebody else than {to}")
        event = record(
            connection, person, item, "reassign", {"from": item.holder, "to": to}, now=now
        )
        if to is None:
            put_back(connection, [item_id])
        else:
            lend(connection, [item_id], to, now=moment(now))
    return event


def reopen(
    engine: Engine, person: Person, item_id: str, reason: str, *, now: float | None = None
) -> Event:
    """Put a decided item into the queue again, as when a newer run scores it otherwise.

    Raises:
        NotAllowed: If their role does not supervise.
        NeedsReason: If `reason` is empty.
        ReviewError: If it was not decided.
        NoSuchItem: If there is none.
    """
    require(person, "supervise")
    if not reason.strip():
        raise NeedsReason("opening a decided parcel again needs a reason")
    with writing(engine) as connection:
        item = lock_one(connection, item_id)
        if item.state in WAITING:
            raise ReviewError(f"{item.words} is not decided, so it cannot be opened again")
        return record(connection, person, item, "reopen", {"reason": reason}, now=now)


def ask_no_more(
    engine: Engine,
    person: Person,
    item_id: str,
    *,
    unlisted: Collection[Role] = ROLES,
    now: float | None = None,
) -> Event:
    """Put an item that waits for an opinion which nobody can give into the queue again, for all.

    Raises:
        NotAllowed: If their role does not supervise.
        ReviewError: If it waits for no opinion, or there is somebody to give it.
        NoSuchItem: If there is none.
    """
    require(person, "supervise")
    with writing(engine) as connection:
        item = lock_one(connection, item_id)
        if not is_unanswerable(item, colleagues(connection, unlisted)):
            raise ReviewError(f"{item.words} does not wait for an opinion that nobody could give")
        body = {"reason": "nobody else is here to give the opinion"}
        return record(connection, person, item, "reopen", body, gives_back=True, now=now)


def _lock_carton(connection: Connection, carton: Item) -> tuple[Item, list[Item]]:
    """The carton and its parcels, locked in the order in which everybody locks."""
    if carton.owner_kind != "carton":
        raise ReviewError(f"expected a master carton to release, got {carton.words}")
    items = ITEMS.c
    inside = and_(items.facility == carton.facility, items.carton_id == carton.owner_id)
    rows = connection.execute(
        select(ITEMS)
        .where(or_(items.item_id == carton.item_id, inside))
        .order_by(items.item_id)
        .with_for_update()
    )
    locked = [as_item(row) for row in rows]
    again = next(one for one in locked if one.item_id == carton.item_id)
    return again, [one for one in locked if one is not again]


def _elsewhere(item: Item, person: Person, now: float) -> bool:
    """Whether somebody else looks at it in this moment."""
    return item.holder not in (None, person.name) and item.lease_until >= now


def _again(connection: Connection, event: Event, inside: list[Item]) -> Released:
    """What an earlier release came to, as far as it still stands."""
    together = event.told()["together"]
    gone = [
        one.item_id
        for one in inside
        if any(past.told().get("together") == together for past in of_item(connection, one.item_id))
    ]
    left = tuple(one.item_id for one in inside if one.state in WAITING)
    return Released(event=event, item_ids=(event.item_id or "", *gone), left_ids=left)
