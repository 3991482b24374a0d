"""What the workstation needs beside parcels: how to render scans, and the help on its keys."""

from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from parcelscope.review.access import MaySee
from parcelscope.review.renderer import renderer
from parcelscope.review.state import page

bench_api = APIRouter()


@bench_api.get("/api/renderer")
def tables(person: MaySee) -> Response:
    """Tables and constants of the colours; they change with the release alone."""
    told: dict[str, Any] = renderer()
    return JSONResponse(told, headers={"cache-control": "private, max-age=3600"})


@bench_api.get("/help")
def help_page(request: Request, person: MaySee) -> Response:
    """The keys of the workstation."""
    return page(request, "help.html", person)
