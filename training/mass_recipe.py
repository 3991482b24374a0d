"""What a recipe for mass from one energy may say. Neither torch nor scikit-learn."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from parcelscope.datasets.records import OwnerKind
from parcelscope.models.mass_model import MassInput
from parcelscope.training.part_recipes import STRICT
from parcelscope.training.risk_recipe import TreeOptions


class MassData(BaseModel):
    """Which weighed scans to learn from."""

    model_config = STRICT

    feed: Path | None = None
    """Folder of a feed with measured weights; must be given."""
    owners: tuple[OwnerKind, ...] = Field(default=("parcel", "carton"), min_length=1)
    """Whose scans: those of parcels, of cartons, or both."""
    most: int = Field(default=20_000, ge=3, le=1_000_000)
    """Scans taken at most, 3 or more."""
    val_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the scans that figures are taken on, above 0."""
    calibration_share: float = Field(default=0.3, gt=0, lt=1)
    """Share of the scans that bands rest on, above 0."""

    @model_validator(mode="after")
    def _some_are_left(self) -> Self:
        held_out = self.val_share + self.calibration_share
        if held_out >= 1:
            raise ValueError(
                "val_share and calibration_share must leave something to learn from, got"
                f" {held_out:g} together"
            )
        return self


class MassRecipe(BaseModel):
    """`xray.mass` of scans that have not both energies."""

    model_config = STRICT

    trains: Literal["mass"]
    """Which trainer reads this recipe."""
    input: MassInput = "grey16"
    """Which pixels to weigh by: `grey16`, counts of one unnamed energy; `low` or `high`, that
    energy, of scans with both too; `grey8` or `colour`, the renderings of a vendor."""
    data: MassData = MassData()
    model: Literal["trees", "linear"] = "trees"
    """Boosted trees, or a robust weighted sum, which needs fewer scans."""
    trees: TreeOptions = TreeOptions(
        count=400, depth=4, learning_rate=0.05, least_leaf=8, subsample=0.7
    )
    coverage: float = Field(default=0.9, gt=0.5, lt=1)
    """Share of later weights that must lie inside the band, above 0.5 and below 1."""
    fewest: int = Field(default=40, ge=10, le=100_000)
    """Weighed parcels, or cartons, of one scanner that a band rests on, 10 or more; below it
    nothing is estimated there."""
    seed: int = Field(default=20261122, ge=0, le=2**31 - 1)
    """Which senders and cartons are held out, and what trees draw, 0 to 2147483647."""

    @model_validator(mode="after")
    def _band_can_be_met(self) -> Self:
        # Both ends of a conformal band need a rank among the held-out weights.
        needed = round(2 / (1 - self.coverage)) - 1
        if self.fewest < needed:
            raise ValueError(
                f"fewest must be at least {needed} for a coverage of {self.coverage:g}, got"
                f" {self.fewest}"
            )
        return self
