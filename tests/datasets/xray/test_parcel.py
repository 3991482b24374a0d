import numpy as np
import pytest

from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.datasets.xray.parcel import PARCEL_LIMIT_MM, make_parcel
from parcelscope.datasets.xray.scene import Scene
from parcelscope.datasets.xray.solids import bounds


def extent(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    low, high = bounds(scene.solids)
    return low.min(axis=0), high.max(axis=0)


@pytest.mark.parametrize("seed", range(24))
def test_a_parcel_stands_on_the_belt_within_the_limits(seed: int) -> None:
    items = ITEM_LABELS[seed % 10 : seed % 10 + seed % 4]
    variety = "familiar" if seed % 2 else "unseen"
    scene = make_parcel(np.random.default_rng(seed), items=items, variety=variety)
    low, high = extent(scene)
    assert low[2] == pytest.approx(0)
    assert (low[:2] >= -PARCEL_LIMIT_MM[:2] / 2 - 1e-6).all()
    assert (high <= PARCEL_LIMIT_MM * (0.5, 0.5, 1) + 1e-6).all()
    assert len(scene.solids) < 650


@pytest.mark.parametrize("label", ITEM_LABELS)
def test_the_items_asked_for_are_in_the_parcel(label: str) -> None:
    for seed in range(3):
        scene = make_parcel(np.random.default_rng(seed), items=[label, label])
        names = [placed.name for placed in scene.objects if placed.kind == "item"]
        assert names == [label, label]


def test_a_parcel_without_items_holds_only_goods_and_packaging() -> None:
    kinds = {
        placed.kind
        for seed in range(10)
        for placed in make_parcel(np.random.default_rng(seed)).objects
    }
    assert kinds == {"goods", "packaging"}


def test_every_object_has_solids_and_every_solid_an_object() -> None:
    scene = make_parcel(np.random.default_rng(5), items=["vape"])
    assert len(scene.object_of) == len(scene.solids)
    assert set(scene.object_of) == set(range(len(scene.objects)))


def test_the_same_seed_makes_the_same_parcel() -> None:
    one, other = (make_parcel(np.random.default_rng(9), items=["knife"]) for _ in range(2))
    assert one.objects == other.objects
    assert one.object_of == other.object_of
    for a, b in zip(one.solids, other.solids, strict=True):
        assert np.array_equal(a.centre_mm, b.centre_mm)
        assert np.array_equal(a.rotation, b.rotation)


def test_a_tidy_parcel_has_fewer_solids_than_a_messy_one() -> None:
    counts = [
        sum(len(make_parcel(np.random.default_rng(s), clutter=c).solids) for s in range(12))
        for c in (0.0, 2.0)
    ]
    assert counts[0] < counts[1]


def test_more_items_than_a_parcel_holds_are_refused() -> None:
    with pytest.raises(ValueError, match="40 items must fit into one parcel"):
        make_parcel(np.random.default_rng(0), items=["liquid_bottle"] * 40)
