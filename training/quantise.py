"""Smaller numbers for an exported graph, kept only where the decisions stay the same.

`int8` is static: weights and activations in 8 bits, with ranges learned from calibration scans.
`fp16` halves the file and computes in 16 bits, which pays on GPUs. Either is compared with the
graph it was made from, on golden scans, score by score and decision by decision.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from pydantic import BaseModel, Field

from parcelscope.datasets.errors import BundleError
from parcelscope.datasets.writing import write_whole

Scans = npt.NDArray[np.generic]
Outputs = dict[str, npt.NDArray[np.float32]]
Precision = Literal["int8", "fp16"]

INPUT = "scan"
NEEDS_RANGE = ("Log", "Exp", "Div", "Sqrt", "ReduceMin", "ReduceMax", "TopK", "Sigmoid")
"""Operators left in 32 bits: differences of logarithms and sums of squares lose all in 8."""


class QuantiseLimits(BaseModel, frozen=True, extra="forbid"):
    """What a smaller graph may cost."""

    score_difference: float = Field(default=0.02, ge=0)
    """Largest difference of a score, in the units of the score."""
    flipped_share: float = Field(default=0.002, ge=0, le=1)
    """Share of decisions that may come out the other way."""
    speed_up: float = Field(default=1.1, ge=0)
    """Times as fast as the full graph, at least: else the smaller one is not worth its errors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A smaller graph beside the one it was made from."""

    precision: Precision
    score_difference: float
    """Largest, over all golden scans and classes."""
    flipped: int
    decisions: int
    """Scans times classes with a threshold."""
    speed_up: float
    """Scans per second over those of the full graph, on one thread."""
    full_per_s: float
    small_per_s: float
    full_bytes: int
    small_bytes: int

    def refusal(self, limits: QuantiseLimits) -> str | None:
        """Why the graph is not to be used, in one sentence, or None where it may."""
        share = self.flipped / max(1, self.decisions)
        reasons = []
        if not self.score_difference <= limits.score_difference:
            reasons.append(
                f"a score differs by {self.score_difference:.3f}"
                f" (limit {limits.score_difference:.3f})"
            )
        if share > limits.flipped_share:
            reasons.append(
                f"{self.flipped} of {self.decisions} decisions flip"
                f" (limit {limits.flipped_share:.2%})"
            )
        if self.speed_up < limits.speed_up:
            reasons.append(f"it is {self.speed_up:.2f} times as fast (limit {limits.speed_up:.2f})")
        return f"{self.precision} refused: {', '.join(reasons)}" if reasons else None


def quantise(
    path: Path,
    out: Path,
    *,
    precision: Precision,
    calibration: Scans,
    golden: Scans,
    thresholds: Mapping[str, tuple[int, float]],
    output: str,
    limits: QuantiseLimits | None = None,
) -> Comparison:
    """Write a smaller graph to `out`, if it stays within `limits`.

    Args:
        path: Graph with the input `scan`.
        out: Where the smaller graph goes. Nothing is written where it is refused.
        precision: Which kind.
        calibration: (N, C, H, W) scans that the ranges of `int8` are learned from, 32 or more.
        golden: (M, C, H, W) other scans, which both graphs are compared on, 32 or more.
        thresholds: By class: its channel in `output`, and the score from which it is decided for.
        output: Output that holds the scores: (M,), or (M, classes, h, w) of which the highest of
            each class counts.
        limits: What it may cost.

    Raises:
        BundleError: If it is refused; the message has the figures.
    """
    for name, scans in (("calibration", calibration), ("golden", golden)):
        if len(scans) < 32:
            raise BundleError(f"{path.name}: {name} must hold at least 32 scans, got {len(scans)}")
    limits = limits or QuantiseLimits()
    with TemporaryDirectory() as folder:
        small = Path(folder) / path.name
        if precision == "int8":
            write_int8(path, small, calibration)
        else:
            write_fp16(path, small)
        found = compare(path, small, golden, thresholds, output=output, precision=precision)
        refusal = found.refusal(limits)
        if refusal is not None:
            raise BundleError(f"{path.name}: {refusal}")
        write_whole(out, small.read_bytes())
    return found


def write_int8(path: Path, out: Path, calibration: Scans) -> None:
    """Static quantisation: convolutions and matrix products in 8 bits, one scale per channel."""
    with TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.onnx"
        quant_pre_process(str(path), str(ready), skip_symbolic_shape=True)
        quantize_static(
            str(ready),
            str(out),
            _Reader(calibration),
            quant_format=QuantFormat.QDQ,
            # Without VNNI, sums of unsigned times signed 8-bit products overflow 16 bits unless
            # weights keep to 7 (onnxruntime's own advice for AVX2).
            reduce_range=True,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["Conv", "MatMul", "Gemm"],
            calibrate_method=CalibrationMethod.MinMax,
        )


def write_fp16(path: Path, out: Path) -> None:
    """Weights and convolutions in 16 bits; inputs, outputs and `NEEDS_RANGE` stay in 32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(
        onnx.load(path), keep_io_types=True, op_block_list=[*NEEDS_RANGE, "Cast", "Clip", "Resize"]
    )
    # The converter casts a value once for every use of it, each time under the same name.
    names = [node.name for node in model.graph.node]
    for at in reversed(range(len(names))):
        if names[at].endswith("_cast_to_fp32_node") and names[at] in names[:at]:
            del model.graph.node[at]
    out.write_bytes(model.SerializeToString())


