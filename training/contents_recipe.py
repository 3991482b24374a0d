"""What a recipe for the contents detector may say. No torch."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from parcelscope.models.bundle import InputKind
from parcelscope.training.part_recipes import STRICT, CanvasOptions


class ContentsData(BaseModel):
    """Where scans of declared goods come from: generated, unless a feed is given."""

    model_config = STRICT

    feed: Path | None = None
    """Folder of a feed of parcels with honest declarations; null: generated parcels."""
    outcomes: Path | None = None
    """What is known of that feed's parcels: a table (Parquet or CSV) with `parcel_id` and
    `violative`, or the `truth` folder of a synthetic feed. Violative ones are left out. Null: all
    are taken to be honest."""
    most: int = Field(default=5000, ge=3, le=1_000_000)
    """Parcels of the feed taken at most, 3 or more."""
    val_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the feed's parcels that figures are taken on, above 0."""
    calibration_share: float = Field(default=0.35, gt=0, lt=1)
    """Share of the feed's parcels that p-values rest on, above 0."""
    train: int = Field(default=700, ge=2, le=1_000_000)
    """Generated parcels to learn from, 2 or more."""
    val: int = Field(default=300, ge=1, le=100_000)
    """Generated parcels that figures are taken on, 1 or more."""
    calibration: int = Field(default=900, ge=1, le=100_000)
    """Generated parcels that p-values rest on, 1 or more."""
    cache: Path | None = None
    """Folder that generated scans are kept in, to be shared by recipes; null: the work folder."""

    @model_validator(mode="after")
    def _some_are_left(self) -> Self:
        held_out = self.val_share + self.calibration_share
        if held_out >= 1:
            raise ValueError(
                "val_share and calibration_share must leave something to learn from, got"
                f" {held_out:g} together"
            )
        return self


class ContentsRecipe(BaseModel):
    """`xray.contents`: which families of goods a scan lends support to."""

    model_config = STRICT

    trains: Literal["contents"]
    """Which trainer reads this recipe."""
    input: InputKind
    """`dual`: low and high energy. `colour`: the renderings of a vendor."""
    canvas: CanvasOptions = CanvasOptions()
    data: ContentsData = ContentsData()
    fewest: int = Field(default=20, ge=2, le=100_000)
    """Parcels that declare a family, and that hold none of it, below which it has no head, 2 or
    more."""
    half_weights: bool = False
    """Whether large filters are stored in 16 bits: half the file, the same arithmetic in 32."""
    threads: int = Field(default=1, ge=1, le=256)
    """Processor threads, 1 to 256."""
    seed: int = Field(default=20261122, ge=0, le=2**31 - 1)
    """The same seed gives the same part, 0 to 2147483647."""
