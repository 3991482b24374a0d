"""Models of mass on their way into a bundle."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from parcelscope.datasets.errors import BundleError, first_fault
from parcelscope.models.bundle import Bundle, check_file
from parcelscope.models.bundle_writing import PART_CARD
from parcelscope.models.mass_model import MassModel


@dataclass(frozen=True, slots=True, kw_only=True)
class MassPart:
    """One model of mass that goes into a bundle."""

    card: MassModel
    path: Path
    """Where its file lies now."""

    @property
    def place(self) -> str:
        """What it weighs by."""
        return mass_place(self.card)


def mass_place(card: MassModel) -> str:
    """The place of a model of mass among the parts of a bundle."""
    return f"xray.mass ({card.input})"


def read_mass_part(folder: Path) -> MassPart | None:
    """The model of mass in `folder`, its file checked; None where it holds another part, or none.

    Raises:
        BundleError: If its file is missing or altered, or the card is not what it must be.
    """
    path = folder / PART_CARD
    try:
        raw = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None  # said by whoever reads it as another part
    if not isinstance(raw, dict) or "bands" not in raw:
        return None
    try:
        card = MassModel.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise BundleError(f"{path}: {first_fault(error.errors())}") from None
    check_file(folder, card)
    return MassPart(card=card, path=folder / card.file)


def with_masses(bundle: Bundle, sources: dict[str, Path], parts: Sequence[MassPart]) -> Bundle:
    """`bundle` with `parts` in place of its own models of mass for the same kinds of scan.

    Args:
        bundle: Some bundle.
        sources: Where each of its files lies, by its name in the new bundle; kept up in place.
        parts: At most one for each kind of scan.
    """
    cards = {card.input: card for card in bundle.mass}
    for part in parts:
        if part.card.input in cards:
            del sources[cards[part.card.input].file]
        file = part.card.file
        if file in sources:
            file = f"{Path(file).stem}-{part.card.sha256[:8]}.onnx"
        sources[file] = part.path
        cards[part.card.input] = part.card.model_copy(update={"file": file})
    return bundle.model_copy(update={"mass": tuple(cards.values())})
