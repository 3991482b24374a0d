"""Smaller graphs: kept where the decisions stay the same, refused with the figures elsewhere."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from parcelscope.datasets.errors import BundleError
from parcelscope.training.quantise import Comparison, Precision, QuantiseLimits, compare, quantise

Counts = npt.NDArray[np.uint16]
SLOW_IS_FINE = QuantiseLimits(score_difference=0.05, flipped_share=0.02, speed_up=0.0)
GOOD = Comparison(
    precision="int8",
    score_difference=0.01,
    flipped=1,
    decisions=1000,
    speed_up=1.6,
    full_per_s=100.0,
    small_per_s=160.0,
    full_bytes=400,
    small_bytes=100,
)


def test_a_graph_within_its_limits_is_not_refused() -> None:
    assert GOOD.refusal(QuantiseLimits()) is None


@pytest.mark.parametrize(
    ("worse", "sentence"),
    [
        pytest.param(
            replace(GOOD, score_difference=0.11),
            "int8 refused: a score differs by 0.110 (limit 0.020)",
            id="score",
        ),
        pytest.param(
            replace(GOOD, flipped=7),
            "int8 refused: 7 of 1000 decisions flip (limit 0.20%)",
            id="decisions",
        ),
        pytest.param(
            replace(GOOD, speed_up=0.9),
            "int8 refused: it is 0.90 times as fast (limit 1.10)",
            id="speed",
        ),
        pytest.param(
            replace(GOOD, score_difference=float("nan")),
            "int8 refused: a score differs by nan (limit 0.020)",
            id="no number",
        ),
    ],
)
def test_a_refusal_says_which_limit_and_by_how_much(worse: Comparison, sentence: str) -> None:
    assert worse.refusal(QuantiseLimits()) == sentence


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_a_smaller_graph_that_says_the_same_is_written(
    tmp_path: Path, precision: Precision
) -> None:
    full = graph(tmp_path / "full.onnx")
    found = quantise(
        full,
        tmp_path / "small.onnx",
        precision=precision,
        calibration=scans(32, seed=1),
        golden=scans(48, seed=2),
        thresholds={"left": (0, 0.5), "right": (1, 0.5)},
        output="peaks",
        limits=SLOW_IS_FINE,
    )
    assert found.decisions == 96
    assert found.score_difference <= 0.05
    assert found.small_per_s > 0
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx")
    (peaks,) = session.run(None, {"scan": scans(3, seed=3)})
    assert peaks.shape == (3, 2, 12, 16)


def test_a_smaller_graph_that_says_otherwise_is_not_written(tmp_path: Path) -> None:
    full = graph(tmp_path / "full.onnx")
    with pytest.raises(
        BundleError, match=r"full.onnx: int8 refused: a score differs by .* \(limit"
    ):
        quantise(
            full,
            tmp_path / "small.onnx",
            precision="int8",
            calibration=scans(32, seed=1),
            golden=scans(32, seed=2),
            thresholds={"left": (0, 0.5)},
            output="peaks",
            limits=QuantiseLimits(score_difference=1e-6),
        )
    assert not (tmp_path / "small.onnx").exists()


def test_a_graph_equals_itself(tmp_path: Path) -> None:
    full = graph(tmp_path / "full.onnx")
    found = compare(
        full, full, scans(32, seed=2), {"left": (0, 0.5)}, output="peaks", precision="int8"
    )
    assert (found.score_difference, found.flipped) == (0.0, 0)


def test_too_few_scans_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="calibration must hold at least 32 scans, got 8"):
        quantise(
            graph(tmp_path / "full.onnx"),
            tmp_path / "small.onnx",
            precision="int8",
            calibration=scans(8, seed=1),
            golden=scans(32, seed=2),
            thresholds={},
            output="peaks",
        )


def scans(count: int, *, seed: int) -> Counts:
    rng = np.random.default_rng(seed)
    return rng.integers(5000, 60000, (count, 2, 12, 16)).astype(np.uint16)


def graph(path: Path) -> Path:
    """Counts to two maps of scores: convolutions, and what needs its range."""
    rng = np.random.default_rng(0)
    weights = {
        "air": np.array(60000.0, np.float32),
        "w1": rng.normal(0, 0.3, (8, 2, 3, 3)).astype(np.float32),
        "b1": np.zeros(8, np.float32),
        "w2": (2 * rng.normal(0, 0.3, (2, 8, 1, 1))).astype(np.float32),
        "b2": np.zeros(2, np.float32),
    }
    nodes = [
        helper.make_node("Cast", ["scan"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["real", "air"], ["level"]),
        helper.make_node("Conv", ["level", "w1", "b1"], ["c1"], pads=[1, 1, 1, 1]),
        # One value for two operators that stay in 32 bits: it must be cast only once.
        helper.make_node("Sigmoid", ["c1"], ["s1"]),
        helper.make_node("Sqrt", ["s1"], ["q1"]),
        helper.make_node("Log", ["s1"], ["l1"]),
        helper.make_node("Mul", ["q1", "l1"], ["r1"]),
        helper.make_node("Conv", ["r1", "w2", "b2"], ["c2"]),
        helper.make_node("Sigmoid", ["c2"], ["peaks"]),
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "tiny",
            [helper.make_tensor_value_info("scan", TensorProto.UINT16, ["batch", 2, 12, 16])],
            [helper.make_tensor_value_info("peaks", TensorProto.FLOAT, ["batch", 2, 12, 16])],
            [numpy_helper.from_array(value, name) for name, value in weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )
    onnx.save(model, path)
    return path
