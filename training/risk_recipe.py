"""What a recipe for the risk may say. Neither torch nor scikit-learn."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, field_validator

from parcelscope.datasets.records import OwnerKind
from parcelscope.screening.manifest_features import FEATURES
from parcelscope.training.part_recipes import STRICT


class TreeOptions(BaseModel):
    """Boosted trees."""

    model_config = STRICT

    count: int = Field(default=60, ge=1, le=2000)
    """Trees, 1 to 2000."""
    depth: int = Field(default=2, ge=1, le=8)
    """Splits from root to leaf, 1 to 8."""
    learning_rate: float = Field(default=0.06, gt=0, le=1)
    """Share of each tree's answer that is kept, above 0 and at most 1."""
    least_leaf: int = Field(default=15, ge=1)
    """Owners in a leaf, 1 or more."""
    subsample: float = Field(default=0.7, gt=0, le=1)
    """Share of owners that each tree learns from, above 0 and at most 1."""


class RiskRecipe(BaseModel):
    """The risk of parcels or cartons: the fusion of findings and manifest features."""

    model_config = STRICT

    trains: Literal["risk"]
    """Which trainer reads this recipe."""
    run: Path | None = None
    """Run folder that `parcelscope screen` wrote; must be given."""
    truth: Path | None = None
    """The `truth` folder of a synthetic feed, or a table of outcomes (Parquet or CSV) with
    `parcel_id` or `carton_id` and `violative`; must be given."""
    feed: Path | None = None
    """Folder of the run's feed; null: where the run says it was."""
    owner: OwnerKind = "parcel"
    """Whose risk."""
    loose: bool = True
    """Of parcels: only those that came by themselves. Those in a master carton are inspected with
    it, and would teach that small parcels are compliant."""
    model: Literal["logistic", "trees"] = "logistic"
    """A weighted sum, or boosted trees that see combinations."""
    features: tuple[str, ...] = tuple(FEATURES)
    """Manifest features to use, of parcels only; none for findings alone."""
    prevalence: float | None = Field(default=None, gt=0, lt=1)
    """Share of violative owners where it will be used; null: that of the outcomes."""
    budget: float = Field(default=0.02, gt=0, le=1)
    """Share of owners inspected, at which precision is compared."""
    trees: TreeOptions = TreeOptions()
    seed: int = Field(default=20261122, ge=0, le=2**31 - 1)
    """Which owners share a fold, and what trees draw."""

    @field_validator("features")
    @classmethod
    def _known(cls, features: tuple[str, ...]) -> tuple[str, ...]:
        unknown = sorted(set(features) - set(FEATURES))
        if unknown:
            raise ValueError(f"features must be of {', '.join(FEATURES)}, got {unknown[0]!r}")
        return features
