"""Parcels that are scanned a second time."""

import numpy as np
import pytest

from parcelscope.datasets.xray.carton import make_carton
from parcelscope.datasets.xray.carton_layout import CARTON_LIMIT_MM
from parcelscope.datasets.xray.items import make_item
from parcelscope.datasets.xray.parcel import PARCEL_LIMIT_MM, make_parcel
from parcelscope.datasets.xray.rescans import (
    articles_of,
    carried,
    mass_g,
    of_about,
    of_mass,
    on_its_side,
    put_in,
    repacked,
)
from parcelscope.datasets.xray.scan import object_masses_g
from parcelscope.datasets.xray.scene import Scene, Vector
from parcelscope.datasets.xray.solids import bounds


@pytest.fixture(scope="module")
def parcel() -> Scene:
    return make_parcel(np.random.default_rng(2))


def total_g(scene: Scene) -> float:
    return mass_g(scene.solids)


def fits(scene: Scene, limit_mm: Vector) -> bool:
    low, high = bounds(scene.solids)
    return bool(np.all(high.max(axis=0)[:2] - low.min(axis=0)[:2] <= limit_mm[:2] + 1e-6))


@pytest.mark.parametrize("seed", range(6))
def test_a_parcel_that_is_carried_holds_the_same_and_fits_the_belt(
    parcel: Scene, seed: int
) -> None:
    again = carried(parcel, np.random.default_rng(seed), PARCEL_LIMIT_MM)
    assert [one.name for one in again.objects] == [one.name for one in parcel.objects]
    assert total_g(again) == pytest.approx(total_g(parcel))
    assert fits(again, PARCEL_LIMIT_MM)


def test_packing_anew_moves_contents_and_loses_none(parcel: Scene) -> None:
    again = repacked(parcel, np.random.default_rng(1), PARCEL_LIMIT_MM)
    assert total_g(again) == pytest.approx(total_g(parcel))
    assert len(again.objects) == len(parcel.objects)


def test_what_is_put_in_and_taken_out_weighs_what_it_should(parcel: Scene) -> None:
    rng = np.random.default_rng(3)
    bag = of_mass(make_item("powder_bag", rng), 120)
    assert mass_g(bag.solids) == pytest.approx(120)
    more = carried(parcel, rng, PARCEL_LIMIT_MM, added=put_in(parcel, bag, rng))
    assert total_g(more) == pytest.approx(total_g(parcel) + 120)
    index = of_about(parcel, 200)
    assert index is not None
    less = carried(parcel, rng, PARCEL_LIMIT_MM, without=index)
    assert total_g(less) == pytest.approx(total_g(parcel) - object_masses_g(parcel)[index])


def test_nothing_weighs_about_a_ton(parcel: Scene) -> None:
    assert of_about(parcel, 1e6) is None


def test_an_inner_parcel_takes_along_what_it_holds() -> None:
    carton = make_carton(np.random.default_rng(4), pieces=4)
    inner = next(k for k, one in enumerate(carton.objects) if one.kind == "inner_parcel")
    rng = np.random.default_rng(5)
    less = carried(carton, rng, CARTON_LIMIT_MM, without=inner)
    assert sum(one.kind == "inner_parcel" for one in less.objects) == 3
    assert total_g(less) == pytest.approx(total_g(carton) - object_masses_g(carton)[inner])
    assert all(one.parent is None or one.parent < len(less.objects) for one in less.objects)


def test_a_carton_on_its_side_is_as_high_as_it_was_wide() -> None:
    carton = make_carton(np.random.default_rng(6), pieces=3, overlap=0.0)
    side = on_its_side(carton, np.random.default_rng(7), CARTON_LIMIT_MM)
    assert total_g(side) == pytest.approx(total_g(carton))
    assert len(articles_of(side)) == len(articles_of(carton))
