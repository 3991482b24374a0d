"""Origin scans against arrival scans, on parcels that were really opened or really not."""

from dataclasses import replace
from functools import cache

import cv2
import numpy as np
import pytest

from parcelscope.datasets.scans import Scan
from parcelscope.datasets.xray.acquisition import SCANNERS, acquire
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.items import make_item
from parcelscope.datasets.xray.parcel import PARCEL_LIMIT_MM, make_parcel
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.rescans import carried, of_about, of_mass, put_in, repacked
from parcelscope.datasets.xray.scan import object_masses_g
from parcelscope.datasets.xray.scene import Scene
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.datasets.xray.wedge import step_wedge
from parcelscope.inference.mass import MassGauge
from parcelscope.inference.scan_alignment import align_maps
from parcelscope.inference.scan_comparison import Comparison, StationMap, compare, station_map
from parcelscope.inference.weighing import Gauges

GEOMETRY = Geometry.square(256, 200, 2.0)
AIR = 60000.0


@cache
def gauges() -> Gauges:
    found: dict[tuple[str, str | None], MassGauge | str] = {}
    for name in ("PS-160", "PS-140"):
        wedge = step_wedge(SCANNERS[name])
        found[name, None] = MassGauge.from_wedge(
            wedge.pe_mm, wedge.steel_mm, wedge.le, wedge.he, AIR
        )
    return Gauges(by_scanner=found)


def scanned(scene: Scene, name: str = "PS-160", seed: int = 0) -> Scan:
    rng = np.random.default_rng(seed)
    texture = texture_field(np.random.default_rng(1))
    low, high = acquire(
        render(scene, GEOMETRY, texture=texture), replace(SCANNERS[name], geometry=GEOMETRY), rng
    )
    return Scan(kind="dual", low=low, high=high, air_level=AIR, pixel_pitch_mm=2.0)


def mapped(scan: Scan, name: str = "PS-160", known: Gauges | None = None) -> StationMap:
    found = station_map(scan, f"{name}.tif", (name, None), known or gauges())
    assert isinstance(found, StationMap)
    return found


@cache
def parcel() -> Scene:
    return make_parcel(np.random.default_rng([77, 54]))


@cache
def origin() -> StationMap:
    return mapped(scanned(parcel()))


def on_arrival(scene: Scene, name: str = "PS-140") -> Comparison:
    found = compare(origin(), mapped(scanned(scene, name, seed=5), name))
    assert isinstance(found, Comparison)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_a_parcel_that_nobody_touched_is_alike_on_another_scanner_and_turned(seed: int) -> None:
    found = on_arrival(carried(parcel(), np.random.default_rng(seed), PARCEL_LIMIT_MM))
    assert found.not_aligned is None
    assert found.kind == "alike"
    assert found.strength < 1
    assert found.net_low <= 0 <= found.net_high


def test_what_was_put_in_is_found_with_its_grams_and_its_place() -> None:
    rng = np.random.default_rng(1)
    bag = of_mass(make_item("powder_bag", rng), 400)
    found = on_arrival(carried(parcel(), rng, PARCEL_LIMIT_MM, added=put_in(parcel(), bag, rng)))
    assert found.kind == "more"
    region = found.regions[0]
    assert region.strength > 1
    assert 200 < region.amount < 600
    x0, y0, x1, y1 = region.box_xyxy
    assert 0 <= x0 < x1 <= 256
    assert 0 <= y0 < y1 <= 200


def test_what_was_taken_out_is_missed() -> None:
    scene = make_parcel(np.random.default_rng([77, 36]))
    index = of_about(scene, 400)
    assert index is not None
    grams = object_masses_g(scene)[index]
    less = carried(scene, np.random.default_rng(2), PARCEL_LIMIT_MM, without=index)
    found = compare(mapped(scanned(scene)), mapped(scanned(less, "PS-140", 5), "PS-140"))
    assert isinstance(found, Comparison)
    assert found.kind == "less"
    assert found.strength > 1.5
    assert found.regions[0].low < -grams < found.regions[0].high


def test_contents_packed_anew_are_in_other_places() -> None:
    found = on_arrival(repacked(parcel(), np.random.default_rng(3), PARCEL_LIMIT_MM))
    assert found.strength > 1
    assert {one.amount > 0 for one in found.regions} == {True, False}


def test_without_step_wedges_attenuations_are_compared() -> None:
    none = Gauges(by_scanner={})
    untouched = carried(parcel(), np.random.default_rng(0), PARCEL_LIMIT_MM)
    found = compare(
        mapped(scanned(parcel()), known=none),
        mapped(scanned(untouched, seed=5), known=none),
    )
    assert isinstance(found, Comparison)
    assert found.unit == "cm2 of attenuation"
    assert found.kind == "alike"


def test_scans_without_a_common_measure_are_refused() -> None:
    none = Gauges(by_scanner={})
    rendering = Scan(kind="colour", rgb=np.full((200, 256, 3), 255, np.uint8), pixel_pitch_mm=2.0)
    found = compare(mapped(scanned(parcel()), known=none), mapped(rendering, known=none))
    assert isinstance(found, str)
    assert "no common measure" in found


def test_a_scan_without_a_scale_has_no_map() -> None:
    found = station_map(
        replace(scanned(parcel()), pixel_pitch_mm=None), "a.tif", (None, None), gauges()
    )
    assert found == "a.tif: the pixel pitch is not known, so the scan has no scale"


def test_an_empty_belt_is_not_laid_over_anything() -> None:
    nothing = np.zeros((100, 128), np.float32)
    assert align_maps(nothing, nothing) == "one of the scans shows next to nothing"


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 200])
def test_any_way_to_lie_is_found(degrees: int, mirrored: bool) -> None:
    first = np.zeros((100, 100), np.float32)
    first[30:70, 35:65] = 0.2
    first[35:45, 40:48] = 3.0
    first[60:66, 55:62] = 1.5
    turn = cv2.getRotationMatrix2D((49.5, 49.5), degrees, 1.0)
    second = cv2.warpAffine(first[::-1].copy() if mirrored else first, turn, (100, 100))
    found = align_maps(first, np.asarray(second, np.float32))
    assert not isinstance(found, str)
    assert found.agreement > 0.98
    assert found.overlap > 0.93


def test_a_smaller_parcel_weighs_less_even_where_it_cannot_be_laid_over() -> None:
    first, second = np.zeros((100, 128), np.float32), np.zeros((100, 128), np.float32)
    first[20:80, 20:100] = 2.0
    second[40:60, 40:60] = 2.0
    big, small = (
        StationMap(
            image_path="a.tif", attenuation=one, areal=one, form="dual", px_per_cell=(2.0, 2.0)
        )
        for one in (first, second)
    )
    found = compare(big, small)
    assert isinstance(found, Comparison)
    assert found.not_aligned is not None
    assert found.kind == "less"
    assert found.regions == ()
