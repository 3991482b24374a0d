"""Embeddings and fill of scans: what moves them, and what does not."""

from dataclasses import replace

import numpy as np
import pytest

from parcelscope.datasets.scans import Scan
from parcelscope.datasets.xray.acquisition import SCANNERS, acquire
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.parcel import make_parcel
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.rescans import articles_of
from parcelscope.datasets.xray.scene import Scene
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.inference.scan_embedding import embed, version_of
from parcelscope.inference.scan_fill import fill_share
from parcelscope.inference.scan_sketch import ScanSketch, sketch

GEOMETRY = Geometry.square(256, 200, 2.0)


def scanned(scene: Scene, name: str = "PS-160", seed: int = 0) -> Scan:
    low, high = acquire(
        render(scene, GEOMETRY, texture=texture_field(np.random.default_rng(1))),
        replace(SCANNERS[name], geometry=GEOMETRY),
        np.random.default_rng(seed),
    )
    return Scan(kind="dual", low=low, high=high, air_level=60000.0, pixel_pitch_mm=2.0)


def distance(one: Scan, other: Scan) -> float:
    a, b = embed(sketch(one)), embed(sketch(other))
    assert a is not None
    assert b is not None
    return 1 - float((a * b).sum())


@pytest.fixture(scope="module")
def parcel() -> Scene:
    return make_parcel(np.random.default_rng(4))


@pytest.fixture(scope="module")
def scan(parcel: Scene) -> Scan:
    return scanned(parcel)


def test_it_has_length_one_and_no_negative_number(scan: Scan) -> None:
    vector = embed(sketch(scan))
    assert vector is not None
    assert vector.shape == (77,)
    assert vector.min() >= 0
    assert float((vector * vector).sum()) == pytest.approx(1, abs=1e-6)


def test_neither_noise_nor_turning_nor_another_scanner_moves_it_as_other_goods_do(
    parcel: Scene, scan: Scan
) -> None:
    others = [
        distance(scan, scanned(make_parcel(np.random.default_rng(seed)))) for seed in range(5, 9)
    ]
    assert scan.low is not None
    assert scan.high is not None
    turned = replace(scan, low=np.rot90(scan.low).copy(), high=np.rot90(scan.high).copy())
    assert distance(scan, scanned(parcel, seed=9)) < 0.1 * min(others)
    assert distance(scan, turned) < 0.1 * min(others)
    assert distance(scan, scanned(parcel, "PS-140")) < min(others)


def test_it_does_not_depend_on_where_arrays_lie_in_memory(scan: Scan) -> None:
    first = embed(sketch(scan))
    assert first is not None
    for shift in (1, 3, 7):
        planes = []
        for plane in (scan.low, scan.high):
            assert plane is not None
            room = np.empty(plane.size + shift, np.uint16)
            room[shift:] = plane.ravel()
            planes.append(room[shift:].reshape(plane.shape))
        again = embed(sketch(replace(scan, low=planes[0], high=planes[1])))
        assert again is not None
        assert np.array_equal(first, again)


def test_an_empty_belt_has_neither_embedding_nor_fill() -> None:
    air = np.full((200, 256), 60000, np.uint16)
    nothing = sketch(Scan(kind="dual", low=air, high=air, air_level=60000.0, pixel_pitch_mm=2.0))
    assert embed(nothing) is None
    assert fill_share(nothing) is None


@pytest.mark.parametrize(
    ("scan_of", "version"),
    [
        pytest.param({"kind": "dual"}, "dual-mm-1", id="both energies"),
        pytest.param({"kind": "dual", "pixel_pitch_mm": None}, "dual-unscaled-1", id="no pitch"),
        pytest.param({"kind": "grey16", "high": None}, "grey-mm-1", id="one energy"),
    ],
)
def test_only_like_scans_have_one_version(
    scan: Scan, scan_of: dict[str, object], version: str
) -> None:
    coarse = sketch(replace(scan, **scan_of))  # type: ignore[arg-type]
    assert version_of(coarse) == version
    assert embed(coarse) is not None


def test_a_rendering_is_described_by_its_colours() -> None:
    rgb = np.full((200, 256, 3), 255, np.uint8)
    rgb[60:140, 60:200] = (230, 160, 70)
    orange = Scan(kind="colour", rgb=rgb, pixel_pitch_mm=2.0)
    blue = Scan(kind="colour", rgb=rgb[..., ::-1].copy(), pixel_pitch_mm=2.0)
    assert version_of(sketch(orange)) == "colour-mm-1"
    assert distance(orange, blue) > 0.02


def test_a_full_parcel_is_fuller_than_its_packaging(parcel: Scene, scan: Scan) -> None:
    empty = Scene()
    for article in articles_of(parcel):
        if article.kind == "packaging" and article.name != "filler":
            empty.add(empty.begin(article.name, article.kind), article.solids)
    full, bare = fill_share(sketch(scan)), fill_share(sketch(scanned(empty)))
    assert full is not None
    assert full > 0.3
    assert (bare or 0.0) < 0.15


def test_a_sketch_says_how_many_pixels_a_cell_has(scan: Scan) -> None:
    coarse: ScanSketch = sketch(scan)
    assert coarse.cell_mm == pytest.approx(4.0)
    assert coarse.px_per_cell == (2.0, 2.0)
    assert coarse.attenuation.shape == (100, 128)
