"""What the photos of one parcel or master carton show: quality, codes, unlikeness to genuine."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from parcelscope.datasets.photos import Photo, decode_photo
from parcelscope.datasets.records import Finding
from parcelscope.inference.codes import ReadCode, code_findings, read_codes
from parcelscope.inference.owners import ImageRow, Owner, read_file
from parcelscope.inference.photo_authenticity import (
    AUTHENTICITY,
    LoadedReference,
    References,
    authenticity_findings,
    compare,
)
from parcelscope.inference.quality import PhotoQuality, assess_photo, quality_finding
from parcelscope.inference.registration import NotComparable
from parcelscope.inference.verdicts import Failure, Outcome, attempt

CHECKS: Final = ("photo.quality", "photo.codes")
COMPARED_VIEWS: Final = frozenset({"exterior", "product", None})
"""Views that may show the package itself; a photo that does not say is tried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What one photo showed."""

    findings: list[Finding]
    incomparable: str | None = None
    """Why the photo was not compared with a reference; None where it was, or there is none."""


def score_photos(
    owner: Owner, root: Path, outcome: Outcome, references: References | None = None
) -> None:
    """Judge and read each photo of `owner`, one at a time, and close it.

    Poor photos are read too: a code that was read counts, whatever the light was. They are not
    compared with a genuine reference: what a blurred photo does not show is no difference.
    """
    if not owner.photos:
        outcome.cannot_assess(owner, CHECKS, "no photo in the feed")
    reference = None if references is None else references.find(owner.sku, owner.brand)
    unlike: list[str] = []
    compared = False
    for image in owner.photos:
        found = attempt(partial(_seen, owner, image, root, references, reference), root=root)
        if isinstance(found, Failure):
            outcome.cannot_assess(owner, CHECKS, found.message)
            outcome.close(owner, [image], found, stage="read")
            continue
        outcome.findings += found.findings
        outcome.close(owner, [image])
        compared |= any(one.code == AUTHENTICITY for one in found.findings)
        if found.incomparable is not None:
            unlike.append(f"{image.path}: {found.incomparable}")
    reason = _why_not(owner, references, reference, unlike)
    if not compared and reason is not None:
        outcome.cannot_assess(owner, [AUTHENTICITY], reason)


def _why_not(
    owner: Owner,
    references: References | None,
    reference: LoadedReference | None,
    unlike: Sequence[str],
) -> str | None:
    """Why no photo of `owner` was compared; None where nobody asked for it.

    A bundle without references, and a carton, have no such check: that is no gap of the parcel.
    """
    if references is None or owner.owner_kind != "parcel":
        return None
    if owner.sku is None:
        return "the manifest row names no SKU"
    if reference is None:
        return f"no genuine reference of SKU {owner.sku} in the bundle"
    return "; ".join(unlike) or "no photo of the package in the feed"


def _seen(
    owner: Owner,
    image: ImageRow,
    root: Path,
    references: References | None,
    reference: LoadedReference | None,
) -> _Seen:
    # At full size: bars under two pixels wide cannot be read, and the standard counts pixels.
    rgb = decode_photo(read_file(image, root))
    owner_id, owner_kind = owner.owner_id, owner.owner_kind
    quality = assess_photo(rgb)
    codes = read_codes(rgb)
    findings = [
        quality_finding(quality, owner_id=owner_id, owner_kind=owner_kind, image_path=image.path),
        *code_findings(codes, owner_id=owner_id, owner_kind=owner_kind, image_path=image.path),
    ]
    if references is None or reference is None or image.view not in COMPARED_VIEWS:
        return _Seen(findings=findings)
    return _compared(owner, image, rgb, quality, codes, references, reference, findings)


def _compared(
    owner: Owner,
    image: ImageRow,
    rgb: Photo,
    quality: PhotoQuality,
    codes: Sequence[ReadCode],
    references: References,
    reference: LoadedReference,
    findings: list[Finding],
) -> _Seen:
    if quality.verdict == "poor":
        reasons = "; ".join(quality.reasons)
        return _Seen(findings=findings, incomparable=f"the photo is too poor: {reasons}")
    found = compare(rgb, reference, references.session, codes)
    if isinstance(found, NotComparable):
        return _Seen(findings=findings, incomparable=f"not comparable: {found.reason}")
    told = authenticity_findings(
        found,
        reference,
        owner_id=owner.owner_id,
        owner_kind=owner.owner_kind,
        image_path=image.path,
    )
    return _Seen(findings=[*findings, *told])
