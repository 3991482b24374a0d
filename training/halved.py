"""Convolution weights kept in 16 bits: half the file, the same arithmetic.

The graph computes in 32 bits as before: the weights of each large convolution are stored as float16
and cast back, which a runtime does once, when it opens the file. What was fitted in closed form,
such as an inverse covariance, stays exact.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from parcelscope.datasets.writing import write_whole
from parcelscope.training.export import ParityError, largest_difference

LEAST_WEIGHTS = 256
"""Smaller filters save nothing."""
COMPARED = 32
"""Scans that the outputs before and after are compared on."""
TOLERANCE = 0.03
"""Largest difference of an output, relative to its largest value. Calibrate afterwards, on the file
as stored: then no p-value or threshold is off by it."""


def store_halved(
    path: Path, *, outputs: tuple[str, ...], samples: npt.NDArray[np.generic]
) -> float:
    """Rewrite the graph at `path` with large filters in 16 bits; the largest difference made.

    Args:
        path: An ONNX file with weights inside.
        outputs: Names of its outputs.
        samples: Scans (N, C, H, W) to compare on.

    Raises:
        ParityError: If an output differs by more than the tolerance; the file is then as it was.
    """
    before = path.read_bytes()
    after = halved(onnx.load_from_string(before)).SerializeToString()
    found = largest_difference(
        _run(after, outputs, samples), _run(before, outputs, samples), outputs
    )
    if not found <= TOLERANCE:
        raise ParityError(
            f"{path.name}: weights in 16 bits change an output by {found:.2e}, expected at most"
            f" {TOLERANCE:.0e}"
        )
    write_whole(path, after)
    return found


def halved(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` with its large 32-bit filters stored in 16 bits and cast back where they are used.

    Weights beyond the range of float16 (65,504) stay as they are.
    """
    filters = {node.input[1] for node in model.graph.node if node.op_type == "Conv"}
    casts = []
    for weight in model.graph.initializer:
        convolves = weight.name in filters and np.prod(weight.dims) >= LEAST_WEIGHTS
        if weight.data_type != TensorProto.FLOAT or not convolves:
            continue
        values = numpy_helper.to_array(weight)
        if not np.abs(values).max() < np.finfo(np.float16).max:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [f"{name}_half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        model.graph.node.insert(0, cast)
    return model


def _run(
    graph: bytes, outputs: tuple[str, ...], samples: npt.NDArray[np.generic]
) -> list[npt.NDArray[np.float32]]:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    found: list[npt.NDArray[np.float32]] = session.run(list(outputs), {"scan": samples})
    return found
