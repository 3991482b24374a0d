"""Genuine references on their way into a bundle: a part of their own, and a bundle with them."""

from pathlib import Path
from typing import Final

from pydantic import ValidationError

from parcelscope.datasets.errors import BundleError, first_fault
from parcelscope.models.bundle import Bundle, PhotoReferences, check_file
from parcelscope.models.bundle_writing import PART_CARD, named_files, write_bundle

PART: Final = "references.json"
"""The card, as `references build` names it; in a trained part it is `card.json`."""
CODE: Final = "photo.authenticity"
WEIGHT: Final = 1.5
"""Of `photo.authenticity` in a fusion model that knows nothing of it, set by judgement: with 20
genuine photos the strongest finding then multiplies the odds by 7. A refit replaces it."""


def read_reference_part(folder: Path) -> PhotoReferences | None:
    """The references in `folder`, their files checked; None where it holds another part, or none.

    Raises:
        BundleError: If a file is missing or altered, or `references.json` is not what it must be.
    """
    named = folder / PART
    path = named if named.is_file() else folder / PART_CARD
    if not path.is_file():
        return None
    try:
        section = PhotoReferences.model_validate_json(path.read_bytes())
    except ValidationError as error:
        if path != named:
            return None  # the card of a detector
        raise BundleError(f"{path}: {first_fault(error.errors())}") from None
    check_file(folder, section)
    for card in section.cards:
        check_file(folder, card)
    return section


def reference_files(section: PhotoReferences) -> tuple[str, ...]:
    """The files that `section` names."""
    return (section.file, *(card.file for card in section.cards))


def with_references(bundle: Bundle, section: PhotoReferences) -> Bundle:
    """`bundle` with these references, and a weight for what they find where it has none."""
    fusion = bundle.parcel_fusion
    weights = {CODE: WEIGHT, **fusion.weights}
    return bundle.model_copy(
        update={
            "references": section,
            "parcel_fusion": fusion.model_copy(update={"weights": weights}),
        }
    )


def sources_with_references(
    bundle: Bundle, base: Path, section: PhotoReferences, folder: Path
) -> dict[str, Path]:
    """Where every file of `bundle` with `section` lies, by its name in the new bundle.

    Raises:
        BundleError: If a detector has the name of a reference's file.
    """
    sources = {name: base / name for name in named_files(bundle)}
    for name in () if bundle.references is None else reference_files(bundle.references):
        del sources[name]
    for name in reference_files(section):
        if name in sources:
            raise BundleError(f"{base}: has a file {name} already, which the references need")
        sources[name] = folder / name
    return sources


def write_with_references(
    bundle: Bundle, base: Path, section: PhotoReferences, folder: Path, out: Path
) -> str:
    """Write to `out` the bundle in `base` with the references in `folder`; its digest.

    Raises:
        BundleError: If `out` is in use, or a file is not what a card says.
    """
    sources = sources_with_references(bundle, base, section, folder)
    return write_bundle(with_references(bundle, section), sources, out)
