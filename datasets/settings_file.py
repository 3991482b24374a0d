"""Settings of a server: a YAML file, and what the command line says in place of it."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from parcelscope.datasets.errors import ConfigError

Settings = TypeVar("Settings", bound=BaseModel)


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
    told: Any = {}
    if path is not None:
        try:
            told = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(
                f"{path}: expected the settings of {of}, got: {error.strerror}"
            ) from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}: expected YAML, got: {' '.join(str(error).split())}"
            ) from None
        if not isinstance(told, dict):
            raise ConfigError(f"{path}: expected a mapping of settings, got {type(told).__name__}")
    try:
        return model.model_validate({**told, **changes})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        raise ConfigError(f"{path or of}: {where}: {first['msg']}") from None
