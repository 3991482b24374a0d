"""Cases: a list, one case with its steps, periods, numbers and days."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Form, Path, Query
from sqlalchemy import Engine
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from parcelscope.review.access import MayDecide, MaySee
from parcelscope.review.aliases import BY_HAND, KIND_WORDS, AliasKind, aliases_of_case, resolve
from parcelscope.review.case_clocks import due_words, holidays_on
from parcelscope.review.case_list import case_counts, list_cases
from parcelscope.review.case_reference import read_reference
from parcelscope.review.case_states import (
    STATE_WORDS,
    STATES,
    SUBJECT_WORDS,
    CaseState,
    MoveKey,
    event_words,
    moves_from,
)
from parcelscope.review.case_steps import (
    CaseMove,
    add_case_alias,
    move,
    record_date,
    recordable,
    set_about,
    withdraw_date,
)
from parcelscope.review.case_tables import catch_up
from parcelscope.review.case_words import day_words
from parcelscope.review.cases import Case, dates_words, find_case, today
from parcelscope.review.clock import utc_now
from parcelscope.review.database import reading
from parcelscope.review.errors import NoSuchItem, NotAllowed, ReviewError
from parcelscope.review.item_json import item_json
from parcelscope.review.redaction import personal_columns
from parcelscope.review.roles import Person
from parcelscope.review.state import Review, page, review_of
from parcelscope.screening.policy import Policies, load_policies
from parcelscope.screening.policy_rules import CaseSubject

cases_pages = APIRouter()

ROWS: Final = 50
Reference = Annotated[str, Path(max_length=40)]
Words = Annotated[str, Form(max_length=2000)]
Short = Annotated[str, Form(max_length=255)]
Act = Callable[[Engine, Person, Policies], object]
"""Something that a person does under a law."""
Day = Annotated[str, Form(pattern=r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$")]


def policies_of(review: Review) -> Policies:
    """Whose law the cases of `review` follow; the packs are read anew where they changed."""
    return load_policies(review.settings.policy)


@cases_pages.get("/cases")
def show_cases(
    request: Request,
    person: MaySee,
    q: Annotated[str, Query(max_length=400)] = "",
    state: CaseState | None = None,
    after: Annotated[str | None, Query(max_length=100)] = None,
) -> Response:
    """Cases, those that changed last first; or the case that a number means."""
    review = review_of(request)
    policies = policies_of(review)
    catch_up(review.engine, policies)
    with reading(review.engine) as connection:
        found = resolve(connection, q) if q.strip() else None
        if found is not None and len(found.references) == 1:
            return RedirectResponse(f"/cases/{found.references[0]}", status_code=303)
        counts = case_counts(connection)
        shown = list_cases(
            connection,
            state=state,
            references=None if found is None else found.references,
            after=after,
            limit=ROWS,
        )
    return page(
        request,
        "cases.html",
        person,
        q=q,
        state=state,
        counts=counts,
        rows=shown.rows,
        next=shown.next,
        problem=None if found is None else found.problem,
        several=found is not None and bool(found.references),
        state_words=STATE_WORDS,
        states=STATES,
        today=today(policies),
        day_words=day_words,
    )


@cases_pages.get("/cases/{reference}")
def show_case(request: Request, person: MaySee, reference: Reference) -> Response:
    """One case: where it stands, what is due, what happened."""
    told = read_reference(reference)
    if told is None:
        raise NoSuchItem(f"{reference[:40]!r} is no reference of a case")
    if told != reference:
        return RedirectResponse(f"/cases/{told}", status_code=303)
    return _case_page(request, person, reference)


@cases_pages.post("/cases/{reference}/move")
def move_case(
    request: Request,
    person: MayDecide,
    reference: Reference,
    key: Annotated[MoveKey, Form()],
    reason: Words = "",
    about: Annotated[list[CaseSubject], Form()] = [],  # noqa: B006 - FastAPI copies it
    agency: Short = "",
    seizure_number: Short = "",
    day: Day = "",
) -> Response:
    """Let the case become something else."""
    asked = CaseMove(
        key=key,
        reason=reason,
        about=tuple(about),
        agency=agency,
        seizure_number=seizure_number,
        day=_day(day),
    )

    def act(engine: Engine, who: Person, law: Policies) -> object:
        return move(engine, who, law, reference, asked)

    return _tried(request, person, reference, act)


@cases_pages.post("/cases/{reference}/dates")
def add_date(
    request: Request,
    person: MayDecide,
    reference: Reference,
    event: Short,
    day: Day = "",
    note: Words = "",
) -> Response:
    """Write down a day on which something happened."""
    told = _day(day)

    def act(engine: Engine, who: Person, law: Policies) -> object:
        return record_date(engine, who, law, reference, event, told, note=note)

    return _tried(request, person, reference, act)


@cases_pages.post("/cases/{reference}/dates/{seq}/withdraw")
def remove_date(
    request: Request, person: MayDecide, reference: Reference, seq: int, reason: Words = ""
) -> Response:
    """Take such a day back."""

    def act(engine: Engine, who: Person, law: Policies) -> object:
        return withdraw_date(engine, who, law, reference, seq, reason)

    return _tried(request, person, reference, act)


@cases_pages.post("/cases/{reference}/about")
def change_about(
    request: Request,
    person: MayDecide,
    reference: Reference,
    about: Annotated[list[CaseSubject], Form()] = [],  # noqa: B006 - FastAPI copies it
) -> Response:
    """Say what the case is about."""

    def act(engine: Engine, who: Person, law: Policies) -> object:
        return set_about(engine, who, law, reference, about)

    return _tried(request, person, reference, act)


@cases_pages.post("/cases/{reference}/aliases")
def add_alias(
    request: Request,
    person: MayDecide,
    reference: Reference,
    kind: Annotated[AliasKind, Form()],
    alias: Short,
) -> Response:
    """Let the case be known by another number, too."""

    def act(engine: Engine, who: Person, law: Policies) -> object:
        return add_case_alias(engine, who, law, reference, kind, alias)

    return _tried(request, person, reference, act)


def _tried(request: Request, person: Person, reference: str, act: Act) -> Response:
    """The page of the case after `act`, or with why that cannot be."""
    review = review_of(request)
    try:
        act(review.engine, person, policies_of(review))
    except (NoSuchItem, NotAllowed):
        raise
    except ReviewError as error:
        return _case_page(request, person, reference, problem=str(error))
    return RedirectResponse(f"/cases/{reference}", status_code=303)


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise HTTPException(422, f"expected a day of the calendar, got {text}") from None


def _case_page(
    request: Request, person: Person, reference: str, *, problem: str | None = None
) -> Response:
    review = review_of(request)
    policies = policies_of(review)
    with reading(review.engine) as connection:
        case = find_case(connection, reference, policies)
        aliases = aliases_of_case(connection, reference)
    day = today(policies)
    hidden = () if person.may("see_personal") else personal_columns(policies, day)
    return page(
        request,
        "case.html",
        person,
        status=200 if problem is None else 422,
        case=case,
        told=item_json(review, case.item, person),
        problem=problem,
        periods=_periods(case, policies, day),
        aliases=[one for one in aliases if one.kind not in hidden],
        hidden_aliases=sum(one.kind in hidden for one in aliases),
        dates=dates_words(case),
        moves=[one for one in moves_from(case.standing.state) if person.may(one.action)],
        events=[(event, event_words(event)) for event in recordable(policies)],
        subjects=SUBJECT_WORDS,
        state_words=STATE_WORDS,
        alias_kinds=[(kind, KIND_WORDS[kind]) for kind in BY_HAND],
        kind_words=KIND_WORDS,
        today=day,
        day_words=day_words,
        jurisdiction=policies.jurisdiction,
        printed=utc_now(),
    )


def _periods(case: Case, policies: Policies, day: date) -> list[dict[str, Any]]:
    """The periods of a case in words, those that run first."""
    calendar = holidays_on(policies, day)
    told = [
        {
            "clock": clock,
            "left": due_words(clock, day, calendar),
            "late": clock.ended is None and clock.due < day,
            "soon": clock.ended is None and (clock.due - day).days in (0, 1),
        }
        for clock in case.clocks
    ]
    return sorted(told, key=lambda one: one["clock"].ended is not None)
