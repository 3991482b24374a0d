"""The bundle: the models and calibration that score, as one verifiable folder.

`bundle.json` names every `.onnx` file with its SHA-256. A bundle is read whole or refused: an
altered file would otherwise score parcels with a model that nobody evaluated.
"""

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from pydantic import BaseModel, Field, ValidationError, model_validator

from parcelscope.datasets.errors import BundleError, first_fault
from parcelscope.models.heatmap import MOST_OVERLAP
from parcelscope.models.mass_model import MassModel

FORMAT_VERSION: Final = 1
CARD = "bundle.json"

DetectorName = Literal[
    "xray.items", "xray.pieces", "xray.anomaly", "xray.contents", "photo.anomaly"
]
InputKind = Literal["dual", "colour"]
Decoder = Literal["heatmap", "ssd", "yolo"]


class GenuineScores(BaseModel, frozen=True, extra="forbid"):
    """The upper tail of the scores of compliant scans, enough for conformal p-values."""

    count: int = Field(gt=0)
    """How many compliant scans were scored."""
    top: tuple[float, ...] = Field(min_length=1)
    """Their highest scores, descending."""

    def p_value(self, score: float) -> float:
        """Share of compliant scans that score at least `score`, 0 (exclusive) to 1.

        Conformal: (1 + how many are as high) / (1 + n). Below the stored tail the tail's own share
        is returned, which is a lower bound, and 1.0 when the whole set is stored.
        """
        as_high = int(np.searchsorted(-np.asarray(self.top), -score, side="right"))
        return (1 + as_high) / (1 + self.count)


class CountCalibration(BaseModel, frozen=True, extra="forbid"):
    """From the network's raw count to pieces: knots for `np.interp`, raw count ascending."""

    raw: tuple[float, ...] = Field(min_length=2)
    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    coverage: float = Field(gt=0, lt=1)
    """Share of calibration cartons whose true count lies inside [low, high]."""

    def interval(self, raw: float) -> tuple[float, float, float]:
        """(middle, low, high) in pieces for the network's `raw` count."""
        middle, low, high = (
            float(np.interp(raw, self.raw, knots)) for knots in (self.middle, self.low, self.high)
        )
        return middle, low, high


class KnownScanner(BaseModel, frozen=True, extra="forbid"):
    """A scanner, as the images table of a feed names it."""

    scanner_model: str
    scanner_software: str | None
    """Version; None stands for scans whose feed names none, not for every version."""


class ScannerCalibration(BaseModel, frozen=True, extra="forbid"):
    """What the scores of one detector on one scanner's scans are judged by."""

    scanner_model: str
    scanner_software: str | None
    """Version; None stands for scans whose feed names none, not for every version."""
    scans: int = Field(gt=0)
    """Compliant scans that it rests on."""
    source: str
    """Where those came from, in words."""
    genuine: dict[str, GenuineScores] = Field(default_factory=dict)
    thresholds: dict[str, float] = Field(default_factory=dict)
    """Of the classes with scans enough to set one; the card's own hold for the others."""
    count: CountCalibration | None = None


