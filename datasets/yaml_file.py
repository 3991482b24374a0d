"""YAML files from outside: read, held against a model, refused in one sentence."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from parcelscope.datasets.errors import ConfigError, first_fault

Settings = TypeVar("Settings", bound=BaseModel)


def read_mapping(path: Path, *, of: str) -> dict[str, Any]:
    """The mapping in the YAML file `path`.

    Args:
        path: UTF-8.
        of: What it is, as in "expected the settings of the service".

    Raises:
        ConfigError: If it cannot be read, is not YAML, or holds no mapping.
    """
    try:
        told = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: expected {of}, got: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected YAML, got: {' '.join(str(error).split())}") from None
    if not isinstance(told, dict):
        raise ConfigError(f"{path}: expected {of} as a mapping, got {type(told).__name__}")
    return told


def read_settings(
    model: type[Settings], path: Path | None, changes: dict[str, Any], *, of: str
) -> Settings:
    """The settings in the YAML file `path`, with `changes` in place of what it says.

    Args:
        model: What they must fit.
        path: None takes `changes` alone.
        changes: By the names of the settings.
        of: Whose settings, to be told where they do not fit.

    Raises:
        ConfigError: If the file cannot be read, is not YAML, or does not fit.
    """
    told = {} if path is None else read_mapping(path, of=f"the settings of {of}")
    try:
        return model.model_validate({**told, **changes})
    except ValidationError as error:
        raise ConfigError(f"{path or of}: {first_fault(error.errors())}") from None
