"""Writing bundles: a folder appears with all its files and its card, or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import ValidationError

from parcelscope.datasets.errors import BundleError, first_fault
from parcelscope.datasets.writing import write_text_whole
from parcelscope.models.bundle import CARD, Bundle, DetectorCard, check_file, load_bundle

PART_CARD = "card.json"
"""The card of a part: one trained detector that is not yet in a bundle."""


def read_part(folder: Path) -> DetectorCard:
    """The card of the detector in `folder`, its file checked against its SHA-256.

    Raises:
        BundleError: If there is no valid card, or the file is missing or altered.
    """
    path = folder / PART_CARD
    if not path.is_file():
        raise BundleError(f"{folder}: expected a trained part with a {PART_CARD}, found none")
    try:
        card = DetectorCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise BundleError(f"{path}: {first_fault(error.errors())}") from None
    check_file(folder, card)
    return card


def write_bundle(bundle: Bundle, sources: Mapping[str, Path], out: Path) -> str:
    """Write `bundle` to the new folder `out`; its digest.

    Args:
        bundle: What the card will say.
        sources: Where each file that the card names lies now, by its name in the bundle.
        out: New or empty folder.

    Raises:
        BundleError: If `out` is in use, or a file is not what the card says.
    """
    require_new(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Path(tempfile.mkdtemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent))
    try:
        for name in named_files(bundle):
            copy_synced(sources[name], staging / name)
        write_text_whole(
            staging / CARD, json.dumps(bundle.model_dump(mode="json"), indent=1) + "\n"
        )
        _, digest = load_bundle(staging)
        staging.chmod(0o755)  # mkdtemp makes folders private; a bundle is for its readers
        staging.replace(out)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return digest


def named_files(bundle: Bundle) -> dict[str, str]:
    """SHA-256 of every file that the card names, wherever in it."""

    def search(value: object) -> Iterator[tuple[str, str]]:
        if isinstance(value, Mapping):
            file, sha256 = value.get("file"), value.get("sha256")
            if isinstance(file, str) and isinstance(sha256, str):
                yield file, sha256
            for inner in value.values():
                yield from search(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from search(inner)

    return dict(search(bundle.model_dump(mode="json")))


def require_new(out: Path) -> None:
    """Refuse to write a bundle where something is.

    Raises:
        BundleError: If `out` is a file or holds anything.
    """
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise BundleError(f"{out}: expected a new or empty folder for the bundle; name another")


def copy_synced(source: Path, target: Path) -> None:
    """Copy a file and flush it to the disk."""
    with source.open("rb") as there, target.open("wb") as here:
        shutil.copyfileobj(there, here)
        here.flush()
        os.fsync(here.fileno())
