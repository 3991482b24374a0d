"""Simulated scans: repeatable, noisy as physics says, with a truth that adds up."""

from dataclasses import replace

import numpy as np
import pytest

from parcelscope.datasets.xray.acquisition import (
    EVALUATION_SCANNERS,
    SCANNERS,
    TRAINING_SCANNERS,
    Scanner,
)
from parcelscope.datasets.xray.colour import (
    EVALUATION_PALETTES,
    TRAINING_PALETTES,
    as_jpeg,
    pseudo_colour,
    random_jpeg_quality,
    random_palette,
)
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.physics import AIR_LEVEL, load_tables, spectrum
from parcelscope.datasets.xray.scan import SyntheticScan, simulate
from parcelscope.datasets.xray.scene import Scene, Solid
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.datasets.xray.wedge import step_wedge
from parcelscope.datasets.xray.zeff import effective_z

FLAT = np.zeros((8, 8), np.float32)
SMALL = Geometry.square(160, 128, 1.6)
SCANNER = replace(SCANNERS["PS-160"], geometry=SMALL)


def box(x: float, half: tuple[float, float, float], material: str, **extra: object) -> Solid:
    return Solid(shape="box", centre_mm=np.array([x, 0.0, 40.0]), half_mm=np.array(half),
                 material=material, **extra)  # fmt: skip


def carton() -> Scene:
    scene = Scene()
    outer = scene.begin("carton", "packaging")
    scene.add(outer, [
        box(0, (100, 60, 40), "cardboard"),
        box(0, (97, 57, 37), "air", replaces="cardboard"),
    ])  # fmt: skip
    inner = scene.begin("pouch", "inner_parcel")
    scene.add(inner, [box(-30, (25, 25, 10), "paper")])
    knife = scene.begin("knife", "item", parent=inner)
    scene.add(knife, [box(-30, (20, 6, 1), "steel", replaces="paper")])
    other = scene.begin("pouch", "inner_parcel")
    scene.add(other, [box(10, (25, 25, 12), "paper")])
    return scene


def scan(seed: int = 0, scanner: Scanner = SCANNER) -> SyntheticScan:
    return simulate(carton(), scanner, np.random.default_rng(seed), FLAT)


def test_the_same_seed_gives_the_same_pixels_and_another_seed_others() -> None:
    first, again, other = scan(), scan(), scan(seed=1)
    assert np.array_equal(first.le, again.le)
    assert np.array_equal(first.he, again.he)
    assert not np.array_equal(first.le, other.le)


def test_masses_follow_from_volume_density_and_nesting() -> None:
    density = {name: float(load_tables().density[load_tables().row(name)])
               for name in ("paper", "steel", "cardboard")}  # fmt: skip
    found = {(o.name, o.index): o for o in scan().objects}
    knife = 0.040 * 0.012 * 0.002 * 1e6 * (density["steel"] - density["paper"])
    paper = 0.050 * 0.050 * 0.020 * 1e6 * density["paper"]
    assert found["knife", 2].mass_g == pytest.approx(knife, rel=1e-5)
    assert found["pouch", 1].mass_g == pytest.approx(paper + knife, rel=1e-5)
    walls = (200 * 120 * 80 - 194 * 114 * 74) / 1000 * density["cardboard"]
    total = walls + found["pouch", 1].mass_g + found["pouch", 3].mass_g
    assert scan().total_mass_g == pytest.approx(total, rel=1e-5)


def test_objects_know_their_parent_box_and_overlap() -> None:
    found = {o.index: o for o in scan().objects}
    assert set(found) == {1, 2, 3}
    assert found[2].parent == 1
    assert (found[1].overlap, found[2].overlap) == (pytest.approx(0.2, abs=0.05), 0.0)
    x0, y0, x1, y1 = found[3].box_xyxy
    assert x1 - x0 == pytest.approx(50 / 1.6, abs=1.5)
    assert (x1 - x0) * (y1 - y0) == found[3].area_px


def test_air_is_at_its_level_and_as_noisy_as_its_photons() -> None:
    clean = replace(
        SCANNER, dead_rows=0, dropped_lines=0, flicker=0.0, drift=0.0, air_lines=10**9,
        blur_px=0.0,
    )  # fmt: skip
    empty = simulate(Scene(), clean, np.random.default_rng(0), FLAT)
    air = (spectrum(clean.spectrum).weights * clean.exposure).sum(1)
    for energy, counts in enumerate((empty.le, empty.he)):
        expected = np.sqrt(air[energy + 2] + clean.electronic_kev**2) / air[energy]
        share = counts / AIR_LEVEL
        assert share.mean() == pytest.approx(1, abs=1e-3)
        assert share.std() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("model", SCANNERS)
def test_every_scanner_gives_sixteen_bit_pictures_with_headroom(model: str) -> None:
    taken = simulate(carton(), SCANNERS[model], np.random.default_rng(3), FLAT)
    shape = (SCANNERS[model].geometry.rows, SCANNERS[model].geometry.columns)
    assert taken.le.dtype == taken.he.dtype == np.uint16
    assert taken.le.shape == taken.he.shape == shape
    assert np.median(taken.le[:10]) == pytest.approx(AIR_LEVEL, rel=0.03)
    assert (taken.le == 65535).mean() < 0.03


def test_evaluation_scanners_have_spectra_that_training_never_sees() -> None:
    seen = {scanner.spectrum for scanner in TRAINING_SCANNERS.values()}
    assert seen.isdisjoint(scanner.spectrum for scanner in EVALUATION_SCANNERS.values())


@pytest.mark.parametrize("unseen", [False, True], ids=["training", "evaluation"])
def test_colour_pictures_are_rgb_bright_where_empty_and_dark_where_thick(unseen: bool) -> None:
    taken, rng = scan(), np.random.default_rng(4)
    palette = random_palette(rng, unseen=unseen)
    bases = EVALUATION_PALETTES if unseen else TRAINING_PALETTES
    assert palette.name in {base.name for base in bases}
    picture = pseudo_colour(
        taken.le, taken.he, effective_z(taken.le, taken.he, SCANNER.spectrum), palette
    )
    assert picture.dtype == np.uint8
    assert picture.shape == (*taken.le.shape, 3)
    knife = next(o for o in taken.objects if o.name == "knife")
    x0, y0, x1, y1 = knife.box_xyxy
    assert picture[y0:y1, x0:x1].mean() < picture[:8].mean() - 40
    assert as_jpeg(picture, random_jpeg_quality(rng))[:2] == b"\xff\xd8"


def test_palettes_differ_from_picture_to_picture() -> None:
    rng = np.random.default_rng(5)
    assert len({random_palette(rng).background for _ in range(20)}) > 10


def test_the_texture_field_is_centred_and_tiles() -> None:
    field = texture_field(np.random.default_rng(0), (128, 192))
    assert field.shape == (128, 192)
    assert abs(float(field.mean())) < 1e-5
    assert 0.6 < float(field.std()) < 1.4
    seam = np.abs(field[:, 0] - field[:, -1]).mean()
    assert seam < 2 * np.abs(np.diff(field, axis=1)).mean()


def test_a_step_wedge_darkens_with_every_step() -> None:
    wedge = step_wedge(SCANNER)
    order = np.lexsort((wedge.steel_mm, wedge.pe_mm))
    steel_steps = len(np.unique(wedge.steel_mm))
    grid = wedge.he[order].reshape(-1, steel_steps)
    assert grid[0, 0] == pytest.approx(AIR_LEVEL, rel=1e-4)
    assert (np.diff(grid, axis=0) < 0).all()
    assert (np.diff(grid, axis=1) < 0).all()
