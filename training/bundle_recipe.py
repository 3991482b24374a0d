"""What a recipe for a whole bundle may say: the recipes of its parts, and the feed of its risks."""

import hashlib
import json
from importlib import resources
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, Field, ValidationError, model_validator

from parcelscope.datasets.errors import ConfigError, first_fault
from parcelscope.datasets.yaml_file import read_mapping
from parcelscope.training.part_recipes import STRICT


class PartStep(BaseModel):
    """One part: the recipe it is trained by, as `parcelscope train` takes it."""

    model_config = STRICT

    recipe: str
    """Built-in recipe, or the path of a YAML file."""
    start: str | None = None
    """An earlier part whose weights are the first; null: from scratch."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Changes to the recipe, keys dotted: `{fit.passes: 48000}`."""

    def overrides(self) -> list[str]:
        """The changes as `key=value`."""
        return as_overrides(self.set)


class FeedStep(BaseModel):
    """The generated feed that the risks learn from."""

    model_config = STRICT

    parcels: int = Field(ge=1, le=1_000_000)
    """Parcels that came by themselves, 1 or more."""
    cartons: int = Field(ge=1, le=100_000)
    """Master cartons, 1 or more; the parcels in them come on top."""
    violative: float = Field(gt=0, lt=1)
    """Share of violative parcels, and of cartons, above 0 and below 1."""
    seed: int = Field(ge=0, le=2**31 - 1)
    """Source of all chance in it."""


class RiskStep(BaseModel):
    """How the two risks, of parcels and of cartons, are fitted on that feed."""

    model_config = STRICT

    recipe: str = "risk"
    """Built-in recipe, or the path of a YAML file."""
    prevalence: float = Field(gt=0, lt=1)
    """Share of violative owners where the bundle will be used, above 0 and below 1."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Changes to the recipe."""

    def overrides(self) -> list[str]:
        """The changes as `key=value`."""
        return [*as_overrides(self.set), f"prevalence={self.prevalence}"]


class BundleRecipe(BaseModel):
    """One way to make a bundle from nothing."""

    model_config = STRICT

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    licence: str
    notes: str = ""
    parts: dict[str, PartStep] = Field(min_length=1)
    """Steps by the name of the part; one that another starts from stands before it."""
    feed: FeedStep
    risk: RiskStep

    @model_validator(mode="after")
    def _starts_are_known(self) -> Self:
        seen: list[str] = []
        for name, step in self.parts.items():
            if not name.replace("-", "").replace("_", "").isalnum():
                raise ValueError(
                    f"parts: expected a name of letters, digits, - and _, got {name!r}"
                )
            if step.start is not None and step.start not in seen:
                raise ValueError(
                    f"parts.{name}.start: expected a part that stands before it, got {step.start!r}"
                )
            seen.append(name)
        return self

    def chains(self) -> list[list[str]]:
        """Names of parts that have to wait for each other, in the order they are made in."""
        chains: list[list[str]] = []
        for name, step in self.parts.items():
            before = next((chain for chain in chains if step.start in chain), None)
            if before is None:
                chains.append([name])
            else:
                before.append(name)
        return chains

    def digest(self) -> str:
        """Twelve hexadecimal digits that name everything the recipe says."""
        return digest_of(self.model_dump(mode="json"))


def as_overrides(changes: dict[str, Any]) -> list[str]:
    """`key=value` for each change, values as in YAML."""
    return [f"{key}={json.dumps(value)}" for key, value in changes.items()]


def digest_of(told: object) -> str:
    """Twelve hexadecimal digits that name plain values."""
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:12]


def builtin_bundle_recipes() -> dict[str, Path]:
    """The recipes for bundles that ship with parcelscope, by name."""
    folder = Path(str(resources.files("parcelscope.configs"))) / "bundles"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_bundle_recipe(name: str) -> BundleRecipe:
    """The recipe called `name`, or in the YAML file of that path.

    Raises:
        ConfigError: If there is none, or it does not say what it must.
    """
    known = builtin_bundle_recipes()
    if name not in known and not name.endswith((".yaml", ".yml")):
        raise ConfigError(
            f"no recipe {name!r} for a bundle; known: {', '.join(known)}, or a .yaml file"
        )
    path = known.get(name, Path(name))
    raw = read_mapping(path, of="a recipe for a bundle")
    try:
        return BundleRecipe.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{path}: {first_fault(error.errors())}") from None
