"""What a policy pack may say: small typed rules, each with its citation and its days.

The rules are data, in `configs/policies/*.yaml`. Nothing here knows a limit, a period or a country.
"""

from datetime import date
from itertools import combinations
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, Field, StringConstraints, field_validator, model_validator

from parcelscope.datasets.countries import COUNTRIES
from parcelscope.datasets.schema import PARCELS

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

RedactedField = Literal[
    "serial_number",
    "manufacture_date",
    "lot_code",
    "product_code",
    "sku",
    "tracking_number",
    "manufacturer_name",
    "manufacturer_address",
    "exporter_name",
    "exporter_address",
    "importer_name",
    "importer_address",
    "other_revealing_mark",
]
"""What the text on goods, packaging or labels may give away."""
SymbolKind = Literal["linear", "stacked", "matrix", "postal_label"]
"""Barcodes in a line, in stacked lines (PDF417) and in two dimensions (QR), and address labels."""
DisclosedField = Literal[
    "import_date",
    "port",
    "description",
    "quantity",
    "origin_country",
    "manufacturer_name",
    "manufacturer_address",
    "exporter_name",
    "exporter_address",
    "importer_name",
    "importer_address",
    "images",
    "sample",
]
PartyRole = Literal["importer", "right_holder", "customs", "carrier", "filer"]
CaseSubject = Literal[
    "admissibility", "mark", "similar_mark", "copyright", "other_agency", "overage"
]
"""What a case is about: whether goods may enter, a mark that may not be genuine, one that resembles
another, a copy that may not be licensed, what another agency decides on, goods that no manifest
names."""


class Effective(BaseModel, frozen=True, extra="forbid"):
    """The days on which something holds, both ends included."""

    since: date = Field(alias="from")
    until: date | None = None
    """None where no end is known."""

    @model_validator(mode="after")
    def _forwards(self) -> Self:
        if self.until is not None and self.until < self.since:
            raise ValueError(f"until must not lie before from, got {self.until} and {self.since}")
        return self

    @property
    def last(self) -> date:
        """The last day, or the end of time."""
        return self.until or date.max

    def holds(self, on: date) -> bool:
        """Whether `on` is one of the days."""
        return self.since <= on <= self.last

    def overlaps(self, other: "Effective") -> bool:
        """Whether some day is one of both."""
        return self.since <= other.last and other.since <= self.last

    def words(self) -> str:
        """The days as the end of a sentence."""
        return f"from {self.since}" + (f" until {self.until}" if self.until else "")


class Money(BaseModel, frozen=True, extra="forbid"):
    """An amount in one currency."""

    amount: float = Field(gt=0, allow_inf_nan=False)
    currency: Currency
    """ISO 4217; XDR is the special drawing right."""

    def words(self) -> str:
        """`800 USD`."""
        return f"{self.amount:g} {self.currency}"


class Scope(BaseModel, frozen=True, extra="forbid"):
    """The shipments that a rule is about; what is left out does not matter."""

    channels: tuple[Slug, ...] = ()
    """As the column `channel` spells them, in lower case."""
    origins: tuple[str, ...] = ()
    """Countries of origin, ISO 3166-1 alpha-2."""
    origins_except: tuple[str, ...] = ()
    value_above: Money | None = None
    value_at_most: Money | None = None
    entry_number: Literal["present", "absent"] | None = None

    @field_validator("origins", "origins_except")
    @classmethod
    def _known_countries(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if code not in COUNTRIES:
                raise ValueError(f"expected countries of ISO 3166-1 alpha-2, got {code!r}")
        return codes

    @model_validator(mode="after")
    def _possible(self) -> Self:
        low, high = self.value_above, self.value_at_most
        if self.origins and self.origins_except:
            raise ValueError("expected origins or origins_except, got both")
        if low is not None and high is not None:
            if low.currency != high.currency:
                raise ValueError(f"two currencies, {low.currency} and {high.currency}")
            if low.amount >= high.amount:
                raise ValueError(
                    f"value_above must lie below value_at_most, got {low.words()} and"
                    f" {high.words()}"
                )
        return self

    @property
    def currencies(self) -> tuple[str, ...]:
        """Currencies that a value is compared in."""
        return tuple(m.currency for m in (self.value_above, self.value_at_most) if m is not None)


EVERYTHING: Final = Scope()


class _Rule(BaseModel, frozen=True, extra="forbid"):
    """What all rules have."""

    code: Slug
    """Unique in its pack on any one day."""
    citation: Sentence
    """Where the rule stands, and where it was read."""
    source_checked: bool
    """Whether a source says so; false for what was written from memory or read in a weak one."""
    effective: Effective | None = None
    """Where it holds on fewer days than its pack."""
    note: Sentence | None = None


class EntryRule(_Rule, frozen=True, extra="forbid"):
    """How a shipment may or must be entered. Of the rules of a pack, the first that fits counts."""

    kind: Literal["entry"]
    applies: Scope = EVERYTHING
    entry: Sentence
    """The path, in words."""
    entry_type: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,4}$")] | None = None
    """Its code in the customs system, where it has one."""
    notable: bool = False
    """Whether the analyst is told of a shipment on this path."""


