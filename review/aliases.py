"""The other numbers that a case is known by, and which case a number means.

A label, a bill or an entry names a parcel by the number of whoever wrote it. All of them lead to
the case; a number that cannot be right is kept with what is wrong with it: that is evidence too.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from parcelscope.datasets.identifiers import identify
from parcelscope.datasets.records import OwnerKind
from parcelscope.review.case_reference import looks_like_reference, read_reference
from parcelscope.review.tables import ALIASES, ITEMS

AliasKind = Literal[
    "parcel_id",
    "carton_id",
    "tracking_number",
    "seizure_number",
    "entry_number",
    "house_bill",
    "master_bill",
    "receptacle_id",
    "in_carton",
]
KINDS: Final[tuple[AliasKind, ...]] = get_args(AliasKind)
KIND_WORDS: Final[dict[AliasKind, str]] = {
    "parcel_id": "Parcel",
    "carton_id": "Master carton",
    "tracking_number": "Tracking number",
    "seizure_number": "Seizure number",
    "entry_number": "Entry number",
    "house_bill": "House bill",
    "master_bill": "Master bill",
    "receptacle_id": "Receptacle",
    "in_carton": "In master carton",
}
BY_HAND: Final[tuple[AliasKind, ...]] = (
    "tracking_number",
    "entry_number",
    "house_bill",
    "master_bill",
    "receptacle_id",
    "seizure_number",
)
"""Those that people may add to a case."""
_OWN: Final = frozenset({"parcel_id", "carton_id", "tracking_number", "seizure_number"})
"""Numbers of one piece; the others may stand on many, and lead to a list."""
_MANIFEST: Final[Mapping[str, AliasKind]] = {
    "tracking_number": "tracking_number",
    "entry_number": "entry_number",
    "house_bill": "house_bill",
    "master_bill": "master_bill",
    "receptacle_id": "receptacle_id",
    "carton_id": "in_carton",
}
"""Fields of the manifest that are aliases."""
_ENTRY: Final = re.compile(r"[A-Z0-9]{3}[0-9]{8}")
_IN_TEXT: Final = re.compile(r"PSC-[0-9]{4}-[0-9A-Z]{8}-[0-9A-Z]", re.IGNORECASE)
LONGEST: Final = 255
MOST_FOUND: Final = 50
"""A master bill may name thousands of parcels; more than this nobody reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """One other number of a case."""

    kind: AliasKind
    alias: str
    """Upper case, without blanks and hyphens."""
    problem: str | None
    """Why it cannot be right; None where nothing speaks against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """What a number means."""

    references: tuple[str, ...]
    """No case, the case, or those that it may mean."""
    problem: str | None = None
    """Why it means none, as a sentence."""


def alias_of(kind: AliasKind, text: str) -> Alias | None:
    """`text` as an alias, or None where it is empty or longer than any number."""
    value = identify(_printable(text)).value
    if not value or len(value) > LONGEST:
        return None
    return Alias(kind=kind, alias=value, problem=_problem(kind, text))


def aliases_of(
    owner_kind: OwnerKind, owner_id: str, dossier: Mapping[str, Any]
) -> tuple[Alias, ...]:
    """The numbers that a parcel or carton is known by from its manifest.

    Args:
        owner_kind: What it is.
        owner_id: Its id in the feed.
        dossier: As it was enrolled; the lines of its `manifest` count.
    """
    own: AliasKind = "parcel_id" if owner_kind == "parcel" else "carton_id"
    told: list[tuple[AliasKind, str]] = [(own, owner_id)]
    for line in dossier.get("manifest", ()):
        kind, declared = _MANIFEST.get(line.get("field")), line.get("declared")
        if kind is not None and declared:
            told.append((kind, declared))
    made = (alias_of(kind, text) for kind, text in told)
    return tuple(dict.fromkeys(one for one in made if one is not None))


def record(connection: Connection, aliases: Sequence[tuple[str, Alias]]) -> None:
    """Write `aliases`, each with the reference of its case; those that are there stay."""
    rows = [
        {"alias": one.alias, "kind": one.kind, "reference": reference, "problem": one.problem}
        for reference, one in aliases
    ]
    if not rows:
        return
    make = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
    connection.execute(make(ALIASES).on_conflict_do_nothing(), rows)


def aliases_of_case(connection: Connection, reference: str) -> tuple[Alias, ...]:
    """The other numbers of the case `reference`, those of its own first."""
    rows = connection.execute(select(ALIASES).where(ALIASES.c.reference == reference))
    found = [Alias(kind=row.kind, alias=row.alias, problem=row.problem) for row in rows]
    return tuple(sorted(found, key=lambda one: (KINDS.index(one.kind), one.alias)))


def resolve(connection: Connection, text: str) -> Resolved:
    """Which case `text` means: a reference, or any number that a case is known by.

    Numbers of one piece go before those that may stand on many. What means several cases gives all
    of them, up to `MOST_FOUND`.
    """
    reference = _reference_in(text)
    if reference is not None:
        known = select(ITEMS.c.reference).where(ITEMS.c.reference == reference)
        if connection.execute(known).first() is None:
            return Resolved(references=(), problem=f"there is no case {reference}")
        return Resolved(references=(reference,))
    if looks_like_reference(text):
        return Resolved(
            references=(),
            problem=f"{_shown(text)} is no reference: one character is wrong, or two changed about",
        )
    for value in _candidates(text):
        # Own numbers by themselves: beside thousands that share a bill they would not be found.
        references = _known_by(connection, value, own=True) or _known_by(
            connection, value, own=False
        )
        if references:
            return Resolved(references=references)
    return Resolved(references=(), problem=_nothing(text))


def _known_by(connection: Connection, value: str, *, own: bool) -> tuple[str, ...]:
    """The cases with the number `value` of their own, or with any; `MOST_FOUND` at most."""
    asked = select(ALIASES.c.reference).where(ALIASES.c.alias == value)
    if own:
        asked = asked.where(ALIASES.c.kind.in_(_OWN))
    rows = connection.execute(asked.distinct().order_by(ALIASES.c.reference).limit(MOST_FOUND))
    return tuple(rows.scalars())


def _reference_in(text: str) -> str | None:
    """The reference that `text` is, or that stands in it, as in the address of a page."""
    inside = _IN_TEXT.search(text)
    return read_reference(text) or (read_reference(inside.group()) if inside else None)


def _candidates(text: str) -> Iterator[str]:
    """What may be stored of a number that was typed or read from a label."""
    value = identify(_printable(text)).value
    if not value or len(value) > LONGEST:
        return
    yield value
    if value.isdigit() and value.startswith("420"):
        # GS1 application identifier 420: the addressee's postcode, of 5 or 9 digits, goes before.
        yield from (value[head:] for head in (8, 12) if len(value) > head + 8)


def _nothing(text: str) -> str:
    told = identify(_printable(text))
    shown = _shown(text)
    if not told.value:
        return "expected a number, got nothing"
    why = f" ({told.reason})" if told.kind == "s10" and told.reason else ""
    return f"no case is known by {shown}{why}"


def _problem(kind: AliasKind, text: str) -> str | None:
    match kind:
        case "tracking_number":
            told = identify(text)
            # Carriers have forms of their own; only a postal number must have its check digit.
            return told.reason if told.kind == "s10" else None
        case "master_bill":
            return identify(text, hint="awb").reason
        case "receptacle_id":
            told = identify(text)
            return told.reason if told.kind == "s9" else None
        case "entry_number" if _ENTRY.fullmatch(identify(text).value) is None:
            return "an entry number is a filer code of 3 characters, 7 digits and a check digit"
        case _:
            return None


def _printable(text: str) -> str:
    # Labels hold separators that nobody sees (GS1 puts FNC1 between fields).
    if text.isprintable():
        return text
    return "".join(character for character in text if character.isprintable())


def _shown(text: str) -> str:
    shown = _printable(text).strip()
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
