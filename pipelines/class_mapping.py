"""Which class of a data set is which class of a detector."""

from collections.abc import Sequence
from dataclasses import dataclass

from parcelscope.datasets.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMapping:
    """Classes of the data in the detector's words."""

    named: dict[str, str]
    """From a class of the data to one of the detector."""
    unmapped: tuple[str, ...]
    """Classes of the data that the detector has no word for."""
    absent: tuple[str, ...]
    """Classes of the detector that the data does not have."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Classes of the detector that can be judged, in its order."""
        return tuple(dict.fromkeys(self.named.values()))


def parse_mapping(text: str | None) -> dict[str, str]:
    """The pairs in `data_class=bundle_class,...`.

    Raises:
        ConfigError: If it is not of that form, or names a class of the data twice.
    """
    pairs: dict[str, str] = {}
    for part in (text or "").split(","):
        if not part.strip():
            continue
        name, sign, label = (word.strip() for word in part.partition("="))
        if not (sign and name and label) or name in pairs:
            raise ConfigError(
                f"--classes must be data_class=bundle_class,... with each data class once, got"
                f" {part.strip()!r}"
            )
        pairs[name] = label
    return pairs


def map_classes(
    data: Sequence[str], detector: Sequence[str], pairs: dict[str, str]
) -> ClassMapping:
    """`pairs`, and every other class that has the same name on both sides.

    Raises:
        ConfigError: If a pair names a class that is not there, or no class is left to judge.
    """
    for name, label in pairs.items():
        if name not in data:
            raise ConfigError(f"--classes: the data has {', '.join(data)}, got {name!r}")
        if label not in detector:
            raise ConfigError(f"--classes: the detector has {', '.join(detector)}, got {label!r}")
    named = {name: pairs.get(name, name) for name in data}
    named = {name: label for name, label in named.items() if label in detector}
    if not named:
        raise ConfigError(
            f"the data has the classes {', '.join(data) or 'none'}, the detector"
            f" {', '.join(detector)}; say which is which with --classes data_class=bundle_class,..."
        )
    order = {label: place for place, label in enumerate(detector)}
    return ClassMapping(
        named=dict(sorted(named.items(), key=lambda pair: order[pair[1]])),
        unmapped=tuple(name for name in data if name not in named),
        absent=tuple(label for label in detector if label not in named.values()),
    )
