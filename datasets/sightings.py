"""Sightings: which number was seen on which parcel or carton, where, and on which day.

They are what a run leaves for later ones, so that a number used again is found months later.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

import numpy as np
import polars as pl

NumberKind = Literal["tracking", "seal", "entry"]
SHORTEST: Final = 8
"""Characters of the shortest number that is kept: `N/A`, `0` or `17` names nothing."""
MOST_PER_WINDOW: Final = 8
"""Sightings of one number that one window leaves, and that a later one is told of."""
NO_ENTRY: Final = 0
FACILITY_CHARACTERS: Final = 64

SIGHTING_SCHEMA: Final = pl.Schema(
    {
        "number": pl.Int64(),
        "owner_id": pl.String(),
        "facility": pl.String(),
        "day": pl.Date(),
        "dated": pl.Boolean(),
        "entry": pl.Int64(),
    }
)
"""One row per sighting.

`number` and `entry` are digests (`entry` is 0 where there was none), `facility` is empty where the
manifest names none, and `day` is that of the run where the manifest has no day (`dated` is false).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What earlier windows saw of the numbers of this one."""

    sightings: pl.DataFrame
    """Columns as `SIGHTING_SCHEMA`; those of the very same feed are not among them."""
    today: date
    """The day of rows without one."""


def digests(numbers: pl.Series, kind: NumberKind) -> pl.Series:
    """64 bits of the SHA-256 of each of `numbers`; null where there is none, or one too short.

    Among a thousand million numbers a new one meets another's digest once in 2 * 10^10 look-ups.
    """
    texts = numbers.to_list()
    prefix = f"{kind}:".encode()
    kept = [text.encode() if text is not None and len(text) >= SHORTEST else None for text in texts]
    joined = b"".join(
        hashlib.sha256(prefix + text).digest()[:8] for text in kept if text is not None
    )
    values = np.frombuffer(joined, ">i8").astype(np.int64)
    found = np.array([text is not None for text in kept], np.bool_)
    spread = np.zeros(len(texts), np.int64)
    spread[found] = values
    return (
        pl.select(pl.when(pl.lit(pl.Series(found))).then(pl.lit(pl.Series(spread))))
        .to_series()
        .alias(numbers.name)
    )


def no_sightings() -> pl.DataFrame:
    """A table of sightings without rows."""
    return pl.DataFrame(schema=SIGHTING_SCHEMA)


def bounded(sightings: pl.DataFrame) -> pl.DataFrame:
    """Each sighting once, in order, at most `MOST_PER_WINDOW` of one number.

    The same for any order of the rows.
    """
    return (
        sightings.unique()
        .sort(*SIGHTING_SCHEMA)
        .filter(pl.int_range(pl.len()).over("number") < MOST_PER_WINDOW)
        .select(*SIGHTING_SCHEMA)
    )
