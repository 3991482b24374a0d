"""What a scorecard of manifests says: shares of rows, with their intervals."""

import datetime
import math
from dataclasses import dataclass
from typing import Final, Literal

GroupKind = Literal["feed", "channel", "format", "file"]
Part = Literal["completeness", "validity", "vagueness", "timeliness"]
PARTS: Final[dict[Part, str]] = {
    "completeness": "Share of rows that say it",
    "validity": "Share of filled fields that can be right",
    "vagueness": "Share of descriptions that do not say what the goods are",
    "timeliness": "Share of rows whose data came before the parcel",
}
_Z_95 = 1.959964
"""Of the normal distribution, for a two-sided interval of 95 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One share of the rows of one group, with its interval."""

    part: Part
    code: str
    title: str
    citation: str
    rows: int
    """Rows that could be judged."""
    count: int
    share: float | None
    """None where no row could be judged."""
    low: float | None
    high: float | None
    """95 % Wilson interval."""
    why_not: str
    """Why nothing was assessed; empty where something was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rows that are judged together."""

    kind: GroupKind
    name: str
    rows: int
    measures: tuple[Measure, ...]
    median_lead_h: float | None
    """Hours between the data and the parcel, where both are known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """How well the rows of a feed say what they must."""

    sources: tuple[str, ...]
    day: datetime.date
    rules: str
    """Version of the list of elements."""
    rejected: int
    """Rows and consignments that could not be read, and are judged in no share."""
    groups: tuple[Group, ...]
    """The whole feed first, then mail and express even without rows, then the others."""


def wilson(count: int, rows: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927): `count` of `rows`, which is 1 or more.

    >>> [round(end, 3) for end in wilson(0, 10)]
    [0.0, 0.278]
    """
    share, z2 = count / rows, _Z_95**2
    middle = (share + z2 / (2 * rows)) / (1 + z2 / rows)
    half = _Z_95 * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2)) / (1 + z2 / rows)
    # Both ends are exact where rounding would only come near them.
    low = 0.0 if count == 0 else max(0.0, middle - half)
    return low, 1.0 if count == rows else min(1.0, middle + half)
