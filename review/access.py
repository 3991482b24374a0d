"""Who asks, and whether their role allows it: what every route depends on."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request

from parcelscope.review.database import reading
from parcelscope.review.people import LOCAL, find_member
from parcelscope.review.proxy import address_of, name_from_proxy
from parcelscope.review.roles import Action, Person, Role
from parcelscope.review.settings import ReviewSettings
from parcelscope.review.state import COOKIE, Review, review_of


@dataclass(frozen=True, slots=True)
class Needs:
    """A dependency that gives the person who asks, and refuses those who may not `action`."""

    action: Action

    def __call__(self, request: Request) -> Person:
        """The person.

        Raises:
            HTTPException: 401 if nobody is signed in, 403 if their role does not suffice.
        """
        person = who_asks(request)
        if person is None:
            raise HTTPException(401, "expected somebody who has signed in")
        if not person.may(self.action):
            raise HTTPException(403, f"{person.name} is {_a(person.role)}, who may not do this")
        return person


MaySee = Annotated[Person, Depends(Needs("see"))]
MayDecide = Annotated[Person, Depends(Needs("decide"))]
MaySupervise = Annotated[Person, Depends(Needs("supervise"))]
MaySeeStatistics = Annotated[Person, Depends(Needs("statistics"))]
MayAudit = Annotated[Person, Depends(Needs("audit"))]
MayManagePeople = Annotated[Person, Depends(Needs("manage_people"))]


def who_asks(request: Request) -> Person | None:
    """The person behind `request`, or None where somebody has yet to sign in.

    Raises:
        HTTPException: 403 if the proxy names somebody who may not in.
    """
    review = review_of(request)
    proxy = review.settings.proxy
    address = request.client.host if request.client else "unknown"
    named = name_from_proxy(address, request.headers, proxy)
    if named is not None and proxy is not None:
        return _through_proxy(review, named, proxy.default_role)
    token = request.cookies.get(cookie_name(review.settings))
    person = review.sessions.find(token) if token else None
    if person is None and not review.sessions.needed() and not is_forwarded(request.headers):
        return LOCAL
    return person


def is_forwarded(headers: Headers) -> bool:
    """Whether a proxy passed a request on: its sender need not be on this machine then."""
    return any(name in headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))


def cookie_name(settings: ReviewSettings) -> str:
    """Name of the session's cookie; with TLS, browsers take it from this very host alone."""
    return f"__Host-{COOKIE}" if settings.has_tls else COOKIE


def address_of_sender(request: Request) -> str:
    """The address that `request` came from, as the trusted proxy saw it."""
    return address_of(request, review_of(request).settings.proxy)


def _through_proxy(review: Review, name: str, default_role: Role | None) -> Person:
    with reading(review.engine) as connection:
        member = find_member(connection, name)
    if member is not None and not member.disabled:
        return Person(name=member.name, role=member.role)
    if member is None and default_role is not None:
        return Person(name=name.casefold(), role=default_role)
    raise HTTPException(403, f"{name} is not among the people of this application")


def _a(role: str) -> str:
    return f"an {role}" if role[0] in "aeiou" else f"a {role}"
