"""What photos of a parcel or carton show: quality, codes, text, unlikeness to the genuine."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypedDict

from parcelscope.datasets.photos import Photo
from parcelscope.datasets.records import Finding, OwnerKind
from parcelscope.inference.code_reading import ReadCode
from parcelscope.inference.codes import code_findings, luma_of
from parcelscope.inference.decoding import DIRECT, Decoding
from parcelscope.inference.label_findings import READ_VIEWS, TEXT, text_findings
from parcelscope.inference.owners import ImageRow, Owner
from parcelscope.inference.photo_authenticity import (
    AUTHENTICITY,
    LoadedReference,
    References,
    authenticity_findings,
    compare,
)
from parcelscope.inference.quality import PhotoQuality, assess_photo, quality_finding
from parcelscope.inference.registration import NotComparable
from parcelscope.inference.verdicts import READ, Failure, Outcome, attempt

QUALITY: Final = "photo.quality"
CODES: Final = "photo.codes"
CHECKS: Final = (QUALITY, CODES)
NO_PHOTO: Final = "no photo in the feed"
NO_LABEL_PHOTO: Final = "no photo of a label or of the outside in the feed"
COMPARED_VIEWS: Final = frozenset({"exterior", "product", None})
"""Views that may show the package itself; a photo that does not say is tried."""
LABELLED_VIEWS: Final = frozenset({"label", "mark", None})
"""Views on which a code is expected, so that it is searched for twice where none is found."""


class _Whose(TypedDict):
    owner_id: str
    owner_kind: OwnerKind
    image_path: str


@dataclass(slots=True, kw_only=True)
class _Seen:
    """What one photo showed."""

    findings: list[Finding] = field(default_factory=list)
    quality: PhotoQuality | None = None
    codes: tuple[ReadCode, ...] | None = None
    failed: dict[str, Failure] = field(default_factory=dict)
    """Checks that could not be made on it, although it was read."""
    incomparable: str | None = None
    """Why the photo was not compared with a reference; None where it was, or there is none."""


def score_photos(
    owner: Owner,
    root: Path,
    outcome: Outcome,
    references: References | None = None,
    decoding: Decoding = DIRECT,
    *,
    ocr: bool = False,
) -> None:
    """Judge and read each photo of `owner`, one at a time, and close it; labels as text if `ocr`.

    Poor photos are read too: a code that was read counts, whatever the light was. They are not
    compared with a genuine reference: what a blurred photo does not show is no difference.
    A check that fails on a photo costs that check alone.
    """
    if not owner.photos:
        outcome.cannot_assess(owner, CHECKS, NO_PHOTO)
    if ocr and not any(image.view in READ_VIEWS for image in owner.photos):
        outcome.cannot_assess(owner, [TEXT], NO_LABEL_PHOTO if owner.photos else NO_PHOTO)
    reference = None if references is None else references.find(owner.sku, owner.brand)
    unlike: list[str] = []
    compared = False
    for image in owner.photos:
        reads_text = ocr and image.view in READ_VIEWS
        rgb = attempt(partial(_read, image, root, decoding), root=root)
        if isinstance(rgb, Failure):
            checks = (*CHECKS, TEXT) if reads_text else CHECKS
            outcome.cannot_assess(owner, checks, rgb.message)
            outcome.close(owner, [image], rgb, stage=READ)
            continue
        comparable = reference is not None and image.view in COMPARED_VIEWS
        thorough = comparable or image.view in LABELLED_VIEWS
        seen = _seen(owner, image, rgb, root, decoding, thorough=thorough, reads_text=reads_text)
        if references is not None and reference is not None and comparable:
            _compare(seen, owner, image, rgb, references, reference, root)
        for check, failure in seen.failed.items():
            outcome.cannot_assess(owner, [check], f"{image.path}: {failure.message}")
        outcome.findings += seen.findings
        stage, failed = next(iter(seen.failed.items()), (None, None))
        outcome.close(owner, [image], failed, stage=stage)
        compared |= any(one.code == AUTHENTICITY for one in seen.findings)
        if seen.incomparable is not None:
            unlike.append(f"{image.path}: {seen.incomparable}")
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


def _read(image: ImageRow, root: Path, decoding: Decoding) -> Photo:
    # At full size: bars under two pixels wide cannot be read, and the standard counts pixels. In
    # colour, once: a second, smaller decoding costs more than it saves, see docs/engine-speed.md.
    return decoding.photo(decoding.file(image, root))


def _seen(
    owner: Owner,
    image: ImageRow,
    rgb: Photo,
    root: Path,
    decoding: Decoding,
    *,
    thorough: bool,
    reads_text: bool,
) -> _Seen:
    """Quality, codes and perhaps text of one photo; `thorough` as `read_codes` takes it."""
    seen = _Seen()
    luma = luma_of(rgb)  # once for all
    quality = attempt(partial(assess_photo, rgb, luma=luma), root=root)
    if isinstance(quality, Failure):
        seen.failed[QUALITY] = quality
    else:
        seen.quality = quality
        seen.findings.append(quality_finding(quality, **_whose(owner, image)))
    codes = attempt(partial(decoding.codes, luma, thorough=thorough), root=root)
    if isinstance(codes, Failure):
        seen.failed[CODES] = codes
    else:
        seen.codes = codes
        seen.findings += code_findings(codes, **_whose(owner, image))
    if reads_text:
        lines = attempt(partial(decoding.text, luma), root=root)
        if isinstance(lines, Failure):
            seen.failed[TEXT] = lines
        else:
            seen.findings += text_findings(lines, **_whose(owner, image))
    return seen


def _compare(
    seen: _Seen,
    owner: Owner,
    image: ImageRow,
    rgb: Photo,
    references: References,
    reference: LoadedReference,
    root: Path,
) -> None:
    """Add to `seen` how the photo differs from `reference`, or why that was not looked at."""
    if seen.quality is None or seen.codes is None:
        # A code that could not be looked for must not read as a code that is not there.
        missed = " and ".join(check for check in seen.failed if check in CHECKS)
        seen.incomparable = f"not comparable without {missed}"
        return
    if seen.quality.verdict == "poor":
        seen.incomparable = f"the photo is too poor: {'; '.join(seen.quality.reasons)}"
        return
    found = attempt(partial(compare, rgb, reference, references.session, seen.codes), root=root)
    if isinstance(found, Failure):
        seen.failed[AUTHENTICITY] = found
    elif isinstance(found, NotComparable):
        seen.incomparable = f"not comparable: {found.reason}"
    else:
        seen.findings += authenticity_findings(found, reference, **_whose(owner, image))


def _whose(owner: Owner, image: ImageRow) -> _Whose:
    return {
        "owner_id": owner.owner_id,
        "owner_kind": owner.owner_kind,
        "image_path": image.path,
    }
