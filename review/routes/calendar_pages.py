"""What is due when: a month of periods and holidays, and the same for other calendars."""

import calendar as months
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Final

import icalendar
from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from parcelscope.review.access import MaySee
from parcelscope.review.case_clocks import action_words, holidays_between, holidays_on
from parcelscope.review.case_list import Due, due_between
from parcelscope.review.case_states import STATE_WORDS
from parcelscope.review.case_steps import EARLIEST_DAY
from parcelscope.review.case_tables import catch_up
from parcelscope.review.case_words import day_words
from parcelscope.review.cases import today
from parcelscope.review.database import reading
from parcelscope.review.routes.cases_pages import policies_of
from parcelscope.review.state import page, review_of

calendar_pages = APIRouter()

AHEAD: Final = timedelta(days=366)
"""How far other calendars are told."""
LATEST: Final = date(2100, 12, 31)
Month = Annotated[str, Query(pattern=r"^([0-9]{4}-[0-9]{2})?$")]


@calendar_pages.get("/calendar")
def show_calendar(request: Request, person: MaySee, month: Month = "") -> Response:
    """A month of what is due, after what is overdue."""
    review = review_of(request)
    policies = policies_of(review)
    catch_up(review.engine, policies)
    day = today(policies)
    first = _first(month) if month else day.replace(day=1)
    weeks = months.Calendar().monthdatescalendar(first.year, first.month)
    with reading(review.engine) as connection:
        overdue = due_between(connection, EARLIEST_DAY, day - timedelta(days=1))
        running = due_between(connection, weeks[0][0], weeks[-1][-1])
    return page(
        request,
        "calendar.html",
        person,
        first=first,
        before=first - timedelta(days=1) if first > EARLIEST_DAY else None,
        after=weeks[-1][-1] + timedelta(days=1) if first.year < LATEST.year else None,
        weeks=[[_of_day(one, running) for one in week] for week in weeks],
        free=dict(holidays_between(holidays_on(policies, day), weeks[0][0], weeks[-1][-1])),
        overdue=[_told(one) for one in overdue],
        due=sum(one.due.month == first.month and one.due >= day for one in running),
        today=day,
        state_words=STATE_WORDS,
        day_words=day_words,
        time_zone=policies.time_zone,
    )


@calendar_pages.get("/calendar.ics")
def export(request: Request, person: MaySee) -> Response:
    """What is overdue and what is due within a year, as iCalendar; without personal data."""
    review = review_of(request)
    policies = policies_of(review)
    catch_up(review.engine, policies)
    day = today(policies)
    with reading(review.engine) as connection:
        running = due_between(connection, EARLIEST_DAY, day + AHEAD)
    made = as_icalendar(running, now=datetime.now(UTC))
    headers = {"content-disposition": 'attachment; filename="parcelscope-due.ics"'}
    return Response(made, media_type="text/calendar", headers=headers)


def as_icalendar(running: Sequence[Due], *, now: datetime) -> bytes:
    """`running` as a calendar of whole days (RFC 5545)."""
    made = icalendar.Calendar()
    made.add("prodid", "-//parcelscope//review//EN")
    made.add("version", "2.0")
    for one in running:
        event = icalendar.Event()
        # The same for the same period, so that a calendar that knows it changes it.
        event.add("uid", f"{one.reference}-{one.rule.code}@parcelscope")
        event.add("dtstamp", now)
        event.add("dtstart", one.due)
        event.add("summary", f"{one.reference}: {action_words(one.rule)}")
        event.add("description", f"{one.words}, {STATE_WORDS[one.state]}. {one.rule.citation}")
        event.add("transp", "TRANSPARENT")
        made.add_component(event)
    return bytes(made.to_ical())


def _first(month: str) -> date:
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        first = None
    if first is None or not EARLIEST_DAY <= first <= LATEST:
        raise HTTPException(422, f"expected a month like 2026-11, got {month}")
    return first


def _of_day(day: date, running: Sequence[Due]) -> dict[str, Any]:
    """What is due on `day`, by what has to be done."""
    groups: defaultdict[str, list[Due]] = defaultdict(list)
    for one in running:
        if one.due == day:
            groups[action_words(one.rule)].append(one)
    return {"day": day, "groups": sorted(groups.items())}


def _told(one: Due) -> dict[str, Any]:
    return {"due": one, "action": action_words(one.rule)}
