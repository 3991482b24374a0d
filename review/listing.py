"""The queue to look at: how much there is of what, and page after page of it."""

from collections import Counter
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, and_, func, or_, select

from parcelscope.review.clock import now_s
from parcelscope.review.errors import ReviewError
from parcelscope.review.filters import NOT_ASSESSED, Filters
from parcelscope.review.items import Item, as_item
from parcelscope.review.standing import WAITING
from parcelscope.review.tables import ITEMS

MOST_ON_A_PAGE: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many items the filters let through."""

    total: int
    waiting: int
    """Not decided yet."""
    held: int
    """Of these, with somebody in this moment."""
    by_state: dict[str, int]
    by_band: dict[str, int]
    by_kind: dict[str, int]
    by_facility: dict[str, int]
    by_lane: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some items, and where the next page starts."""

    items: tuple[Item, ...]
    next: str | None
    """To be given as `after`; None on the last page."""


def counts(connection: Connection, filters: Filters, *, now: float | None = None) -> Counts:
    """How many items `filters` let through, by what they are."""
    items = ITEMS.c
    groups = (items.state, items.band, items.owner_kind, items.facility, items.lane)
    at = now_s() if now is None else now
    held = and_(items.holder.is_not(None), items.lease_until >= at)
    rows = connection.execute(
        select(*groups, func.count(), func.count().filter(held))
        .where(filters.conditions())
        .group_by(*groups)
    ).all()
    found: list[Counter[str]] = [Counter() for _ in groups]
    waiting = lent = 0
    for *names, number, of_these_held in rows:
        for counter, name in zip(found, names, strict=True):
            counter[NOT_ASSESSED if counter is found[1] and name is None else name or ""] += number
        if names[0] in WAITING:
            waiting, lent = waiting + number, lent + of_these_held
    state, band, kind, facility, lane = (dict(sorted(one.items())) for one in found)
    return Counts(
        total=sum(state.values()),
        waiting=waiting,
        held=lent,
        by_state=state,
        by_band=band,
        by_kind=kind,
        by_facility=facility,
        by_lane=lane,
    )


def page(
    connection: Connection, filters: Filters, after: str | None = None, limit: int = 50
) -> Page:
    """Items that `filters` let through, the most urgent first.

    What is enrolled or decided between two pages neither repeats a row nor leaves one out.

    Args:
        connection: A connection to the review database.
        filters: What to show.
        after: `next` of the page before; from the start if None.
        limit: Most rows, `MOST_ON_A_PAGE` at the highest.

    Raises:
        ReviewError: If `after` is no `next` of a page.
    """
    items = ITEMS.c
    asked = filters.conditions()
    if after is not None:
        priority, item_id = _place(after)
        asked = and_(
            asked,
            or_(
                items.priority < priority,
                and_(items.priority == priority, items.item_id < item_id),
            ),
        )
    size = min(max(limit, 1), MOST_ON_A_PAGE)
    rows = connection.execute(
        select(ITEMS)
        .where(asked)
        .order_by(items.priority.desc(), items.item_id.desc())
        .limit(size + 1)
    ).all()
    shown = tuple(as_item(row) for row in rows[:size])
    more = len(rows) > size
    return Page(items=shown, next=f"{shown[-1].priority!r}~{shown[-1].item_id}" if more else None)


def _place(after: str) -> tuple[float, str]:
    priority, _, item_id = after.partition("~")
    try:
        return float(priority), item_id
    except ValueError:
        raise ReviewError(f"after: expected where a page ended, got {after[:40]!r}") from None
