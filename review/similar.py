"""Past parcels like the one on screen, and what became of them.

Like by their scans, where runs kept an embedding of each (a cosine distance of 0 is the same
contents, 1 has nothing in common), else by the words of their descriptions. Which of the two is
said, since a distance between scans and one between words are different things.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, delete, select

from parcelscope.inference.database import upsert
from parcelscope.review.database import writing
from parcelscope.review.items import Item
from parcelscope.review.tables import ITEMS, VECTORS
from parcelscope.review.words import shared_words

Floats = npt.NDArray[np.float32]

MOST_SHOWN: Final = 5
MOST_COMPARED: Final = 2_000
"""Decided parcels that one is compared with, the latest first: reading them takes a few ms."""
MOST_KEPT: Final = 20_000
"""Embeddings of decided parcels that are kept; those decided longest ago go first."""
FARTHEST_SCAN: Final = 0.15
"""Cosine distance above which two scans are not called similar."""
FARTHEST_WORDS: Final = 0.7
"""Share of the words of two descriptions that may differ."""
_ROWS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """Where the scan of an item lies among all scans."""

    version: str
    """How it was made; those of different versions cannot be compared."""
    values: Sequence[float]
    """(D,) of length one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Like:
    """A past parcel or carton."""

    item_id: str
    owner_id: str
    description: str
    decision: str | None
    outcome: str | None
    distance: float
    """0 is alike, 1 has nothing in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """Past parcels like one, the likest first."""

    by: Literal["scan", "words"]
    found: tuple[Like, ...]


def keep_vectors(engine: Engine, vectors: Mapping[str, Vector]) -> None:
    """Keep the vectors of items by their id, and no more than `MOST_KEPT` of decided ones."""
    rows = [
        {
            "item_id": item_id,
            "version": vector.version,
            "vector": np.asarray(vector.values, "<f2").tobytes(),
        }
        for item_id, vector in sorted(vectors.items())
    ]
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        with writing(engine) as connection:
            upsert(
                connection,
                VECTORS,
                rows[start : start + _ROWS_AT_ONCE],
                update=["version", "vector"],
            )
    with writing(engine) as connection:
        _forget_oldest(connection)


def similar_to(connection: Connection, item: Item) -> Similar:
    """Decided parcels, or cartons, like `item`; by scan where it has a vector, else by words."""
    own = connection.execute(
        select(VECTORS.c.version, VECTORS.c.vector).where(VECTORS.c.item_id == item.item_id)
    ).first()
    if own is None:
        return Similar(by="words", found=_by_words(connection, item))
    return Similar(by="scan", found=_by_scan(connection, item, own.version, own.vector))


def _by_scan(connection: Connection, item: Item, version: str, own: bytes) -> tuple[Like, ...]:
    past = (
        select(*_COLUMNS, VECTORS.c.vector)
        .join(VECTORS, VECTORS.c.item_id == ITEMS.c.item_id)
        .where(VECTORS.c.version == version, *_decided(item))
        .order_by(ITEMS.c.decided_at.desc())
        .limit(MOST_COMPARED)
    )
    rows = [row for row in connection.execute(past) if len(row.vector) == len(own)]
    if not rows:
        return ()
    others = np.frombuffer(b"".join(row.vector for row in rows), "<f2").reshape(len(rows), -1)
    distance = 1 - others.astype(np.float32) @ np.frombuffer(own, "<f2").astype(np.float32)
    return _nearest(rows, distance, FARTHEST_SCAN)


def _by_words(connection: Connection, item: Item) -> tuple[Like, ...]:
    past = (
        select(*_COLUMNS)
        .where(*_decided(item))
        .order_by(ITEMS.c.decided_at.desc())
        .limit(MOST_COMPARED)
    )
    rows = connection.execute(past).all()
    shares = [1 - shared_words(item.description, row.description) for row in rows]
    return _nearest(rows, np.array(shares, np.float32), FARTHEST_WORDS)


_COLUMNS: Final = (
    ITEMS.c.item_id,
    ITEMS.c.owner_id,
    ITEMS.c.description,
    ITEMS.c.decision,
    ITEMS.c.outcome,
)


def _decided(item: Item) -> tuple[Any, ...]:
    """What rows must be to be compared with `item`."""
    return (
        ITEMS.c.decided_at.is_not(None),
        ITEMS.c.owner_kind == item.owner_kind,
        ITEMS.c.item_id != item.item_id,
    )


def _nearest(rows: Sequence[Any], distance: Floats, farthest: float) -> tuple[Like, ...]:
    # Of equals the one decided last, which comes first.
    order = np.argsort(distance, kind="stable")[:MOST_SHOWN]
    return tuple(
        Like(
            item_id=rows[at].item_id,
            owner_id=rows[at].owner_id,
            description=rows[at].description,
            decision=rows[at].decision,
            outcome=rows[at].outcome,
            distance=round(max(float(distance[at]), 0.0), 3),
        )
        for at in order.tolist()
        if distance[at] <= farthest
    )


def _forget_oldest(connection: Connection) -> None:
    decided = (
        select(ITEMS.c.item_id)
        .join(VECTORS, VECTORS.c.item_id == ITEMS.c.item_id)
        .where(ITEMS.c.decided_at.is_not(None))
        .order_by(ITEMS.c.decided_at.desc())
        .offset(MOST_KEPT)
        .limit(_ROWS_AT_ONCE * 100)
    )
    gone = list(connection.execute(decided).scalars())
    for start in range(0, len(gone), _ROWS_AT_ONCE):
        some = gone[start : start + _ROWS_AT_ONCE]
        connection.execute(delete(VECTORS).where(VECTORS.c.item_id.in_(some)))
