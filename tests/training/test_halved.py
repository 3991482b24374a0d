from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from parcelscope.models.heatmap_network import ExportedHeatmap, HeatmapNetwork
from parcelscope.training.export import ParityError, export_onnx
from parcelscope.training.halved import store_halved

NAMES = ("peaks", "size", "offset", "count")


def samples() -> np.ndarray:
    return np.random.default_rng(0).integers(1, 60000, (5, 2, 64, 96)).astype(np.uint16)


def test_half_the_file_says_nearly_the_same(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path = tmp_path / "network.onnx"
    network = ExportedHeatmap(HeatmapNetwork(2, "dual").eval(), with_count=True)
    export_onnx(
        network, path, kind="dual", height_px=64, width_px=96, outputs=NAMES, samples=samples()
    )
    before = path.stat().st_size
    difference = store_halved(path, outputs=NAMES, samples=samples())
    assert 0 < difference < 0.01
    assert path.stat().st_size < 0.6 * before
    onnx.checker.check_model(onnx.load(path))
    assert [p.name for p in tmp_path.iterdir()] == ["network.onnx"]


def convolution(weight: np.ndarray) -> onnx.ModelProto:
    """One convolution with the filters `weight` (C,), each of a single pixel."""
    count = len(weight)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["scan", "weight"], ["score"])],
        "one convolution",
        [helper.make_tensor_value_info("scan", TensorProto.FLOAT, [None, 1, 2, 2])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, count, 2, 2])],
        [numpy_helper.from_array(weight.reshape(count, 1, 1, 1), "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_filters_beyond_the_range_of_16_bits_stay(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    weight = np.linspace(0, 2e5, 300, dtype=np.float32)
    onnx.save(convolution(weight), path)
    scan = np.ones((1, 1, 2, 2), np.float32)
    assert store_halved(path, outputs=("score",), samples=scan) == 0
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert (session.run(None, {"scan": scan})[0][0, :, 0, 0] == weight).all()


def test_a_graph_that_would_change_too_much_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    # Below the smallest float16: the filters would vanish, and the output with them.
    onnx.save(convolution(np.full(300, 1e-9, np.float32)), path)
    before = path.read_bytes()
    scan = np.full((1, 1, 2, 2), 1e9, np.float32)
    with pytest.raises(ParityError, match=r"small\.onnx: weights in 16 bits change an output"):
        store_halved(path, outputs=("score",), samples=scan)
    assert path.read_bytes() == before
