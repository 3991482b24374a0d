"""Settings of the synthetic feed: who is in it, what is wrong with them, how they are recorded."""

from importlib import resources
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from parcelscope.datasets.errors import ConfigError, first_fault
from parcelscope.datasets.xray.carton import MOST_PIECES
from parcelscope.datasets.yaml_file import read_mapping

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Violation = Literal[
    "item",
    "wrong_weight",
    "contradicting_description",
    "vague_description",
    "invalid_tracking",
    "reused_tracking",
    "foreign_label",
    "altered_packaging",
]
ScanFormat = Literal["dual_tiff", "dual_png", "dicos", "colour", "grey"]


class SynthConfig(BaseModel, frozen=True, extra="forbid"):
    """One kind of feed. Unknown keys are errors."""

    variety: Literal["familiar", "unseen"]
    """Which shapes, sizes and designs are drawn; training sees familiar ones alone."""
    scanners: Literal["training", "evaluation"]
    """Which scanner models, colour palettes and texture fields are drawn."""
    parcel_pitch_mm: float = Field(gt=0.2, le=5)
    carton_pitch_mm: float = Field(gt=0.2, le=5)
    parcels_in_cartons: float = Field(ge=0, lt=1)
    """Share of all parcels that came in master cartons; ignored where `cartons` is given."""
    cartons: int | None = Field(default=None, ge=0)
    """How many master cartons; then the number of parcels asked for counts loose ones alone."""
    pieces: tuple[int, int]
    """Fewest and most pieces that the manifest lists for a carton."""
    violative: Share
    """Of loose parcels, and of cartons."""
    parcel_violations: dict[Violation, Weight]
    """Relative weights of what is wrong with a violative loose parcel."""
    extra_pieces: dict[int, Weight]
    """Relative weights of how many pieces more than manifested a violative carton holds."""
    true_weight: Share
    """Of violative cartons: those that declare the weight of all that is inside."""
    overlap: tuple[Share, ...] = Field(min_length=1)
    """How high pieces are stacked, drawn evenly: 0 side by side, 1 heavy."""
    weight_error: float = Field(ge=0, le=0.2)
    """Relative error of a scale, one standard deviation."""
    declared_weight_rounding_g: float = Field(gt=0)
    benign_vague: Share
    """Of compliant rows: those with a vague description all the same."""
    missing_scan: Share
    """Of scans: those whose row names a file that is not there."""
    missing_photo: Share
    corrupt_image: Share
    """Of scans and of photos: those whose file was damaged."""
    photos: Share
    """Of loose parcels: those that were photographed."""
    scan_formats: dict[ScanFormat, Weight]
    """Relative weights of how scans are stored."""
    subtle_defects: bool
    """Whether altered packaging differs just beyond press tolerance only."""
    reference_photos: int = Field(default=0, ge=0, le=50)
    """Genuine photos of each design in the feed, written to `references/<sku>/`."""

    @field_validator("parcel_violations", "extra_pieces", "scan_formats")
    @classmethod
    def _some_weight(cls, weights: dict[object, float]) -> dict[object, float]:
        if not sum(weights.values()) > 0:
            raise ValueError(f"at least one weight must be above 0, got {weights}")
        return weights

    @model_validator(mode="after")
    def _pieces_fit(self) -> Self:
        fewest, most = self.pieces
        if min(self.extra_pieces) < 1:
            raise ValueError(f"extra_pieces must be 1 or more, got {min(self.extra_pieces)}")
        if not 1 <= fewest <= most <= MOST_PIECES - max(self.extra_pieces):
            raise ValueError(
                f"pieces must rise from 1 or more to at most {MOST_PIECES} less the most extra"
                f" pieces ({max(self.extra_pieces)}), got {fewest} to {most}"
            )
        return self


def load_synth_config(path: Path | None) -> SynthConfig:
    """The settings in `path`, in the shipped file of that name (`hard`), or by default.

    Raises:
        ConfigError: If the file cannot be read, is not YAML, or does not fit.
    """
    source = _source(path)
    shipped = ", ".join(_shipped())
    raw = read_mapping(source, of=f"settings of a synthetic feed (shipped: {shipped})")
    try:
        return SynthConfig.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{source}: {first_fault(error.errors())}") from None


def _folder() -> Path:
    return Path(str(resources.files("parcelscope.configs"))) / "synth"


def _shipped() -> list[str]:
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def _source(path: Path | None) -> Path:
    if path is None:
        return _folder() / "default.yaml"
    # A bare name means a shipped file, unless a file of that very name stands here.
    if str(path) in _shipped() and not path.exists():
        return _folder() / f"{path}.yaml"
    return path
