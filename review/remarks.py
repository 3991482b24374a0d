"""What people add to a parcel without deciding on it: notes, and what an exam found."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Engine

from parcelscope.review.acts import record, repeated, require
from parcelscope.review.database import writing
from parcelscope.review.events import Event
from parcelscope.review.items import lock_one
from parcelscope.review.roles import Person
from parcelscope.review.standing import Outcome


def note(
    engine: Engine,
    person: Person,
    item_id: str,
    text: str,
    *,
    key: str | None = None,
    now: float | None = None,
) -> Event:
    """Write down something about an item, whoever holds it.

    Raises:
        NotAllowed: If their role does not decide.
        NoSuchItem: If there is none.
    """
    return _remark(engine, person, item_id, "note", {"note": text}, key, now)


def outcome(
    engine: Engine,
    person: Person,
    item_id: str,
    found: Outcome,
    body: Mapping[str, Any] | None = None,
    *,
    key: str | None = None,
    now: float | None = None,
) -> Event:
    """Write down what an exam found; of several the last one stands.

    Args:
        engine: The review database.
        person: Who examined, or writes for whom who did.
        item_id: What was examined.
        found: What came of it.
        body: What else is to be logged, like a `note`.
        key: The same for a request that is sent again, so that it counts once.
        now: Seconds since 1970, for tests.

    Raises:
        NotAllowed: If their role does not decide.
        NoSuchItem: If there is none.
    """
    return _remark(engine, person, item_id, "outcome", {**(body or {}), "outcome": found}, key, now)


def _remark(
    engine: Engine,
    person: Person,
    item_id: str,
    kind: str,
    body: Mapping[str, Any],
    key: str | None,
    now: float | None,
) -> Event:
    require(person, "decide")
    with writing(engine) as connection:
        item = lock_one(connection, item_id)
        earlier = repeated(connection, person, item_id, kind, key)
        if earlier is not None:
            return earlier
        return record(connection, person, item, kind, {**body, "key": key}, now=now)
