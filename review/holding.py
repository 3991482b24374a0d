"""Who holds what in this moment."""

from dataclasses import dataclass

from sqlalchemy import Connection, select

from parcelscope.review.clock import now_s
from parcelscope.review.items import Item, as_item
from parcelscope.review.standing import WAITING
from parcelscope.review.tables import ITEMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """What one person holds."""

    name: str
    items: tuple[Item, ...]
    left_s: int
    """Until the first of it goes back to the queue, unless their page renews it."""


def holdings(connection: Connection, *, now: float | None = None) -> list[Holding]:
    """What is held, by name of the person."""
    at = now_s() if now is None else now
    rows = connection.execute(
        select(ITEMS)
        .where(
            ITEMS.c.holder.is_not(None),
            ITEMS.c.lease_until >= at,
            ITEMS.c.state.in_(WAITING),
        )
        .order_by(ITEMS.c.holder, ITEMS.c.priority.desc(), ITEMS.c.item_id)
    )
    held: dict[str, list[Item]] = {}
    for row in rows:
        held.setdefault(row.holder, []).append(as_item(row))
    return [
        Holding(
            name=name,
            items=tuple(items),
            left_s=round(min(item.lease_until for item in items) - at),
        )
        for name, items in held.items()
    ]
