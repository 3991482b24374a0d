"""Items projected into scans, against the simulator that scans both together."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.datasets.xray.acquisition import TRAINING_SCANNERS, Scanner
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.physics import AIR_LEVEL, load_tables, spectrum
from parcelscope.datasets.xray.scan import SyntheticScan, simulate
from parcelscope.datasets.xray.scene import Scene, Solid
from parcelscope.datasets.xray.solids import ball, block
from parcelscope.training.basis import basis_beam
from parcelscope.training.cutouts import Cutout, cut_out, draw_cutout, resized, turned_cutout
from parcelscope.training.projection import (
    Noise,
    insert,
    measured_noise,
    outline,
    project_items,
    with_projected,
)

Counts = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float64]

FLAT = np.zeros((16, 16), np.float32)
GEOMETRY = Geometry.square(96, 80, 2.0)
USUAL = replace(
    TRAINING_SCANNERS["PS-160"],
    geometry=GEOMETRY,
    dead_rows=0,
    dropped_lines=0,
    scatter_range=(0, 0),
)
STILL = replace(
    USUAL,
    mas_per_line=1e6,
    electronic_noise_photons=0.0,
    flicker=0.0,
    drift=0.0,
    blur_px=0.0,
    motion_share=0.0,
)
"""A scanner without noise or blur: what is left is how attenuations were put together."""
BLURRED = replace(STILL, blur_px=USUAL.blur_px, motion_share=USUAL.motion_share)
SILENT = Noise(quantum=(0.0, 0.0), electronic=(0.0, 0.0))
GOODS = [
    block((0, 0, 40), (60, 50, 40), "cardboard"),
    block((-15, 0, 20), (25, 30, 15), "water"),
    block((20, 15, 25), (20, 15, 10), "textile_cotton"),
    block((25, -20, 20), (15, 10, 1.5), "steel"),
]
ITEMS = {
    "steel blade": [block((0, 0, 60), (30, 5, 1.2), "steel")],
    "tablets": [ball((0, 0, 60), (15, 15, 8), "tablet")],
    "lithium cell": [block((0, 0, 60), (20, 12, 3), "liion")],
    "aluminium": [block((0, 0, 60), (20, 12, 4), "al")],
}


def test_thicknesses_come_back_from_their_attenuations() -> None:
    beam = basis_beam("160kv_al3")
    thickness = np.array([[0, 5, 80, 200, -2, 30], [0, 1, 0, 3, 0.5, 20]], float)
    np.testing.assert_allclose(beam.thickness(beam.attenuation(thickness)), thickness, atol=1e-3)


@pytest.mark.parametrize("material", ["water", "paper", "glass", "al", "copper", "liion", "tablet"])
def test_two_thicknesses_stand_for_any_common_material(material: str) -> None:
    tube, beam = spectrum("160kv_al3"), basis_beam("160kv_al3")
    mu = tube.mu_per_mm[load_tables().row(material)]
    mm = np.array([0.1, 0.3, 1.0]) * 2 / float(beam.weights[1] @ mu)  # up to 2 in high attenuation
    alone = -np.log(beam.weights @ np.exp(-np.outer(mu, mm)))
    behind = beam.attenuation(np.array([[40.0], [0.5]]))
    both = -np.log(beam.weights @ np.exp(-(np.outer(mu, mm) + beam.mu_per_mm @ [[40.0], [0.5]])))
    summed = beam.attenuation(beam.thickness(alone) + beam.thickness(behind))
    np.testing.assert_allclose(summed, both, rtol=0.01)


def test_noise_in_air_and_behind_thick_metal_has_thicknesses_too() -> None:
    beam = basis_beam("120kv_al3")
    odd = np.array([[-0.05, 8.5, 8.5, 0.0, 2.0], [0.03, 0.5, 8.5, 2.0, 8.0]])
    thickness = beam.thickness(odd)
    assert np.isfinite(thickness).all()
    assert np.isfinite(beam.attenuation(thickness)).all()


@pytest.mark.parametrize("name", sorted(ITEMS))
def test_a_projected_item_looks_as_if_it_had_been_scanned_with_the_parcel(name: str) -> None:
    parcel, joint, corner, cutout = _both_ways(name, STILL)
    beam = basis_beam(STILL.spectrum)
    made = insert(parcel, cutout, corner, np.random.default_rng(1), beam=beam, noise=SILENT)
    assert _median_error(made, joint, cutout, corner) < 0.002
    assert np.abs(_attenuation(made) - _attenuation(joint)).max() < 0.1


@pytest.mark.parametrize("name", sorted(ITEMS))
def test_blending_pictures_does_not(name: str) -> None:
    parcel, joint, corner, cutout = _both_ways(name, STILL)
    alone = scan_of(ITEMS[name], STILL)
    blended = np.where(_placed_mask(cutout, corner), parcel * 0.5 + alone * 0.5, parcel)
    assert _median_error(blended.astype(np.uint16), joint, cutout, corner) > 0.1


def test_multiplying_transmissions_makes_metal_before_water_too_dark() -> None:
    parcel, joint, corner, cutout = _both_ways("steel blade", STILL)
    alone = scan_of(ITEMS["steel blade"], STILL)
    product = parcel.astype(np.float64) * alone / AIR_LEVEL
    assert _median_error(product.astype(np.uint16), joint, cutout, corner) > 0.02


def test_inserting_nothing_changes_nothing() -> None:
    scan = scan_of(GOODS, USUAL)
    empty = Cutout(
        label="knife",
        thickness_mm=np.zeros((2, 9, 7), np.float32),
        mask=np.zeros((9, 7), np.bool_),
        pixel_pitch_mm=2.0,
    )
    beam = basis_beam(USUAL.spectrum)
    same = insert(
        scan, empty, (30, 30), np.random.default_rng(0), beam=beam, noise=measured_noise(scan)
    )
    np.testing.assert_array_equal(same, scan)
    unchanged, placed = project_items(scan, [], np.random.default_rng(0))
    np.testing.assert_array_equal(unchanged, scan)
    assert placed == ()


def test_the_noise_of_a_projected_item_is_that_of_the_scanner() -> None:
    parcel, joint, _, _ = _both_ways("lithium cell", USUAL)
    _, exact, corner, still = _both_ways("lithium cell", BLURRED)
    beam, noise = basis_beam(USUAL.spectrum), measured_noise(parcel)
    made = insert(parcel, still, corner, np.random.default_rng(1), beam=beam, noise=noise)
    deaf = insert(parcel, still, corner, np.random.default_rng(1), beam=beam, noise=SILENT)
    inside = _placed_mask(still, corner)
    wanted, found, without = (
        (scan.astype(float) - exact)[:, inside].std(axis=1) for scan in (joint, made, deaf)
    )
    np.testing.assert_allclose(found, wanted, rtol=0.15)
    assert (without < found).all()


def test_noise_behind_a_dense_item_falls_with_the_root_of_the_signal() -> None:
    rng, noise = np.random.default_rng(2), Noise(quantum=(1e-4, 3e-4), electronic=(2e-6, 4e-6))
    level = np.full((2, 4900), 0.5)
    noisy = level + np.sqrt(noise.variance(level)) * rng.standard_normal(level.shape)
    scan = np.rint(noisy.reshape(2, 70, 70) * AIR_LEVEL).astype(np.uint16)
    dense = Cutout(
        label="knife",
        thickness_mm=np.stack([np.zeros((70, 70)), np.full((70, 70), 3.0)]).astype(np.float32),
        mask=np.ones((70, 70), np.bool_),
        pixel_pitch_mm=None,
    )
    beam = basis_beam(USUAL.spectrum)
    made = insert(scan, dense, (0, 0), rng, beam=beam, noise=noise).reshape(2, -1) / AIR_LEVEL
    deaf = insert(scan, dense, (0, 0), rng, beam=beam, noise=SILENT).reshape(2, -1) / AIR_LEVEL
    wanted = np.sqrt(noise.variance(made.mean(axis=1, keepdims=True)))[:, 0]
    np.testing.assert_allclose(made.std(axis=1), wanted, rtol=0.05)
    assert (deaf.std(axis=1) < 0.75 * wanted).all()


def test_an_item_that_was_scanned_alone_can_be_cut_out() -> None:
    alone = scan_of(ITEMS["steel blade"], USUAL)
    cutout = cut_out(*alone, "knife", basis_beam(USUAL.spectrum), pixel_pitch_mm=2.0)
    exact = cut_out(*scan_of(ITEMS["steel blade"], BLURRED), "knife", basis_beam(USUAL.spectrum))
    assert _taken(cutout) == pytest.approx(_taken(exact), rel=0.05)
    assert np.abs(np.subtract(_size_wh(cutout), _size_wh(exact))).max() <= 1
    with pytest.raises(ValueError, match="got an empty belt"):
        cut_out(*scan_of([], USUAL), "knife", basis_beam(USUAL.spectrum))


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000))
def test_items_lie_inside_the_parcel_and_their_boxes_hold_what_changed(seed: int) -> None:
    scan, rng = _PARCEL, np.random.default_rng(seed)
    made, placed = project_items(scan, [_VAPE, _PILLS], rng)
    content = outline(scan)
    assert [item.label for item in placed] in (["vape", "blister_pack"], ["vape"], ["blister_pack"])
    changed = np.abs(_attenuation(made) - _attenuation(scan)).max(axis=0) > 0.08
    held = np.zeros_like(content)
    for item in placed:
        x0, y0, x1, y1 = (int(value) for value in item.box_xyxy)
        assert content[y0:y1, x0:x1].any()
        held[max(0, y0 - 2) : y1 + 2, max(0, x0 - 2) : x1 + 2] = True
    assert not (changed & ~held).any()
    assert (changed & ~content).sum() <= 0.02 * max(1, changed.sum())


def test_an_item_too_large_for_its_parcel_is_left_out() -> None:
    made, placed = project_items(_PARCEL, [resized(_VAPE, 6.0)], np.random.default_rng(0))
    np.testing.assert_array_equal(made, _PARCEL)
    assert placed == ()


def test_an_empty_belt_takes_no_item() -> None:
    belt = np.full((2, 40, 50), AIR_LEVEL, np.uint16)
    assert project_items(belt, [_VAPE], np.random.default_rng(0))[1] == ()


def test_a_quarter_turn_of_a_cut_out_swaps_its_sides_and_keeps_its_mass() -> None:
    turned = turned_cutout(_VAPE, np.pi / 2)
    assert abs(turned.mask.shape[0] - _VAPE.mask.shape[1]) <= 1
    assert turned.thickness_mm.sum() == pytest.approx(_VAPE.thickness_mm.sum(), rel=0.02)


def test_a_cut_out_is_resized_to_the_pitch_of_the_scan() -> None:
    half = resized(_VAPE, 0.5)
    assert half.pixel_pitch_mm == pytest.approx(4.0)
    assert half.thickness_mm.sum() == pytest.approx(_VAPE.thickness_mm.sum() / 4, rel=0.15)


def test_a_training_sample_gains_boxes_and_labels() -> None:
    pixels, boxes, label = with_projected(
        _PARCEL,
        np.array([[1, 2, 3, 4]], np.float32),
        np.array([2], np.int64),
        cutouts=[_PILLS],
        classes=("knife", "vape", "blister_pack"),
        most=2,
        rng=np.random.default_rng(3),
    )
    assert pixels.dtype == np.uint16
    assert pixels.shape == _PARCEL.shape
    assert len(boxes) == len(label) >= 2
    assert boxes[0].tolist() == [1, 2, 3, 4]
    assert set(label[1:].tolist()) == {2}


def scan_of(solids: list[Solid], scanner: Scanner) -> Counts:
    return _stacked(simulate(_scene(solids), scanner, np.random.default_rng(5), FLAT))


def _scene(solids: list[Solid]) -> Scene:
    scene = Scene()
    if solids:
        scene.add(scene.begin("thing", "item"), solids)
    return scene


def _stacked(scan: SyntheticScan) -> Counts:
    return np.stack([scan.le, scan.he])


def _both_ways(name: str, scanner: Scanner) -> tuple[Counts, Counts, tuple[int, int], Cutout]:
    """The parcel alone, parcel and item scanned together, and the item's cut-out and corner."""
    alone = simulate(_scene(ITEMS[name]), scanner, np.random.default_rng(5), FLAT)
    cutout = cut_out(alone.le, alone.he, name, basis_beam(scanner.spectrum))
    x0, y0, _, _ = alone.objects[0].box_xyxy
    rows, columns = np.flatnonzero(cutout.mask.any(1)), np.flatnonzero(cutout.mask.any(0))
    corner = x0 - int(columns[0]), y0 - int(rows[0])
    return scan_of(GOODS, scanner), scan_of(GOODS + ITEMS[name], scanner), corner, cutout


