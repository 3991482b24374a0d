"""The screening configuration: what each indicator compares with, and how much it counts for."""

from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Literal, Self

import numpy as np
import yaml
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError, model_validator

from parcelscope.datasets.errors import ConfigError


class Grades(BaseModel, frozen=True, extra="forbid"):
    """Likelihood ratio by distance: how far the observed lies from the expected."""

    at: tuple[float, ...] = Field(min_length=1)
    """Distances, ascending, in the indicator's own unit."""
    likelihood_ratio: tuple[float, ...] = Field(min_length=1)
    """How much more often violative parcels lie that far off; 1 or more, never falling."""

    @model_validator(mode="after")
    def _rising(self) -> Self:
        if len(self.at) != len(self.likelihood_ratio):
            raise ValueError(
                f"at and likelihood_ratio must be equally long, got {len(self.at)} and "
                f"{len(self.likelihood_ratio)}"
            )
        if any(b <= a for a, b in pairwise(self.at)):
            raise ValueError(f"at must ascend, got {list(self.at)}")
        ratios = self.likelihood_ratio
        if ratios[0] < 1 or any(b < a for a, b in pairwise(ratios)):
            raise ValueError(
                f"likelihood_ratio must start at 1 or more and not fall, got {list(ratios)}"
            )
        return self

    def ratios(self, distance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Likelihood ratio at each `distance`, shape (N,).

        Interpolated in its logarithm, which is what the fusion adds up; flat beyond both ends.
        """
        logs: NDArray[np.float64] = np.interp(distance, self.at, np.log10(self.likelihood_ratio))
        return np.power(10.0, logs)


class Bands(BaseModel, frozen=True, extra="forbid"):
    """Risk from which a parcel is worth a look, and from which it is worth opening."""

    look: float = Field(gt=0, lt=1)
    inspect: float = Field(gt=0, le=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.look >= self.inspect:
            raise ValueError(f"look must lie below inspect, got {self.look} and {self.inspect}")
        return self


class CountConfig(BaseModel, frozen=True, extra="forbid"):
    """U1: pieces in the X-ray against the manifest."""

    grades: Grades
    """By how many pieces the lower bound exceeds the manifest."""


class LeaningConfig(BaseModel, frozen=True, extra="forbid"):
    """U1.leaning and U3.leaning: cartons off their manifest within what measuring allows."""

    count: Grades
    """By how many half-widths of its band the middle of the count exceeds the manifest."""
    min_half_width_pieces: float = Field(gt=0)
    """A band of the count is never believed to be narrower than this, each way."""
    weight: Grades
    """By which share the scale exceeds the declared weight."""


class RowsConfig(BaseModel, frozen=True, extra="forbid"):
    """U2: the parcel rows of a carton against its own row."""

    pieces: Grades
    """By how many pieces they differ."""
    weight: Grades
    """By how many tolerances they differ."""
    weight_tolerance: float = Field(gt=0, lt=1)
    """Share of the carton's weight that rounding explains."""
    tare_share: float = Field(ge=0, lt=1)
    """Share of the carton's weight that its own packaging may be."""


class MassConfig(BaseModel, frozen=True, extra="forbid"):
    """U3: masses against each other."""

    xray: Grades
    """By how many half-widths of its band the X-ray mass misses the weight."""
    min_half_widths: float = Field(ge=0)
    """Distances up to this say nothing."""
    min_half_width_share: float = Field(gt=0, lt=1)
    """A band is never believed to be narrower than this share of the mass, each way."""
    min_half_width_g: float = Field(gt=0)
    scale: Grades
    """By how many tolerances the scale misses the declared weight; the first is where it fires."""
    scale_tolerance: float = Field(gt=0, lt=1)
    """Share of the declared weight that is within tolerance."""
    scale_tolerance_g: float = Field(gt=0)
    """Grams that are always within tolerance."""


class IdentifierConfig(BaseModel, frozen=True, extra="forbid"):
    """Check digits, and numbers used twice."""

    check: float = Field(ge=1)
    """Likelihood ratio of a wrong check digit."""
    reuse: Grades
    """By the number of rows with one tracking number."""
    entries: Grades
    """By the number of entries filed for one tracking number."""


class LabelConfig(BaseModel, frozen=True, extra="forbid"):
    """U4: identifiers in photos that the manifest does not list."""

    unlisted: Grades
    """By the number of such identifiers on one parcel or carton."""
    listed_elsewhere: float = Field(ge=1)
    """Factor on the ratio where the identifier is that of another parcel of the window."""


class DescriptionConfig(BaseModel, frozen=True, extra="forbid"):
    """U8: descriptions that do not say what the goods are."""

    vague_phrases: tuple[str, ...] = Field(min_length=1)
    """Lower case; vague when they are all that is said."""
    filler_words: tuple[str, ...]
    """Lower case; ignored when comparing with the phrases."""
    min_letters: int = Field(ge=1)
    vague: float = Field(ge=1)
    """Likelihood ratio of a vague phrase."""
    short: float = Field(ge=1)
    """Likelihood ratio of a description with fewer than `min_letters` letters."""
    code_only: float = Field(ge=1)
    """Likelihood ratio of a product code without a word."""


class ValueConfig(BaseModel, frozen=True, extra="forbid"):
    """U8: value per kilogram against parcels under the same four digits of HS."""

    grades: Grades
    """By robust z; the first is where it fires."""
    min_rows: int = Field(ge=5)
    """Fewer comparable parcels in the window: not assessed."""
    min_spread: float = Field(gt=0)
    """Robust spread of ln(value per kg) that is assumed at least, so that a group of equal
    declarations does not make the next one an outlier."""


class ItemConfig(BaseModel, frozen=True, extra="forbid"):
    """Shapes seen by `xray.items`."""

    default_threshold: float = Field(gt=0, le=1)
    """Score from which a class is reported where the bundle names no threshold for it."""


class AnomalyConfig(BaseModel, frozen=True, extra="forbid"):
    """Scans unlike those of compliant parcels."""

    max_p_value: float = Field(gt=0, lt=1)
    """Share of compliant scans that score as high, up to which it is reported."""


AgreedMetric = Literal["parcels.auroc", "parcels.recall", "cartons.auroc", "cartons.recall"]
"""Area under the ROC curve of the risk, or its recall at 2 % false alarms."""


class ContentsConfig(BaseModel, frozen=True, extra="forbid"):
    """U16: goods that the X-ray lends no support to."""

    max_p_value: float = Field(default=0.05, gt=0, lt=1)
    """Share of compliant parcels declared alike that show as little of it, up to which it is
    reported."""


class AuthenticityConfig(BaseModel, frozen=True, extra="forbid"):
    """Packaging unlike its genuine reference."""

    max_p_value: float = Field(default=0.05, gt=0, lt=1)
    """Share of genuine photos that differ as much, up to which it is reported. With n genuine
    photos none is below 1 / (n + 1)."""


class ScreeningConfig(BaseModel, frozen=True, extra="forbid"):
    """Everything that screening decides by, beyond the bundle. Unknown keys are errors."""

    bundle_public_key: str | None = None
    """File of the public key that bundles must be signed with, or its base64 text."""
    agreed_metric: AgreedMetric = "parcels.recall"
    """What a challenger must be better at to be promoted. It is agreed here, before a run, so that
    nobody picks the figure that came out well."""
    budget: float = Field(gt=0, le=1)
    """Share of the assessed parcels (and of the cartons) that may be flagged."""
    random_share: float = Field(ge=0, le=1)
    """Share of the flags that is drawn at random."""
    max_reasons: int = Field(ge=1)
    bands: Bands
    count: CountConfig
    leaning: LeaningConfig
    rows: RowsConfig
    mass: MassConfig
    identifiers: IdentifierConfig
    labels: LabelConfig
    description: DescriptionConfig
    value: ValueConfig
    items: ItemConfig
    anomaly: AnomalyConfig
    contents: ContentsConfig = ContentsConfig()
    authenticity: AuthenticityConfig = AuthenticityConfig()


def default_config_path() -> Path:
    """The configuration that ships with the package."""
    return Path(str(resources.files("parcelscope.configs"))) / "screening" / "default.yaml"


def load_screening_config(path: Path | None = None) -> ScreeningConfig:
    """The screening configuration in `path`, or the one that ships with the package.

    Raises:
        ConfigError: If the file cannot be read, is not YAML, or does not fit.
    """
    source = default_config_path() if path is None else path
    try:
        raw = yaml.safe_load(source.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{source}: expected a screening configuration, got: {error.strerror}"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"{source}: expected YAML, got: {told}") from None
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{source}: expected a mapping of screening settings, got {type(raw).__name__}"
        )
    try:
        return ScreeningConfig.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{source}: {where}: {first['msg']}") from None
