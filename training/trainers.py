"""Which trainers there are: what a recipe's `trains` names.

A trainer is a pydantic model that reads the recipe, and a function that makes a part of it. Both
are imported only when a recipe asks for them: a recipe for a table needs no torch. To add one,
write the two and one entry here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from pydantic import BaseModel

from parcelscope.datasets.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Trainer:
    """Where the two halves of a trainer are, as `module:name` below `parcelscope.training`."""

    recipe_at: str
    """A pydantic model with `trains` and `seed`."""
    train_at: str
    """A function (recipe, `Job`) -> `TrainedPart`; see `training/part.py`."""

    def recipe(self) -> type[BaseModel]:
        """The model that reads the recipe."""
        model: type[BaseModel] = _load(self.recipe_at)
        return model

    def train(self) -> Callable[[Any, Any], Any]:
        """The function that makes the part."""
        function: Callable[[Any, Any], Any] = _load(self.train_at)
        return function


TRAINERS: dict[str, Trainer] = {
    "detector": Trainer("part_recipes:DetectorRecipe", "train_detector:train_detector"),
    "risk": Trainer("risk_recipe:RiskRecipe", "risk:train_risk"),
    "anomaly": Trainer("anomaly_recipe:AnomalyRecipe", "train_anomaly:train_anomaly"),
    "references": Trainer("reference_recipe:ReferenceRecipe", "train_references:train_references"),
    "contents": Trainer("contents_recipe:ContentsRecipe", "train_contents:train_contents"),
    "mass": Trainer("mass_recipe:MassRecipe", "train_mass:train_mass"),
}


def find_trainer(name: str) -> Trainer:
    """The trainer called `name`.

    Raises:
        ConfigError: If there is none.
    """
    try:
        return TRAINERS[name]
    except KeyError:
        raise ConfigError(f"no trainer {name!r}; known: {', '.join(sorted(TRAINERS))}") from None


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"parcelscope.training.{module}"), name)
