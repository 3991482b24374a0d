"""A pack of warning indicators as a file: which apply, when, and with which parameters.

Its entries are checked once, here, against what the indicators ask for.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import ConfigError
from parcelscope.screening.indicators.registry import CODES, INDICATOR_OF, INDICATORS
from parcelscope.screening.pack_yaml import Place, StrictYaml, read_strict_yaml
from parcelscope.screening.policy_rules import Effective

Severity = Literal["info", "low", "medium", "high"]
NAME: Final = r"^[a-z0-9][a-z0-9._-]{0,63}$"
ONE_LINE: Final = r"^\P{C}+$"
"""No control characters: a pack from elsewhere is printed to a terminal."""
Line = Annotated[str, Field(min_length=1, max_length=500, pattern=ONE_LINE)]


class PackEntry(BaseModel, frozen=True, extra="forbid"):
    """One entry as it stands in the file."""

    codes: tuple[str, ...] = Field(min_length=1)
    """Codes of one indicator. Those of its codes that no entry names are not looked for."""
    version: int = Field(ge=1)
    severity: Severity
    citation: Line
    """What the entry rests on."""
    effective: Effective | None = None
    """The days on which it holds, in UTC; None is always."""
    parameters: dict[str, Any]


class PackFile(BaseModel, frozen=True, extra="forbid"):
    """A pack as it stands in the file."""

    pack: str = Field(pattern=NAME)
    version: str = Field(max_length=40, pattern=ONE_LINE)
    title: Line
    entries: tuple[PackEntry, ...] = Field(min_length=1, max_length=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One entry of a pack, checked."""

    indicator: str
    """Name in the registry."""
    codes: tuple[str, ...]
    version: int
    severity: Severity
    citation: str
    effective: Effective | None
    """The days on which it holds, in UTC; None is always."""
    parameters: BaseModel
    """Of the type that the indicator asks for."""
    pack: str
    max_likelihood_ratio: float | None
    """Whatever the parameters say, a finding counts for no more than this."""

    def holds(self, on: date) -> bool:
        """Whether it is in force on that day."""
        return self.effective is None or self.effective.holds(on)

    @property
    def when(self) -> str:
        """`always`, or the days as the end of a sentence."""
        return "always" if self.effective is None else self.effective.words()

    @property
    def first(self) -> date:
        """The first day, or the beginning of time."""
        return date.min if self.effective is None else self.effective.since

    def overlaps(self, other: "Rule") -> bool:
        """Whether both are in force on some day."""
        if self.effective is None or other.effective is None:
            return True
        return self.effective.overlaps(other.effective)


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorPack:
    """One pack, checked."""

    name: str
    version: str
    title: str
    digest: str
    """SHA-256 of the file."""
    max_likelihood_ratio: float | None
    """The most that a finding by it counts for; None where the pack is the facility's own."""
    rules: tuple[Rule, ...]

    @property
    def fingerprint(self) -> str:
        """All of it that decides what is found."""
        cap = self.max_likelihood_ratio
        return self.digest if cap is None else f"{self.digest} up to {cap:g}"


def parse_pack(
    content: bytes, name: str, *, max_likelihood_ratio: float | None = None
) -> IndicatorPack:
    """The pack in `content`, called `name` in errors.

    Args:
        content: The file.
        name: What errors call it.
        max_likelihood_ratio: The most that a finding by it may count for.

    Raises:
        ConfigError: If it is not plain YAML or does not fit; with the line and the entry.
    """
    document = read_strict_yaml(content, name)
    if not isinstance(document.value, dict):
        got = type(document.value).__name__
        raise ConfigError(f"{name}: expected a mapping with pack, version, entries, got {got}")
    try:
        file = PackFile.model_validate(document.value)
    except ValidationError as error:
        raise _misfit(name, document, (), error) from None
    rules = tuple(
        _rule(file, number, document, name, max_likelihood_ratio)
        for number in range(len(file.entries))
    )
    _require_apart(rules, document, name)
    digest = hashlib.sha256(content).hexdigest()
    return IndicatorPack(
        name=file.pack,
        version=file.version,
        title=file.title,
        digest=digest,
        max_likelihood_ratio=max_likelihood_ratio,
        rules=rules,
    )


def _rule(
    file: PackFile, number: int, document: StrictYaml, name: str, max_ratio: float | None
) -> Rule:
    entry = file.entries[number]
    place: Place = ("entries", number)
    for position, code in enumerate(entry.codes):
        line = document.line((*place, "codes", position))
        if code not in INDICATOR_OF:
            known = ", ".join(sorted(CODES))
            raise ConfigError(f"{name}: line {line}: expected a code of {known}, got {code[:80]}")
        if INDICATOR_OF[code] != INDICATOR_OF[entry.codes[0]]:
            raise ConfigError(
                f"{name}: line {line}: expected codes of one indicator, got {entry.codes[0]} of"
                f" {INDICATOR_OF[entry.codes[0]]} and {code} of {INDICATOR_OF[code]}"
            )
    indicator = INDICATOR_OF[entry.codes[0]]
    try:
        parameters = INDICATORS[indicator].parameters.model_validate(entry.parameters)
    except ValidationError as error:
        raise _misfit(name, document, (*place, "parameters"), error) from None
    return Rule(
        indicator=indicator,
        codes=entry.codes,
        version=entry.version,
        severity=entry.severity,
        citation=entry.citation,
        effective=entry.effective,
        parameters=parameters,
        pack=file.pack,
        max_likelihood_ratio=max_ratio,
    )


def _require_apart(rules: Sequence[Rule], document: StrictYaml, name: str) -> None:
    """No code may have two entries on one day."""
    for (_, one), (number, other) in combinations(enumerate(rules), 2):
        for code in sorted(set(one.codes) & set(other.codes)):
            if one.overlaps(other):
                raise ConfigError(
                    f"{name}: line {document.line(('entries', number))}: expected one entry for"
                    f" {code} on each day, got version {one.version}"
                    f" ({one.when}) and version {other.version}"
                    f" ({other.when})"
                )


def _misfit(name: str, document: StrictYaml, around: Place, error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    place = (*around, *first["loc"])
    where = ".".join(_in_words(document.value, place))
    return ConfigError(f"{name}: line {document.line(place)}: {where}: {first['msg']}")


def _in_words(value: Any, place: Place) -> Iterator[str]:
    """The parts of `place`, an entry by its codes."""
    for position, part in enumerate(place):
        value = value[part] if _holds(value, part) else None
        codes = value.get("codes") if isinstance(value, dict) else None
        if position == 1 and isinstance(codes, list):
            yield f"{part} ({', '.join(str(code)[:40] for code in codes[:5])})"
        else:
            yield str(part)


def _holds(value: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(value, list) and part < len(value)
    return isinstance(value, dict) and part in value
