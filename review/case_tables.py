"""The tables of cases and clocks: copies of what the log comes to, kept for lists.

The log is what counts. Queue and workstation write events only and know nothing of cases; whoever
wants a list catches up with the log first.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, update

from parcelscope.inference.database import insert_new, upsert
from parcelscope.review.case_clocks import Clock, clocks
from parcelscope.review.case_states import CaseStanding, replay
from parcelscope.review.database import reading, writing
from parcelscope.review.events import Event, of_items
from parcelscope.review.tables import CASE_DATES, CASES, CAUGHT_UP, CLOCKS, EVENTS, ITEMS
from parcelscope.screening.policy import Policies

CAUGHT_UP_NAME: Final = "cases"
EVENTS_AT_ONCE: Final = 200
"""Events that are caught up with in one transaction; others wait for it no longer."""
RELEVANT: Final = (
    "decide",
    "release",
    "undo",
    "reopen",
    "outcome",
    "case_move",
    "case_date",
    "case_about",
    "case_withdraw",
)
"""Kinds of events that may change what a case comes to."""


def catch_up(engine: Engine, policies: Policies) -> int:
    """Bring the tables of cases and clocks up to the end of the log; how many cases were looked at.

    Queue and workstation write events only, and know nothing of cases.
    """
    seen = 0
    while True:
        with reading(engine) as connection:
            newest = connection.execute(select(func.max(EVENTS.c.seq))).scalar() or 0
            reached = connection.execute(
                select(CAUGHT_UP.c.seq).where(CAUGHT_UP.c.name == CAUGHT_UP_NAME)
            ).scalar()
        if newest <= (reached or 0):
            return seen
        with writing(engine) as connection:
            seen += _catch_up_some(connection, policies)


def write_case(
    connection: Connection,
    item_id: str,
    reference: str,
    standing: CaseStanding,
    running: Iterable[Clock],
) -> None:
    """Copy what the events of a case come to into the tables."""
    for table in (CASE_DATES, CLOCKS):
        connection.execute(delete(table).where(table.c.reference == reference))
    if not standing.is_case:
        connection.execute(delete(CASES).where(CASES.c.reference == reference))
        return
    row = {
        "reference": reference,
        "item_id": item_id,
        "state": standing.state,
        "opened": standing.opened,
        "changed": standing.changed,
        "about": " ".join(standing.about),
        "agency": standing.agency,
    }
    upsert(connection, CASES, [row], update=["state", "opened", "changed", "about", "agency"])
    dates = (
        {"seq": one.seq, "event": one.event, "reference": reference, "day": str(one.day)}
        for one in standing.dates
    )
    _insert(connection, CASE_DATES, dates)
    _insert(connection, CLOCKS, (_clock_row(reference, one) for one in running))


def _catch_up_some(connection: Connection, policies: Policies) -> int:
    insert_new(connection, CAUGHT_UP, {"name": CAUGHT_UP_NAME, "seq": 0})
    here = CAUGHT_UP.c.name == CAUGHT_UP_NAME
    # Locked: of two who catch up at once, the second sees what the first did.
    reached = connection.execute(select(CAUGHT_UP.c.seq).where(here).with_for_update()).scalar_one()
    fresh = connection.execute(
        select(EVENTS.c.seq, EVENTS.c.item_id, EVENTS.c.kind)
        .where(EVENTS.c.seq > reached)
        .order_by(EVENTS.c.seq)
        .limit(EVENTS_AT_ONCE)
    ).all()
    ids = {row.item_id for row in fresh if row.item_id is not None and row.kind in RELEVANT}
    _project(connection, sorted(ids), policies)
    if fresh:
        connection.execute(update(CAUGHT_UP).where(here).values(seq=fresh[-1].seq))
    return len(ids)


def _project(connection: Connection, item_ids: Sequence[str], policies: Policies) -> None:
    zone = ZoneInfo(policies.time_zone)
    told: defaultdict[str, list[Event]] = defaultdict(list)
    for event in of_items(connection, item_ids):
        told[event.item_id or ""].append(event)
    rows = connection.execute(
        select(ITEMS.c.item_id, ITEMS.c.reference, CASES.c.reference.is_not(None).label("copied"))
        .outerjoin(CASES, CASES.c.item_id == ITEMS.c.item_id)
        .where(ITEMS.c.item_id.in_(item_ids), ITEMS.c.reference.is_not(None))
        .order_by(ITEMS.c.item_id)
    ).all()
    for item_id, reference, copied in rows:
        standing = replay(told[item_id], zone)
        # Most parcels are cleared: they never were a case, and nothing has to be written of them.
        if standing.is_case or copied:
            running = clocks(policies, standing.dates, standing.about)
            write_case(connection, item_id, reference, standing, running)


def _insert(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]]) -> None:
    told = [dict(row) for row in rows]
    if told:
        connection.execute(insert(table), told)


def _clock_row(reference: str, clock: Clock) -> dict[str, Any]:
    return {
        "reference": reference,
        "code": clock.rule.code,
        "started": str(clock.started),
        "due": str(clock.due),
        "ended": None if clock.ended is None else str(clock.ended),
        "pack": clock.pack,
        "rule": clock.rule.model_dump_json(),
    }
