"""Somebody else's model of mass, for `bundle add-model`, if it keeps the contract."""

import hashlib
import tempfile
from pathlib import Path

from pydantic import ValidationError

from parcelscope.datasets.errors import BundleError, ConfigError, first_fault
from parcelscope.datasets.yaml_file import read_mapping
from parcelscope.inference.verification import verify_mass
from parcelscope.models.bundle_writing import copy_synced
from parcelscope.models.mass_model import COLOUR_COLUMNS, GREY_COLUMNS, MassModel
from parcelscope.models.mass_part import MassPart, mass_place

DETECTOR = "xray.mass"


def read_foreign_mass(model: Path, card_path: Path) -> MassPart:
    """The model in the file `model`, with what `card_path` says of it, every check made.

    Raises:
        ConfigError: If the card is not what it must be.
        BundleError: If the model does not keep the contract; the sentence names the first mismatch.
    """
    try:
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"{model}: expected an ONNX model, got: {error.strerror}") from None
    card = _read_card(card_path, digest)
    with tempfile.TemporaryDirectory(prefix="parcelscope-model-") as scratch:
        # Checked under its future name and alone: weights lying beside it must not be found.
        copy_synced(model, Path(scratch) / card.file)
        for check in verify_mass(Path(scratch), card):
            if check.passed is False:
                said = check.said.removeprefix(f"{Path(scratch) / card.file}: ")
                raise BundleError(f"{model}: as {mass_place(card)}: {check.name}: {said}")
    return MassPart(card=card, path=model)


def _read_card(path: Path, digest: str) -> MassModel:
    raw = read_mapping(path, of="the card of a model")
    known = GREY_COLUMNS + (COLOUR_COLUMNS if raw.get("input") == "colour" else ())
    file = f"xray-mass-{raw.get('input')}.onnx"
    try:
        return MassModel.model_validate({"columns": known, **raw, "file": file, "sha256": digest})
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error.errors())}") from None
