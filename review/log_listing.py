"""The log to look at: the newest events first, page after page."""

from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, select

from parcelscope.review.audit_export import Exported, Wanted
from parcelscope.review.events import Event
from parcelscope.review.tables import EVENTS, ITEMS

MOST_NAMES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Some events, newest first, and where older ones start."""

    events: tuple[Exported, ...]
    before: int | None
    """To be given as `before`; None on the last page."""


def newest(
    connection: Connection, wanted: Wanted, *, before: int | None = None, limit: int = 100
) -> LogPage:
    """The newest events that are wanted, of those whose number is below `before`."""
    asked = [] if before is None else [EVENTS.c.seq < before]
    if wanted.since is not None:
        asked.append(EVENTS.c.at >= wanted.since)
    if wanted.until is not None:
        asked.append(EVENTS.c.at < wanted.until)
    for name in ("who", "kind", "reference"):
        value = getattr(wanted, name)
        if value is not None:
            asked.append(EVENTS.c[name] == value)
    rows = connection.execute(
        select(EVENTS, ITEMS.c.owner_kind, ITEMS.c.owner_id)
        .outerjoin(ITEMS, ITEMS.c.item_id == EVENTS.c.item_id)
        .where(*asked)
        .order_by(EVENTS.c.seq.desc())
        .limit(limit + 1)
    ).all()
    shown = []
    for row in rows[:limit]:
        columns = dict(row._mapping)
        kind, owner = columns.pop("owner_kind"), columns.pop("owner_id")
        shown.append(Exported(event=Event(**columns), owner_kind=kind, owner_id=owner))
    more = len(rows) > limit
    return LogPage(events=tuple(shown), before=shown[-1].event.seq if more else None)


def kinds(connection: Connection) -> list[str]:
    """The kinds of events that there are."""
    found = select(EVENTS.c.kind).distinct().order_by(EVENTS.c.kind).limit(MOST_NAMES)
    return list(connection.execute(found).scalars())


def names(connection: Connection) -> list[str]:
    """Who did anything."""
    found = select(EVENTS.c.who).distinct().order_by(EVENTS.c.who).limit(MOST_NAMES)
    return list(connection.execute(found).scalars())