def compare(
    full: Path,
    small: Path,
    golden: Scans,
    thresholds: Mapping[str, tuple[int, float]],
    *,
    output: str,
    precision: Precision,
) -> Comparison:
    """Scores, decisions and speed of both graphs on `golden`; see `quantise`."""
    sessions = [_session(path) for path in (full, small)]
    ours, theirs = (_scores(session, golden, output) for session in sessions)
    flipped = sum(
        int(((ours[:, channel] >= level) != (theirs[:, channel] >= level)).sum())
        for channel, level in thresholds.values()
    )
    full_per_s, small_per_s = _speeds(sessions, golden)
    channels = sorted({channel for channel, _ in thresholds.values()})
    return Comparison(
        precision=precision,
        score_difference=float(np.abs(ours - theirs)[:, channels].max()),
        flipped=flipped,
        decisions=len(golden) * len(thresholds),
        speed_up=small_per_s / full_per_s,
        full_per_s=full_per_s,
        small_per_s=small_per_s,
        full_bytes=full.stat().st_size,
        small_bytes=small.stat().st_size,
    )


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Hands scans to onnxruntime, a few at a time."""

    def __init__(self, scans: Scans, batch: int = 4) -> None:
        self._parts: Iterator[Scans] = (
            scans[start : start + batch] for start in range(0, len(scans), batch)
        )

    def get_next(self) -> dict[str, Scans] | None:
        part = next(self._parts, None)
        return None if part is None else {INPUT: part}


def _session(path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _scores(session: Any, scans: Scans, output: str) -> npt.NDArray[np.float32]:
    """(M, classes) highest score of each class."""
    parts = [
        session.run([output], {INPUT: scans[start : start + 8]})[0]
        for start in range(0, len(scans), 8)
    ]
    values = np.concatenate(parts)
    classes = values.shape[1] if values.ndim > 1 else 1
    return np.asarray(values.reshape(len(values), classes, -1).max(axis=2), np.float32)


def _speeds(sessions: list[Any], scans: Scans, rounds: int = 5) -> list[float]:
    """Scans per second of processor time: the graphs in turns, the best round of each."""
    part = {INPUT: scans[:8]}
    best = [np.inf] * len(sessions)
    for _ in range(rounds):
        for at, session in enumerate(sessions):
            started = time.process_time()
            session.run(None, part)
            best[at] = min(best[at], time.process_time() - started)
    return [len(scans[:8]) / max(seconds, 1e-9) for seconds in best]
