"""Which column of a manifest table fills which field, and in what unit."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, Field

from parcelscope.datasets.manifests.entries import EntryTable
from parcelscope.datasets.manifests.limits import shipped_settings
from parcelscope.datasets.schema import CARTONS, PARCELS, TableSchema

SCHEMAS: dict[EntryTable, TableSchema] = {"parcels": PARCELS, "cartons": CARTONS}


class ColumnNames(BaseModel, frozen=True, extra="forbid"):
    """What columns may be called, beside the feed's own names."""

    version: str
    parcels: dict[str, tuple[str, ...]]
    cartons: dict[str, tuple[str, ...]]
    weights: dict[str, tuple[str, str]]
    """Name of a column to its field and unit."""
    weights_with_unit: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Name of a column to its field, and the columns that may hold its unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """One field and the column that fills it."""

    field: str
    column: str
    unit: str | None = None
    """Unit of a weight, where it is not grams."""
    unit_column: str | None = None
    """Column that holds the unit of each row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """How one table is read."""

    table: EntryTable
    filled: tuple[Filled, ...]
    unused: tuple[str, ...]
    """Columns that no field is filled from."""
    is_own: bool
    """Whether all columns have the feed's own names."""


@cache
def shipped_names() -> ColumnNames:
    """The names that ship with the package."""
    return shipped_settings("columns.yaml", ColumnNames)


def mapped(header: Sequence[str], stem: str, names: ColumnNames) -> Mapping:
    """How a table with the columns `header`, in a file called `stem`, is read."""
    table = _table(header, stem, names)
    schema = SCHEMAS[table]
    aliases = names.parcels if table == "parcels" else names.cartons
    field_of = {
        plain(name): field for field, others in aliases.items() for name in (field, *others)
    }
    by_plain: dict[str, str] = {}
    for column in header:
        by_plain.setdefault(plain(column), column)  # of two the first counts
    filled: dict[str, Filled] = {}
    used: set[str] = set()
    for field in schema.names:
        if field in header:
            filled[field] = Filled(field=field, column=field)
    for name, column in by_plain.items():
        known = field_of.get(name)
        if known in schema.names and known is not None and known not in filled:
            filled[known] = Filled(field=known, column=column)
    for name, (field, unit) in names.weights.items():
        if name in by_plain and field in schema.names and field not in filled:
            filled[field] = Filled(field=field, column=by_plain[name], unit=unit)
    for name, (field, *units) in names.weights_with_unit.items():
        unit_column = next((by_plain[unit] for unit in units if unit in by_plain), None)
        if name in by_plain and unit_column and field in schema.names and field not in filled:
            filled[field] = Filled(field=field, column=by_plain[name], unit_column=unit_column)
    for one in filled.values():
        used.update({one.column} | ({one.unit_column} if one.unit_column else set()))
    return Mapping(
        table=table,
        filled=tuple(filled[name] for name in schema.names if name in filled),
        unused=tuple(column for column in header if column not in used),
        is_own=all(column in schema.names for column in header),
    )


def known_columns(header: Sequence[str], names: ColumnNames) -> int:
    """How many of `header` are understood; tells the delimiter of a CSV, and a table from junk."""
    known = (
        {
            plain(name)
            for aliases in (names.parcels, names.cartons)
            for field, others in aliases.items()
            for name in (field, *others)
        }
        | set(names.weights)
        | set(names.weights_with_unit)
    )
    return len({plain(column) for column in header} & known)


def plain(name: str) -> str:
    """`name` in lower case with `_` between words.

    >>> plain("Item ID"), plain("itemId"), plain("HS-Code")
    ('item_id', 'item_id', 'hs_code')
    """
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def _table(header: Sequence[str], stem: str, names: ColumnNames) -> EntryTable:
    if stem.lower() in ("cartons", "parcels"):
        return "cartons" if stem.lower() == "cartons" else "parcels"
    given = {plain(column) for column in header}
    ids = ("parcel_id", "tracking_number", "house_bill")
    parcel = {plain(n) for field in ids for n in (field, *names.parcels[field])}
    carton = {plain(n) for n in ("carton_id", *names.cartons["carton_id"])}
    return "cartons" if given & carton and not given & parcel else "parcels"
