"""Whether the log is whole, and whether the queue is what the log says."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import Connection, select

from parcelscope.review.acts import standing_of
from parcelscope.review.events import Event, Verdict, of_items, verify
from parcelscope.review.items import as_item
from parcelscope.review.standing import Standing, replay
from parcelscope.review.tables import EVENTS, ITEMS

ROWS_AT_ONCE: Final = 500
MOST_TOLD: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What checking the log, and the queue against it, came to."""

    chain: Verdict
    items: int
    """Parcels and cartons that were held against their events."""
    differ: tuple[str, ...]
    """A sentence on each that does not stand where its events put it, `MOST_TOLD` at most."""

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return self.chain.problem is None and not self.differ


def audit(connection: Connection, head: str | None = None) -> Audit:
    """Check the chain of events, then every item against its events; see `events.chained`."""
    chain = verify(connection, head)
    count, differ = 0, []
    after = ""
    while True:
        rows = connection.execute(
            select(ITEMS)
            .where(ITEMS.c.item_id > after)
            .order_by(ITEMS.c.item_id)
            .limit(ROWS_AT_ONCE)
        ).all()
        found = [as_item(row) for row in rows]
        by_item: dict[str | None, list[Event]] = {one.item_id: [] for one in found}
        for event in of_items(connection, [one.item_id for one in found]):
            by_item[event.item_id].append(event)
        for item in found:
            told = _difference(standing_of(item), by_item[item.item_id])
            if told:
                differ.append(f"{item.words} ({item.item_id}): {told}")
        count += len(found)
        if len(rows) < ROWS_AT_ONCE:
            break
        after = rows[-1].item_id
    differ += [
        f"item {item_id} is gone, but event {seq} is of it"
        for item_id, seq in connection.execute(_ORPHANS)
    ]
    return Audit(chain=chain, items=count, differ=tuple(differ[:MOST_TOLD]))


_ORPHANS: Final = (
    select(EVENTS.c.item_id, EVENTS.c.seq)
    .outerjoin(ITEMS, ITEMS.c.item_id == EVENTS.c.item_id)
    .where(EVENTS.c.item_id.is_not(None), ITEMS.c.item_id.is_(None))
    .order_by(EVENTS.c.seq)
    .limit(MOST_TOLD)
)


def _difference(stands: Standing, of_item: Sequence[Event]) -> str | None:
    """How `stands` differs from what its events come to."""
    try:
        expected = replay(of_item)
    except (KeyError, TypeError, ValueError) as error:
        return f"its events cannot be replayed: {type(error).__name__} {error}"
    pairs = [(f.name, getattr(stands, f.name), getattr(expected, f.name)) for f in fields(Standing)]
    wrong = [f"{name} is {is_!r}, by its events {by!r}" for name, is_, by in pairs if is_ != by]
    return "; ".join(wrong) or None
