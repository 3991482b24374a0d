"""Leases: who has which parcel before them, for how long, and what comes to them next."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, Engine, and_, exists, or_, select, text

from parcelscope.review.acts import LEASE_S, lend, moment, prolong, put_back, require
from parcelscope.review.database import writing
from parcelscope.review.filters import Filters
from parcelscope.review.items import Item, as_item, lock
from parcelscope.review.roles import Person
from parcelscope.review.standing import WAITING, State
from parcelscope.review.tables import IS_WAITING, ITEMS

AHEAD: Final = 2
"""One on the screen, and one fetched while it is looked at."""
PAUSE_S: Final = 0.05
MOST_TRIES: Final = 40
"""Two seconds in all: enrolling 500 items keeps them locked for less."""


def take(
    engine: Engine,
    person: Person,
    *,
    ahead: int = AHEAD,
    filters: Filters = Filters(),  # noqa: B008 - frozen
    now: float | None = None,
) -> list[Item]:
    """What `person` has to look at next: what they hold, and new ones up to `ahead`.

    All of it is lent anew, so that what a page of theirs holds from before cannot be given back by
    that page any more. Two who ask at once never get the same. Nobody gets what they asked a second
    opinion on.

    Raises:
        NotAllowed: If their role does not decide.
    """
    require(person, "decide")
    at = moment(now)
    for _ in range(MOST_TRIES):
        with writing(engine) as connection:
            held = _held(connection, person)
            fresh, more = _fresh(connection, person, ahead - len(held), filters, at)
            taken = [*held, *fresh]
            lend(connection, [one.item_id for one in taken], person.name, now=at)
        if taken or not more:
            break
        # All that there is was locked in that moment, by people who take or a run that enrols.
        time.sleep(PAUSE_S)
    lent = [_lent(one, person, at) for one in taken]
    return sorted(lent, key=lambda one: (one.priority, one.item_id), reverse=True)


def take_next(
    engine: Engine,
    person: Person,
    *,
    filters: Filters = Filters(),  # noqa: B008 - frozen
    now: float | None = None,
) -> Item | None:
    """One more for `person`, if they hold less than `AHEAD`; what they hold is renewed.

    Raises:
        NotAllowed: If their role does not decide.
    """
    require(person, "decide")
    at = moment(now)
    with writing(engine) as connection:
        held = _held(connection, person)
        fresh, _ = _fresh(connection, person, min(AHEAD - len(held), 1), filters, at)
        prolong(connection, [one.item_id for one in held], now=at)
        lend(connection, [one.item_id for one in fresh], person.name, now=at)
    return _lent(fresh[0], person, at) if fresh else None


def _held(connection: Connection, person: Person) -> list[Item]:
    """What `person` holds, locked."""
    rows = connection.execute(
        select(ITEMS)
        .where(ITEMS.c.holder == person.name, ITEMS.c.state.in_(WAITING))
        .order_by(ITEMS.c.item_id)
        .with_for_update()
    )
    return [as_item(row) for row in rows]


def _fresh(
    connection: Connection, person: Person, count: int, filters: Filters, at: float
) -> tuple[list[Item], bool]:
    """So many that `person` may be given, locked; and whether there are more if it is none."""
    items = ITEMS.c
    free = and_(
        text(IS_WAITING),  # word for word as in the index, else it is not used
        items.state.in_(_states(person)),
        or_(items.holder.is_(None), items.lease_until < at),
        or_(items.holder.is_(None), items.holder != person.name),
        or_(items.first_by.is_(None), items.first_by != person.name),
        filters.conditions(),
    )
    # What somebody else takes in this moment is skipped, not waited for.
    rows = connection.execute(
        select(ITEMS)
        .where(free)
        .order_by(items.priority.desc(), items.item_id.desc())
        .limit(max(count, 0))
        .with_for_update(skip_locked=True)
    )
    fresh = [as_item(row) for row in rows]
    if fresh or count < 1 or connection.dialect.name != "postgresql":
        return fresh, False
    return [], connection.execute(select(exists().where(free))).scalar_one()


def _lent(item: Item, person: Person, at: float) -> Item:
    """`item` as `lend` left it."""
    number = item.lease_number + 1
    return replace(item, holder=person.name, lease_until=at + LEASE_S, lease_number=number)


def renew(
    engine: Engine, person: Person, item_ids: Sequence[str], *, now: float | None = None
) -> list[str]:
    """Keep what `person` holds of `item_ids` for longer; which these are."""
    with writing(engine) as connection:
        mine = [one.item_id for one in lock(connection, item_ids) if _holds(person, one)]
        prolong(connection, mine, now=moment(now))
    return mine


def release(engine: Engine, person: Person, leases: Mapping[str, int]) -> list[str]:
    """Put what `person` holds by `leases` back into the queue; which these are.

    A page that is left says so late, perhaps after the next one has taken the same parcels: what it
    names by the number of an older lease stays.

    Args:
        engine: The review database.
        person: Who gives back.
        leases: Number of the lease by id of its item.
    """
    with writing(engine) as connection:
        mine = [
            one.item_id
            for one in lock(connection, list(leases))
            if _holds(person, one) and one.lease_number == leases[one.item_id]
        ]
        put_back(connection, mine)
    return mine


def _holds(person: Person, item: Item) -> bool:
    return item.holder == person.name and item.state in WAITING


def _states(person: Person) -> tuple[State, ...]:
    """What `person` may be given."""
    return WAITING if person.may("supervise") else ("open", "second")
