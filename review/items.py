"""What there is to review: flagged parcels and master cartons, enrolled from runs."""

import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import Connection, Engine, Row, Select, select, update

from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.database import upsert
from parcelscope.review.aliases import aliases_of
from parcelscope.review.aliases import record as record_aliases
from parcelscope.review.case_reference import new_reference
from parcelscope.review.clock import as_text, now_s
from parcelscope.review.database import writing
from parcelscope.review.errors import NoSuchItem, ReviewError
from parcelscope.review.events import append, canonical
from parcelscope.review.standing import Choice, Outcome, State
from parcelscope.review.tables import ITEMS

T = TypeVar("T")
Band = Literal["clear", "look", "inspect"]

ENROLLER: Final = "parcelscope"
"""Who the log names for what no person did."""
ROWS_AT_ONCE: Final = 500
"""Items that are enrolled in one transaction, so that no analyst waits for a whole run."""
_SAME_RISK: Final = 1e-6
"""Risks on two machines agree to so much; see the notes on replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewItem:
    """One flagged parcel or master carton as a run tells of it: the model's columns."""

    owner_kind: OwnerKind
    owner_id: str
    facility: str | None = None
    lane: str | None = None
    carton_id: str | None = None
    """Master carton of a parcel."""
    arm: str | None = None
    propensity: float | None = None
    risk: float | None = None
    """Calibrated, 0 to 1; None where it could not be assessed."""
    band: Band | None = None
    priority: float = 0.0
    """Bigger comes first."""
    reason_codes: tuple[str, ...] = ()
    """The weightiest first."""
    description: str = ""
    dossier: Mapping[str, Any]
    """All that a page shows of it, as JSON."""
    item_id: str = field(init=False)
    """The same for the same parcel in every run."""

    def __post_init__(self) -> None:
        """Work out the id once; enrolling asks for it many times."""
        item_id = item_id_of(self.facility, self.owner_kind, self.owner_id)
        object.__setattr__(self, "item_id", item_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One row of the queue."""

    item_id: str
    run_id: str
    facility: str
    """'' where the feed names none."""
    lane: str | None
    owner_kind: OwnerKind
    owner_id: str
    carton_id: str | None
    arm: str | None
    """Not for analysts: knowing that a parcel was drawn at random changes how they look at it."""
    propensity: float | None
    risk: float | None
    band: Band | None
    priority: float
    reason_codes: tuple[str, ...]
    description: str
    dossier_json: str
    enrolled: str
    scored_again: str | None
    """When a newer run came to another score after the decision."""
    state: State
    holder: str | None
    lease_until: float
    """Seconds since 1970."""
    lease_number: int
    """How often it was lent; the last of these leases is the one that holds."""
    first_by: str | None
    first_decision: Choice | None
    """Not for whoever gives the second opinion."""
    decision: Choice | None
    decided_by: str | None
    decided_at: str | None
    decision_event: int | None
    outcome: Outcome | None
    outcome_at: str | None
    reference: str | None

    @property
    def dossier(self) -> dict[str, Any]:
        """All that a page shows of it."""
        dossier: dict[str, Any] = json.loads(self.dossier_json)
        return dossier

    @property
    def words(self) -> str:
        """How a sentence names it.

        As in `parcel CN-17`.
        """
        return f"{self.owner_kind} {self.owner_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """What enrolling came to."""

    new: int
    changed: int
    """Known ones of which the run tells something else than the one before."""
    same: int


def item_id_of(facility: str | None, owner_kind: OwnerKind, owner_id: str) -> str:
    """Identity of a parcel or carton: 16 hexadecimal digits.

    >>> item_id_of(None, "parcel", "CN-17")
    '6f29a5a1e43b3c6f'
    """
    identity = json.dumps([facility or "", owner_kind, owner_id])
    return hashlib.sha256(identity.encode()).hexdigest()[:16]


def enrol(
    engine: Engine, items: Sequence[NewItem], run_id: str, *, now: float | None = None
) -> Enrolled:
    """Put what `run_id` flagged into the queue, or bring what the model says up to date.

    The state, decision, holder and reference of what is there already stay. Twice is as once.

    Raises:
        ReviewError: If one stands there twice, or has no finite priority or risk.
    """
    _check(items)
    moment = now_s() if now is None else now
    new = changed = 0
    # In one order for everybody: two that wait for each other's rows would wait forever.
    for some in _slices(sorted(items, key=lambda one: one.item_id), ROWS_AT_ONCE):
        with writing(engine) as connection:
            fresh, other = _enrol(connection, some, run_id, as_text(moment))
        new, changed = new + fresh, changed + other
    return Enrolled(new=new, changed=changed, same=len(items) - new - changed)


def find(connection: Connection, item_id: str) -> Item:
    """The item `item_id`.

    Raises:
        NoSuchItem: If there is none.
    """
    return first(connection, select(ITEMS).where(ITEMS.c.item_id == item_id), item_id)


def lock(connection: Connection, item_ids: Sequence[str]) -> list[Item]:
    """Those of `item_ids` that there are, by id, for this transaction alone to change."""
    # In one order for everybody, so that nobody waits for somebody who waits for them.
    rows = select(ITEMS).where(ITEMS.c.item_id.in_(item_ids)).order_by(ITEMS.c.item_id)
    return [as_item(row) for row in connection.execute(rows.with_for_update())]


def lock_one(connection: Connection, item_id: str) -> Item:
    """The item `item_id`, for this transaction alone to change.

    Raises:
        NoSuchItem: If there is none.
    """
    row = select(ITEMS).where(ITEMS.c.item_id == item_id).with_for_update()
    return first(connection, row, item_id)


def first(connection: Connection, rows: Select[Any], item_id: str) -> Item:
    """The first of `rows`.

    Raises:
        NoSuchItem: If there is none; `item_id` is what was asked for.
    """
    row = connection.execute(rows).first()
    if row is None:
        raise NoSuchItem(f"no parcel or carton {item_id[:40]!r} in the review database")
    return as_item(row)


def as_item(row: Row[Any]) -> Item:
    """The item of a whole row."""
    columns = dict(row._mapping)
    codes, dossier = columns.pop("reason_codes"), columns.pop("dossier")
    return Item(**columns, reason_codes=tuple(codes.split()), dossier_json=dossier)


def _enrol(
    connection: Connection, items: Sequence[NewItem], run_id: str, at: str
) -> tuple[int, int]:
    """How many of `items` are new, and how many changed."""
    known = {one.item_id: one for one in lock(connection, [one.item_id for one in items])}
    rows = {one.item_id: _row(one, run_id) for one in items}
    new = [key for key in rows if key not in known]
    changed = [key for key, one in known.items() if _model_columns(one) != rows[key]]
    if not new and not changed:
        return 0, 0
    drawn = _references(connection, len(new), at)
    named = dict(zip(new, drawn, strict=True)) | {key: known[key].reference for key in changed}
    fixed = {"enrolled": at, "state": "open", "lease_until": 0.0, "lease_number": 0}
    upsert(
        connection,
        ITEMS,
        [{**rows[key], **fixed, "reference": reference} for key, reference in named.items()],
        update=[name for name in MODEL_COLUMNS if name != "item_id"],
    )
    record_aliases(
        connection,
        [
            (reference, alias)
            for one in items
            if (reference := named.get(one.item_id))
            for alias in aliases_of(one.owner_kind, one.owner_id, one.dossier)
        ],
    )
    again = [known[key] for key in changed if _scored_again(known[key], rows[key])]
    _tell(connection, again, rows, run_id, at)
    append(
        connection,
        who=ENROLLER,
        kind="enrol",
        body={"run": run_id, "new": len(new), "changed": len(changed)},
        at=at,
    )
    return len(new), len(changed)


def _tell(
    connection: Connection,
    again: Sequence[Item],
    rows: Mapping[str, Mapping[str, Any]],
    run_id: str,
    at: str,
) -> None:
    """Say of decided items that a newer run scores them otherwise."""
    if not again:
        return
    ids = [one.item_id for one in again]
    connection.execute(update(ITEMS).where(ITEMS.c.item_id.in_(ids)).values(scored_again=at))
    for one in again:
        now = rows[one.item_id]
        append(
            connection,
            who=ENROLLER,
            kind="scored_again",
            body={
                "run": run_id,
                "risk": [one.risk, now["risk"]],
                "band": [one.band, now["band"]],
            },
            item_id=one.item_id,
            reference=one.reference,
            at=at,
        )


MODEL_COLUMNS: Final = ("run_id", *(one.name for one in fields(NewItem)))
"""Columns that a run may write again; all others are what people did."""


def _row(item: NewItem, run_id: str) -> dict[str, Any]:
    return {
        **{one.name: getattr(item, one.name) for one in fields(NewItem)},
        "run_id": run_id,
        "facility": item.facility or "",
        "reason_codes": " ".join(item.reason_codes),
        "dossier": canonical(item.dossier),
    }


def _model_columns(item: Item) -> dict[str, Any]:
    """The columns of `item` as `_row` writes them."""
    return {
        **{name: getattr(item, name) for name in MODEL_COLUMNS if name != "dossier"},
        "reason_codes": " ".join(item.reason_codes),
        "dossier": item.dossier_json,
    }


def _scored_again(item: Item, row: Mapping[str, Any]) -> bool:
    if item.decision is None:
        return False
    before, now = item.risk, row["risk"]
    unknown = before is None or now is None
    moved = before is not now if unknown else abs(before - now) > _SAME_RISK
    return moved or item.band != row["band"] or " ".join(item.reason_codes) != row["reason_codes"]


def _references(connection: Connection, count: int, at: str) -> list[str]:
    """So many reference numbers that nothing has yet."""
    year = datetime.fromisoformat(at).astimezone(UTC).year
    found: set[str] = set()
    while len(found) < count:
        drawn = {new_reference(year) for _ in range(count - len(found))}
        taken = select(ITEMS.c.reference).where(ITEMS.c.reference.in_(drawn))
        found |= drawn - set(connection.execute(taken).scalars())
    return sorted(found)


def _check(items: Sequence[NewItem]) -> None:
    seen: set[str] = set()
    for one in items:
        name = f"{one.owner_kind} {one.owner_id}"
        if one.item_id in seen:
            raise ReviewError(f"{name}: expected once among what is enrolled, got twice")
        seen.add(one.item_id)
        for what in ("priority", "risk", "propensity"):
            number = getattr(one, what)
            if number is not None and not math.isfinite(number):
                raise ReviewError(f"{name}: {what} must be a finite number, got {number}")


def _slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
