"""What people do with a case: move it on, write down days, say what it is about, add numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from sqlalchemy import Connection, Engine

from parcelscope.review.acts import repeated, require
from parcelscope.review.aliases import BY_HAND, Alias, AliasKind, alias_of, record
from parcelscope.review.case_states import MOVES, RECORDED, MoveKey, move_to, refusal
from parcelscope.review.cases import Case, append_to_case, lock_case, today
from parcelscope.review.database import writing
from parcelscope.review.errors import CannotBe, NeedsReason, ReviewError
from parcelscope.review.events import Event
from parcelscope.review.roles import Person
from parcelscope.screening.policy import Policies
from parcelscope.screening.policy_rules import CaseSubject, NoticeRule

EARLIEST_DAY: Final = date(2000, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseMove:
    """What is to become of a case, and why."""

    key: MoveKey
    reason: str
    about: tuple[CaseSubject, ...] = ()
    agency: str = ""
    seizure_number: str = ""
    day: date | None = None
    """Today if None."""
    idempotency_key: str | None = None


def move(
    engine: Engine,
    person: Person,
    policies: Policies,
    reference: str,
    asked: CaseMove,
    *,
    now: float | None = None,
) -> Event:
    """Let a case become what `asked` says. The same idempotency key again gives the same event.

    Args:
        engine: The review database.
        person: Who says so.
        policies: Whose periods start.
        reference: Of which case.
        asked: What, and why.
        now: Seconds since 1970, for tests.

    Raises:
        NotAllowed: If their role does not allow it.
        CannotBe: If a case cannot become that from what it is, or on that day.
        NeedsReason: If the reason, what it is about, or the agency is missing.
        NoSuchItem: If there is no such case.
    """
    require(person, "decide")
    with writing(engine) as connection:
        case = lock_case(connection, reference, policies)
        earlier = repeated(
            connection, person, case.item.item_id, "case_move", asked.idempotency_key
        )
        if earlier is not None:
            return earlier
        step = move_to(case.standing.state, asked.key)
        if step is None:
            raise CannotBe(f"case {reference} {refusal(case.standing.state, asked.key)}")
        require(person, step.action)
        _require_told(asked, needs_subject=step.needs_subject, needs_agency=step.needs_agency)
        body = {
            "move": asked.key,
            "from": case.standing.state,
            "to": step.target,
            "reason": asked.reason.strip(),
            "about": list(asked.about),
            "agency": asked.agency.strip(),
            "day": _day(asked.day, policies, now).isoformat(),
            "key": asked.idempotency_key,
        }
        event = append_to_case(connection, person, case, "case_move", body, policies, now=now)
        if asked.seizure_number.strip():
            _add_alias(
                connection, person, case, "seizure_number", asked.seizure_number, policies, now
            )
        return event


def record_date(
    engine: Engine,
    person: Person,
    policies: Policies,
    reference: str,
    event: str,
    day: date | None,
    *,
    note: str = "",
    now: float | None = None,
) -> Event:
    """Write down that `event` of a notice period happened on `day`, today if None.

    Raises:
        NotAllowed, NoSuchItem: As `move`.
        ReviewError: If it is no such event, or `day` lies ahead.
    """
    require(person, "decide")
    with writing(engine) as connection:
        case = lock_case(connection, reference, policies)
        known = recordable(policies)
        if event not in known:
            raise ReviewError(f"expected one of {', '.join(known)}, got {event[:80]!r}")
        happened = _day(day, policies, now)
        body = {"event": event, "day": happened.isoformat(), "note": note.strip()}
        return append_to_case(connection, person, case, "case_date", body, policies, now=now)


def withdraw_date(
    engine: Engine,
    person: Person,
    policies: Policies,
    reference: str,
    seq: int,
    reason: str,
    *,
    now: float | None = None,
) -> Event:
    """Take back the day that event `seq` wrote down; both stay in the log.

    Raises:
        NotAllowed, NoSuchItem: As `move`.
        ReviewError: If event `seq` wrote no day of this case down by hand.
        NeedsReason: If there is no reason.
    """
    require(person, "decide")
    with writing(engine) as connection:
        case = lock_case(connection, reference, policies)
        told = next((one for one in case.events if one.seq == seq), None)
        stands = any(one.seq == seq for one in case.standing.dates)
        if told is None or told.kind != "case_date" or not stands:
            raise ReviewError(f"case {reference}: event {seq} is no day that can be taken back")
        if not reason.strip():
            raise NeedsReason("taking a day back needs a reason")
        body = {"withdraws": seq, "reason": reason.strip()}
        return append_to_case(connection, person, case, "case_withdraw", body, policies, now=now)


def set_about(
    engine: Engine,
    person: Person,
    policies: Policies,
    reference: str,
    about: Sequence[CaseSubject],
    *,
    now: float | None = None,
) -> Event:
    """Say what a case is about; it decides which periods run.

    Raises:
        NotAllowed, NoSuchItem: As `move`.
        NeedsReason: If a detained case would be about nothing.
    """
    require(person, "decide")
    with writing(engine) as connection:
        case = lock_case(connection, reference, policies)
        if case.standing.state == "detained" and not about:
            raise NeedsReason("a detention must say what it is about")
        body = {"about": list(about)}
        return append_to_case(connection, person, case, "case_about", body, policies, now=now)


def add_case_alias(
    engine: Engine,
    person: Person,
    policies: Policies,
    reference: str,
    kind: AliasKind,
    text: str,
    *,
    now: float | None = None,
) -> Alias:
    """Let a case be known by the number `text`, too.

    Raises:
        NotAllowed, NoSuchItem: As `move`.
        ReviewError: If the number cannot be right.
    """
    require(person, "decide")
    with writing(engine) as connection:
        case = lock_case(connection, reference, policies)
        return _add_alias(connection, person, case, kind, text, policies, now)


def recordable(policies: Policies) -> tuple[str, ...]:
    """Events that people may write down: those that we know, and those of the packs."""
    of_packs = {
        event
        for pack in policies.packs
        for rule in pack.rules
        if isinstance(rule, NoticeRule)
        for event in (rule.counted_from, *(rule.ended_by or (rule.action,)))
    }
    others = of_packs - {step.event for step in MOVES} - set(RECORDED)
    return (*RECORDED, *sorted(others))


def _require_told(asked: CaseMove, *, needs_subject: bool, needs_agency: bool) -> None:
    if not asked.reason.strip():
        raise NeedsReason("each step of a case needs a reason")
    if needs_subject and not asked.about:
        raise NeedsReason("a detention must say what it is about")
    if needs_agency and not asked.agency.strip():
        raise NeedsReason("a conditional release must say which agency it waits for")


def _day(day: date | None, policies: Policies, now: float | None) -> date:
    last = today(policies, now)
    if day is not None and not EARLIEST_DAY <= day <= last:
        raise ReviewError(f"expected a day from {EARLIEST_DAY} to {last}, got {day}")
    return day or last


def _add_alias(
    connection: Connection,
    person: Person,
    case: Case,
    kind: AliasKind,
    text: str,
    policies: Policies,
    now: float | None,
) -> Alias:
    if kind not in BY_HAND:
        raise ReviewError(f"expected one of {', '.join(BY_HAND)}, got {kind}")
    alias = alias_of(kind, text)
    if alias is None:
        raise ReviewError("expected a number, got nothing")
    if alias.problem is not None:
        raise ReviewError(f"{alias.alias} cannot be right: {alias.problem}")
    record(connection, [(case.reference, alias)])
    body = {"kind": alias.kind, "alias": alias.alias}
    append_to_case(connection, person, case, "case_alias", body, policies, now=now)
    return alias
