"""What exams found, as the rows that `parcelscope report outcomes` reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from parcelscope.review.events import Event, as_event
from parcelscope.review.tables import EVENTS, ITEMS

OUTCOMES: Final = {
    "violation": "violation",
    "no_violation": "compliant",
    "not_examined": "not_examined",
}
"""Our words by those of the table of decisions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeRow:
    """One exam, or one that did not take place; fields as the columns of the table of decisions."""

    parcel_id: str | None
    carton_id: str | None
    outcome: str
    run_id: str
    referred_at: str | None
    exam_started_at: str | None
    exam_ended_at: str | None
    officer: str
    """`officer-3`: the third who ever logged an outcome here. The name stays in the log."""
    facility: str | None


def outcome_rows(connection: Connection) -> Iterator[OutcomeRow]:
    """All exams, in the order in which they were logged first; of one officer the last word."""
    rows = connection.execute(
        select(EVENTS).where(EVENTS.c.kind == "outcome").order_by(EVENTS.c.seq)
    )
    last: dict[tuple[str, str], Event] = {}
    officers: dict[str, str] = {}
    for event in map(as_event, rows):
        officers.setdefault(event.who, f"officer-{len(officers) + 1}")
        if event.item_id is not None:
            last[event.item_id, event.who] = event
    columns = ITEMS.c
    items = {
        row.item_id: row
        for row in connection.execute(
            select(
                columns.item_id,
                columns.owner_kind,
                columns.owner_id,
                columns.run_id,
                columns.facility,
                columns.decision,
                columns.decided_at,
            ).where(columns.outcome.is_not(None))
        )
    }
    for (item_id, who), event in last.items():
        yield _row(items[item_id], event, officers[who])


def _row(item: Any, event: Event, officer: str) -> OutcomeRow:
    told = event.told()
    examined = told["outcome"] != "not_examined"
    return OutcomeRow(
        parcel_id=item.owner_id if item.owner_kind == "parcel" else None,
        carton_id=item.owner_id if item.owner_kind == "carton" else None,
        outcome=OUTCOMES[told["outcome"]],
        # A newer run may have flagged it since; the exam answers for the one that sent it there.
        run_id=told.get("run") or item.run_id,
        referred_at=item.decided_at if item.decision == "inspect" else None,
        exam_started_at=told.get("exam_started_at") if examined else None,
        exam_ended_at=(told.get("exam_ended_at") or event.at) if examined else None,
        officer=officer,
        facility=item.facility or None,
    )
