"""Past parcels like the one on screen: by their scans, else by their words."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, func, select, update
from tests.review.live_review import put, some_parcel

from parcelscope.review import similar
from parcelscope.review.database import open_review, reading, writing
from parcelscope.review.items import find
from parcelscope.review.similar import Similar, Vector, keep_vectors, similar_to
from parcelscope.review.tables import ITEMS, VECTORS
from parcelscope.review.words import shared_words


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_review(f"sqlite:///{tmp_path / 'review.sqlite'}")
    yield made
    made.dispose()


def parcels(engine: Engine, *descriptions: str, decided: bool = True) -> list[str]:
    """Items by their descriptions, the last of which is still open."""
    ids = put(
        engine, *(some_parcel(f"P-{n}", description=one) for n, one in enumerate(descriptions))
    )
    with writing(engine) as connection:
        for n, item_id in enumerate(ids[:-1] if decided else []):
            connection.execute(
                update(ITEMS)
                .where(ITEMS.c.item_id == item_id)
                .values(
                    state="decided",
                    decision="inspect",
                    outcome="violation" if n == 0 else None,
                    decided_at=f"2026-01-01T00:00:{n:02}.000Z",
                )
            )
    return ids


def like(engine: Engine, item_id: str) -> Similar:
    with reading(engine) as connection:
        return similar_to(connection, find(connection, item_id))


def vector(*values: float, version: str = "dual-mm-1") -> Vector:
    whole = np.array(values, np.float64)
    return Vector(version=version, values=(whole / np.sqrt((whole * whole).sum())).tolist())


def test_the_nearest_scans_come_first_with_what_became_of_them(engine: Engine) -> None:
    ids = parcels(engine, "toys", "cables", "mugs", "gift")
    keep_vectors(engine, {
        ids[0]: vector(1, 0.1, 0), ids[1]: vector(1, 0.3, 0), ids[2]: vector(0, 0, 1),
        ids[3]: vector(1, 0.1, 0),
    })  # fmt: skip
    told = like(engine, ids[3])
    assert told.by == "scan"
    assert [one.owner_id for one in told.found] == ["P-0", "P-1"]
    assert told.found[0].distance == 0
    assert 0 < told.found[1].distance < 0.1
    assert (told.found[0].decision, told.found[0].outcome) == ("inspect", "violation")


def test_scans_are_only_compared_with_those_described_alike(engine: Engine) -> None:
    ids = parcels(engine, "toys", "cables", "gift")
    keep_vectors(engine, {
        ids[0]: vector(1, 0, version="colour-mm-1"), ids[1]: vector(1, 0, 0),
        ids[2]: vector(1, 0),
    })  # fmt: skip
    assert like(engine, ids[2]) == Similar(by="scan", found=())


def test_without_a_scan_the_words_of_the_description_are_compared(engine: Engine) -> None:
    ids = parcels(engine, "LED lamps, screws", "cotton shirt", "gift", "lamp with screws")
    told = like(engine, ids[3])
    assert told.by == "words"
    assert [one.owner_id for one in told.found] == ["P-0"]


def test_only_decided_ones_are_shown_and_never_itself(engine: Engine) -> None:
    ids = parcels(engine, "toys", "toys", decided=False)
    assert like(engine, ids[0]).found == ()
    ids = parcels(engine, "toys", "toys")
    assert [one.item_id for one in like(engine, ids[1]).found] == [ids[0]]
    assert like(engine, ids[0]).found == ()


def test_of_decided_parcels_only_the_latest_vectors_are_kept(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(similar, "MOST_KEPT", 2)
    ids = parcels(engine, "a", "b", "c", "d", "open")
    keep_vectors(engine, {item_id: vector(1, 0) for item_id in ids})
    with reading(engine) as connection:
        kept = set(connection.scalars(select(VECTORS.c.item_id)))
        count = connection.scalar(select(func.count()).select_from(VECTORS))
    assert kept == {ids[2], ids[3], ids[4]}
    assert count == 3


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        ("toys", "Toy", 1.0),
        ("", "toys", 0.0),
        ("of a b", "of a b", 0.0),
        ("LED lamp, screws", "lamp", 1 / 3),
        ("<b>toys</b>", "toys", 1.0),
    ],
)
def test_descriptions_share_words_not_letters(one: str, other: str, share: float) -> None:
    assert shared_words(one, other) == pytest.approx(share)
