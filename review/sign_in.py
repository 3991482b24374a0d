"""Signing in with a name and a password, and signing out."""

import logging
from typing import Annotated, Final
from urllib.parse import quote, urlsplit

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from parcelscope.review import events
from parcelscope.review.access import address_of_sender, cookie_name, who_asks
from parcelscope.review.database import reading, writing
from parcelscope.review.people import MAX_NAME, find_member, members, with_password
from parcelscope.review.roles import Person
from parcelscope.review.state import page, review_of

sign_in_pages = APIRouter()
log = logging.getLogger(__name__)

WRONG: Final = "That name and password do not go together."
NOBODY: Final = "-"
"""Who the log names for a try under a name that is nobody's: it may be a password, mistyped."""


@sign_in_pages.get("/sign-in")
def show_sign_in(request: Request, next: str = "/") -> Response:
    """The form, or where its sender wanted to go if they are signed in."""
    if who_asks(request) is not None:
        return RedirectResponse(own_path(next), status_code=303)
    return sign_in_form(request, next)


@sign_in_pages.post("/sign-in")
def sign_in(
    request: Request,
    name: Annotated[str, Form(max_length=4 * MAX_NAME)] = "",
    password: Annotated[str, Form(max_length=4096)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:
    """Sign somebody in, or say that name and password do not go together."""
    review, address = review_of(request), address_of_sender(request)
    tried = name.strip().casefold()[:MAX_NAME]
    wait_s = review.attempts.wait_s(tried, address)
    if wait_s > 0:
        minutes = max(1, round(wait_s / 60))
        sentence = f"Too many tries. Wait {minutes} min, or ask whoever manages people here."
        answer = sign_in_form(request, next, name=tried, problem=sentence, status=429)
        answer.headers["retry-after"] = str(int(wait_s) + 1)
        return answer
    # Counted before it is known: tries at the same time must not all slip through.
    review.attempts.note_failure(tried, address)
    person = with_password(review.engine, tried, password)
    if person is None:
        _note_refusal(request, tried, address)
        return sign_in_form(request, next, name=tried, problem=WRONG, status=403)
    review.attempts.note_success(tried, address)
    return begin_session(
        request, person, RedirectResponse(own_path(next), status_code=303), "password"
    )


@sign_in_pages.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session of this browser."""
    review = review_of(request)
    token = request.cookies.get(cookie_name(review.settings))
    person = review.sessions.find(token) if token else None
    answer = RedirectResponse("/sign-in", status_code=303)
    if token and person is not None:
        review.sessions.end(token)
        with writing(review.engine) as connection:
            events.append(connection, who=person.name, kind="sign_out", body={})
    # Pictures of parcels may be in the cache; who signs in next may not be allowed to see them.
    answer.headers["clear-site-data"] = '"cache"'
    answer.delete_cookie(
        cookie_name(review.settings),
        secure=review.settings.has_tls,
        httponly=True,
        samesite="strict",
    )
    return answer


def begin_session(request: Request, person: Person, answer: Response, how: str) -> Response:
    """`answer` with the cookie of a new session of `person`; one that the browser had ends."""
    review = review_of(request)
    old = request.cookies.get(cookie_name(review.settings))
    if old:
        review.sessions.end(old)
    token = review.sessions.begin(person)
    with writing(review.engine) as connection:
        events.append(
            connection,
            who=person.name,
            kind="sign_in",
            body={"address": address_of_sender(request), "how": how, "role": person.role},
        )
    answer.set_cookie(
        cookie_name(review.settings),
        token,
        secure=review.settings.has_tls,
        httponly=True,
        samesite="strict",
    )
    return answer


def own_path(wanted: str) -> str:
    """`wanted` if it is a path of this application, else the start page.

    >>> own_path("/queue?band=look")
    '/queue?band=look'
    >>> own_path("//elsewhere.example/")
    '/'
    """
    # Browsers take a backslash for a slash, and skip line breaks.
    plain = wanted.isprintable() and "\\" not in wanted and wanted.startswith("/")
    if not plain or wanted.startswith("//"):
        return "/"
    try:
        parts = urlsplit(wanted)
    except ValueError:
        return "/"
    return "/" if parts.scheme or parts.netloc or parts.path == "/sign-in" else wanted


def sign_in_address(request: Request) -> str:
    """Where somebody signs in who is then to come back to the page of `request`."""
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/sign-in?next={quote(wanted, safe='/')}" if wanted != "/" else "/sign-in"


def sign_in_form(
    request: Request, wanted: str = "/", *, name: str = "", problem: str = "", status: int = 200
) -> Response:
    """The form to sign in with, and why the last try did not work."""
    return page(
        request,
        "sign_in.html",
        None,
        status=status,
        with_passwords=_any_password(request),
        next=own_path(wanted),
        name=name,
        problem=problem,
    )


def _any_password(request: Request) -> bool:
    with reading(review_of(request).engine) as connection:
        return any(member.has_password for member in members(connection))


def _note_refusal(request: Request, tried: str, address: str) -> None:
    review = review_of(request)
    with reading(review.engine) as connection:
        known = tried and find_member(connection, tried) is not None
    with writing(review.engine) as connection:
        events.append(
            connection,
            who=tried if known else NOBODY,
            kind="sign_in_refused",
            body={"address": address, "how": "password"},
        )
    log.warning("sign-in refused", extra={"address": address, "known": bool(known)})
