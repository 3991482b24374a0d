"""Notes: what people add to a parcel without deciding on it."""

from sqlalchemy import Engine

from parcelscope.review.acts import record, repeated, require
from parcelscope.review.database import writing
from parcelscope.review.events import Event
from parcelscope.review.items import lock_one
from parcelscope.review.roles import Person


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

    Args:
        engine: The review database.
        person: Who writes.
        item_id: Of what.
        text: What.
        key: The same for a request that is sent again, so that it counts once.
        now: Seconds since 1970, for tests.

    Raises:
        NotAllowed: If their role does not decide.
        NoSuchItem: If there is none.
    """
    require(person, "decide")
    with writing(engine) as connection:
        item = lock_one(connection, item_id)
        earlier = repeated(connection, person, item_id, "note", key)
        if earlier is not None:
            return earlier
        return record(connection, person, item, "note", {"note": text, "key": key}, now=now)
