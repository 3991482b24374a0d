import numpy as np
import pytest

from parcelscope.models.heatmap import Boxes
from parcelscope.training.judging import best_thresholds, box_figures, count_figures

BOX = [10.0, 10.0, 30.0, 30.0]
ELSEWHERE = [60.0, 60.0, 80.0, 80.0]
NO_BOX = np.empty((0, 4), np.float32)


def boxes(*rows: tuple[list[float], float, int]) -> Boxes:
    return Boxes(
        box_xyxy=np.array([row[0] for row in rows], np.float32).reshape(-1, 4),
        score=np.array([row[1] for row in rows], np.float32),
        label=np.array([row[2] for row in rows], np.int64),
    )


def truth(*labels: int) -> np.ndarray:
    return np.array(labels, np.int64)


def test_no_box_anywhere_gives_no_figure() -> None:
    assert box_figures([boxes((BOX, 0.9, 0))], [NO_BOX], [truth()], ("a",)) == {}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(boxes(), 0.0, id="nothing found"),
        pytest.param(boxes((BOX, 0.9, 0)), 1.0, id="found"),
        pytest.param(boxes((BOX, 0.9, 1)), 0.0, id="as another class"),
        pytest.param(boxes((ELSEWHERE, 0.9, 0)), 0.0, id="elsewhere"),
        pytest.param(boxes((ELSEWHERE, 0.9, 0), (BOX, 0.8, 0)), 0.5, id="after a wrong one"),
    ],
)
def test_mean_average_precision_of_one_scan(found: Boxes, expected: float) -> None:
    figures = box_figures([found], [np.array([BOX], np.float32)], [truth(0)], ("a", "b"))
    assert figures["map50"] == pytest.approx(expected, abs=0.01)


def test_counts_are_compared_with_the_number_of_labels() -> None:
    assert count_figures(np.array([1.5, 2.0]), [truth(0), truth(0, 0, 0)]) == {"count_mae": 0.75}


def test_the_threshold_lies_at_the_lowest_score_that_is_mostly_right() -> None:
    found = [boxes((BOX, 0.9, 0), (BOX, 0.3, 0)), boxes((BOX, 0.7, 0), (ELSEWHERE, 0.2, 0))]
    true = [np.array([BOX], np.float32)] * 2
    chosen = best_thresholds(found, true, [truth(0), truth(0)], ("seen", "never found"))
    assert chosen == {"seen": pytest.approx(0.7), "never found": 0.5}
