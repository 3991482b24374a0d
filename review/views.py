"""Saved views: filters that somebody wants to find again, for themselves or for all."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, select

from parcelscope.review.acts import require
from parcelscope.review.database import writing
from parcelscope.review.errors import NoSuchItem, NotAllowed, ReviewError
from parcelscope.review.filters import Filters, filters_from
from parcelscope.review.roles import Person
from parcelscope.review.tables import VIEWS

SHARED = ""
"""Owner of what all may use."""
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Filters with a name."""

    view_id: str
    name: str
    filters: Filters
    shared: bool
    """Whether all may use it."""


def save(
    engine: Engine, person: Person, name: str, filters: Filters, *, shared: bool = False
) -> View:
    """Keep `filters` under `name`; what the same owner kept under it before is replaced.

    Raises:
        NotAllowed: If it is for all, and their role does not supervise.
        ReviewError: If `name` is empty, too long or not printable.
    """
    require(person, "supervise" if shared else "see")
    wanted = name.strip()
    if not wanted or len(wanted) > LONGEST_NAME or not wanted.isprintable():
        raise ReviewError(
            f"a view needs a name of 1 to {LONGEST_NAME} printable characters, got {name[:99]!r}"
        )
    owner = SHARED if shared else person.name
    view = View(view_id=secrets.token_hex(8), name=wanted, filters=filters, shared=shared)
    with writing(engine) as connection:
        same = (VIEWS.c.owner == owner, VIEWS.c.name == wanted)
        connection.execute(delete(VIEWS).where(*same))
        connection.execute(
            VIEWS.insert().values(
                view_id=view.view_id,
                owner=owner,
                name=wanted,
                filters=json.dumps(filters.as_json(), sort_keys=True),
            )
        )
    return view


def views_of(connection: Connection, person: Person) -> Sequence[View]:
    """The views that `person` may use, their own first, by name."""
    rows = connection.execute(
        select(VIEWS)
        .where(VIEWS.c.owner.in_((person.name, SHARED)))
        .order_by(VIEWS.c.owner.desc(), VIEWS.c.name)
    )
    return [
        View(
            view_id=row.view_id,
            name=row.name,
            filters=filters_from(json.loads(row.filters)),
            shared=row.owner == SHARED,
        )
        for row in rows
    ]


def remove(engine: Engine, person: Person, view_id: str) -> None:
    """Forget a view.

    Raises:
        NoSuchItem: If there is none, or it is somebody else's.
        NotAllowed: If it is for all, and their role does not supervise.
    """
    with writing(engine) as connection:
        here = VIEWS.c.view_id == view_id
        owner = connection.execute(select(VIEWS.c.owner).where(here)).scalar()
        if owner is None or owner not in (person.name, SHARED):
            raise NoSuchItem(f"no saved view {view_id[:40]!r} of {person.name}")
        if owner == SHARED and not person.may("supervise"):
            raise NotAllowed(f"{person.name} is {person.role} here; this view is for all")
        connection.execute(delete(VIEWS).where(here))
