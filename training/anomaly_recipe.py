"""What a recipe for an anomaly detector may say. No torch."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from parcelscope.models.bundle import DetectorName, InputKind
from parcelscope.training.part_recipes import STRICT, CanvasOptions, DataOptions


class TaughtOptions(BaseModel):
    """How much `taught` learns."""

    model_config = STRICT

    drawn: int = Field(default=1000, ge=16, le=1_000_000)
    """Pictures with made defects, 16 or more; good ones are used again until there are so many."""
    rounds: int = Field(default=7, ge=1, le=1000)
    """How often each is shown, 1 to 1000."""
    batch: int = Field(default=16, ge=1, le=1024)
    """Pictures in one step, 1 to 1024."""
    learning_rate: float = Field(default=2e-3, gt=0, le=1)
    """Highest learning rate, above 0 and at most 1."""


class AnomalyRecipe(BaseModel):
    """What compliant scans, or good pieces of one product, look like, without a single label."""

    model_config = STRICT

    trains: Literal["anomaly"]
    """Which trainer reads this recipe."""
    input: Literal["dual", "colour", "photo"]
    """`dual`: low and high energy; `colour`: the renderings of a vendor; both give `xray.anomaly`.
    `photo`: photos of one product, all framed alike, which give `photo.anomaly`."""
    method: Literal["plain", "taught"] = "plain"
    """`plain`: a Gaussian and a bank of patches. `taught`: photos only, shown made defects too."""
    canvas: CanvasOptions = CanvasOptions()
    data: DataOptions = DataOptions(train=700, val=400, calibration=900)
    held_out: float = Field(default=0.15, ge=0, le=0.5)
    """Share of the good photos of split train that p-values rest on instead, 0 to 0.5, where split
    val has none and no `data.calibration_folder` is given; of photos alone."""
    taught: TaughtOptions = TaughtOptions()
    half_weights: bool = False
    """Whether large filters are stored in 16 bits: half the file, the same arithmetic in 32."""
    threads: int = Field(default=1, ge=1, le=256)
    """Processor threads, 1 to 256."""
    seed: int = Field(default=20261122, ge=0, le=2**31 - 1)
    """The same seed gives the same part, 0 to 2147483647."""

    @property
    def detector(self) -> DetectorName:
        """What the part will be in a bundle."""
        return "photo.anomaly" if self.input == "photo" else "xray.anomaly"

    @property
    def kind(self) -> InputKind:
        """Which pixels the network takes."""
        return "dual" if self.input == "dual" else "colour"

    @property
    def mm_per_px(self) -> float | None:
        """Pitch of the canvas; photos are stretched, whatever theirs."""
        return None if self.input == "photo" else self.canvas.mm_per_px

    @model_validator(mode="after")
    def _learns_from_what_there_is(self) -> Self:
        if self.data.projected:
            raise ValueError("data.projected must be 0 for anomalies, which learn no items")
        if self.method == "taught" and self.input != "photo":
            raise ValueError(
                f"method taught takes input=photo, got input={self.input}: defects are drawn onto"
                " photos of one product, and parcels are all different"
            )
        return self