class DetectorCard(BaseModel, frozen=True, extra="forbid"):
    """One detector for one kind of scan: its file, its input contract, its calibration."""

    detector: DetectorName
    input: InputKind
    """`dual`: uint16 (N, 2, H, W), low then high energy, air at 60000.
    `colour`: uint8 (N, 3, H, W), RGB."""
    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    width_px: int = Field(gt=0)
    height_px: int = Field(gt=0)
    mm_per_px: float | None = Field(gt=0)
    """Pitch of the canvas, used when the scan's own pitch is known; None: always fitted to size."""
    classes: tuple[str, ...]
    thresholds: dict[str, float] = Field(default_factory=dict)
    """Score at which a class is reported to the analyst."""
    genuine: dict[str, GenuineScores] = Field(default_factory=dict)
    """Scores of compliant scans by class (`scan` for the anomaly score)."""
    count: CountCalibration | None = None
    metrics: dict[str, float] = Field(default_factory=dict)
    """Figures by name; `x_low` and `x_high` beside `x` are its 95 % interval."""
    licence: str | None = None
    """Of this model, where it differs from the bundle's."""
    training_data: str | None = None
    """Of this model, where it differs from the bundle's."""
    calibrations: tuple[ScannerCalibration, ...] = ()
    """By scanner; the card's own `genuine`, `thresholds` and `count` hold for all others."""
    scanners: tuple[KnownScanner, ...] = ()
    """Those whose scans the card's own `genuine`, `thresholds` and `count` were taken from. All
    other scanners without a calibration are judged by them too, and said to be uncalibrated."""
    decoder: Decoder = "heatmap"
    """How the outputs of `xray.items` become boxes; each has outputs of its own."""
    most_overlap: float | None = Field(default=MOST_OVERLAP, gt=0, le=1)
    """Intersection over union above which two items of one class are taken for one; None for a
    model that says each thing once."""

    @model_validator(mode="after")
    def _decoder_of_items(self) -> Self:
        if self.decoder != "heatmap" and self.detector != "xray.items":
            raise ValueError(
                f"decoder {self.decoder!r} is for xray.items alone, got {self.detector}"
            )
        return self

    @model_validator(mode="after")
    def _one_calibration_each(self) -> Self:
        seen = [(one.scanner_model, one.scanner_software) for one in self.calibrations]
        twice = next((scanner for scanner in seen if seen.count(scanner) > 1), None)
        if twice is not None:
            raise ValueError(f"calibrations must name each scanner once, got {twice} twice")
        return self

    def calibration(self, model: str | None, software: str | None) -> ScannerCalibration | None:
        """The calibration for a scanner with this very software version, or None."""
        for one in self.calibrations:
            if (one.scanner_model, one.scanner_software) == (model, software):
                return one
        return None

    def is_calibrated_for(self, model: str | None, software: str | None) -> bool:
        """Whether scans of this very scanner and version stand behind what the scores mean."""
        return self.calibration(model, software) is not None or any(
            (one.scanner_model, one.scanner_software) == (model, software) for one in self.scanners
        )

    def for_scanner(self, model: str | None, software: str | None) -> "DetectorCard":
        """The card that judges scans of one scanner: by its own calibration where there is one."""
        own = self.calibration(model, software)
        if own is None:
            return self
        # A family of goods without scans of its own is not judged by another scanner's.
        inherited = {} if self.detector == "xray.contents" else self.genuine
        return self.model_copy(
            update={
                "genuine": inherited | own.genuine,
                "thresholds": self.thresholds | own.thresholds,
                "count": own.count or self.count,
            }
        )


class ReferenceCard(BaseModel, frozen=True, extra="forbid"):
    """One genuine reference: the file of its constants, and what it was made of."""

    sku: str = Field(min_length=1)
    brand: str | None = None
    file: str
    """`.npz`, as `models/references.py` writes it."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    photos: int = Field(gt=0)
    """Genuine photos that it was made of, and that its p-values were calibrated on."""
    left_out: int = Field(default=0, ge=0)
    """Photos that did not register."""
    source: str = ""
    """Digest of the photos, for comparing two versions."""


class PhotoReferences(BaseModel, frozen=True, extra="forbid"):
    """Genuine references for `photo.authenticity`, and the feature graph that they share."""

    file: str
    """ONNX: uint8 `scan` (N, 3, H, W) to `fine` and `coarse` features."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    cards: tuple[ReferenceCard, ...] = Field(min_length=1)
    metrics: dict[str, float] = Field(default_factory=dict)


class ManifestTerm(BaseModel, frozen=True, extra="forbid"):
    """One feature of the manifest row in the risk; see `screening/manifest_features.py`."""

    name: str
    mean: float
    """Where it adds nothing; a missing value counts as this."""
    scale: float = Field(gt=0)
    weight: float
    """Added to the logit for each `scale` above `mean`, up to three."""


class TreeModel(BaseModel, frozen=True, extra="forbid"):
    """Boosted trees in the place of the weighted sum: an ONNX graph from columns to a logit."""

    file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    columns: tuple[str, ...] = Field(min_length=1)
    """`findings` (their weighted sum), codes or prefixes, then manifest features (in scales)."""


