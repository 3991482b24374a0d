"""Cases to look at: page after page of them, and what is due when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from parcelscope.review.case_states import CaseState
from parcelscope.review.errors import ReviewError
from parcelscope.review.tables import CASES, CLOCKS, ITEMS
from parcelscope.screening.policy_rules import NoticeRule

MOST_DUE: Final = 2000
"""Periods of one calendar; a month of more nobody reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseRow:
    """One case of a list."""

    reference: str
    item_id: str
    words: str
    """As in `parcel CN-17`."""
    facility: str
    state: CaseState
    changed: str
    agency: str | None
    due: date | None
    """The next day on which something is due, or that was missed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePage:
    """Some cases, and where the next page starts."""

    rows: tuple[CaseRow, ...]
    next: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """One period that still runs."""

    reference: str
    words: str
    state: CaseState
    due: date
    rule: NoticeRule
    pack: str


def case_counts(connection: Connection) -> dict[CaseState, int]:
    """How many cases are in which state."""
    rows = connection.execute(select(CASES.c.state, func.count()).group_by(CASES.c.state))
    return {state: number for state, number in rows}  # noqa: C416 - rows are no pairs to mypy


def list_cases(
    connection: Connection,
    *,
    state: CaseState | None = None,
    references: Sequence[str] | None = None,
    after: str | None = None,
    limit: int = 50,
) -> CasePage:
    """Cases, those that changed last first.

    Args:
        connection: A connection to the review database, caught up with the log.
        state: Only those in it.
        references: Only those, whether or not they ever left review.
        after: `next` of the page before.
        limit: Most rows.

    Raises:
        ReviewError: If `after` is no place in the list.
    """
    due = (
        select(CLOCKS.c.reference, func.min(CLOCKS.c.due).label("due"))
        .where(CLOCKS.c.ended.is_(None))
        .group_by(CLOCKS.c.reference)
        .subquery()
    )
    changed = func.coalesce(CASES.c.changed, ITEMS.c.enrolled).label("changed")
    asked: list[ColumnElement[bool]] = [ITEMS.c.reference.is_not(None)]
    if state is not None:
        asked.append(CASES.c.state == state)
    if references is not None:
        asked.append(ITEMS.c.reference.in_(references))
    else:
        asked.append(CASES.c.reference.is_not(None))
    if after is not None:
        moment, _, reference = after.partition("|")
        if not reference:
            raise ReviewError(f"after: expected a place in the list, got {after[:40]!r}")
        asked.append(or_(changed < moment, and_(changed == moment, ITEMS.c.reference > reference)))
    rows = connection.execute(
        select(ITEMS, CASES.c.state.label("case_state"), CASES.c.agency, changed, due.c.due)
        .outerjoin(CASES, CASES.c.reference == ITEMS.c.reference)
        .outerjoin(due, due.c.reference == ITEMS.c.reference)
        .where(*asked)
        .order_by(changed.desc(), ITEMS.c.reference)
        .limit(limit + 1)
    ).all()
    shown = tuple(_row(row) for row in rows[:limit])
    last = shown[-1] if len(rows) > limit else None
    return CasePage(rows=shown, next=None if last is None else f"{last.changed}|{last.reference}")


def due_between(
    connection: Connection, first: date, last: date, *, limit: int = MOST_DUE
) -> list[Due]:
    """The periods that still run and are due from `first` to `last`, the earliest first."""
    rows = connection.execute(
        select(
            CLOCKS.c.reference,
            CLOCKS.c.due,
            CLOCKS.c.rule,
            CLOCKS.c.pack,
            CASES.c.state,
            ITEMS.c.owner_kind,
            ITEMS.c.owner_id,
        )
        .join(CASES, CASES.c.reference == CLOCKS.c.reference)
        .join(ITEMS, ITEMS.c.item_id == CASES.c.item_id)
        .where(CLOCKS.c.ended.is_(None), CLOCKS.c.due.between(str(first), str(last)))
        .order_by(CLOCKS.c.due, CLOCKS.c.reference, CLOCKS.c.code)
        .limit(limit)
    )
    return [
        Due(
            reference=row.reference,
            words=f"{row.owner_kind} {row.owner_id}",
            state=row.state,
            due=date.fromisoformat(row.due),
            rule=NoticeRule.model_validate_json(row.rule),
            pack=row.pack,
        )
        for row in rows
    ]


def _row(row: Any) -> CaseRow:
    released = row.state == "released" or row.decision == "clear"
    return CaseRow(
        reference=row.reference,
        item_id=row.item_id,
        words=f"{row.owner_kind} {row.owner_id}",
        facility=row.facility,
        state=row.case_state or ("released" if released else "open"),
        changed=row.changed,
        agency=row.agency,
        due=None if row.due is None else date.fromisoformat(row.due),
    )
