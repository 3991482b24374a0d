"""YAML from outside: read once, strictly, with the line of every value.

Nothing that YAML offers beyond plain values is accepted: an alias can blow a small file up to
gigabytes, a tag can name a Python object, and a key given twice hides one of its values.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import yaml

from parcelscope.datasets.errors import ConfigError

MAX_BYTES: Final = 1 << 20
MAX_DEPTH: Final = 12
_MOST: Final = 1e12
Place = tuple[str | int, ...]
"""Keys and positions that lead to a value."""

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class StrictYaml:
    """A document and where its values stand."""

    value: Any
    lines: Mapping[Place, int]
    """Line, from 1, of each value."""

    def line(self, place: Place) -> int:
        """The line of `place`, or of the nearest value around it."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return 1


def read_strict_yaml(content: bytes, name: str) -> StrictYaml:
    """The one document in `content`.

    Args:
        content: UTF-8.
        name: What errors call it.

    Raises:
        ConfigError: If it is too large or too deep, is not YAML, or uses aliases, tags or a key
            twice.
    """
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{name}: expected at most {MAX_BYTES:,} bytes, got {len(content):,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{name}: expected UTF-8, got another byte at {error.start}") from None
    try:
        _require_plain(text, name)
        loader = _LOADER(text)
        try:
            node = loader.get_single_node()
            lines: dict[Place, int] = {}
            _walk(node, (), lines, name)
            value = None if node is None else loader.construct_document(node)
        finally:
            loader.dispose()
    # ValueError: a day such as 2026-13-45, or a number of thousands of digits.
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        told = " ".join(str(error).split())
        raise ConfigError(f"{name}: expected YAML, got: {told[:300]}") from None
    _require_finite(value, name)
    return StrictYaml(value=value, lines=lines)


def _require_finite(value: Any, name: str) -> None:
    """Refuse `.inf` and `.nan`, which no comparison stops, and numbers that no column holds."""
    if isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            _require_finite(part, name)
    elif isinstance(value, int | float) and not abs(value) <= _MOST:
        raise ConfigError(f"{name}: expected finite numbers up to {_MOST:g}, got {value}")


def _require_plain(text: str, name: str) -> None:
    """Refuse what is not plain before anything is built of it."""
    depth = 0
    events: Iterator[Any] = yaml.parse(text, Loader=_LOADER)
    for event in events:
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            raise ConfigError(f"{name}: line {line}: anchors and aliases are not accepted")
        if getattr(event, "tag", None) is not None:
            raise ConfigError(f"{name}: line {line}: tags are not accepted, got {event.tag[:80]}")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise ConfigError(f"{name}: line {line}: nested deeper than {MAX_DEPTH}")


def _walk(node: Any, place: Place, lines: dict[Place, int], name: str) -> None:
    """Note the line of each value in `node`, and refuse keys that stand twice."""
    if node is None:
        return
    lines[place] = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value):
            _walk(item, (*place, number), lines, name)
    elif isinstance(node, yaml.MappingNode):
        for key, item in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise ConfigError(f"{name}: line {line}: expected a plain key")
            if (*place, key.value) in lines:
                raise ConfigError(f"{name}: line {line}: the key {key.value[:80]} stands twice")
            _walk(item, (*place, key.value), lines, name)
