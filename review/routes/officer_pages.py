"""The officer's phone: look a label up with the camera, see the parcel, log what the exam found."""

from pathlib import Path
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.photos import decode_photo
from parcelscope.inference.codes import read_codes
from parcelscope.review.access import MayDecide
from parcelscope.review.aliases import Resolved, resolve
from parcelscope.review.case_clocks import due_words, holidays_on
from parcelscope.review.case_states import STATE_WORDS
from parcelscope.review.case_words import day_words
from parcelscope.review.cases import find_case, today
from parcelscope.review.database import reading
from parcelscope.review.errors import NoSuchItem, ReviewError
from parcelscope.review.exams import Exam, log_exam, waiting_for_exam
from parcelscope.review.item_json import item_json
from parcelscope.review.roles import Person
from parcelscope.review.routes.cases_pages import policies_of
from parcelscope.review.state import Review, page, review_of

officer_pages = APIRouter()

FRAME_PIXELS: Final = 25_000_000
"""Most pixels of a picture of a label; phones that take more send it smaller."""
MOST_CODES: Final = 12
"""Codes of one picture that are looked up."""
MOST_WAITING: Final = 30
WORKER: Final = Path(__file__).parent.parent / "static" / "officer_worker.js"
Number = Annotated[str, Query(max_length=400)]


class ExamBody(BaseModel, frozen=True, extra="forbid"):
    """What an exam came to, perhaps logged without a connection and sent much later."""

    item_id: str | None = Field(default=None, pattern="^[0-9a-f]{16}$")
    number: str = Field(default="", max_length=400)
    """Any number of the parcel, where the phone could not look it up."""
    outcome: Literal["violation", "no_violation", "not_examined"]
    kind: str = Field(default="", max_length=40)
    then: Literal["release", "keep"] = "keep"
    note: str = Field(default="", max_length=4000)
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    key: str = Field(min_length=8, max_length=100)


@officer_pages.get("/officer")
def officer(request: Request, person: MayDecide, number: Number = "") -> Response:
    """The page for phones; it goes on working without a connection."""
    kinds = review_of(request).settings.exam
    return page(request, "officer.html", person, number=number, kinds=kinds)


@officer_pages.get("/officer-worker.js")
def worker(person: MayDecide) -> Response:
    """What keeps the page when the connection is gone; its place decides what it may answer for."""
    return FileResponse(WORKER, media_type="text/javascript")


@officer_pages.post("/api/frames")
async def frames(request: Request, person: MayDecide, thorough: bool = False) -> Response:
    """What the codes on one picture of a label mean; the picture is not kept."""
    data = await request.body()
    return await run_in_threadpool(_read_frame, review_of(request), person, data, thorough)


@officer_pages.get("/api/lookup")
def lookup(request: Request, person: MayDecide, text: Number) -> Response:
    """What a number means that somebody typed."""
    review = review_of(request)
    with reading(review.engine) as connection:
        found = resolve(connection, text)
    return JSONResponse(_told(review, person, found) | {"text": text})


@officer_pages.get("/api/exams")
def waiting(request: Request, person: MayDecide) -> Response:
    """What was sent to exam and has no outcome yet, what was sent last first."""
    review = review_of(request)
    with reading(review.engine) as connection:
        total, items = waiting_for_exam(connection, MOST_WAITING)
    told = [
        {
            "reference": item.reference,
            "words": item.words,
            "description": item.description,
            "facility": item.facility,
        }
        for item in items
    ]
    return JSONResponse({"total": total, "waiting": told})


@officer_pages.post("/api/exams")
def exams(request: Request, person: MayDecide, body: ExamBody) -> Response:
    """Log what an exam came to; sent again with the same key it counts once."""
    review = review_of(request)
    if not review.settings.exam.is_known(body.outcome, body.kind):
        raise ReviewError(f"no kind of {body.outcome.replace('_', ' ')} is called {body.kind!r}")
    item_id = body.item_id or _item_of(review, body.number)
    told = Exam(
        outcome=body.outcome,
        kind=body.kind,
        then=body.then,
        note=body.note,
        started_at=body.started_at,
        ended_at=body.ended_at,
        idempotency_key=body.key,
    )
    policies = policies_of(review)
    event = log_exam(review.engine, person, policies, item_id, told)
    with reading(review.engine) as connection:
        case = find_case(connection, event.reference or "", policies)
    return JSONResponse(
        {
            "event": event.seq,
            "reference": case.reference,
            "words": case.item.words,
            "state": STATE_WORDS[case.standing.state],
        }
    )


def _read_frame(review: Review, person: Person, data: bytes, thorough: bool) -> Response:
    try:
        photo = decode_photo(data, pixel_cap=FRAME_PIXELS)
    except ImageError as error:
        raise HTTPException(422, f"expected a picture of a label: {error}") from None
    texts = [code.text for code in read_codes(photo, thorough=thorough) if code.symbology_ok]
    found = Resolved(references=())
    text = texts[0] if texts else None
    with reading(review.engine) as connection:
        for text_of_code in texts[:MOST_CODES]:
            found = resolve(connection, text_of_code)
            if found.references:
                text = text_of_code
                break
    return JSONResponse(_told(review, person, found) | {"text": text})


def _item_of(review: Review, number: str) -> str:
    """The one parcel or carton that `number` means."""
    policies = policies_of(review)
    with reading(review.engine) as connection:
        found = resolve(connection, number)
        if len(found.references) > 1:
            raise ReviewError(
                f"{number[:60]} stands on {len(found.references)} parcels; look it up and choose"
            )
        if not found.references:
            raise NoSuchItem(found.problem or f"no case is known by {number[:60]}")
        return find_case(connection, found.references[0], policies).item.item_id


def _told(review: Review, person: Person, found: Resolved) -> dict[str, Any]:
    """The cases that a number means in short; the one that it means in full."""
    policies = policies_of(review)
    with reading(review.engine) as connection:
        cases = [find_case(connection, reference, policies) for reference in found.references]
    day = today(policies)
    calendar = holidays_on(policies, day)
    brief = [
        {
            "reference": case.reference,
            "item_id": case.item.item_id,
            "words": case.item.words,
            "band": case.item.band,
            "state": STATE_WORDS[case.standing.state],
            "due": [
                {
                    "words": clock.words,
                    "left": due_words(clock, day, calendar),
                    "day": day_words(clock.due),
                    "late": clock.due < day,
                }
                for clock in case.clocks
                if clock.ended is None
            ],
        }
        for case in cases
    ]
    item = item_json(review, cases[0].item, person) if len(cases) == 1 else None
    return {"found": brief, "item": item, "problem": found.problem}
