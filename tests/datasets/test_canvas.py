import time

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.canvas import (
    AIR,
    Canvas,
    CanvasSpec,
    estimate_air,
    estimate_background,
    place_colour,
    place_dual,
)

Counts = npt.NDArray[np.uint16]
SPEC = CanvasSpec(width_px=320, height_px=256, mm_per_px=1.6)


def dual(
    box_xyxy: tuple[int, int, int, int], size_wh: tuple[int, int] = (640, 480), air: int = 60000
) -> tuple[Counts, Counts]:
    """Low and high energy of one box in noisy air."""
    width, height = size_wh
    through = np.ones((height, width), np.float32)
    x0, y0, x1, y1 = box_xyxy
    through[y0:y1, x0:x1] = 0.5
    rng = np.random.default_rng(0)
    low = air * (through**1.3 + rng.normal(size=through.shape) * 0.009)
    high = air * (through + rng.normal(size=through.shape) * 0.015)
    return low.clip(0, 65535).astype(np.uint16), high.clip(0, 65535).astype(np.uint16)


def dark_box(plane: npt.NDArray[np.generic], level: float) -> npt.NDArray[np.float64]:
    """Box of what is below `level` on a canvas plane."""
    rows, columns = np.nonzero(plane.astype(np.float64) < level)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], np.float64)


CASES = {
    # box, scan size, pitch, expected scale, fits
    "to scale": ((150, 100, 500, 380), (640, 480), 0.8, 0.5, True),
    "to scale, enlarged": ((60, 40, 90, 60), (160, 120), 3.2, 2.0, True),
    "to scale, untouched": ((150, 100, 300, 280), (640, 480), 1.6, 1.0, True),
    "at the edge": ((0, 0, 200, 150), (640, 480), 0.8, 0.5, True),
    "too wide": ((20, 200, 620, 280), (640, 480), 1.6, None, False),
    "unknown pitch, small": ((100, 100, 200, 180), (640, 480), None, 1.0, False),
    "unknown pitch, large": ((20, 20, 600, 460), (640, 480), None, None, False),
}


@pytest.mark.parametrize("name", CASES)
def test_a_thing_is_on_the_canvas_where_the_mapping_says(name: str) -> None:
    box, size_wh, pitch_mm, scale, fits = CASES[name]
    canvas = place_dual(*dual(box, size_wh), 60000.0, pitch_mm, SPEC)
    assert canvas.pixels.shape == (2, 256, 320)
    assert canvas.pixels.dtype == np.uint16
    assert canvas.fits == fits
    assert scale is None or canvas.scale == scale
    for plane in canvas.pixels:
        found = dark_box(cv2.medianBlur(plane, 5) if canvas.scale > 0.6 else plane, 0.75 * AIR)
        np.testing.assert_allclose(found, canvas.to_canvas(box)[0], atol=1.01)
        np.testing.assert_allclose(canvas.to_image(found)[0], box, atol=1.01 / canvas.scale)


def test_a_thing_is_never_stretched() -> None:
    for size_wh in ((640, 480), (480, 640), (1200, 100), (33, 1500)):
        width, height = size_wh
        side = min(size_wh) // 2
        x0, y0 = (width - side) // 2, (height - side) // 2
        low, high = dual((x0, y0, x0 + side, y0 + side), size_wh)
        x0, y0, x1, y1 = dark_box(place_dual(low, high, 60000.0, None, SPEC).pixels[1], 0.75 * AIR)
        assert abs((x1 - x0) - (y1 - y0)) <= 2


boxes = st.lists(st.tuples(*[st.floats(-1e4, 1e4)] * 4), max_size=5)


@given(boxes, st.floats(0.01, 100), st.tuples(*[st.floats(-1e4, 1e4)] * 2))
def test_boxes_come_back_from_the_canvas(
    found: list[tuple[float, ...]], scale: float, offset_xy: tuple[float, float]
) -> None:
    canvas = Canvas(
        pixels=np.zeros((2, 1, 1), np.uint16), scale=scale, offset_xy=offset_xy, fits=True
    )
    as_array = np.array(found, np.float64).reshape(-1, 4)
    there = canvas.to_canvas(as_array)
    assert there.shape == as_array.shape
    # The sum with an offset of 1e4 keeps 12 decimals, and a scale of 0.01 takes two of them.
    np.testing.assert_allclose(canvas.to_image(there), as_array, rtol=1e-12, atol=1e-8)


@given(st.integers(1, 90), st.integers(1, 90), st.sampled_from([None, 0.4, 0.8, 3.0]),
       st.integers(0, 2**32 - 1))  # fmt: skip
