"""Which part of the queue somebody wants to see, and the SQL of it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, or_

from parcelscope.review.errors import ReviewError
from parcelscope.review.standing import WAITING
from parcelscope.review.tables import ITEMS


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What an item must be to be seen; None where anything will do."""

    facility: str | None = None
    lane: str | None = None
    band: str | None = None
    """`not assessed` for those without a risk."""
    kind: str | None = None
    """`parcel` or `carton`."""
    state: str | None = None
    """`waiting` for all in which somebody still has to decide."""
    reason_code: str | None = None
    """One of the model's."""
    text: str | None = None
    """Part of a number, reference or description, in either case."""
    number: str | None = None
    """Part of a number or reference alone: descriptions may name people."""

    def conditions(self) -> ColumnElement[bool]:
        """What SQL asks of a row."""
        items, asked = ITEMS.c, []
        for column, wanted in (
            (items.facility, self.facility),
            (items.lane, self.lane),
            (items.owner_kind, self.kind),
        ):
            if wanted is not None:
                asked.append(column == wanted)
        if self.state is not None:
            states = WAITING if self.state == ANY_WAITING else (self.state,)
            asked.append(items.state.in_(states))
        if self.band is not None:
            asked.append(
                items.band.is_(None) if self.band == NOT_ASSESSED else items.band == self.band
            )
        if self.reason_code is not None:
            codes = literal(" ") + items.reason_codes + literal(" ")
            asked.append(codes.contains(f" {self.reason_code} ", autoescape=True))
        numbers = (items.owner_id, items.reference)
        for text, columns in ((self.text, (*numbers, items.description)), (self.number, numbers)):
            if text:
                asked.append(
                    or_(
                        *(
                            func.lower(column).contains(text.lower(), autoescape=True)
                            for column in columns
                        )
                    )
                )
        return and_(literal(True), *asked)

    def as_json(self) -> dict[str, str]:
        """What is asked for, by name."""
        return {name: value for name, value in asdict(self).items() if value is not None}


NOT_ASSESSED = "not assessed"
ANY_WAITING = "waiting"


def filters_from(told: Mapping[str, Any]) -> Filters:
    """The filters that `told` names, as `as_json` writes them.

    Raises:
        ReviewError: If it names another, or one that is no text.
    """
    known = [one.name for one in fields(Filters)]
    for name, value in told.items():
        if name not in known:
            raise ReviewError(f"filters: expected {', '.join(known)}, got {name[:40]!r}")
        if not isinstance(value, str):
            raise ReviewError(f"filters: {name} must be text, got {type(value).__name__}")
    return Filters(**told)
