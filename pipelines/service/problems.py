"""What a refusal looks like, for OpenAPI."""

from typing import Any, Final, Literal

from pydantic import BaseModel

Responses = dict[int | str, dict[str, Any]]


class Problem(BaseModel, frozen=True, extra="forbid"):
    """Why a request was refused, in one sentence."""

    detail: str
    verdict: Literal["not_assessed"] | None = None
    """Of a single parcel: it was not assessed, and need not be held for that."""


def _refusals(meanings: dict[int, str]) -> Responses:
    return {
        status: {"model": Problem, "description": meaning} for status, meaning in meanings.items()
    }


EVERYWHERE: Final = _refusals(
    {
        401: "no key, or none in use",
        403: "the key's role does not suffice, or another site asks",
        413: "larger than the limits allow",
        422: "a value is not what it must be",
        429: "too many requests, or too many runs wait",
    }
)
OF_A_RUN: Final = _refusals(
    {404: "no such run, or it has no such result", 409: "the run is not in a state for that"}
)
OF_A_FORM: Final = _refusals({400: "not a form"})
OF_A_BUNDLE: Final = _refusals({409: "the bundle is refused"})
NOT_READY: Final = _refusals({503: "no bundle has passed its self-test yet"})
