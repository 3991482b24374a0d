"""Cases: what becomes of a parcel after review, under one reference number.

The log of events is what counts: what a case comes to is computed from its events.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from parcelscope.review.acts import append_as
from parcelscope.review.case_clocks import Clock, clocks
from parcelscope.review.case_states import CaseStanding, event_words, replay
from parcelscope.review.case_tables import RELEVANT, write_case
from parcelscope.review.clock import now_s
from parcelscope.review.errors import NoSuchItem
from parcelscope.review.events import Event, of_item
from parcelscope.review.items import Item, as_item
from parcelscope.review.roles import Person
from parcelscope.review.tables import ITEMS
from parcelscope.screening.policy import Policies


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One parcel or carton with all that its reference number stands for."""

    item: Item
    events: tuple[Event, ...]
    standing: CaseStanding
    clocks: tuple[Clock, ...]

    @property
    def reference(self) -> str:
        """Its number."""
        return self.item.reference or ""


def find_case(connection: Connection, reference: str, policies: Policies) -> Case:
    """The case `reference` as its events tell it.

    Raises:
        NoSuchItem: If there is none.
    """
    return _read(connection, reference, policies, lock=False)


def lock_case(connection: Connection, reference: str, policies: Policies) -> Case:
    """The case `reference`, for this transaction alone to change.

    Raises:
        NoSuchItem: If there is none.
    """
    return _read(connection, reference, policies, lock=True)


def case_of(item: Item, events: Sequence[Event], policies: Policies) -> Case:
    """What `events` of `item` come to."""
    standing = replay(events, ZoneInfo(policies.time_zone))
    return Case(
        item=item,
        events=tuple(events),
        standing=standing,
        clocks=clocks(policies, standing.dates, standing.about),
    )


def append_to_case(
    connection: Connection,
    person: Person,
    case: Case,
    kind: str,
    body: Mapping[str, Any],
    policies: Policies,
    *,
    now: float | None = None,
) -> Event:
    """Write an event of a locked case, and what the case comes to."""
    event = append_as(connection, person, case.item, kind, body, now=now)
    if kind in RELEVANT:
        copy_case(connection, case_of(case.item, (*case.events, event), policies))
    return event


def copy_case(connection: Connection, case: Case) -> None:
    """Bring the tables of cases and clocks up to `case`."""
    write_case(connection, case.item.item_id, case.reference, case.standing, case.clocks)


def today(policies: Policies, now: float | None = None) -> date:
    """The day where the law of `policies` is."""
    moment = now_s() if now is None else now
    return datetime.fromtimestamp(moment, ZoneInfo(policies.time_zone)).date()


def dates_words(case: Case) -> list[dict[str, Any]]:
    """The days of a case in words, oldest first, and which of them can be taken back."""
    by_hand = {event.seq for event in case.events if event.kind == "case_date"}
    return [
        {
            "seq": one.seq,
            "day": one.day,
            "words": event_words(one.event),
            "by_hand": one.seq in by_hand,
        }
        for one in sorted(case.standing.dates, key=lambda one: (one.day, one.seq))
    ]


def _read(connection: Connection, reference: str, policies: Policies, *, lock: bool) -> Case:
    rows = select(ITEMS).where(ITEMS.c.reference == reference)
    row = connection.execute(rows.with_for_update() if lock else rows).first()
    if row is None:
        raise NoSuchItem(f"there is no case {reference}")
    item = as_item(row)
    return case_of(item, of_item(connection, item.item_id), policies)
