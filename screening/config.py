"""The screening configuration: what each indicator compares with, and how much it counts for."""

from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from parcelscope.datasets.errors import ConfigError, first_fault
from parcelscope.datasets.yaml_file import read_mapping
from parcelscope.screening.budget import BudgetSetting, ExamConfig
from parcelscope.screening.policy import PolicyConfig
from parcelscope.screening.trader_tiers import TraderTierConfig


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


class AuthenticityConfig(BaseModel, frozen=True, extra="forbid"):
    """Packaging unlike its genuine reference."""

    max_p_value: float = Field(default=0.05, gt=0, lt=1)
    """Share of genuine photos that differ as much, up to which it is reported. With n genuine
    photos none is below 1 / (n + 1)."""


Treatment = Literal["leave_out", "caution", "believe"]
ScanDetector = Literal["xray.items", "xray.pieces", "xray.anomaly", "xray.contents"]
TREATMENTS: Final[dict[ScanDetector, Treatment]] = {
    "xray.anomaly": "leave_out",
    "xray.contents": "leave_out",
    "xray.items": "caution",
    "xray.pieces": "caution",
}


class UncalibratedConfig(BaseModel, frozen=True, extra="forbid"):
    """Findings on scans of scanners that the bundle has no calibration for."""

    detectors: dict[ScanDetector, Treatment] = TREATMENTS
    """`leave_out`: not assessed, no part of the risk; `caution`: counted up to `lowest_p_value`;
    `believe`: counted as on a calibrated scanner. Detectors that are not named keep theirs."""
    lowest_p_value: float = Field(default=0.02, gt=0, lt=1)
    """A lower p-value counts as this one, and a likelihood ratio for no more than its inverse."""

    @field_validator("detectors")
    @classmethod
    def _others_as_usual(
        cls, given: dict[ScanDetector, Treatment]
    ) -> dict[ScanDetector, Treatment]:
        return TREATMENTS | given


MOVED: Final = frozenset(
    {
        "count",
        "leaning",
        "rows",
        "mass",
        "identifiers",
        "labels",
        "description",
        "value",
        "contents",
    }
)
"""Settings of earlier releases that stand in packs of indicators now."""


class ScreeningConfig(BaseModel, frozen=True, extra="forbid"):
    """Everything that screening decides by, beyond the bundle. Unknown keys are errors."""

    bundle_public_key: str | None = None
    """File of the public key that bundles must be signed with, or its base64 text."""
    agreed_metric: AgreedMetric = "parcels.recall"
    """What a challenger must be better at to be promoted. It is agreed here, before a run, so that
    nobody picks the figure that came out well."""
    budget: BudgetSetting
    """A plain number is the share of the parcels, and of the cartons, that may be flagged."""
    random_share: float = Field(gt=0, le=1)
    """Share of the budget that is drawn at random from all; never none, so that everyone has a
    chance of being looked at and rates can be estimated."""
    exams: ExamConfig = ExamConfig()
    ocr: bool = False
    """Whether labels are read as text, too (`photo.text`, for `U4.text` and `U5.*`); needs the
    extra `ocr`."""
    max_reasons: int = Field(ge=1)
    indicator_packs: tuple[str, ...] = Field(default=("base",), min_length=1)
    """Packs of warning indicators, each the name of one that ships or the path of a file. A code is
    taken from the last pack that has it."""
    watch_lists: tuple[str, ...] = ()
    """Files of entities whose names the facility wants to be told of: CSV, Parquet or NDJSON."""
    bands: Bands
    items: ItemConfig
    anomaly: AnomalyConfig
    authenticity: AuthenticityConfig = AuthenticityConfig()
    uncalibrated: UncalibratedConfig = UncalibratedConfig()
    policy: PolicyConfig = PolicyConfig()
    trader_tiers: TraderTierConfig = TraderTierConfig()


def default_config_path() -> Path:
    """The configuration that ships with the package."""
    return Path(str(resources.files("parcelscope.configs"))) / "screening" / "default.yaml"


def load_screening_config(path: Path | None = None) -> ScreeningConfig:
    """The screening configuration in `path`, or the one that ships with the package.

    Raises:
        ConfigError: If the file cannot be read, is not YAML, or does not fit.
    """
    source = default_config_path() if path is None else path
    raw = read_mapping(source, of="a screening configuration")
    try:
        return ScreeningConfig.model_validate(raw)
    except ValidationError as error:
        faults = error.errors()
        section = ".".join(str(part) for part in faults[0]["loc"])
        if section in MOVED:
            raise ConfigError(
                f"{source}: {section}: the parameters of indicators stand in packs now; write a"
                " pack with them and name it in indicator_packs"
            ) from None
        raise ConfigError(f"{source}: {first_fault(faults)}") from None
