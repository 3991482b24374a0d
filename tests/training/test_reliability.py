import numpy as np
import pytest

from parcelscope.training.reliability import calibration_error, reliability


def test_scores_that_are_probabilities_have_a_small_error() -> None:
    rng = np.random.default_rng(0)
    score = rng.random(5000)
    figure = calibration_error(score, rng.random(5000) < score)
    assert figure.value < 0.03
    assert figure.low <= figure.value + 0.02


@pytest.mark.parametrize(
    ("score", "right", "error"),
    [
        pytest.param([0.9] * 4, [True] * 4, 0.1, id="too modest"),
        pytest.param([0.9] * 4, [False] * 4, 0.9, id="always wrong"),
        pytest.param([0.5, 0.5, 1.0, 1.0], [True, False, True, True], 0.0, id="just right"),
    ],
)
def test_the_error_is_the_mean_gap(score: list[float], right: list[bool], error: float) -> None:
    figure = calibration_error(np.array(score), np.array(right))
    assert figure.value == pytest.approx(error)


def test_every_detection_is_in_one_bin() -> None:
    score = np.array([0.0, 0.05, 0.1, 0.999, 1.0])
    bins = reliability(score, np.ones(5, np.bool_))
    assert [one.count for one in bins] == [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
    assert np.isnan(bins[4].right)


def test_nothing_found_has_no_error() -> None:
    assert np.isnan(calibration_error(np.empty(0), np.empty(0, np.bool_)).value)
