"""Exams: what officers found when they opened a parcel, or why they did not."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection, Engine, and_, func, select

from parcelscope.review.acts import record, repeated, require
from parcelscope.review.cases import case_of, copy_case
from parcelscope.review.clock import as_text, now_s
from parcelscope.review.database import writing
from parcelscope.review.errors import ReviewError
from parcelscope.review.events import Event, of_item
from parcelscope.review.items import Item, as_item, lock_one
from parcelscope.review.roles import Person
from parcelscope.review.standing import Outcome
from parcelscope.review.tables import ITEMS
from parcelscope.screening.policy import Policies

FUTURE: Final = timedelta(minutes=5)
"""How far ahead the clock of a phone may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exam:
    """What an exam came to."""

    outcome: Outcome
    kind: str = ""
    """Kind of violation, or why there was no exam; a code."""
    then: Literal["release", "keep"] = "keep"
    """What becomes of a parcel in which nothing was found."""
    note: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    idempotency_key: str | None = None


def log_exam(
    engine: Engine,
    person: Person,
    policies: Policies,
    item_id: str,
    exam: Exam,
    *,
    now: float | None = None,
) -> Event:
    """Write down what an exam came to. The same idempotency key again gives the same event.

    A parcel in which nothing was found is released, unless it is to be kept or its case has gone
    beyond the exam.

    Raises:
        NotAllowed: If their role does not allow it.
        NoSuchItem: If there is no such parcel or carton.
        ReviewError: If its times lie ahead, or end before they begin.
    """
    require(person, "decide")
    moment = now_s() if now is None else now
    _require_times(exam, moment)
    with writing(engine) as connection:
        item = lock_one(connection, item_id)
        earlier = repeated(connection, person, item_id, "outcome", exam.idempotency_key)
        if earlier is not None:
            return earlier
        case = case_of(item, of_item(connection, item_id), policies)
        may_go = exam.outcome == "no_violation" and case.standing.state in ("open", "exam")
        body = {
            "outcome": exam.outcome,
            "kind": exam.kind,
            "then": "release" if may_go and exam.then == "release" else "keep",
            "note": exam.note.strip(),
            "exam_started_at": None if exam.started_at is None else _as_utc(exam.started_at),
            "exam_ended_at": None if exam.ended_at is None else _as_utc(exam.ended_at),
            "run": item.run_id,
            "key": exam.idempotency_key,
        }
        event = record(connection, person, item, "outcome", body, now=moment)
        copy_case(connection, case_of(item, (*case.events, event), policies))
        return event


def waiting_for_exam(connection: Connection, limit: int) -> tuple[int, list[Item]]:
    """How many were sent to exam and have no outcome yet; of these, those that were sent last."""
    waits = and_(ITEMS.c.decision == "inspect", ITEMS.c.outcome.is_(None))
    total = connection.execute(select(func.count()).select_from(ITEMS).where(waits)).scalar_one()
    rows = connection.execute(
        select(ITEMS).where(waits).order_by(ITEMS.c.decided_at.desc(), ITEMS.c.item_id).limit(limit)
    )
    return total, [as_item(row) for row in rows]


def _require_times(exam: Exam, moment: float) -> None:
    for told in (exam.started_at, exam.ended_at):
        if told is not None and told.timestamp() > moment + FUTURE.total_seconds():
            raise ReviewError(f"an exam cannot lie ahead: {as_text(told.timestamp())}")
    if exam.started_at and exam.ended_at and exam.ended_at < exam.started_at:
        raise ReviewError("an exam cannot end before it begins")


def _as_utc(moment: datetime) -> str:
    return as_text(moment.timestamp())
