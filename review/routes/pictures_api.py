"""The pixels of an item's images, for whoever may see them.

`pixels` answers with interleaved little-endian uint16 (low, high energy), compressed on the way by
`content-encoding: gzip`, so that `fetch` in a browser gives the counts themselves; width, height,
channels and the counts behind air stand in headers. All else are pictures that a browser shows.
"""

import gzip
from collections.abc import Callable
from typing import Annotated, Final

from fastapi import APIRouter, Path, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from parcelscope.datasets.errors import BundleError, FeedError, ImageError
from parcelscope.review.access import MaySee
from parcelscope.review.database import reading
from parcelscope.review.dossier import Dossier, DossierError, read_dossier
from parcelscope.review.items import find
from parcelscope.review.pictures import Encoded, Pictures, problem_words
from parcelscope.review.redaction import HIDDEN_IMAGE, is_hidden
from parcelscope.review.roles import Person
from parcelscope.review.state import review_of

pictures_api = APIRouter(prefix="/api/items/{item_id}/images/{n}")

ItemId = Annotated[str, Path(pattern="^[0-9a-f]{16}$")]
Number = Annotated[int, Path(ge=0, le=999)]
Width = Annotated[int | None, Query(ge=1, le=20_000)]

# Whoever signs in after somebody on the same machine must not find what that one saw; the version
# in the address changes with the files, so what is kept need not be asked for again.
KEEP: Final = "private, max-age=3600, immutable"


@pictures_api.get("/pixels")
def pixels(request: Request, person: MaySee, item_id: ItemId, n: Number) -> Response:
    """The counts of a scan."""
    return _answer(request, person, item_id, n, lambda to, dossier: to.pixels(dossier, n))


@pictures_api.get("/picture")
def picture(
    request: Request, person: MaySee, item_id: ItemId, n: Number, width: Width = None
) -> Response:
    """A photo, at least `width` wide where it is so large, or a scan as a picture of 8 bits."""
    return _answer(request, person, item_id, n, lambda to, dossier: to.picture(dossier, n, width))


@pictures_api.get("/heat")
def heat(request: Request, person: MaySee, item_id: ItemId, n: Number) -> Response:
    """Where a scan is unlike those of compliant parcels, in grey, to lay over it."""
    return _answer(request, person, item_id, n, lambda to, dossier: to.heat(dossier, n))


@pictures_api.get("/reference/{k}")
def reference(request: Request, person: MaySee, item_id: ItemId, n: Number, k: Number) -> Response:
    """A genuine photo that the photo was compared with."""
    return _answer(request, person, item_id, n, lambda to, dossier: to.reference(dossier, n, k))


def _answer(
    request: Request,
    person: Person,
    item_id: str,
    n: int,
    make: Callable[[Pictures, Dossier], Encoded],
) -> Response:
    """What `make` encodes, or one sentence why it cannot be shown."""
    review = review_of(request)
    with reading(review.engine) as connection:
        item = find(connection, item_id)
    try:
        dossier = read_dossier(item.dossier_json)
        if is_hidden(dossier.image(n), sees_personal=person.may("see_personal")):
            raise HTTPException(403, HIDDEN_IMAGE)
        made = make(review.pictures, dossier)
    except DossierError as error:
        raise HTTPException(404, str(error)) from None
    except (ImageError, FeedError, BundleError, OSError) as error:
        raise HTTPException(404, problem_words(error)) from None
    answer = _response(request, made)
    # Whoever saves it has the number of the case with it.
    ending = _ENDINGS.get(made.media_type, "")
    answer.headers["content-disposition"] = f'inline; filename="{item.reference}-{n}{ending}"'
    return answer


_ENDINGS: Final = {"image/jpeg": ".jpg", "image/png": ".png"}


def _response(request: Request, made: Encoded) -> Response:
    headers = {
        "cache-control": KEEP,
        "etag": f'"{made.etag}"',
        "vary": "cookie, accept-encoding",
        "x-width": str(made.width_px),
        "x-height": str(made.height_px),
        "x-channels": str(made.channels),
    }
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(status_code=304, headers=headers)
    data = made.data
    if made.air_level is not None:
        headers["x-air-level"] = f"{made.air_level:g}"
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["content-encoding"] = "gzip"
        else:
            data = gzip.decompress(data)
    return Response(data, media_type=made.media_type, headers=headers)
