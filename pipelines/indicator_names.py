"""What `run.json` says of the indicators that decided."""

from datetime import date

from pydantic import BaseModel

from parcelscope.screening.indicator_pack import Indicators


class PackName(BaseModel, frozen=True, extra="forbid"):
    """Which pack of indicators decided."""

    name: str
    version: str
    digest: str
    """SHA-256 of the file."""


class RuleName(BaseModel, frozen=True, extra="forbid"):
    """One entry of a pack that decided."""

    codes: tuple[str, ...]
    pack: str
    version: int
    severity: str
    first: date | None = None
    last: date | None = None
    """The days on which it held, both included; None where there is no end."""


def pack_names(indicators: Indicators) -> tuple[PackName, ...]:
    """The packs, in order."""
    return tuple(
        PackName(name=pack.name, version=pack.version, digest=pack.digest)
        for pack in indicators.packs
    )


def rule_names(indicators: Indicators) -> tuple[RuleName, ...]:
    """The entries that were in force, each with the codes that no later pack took over."""
    return tuple(
        RuleName(
            codes=rule.codes,
            pack=rule.pack,
            version=rule.version,
            severity=rule.severity,
            first=None if rule.effective is None else rule.effective.since,
            last=None if rule.effective is None else rule.effective.until,
        )
        for rule in indicators.rules
    )
