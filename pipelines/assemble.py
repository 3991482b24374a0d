"""`bundle assemble` and `bundle add-model`: an old bundle with new parts, as a new bundle."""

import datetime
import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import BundleError, ConfigError, first_fault
from parcelscope.datasets.yaml_file import read_mapping
from parcelscope.inference.verification import verify_detector
from parcelscope.models.bundle import (
    Bundle,
    CountCalibration,
    Decoder,
    DetectorCard,
    DetectorName,
    GenuineScores,
    InputKind,
    PhotoReferences,
    load_bundle,
)
from parcelscope.models.bundle_writing import (
    copy_synced,
    named_files,
    read_part,
    require_new,
    write_bundle,
)
from parcelscope.models.heatmap import MOST_OVERLAP
from parcelscope.models.mass_part import MassPart, mass_place, read_mass_part, with_masses
from parcelscope.models.reference_part import (
    read_reference_part,
    sources_with_references,
    with_references,
)
from parcelscope.pipelines.foreign_mass import DETECTOR, read_foreign_mass

FUSION_NOTE = "The fusion models are those of {name} {version}, fitted before {parts} came in."
REFERENCES = "photo.authenticity (references)"
"""The place of genuine references among the parts."""


class ForeignCard(BaseModel, frozen=True, extra="forbid"):
    """What must be known of somebody else's model: `CARD.yaml` of `bundle add-model`."""

    input: InputKind
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    mm_per_px: float | None = Field(default=None, gt=0)
    """Pitch of the canvas that it was trained on; left out: scans are fitted to size."""
    classes: tuple[str, ...]
    licence: str
    training_data: str
    thresholds: dict[str, float] = Field(default_factory=dict)
    genuine: dict[str, GenuineScores] = Field(default_factory=dict)
    count: CountCalibration | None = None
    decoder: Decoder = "heatmap"
    """How the outputs of `xray.items` become boxes."""
    most_overlap: float | None = Field(default=MOST_OVERLAP, gt=0, le=1)
    """As in `DetectorCard`."""
    metrics: dict[str, float] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One detector that goes into a bundle."""

    card: DetectorCard
    path: Path
    """Where its file lies now."""

    @property
    def place(self) -> str:
        """What it looks for, and on which scans."""
        return f"{self.card.detector} ({self.card.input})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePart:
    """Genuine references that go into a bundle."""

    section: PhotoReferences
    folder: Path
    """Where their files lie now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A bundle that was just written."""

    bundle: Bundle
    digest: str
    replaced: tuple[str, ...]
    added: tuple[str, ...]

    def lines(self, out: Path) -> Iterator[str]:
        """What was written to `out`, in words."""
        yield f"{out}: {self.bundle.name} {self.bundle.version}, digest {self.digest[:12]}…"
        for word, places in (("replaced", self.replaced), ("added", self.added)):
            if places:
                yield f"  {word:<9} {', '.join(places)}"
        yield "  The fusion models were fitted with the old parts: compare before promoting."


def assemble(
    out: Path, base: Path, folders: Sequence[Path], *, name: str | None, version: str | None
) -> Assembled:
    """Write to `out` the bundle in `base` with the parts in `folders` in place of its own.

    Raises:
        BundleError: If a bundle or part is not whole, two parts take one place, or `out` is in use.
    """
    parts, references, masses = [], [], []
    for folder in folders:
        section = read_reference_part(folder)
        if section is not None:
            references.append(ReferencePart(section=section, folder=folder))
            continue
        mass = read_mass_part(folder)
        if mass is not None:
            masses.append(mass)
            continue
        card = read_part(folder)
        parts.append(Part(card=card, path=folder / card.file))
    return with_parts(
        out, base, parts, references=references, masses=masses, name=name, version=version
    )


def add_model(
    out: Path,
    base: Path,
    model: Path,
    card_path: Path,
    *,
    detector: str,
    max_alarm_share: float,
    name: str | None,
    version: str | None,
) -> Assembled:
    """Write to `out` the bundle in `base` with somebody else's `model` as its `detector`.

    The model has to keep the contract: every check of `bundle verify` is made on it, calibration
    included where the card states any.

    Raises:
        BundleError: If the model does not keep the contract; the sentence names the first mismatch.
        ConfigError: If there is no such detector, or the card is not what it must be.
    """
    if detector == DETECTOR:
        mass = read_foreign_mass(model, card_path)
        return with_parts(out, base, [], masses=[mass], name=name, version=version)
    known = (*get_args(DetectorName), DETECTOR)
    if detector not in known:
        raise ConfigError(f"--detector must be one of {', '.join(known)}, got {detector!r}")
    foreign = read_foreign_card(card_path)
    try:
        digest = hashlib.sha256(model.read_bytes()).hexdigest()
    except OSError as error:
        raise BundleError(f"{model}: expected an ONNX model, got: {error.strerror}") from None
    card = _card(foreign, card_path, detector, digest)
    require_contract(model, card, max_alarm_share=max_alarm_share)
    return with_parts(out, base, [Part(card=card, path=model)], name=name, version=version)


def read_foreign_card(path: Path) -> ForeignCard:
    """The card of somebody else's model in the YAML file `path`.

    Raises:
        ConfigError: If it is no YAML, or does not say what it must.
    """
    raw = read_mapping(path, of="the card of a model")
    try:
        return ForeignCard.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error.errors())}") from None


def _card(foreign: ForeignCard, path: Path, detector: str, digest: str) -> DetectorCard:
    """The card in the bundle, of what is known of somebody else's model."""
    file = f"{detector.replace('.', '-')}-{foreign.input}.onnx"
    try:
        return DetectorCard.model_validate(
            {"detector": detector, "file": file, "sha256": digest, **foreign.model_dump()}
        )
    except ValidationError as error:
        raise ConfigError(f"{path}: {error.errors()[0]['msg']}") from None


