"""The review application: its parts, put together."""

import contextlib
import logging
import secrets
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from parcelscope.datasets.errors import ParcelscopeError, first_fault
from parcelscope.review import errors
from parcelscope.review.access import Needs, who_asks
from parcelscope.review.attempts import Attempts
from parcelscope.review.guard import Guard
from parcelscope.review.oidc import FLOW_S, make_provider, oidc_pages
from parcelscope.review.pictures import Pictures
from parcelscope.review.roles import Action
from parcelscope.review.routes.audit_pages import audit_pages
from parcelscope.review.routes.bench_api import bench_api
from parcelscope.review.routes.calendar_pages import calendar_pages
from parcelscope.review.routes.cases_pages import cases_pages
from parcelscope.review.routes.officer_pages import officer_pages
from parcelscope.review.routes.pages import pages
from parcelscope.review.routes.people_pages import people_pages
from parcelscope.review.routes.pictures_api import pictures_api
from parcelscope.review.routes.queue_api import queue_api
from parcelscope.review.routes.queue_pages import queue_pages
from parcelscope.review.routes.statistics_pages import statistics_pages
from parcelscope.review.sessions import Sessions
from parcelscope.review.settings import ReviewSettings
from parcelscope.review.sign_in import sign_in_address, sign_in_pages
from parcelscope.review.state import Review, page, page_templates

LOG = logging.getLogger(__name__)
STATIC: Final = Path(__file__).parent / "static"
ROUTERS: Final[tuple[APIRouter, ...]] = (
    pages,
    bench_api,
    queue_pages,
    queue_api,
    pictures_api,
    statistics_pages,
    audit_pages,
    people_pages,
    cases_pages,
    calendar_pages,
    officer_pages,
)
"""Whatever is here needs somebody who has signed in, and says which action it is."""
OPEN_ROUTERS: Final[tuple[APIRouter, ...]] = (sign_in_pages, oidc_pages)
"""Whatever is here answers anybody."""
STATUS: Final[dict[type[ParcelscopeError], int]] = {
    errors.NoSuchItem: 404,
    errors.NotAllowed: 403,
    errors.LostLease: 409,
    errors.TooLate: 409,
    errors.CannotBe: 409,
    errors.NeedsReason: 422,
}

AWAY: Final = (OperationalError, NoConnectionError)
"""What SQLAlchemy raises where the database is gone, full or locked for too long. The transaction
is undone; the workstation keeps what it sent and sends it again."""


def create_app(settings: ReviewSettings, engine: Engine, pictures: Pictures) -> FastAPI:
    """The review application as an ASGI application.

    Args:
        settings: Checked before.
        engine: The review database, brought up to date.
        pictures: What reads images; closed with the application.
    """

    @contextlib.asynccontextmanager
    async def at_work(app: FastAPI) -> AsyncIterator[None]:
        yield
        pictures.close()

    app = FastAPI(
        title="parcelscope review",
        lifespan=at_work,
        # Their pages load scripts from elsewhere, and tell strangers what there is.
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.state.review = Review(
        settings=settings,
        engine=engine,
        pictures=pictures,
        sessions=Sessions(engine, settings),
        attempts=Attempts(settings.limits),
        templates=page_templates(),
        provider=None if settings.oidc is None else make_provider(settings.oidc),
        known_pages=frozenset(path for method, path, _ in needed_actions() if method == "GET"),
    )
    for router in (*ROUTERS, *OPEN_ROUTERS):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for error in (HTTPException, RequestValidationError, ParcelscopeError, *AWAY):
        app.add_exception_handler(error, _refused)
    if settings.oidc is not None:
        app.add_middleware(
            SessionMiddleware,  # of the flow alone; who is signed in stands in the database
            secret_key=secrets.token_urlsafe(32),
            session_cookie="parcelscope-oidc",
            max_age=FLOW_S,
            path="/sign-in/oidc",
            same_site="lax",  # the provider sends the browser back from its own site
            https_only=settings.has_tls,
        )
    app.add_middleware(Guard, settings=settings)
    return app


def needed_actions(
    routers: Sequence[APIRouter] = ROUTERS,
) -> Iterator[tuple[str, str, Action]]:
    """Method, path and needed action of every route of `routers`, which answer nobody unknown.

    Raises:
        ValueError: If one says none: a route that nobody thought about must not go unnoticed.
    """
    for router in routers:
        for route in router.routes:
            if not isinstance(route, APIRoute):
                raise ValueError(f"expected a route that says what it needs, got {route}")
            actions = [call.action for call in _calls(route.dependant) if isinstance(call, Needs)]
            if not actions:
                raise ValueError(f"{route.path} does not say what whoever asks must be allowed")
            for method in sorted(route.methods or ()):
                yield method, route.path, actions[0]


def _calls(dependant: Dependant) -> Iterator[object]:
    for inner in dependant.dependencies:
        yield inner.call
        yield from _calls(inner)


async def _refused(request: Request, error: Exception) -> Response:
    """What was asked for cannot be: one sentence, as a page or as JSON."""
    status, sentence = _told(error)
    if _wants_page(request):
        return await run_in_threadpool(_refused_page, request, status, sentence)
    headers = error.headers if isinstance(error, HTTPException) else None
    return JSONResponse({"detail": sentence}, status_code=status, headers=headers)


def _refused_page(request: Request, status: int, sentence: str) -> Response:
    if status == 401:
        return _to_sign_in(request)
    person = None
    if status == 503:  # who asks stands in the database too
        return page(request, "refused.html", person, status=status, sentence=sentence)
    with contextlib.suppress(HTTPException):  # the proxy names a stranger
        person = who_asks(request)
    return page(request, "refused.html", person, status=status, sentence=sentence)


def _told(error: Exception) -> tuple[int, str]:
    if isinstance(error, HTTPException):
        return error.status_code, str(error.detail)
    if isinstance(error, RequestValidationError):
        return 422, first_fault(error.errors())
    if isinstance(error, AWAY):
        LOG.warning("the review database does not answer: %s", str(error).splitlines()[0])
        return 503, "the review database does not answer; nothing was changed, try again soon"
    if not isinstance(error, ParcelscopeError):
        raise error
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 422)
    return status, " ".join(str(error).split())


def _wants_page(request: Request) -> bool:
    is_api = request.url.path.startswith("/api/")
    return not is_api and "text/html" in request.headers.get("accept", "")


def _to_sign_in(request: Request) -> Response:
    # A browser that comes by a link from elsewhere leaves the strict cookie at home; it brings it
    # along when our own page sends it on to the same address.
    if request.headers.get("sec-fetch-site") == "cross-site":
        return page(request, "onward.html", None, onward=_address(request))
    if request.method != "GET":
        return RedirectResponse("/sign-in", status_code=303)
    return RedirectResponse(sign_in_address(request), status_code=303)


def _address(request: Request) -> str:
    parts = urlsplit(str(request.url))
    return parts.path + (f"?{parts.query}" if parts.query else "")
