import numpy as np
import pytest

from parcelscope.models.bundle import DetectorCard
from parcelscope.models.ssd import anchors, decode_ssd
from parcelscope.models.yolo import decode_yolo

WIDTH_PX, HEIGHT_PX = 320, 192
ONE_CLASS = {"width_px": WIDTH_PX, "height_px": HEIGHT_PX}


def head(*, classes: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Logits and regressions of a scan in which there is nothing."""
    places = len(anchors(WIDTH_PX, HEIGHT_PX))
    logits = np.zeros((places, 1 + classes), np.float32)
    logits[:, 0] = 9.0
    return logits, np.zeros((places, 4), np.float32)


def test_nothing_found_is_no_boxes() -> None:
    assert decode_ssd(*head(), **ONE_CLASS).box_xyxy.shape == (0, 4)


def test_there_are_six_anchors_for_each_cell_of_six_levels() -> None:
    cells = [20 * 12, 10 * 6, 5 * 3, 3 * 2, 2 * 1, 1 * 1]
    assert anchors(WIDTH_PX, HEIGHT_PX).shape == (6 * sum(cells), 4)
    centre_x, centre_y, width, height = anchors(WIDTH_PX, HEIGHT_PX)[0]
    assert (centre_x, centre_y) == (8.0, 8.0)
    assert (width, height) == pytest.approx((0.2 * WIDTH_PX, 0.2 * HEIGHT_PX))


def test_a_regression_moves_and_grows_its_anchor() -> None:
    logits, regression = head()
    place = 6 * (5 * 20 + 10)  # row 5, column 10 of the first level
    logits[place, 2] = 18.0
    regression[place] = [10.0 * 0.25, 0.0, 5.0 * np.log(0.5), 0.0]
    boxes = decode_ssd(logits, regression, **ONE_CLASS)
    width, height = 0.2 * WIDTH_PX, 0.2 * HEIGHT_PX
    centre_x, centre_y = 10.5 * 16 + 0.25 * width, 5.5 * 16
    assert boxes.label.tolist() == [1]
    assert boxes.score[0] == pytest.approx(1.0, abs=1e-3)
    np.testing.assert_allclose(
        boxes.box_xyxy[0],
        [
            centre_x - width / 4,
            centre_y - height / 2,
            centre_x + width / 4,
            centre_y + height / 2,
        ],
        rtol=1e-5,
    )


def test_of_two_anchors_on_one_object_the_better_is_kept_and_boxes_end_at_the_canvas() -> None:
    logits, regression = head()
    logits[0, 1], logits[1, 1], logits[1, 2] = 12.0, 14.0, 13.0
    boxes = decode_ssd(logits, regression, **ONE_CLASS, most_overlap=0.3)
    assert boxes.label.tolist() == [0, 1]
    assert boxes.box_xyxy.min() == 0.0


@pytest.mark.parametrize(
    ("most_overlap", "kept"), [pytest.param(0.7, 2, id="doubles"), pytest.param(None, 3, id="once")]
)
def test_a_head_that_says_each_thing_once_is_believed(
    most_overlap: float | None, kept: int
) -> None:
    box_xyxy = np.array([[0, 0, 20, 20], [1, 0, 20, 20], [-30, 0, -10, 20]], np.float32)
    score = np.array([[0.5, 0.0], [0.6, 0.0], [0.0, 0.3]], np.float32)
    boxes = decode_yolo(box_xyxy, score, **ONE_CLASS, most_overlap=most_overlap)
    assert len(boxes.score) == kept
    assert boxes.score[0] == pytest.approx(0.6)
    assert boxes.label.tolist()[-1] == 1


def test_only_items_have_another_decoder() -> None:
    words = {
        "input": "dual", "file": "a.onnx", "sha256": "0" * 64, "width_px": 64, "height_px": 64,
        "mm_per_px": None, "classes": ("a",), "decoder": "yolo", "most_overlap": None,
    }  # fmt: skip
    assert DetectorCard.model_validate({"detector": "xray.items", **words}).most_overlap is None
    with pytest.raises(ValueError, match=r"decoder 'yolo' is for xray\.items alone"):
        DetectorCard.model_validate({"detector": "xray.pieces", **words})
