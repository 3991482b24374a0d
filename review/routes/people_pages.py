"""The people who may sign in, for whoever manages them."""

from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from parcelscope.datasets.errors import ConfigError
from parcelscope.review import people
from parcelscope.review.access import MayManagePeople
from parcelscope.review.database import reading
from parcelscope.review.passwords import MIN_LENGTH
from parcelscope.review.roles import ROLES, Person, Role
from parcelscope.review.state import page, review_of

people_pages = APIRouter()

Name = Annotated[str, Form(max_length=400)]
Password = Annotated[str, Form(max_length=1000)]


@people_pages.get("/people")
def show_people(request: Request, person: MayManagePeople) -> Response:
    """Everybody, and a form to add somebody."""
    return _list(request, person)


@people_pages.post("/people")
def add_person(
    request: Request,
    person: MayManagePeople,
    name: Name,
    role: Annotated[Role, Form()],
    password: Password = "",
) -> Response:
    """Add somebody; without a password they come through a proxy or single sign-on."""
    review = review_of(request)
    try:
        with reading(review.engine) as connection:
            somebody = people.anybody(connection)
        if not somebody and not (role == "admin" and password):
            raise ConfigError(
                "the first person must be an admin with a password: from then on everybody signs"
                " in, and somebody must be able to add the others"
            )
        people.add_member(
            review.engine, by=person.name, name=name, role=role, password=password or None
        )
    except ConfigError as error:
        return _list(request, person, problem=str(error), name=name, role=role)
    return _done(request)


@people_pages.post("/people/role")
def change_role(
    request: Request, person: MayManagePeople, name: Name, role: Annotated[Role, Form()]
) -> Response:
    """Give somebody another role."""
    try:
        people.set_role(review_of(request).engine, by=person.name, name=name, role=role)
    except ConfigError as error:
        return _list(request, person, problem=str(error))
    return _done(request)


@people_pages.post("/people/password")
def change_password(
    request: Request, person: MayManagePeople, name: Name, password: Password
) -> Response:
    """Give somebody another password."""
    try:
        people.set_password(review_of(request).engine, by=person.name, name=name, password=password)
    except ConfigError as error:
        return _list(request, person, problem=str(error))
    return _done(request)


@people_pages.post("/people/disabled")
def change_disabled(
    request: Request, person: MayManagePeople, name: Name, disabled: Annotated[bool, Form()]
) -> Response:
    """Shut somebody out, or let them in again."""
    try:
        people.set_disabled(review_of(request).engine, by=person.name, name=name, disabled=disabled)
    except ConfigError as error:
        return _list(request, person, problem=str(error))
    return _done(request)


def _done(request: Request) -> Response:
    review_of(request).sessions.forget()
    return RedirectResponse("/people", status_code=303)


def _list(
    request: Request,
    person: Person,
    *,
    problem: str = "",
    name: str = "",
    role: Role | None = None,
) -> Response:
    with reading(review_of(request).engine) as connection:
        everybody = people.members(connection)
    return page(
        request,
        "people.html",
        person,
        status=422 if problem else 200,
        everybody=everybody,
        roles=ROLES,
        role_words=ROLE_WORDS,
        least=MIN_LENGTH,
        problem=problem,
        name=name,
        role=role or ("analyst" if everybody else "admin"),
    )


ROLE_WORDS: dict[Role, str] = {
    "viewer": "sees parcels and cases, without names and addresses",
    "analyst": "decides on parcels, notes exams, carries cases",
    "supervisor": "also settles opinions, releases cartons, sees statistics",
    "admin": "also manages people and reads the log",
    "auditor": "reads and exports the log; decides nothing",
}
