"""One parcel by HTTP: what is asked, and the answer."""

import json
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from parcelscope.datasets.errors import FeedError

FEED_ID: Final = "parcel"
"""Id of a parcel that came without one."""
Why = Literal["request", "busy", "latency", "starting", "restarting", "no_evidence", "internal"]
"""Why a parcel was not assessed: a few words for counting; the sentence is in `reason`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ParcelRequest:
    """A parcel and its images, as they came."""

    parcel: dict[str, Any]
    """Columns of the parcels table."""
    images: list[dict[str, Any]]
    """Rows of the images table, whose `path` is the name of a file in `files`."""
    files: dict[str, bytes]


class ImageAnswer(BaseModel, frozen=True, extra="forbid"):
    """What became of one image."""

    path: str
    verdict: str
    code: str | None = None
    message: str | None = None


class BundleAnswer(BaseModel, frozen=True, extra="forbid"):
    """Which models scored."""

    name: str
    version: str
    digest: str


class ScoreAnswer(BaseModel, frozen=True, extra="forbid"):
    """What is said about one parcel. It never holds a parcel: the caller decides what follows."""

    verdict: Literal["assessed", "not_assessed"]
    parcel_id: str | None = None
    risk: float | None = Field(default=None, ge=0, le=1)
    """Calibrated risk; null where nothing could be checked."""
    band: str | None = None
    reason_codes: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    """How the parcel differs, one sentence each."""
    not_assessed: tuple[str, ...] = ()
    """Checks that could not be made, and why."""
    findings: tuple[dict[str, Any], ...] = ()
    images: tuple[ImageAnswer, ...] = ()
    bundle: BundleAnswer | None = None
    why: Why | None = None
    """Why the parcel as a whole was not assessed, for counting."""
    reason: str | None = None
    """The same as one sentence."""
    took_ms: float = Field(default=0.0, ge=0)


Object = dict[Annotated[str, Field(max_length=100)], str | int | float | bool | None]
_OBJECT: Final[TypeAdapter[Any]] = TypeAdapter(Object)
_OBJECTS: Final[TypeAdapter[Any]] = TypeAdapter(list[Object])


def not_assessed(why: Why, reason: str, *, parcel_id: str | None = None) -> ScoreAnswer:
    """The answer for a parcel that could not be assessed."""
    return ScoreAnswer(verdict="not_assessed", why=why, reason=reason, parcel_id=parcel_id)


def read_request(
    parcel: str, images: str, files: dict[str, bytes], *, max_images: int
) -> ParcelRequest:
    """The request in the parts of a form.

    Raises:
        FeedError: If a part is not the JSON that it must be, or rows and files do not match.
    """
    row = _json("parcel", parcel, _OBJECT, "an object with columns of the parcels table")
    rows = _json("images", images, _OBJECTS, "a list of objects with columns of the images table")
    if len(files) > max_images or len(rows) > max_images:
        raise FeedError(f"expected at most {max_images} images, got {max(len(files), len(rows))}")
    named = [str(image.get("path")) for image in rows]
    for name in files:
        if name not in named:
            raise FeedError(
                f"file {name[:200]!r}: expected a row of `images` with that path, got none"
            )
        if "/" in name or "\\" in name or name in {"", ".", ".."} or not name.isprintable():
            raise FeedError(f"file {name[:200]!r}: expected a plain file name, got a path")
    row.setdefault("parcel_id", FEED_ID)
    owner = row["parcel_id"]
    return ParcelRequest(
        parcel=row, images=[{**image, "owner_id": owner} for image in rows], files=files
    )


def _json(name: str, text: str, kind: TypeAdapter[Any], expected: str) -> Any:
    try:
        return kind.validate_python(json.loads(text))
    except (json.JSONDecodeError, RecursionError, ValidationError):
        raise FeedError(f"{name}: expected {expected} as JSON, got {text[:80]!r}") from None
