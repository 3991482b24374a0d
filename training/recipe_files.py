"""Reading a recipe: a built-in name or a YAML file, with `key=value` overrides. No torch."""

import difflib
import hashlib
import json
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Protocol, get_args

import yaml
from pydantic import BaseModel, ValidationError

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.yaml_file import read_mapping
from parcelscope.training.trainers import TRAINERS, Trainer, find_trainer


class Recipe(Protocol):
    """What every recipe has, whatever it trains."""

    @property
    def trains(self) -> str:
        """Name of its trainer."""

    @property
    def seed(self) -> int:
        """Source of all chance."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """The whole recipe as plain values."""


def builtin_recipes() -> dict[str, Path]:
    """The recipes that ship with parcelscope, by name."""
    folder = Path(str(resources.files("parcelscope.configs"))) / "training"
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def read_recipe(name: str, overrides: Sequence[str] = ()) -> tuple[Recipe, Trainer]:
    """The recipe called `name`, changed by `overrides`, and what trains it.

    Args:
        name: A built-in name, or the path of a YAML file.
        overrides: `key=value`, keys dotted, values as in YAML: `fit.batch=8`.

    Raises:
        ConfigError: If there is no such recipe, a key is unknown, or a value is out of range.
    """
    path = _path(name)
    raw = read_mapping(path, of="a recipe")
    given = raw.get("trains")
    if not isinstance(given, str) or given not in TRAINERS:
        raise ConfigError(f"{path}: trains: expected one of {sorted(TRAINERS)}, got {given!r}")
    trainer = find_trainer(given)
    model = trainer.recipe()
    known = list(keys(model))
    for key in _given_keys(raw, known):
        _check_key(key, known, where=str(path))
    for word in overrides:
        _override(raw, word, known)
    try:
        recipe: Recipe = model.model_validate(raw)  # type: ignore[assignment]
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"]) or "the recipe"
        told = first["msg"].removeprefix("Value error, ")
        if first["type"] != "value_error":
            told += f", got {first['input']!r}"
        raise ConfigError(f"{path}: {at}: {told}") from None
    return recipe, trainer


def recipe_digest(recipe: Recipe) -> str:
    """Twelve hexadecimal digits that name everything the recipe says."""
    text = json.dumps(recipe.model_dump(mode="json"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def as_yaml(recipe: Recipe) -> str:
    """The recipe with every value spelled out, to be read again."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def flat(values: dict[str, Any], *, before: str = "") -> dict[str, Any]:
    """Nested `values` under dotted keys."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict) and value:
            found |= flat(value, before=f"{before}{key}.")
        else:
            found[f"{before}{key}"] = value
    return found


def keys(model: type[BaseModel], *, before: str = "") -> Iterator[str]:
    """Dotted keys of everything that a recipe of `model` may say, sections not included."""
    for name, field in model.model_fields.items():
        inner = next(
            (
                kind
                for kind in (field.annotation, *get_args(field.annotation))
                if isinstance(kind, type) and issubclass(kind, BaseModel)
            ),
            None,
        )
        if inner is None:
            yield f"{before}{name}"
        else:
            yield from keys(inner, before=f"{before}{name}.")


def _path(name: str) -> Path:
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    known = builtin_recipes()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ConfigError(f"no recipe {name!r}; known: {', '.join(known)}, or a .yaml file{hint}")


def _given_keys(raw: dict[Any, Any], known: list[str], *, before: str = "") -> Iterator[str]:
    """Dotted keys that a file gives; a mapping is only opened where the recipe has a section."""
    for name, value in raw.items():
        key = f"{before}{name}"
        if isinstance(value, dict) and key not in known:
            yield from _given_keys(value, known, before=f"{key}.") if value else iter(())
        elif not (value is None and _is_section(key, known)):
            yield key


def _override(raw: dict[str, Any], word: str, known: list[str]) -> None:
    """Put `word`, a `key=value`, into `raw`."""
    key, sign, text = word.partition("=")
    if not sign:
        raise ConfigError(f"{word!r}: expected key=value, like fit.batch=8")
    _check_key(key, known, where=word)
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        value = text
    *sections, name = key.split(".")
    place = raw
    for section in sections:
        inner = place.get(section)
        if not isinstance(inner, dict):
            inner = place[section] = {}
        place = inner
    place[name] = value


def _check_key(key: str, known: list[str], *, where: str) -> None:
    """Refuse a key that no recipe of this kind has, naming the nearest that it has.

    Of a key whose last name is right and whose section is wrong, the right place is the nearest.
    """
    if key in known or any(key.startswith(f"{name}.") for name in known):
        return
    if _is_section(key, known):
        inner = [name for name in known if name.startswith(f"{key}.")]
        raise ConfigError(f"{where}: {key!r} is a section; give one of {', '.join(inner)}")
    same_name = [name for name in known if name.split(".")[-1] == key.split(".")[-1]]
    near = same_name or difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    raise ConfigError(f"{where}: unknown key {key!r}; the nearest is {near[0]!r}")


def _is_section(key: str, known: list[str]) -> bool:
    return any(name.startswith(f"{key}.") for name in known)
