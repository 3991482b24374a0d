"""The queue as a list: filters with counts, saved views, and who holds what."""

from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Path
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from parcelscope.review import supervising, views
from parcelscope.review.access import MaySee, MaySupervise
from parcelscope.review.colleagues import Colleagues, colleagues, is_unanswerable
from parcelscope.review.database import reading
from parcelscope.review.dossier import read_dossier
from parcelscope.review.facets import STATE_WORDS, facets, query_of
from parcelscope.review.filters import ANY_WAITING, Filters, filters_from
from parcelscope.review.holding import holdings
from parcelscope.review.items import Item
from parcelscope.review.listing import counts
from parcelscope.review.listing import page as page_of_items
from parcelscope.review.redaction import without
from parcelscope.review.roles import Person
from parcelscope.review.state import page, review_of

queue_pages = APIRouter()
ROWS: Final = 50


@queue_pages.get("/queue")
def show_queue(request: Request, person: MaySee) -> Response:
    """What is in the queue, the most urgent first; without filters what waits for a decision."""
    review = review_of(request)
    asked = {name: value for name, value in request.query_params.items() if value}
    after = asked.pop("after", None)
    asked.pop("all", None)
    filters = filters_from(asked)
    if filters.text and not person.may("see_personal"):
        # Whoever may not read descriptions must not find out by searching what stands in them.
        filters = replace(filters, text=None, number=filters.text)
    if not request.query_params:
        filters = Filters(state=ANY_WAITING)
    with reading(review.engine) as connection:
        total = counts(connection, filters).total
        everything = counts(connection, Filters())
        shown = page_of_items(connection, filters, after, ROWS)
        choices = facets(connection, filters)
        held = holdings(connection)
        there = colleagues(connection, review.settings.unlisted_roles)
        saved = views.views_of(connection, person)
    return page(
        request,
        "queue.html",
        person,
        filters=filters,
        total=total,
        everything=everything,
        rows=[_row(item, person, there) for item in shown.items],
        facets=choices,
        holdings=held,
        views=[(view, query_of(view.filters) or "all=1") for view in saved],
        query=query_of(filters),
        next_query=query_of(filters, after=shown.next) if shown.next else None,
        is_first=after is None,
        state_words=STATE_WORDS,
    )


@queue_pages.post("/queue/views")
def save_view(
    request: Request,
    person: MaySee,
    name: Annotated[str, Form(max_length=200)],
    query: Annotated[str, Form(max_length=2000)] = "",
    shared: Annotated[bool, Form()] = False,
) -> Response:
    """Keep the filters of the page under a name."""
    filters = filters_from(dict(parse_qsl(query)))
    view = views.save(review_of(request).engine, person, name, filters, shared=shared)
    return _to_queue(view.filters)


@queue_pages.post("/queue/views/{view_id}/remove")
def remove_view(
    request: Request, person: MaySee, view_id: Annotated[str, Path(pattern="^[0-9a-f]{1,32}$")]
) -> Response:
    """Forget a saved view."""
    views.remove(review_of(request).engine, person, view_id)
    return _to_queue(Filters(state=ANY_WAITING))


@queue_pages.post("/queue/put-back")
def put_back(
    request: Request,
    person: MaySupervise,
    item_id: Annotated[str, Form(pattern="^[0-9a-f]{16}$")],
) -> Response:
    """Put what somebody holds back into the queue, as when they went home."""
    supervising.reassign(review_of(request).engine, person, item_id, None)
    return _to_queue(Filters(state=ANY_WAITING))


@queue_pages.post("/queue/ask-no-more")
def ask_no_more(
    request: Request,
    person: MaySupervise,
    item_id: Annotated[str, Form(pattern="^[0-9a-f]{16}$")],
) -> Response:
    """Take a question back that nobody else is here to answer."""
    review = review_of(request)
    unlisted = review.settings.unlisted_roles
    supervising.ask_no_more(review.engine, person, item_id, unlisted=unlisted)
    return _to_queue(Filters(state=ANY_WAITING))


def _to_queue(filters: Filters) -> Response:
    return RedirectResponse(f"/queue?{query_of(filters) or 'all=1'}", status_code=303)


def _row(item: Item, person: Person, there: Colleagues) -> dict[str, Any]:
    """What the list says of `item`; descriptions and reasons may name people."""
    dossier = read_dossier(item.dossier_json)
    told = {"item": item, "unanswerable": is_unanswerable(item, there)}
    if not person.may("see_personal"):
        return told | {"description": without(item.description, dossier.hidden), "reason": ""}
    reason = dossier.reasons[0].sentence if dossier.reasons else ""
    return told | {"description": item.description, "reason": reason}
