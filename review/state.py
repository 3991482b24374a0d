"""What the routes of one review application share, and how they make pages."""

from dataclasses import dataclass
from typing import Any, Final

from authlib.integrations.starlette_client import StarletteOAuth2App
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from sqlalchemy import Engine
from starlette.requests import Request
from starlette.responses import HTMLResponse

from parcelscope.review.attempts import Attempts
from parcelscope.review.pictures import Pictures
from parcelscope.review.roles import Person
from parcelscope.review.sessions import Sessions
from parcelscope.review.settings import ReviewSettings

COOKIE: Final = "parcelscope"
SESSION_COOKIES: Final = frozenset({COOKIE, f"__Host-{COOKIE}"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A running review application."""

    settings: ReviewSettings
    engine: Engine
    pictures: Pictures
    sessions: Sessions
    attempts: Attempts
    templates: Environment
    provider: StarletteOAuth2App | None
    """Of OpenID Connect, where one is set up."""
    known_pages: frozenset[str]
    """Paths of the pages that there are, for the bar on top."""


def review_of(request: Request) -> Review:
    """The application that answers `request`."""
    review: Review = request.app.state.review
    return review


def page(
    request: Request, template: str, person: Person | None, /, *, status: int = 200, **values: Any
) -> HTMLResponse:
    """The page `template` of the folder `pages`, for `person`."""
    review = review_of(request)
    text = review.templates.get_template(template).render(
        person=person,
        path=request.url.path,
        status=status,
        settings=review.settings,
        known_pages=review.known_pages,
        # Whoever the machine or a proxy vouches for has no session that could end.
        signed_in=SESSION_COOKIES.intersection(request.cookies) != set(),
        **values,
    )
    return HTMLResponse(text, status_code=status)


def page_templates() -> Environment:
    """The templates in the folder `pages`."""
    # Manifest text is hostile: whatever is not marked safe is escaped, and nothing is marked safe.
    return Environment(
        loader=PackageLoader("parcelscope.review", package_path="pages"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
