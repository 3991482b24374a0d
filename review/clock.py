"""The time of the review database: UTC, in text for people and in seconds for leases."""

import time
from datetime import UTC, datetime


def now_s() -> float:
    """Seconds since 1970; leases are kept in them, so that SQL compares them alike everywhere."""
    return time.time()


def utc_now() -> str:
    """The time as `as_text` writes it."""
    return as_text(now_s())


def as_text(seconds: float) -> str:
    """UTC in ISO 8601 to the millisecond: texts sort as times do.

    >>> as_text(1_795_000_000.25)
    '2026-11-18T11:06:40.250Z'
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def as_seconds(moment: str) -> float:
    """Seconds since 1970 of a time as `as_text` writes it.

    Raises:
        ValueError: If `moment` is no such text.

    >>> as_seconds("2026-11-18T11:06:40.250Z")
    1795000000.25
    """
    return datetime.fromisoformat(moment).timestamp()
