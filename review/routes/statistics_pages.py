"""How review goes, for whoever leads it."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from parcelscope.review.access import MaySeeStatistics
from parcelscope.review.database import reading
from parcelscope.review.state import page, review_of
from parcelscope.review.statistics import LEAST, statistics

statistics_pages = APIRouter()

PERIODS: Final = (1, 7, 30, 90, 365)
"""Days that can be chosen."""


@statistics_pages.get("/statistics")
def show_statistics(
    request: Request, person: MaySeeStatistics, days: Annotated[int, Query(ge=1, le=3660)] = 30
) -> Response:
    """Decisions of the last `days`, today included."""
    since = (datetime.now(UTC) - timedelta(days=days - 1)).date().isoformat()
    with reading(review_of(request).engine) as connection:
        told = statistics(connection, since=since, each_person=person.may("supervise"))
    return page(
        request,
        "statistics.html",
        person,
        told=told,
        since=since,
        days=days,
        periods=PERIODS,
        least=LEAST,
    )
