"""Which family of goods a declaration names, from a table of tariff chapters and words."""

import re
from functools import cache, cached_property
from importlib import resources
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from parcelscope.datasets.errors import ConfigError, first_fault
from parcelscope.datasets.yaml_file import read_mapping

FEWEST_DIGITS = 2
"""Of a tariff code, to name a chapter."""


class GoodsFamilies(BaseModel, frozen=True, extra="forbid"):
    """The table: which tariff prefixes and which words stand for which family."""

    version: int = Field(ge=1)
    tariff: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Prefixes of the HS code, 2 to 6 digits, by family."""
    words: dict[str, tuple[str, ...]] = Field(min_length=1)
    """Words and phrases of a description by family, lower case and singular."""

    @field_validator("tariff")
    @classmethod
    def _digits(cls, tariff: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for family, prefixes in tariff.items():
            for prefix in prefixes:
                if not re.fullmatch(r"\d{2,6}", prefix):
                    raise ValueError(f"{family}: prefixes must have 2 to 6 digits, got {prefix!r}")
        return tariff

    @model_validator(mode="after")
    def _one_family_each(self) -> Self:
        for table in (self.tariff, self.words):
            told = [(entry, family) for family, entries in table.items() for entry in entries]
            families: dict[str, str] = {}
            for entry, family in told:
                if families.setdefault(entry, family) != family:
                    raise ValueError(f"{entry!r} must stand for one family, got two")
        return self

    def of_tariff(self, hs_code: str | None) -> str | None:
        """The family of a tariff code: that of its longest prefix in the table."""
        digits = re.sub(r"\D", "", hs_code or "")
        prefixes = {prefix: name for name, entries in self.tariff.items() for prefix in entries}
        for length in range(min(6, len(digits)), FEWEST_DIGITS - 1, -1):
            if digits[:length] in prefixes:
                return prefixes[digits[:length]]
        return None

    def of_words(self, description: str | None) -> frozenset[str]:
        """The families that the words of `description` name.

        A phrase within a longer one that was found does not count: the glass of `glass tumbler` is
        no spectacle.
        """
        text = re.sub(r"[^\w-]+", " ", (description or "").lower()).strip()
        text = " ".join(_singular(word) for word in text.split())
        found = set()
        for known, name in self._phrases:
            if known not in text:  # nearly always, and in a fraction of the time
                continue
            left, hits = re.subn(rf"(?<![\w-]){re.escape(known)}(?![\w-])", "#", text)
            if hits:
                text = left
                found.add(name)
        return frozenset(found)

    @cached_property
    def _phrases(self) -> list[tuple[str, str]]:
        """The phrases as they are looked for, with their family, the longest first."""
        phrases = [(phrase, name) for name, entries in self.words.items() for phrase in entries]
        return [
            (" ".join(_singular(word) for word in phrase.split()), name)
            for phrase, name in sorted(phrases, key=lambda entry: (-len(entry[0]), entry))
        ]

    def declared(self, hs_code: str | None, description: str | None) -> tuple[str, ...]:
        """Every family that a declaration names, in order; none where it names no known one."""
        tariff = self.of_tariff(hs_code)
        return tuple(sorted(self.of_words(description) | ({tariff} if tariff else set())))


def load_goods_families(path: Path | None = None) -> GoodsFamilies:
    """The table in `path`, or the one that ships with the package.

    Raises:
        ConfigError: If the file cannot be read, is not YAML, or does not fit.
    """
    return _shipped() if path is None else _read(path)


@cache
def _shipped() -> GoodsFamilies:
    # Read once: for a parcel scored by itself, reading it took longer than using it.
    return _read(Path(str(resources.files("parcelscope.configs"))) / "goods" / "families.yaml")


def _read(source: Path) -> GoodsFamilies:
    raw = read_mapping(source, of="a table of goods families")
    try:
        return GoodsFamilies.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(f"{source}: {first_fault(error.errors())}") from None


def _singular(word: str) -> str:
    """`word` without the plural of English nouns: enough to meet the table, not to be read."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 3 else word
