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
    assert 0 < difference < 5e-3
    assert path.stat().st_size < 0.6 * before
    onnx.checker.check_model(onnx.load(path))
    assert [p.name for p in tmp_path.iterdir()] == ["network.onnx"]


def doubling(weight: np.ndarray) -> onnx.ModelProto:
    graph = helper.make_graph(
        [helper.make_node("Mul", ["scan", "weight"], ["score"])],
        "one product",
        [helper.make_tensor_value_info("scan", TensorProto.FLOAT, [None, len(weight)])],
        [helper.make_tensor_value_info("score", TensorProto.FLOAT, [None, len(weight)])],
        [numpy_helper.from_array(weight, "weight")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def test_weights_beyond_the_range_of_16_bits_stay(tmp_path: Path) -> None:
    path = tmp_path / "large.onnx"
    weight = np.linspace(0, 2e5, 300, dtype=np.float32)
    onnx.save(doubling(weight), path)
    scan = np.ones((1, 300), np.float32)
    assert store_halved(path, outputs=("score",), samples=scan) == 0
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert (session.run(None, {"scan": scan})[0] == weight).all()


def test_a_graph_that_would_change_too_much_is_left_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    # Below the smallest float16: the weights would vanish, and the output with them.
    weight = np.full(300, 1e-9, np.float32)
    onnx.save(doubling(weight), path)
    before = path.read_bytes()
    with pytest.raises(ParityError, match=r"small\.onnx: weights in 16 bits change an output"):
        store_halved(path, outputs=("score",), samples=np.full((1, 300), 1e9, np.float32))
    assert path.read_bytes() == before
