"""`bundle set-risk`: a bundle with a newly trained risk in place of its own, as a new bundle."""

import datetime
from pathlib import Path

from pydantic import ValidationError

from parcelscope.datasets.errors import BundleError
from parcelscope.datasets.records import OwnerKind
from parcelscope.models.bundle import FusionModel, check_file, load_bundle
from parcelscope.models.bundle_writing import PART_CARD, named_files, write_bundle


def set_risk(out: Path, base: Path, part: Path, owner: OwnerKind, *, version: str | None) -> str:
    """Write to `out` the bundle in `base` with the risk in `part`; its digest.

    Raises:
        BundleError: If bundle or part is not whole, or `out` is in use.
    """
    bundle, _ = load_bundle(base)
    risk = read_risk(part)
    changed = bundle.model_copy(
        update={
            f"{owner}_fusion": risk,
            "version": version or f"{bundle.version}+risk",
            "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "notes": f"{bundle.notes} The risk of {owner}s was trained apart.".strip(),
        }
    )
    graph = None if risk.trees is None else risk.trees.file
    sources = {name: (part if name == graph else base) / name for name in named_files(changed)}
    return write_bundle(changed, sources, out)


def read_risk(part: Path) -> FusionModel:
    """The fusion model that `parcelscope train risk` left in `part`.

    Raises:
        BundleError: If there is none, or its graph is missing or altered.
    """
    path = part / PART_CARD
    if not path.is_file():
        raise BundleError(f"{part}: expected a trained risk with a {PART_CARD}, found none")
    try:
        risk = FusionModel.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(name) for name in first["loc"]) or "the file"
        raise BundleError(f"{path}: expected a risk: {where}: {first['msg']}") from None
    if risk.trees is not None:
        check_file(part, risk.trees)
    return risk