class FusionModel(BaseModel, frozen=True, extra="forbid"):
    """Logistic regression on the strengths of findings, then calibration by knots."""

    intercept: float
    weights: dict[str, float]
    """By finding code or code prefix (`item.*`)."""
    knots_logit: tuple[float, ...] = Field(min_length=2)
    knots_risk: tuple[float, ...] = Field(min_length=2)
    manifest: tuple[ManifestTerm, ...] = ()
    """What the manifest row adds by itself; none in bundles of earlier releases."""
    origins: dict[str, float] = Field(default_factory=dict)
    """The feature `origin` by declared country of origin; unknown for any other."""
    trees: TreeModel | None = None
    """Where given, its logit is calibrated; the sum then only orders the reasons."""


class Bundle(BaseModel, frozen=True, extra="forbid"):
    """Everything that decides a score, with where it came from."""

    format_version: Literal[1] = FORMAT_VERSION
    name: str
    version: str
    licence: str
    created: str
    training_data: str
    """What it was trained on, with the digest of the recipe."""
    detectors: tuple[DetectorCard, ...]
    parcel_fusion: FusionModel
    carton_fusion: FusionModel
    references: PhotoReferences | None = None
    """Genuine packaging to compare photos with; None where the bundle has none."""
    mass: tuple[MassModel, ...] = ()
    """Models of mass for scans without both energies, at most one for each kind of scan."""
    notes: str = ""

    @model_validator(mode="after")
    def _one_mass_each(self) -> Self:
        inputs = [model.input for model in self.mass]
        twice = next((one for one in inputs if inputs.count(one) > 1), None)
        if twice is not None:
            raise ValueError(f"mass must have one model for each kind of scan, got {twice} twice")
        return self

    def card(self, detector: DetectorName, kind: InputKind) -> DetectorCard | None:
        """The card for `detector` on scans of `kind`, or None where the bundle has none."""
        for card in self.detectors:
            if card.detector == detector and card.input == kind:
                return card
        return None


def builtin_bundle_folder() -> Path:
    """Folder of the bundle that ships with the package."""
    return Path(str(resources.files("parcelscope.models.builtin")))


def load_bundle(folder: Path) -> tuple[Bundle, str]:
    """The bundle in `folder` and its digest, after checking every file against its SHA-256.

    Raises:
        BundleError: If a file is missing, altered or outside the folder, or the card is invalid.
    """
    bundle, digest = read_card(folder)
    for card in bundle.detectors:
        check_file(folder, card)
    if bundle.references is not None:
        check_file(folder, bundle.references)
        for reference in bundle.references.cards:
            check_file(folder, reference)
    for model in bundle.mass:
        check_file(folder, model)
    for fusion in (bundle.parcel_fusion, bundle.carton_fusion):
        if fusion.trees is not None:
            check_file(folder, fusion.trees)
    return bundle, digest


def read_card(folder: Path) -> tuple[Bundle, str]:
    """What `bundle.json` in `folder` says, and its digest; the model files are not looked at.

    Raises:
        BundleError: If the card is missing or invalid.
    """
    card_path = folder / CARD
    if not card_path.is_file():
        raise BundleError(f"{folder}: expected a bundle with a {CARD}, found none")
    text = card_path.read_bytes()
    try:
        raw = json.loads(text)
    except ValueError as error:
        raise BundleError(f"{card_path}: expected JSON, got: {error}") from None
    version = raw.get("format_version") if isinstance(raw, dict) else None
    if version != FORMAT_VERSION:
        raise BundleError(
            f"{card_path}: expected bundle format {FORMAT_VERSION}, got {version!r};"
            " use the parcelscope release that wrote it"
        )
    try:
        bundle = Bundle.model_validate(raw)
    except ValidationError as error:
        raise BundleError(f"{card_path}: {first_fault(error.errors())}") from None
    return bundle, hashlib.sha256(text).hexdigest()


def check_file(
    folder: Path, card: DetectorCard | PhotoReferences | ReferenceCard | TreeModel | MassModel
) -> None:
    """Refuse a file that is missing, altered or named outside the bundle's folder."""
    if Path(card.file).name != card.file:
        raise BundleError(f"{folder / CARD}: file names must stay in the bundle, got {card.file!r}")
    path = folder / card.file
    if not path.is_file():
        raise BundleError(f"{path}: named in {CARD}, but missing; copy the bundle again")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != card.sha256:
        raise BundleError(
            f"{path}: expected SHA-256 {card.sha256[:12]}…, got {found[:12]}…;"
            " the file was altered or only half copied, copy the bundle again"
        )
