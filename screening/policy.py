"""Policy packs: the rules of a jurisdiction, chosen by the day of a shipment.

Packs are YAML files, one for the time between two changes of the law; `configs/policies` has those
that ship. Whoever needs a limit, a period or a redaction list asks for it here by day.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Final, TypeVar

import polars as pl
from pydantic import BaseModel, Field, ValidationError

from parcelscope.datasets.errors import ConfigError
from parcelscope.screening.pack_yaml import Place, StrictYaml, read_strict_yaml
from parcelscope.screening.policy_rules import (
    DisclosureRule,
    Money,
    NoticeRule,
    PolicyPack,
    RedactionRule,
    ValueLimitRule,
)

SUFFIX: Final = ".yaml"
DATE_COLUMN: Final = "arrived_at"
"""The day on which a shipment arrived decides which law it came under."""
LIMIT_SCHEMA: Final = pl.Schema(
    {
        "first": pl.Date(),
        "last": pl.Date(),
        "amount": pl.Float64(),
        "currency": pl.String(),
        "code": pl.String(),
        "pack": pl.String(),
        "pack_version": pl.Int64(),
        "citation": pl.String(),
    }
)
AnyRule = TypeVar("AnyRule", ValueLimitRule, NoticeRule, RedactionRule, DisclosureRule)


class PolicyConfig(BaseModel, frozen=True, extra="forbid"):
    """Which law the facility works under."""

    jurisdiction: str = "us"
    """Of the packs, those of this jurisdiction count; `generic` has no national law in it."""
    packs: str | None = None
    """Folder of policy packs; those that ship if None."""
    exchange_rates: str | None = None
    """Dated rates, CSV or Parquet; without them no value is compared in another currency."""
    max_rate_age_days: int = Field(default=31, ge=0)
    """An older rate is not used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The packs of one jurisdiction, by date; no two hold on the same day."""

    jurisdiction: str
    packs: tuple[PolicyPack, ...] = ()
    digest: str = ""
    """SHA-256 over the files."""

    def on(self, day: date) -> PolicyPack | None:
        """The pack that holds on `day`, or None where none does."""
        return next((pack for pack in self.packs if pack.effective.holds(day)), None)

    @property
    def time_zone(self) -> str:
        """Where the days of this jurisdiction begin."""
        return self.packs[0].time_zone if self.packs else "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A pack and the file that it stands in."""

    file: Path
    pack: PolicyPack
    digest: str


def shipped_folder() -> Path:
    """The folder of the packs that ship with the package."""
    return Path(str(resources.files("parcelscope.configs"))) / "policies"


def load_policies(config: PolicyConfig) -> Policies:
    """The packs of the configured jurisdiction.

    Raises:
        ConfigError: If a pack does not fit, two hold on one day, or the jurisdiction has none.
    """
    folder = shipped_folder() if config.packs is None else Path(config.packs)
    found = read_packs(folder)
    ours = sorted(
        (one for one in found if one.pack.jurisdiction == config.jurisdiction),
        key=lambda one: one.pack.effective.since,
    )
    if not ours:
        known = ", ".join(sorted({one.pack.jurisdiction for one in found}))
        raise ConfigError(
            f"{folder}: expected policy packs of jurisdiction {config.jurisdiction!r}, got packs"
            f" of {known}"
        )
    told = hashlib.sha256("".join(one.digest for one in ours).encode())
    return Policies(
        jurisdiction=config.jurisdiction,
        packs=tuple(one.pack for one in ours),
        digest=told.hexdigest(),
    )


def read_packs(folder: Path) -> tuple[Found, ...]:
    """All policy packs in `folder`, by file name.

    Raises:
        ConfigError: If there is none, one does not fit, or two are in each other's way.
    """
    if not folder.is_dir():
        raise ConfigError(f"{folder}: expected a folder of policy packs, got no such folder")
    found = [
        _parsed(path.read_bytes(), path)
        for path in sorted(folder.iterdir())
        if path.suffix in {SUFFIX, ".yml"} and path.is_file()
    ]
    if not found:
        raise ConfigError(f"{folder}: expected policy packs, *{SUFFIX}, got none")
    _require_apart(found)
    return tuple(found)


@cache
def _parsed(content: bytes, path: Path) -> Found:
    # Kept by content: a service that assesses parcel by parcel reads the same packs every time.
    return Found(
        file=path, pack=parse_pack(content, str(path)), digest=hashlib.sha256(content).hexdigest()
    )


def parse_pack(content: bytes, name: str) -> PolicyPack:
    """The pack in `content`, called `name` in errors.

    Raises:
        ConfigError: If it is not plain YAML or does not fit; with the line and the rule.
    """
    document = read_strict_yaml(content, name)
    if not isinstance(document.value, dict):
        raise ConfigError(
            f"{name}: expected a policy pack with name, version, jurisdiction, title, effective,"
            f" time_zone and rules, got {type(document.value).__name__}"
        )
    try:
        pack = PolicyPack.model_validate(document.value)
    except ValidationError as error:
        raise _misfit(name, document, error) from None
    try:
        # Not zoneinfo: a slim system has no time zones, and polars brings its own.
        pl.Series([], dtype=pl.Datetime("us", "UTC")).dt.convert_time_zone(pack.time_zone)
    except pl.exceptions.PolarsError:
        raise ConfigError(
            f"{name}: line {document.line(('time_zone',))}: time_zone: expected a time zone of the"
            f" IANA such as America/New_York, got {pack.time_zone!r}"
        ) from None
    return pack


