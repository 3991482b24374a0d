import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.datasets.xray.carton import make_carton
from parcelscope.datasets.xray.carton_layout import CARTON_LIMIT_MM
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.datasets.xray.scene import Scene
from parcelscope.datasets.xray.solids import bounds


def check(scene: Scene, pieces: int, items: list[str]) -> None:
    low, high = bounds(scene.solids)
    assert low[:, 2].min() == pytest.approx(0)
    assert (low[:, :2].min(axis=0) >= -CARTON_LIMIT_MM[:2] / 2 - 1e-6).all()
    assert (high.max(axis=0) <= CARTON_LIMIT_MM * (0.5, 0.5, 1) + 1e-6).all()
    assert sum(placed.kind == "inner_parcel" for placed in scene.objects) == pieces
    assert sorted(p.name for p in scene.objects if p.kind == "item") == sorted(items)
    for placed in scene.objects:
        if placed.kind in ("goods", "item"):
            assert placed.parent is not None
            assert scene.objects[placed.parent].kind == "inner_parcel"
        else:
            assert placed.parent is None


@pytest.mark.parametrize("pieces", range(1, 31))
def test_a_carton_holds_exactly_the_pieces_asked_for(pieces: int) -> None:
    items = [ITEM_LABELS[pieces % 10]] * (pieces % 3)
    rng = np.random.default_rng(pieces)
    scene = make_carton(rng, pieces=pieces, overlap=(pieces % 5) / 4, items=items)
    check(scene, pieces, items)


@settings(max_examples=10)
@given(
    seed=st.integers(0, 2**32 - 1),
    pieces=st.integers(1, 40),
    overlap=st.floats(0, 1),
    items=st.lists(st.sampled_from(ITEM_LABELS), max_size=3),
    arrangement=st.sampled_from(["grid", "mixed"]),
    variety=st.sampled_from(["familiar", "unseen"]),
)
def test_any_carton_holds_its_pieces_within_the_limits(
    seed: int, pieces: int, overlap: float, items: list[str], arrangement: str, variety: str
) -> None:
    scene = make_carton(
        np.random.default_rng(seed),
        pieces=pieces,
        overlap=overlap,
        items=items,
        arrangement=arrangement,
        variety=variety,
    )
    check(scene, pieces, items)


def test_every_inner_parcel_holds_something() -> None:
    scene = make_carton(np.random.default_rng(1), pieces=25, overlap=0.5)
    inner = {k for k, placed in enumerate(scene.objects) if placed.kind == "inner_parcel"}
    assert {placed.parent for placed in scene.objects if placed.kind == "goods"} == inner


def test_inner_parcels_stay_cheap_to_render() -> None:
    solids = pieces = 0
    for seed in range(4):
        scene = make_carton(np.random.default_rng(seed), pieces=15)
        solids += len(scene.solids)
        pieces += 15
    assert solids / pieces <= 27


@pytest.mark.parametrize("arrangement", ["grid", "mixed"])
def test_without_overlap_no_inner_parcel_stands_on_another(arrangement: str) -> None:
    scene = make_carton(np.random.default_rng(3), pieces=12, overlap=0.0, arrangement=arrangement)
    low, _ = bounds(scene.solids)
    owners = np.array(scene.object_of)
    floors = [
        low[owners == k, 2].min()
        for k, placed in enumerate(scene.objects)
        if placed.kind == "inner_parcel"
    ]
    assert max(floors) - min(floors) < 2


def test_the_same_seed_makes_the_same_carton() -> None:
    one, other = (make_carton(np.random.default_rng(4), pieces=8) for _ in range(2))
    assert one.objects == other.objects
    for a, b in zip(one.solids, other.solids, strict=True):
        assert np.array_equal(a.centre_mm, b.centre_mm)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"pieces": 0}, "pieces must be from 1 to 40, got 0", id="no pieces"),
        pytest.param({"pieces": 41}, "pieces must be from 1 to 40, got 41", id="too many"),
        pytest.param({"pieces": 2, "overlap": 2.0}, "overlap must be from 0 to 1", id="overlap"),
        pytest.param({"pieces": 2, "items": ["mug"]}, "item must be one of", id="no such item"),
    ],
)
def test_a_carton_that_cannot_be_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_carton(np.random.default_rng(0), **options)
