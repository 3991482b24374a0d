"""How much a manifest may hold before it is taken for a fault."""

from functools import cache
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, Field

from parcelscope.datasets.yaml_file import read_settings

Model = TypeVar("Model", bound=BaseModel)


class Limits(BaseModel, frozen=True, extra="forbid"):
    """Sizes and numbers beyond which something is a slip or an attack."""

    version: str
    message_bytes: int = Field(gt=0)
    """Of one XML, JSON or EDIFACT file."""
    table_bytes: int = Field(gt=0)
    """Of one CSV, NDJSON or Parquet file."""
    xml_depth: int = Field(gt=0)
    xml_elements: int = Field(gt=0)
    text_characters: int = Field(gt=0)
    """Longer texts are cut."""
    years: tuple[int, int]
    """First and last year of a believable date."""
    largest: dict[str, float]
    """Largest believable number, by field."""
    parcels_per_carton: int = Field(gt=0)


@cache
def shipped_limits() -> Limits:
    """The limits that ship with the package."""
    return shipped_settings("limits.yaml", Limits)


def shipped_settings(name: str, model: type[Model]) -> Model:
    """The settings in `name` of the manifest settings that ship with the package.

    Raises:
        ConfigError: If they do not fit `model`.
    """
    path = Path(str(resources.files("parcelscope.configs"))) / "manifests" / name
    return read_settings(model, path, {}, of="manifests")
