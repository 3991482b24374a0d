"""Past parcels like the one on screen, and what became of them.

Like by their scans, where runs kept an embedding of each (a cosine distance of 0 is the same
contents, 1 has nothing in common), else by the words of their descriptions. Which of the two is
said, since a distance between scans and one between words are different things.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from sqlalchemy import Connection, Engine, Subquery, delete, select

from parcelscope.inference.database import upsert
from parcelscope.review.database import writing
from parcelscope.review.items import Item
from parcelscope.review.tables import ITEMS, VECTORS
from parcelscope.review.words import shared_words

Floats = npt.NDArray[np.float32]

MOST_SHOWN: Final = 5
MOST_COMPARED: Final = 2_000
"""Decided parcels that one is compared with, the latest first: reading them takes a few ms."""
MOST_READ: Final = 500
"""The same where descriptions are compared, word by word."""
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
    past = _latest(item, MOST_COMPARED)
    rows = connection.execute(
        select(VECTORS.c.item_id, VECTORS.c.vector)
        .join(past, past.c.item_id == VECTORS.c.item_id)
        .where(VECTORS.c.version == version)
        .order_by(past.c.decided_at.desc())
    ).all()
    alike = [(item_id, vector) for item_id, vector in rows if len(vector) == len(own)]
    if not alike:
        return ()
    others = np.frombuffer(b"".join(vector for _, vector in alike), "<f2")
    distance = 1 - others.reshape(len(alike), -1).astype(np.float32) @ _numbers(own)
    return _told(connection, [item_id for item_id, _ in alike], distance, FARTHEST_SCAN)


def _by_words(connection: Connection, item: Item) -> tuple[Like, ...]:
    past = _latest(item, MOST_READ)
    rows = connection.execute(
        select(ITEMS.c.item_id, ITEMS.c.description)
        .join(past, past.c.item_id == ITEMS.c.item_id)
        .order_by(past.c.decided_at.desc())
    ).all()
    distance = [1 - shared_words(item.description, description) for _, description in rows]
    ids = [item_id for item_id, _ in rows]
    return _told(connection, ids, np.array(distance, np.float32), FARTHEST_WORDS)


def _latest(item: Item, most: int) -> Subquery:
    """Ids of what was decided last of the kind of `item`, and when."""
    return (
        select(ITEMS.c.item_id, ITEMS.c.decided_at)
        .where(
            ITEMS.c.decided_at.is_not(None),
            ITEMS.c.owner_kind == item.owner_kind,
            ITEMS.c.item_id != item.item_id,
        )
        .order_by(ITEMS.c.decided_at.desc())
        .limit(most)
        .subquery()
    )


def _numbers(vector: bytes) -> Floats:
    return np.frombuffer(vector, "<f2").astype(np.float32)


def _told(
    connection: Connection, ids: Sequence[str], distance: Floats, farthest: float
) -> tuple[Like, ...]:
    """The nearest of `ids`; of equals the one that was decided last, which comes first."""
    order = np.argsort(distance, kind="stable")[:MOST_SHOWN].tolist()
    near = {ids[at]: float(distance[at]) for at in order if distance[at] <= farthest}
    columns = [
        ITEMS.c[name] for name in ("item_id", "owner_id", "description", "decision", "outcome")
    ]
    rows = connection.execute(select(*columns).where(ITEMS.c.item_id.in_(near)))
    known = {row.item_id: row._mapping for row in rows}
    return tuple(
        Like(**known[item_id], distance=round(max(far, 0.0), 3)) for item_id, far in near.items()
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