class ValueLimitRule(_Rule, frozen=True, extra="forbid"):
    """A value that one shipment, or all of one consignee on one day, may have."""

    kind: Literal["value_limit"]
    applies: Scope = EVERYTHING
    limit: Money
    per: Literal["shipment", "consignee_day"]
    of: Sentence
    """What it is the limit of."""


class Element(BaseModel, frozen=True, extra="forbid"):
    """One thing that must be declared."""

    name: Sentence
    any_of: tuple[str, ...] = Field(min_length=1)
    """Columns of the parcels table; one of them must be filled."""
    digits: int | None = Field(default=None, ge=1)
    """At least so many digits in it."""

    @field_validator("any_of")
    @classmethod
    def _columns_there_are(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in PARCELS.names:
                raise ValueError(f"expected columns of the parcels table, got {name!r}")
        return names


class ElementsRule(_Rule, frozen=True, extra="forbid"):
    """What must be declared of a shipment."""

    kind: Literal["required_elements"]
    applies: Scope = EVERYTHING
    elements: tuple[Element, ...] = Field(min_length=1)


class NoticeRule(_Rule, frozen=True, extra="forbid"):
    """A period within which something has to be done."""

    kind: Literal["notice_period"]
    action: Slug
    by: PartyRole
    """Who has to act."""
    to: PartyRole | None = None
    length: int = Field(ge=0)
    unit: Literal["calendar_days", "business_days"]
    counted_from: Slug
    """The event on whose day the period starts; that day itself does not count."""
    ended_by: tuple[Slug, ...] = ()
    """Events of which the first ends the period; its own `action` if none is named."""
    about: tuple[CaseSubject, ...] = ()
    """Of which cases; of all if none is named."""
    otherwise: Sentence | None = None
    """What follows if it is not done."""


class RedactionRule(_Rule, frozen=True, extra="forbid"):
    """What must not be seen in an image or text that someone gets at some stage."""

    kind: Literal["redaction"]
    recipient: PartyRole
    stage: Slug
    fields: tuple[RedactedField, ...] = Field(min_length=1)
    symbols: tuple[SymbolKind, ...] = ()


class DisclosureRule(_Rule, frozen=True, extra="forbid"):
    """What someone may be told at some stage."""

    kind: Literal["disclosure"]
    recipient: PartyRole
    stage: Slug
    fields: tuple[DisclosedField, ...] = Field(min_length=1)


Rule = EntryRule | ValueLimitRule | ElementsRule | NoticeRule | RedactionRule | DisclosureRule


class PolicyPack(BaseModel, frozen=True, extra="forbid"):
    """The rules of one jurisdiction between two changes of its law."""

    name: Slug
    version: int = Field(ge=1)
    jurisdiction: Slug
    title: Sentence
    effective: Effective
    time_zone: Sentence
    """Where a day begins and ends, as the IANA names it."""
    holidays: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,4})?$")] | None = (
        None
    )
    """Whose public holidays are no business days: a country of ISO 3166-1, or a part of it as in
    ISO 3166-2. Without it only weekends are none."""
    rules: tuple[Annotated[Rule, Field(discriminator="kind")], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _dated(self) -> Self:
        for rule in self.rules:
            days = rule.effective
            if days is not None and not (
                self.effective.since <= days.since and days.last <= self.effective.last
            ):
                raise ValueError(
                    f"rule {rule.code} holds {days.words()}, outside its pack, which holds"
                    f" {self.effective.words()}"
                )
        for one, other in combinations(self.rules, 2):
            if one.code == other.code and self.days(one).overlaps(self.days(other)):
                raise ValueError(f"rule {one.code} stands twice for the same day")
        return self

    def days(self, rule: Rule) -> Effective:
        """The days on which `rule` of this pack holds."""
        return rule.effective or self.effective
