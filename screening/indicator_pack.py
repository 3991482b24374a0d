"""The packs of warning indicators that a run decides by, found by name.

`configs/indicators/base.yaml` is the one that ships.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib import resources
from itertools import combinations
from pathlib import Path
from types import MappingProxyType
from typing import Final

from parcelscope.datasets.errors import ConfigError
from parcelscope.screening.indicators.registry import CODES, INDICATORS, Kinds
from parcelscope.screening.pack_file import IndicatorPack, Rule, parse_pack
from parcelscope.screening.pack_store import read_stored, stored_packs
from parcelscope.screening.pack_yaml import MAX_BYTES

SUFFIX: Final = ".yaml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicators:
    """The packs that a run decides by, in order."""

    packs: tuple[IndicatorPack, ...]
    left_out: frozenset[str] = frozenset()
    """Codes that are not looked for, whatever the packs say."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that apply, each with the codes that no later pack takes over."""
        rules: list[Rule] = []
        taken: set[str] = set(self.left_out)
        for pack in reversed(self.packs):
            for rule in pack.rules:
                codes = tuple(code for code in rule.codes if code not in taken)
                if codes:
                    rules.append(replace(rule, codes=codes))
            taken.update(code for rule in pack.rules for code in rule.codes)
        order = list(INDICATORS)
        return tuple(sorted(rules, key=lambda rule: order.index(rule.indicator)))

    @property
    def codes(self) -> Mapping[str, Kinds]:
        """What each code that is looked for may be said of."""
        named = {code for pack in self.packs for rule in pack.rules for code in rule.codes}
        named -= self.left_out
        return MappingProxyType({code: kinds for code, kinds in CODES.items() if code in named})

    def without(self, codes: Iterable[str]) -> "Indicators":
        """The same packs, with `codes` looked for by none of them."""
        return replace(self, left_out=self.left_out.union(codes))


def load_indicators(names: Sequence[str]) -> Indicators:
    """The packs called `names`, in order.

    Raises:
        ConfigError: If one is not there, does not fit, or is named twice.
    """
    packs = tuple(load_pack(name) for name in names)
    for one, other in combinations(packs, 2):
        if one.name == other.name:
            raise ConfigError(f"indicator packs: expected each pack once, got {one.name} twice")
    return Indicators(packs=packs)


def load_pack(name: str) -> IndicatorPack:
    """The pack `name`: one that ships, one that was imported, or the path of a file.

    Raises:
        ConfigError: If it is not there, cannot be read or does not fit.
    """
    if "/" in name or "\\" in name or name.endswith(SUFFIX):
        return _read(Path(name))
    shipped, stored = shipped_packs(), stored_packs()
    if name in shipped:
        return _read(shipped[name])
    if name in stored:
        return read_stored(name)
    raise ConfigError(
        f"indicator packs: expected the path of a {SUFFIX} file or one of"
        f" {', '.join([*shipped, *stored])}, got {name[:80]}"
    )


def _read(path: Path) -> IndicatorPack:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: expected an indicator pack, got: {error.strerror}") from None
    return _parsed(content, str(path))


def shipped_packs() -> dict[str, Path]:
    """The packs that ship with the package, by name."""
    folder = Path(str(resources.files("parcelscope.configs"))) / "indicators"
    return {path.stem: path for path in sorted(folder.glob(f"*{SUFFIX}"))}


@cache
def _parsed(content: bytes, name: str) -> IndicatorPack:
    # Kept by content: a service that assesses parcel by parcel reads the same pack again and again.
    return parse_pack(content, name)
