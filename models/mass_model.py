"""A model of mass from one energy: its card in a bundle.

The graph takes columns of numbers, not pixels; `inference/one_energy.py` computes them. It gives
the logarithm of grams per cm2 of attenuation, so that twice as much of the same weighs twice.
"""

from typing import Final, Literal, Self, get_args

import numpy as np
from pydantic import BaseModel, Field, model_validator

from parcelscope.datasets.records import OwnerKind

MassInput = Literal["low", "high", "grey16", "grey8", "colour"]
"""What a model weighs by: counts of low, of high or of an unnamed energy, a grey 8-bit rendering,
or one in colour."""
MASS_INPUTS: Final[tuple[MassInput, ...]] = get_args(MassInput)
COLUMNS_VERSION: Final = 1
"""Of what the columns mean; a model for another version is refused."""
_BINS: Final = 13
GREY_COLUMNS: Final = (
    "log_absorption_cm2",
    "log_area_cm2",
    "log_depth",
    "log_mean_square_depth",
    "log_mean_root_depth",
    "opaque_share",
    "unevenness_fine",
    "unevenness_coarse",
    "log_pitch_mm",
    *(f"depth_share_{n:02d}" for n in range(_BINS)),
)
COLOUR_COLUMNS: Final = (*(f"tint_share_{n}" for n in range(5)), "tint", "green")
RANGED: Final = (
    "log_absorption_cm2",
    "log_area_cm2",
    "log_depth",
    "opaque_share",
    "unevenness_coarse",
    "log_pitch_mm",
)
"""Columns outside whose fitted range nothing is estimated."""


class MassBand(BaseModel, frozen=True, extra="forbid"):
    """By how much weights lie off the model on one scanner, from what was not learned from."""

    owner_kind: OwnerKind
    scanner_model: str
    scanner_software: str | None
    """Version; None stands for scans whose feed names none, not for every version."""
    scans: int = Field(gt=0)
    """Weighed parcels or cartons that it rests on, one scan of each."""
    low: float
    middle: float
    high: float
    """Logarithm of weight over estimate: lower end, median and upper end."""
    coverage: float = Field(gt=0, lt=1)
    """Share of later weights that lie from `low` to `high`."""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.low <= self.middle <= self.high:
            raise ValueError(
                f"low, middle and high must ascend, got {self.low}, {self.middle}, {self.high}"
            )
        return self

    def grams(self, estimate_g: float) -> tuple[float, float, float]:
        """(middle, low, high) in grams around the model's own `estimate_g`."""
        middle, low, high = (
            estimate_g * float(np.exp(off)) for off in (self.middle, self.low, self.high)
        )
        return middle, low, high


class MassModel(BaseModel, frozen=True, extra="forbid"):
    """One model of mass from one energy: its file, what it was fitted on, its bands."""

    input: MassInput
    file: str
    """ONNX: float32 `columns` (N, D) to `log_g_per_cm2` (N, 1)."""
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    columns_version: Literal[1] = COLUMNS_VERSION
    columns: tuple[str, ...]
    ranges: dict[str, tuple[float, float]]
    """By column, the least and the most that it was fitted on."""
    bands: tuple[MassBand, ...] = Field(min_length=1)
    metrics: dict[str, float] = Field(default_factory=dict)
    """Figures by name; `x_low` and `x_high` beside `x` are its 95 % interval."""
    licence: str | None = None
    """Of this model, where it differs from the bundle's."""
    training_data: str
    """What it was fitted on, in words."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        expected = GREY_COLUMNS if self.input != "colour" else GREY_COLUMNS + COLOUR_COLUMNS
        if self.columns != expected:
            raise ValueError(
                f"columns must be the {len(expected)} of {self.input} scans, version"
                f" {COLUMNS_VERSION}, in their order, got {len(self.columns)}"
            )
        missing = [name for name in RANGED if name not in self.ranges]
        if missing:
            raise ValueError(f"ranges must give {', '.join(RANGED)}, {missing[0]} is missing")
        keys = [(b.owner_kind, b.scanner_model, b.scanner_software) for b in self.bands]
        twice = next((key for key in keys if keys.count(key) > 1), None)
        if twice is not None:
            raise ValueError(f"bands must name each kind and scanner once, got {twice} twice")
        return self

    def band(self, kind: OwnerKind, model: str | None, software: str | None) -> MassBand | None:
        """The band for parcels or cartons on one scanner, of this very version, or None."""
        for one in self.bands:
            key = (one.owner_kind, one.scanner_model, one.scanner_software)
            if key == (kind, model, software):
                return one
        return None
