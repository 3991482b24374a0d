"""The queue: who works on what, and what they decide. SQL and nothing of HTTP.

Each function is one transaction. It locks the items that it changes, checks, writes one event for
each, and then the columns that the events come to.
"""

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Final

from sqlalchemy import Engine

from parcelscope.review.acts import LEASE_S, record, repeated, require, require_held
from parcelscope.review.colleagues import colleagues, why_no_second
from parcelscope.review.database import writing
from parcelscope.review.errors import NeedsReason, NotAllowed
from parcelscope.review.events import Event
from parcelscope.review.items import Band, Item, lock_one
from parcelscope.review.leases import AHEAD, release, renew, take, take_next
from parcelscope.review.listing import Counts, Page, counts, page
from parcelscope.review.remarks import note
from parcelscope.review.roles import ROLES, Person, Role
from parcelscope.review.standing import Choice, State
from parcelscope.review.supervising import Released, reassign, release_carton, reopen
from parcelscope.review.undo import undo

__all__ = [
    "AHEAD", "LEASE_S", "REASON_BANDS", "Counts", "Decision", "Page", "Released", "ask_second",
    "counts", "decide", "note", "page", "reassign", "release", "release_carton", "renew",
    "reopen", "take", "take_next", "undo",
]  # fmt: skip

REASON_BANDS: Final[frozenset[Band]] = frozenset({"inspect"})
"""Bands that are cleared only with a reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided, and how they came to it."""

    decision: Choice
    reason_code: str | None = None
    note: str = ""
    ms_on_screen: int | None = None
    functions_used: tuple[str, ...] = ()
    """Image functions, in the order of their first use."""
    marks_shown: bool | None = None
    presentation: str | None = None
    """Whether marks were to be shown first or after the first look."""
    model_version: str | None = None
    threshold_version: str | None = None
    idempotency_key: str | None = None
    """The same for a request that is sent again, so that it counts once."""


def decide(
    engine: Engine,
    person: Person,
    item_id: str,
    decision: Decision,
    *,
    reason_bands: Collection[Band] = REASON_BANDS,
    now: float | None = None,
) -> Event:
    """Decide on a parcel that `person` holds. The same idempotency key again gives the same event.

    A second opinion that differs from what the first person leaned to settles nothing, unless
    whoever gives it may settle it: the parcel then waits for somebody who may.

    Args:
        engine: The review database.
        person: Who decides.
        item_id: On what.
        decision: What, and how they came to it.
        reason_bands: Bands that are cleared only with a reason.
        now: Seconds since 1970, for tests.

    Raises:
        NotAllowed: If their role does not decide.
        LostLease: If the parcel is not with them any more.
        NeedsReason: If they clear what the model would have opened and do not say why.
        NoSuchItem: If there is none.
    """
    require(person, "decide")
    with writing(engine) as connection:
        item = lock_one(connection, item_id)
        earlier = repeated(connection, person, item_id, "decide", decision.idempotency_key)
        if earlier is not None:
            return earlier
        require_held(person, item)
        if decision.decision == "clear" and item.band in reason_bands and not decision.reason_code:
            raise NeedsReason(
                f"{item.words} is in band {item.band}: clearing it needs a reason code"
            )
        body = asdict(decision)
        body["key"] = body.pop("idempotency_key")
        body |= {"band": item.band, "risk": item.risk, "opinion": OPINIONS[item.state]}
        body["settles"] = _settles(person, item, decision.decision)
        return record(connection, person, item, "decide", body, gives_back=True, now=now)


OPINIONS: Final[dict[State, str]] = {"open": "first", "second": "second", "disputed": "settling"}


def ask_second(
    engine: Engine,
    person: Person,
    item_id: str,
    reason_code: str | None,
    note: str = "",
    *,
    leans_to: Choice | None = None,
    key: str | None = None,
    unlisted: Collection[Role] = ROLES,
    now: float | None = None,
) -> Event:
    """Have somebody else look at a parcel that `person` holds, who is not told what they think.

    Asked of a second opinion, the parcel waits for somebody who may settle it.

    Args:
        engine: The review database.
        person: Who asks.
        item_id: On what.
        reason_code: Why.
        note: What they add.
        leans_to: What they would decide themselves; whoever comes second is not told.
        key: The same for a request that is sent again, so that it counts once.
        unlisted: Roles that people may have who were never added here.
        now: Seconds since 1970, for tests.

    Raises:
        NotAllowed: As `decide`; or if there is nobody else to ask.
        LostLease, NoSuchItem: As `decide`.
    """
    require(person, "decide")
    with writing(engine) as connection:
        item = lock_one(connection, item_id)
        earlier = repeated(connection, person, item_id, "second", key)
        if earlier is not None:
            return earlier
        require_held(person, item)
        refusal = why_no_second(item, person, colleagues(connection, unlisted))
        if refusal is not None:
            raise NotAllowed(refusal)
        body = {"decision": leans_to, "reason_code": reason_code, "note": note, "key": key}
        return record(connection, person, item, "second", body, gives_back=True, now=now)


def _settles(person: Person, item: Item, choice: Choice) -> bool:
    """Whether `choice` is the last word on `item`."""
    differs = item.first_decision is not None and item.first_decision != choice
    return not (item.state == "second" and differs) or person.may("supervise")