def _placed_mask(cutout: Cutout, corner: tuple[int, int]) -> npt.NDArray[np.bool_]:
    mask = np.zeros((GEOMETRY.rows, GEOMETRY.columns), np.bool_)
    (x, y), (height, width) = corner, cutout.mask.shape
    mask[y : y + height, x : x + width] = cutout.mask
    return mask


def _taken(cutout: Cutout) -> float:
    """Mean low-energy attenuation of the item's pixels."""
    thickness = cutout.thickness_mm[:, cutout.mask].astype(np.float64)
    return float(basis_beam(USUAL.spectrum).attenuation(thickness)[0].mean())


def _size_wh(cutout: Cutout) -> tuple[int, int]:
    return int(cutout.mask.any(axis=0).sum()), int(cutout.mask.any(axis=1).sum())


def _attenuation(scan: Counts) -> Floats:
    return np.asarray(-np.log(np.maximum(scan, 12) / AIR_LEVEL), np.float64)


def _median_error(made: Counts, joint: Counts, cutout: Cutout, corner: tuple[int, int]) -> float:
    """Median relative error in attenuation over the item's pixels, of the worse energy."""
    inside = _placed_mask(cutout, corner)
    error = np.abs(_attenuation(made)[:, inside] / _attenuation(joint)[:, inside] - 1)
    return float(np.median(error, axis=1).max())


_PARCEL = scan_of(GOODS, USUAL)
_VAPE = draw_cutout("vape", np.random.default_rng(4), USUAL)
_PILLS = draw_cutout("blister_pack", np.random.default_rng(4), USUAL)
