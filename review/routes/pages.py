"""The pages of the queue: the workstation, the list, the help."""

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from parcelscope.review.access import MaySee
from parcelscope.review.state import page

pages = APIRouter()


@pages.get("/")
def workstation(request: Request, person: MaySee) -> Response:
    """Where parcels are looked at, one after the other; the list for whoever only looks."""
    if not person.may("decide"):
        return RedirectResponse("/audit" if person.may("audit") else "/queue", status_code=303)
    return page(request, "workstation.html", person)


@pages.get("/items/{item_id}")
def one_item(request: Request, person: MaySee, item_id: str) -> Response:
    """The workstation on one parcel, to be looked at."""
    return page(request, "workstation.html", person, item_id=item_id)
