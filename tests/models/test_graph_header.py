"""The header of ONNX files, against what the `onnx` package says of them."""

import contextlib
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.errors import BundleError
from parcelscope.models.bundle import builtin_bundle_folder
from parcelscope.models.graph_header import parse_graph_header, read_graph_header

BUILTIN = sorted(builtin_bundle_folder().glob("*.onnx"))


def weight(name: str) -> TensorProto:
    return numpy_helper.from_array(np.ones((300, 300), np.float32), name)


def branching_model(inner: TensorProto, *, opset: int = 18) -> onnx.ModelProto:
    """A model whose weight hides in the branch of an `If`."""
    value = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    branch = helper.make_graph(
        [helper.make_node("Constant", [], ["out"], value=inner)], "branch", [], [value]
    )
    node = helper.make_node("If", ["yes"], ["out"], then_branch=branch, else_branch=branch)
    graph = helper.make_graph(
        [node], "outer", [helper.make_tensor_value_info("yes", TensorProto.BOOL, [])], [value]
    )
    domains = [helper.make_opsetid("", opset), helper.make_opsetid("com.example", 3)]
    return helper.make_model(graph, opset_imports=domains)


def outside(tensor: TensorProto) -> TensorProto:
    """The tensor with its values said to lie in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "weights.bin"
    return tensor


@pytest.mark.parametrize("path", BUILTIN, ids=lambda path: path.name)
def test_the_built_in_graphs_are_opset_18_and_whole(path: Path) -> None:
    header = read_graph_header(path)
    model = onnx.load(path)
    assert header.opsets == tuple((o.domain, o.version) for o in model.opset_import)
    assert header.opsets == (("", 18),)
    assert header.external == ()


def test_weights_in_a_branch_of_a_branch_are_found() -> None:
    inside, elsewhere = weight("inside"), outside(weight("elsewhere"))
    assert parse_graph_header(branching_model(inside).SerializeToString()).external == ()
    header = parse_graph_header(branching_model(elsewhere).SerializeToString())
    assert set(header.external) == {"elsewhere"}
    assert header.opsets == (("", 18), ("com.example", 3))


def test_a_model_saved_with_external_data_is_seen_as_such(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path, kinds=("dual",), detectors=("xray.items",))
    model = onnx.load(tmp_path / "items-dual.onnx")
    model.graph.initializer.append(weight("large"))
    onnx.save(model, tmp_path / "split.onnx", save_as_external_data=True, location="split.bin")
    assert "large" in read_graph_header(tmp_path / "split.onnx").external


def test_functions_that_the_file_brings_are_its_own() -> None:
    body = [helper.make_node("Constant", [], ["out"], value=outside(weight("hidden")))]
    ops = [helper.make_opsetid("", 18), helper.make_opsetid("their.functions", 1)]
    function = helper.make_function("their.functions", "fun", [], ["out"], body, ops[:1])
    value = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    call = helper.make_node("fun", [], ["out"], domain="their.functions")
    graph = helper.make_graph([call], "outer", [], [value])
    model = helper.make_model(graph, opset_imports=ops, functions=[function])
    header = parse_graph_header(model.SerializeToString())
    assert header.own == {"their.functions"}
    assert header.external == ("hidden",)


def test_a_graph_nested_without_end_is_refused() -> None:
    node = helper.make_node("Identity", ["a"], ["b"])
    for _ in range(22):
        graph = helper.make_graph([node], "inner", [], [])
        node = helper.make_node("Loop", ["a"], ["b"], body=graph)
    model = helper.make_model(helper.make_graph([node], "outer", [], []))
    with pytest.raises(ValueError, match="nested more than 16 deep"):
        parse_graph_header(model.SerializeToString())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"<html>not found</html>", id="web page"),
        pytest.param(b"\x3a\xff\xff\xff\xff\xff", id="length beyond the end"),
        pytest.param(b"\x08" + b"\xff" * 12, id="number without an end"),
    ],
)
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "items.onnx"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"items\.onnx: expected an ONNX model, got: a "):
        read_graph_header(path)


@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_bytes_are_a_sentence_and_nothing_else(noise: bytes, at: int) -> None:
    content = branching_model(helper.make_tensor("w", TensorProto.FLOAT, [1], [1.0]))
    whole = content.SerializeToString()
    damaged = whole[:at] + noise + whole[at + len(noise) :]
    header = None
    with contextlib.suppress(ValueError):
        header = parse_graph_header(damaged)
    assert header is None or header.opsets