def require_contract(model: Path, card: DetectorCard, *, max_alarm_share: float) -> None:
    """Refuse a model that fails a check of `bundle verify`.

    Raises:
        BundleError: With what the first failing check said, the model named by its own path.
    """
    with tempfile.TemporaryDirectory(prefix="parcelscope-model-") as scratch:
        # Checked under its future name and alone: weights lying beside it must not be found.
        copy_synced(model, Path(scratch) / card.file)
        checks = verify_detector(Path(scratch), card, max_alarm_share=max_alarm_share)
        for check in checks:
            if check.passed is False:
                said = check.said.removeprefix(f"{Path(scratch) / card.file}: ")
                raise BundleError(f"{model}: as {check.subject}: {check.name}: {said}")


def with_parts(
    out: Path,
    base: Path,
    parts: Sequence[Part],
    *,
    references: Sequence[ReferencePart] = (),
    masses: Sequence[MassPart] = (),
    name: str | None,
    version: str | None,
) -> Assembled:
    """Write to `out` the bundle in `base` with all these parts in place of its own."""
    require_new(out)
    bundle, _ = load_bundle(base)
    places = [part.place for part in parts] + [part.place for part in masses]
    places += [REFERENCES] * len(references)
    twice = sorted({place for place in places if places.count(place) > 1})
    if twice:
        raise BundleError(f"two parts take the place of {', '.join(twice)}; name one of them")
    there = {Part(card=card, path=base).place for card in bundle.detectors}
    there |= {mass_place(card) for card in bundle.mass}
    there |= set() if bundle.references is None else {REFERENCES}
    changed, sources = bundle, {file: base / file for file in named_files(bundle)}
    for one in references:
        sources = sources_with_references(bundle, base, one.section, one.folder)
        changed = with_references(bundle, one.section)
    cards = {(card.detector, card.input): card for card in bundle.detectors}
    for part in parts:
        key = part.card.detector, part.card.input
        if key in cards:
            del sources[cards[key].file]
        file = _free_name(part.card, sources)
        sources[file] = part.path
        cards[key] = part.card.model_copy(update={"file": file})
    changed = with_masses(changed, sources, masses)
    came_in = [part.card.sha256 for part in parts] + [part.card.sha256 for part in masses]
    came_in += [card.sha256 for one in references for card in one.section.cards]
    changed = changed.model_copy(
        update={
            "name": bundle.name if name is None else name,
            "version": _version(bundle, came_in) if version is None else version,
            "created": datetime.datetime.now(datetime.UTC).date().isoformat(),
            "detectors": tuple(cards.values()),
            "notes": _notes(bundle, places),
        }
    )
    digest = write_bundle(changed, sources, out)
    return Assembled(
        bundle=changed,
        digest=digest,
        replaced=tuple(place for place in places if place in there),
        added=tuple(place for place in places if place not in there),
    )


def _free_name(card: DetectorCard, taken: dict[str, Path]) -> str:
    """The file's own name, told apart by its digest where another detector has that name."""
    if card.file not in taken:
        return card.file
    return f"{Path(card.file).stem}-{card.sha256[:8]}.onnx"


def _version(bundle: Bundle, came_in: Sequence[str]) -> str:
    """The version that it was made from, with a digest of what came in, as build metadata."""
    digest = hashlib.sha256("".join(sorted(came_in)).encode()).hexdigest()
    return f"{bundle.version.split('+')[0]}+{digest[:8]}"


def _notes(bundle: Bundle, places: Sequence[str]) -> str:
    note = FUSION_NOTE.format(
        name=bundle.name, version=bundle.version, parts=", ".join(sorted(places))
    )
    return f"{bundle.notes} {note}".strip()
