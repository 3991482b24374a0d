"""Who there is to give a second opinion, and questions that nobody can answer."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection

from parcelscope.review.items import Item
from parcelscope.review.people import members
from parcelscope.review.roles import ROLES, Action, Person, Role, may
from parcelscope.review.standing import WAITING, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Colleagues:
    """Everybody who may work here."""

    listed: tuple[Person, ...]
    """Those who were added and are not disabled."""
    unlisted: frozenset[Role]
    """Roles of people who were not added, for whom a proxy or provider vouches."""

    def could(self, action: Action, *, other_than: str | None) -> bool:
        """Whether anybody other than the one of that name may do `action`."""
        listed = any(one.may(action) and one.name != other_than for one in self.listed)
        return listed or any(may(role, action) for role in self.unlisted)


def colleagues(connection: Connection, unlisted: Collection[Role] = ROLES) -> Colleagues:
    """Everybody who may work here; unless told otherwise, people who are not listed may come."""
    listed = tuple(
        Person(name=one.name, role=one.role) for one in members(connection) if not one.disabled
    )
    return Colleagues(listed=listed, unlisted=frozenset(unlisted))


def why_no_second(item: Item, person: Person, there: Colleagues) -> str | None:
    """Why `person` cannot have somebody else look at `item`; None if they can, or it is decided."""
    if item.state not in WAITING:
        return None
    if item.state == "disputed":
        return f"{item.words} was seen twice already: it is yours to settle"
    # Asked of a second opinion, it would wait for somebody to settle it.
    next_state: State = "second" if item.state == "open" else "disputed"
    if _could_take(next_state, item.first_by or person.name, there):
        return None
    who = "decides here" if next_state == "second" else "could settle it"
    return f"there is nobody to ask about {item.words}, since nobody else {who}"


def is_unanswerable(item: Item, there: Colleagues) -> bool:
    """Whether `item` waits for an opinion that nobody can give, as its only other analyst left."""
    return item.state in ("second", "disputed") and not _could_take(
        item.state, item.first_by, there
    )


def _could_take(state: State, first_by: str | None, there: Colleagues) -> bool:
    action: Action = "supervise" if state == "disputed" else "decide"
    return there.could(action, other_than=first_by)
