"""What a manifest row must say, as dated data with the rule behind each element."""

import datetime
from functools import cache

from pydantic import BaseModel, Field, model_validator

from parcelscope.datasets.manifests.limits import shipped_settings
from parcelscope.datasets.schema import PARCELS


class CitedRule(BaseModel, frozen=True, extra="forbid"):
    """A rule that asks for an element, and its days."""

    citation: str
    first_day: datetime.date | None = Field(alias="from")
    """None where it is not known: the rule is then taken as in force."""
    last_day: datetime.date | None = Field(alias="until")

    def covers(self, day: datetime.date) -> bool:
        """Whether the rule is in force on `day`."""
        begun = self.first_day is None or self.first_day <= day
        return begun and (self.last_day is None or day <= self.last_day)


class Element(BaseModel, frozen=True, extra="forbid"):
    """One thing that a row must say."""

    code: str
    title: str
    any_of: tuple[tuple[str, ...], ...] = Field(min_length=1)
    """Groups of columns; the row says it where all columns of one group are filled."""
    pattern: str | None = None
    """What the digits of the first column must look like, separators left out."""
    rules: tuple[CitedRule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _of_the_feed(self) -> "Element":
        unknown = {name for group in self.any_of for name in group} - set(PARCELS.names)
        if unknown:
            raise ValueError(
                f"any_of must name columns of parcels, got {', '.join(sorted(unknown))}"
            )
        return self

    def citations(self, day: datetime.date) -> tuple[str, ...]:
        """The rules that ask for it on `day`; empty where none does."""
        return tuple(rule.citation for rule in self.rules if rule.covers(day))


class ElementList(BaseModel, frozen=True, extra="forbid"):
    """All elements, and how channels are told."""

    version: str
    source: str
    channels: dict[str, tuple[str, ...]]
    minimum_lead_h: float = Field(ge=0)
    elements: tuple[Element, ...]


@cache
def shipped_elements() -> ElementList:
    """The elements that ship with the package."""
    return shipped_settings("elements.yaml", ElementList)
