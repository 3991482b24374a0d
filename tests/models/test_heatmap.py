import numpy as np
import pytest

from parcelscope.models.heatmap import LIMIT, Boxes, decode_peaks, without_doubles
from parcelscope.training.targets import draw_targets


def maps(h: int = 12, w: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        np.zeros((2, h, w), np.float32),
        np.full((2, h, w), 20.0, np.float32),
        np.full((2, h, w), 0.5, np.float32),
    )


def test_an_empty_map_gives_no_boxes() -> None:
    boxes = decode_peaks(*maps(), width_px=64)
    assert boxes.box_xyxy.shape == (0, 4)
    assert len(boxes.score) == len(boxes.label) == 0


def test_a_peak_becomes_a_box_around_its_centre() -> None:
    peaks, size, offset = maps()
    peaks[1, 3, 5] = 0.8
    size[:, 3, 5] = 40.0, 24.0
    offset[:, 3, 5] = 0.25, 0.75
    boxes = decode_peaks(peaks, size, offset, width_px=64)
    x, y = 5.25 * 4, 3.75 * 4
    np.testing.assert_allclose(boxes.box_xyxy, [[x - 20, y - 12, x + 20, y + 12]])
    assert boxes.label.tolist() == [1]
    assert boxes.score.tolist() == pytest.approx([0.8])


def test_boxes_come_best_first_and_equal_ones_by_position() -> None:
    peaks, size, offset = maps()
    peaks[0, 9, 9], peaks[1, 2, 2], peaks[0, 1, 1], peaks[0, 1, 4] = 0.3, 0.9, 0.5, 0.5
    boxes = decode_peaks(peaks, size, offset, width_px=64)
    assert boxes.score.tolist() == pytest.approx([0.9, 0.5, 0.5, 0.3])
    assert boxes.box_xyxy[1, 0] < boxes.box_xyxy[2, 0]


def test_no_more_boxes_than_the_limit() -> None:
    peaks, size, offset = maps()
    peaks[:] = 0.5
    assert len(decode_peaks(peaks, size, offset, width_px=64).score) == LIMIT


def test_targets_decode_to_the_boxes_they_were_drawn_from() -> None:
    boxes = np.array([[4, 8, 60, 50], [100, 30, 130, 90], [40, 60, 58, 88]], np.float32)
    label = np.array([0, 1, 0])
    target = draw_targets(boxes, label, classes=2, grid_hw=(24, 36), stride_px=4)
    found = decode_peaks(
        np.where(target.heat == 1, target.heat, 0).astype(np.float32),
        target.size,
        target.offset,
        width_px=144,
    )
    order = np.lexsort(found.box_xyxy.T[::-1])
    expected = boxes[np.lexsort(boxes.T[::-1])]
    np.testing.assert_allclose(found.box_xyxy[order], expected, atol=1e-4)
    assert target.density.sum() == pytest.approx(3, rel=1e-5)


def test_the_better_of_two_peaks_on_one_object_is_kept() -> None:
    peaks, size, offset = maps()
    peaks[0, 5, 5], peaks[0, 5, 7], peaks[1, 5, 5] = 0.6, 0.8, 0.4
    size[:] = 40.0
    boxes = decode_peaks(peaks, size, offset, width_px=64, most_overlap=0.5)
    assert boxes.label.tolist() == [0, 1]
    assert boxes.score.tolist() == pytest.approx([0.8, 0.4])


def test_boxes_of_two_classes_are_no_doubles_beyond_the_edge_of_the_canvas() -> None:
    boxes = Boxes(
        box_xyxy=np.array([[0, 0, 10, 10], [-10.5, -10.5, -0.5, -0.5]], np.float32),
        score=np.array([0.9, 0.8], np.float32),
        label=np.array([0, 1]),
    )
    assert without_doubles(boxes, 0.5).label.tolist() == [0, 1]


def test_cells_of_eight_pixels_place_the_centre_twice_as_far() -> None:
    peaks, size, offset = maps()
    peaks[0, 2, 3] = 0.9
    near = decode_peaks(peaks, size, offset, width_px=64).box_xyxy[0]
    far = decode_peaks(peaks, size, offset, width_px=128).box_xyxy[0]
    np.testing.assert_allclose(far[:2] + 10, 2 * (near[:2] + 10))