def test_any_scan_lands_whole_on_the_canvas(
    width: int, height: int, pitch_mm: float | None, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    low, high = rng.integers(0, 65535, (2, height, width), np.uint16)
    rgb = rng.integers(0, 255, (height, width, 3), np.uint8)
    spec = CanvasSpec(width_px=64, height_px=48, mm_per_px=1.0)
    for canvas in (place_dual(low, high, None, pitch_mm, spec), place_colour(rgb, pitch_mm, spec)):
        assert canvas.pixels.shape[1:] == (48, 64)
        assert canvas.scale > 0
        assert np.isfinite(canvas.offset_xy).all()


@pytest.mark.parametrize("air", [30000, 52000, 60000])
def test_air_ends_at_sixty_thousand_whether_or_not_its_level_is_told(air: int) -> None:
    low, high = dual((200, 150, 400, 300), air=air)
    for told in (float(air), None):
        canvas = place_dual(low, high, told, 0.8, SPEC)
        assert np.median(canvas.pixels) == AIR
        inside = canvas.to_canvas([[250, 200, 350, 250]])[0].astype(int)
        box = canvas.pixels[1, inside[1] : inside[3], inside[0] : inside[2]]
        assert abs(float(box.mean()) - 0.5 * AIR) < 0.01 * AIR


def test_air_is_found_though_a_parcel_crosses_the_frame() -> None:
    low, _ = dual((0, 40, 640, 440), air=55000)
    assert estimate_air(low) == pytest.approx(55000, rel=0.01)


def test_counts_above_sixteen_bits_are_capped_not_wrapped() -> None:
    low, high = dual((10, 10, 90, 90), (100, 100), air=30000)
    low[40:60, 40:60] = 65535
    canvas = place_dual(low, high, 30000.0, 1.6, SPEC)
    x0, y0, x1, y1 = canvas.to_canvas([[44, 44, 56, 56]])[0].astype(int)
    assert (canvas.pixels[0, y0:y1, x0:x1] == 65535).all()


@pytest.mark.parametrize("axis", [0, 1], ids=["dead detector row", "dropped line"])
def test_a_dead_line_is_not_content(axis: int) -> None:
    low, high = dual((250, 200, 400, 300))
    for energy in (low, high):
        np.moveaxis(energy, axis, 0)[50:52] = 20000
    canvas = place_dual(low, high, 60000.0, 0.8, SPEC)
    clean = place_dual(*dual((250, 200, 400, 300)), 60000.0, 0.8, SPEC)
    assert (canvas.scale, canvas.offset_xy) == (clean.scale, clean.offset_xy)


def test_an_empty_belt_is_placed_whole() -> None:
    air = np.full((480, 640), 60000, np.uint16)
    canvas = place_dual(air, air, 60000.0, 0.8, SPEC)
    assert canvas.scale == 0.5
    assert (canvas.pixels == AIR).all()


def test_the_callers_buffer_is_filled_everywhere() -> None:
    buffer = np.zeros((3, 2, 256, 320), np.uint16)
    canvas = place_dual(*dual((200, 150, 400, 300)), 60000.0, 0.8, SPEC, out=buffer[1])
    assert np.shares_memory(canvas.pixels, buffer)
    assert buffer[1].min() > 0
    assert not buffer[[0, 2]].any()
    colour = np.zeros((3, 256, 320), np.uint8)
    assert place_colour(np.full((9, 9, 3), 200, np.uint8), None, SPEC, out=colour).pixels is colour
    with pytest.raises(ValueError, match=r"out must be uint16 \(2, 256, 320\), got uint8"):
        place_dual(*dual((200, 150, 400, 300)), None, None, SPEC, out=colour)


@pytest.mark.parametrize(
    ("low", "high", "message"),
    [
        (np.zeros((4, 5), np.uint16), np.zeros((4, 6), np.uint16), "one shape"),
        (np.zeros((0, 5), np.uint16), np.zeros((0, 5), np.uint16), "one shape"),
        (np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8), "must be uint16"),
    ],
    ids=["shapes differ", "no pixel", "8 bits"],
)
def test_what_is_no_dual_scan_is_refused(low: Counts, high: Counts, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        place_dual(low, high, None, None, SPEC)


@pytest.mark.parametrize("background", [(255, 255, 255), (225, 245, 250), (40, 60, 30)])
def test_a_rendering_lies_on_its_own_background(background: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(0)
    rgb = (np.array(background) + rng.integers(-3, 4, (300, 400, 3))).clip(0, 255).astype(np.uint8)
    rgb[100:200, 120:300] = (230, 140, 40)
    canvas = place_colour(rgb, None, SPEC)
    assert np.abs(estimate_background(rgb).astype(int) - background).max() <= 2
    assert np.abs(canvas.pixels[:, 0, 0].astype(int) - background).max() <= 4
    assert not canvas.fits
    # The content and its 6-pixel margin fill the width.
    assert canvas.scale == pytest.approx(320 / 192, rel=0.03)
    orange = np.abs(canvas.pixels.transpose(1, 2, 0).astype(int) - (230, 140, 40)).max(axis=2) < 12
    rows, columns = np.nonzero(orange)
    found = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(found, canvas.to_canvas([[120, 100, 300, 200]])[0], atol=2)


def test_a_rendering_of_known_pitch_is_to_scale() -> None:
    rgb = np.full((300, 400, 3), 255, np.uint8)
    rgb[100:200, 120:300] = (230, 140, 40)
    canvas = place_colour(rgb, 0.8, SPEC)
    assert (canvas.scale, canvas.fits) == (0.5, True)


def test_placing_costs_little_beside_decoding() -> None:
    low, high = dual((100, 80, 560, 400))
    out = np.empty((2, 256, 320), np.uint16)
    place_dual(low, high, None, 1.1, SPEC, out=out)
    costs_ms = []
    for _ in range(10):
        start = time.thread_time()
        place_dual(low, high, None, 1.1, SPEC, out=out)
        costs_ms.append(1e3 * (time.thread_time() - start))
    # 2 ms measured at the dearest settings: air unknown, ratio not whole.
    assert min(costs_ms) < 6
