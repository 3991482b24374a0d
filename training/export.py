"""From a torch network to one ONNX file, with proof that both say the same."""

import hashlib
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from torch import nn

from parcelscope.datasets.writing import write_whole
from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap import FLOOR

OPSET = 18
"""Above it the CUDA provider has no kernel for some resize and reduce nodes."""
TOLERANCE = 2e-4
"""Largest difference between torch and ONNX, relative to the largest output."""


class ParityError(AssertionError):
    """An exported graph does not say what its network says."""


def export_onnx(
    module: nn.Module,
    path: Path,
    *,
    kind: InputKind,
    height_px: int,
    width_px: int,
    outputs: tuple[str, ...],
    samples: npt.NDArray[np.generic],
) -> dict[str, float]:
    """Write `module` to `path` and check it against torch; the differences found.

    Args:
        module: Network in evaluation mode, from one scan tensor to a tuple of tensors.
        path: Where the file goes.
        kind: Input contract.
        height_px: Canvas height.
        width_px: Canvas width.
        outputs: Names of the outputs.
        samples: At least 5 scans (N, C, H, W) to compare on.

    Returns:
        `parity_batch_1`, `_2`, `_5` and `order`: largest relative differences.

    Raises:
        ParityError: If one is above the tolerance.
    """
    module = module.eval().to(memory_format=torch.contiguous_format)
    channels, dtype = (2, torch.uint16) if kind == "dual" else (3, torch.uint8)
    example = torch.zeros((2, channels, height_px, width_px), dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter warns of its own deprecations
        program = torch.onnx.export(
            module,
            (example,),
            input_names=["scan"],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("batch", min=1, max=1024)},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    write_whole(path, without_traces(program.model_proto).SerializeToString())
    return check_parity(module, path, outputs=outputs, samples=samples)


def without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` without the exporter's notes: source lines and paths of the machine it ran on."""
    for holder in (model, model.graph, *model.functions):
        del holder.metadata_props[:]
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
            node.doc_string = ""
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    return model


def check_parity(
    module: nn.Module,
    path: Path,
    *,
    outputs: tuple[str, ...],
    samples: npt.NDArray[np.generic],
) -> dict[str, float]:
    """Largest relative differences between `module` and the graph at `path`; see `export_onnx`."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wide = np.int32 if samples.dtype == np.uint16 else np.uint8
    with torch.no_grad():
        expected = [t.numpy() for t in module(torch.from_numpy(samples[:5].astype(wide)))]
    found: dict[str, float] = {}
    for size in (1, 2, 5):
        parts = [
            session.run(list(outputs), {"scan": samples[start : min(start + size, 5)]})
            for start in range(0, 5, size)
        ]
        joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
        found[f"parity_batch_{size}"] = largest_difference(joined, expected, outputs)
    turned = session.run(list(outputs), {"scan": np.ascontiguousarray(samples[:5][::-1])})
    found["parity_order"] = largest_difference([t[::-1] for t in turned], expected, outputs)
    worst = max(found, key=lambda key: found[key])
    if not found[worst] <= TOLERANCE:
        raise ParityError(
            f"{path.name}: {worst} is {found[worst]:.2e}, expected at most {TOLERANCE:.0e}"
        )
    return found


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def largest_difference(
    found: list[npt.NDArray[np.float32]],
    expected: list[npt.NDArray[np.float32]],
    names: tuple[str, ...],
) -> float:
    """Largest difference over all outputs, relative to each output's largest value.

    Peaks are compared by height, not by place: two equal neighbours may swap by rounding. What lies
    below the lowest peak that decoding keeps is taken as equal: where a network says nothing, cells
    are as high as each other, and rounding decides which of them is a peak.
    """
    worst = 0.0
    for name, ours, theirs in zip(names, found, expected, strict=True):
        if name == "peaks":
            ours, theirs = (
                np.maximum(np.sort(t.reshape(len(t), -1))[:, -50:], FLOOR) for t in (ours, theirs)
            )
        gap = float(np.abs(ours - theirs).max())
        worst = max(worst, gap / max(1.0, float(np.abs(theirs).max())))
    return worst
