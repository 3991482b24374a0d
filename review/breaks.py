"""How long somebody has been reviewing without a break, from the log: a reload does not hide it.

Screeners of hold baggage shall normally not review images for more than 20 minutes on end (EU
2015/1998, 5.1.7). This only reminds; nobody is locked out.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select

from parcelscope.review.clock import as_seconds, as_text
from parcelscope.review.tables import EVENTS

PAUSE_S: Final = 180.0
"""Between two acts so far apart somebody had a break; the browser's clock takes the same."""
LOOK_BACK_S: Final = 8 * 3600.0
ACTS: Final = ("decide", "second", "note", "undo", "release")


def minutes_on_end(connection: Connection, name: str, now: float) -> int:
    """Whole minutes that `name` has reviewed without a break; 0 if they are not at it.

    Args:
        connection: A connection to the review database.
        name: Of whom.
        now: Seconds since 1970.
    """
    rows = connection.execute(
        select(EVENTS.c.at)
        .where(
            EVENTS.c.who == name,
            EVENTS.c.kind.in_(ACTS),
            EVENTS.c.at >= as_text(now - LOOK_BACK_S),
        )
        .order_by(EVENTS.c.at.desc())
    )
    return int((now - began([as_seconds(at) for at in rows.scalars()], now)) // 60)


def began(acts_s: Sequence[float], now: float) -> float:
    """When the stretch of work began that still goes on; `now` if none does.

    Args:
        acts_s: Times of acts in seconds, the newest first.
        now: Seconds since 1970.
    """
    start = now
    for at in acts_s:
        if start - at > PAUSE_S:
            break
        start = at
    return start