def consignee_day_limit(policies: Policies, day: date) -> Money | None:
    """What one consignee may receive on `day` under the low-value exemption, or None if no limit.

    None also stands for a day before the first pack. See `consignee_day_limits` for tables.
    """
    pack = policies.on(day)
    limits = () if pack is None else _in_force(pack, day, ValueLimitRule)
    return next((rule.limit for rule in limits if rule.per == "consignee_day"), None)


def consignee_day_limits(policies: Policies) -> pl.DataFrame:
    """The limits per consignee and day, one row per stretch of days, columns as `LIMIT_SCHEMA`.

    Both `first` and `last` are days on which the limit holds; a day without a row has none.
    """
    rows = []
    for pack in policies.packs:
        for rule in pack.rules:
            if not isinstance(rule, ValueLimitRule) or rule.per != "consignee_day":
                continue
            days = pack.days(rule)
            rows.append(
                {
                    "first": days.since,
                    "last": days.last,
                    "amount": rule.limit.amount,
                    "currency": rule.limit.currency,
                    "code": rule.code,
                    "pack": pack.name,
                    "pack_version": pack.version,
                    "citation": rule.citation,
                }
            )
    return pl.DataFrame(rows, schema=LIMIT_SCHEMA).sort("first", "code")


def notice_periods(policies: Policies, day: date) -> tuple[NoticeRule, ...]:
    """The periods that hold on `day`, in the order of the pack."""
    pack = policies.on(day)
    return () if pack is None else _in_force(pack, day, NoticeRule)


def redactions(policies: Policies, day: date) -> tuple[RedactionRule, ...]:
    """The redaction lists that hold on `day`, in the order of the pack."""
    pack = policies.on(day)
    return () if pack is None else _in_force(pack, day, RedactionRule)


def disclosures(policies: Policies, day: date) -> tuple[DisclosureRule, ...]:
    """What may be told to whom on `day`, in the order of the pack."""
    pack = policies.on(day)
    return () if pack is None else _in_force(pack, day, DisclosureRule)


def local_day(policies: Policies) -> pl.Expr:
    """The day of a shipment in the time zone of its law, null where it has no date."""
    return pl.col(DATE_COLUMN).dt.convert_time_zone(policies.time_zone).dt.date()


def _in_force(pack: PolicyPack, day: date, kind: type[AnyRule]) -> tuple[AnyRule, ...]:
    return tuple(
        rule for rule in pack.rules if isinstance(rule, kind) and pack.days(rule).holds(day)
    )


def _require_apart(found: Sequence[Found]) -> None:
    """Refuse packs of one name, and of one jurisdiction on one day or in two time zones."""
    for number, one in enumerate(found):
        for other in found[number + 1 :]:
            if one.pack.name == other.pack.name:
                raise ConfigError(
                    f"{other.file}: expected a name that no other pack has, got {one.pack.name!r},"
                    f" as in {one.file.name}"
                )
            if one.pack.jurisdiction != other.pack.jurisdiction:
                continue
            if one.pack.effective.overlaps(other.pack.effective):
                raise ConfigError(
                    f"{other.file}: expected days on which no other pack of"
                    f" {other.pack.jurisdiction} holds, got {other.pack.effective.words()};"
                    f" {one.pack.name} in {one.file.name} holds {one.pack.effective.words()}"
                )
            if one.pack.time_zone != other.pack.time_zone:
                raise ConfigError(
                    f"{other.file}: expected the time zone of the other packs of"
                    f" {other.pack.jurisdiction}, {one.pack.time_zone}, got {other.pack.time_zone}"
                )


def _misfit(name: str, document: StrictYaml, error: ValidationError) -> ConfigError:
    first = error.errors()[0]
    place = _place(first["loc"])
    where = ".".join(_in_words(document.value, place))
    message = first["msg"].removeprefix("Value error, ")
    return ConfigError(f"{name}: line {document.line(place)}: {where or 'the pack'}: {message}")


def _place(loc: Place) -> Place:
    """`loc` of an error without the kind of the rule, which pydantic puts between."""
    if len(loc) > 2 and loc[0] == "rules":
        return (*loc[:2], *loc[3:])
    return loc


def _in_words(value: object, place: Place) -> Iterator[str]:
    """The parts of `place`, a rule with its code."""
    for position, part in enumerate(place):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            value = None
        code = value.get("code") if isinstance(value, Mapping) else None
        if position == 1 and isinstance(code, str):
            yield f"{part} ({code[:40]})"
        else:
            yield str(part)
