import numpy as np
import polars as pl
import pytest

from parcelscope.training.metrics import (
    auroc,
    average_precisions,
    bootstrap,
    mean_average_precision,
    mean_of,
    recall_at_false_alarms,
)

BOX = {"image_path": "a", "label": "knife", "x0": 0.0, "y0": 0.0, "x1": 10.0, "y1": 10.0}


def test_no_rows_give_no_figure() -> None:
    figure = mean_of(np.empty(0))
    assert np.isnan(figure.value)
    assert figure.count == 0


def test_the_interval_encloses_the_mean_and_narrows_with_more_rows() -> None:
    rng = np.random.default_rng(0)
    few, many = (mean_of(rng.normal(5, 1, count)) for count in (30, 3000))
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 5


def test_auroc_of_a_perfect_a_reversed_and_a_useless_score() -> None:
    positive = np.array([False] * 50 + [True] * 50)
    score = np.arange(100.0)
    assert auroc(score, positive).value == 1
    assert auroc(-score, positive).value == 0
    assert auroc(np.zeros(100), positive).value == 0.5


def test_recall_counts_what_lies_above_the_allowed_false_alarms() -> None:
    score = np.concatenate([np.arange(100.0), [97.5, 98.5, 150.0, 0.0]])
    positive = np.array([False] * 100 + [True] * 4)
    assert recall_at_false_alarms(score, positive, false_alarms=0.02).value == 0.75
    assert recall_at_false_alarms(score, positive, false_alarms=0.0).value == 0.25


def test_tied_scores_are_no_recall() -> None:
    positive = np.array([False] * 100 + [True] * 10)
    assert recall_at_false_alarms(np.zeros(110), positive, false_alarms=0.02).value == 0


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param([BOX | {"score": 0.9}], 1.0, id="found"),
        pytest.param([], 0.0, id="missed"),
        pytest.param([BOX | {"score": 0.9, "x0": 6.0}], 0.0, id="too little overlap"),
        pytest.param([BOX | {"score": 0.9, "label": "vape"}], 0.0, id="another class"),
        pytest.param(
            [BOX | {"score": 0.9, "image_path": "b"}, BOX | {"score": 0.5}],
            0.5,
            id="a false alarm first",
        ),
    ],
)
def test_average_precision_of_one_knife(found: list[dict[str, object]], expected: float) -> None:
    schema = {**dict.fromkeys(("image_path", "label"), pl.String()),
              **dict.fromkeys(("x0", "y0", "x1", "y1", "score"), pl.Float64())}  # fmt: skip
    figure, by_class = mean_average_precision(
        pl.DataFrame([BOX]), pl.DataFrame(found, schema=schema), ["a", "b"], ("knife", "vape")
    )
    assert figure.value == pytest.approx(expected, abs=0.01)
    assert by_class["knife"] == pytest.approx(expected, abs=0.01)
    assert np.isnan(by_class["vape"])


def test_resampling_is_the_same_for_the_same_seed() -> None:
    values = np.random.default_rng(1).random(50)
    first, second = (bootstrap(50, lambda rows: float(values[rows].mean())) for _ in range(2))
    assert first == second


def test_rows_of_one_group_do_not_make_a_figure_surer() -> None:
    values = np.repeat(np.random.default_rng(4).normal(0, 1, 20), 50)
    groups = np.repeat(np.arange(20), 50)
    alone, together = (mean_of(values), mean_of(values, groups))
    assert alone.value == together.value
    assert together.high - together.low > 4 * (alone.high - alone.low)


def test_precision_at_higher_overlaps_asks_for_better_boxes() -> None:
    shifted = pl.DataFrame([BOX | {"score": 0.9, "x0": 2.0, "x1": 12.0}])  # overlap 8 / 12
    found = average_precisions(pl.DataFrame([BOX]), shifted, ["a", "b"], ("knife", "vape"))
    assert found.map50.value == pytest.approx(1, abs=0.01)
    # Overlaps of 0.5, 0.55, 0.6 and 0.65 of the ten are met.
    assert found.map50_95.value == pytest.approx(0.4, abs=0.01)
    assert found.by_class["knife"].ap50_95.value == pytest.approx(0.4, abs=0.01)
    assert found.by_class["knife"].ap50.count == 1
    assert found.by_class["vape"].ap50.count == 0
    assert np.isnan(found.by_class["vape"].ap50.value)


def test_every_detection_is_matched_once() -> None:
    found = pl.DataFrame(
        [BOX | {"score": 0.9}, BOX | {"score": 0.8}, BOX | {"score": 0.7, "image_path": "b"}]
    )
    precisions = average_precisions(pl.DataFrame([BOX]), found, ["a", "b"], ("knife",))
    assert precisions.score.tolist() == [0.9, 0.8, 0.7]
    assert precisions.hit.tolist() == [True, False, False]
    assert precisions.row.tolist() == [0, 0, 1]
