"""What the analyst's page asks for: take, renew, decide, undo."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from starlette.requests import Request
from starlette.responses import JSONResponse

from parcelscope.review import queue, remarks, supervising
from parcelscope.review.access import MayDecide, MaySee, MaySupervise
from parcelscope.review.breaks import minutes_on_end
from parcelscope.review.clock import now_s
from parcelscope.review.database import reading
from parcelscope.review.dossier import read_dossier
from parcelscope.review.errors import NeedsReason
from parcelscope.review.filters import filters_from
from parcelscope.review.item_json import item_json
from parcelscope.review.items import Band, Item, find
from parcelscope.review.reasons import NOTE_NEEDED
from parcelscope.review.roles import ACTIONS, Person
from parcelscope.review.routes.queue_bodies import (
    CHOICES,
    Choice,
    DecideBody,
    ItemsBody,
    LeasesBody,
    NoteBody,
    ReassignBody,
    ReleaseCartonBody,
    ReopenBody,
    SecondBody,
    TakeBody,
)
from parcelscope.review.settings import ReviewSettings
from parcelscope.review.state import Review, review_of
from parcelscope.review.undo import undo as take_back

queue_api = APIRouter(prefix="/api")

ItemId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]


@queue_api.get("/settings")
def settings(request: Request, person: MaySee) -> dict[str, Any]:
    """What the page must know before it begins."""
    review = review_of(request)
    told = review.settings
    with reading(review.engine) as connection:
        on_end_min = minutes_on_end(connection, person.name, now_s())
    return {
        "presentation": told.presentation,
        "undo_s": told.undo_s,
        "break_after_min": told.break_after_min,
        "on_end_min": on_end_min,
        "clear_needs_reason": sorted(reason_bands(told)),
        "note_needed": NOTE_NEEDED,
        "reason_codes": {
            decision: [
                {"key": str(number), "code": reason.code, "words": reason.words}
                for number, reason in enumerate(told.reasons.of(decision), start=1)
            ]
            for decision in CHOICES
        },
        "person": {
            "name": person.name,
            "role": person.role,
            "may": [action for action in ACTIONS if person.may(action)],
        },
    }


@queue_api.post("/queue/take")
def take(request: Request, person: MayDecide, body: TakeBody) -> JSONResponse:
    """What the person has to look at: one for the screen and one to fetch ahead."""
    review = review_of(request)
    items = queue.take(review.engine, person, filters=filters_from(body.filters))
    return JSONResponse({"items": [item_json(review, item, person) for item in items]})


@queue_api.post("/queue/renew")
def renew(request: Request, person: MayDecide, body: ItemsBody) -> dict[str, Any]:
    """Keep parcels for longer; tells which are still with the person."""
    return {"held": queue.renew(review_of(request).engine, person, body.item_ids)}


@queue_api.post("/queue/release")
def release(request: Request, person: MayDecide, body: LeasesBody) -> dict[str, Any]:
    """Put parcels back, as when the page is left."""
    return {"released": queue.release(review_of(request).engine, person, body.leases)}


@queue_api.get("/items/{item_id}")
def one(request: Request, person: MaySee, item_id: ItemId) -> JSONResponse:
    """Everything that a page shows of one parcel or carton."""
    review = review_of(request)
    return JSONResponse(item_json(review, _find(review, item_id), person))


@queue_api.post("/items/{item_id}/decide")
def decide(request: Request, person: MayDecide, item_id: ItemId, body: DecideBody) -> JSONResponse:
    """Decide, and get what is to be fetched ahead now."""
    review = review_of(request)
    _check_reason(review, body.decision, body.reason_code, body.note)
    versions = read_dossier(_find(review, item_id).dossier_json).versions
    event = queue.decide(
        review.engine,
        person,
        item_id,
        queue.Decision(
            decision=body.decision,
            reason_code=body.reason_code,
            note=body.note,
            ms_on_screen=body.ms_on_screen,
            functions_used=tuple(body.functions_used),
            marks_shown=body.marks_shown,
            presentation=body.presentation,
            model_version=versions.bundle,
            threshold_version=versions.threshold,
            idempotency_key=body.key,
        ),
        reason_bands=reason_bands(review.settings),
    )
    return JSONResponse({"event": event.seq, "next": _next(review, person, body.filters)})


@queue_api.post("/items/{item_id}/second")
def second(request: Request, person: MayDecide, item_id: ItemId, body: SecondBody) -> JSONResponse:
    """Have somebody else look who does not know what this person thinks."""
    review = review_of(request)
    event = queue.ask_second(
        review.engine,
        person,
        item_id,
        body.reason_code,
        body.note,
        leans_to=body.leans_to,
        key=body.key,
        unlisted=review.settings.unlisted_roles,
    )
    return JSONResponse({"event": event.seq, "next": _next(review, person, body.filters)})


@queue_api.post("/items/{item_id}/note")
def note(request: Request, person: MayDecide, item_id: ItemId, body: NoteBody) -> dict[str, Any]:
    """Write something down beside the parcel."""
    event = remarks.note(review_of(request).engine, person, item_id, body.note, key=body.key)
    return {"event": event.seq}


@queue_api.post("/items/{item_id}/release-carton")
def release_carton(
    request: Request, person: MaySupervise, item_id: ItemId, body: ReleaseCartonBody
) -> dict[str, Any]:
    """Release a master carton with the parcels of it that nobody looks at."""
    done = supervising.release_carton(
        review_of(request).engine, person, item_id, body.reason, key=body.key
    )
    return {"event": done.event.seq, "released": done.item_ids, "left": done.left_ids}


@queue_api.post("/items/{item_id}/reassign")
def reassign(
    request: Request, person: MaySupervise, item_id: ItemId, body: ReassignBody
) -> dict[str, Any]:
    """Hand on what somebody holds, or put it back into the queue."""
    event = supervising.reassign(review_of(request).engine, person, item_id, body.to)
    return {"event": event.seq}


@queue_api.post("/items/{item_id}/reopen")
def reopen(
    request: Request, person: MaySupervise, item_id: ItemId, body: ReopenBody
) -> dict[str, Any]:
    """Put a decided parcel into the queue again."""
    event = supervising.reopen(review_of(request).engine, person, item_id, body.reason)
    return {"event": event.seq}


@queue_api.post("/undo")
def undo(request: Request, person: MayDecide) -> JSONResponse:
    """Take back what the person decided last, and give them the parcel again."""
    review = review_of(request)
    item = take_back(review.engine, person, within_s=review.settings.undo_s)
    return JSONResponse({"item": item_json(review, item, person)})


def reason_bands(settings: ReviewSettings) -> frozenset[Band]:
    """Bands that are cleared only with a reason."""
    bands: tuple[Band, ...] = ("look", "inspect")
    return frozenset(bands[bands.index(settings.clear_needs_reason) :])


def _check_reason(review: Review, choice: Choice, code: str | None, note: str) -> None:
    """Let no reason by that nobody could count later.

    Raises:
        NeedsReason: If it is none of those that there are, or says nothing.
    """
    if code is None:
        return
    known = [reason.code for reason in review.settings.reasons.of(choice)]
    if code not in known:
        raise NeedsReason(f"reason_code: expected one of {', '.join(known)}, got {code!r}")
    if code == NOTE_NEEDED and not note.strip():
        raise NeedsReason(f"the reason {code!r} needs a note that says which")


def _find(review: Review, item_id: str) -> Item:
    with reading(review.engine) as connection:
        return find(connection, item_id)


def _next(review: Review, person: Person, filters: dict[str, str]) -> dict[str, Any] | None:
    """The item that joins what `person` holds already; None if there is none."""
    fresh = queue.take_next(review.engine, person, filters=filters_from(filters))
    return None if fresh is None else item_json(review, fresh, person)
