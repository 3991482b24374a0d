"""The log: to read, to check, and to take away."""

import tempfile
from collections.abc import Iterator
from typing import IO, Annotated, Final, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from parcelscope.review import events
from parcelscope.review.access import MayAudit
from parcelscope.review.audit import Audit, audit
from parcelscope.review.audit_export import Wanted, exported, write_csv, write_jsonl
from parcelscope.review.clock import utc_now
from parcelscope.review.database import reading, writing
from parcelscope.review.history import words
from parcelscope.review.log_listing import kinds, names, newest
from parcelscope.review.roles import Person
from parcelscope.review.state import page, review_of

audit_pages = APIRouter()

ROWS: Final = 100
IN_MEMORY_BYTES: Final = 8 * 1024 * 1024
CHUNK_BYTES: Final = 256 * 1024
Day = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$")]
Word = Annotated[str, Field(max_length=255)]


class LogQuery(BaseModel, frozen=True, extra="forbid"):
    """Which events somebody wants; '' where all."""

    since: Day = ""
    until: Day = ""
    who: Word = ""
    kind: Word = ""
    reference: Word = ""
    before: int | None = Field(default=None, ge=1)

    def wanted(self) -> Wanted:
        """As the log is asked."""
        return Wanted(
            since=self.since or None,
            until=self.until or None,
            who=self.who or None,
            kind=self.kind or None,
            reference=self.reference.strip().upper() or None,
        )

    def query(self, **more: str) -> str:
        """As the query of an address, without where the page begins."""
        told = {
            name: getattr(self, name) for name in ("since", "until", "who", "kind", "reference")
        }
        return urlencode({name: value for name, value in told.items() if value} | more)


@audit_pages.get("/audit")
def show_audit(request: Request, person: MayAudit, asked: Annotated[LogQuery, Query()]) -> Response:
    """The log, newest first."""
    return _log(request, person, asked)


@audit_pages.post("/audit/verify")
def verify(
    request: Request,
    person: MayAudit,
    head: Annotated[str, Form(pattern="^[0-9a-f]{64}$|^$")] = "",
) -> Response:
    """Check the whole log, and the queue against it."""
    with reading(review_of(request).engine) as connection:
        found = audit(connection, head or None)
    return _log(request, person, LogQuery(), found=found)


@audit_pages.get("/audit/export/{form}")
def export(
    request: Request,
    person: MayAudit,
    form: Literal["csv", "jsonl"],
    asked: Annotated[LogQuery, Query()],
) -> Response:
    """The events as a file: a table, or lines that `audit verify --log` can check."""
    review = review_of(request)
    # Until the response has been sent; its iterator closes it.
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115
    write = write_csv if form == "csv" else write_jsonl
    with reading(review.engine) as connection:
        count = write(file, exported(connection, asked.wanted()))
    with writing(review.engine) as connection:
        body = {"format": form, "events": count, "asked": asked.query()}
        events.append(connection, who=person.name, kind="audit_export", body=body)
    size = file.tell()
    file.seek(0)
    name = f"review-log-{utc_now()[:10]}.{form}"
    return StreamingResponse(
        _chunks(file),
        media_type="text/csv; charset=utf-8" if form == "csv" else "application/x-ndjson",
        headers={
            "content-disposition": f'attachment; filename="{name}"',
            "content-length": str(size),
        },
    )


def _chunks(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while chunk := file.read(CHUNK_BYTES):
            yield chunk


def _log(
    request: Request, person: Person, asked: LogQuery, *, found: Audit | None = None
) -> Response:
    review = review_of(request)
    with reading(review.engine) as connection:
        shown = newest(connection, asked.wanted(), before=asked.before, limit=ROWS)
        all_kinds, all_names = kinds(connection), names(connection)
        head = events.head(connection)
    return page(
        request,
        "audit.html",
        person,
        asked=asked,
        rows=[(one, words(one.event, review.settings.reasons)) for one in shown.events],
        older=asked.query(before=str(shown.before)) if shown.before else None,
        kinds=all_kinds,
        names=all_names,
        head=head,
        found=found,
    )
