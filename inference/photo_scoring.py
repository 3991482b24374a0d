"""What the photos of one parcel or master carton show: their quality, and the codes on them."""

from functools import partial
from pathlib import Path
from typing import Final

from parcelscope.datasets.photos import decode_photo
from parcelscope.datasets.records import Finding
from parcelscope.inference.codes import code_findings, read_codes
from parcelscope.inference.owners import ImageRow, Owner, read_file
from parcelscope.inference.quality import assess_photo, quality_finding
from parcelscope.inference.verdicts import Failure, Outcome, attempt

CHECKS: Final = ("photo.quality", "photo.codes")


def score_photos(owner: Owner, root: Path, outcome: Outcome) -> None:
    """Judge and read each photo of `owner`, one at a time, and close it.

    Poor photos are read too: a code that was read counts, whatever the light was.
    """
    if not owner.photos:
        outcome.cannot_assess(owner, CHECKS, "no photo in the feed")
    for image in owner.photos:
        found = attempt(partial(_photo_findings, owner, image, root), root=root)
        if isinstance(found, Failure):
            outcome.cannot_assess(owner, CHECKS, found.message)
            outcome.close(owner, [image], found, stage="read")
        else:
            outcome.findings += found
            outcome.close(owner, [image])


def _photo_findings(owner: Owner, image: ImageRow, root: Path) -> list[Finding]:
    # At full size: bars under two pixels wide cannot be read, and the standard counts pixels.
    rgb = decode_photo(read_file(image, root))
    owner_id, owner_kind = owner.owner_id, owner.owner_kind
    quality = assess_photo(rgb)
    codes = read_codes(rgb)
    return [
        quality_finding(quality, owner_id=owner_id, owner_kind=owner_kind, image_path=image.path),
        *code_findings(codes, owner_id=owner_id, owner_kind=owner_kind, image_path=image.path),
    ]
