import numpy as np
import pytest

from parcelscope.models.heatmap import Boxes
from parcelscope.training.calibrate import (
    TAIL,
    alarm_threshold,
    calibrate_count,
    class_scores,
    genuine_scores,
)


def cartons(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Raw counts that fall short by a tenth and scatter more for fuller cartons."""
    rng = np.random.default_rng(seed)
    true = rng.integers(1, 31, count).astype(float)
    return true * 0.9 + rng.normal(0, 0.2 + 0.05 * true), true


def test_the_interval_covers_the_cartons_it_was_not_fitted_on() -> None:
    calibration = calibrate_count(*cartons(900, seed=1), coverage=0.9)
    raw, true = cartons(900, seed=2)
    bands = np.array([calibration.interval(value) for value in raw])
    covered = ((bands[:, 1] <= true) & (true <= bands[:, 2])).mean()
    assert covered >= 0.87
    assert np.abs(bands[:, 0] - true).mean() < np.abs(raw - true).mean()


def test_the_bounds_enclose_the_middle_and_ascend() -> None:
    calibration = calibrate_count(*cartons(300, seed=3))
    assert all(
        low <= middle <= high
        for low, middle, high in zip(
            calibration.low, calibration.middle, calibration.high, strict=True
        )
    )
    for knots in (calibration.raw, calibration.low, calibration.middle, calibration.high):
        assert (np.diff(knots) >= 0).all()


def test_too_few_cartons_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match=r"at least 60 cartons are needed .* got 30"):
        calibrate_count(*cartons(30, seed=0))


def test_a_threshold_needs_enough_compliant_scans() -> None:
    with pytest.raises(ValueError, match="at least 250 are needed"):
        alarm_threshold(np.zeros(100), share=0.004)
    scores = np.linspace(0, 1, 1001)
    assert (scores >= alarm_threshold(scores, share=0.1)).mean() == pytest.approx(0.1, abs=0.002)


def test_only_the_tail_of_the_genuine_scores_is_kept() -> None:
    genuine = genuine_scores(np.arange(1000) / 1000)
    assert genuine.count == 1000
    assert len(genuine.top) == TAIL
    assert genuine.top[0] == 0.999
    assert genuine.p_value(0.95) == pytest.approx(51 / 1001)


def test_each_class_has_its_highest_score_of_each_scan() -> None:
    boxes = Boxes(
        box_xyxy=np.zeros((3, 4), np.float32),
        score=np.array([0.9, 0.4, 0.2], np.float32),
        label=np.array([1, 0, 1]),
    )
    nothing = Boxes(
        box_xyxy=np.zeros((0, 4), np.float32),
        score=np.zeros(0, np.float32),
        label=np.zeros(0, np.int64),
    )
    scores = class_scores([boxes, nothing], ("a", "b"))
    assert scores["a"].tolist() == pytest.approx([0.4, 0])
    assert scores["b"].tolist() == pytest.approx([0.9, 0])
