import numpy as np
import pytest

from parcelscope.models.bundle import InputKind
from parcelscope.training.augment import augment, stack


def one_block(kind: InputKind) -> tuple[np.ndarray, np.ndarray]:
    """A dark block on an even ground, and its box."""
    if kind == "dual":
        pixels = np.full((2, 96, 128), 60000, np.uint16)
        pixels[:, 30:50, 40:80] = 15000
    else:
        pixels = np.full((3, 96, 128), 245, np.uint8)
        pixels[:, 30:50, 40:80] = 60
    return pixels, np.array([[40, 30, 80, 50]], np.float32)


@pytest.mark.parametrize("kind", ["dual", "colour"])
@pytest.mark.parametrize("seed", range(6))
def test_a_box_moves_with_its_pixels(kind: InputKind, seed: int) -> None:
    pixels, boxes = one_block(kind)
    changed, moved = augment(pixels, boxes, kind=kind, rng=np.random.default_rng(seed))
    assert changed.shape == pixels.shape
    assert changed.dtype == pixels.dtype
    dark = changed.astype(float).mean(axis=0) < 0.6 * changed.astype(float).max()
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    np.testing.assert_allclose(moved[0], seen, atol=2.0)


def test_a_scan_without_boxes_stays_without() -> None:
    pixels, _ = one_block("dual")
    _, moved = augment(
        pixels, np.empty((0, 4), np.float32), kind="dual", rng=np.random.default_rng(0)
    )
    assert moved.shape == (0, 4)


def test_air_stays_air_and_the_source_is_left_alone() -> None:
    pixels, boxes = one_block("dual")
    before = pixels.copy()
    changed, _ = augment(pixels, boxes, kind="dual", rng=np.random.default_rng(3))
    assert (pixels == before).all()
    assert np.median(changed) == pytest.approx(60000, rel=0.01)


@pytest.mark.parametrize("kind", ["dual", "colour"])
def test_one_scan_upon_another_lets_through_the_product(kind: InputKind) -> None:
    pixels, _ = one_block(kind)
    upper = np.roll(pixels, 20, axis=2)
    both = stack(pixels, upper, kind=kind).astype(float)
    ground, block = pixels[0, 0, 0].astype(float), pixels[0, 40, 45].astype(float)
    assert both[0, 0, 0] == ground
    assert both[0, 40, 45] == pytest.approx(block)  # only the lower one
    assert both[0, 40, 70] == pytest.approx(block**2 / ground, abs=1)
    assert stack(pixels, upper, kind=kind).dtype == pixels.dtype


def test_a_rendering_on_a_dark_ground_is_not_stacked() -> None:
    pixels, _ = one_block("colour")
    assert (stack(255 - pixels, 255 - pixels, kind="colour") == 255 - pixels).all()


@pytest.mark.parametrize("kind", ["dual", "colour"])
@pytest.mark.parametrize("seed", range(6))
def test_a_window_has_its_side_and_a_box_goes_with_its_pixels(kind: InputKind, seed: int) -> None:
    pixels, boxes = one_block(kind)
    rng = np.random.default_rng(seed)
    changed, moved = augment(pixels, boxes, kind=kind, rng=rng, window_px=64)
    assert changed.shape == (len(pixels), 64, 64)
    inside = np.clip(moved[0], 0, 64)
    dark = changed.astype(float).mean(axis=0) < 0.6 * (60000 if kind == "dual" else 245)
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    if len(rows) == 0:
        assert (inside[2:] - inside[:2]).min() <= 2
        return
    seen = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    np.testing.assert_allclose(inside, seen, atol=2.0)


def test_windows_usually_hold_a_box() -> None:
    pixels = np.full((2, 400, 400), 60000, np.uint16)
    boxes = np.array([[150, 220, 170, 240]], np.float32)
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        _, moved = augment(pixels, boxes, kind="dual", rng=rng, window_px=64)
        held += bool((moved[0] >= -2).all() and (moved[0] <= 66).all())
    assert 65 <= held <= 95
