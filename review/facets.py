"""The filters of the queue as somebody chooses among them: each value with how many there are."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from urllib.parse import urlencode

from sqlalchemy import Connection

from parcelscope.review.filters import ANY_WAITING, Filters
from parcelscope.review.listing import Counts, counts

Field = Literal["state", "band", "kind", "facility", "lane"]
TITLES: Final[Mapping[Field, str]] = {
    "state": "State",
    "band": "Band",
    "kind": "Kind",
    "facility": "Facility",
    "lane": "Lane",
}
STATE_WORDS: Final[Mapping[str, str]] = {
    ANY_WAITING: "waiting, all",
    "open": "open",
    "second": "second opinion",
    "disputed": "opinions differ",
    "decided": "decided",
    "released": "released with its carton",
}
_ORDER: Final[Mapping[Field, tuple[str, ...]]] = {
    "state": tuple(STATE_WORDS),
    "band": ("inspect", "look", "clear"),
}
MOST_VALUES: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One value of a filter."""

    words: str
    count: int
    chosen: bool
    query: str
    """Of the address where it is chosen, or no longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facet:
    """One filter with its values."""

    title: str
    values: tuple[Value, ...]


def facets(connection: Connection, filters: Filters) -> list[Facet]:
    """The filters with their values, each counted among what the other filters let through."""
    counted = counts(connection, filters)
    shown = []
    for field, title in TITLES.items():
        # What is chosen is counted without itself, or the choice would look like the only one.
        chosen = getattr(filters, field)
        among = counted if chosen is None else counts(connection, replace(filters, **{field: None}))
        values = _values(field, _numbers(field, among), filters)
        if values:
            shown.append(Facet(title=title, values=values))
    return shown


def query_of(filters: Filters, **more: str) -> str:
    """`filters` as the query of an address."""
    return urlencode({**filters.as_json(), **more})


def _numbers(field: Field, counted: Counts) -> dict[str, int]:
    numbers: dict[Field, dict[str, int]] = {
        "state": {**counted.by_state, ANY_WAITING: counted.waiting},
        "band": counted.by_band,
        "kind": counted.by_kind,
        "facility": counted.by_facility,
        "lane": counted.by_lane,
    }
    # Nothing can be chosen by a name that is not there.
    return {name: number for name, number in numbers[field].items() if name}


def _values(field: Field, numbers: Mapping[str, int], filters: Filters) -> tuple[Value, ...]:
    chosen = getattr(filters, field)
    order = _ORDER.get(field, ())
    names = sorted(numbers, key=lambda name: (order.index(name) if name in order else 99, name))
    return tuple(
        Value(
            words=STATE_WORDS.get(name, name) if field == "state" else name,
            count=numbers[name],
            chosen=name == chosen,
            query=query_of(replace(filters, **{field: None if name == chosen else name})),
        )
        for name in names[:MOST_VALUES]
        if numbers[name] or name == chosen
    )
