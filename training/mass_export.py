"""A model of mass as an ONNX graph, with proof that both say the same."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.writing import write_whole
from parcelscope.inference.mass_models import MASS_INPUT, MASS_OUTPUT, log_g_per_cm2
from parcelscope.inference.sessions import open_session
from parcelscope.training.export import OPSET, ParityError
from parcelscope.training.mass_fit import Model

TOLERANCE = 1e-4
"""Largest difference of the logarithm of a mass, 0.01 %: the graph computes in single precision."""


def export_mass(model: Model, path: Path, columns: npt.NDArray[np.float32]) -> dict[str, float]:
    """Write `model` to `path`; its largest difference from scikit-learn by size of batch.

    Args:
        model: Fitted on float32 columns.
        path: Where the graph goes: `columns` (N, D) to `log_g_per_cm2` (N, 1).
        columns: (N, D) scans to compare on, in batches of 1, 2 and all, and in reversed order.

    Raises:
        ConfigError: If skl2onnx is not installed.
        ParityError: If one differs by more than the tolerance.
    """
    try:
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType
    except ModuleNotFoundError:
        raise ConfigError(
            "exporting a model of mass needs skl2onnx, which is not installed; install"
            " parcelscope[train]"
        ) from None
    graph = convert_sklearn(
        model,
        name="mass",  # left out, it is drawn anew each time, and the digest with it
        initial_types=[(MASS_INPUT, FloatTensorType([None, columns.shape[1]]))],
        final_types=[(MASS_OUTPUT, FloatTensorType([None, 1]))],
        target_opset={"": OPSET, "ai.onnx.ml": 3},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, graph.SerializeToString())
    gaps = parity(model, path, columns)
    worst = max(gaps.values())
    if not worst <= TOLERANCE:
        raise ParityError(
            f"{path.name}: logarithms of mass differ by {worst:.2e}, expected at most {TOLERANCE}"
        )
    return gaps


def parity(model: Model, path: Path, columns: npt.NDArray[np.float32]) -> dict[str, float]:
    """Largest difference of the graph at `path` from `model`, by how `columns` are given to it."""
    session = open_session(path, threads=1)
    expected = model.predict(columns)

    def gap(batches: list[npt.NDArray[np.float32]], wanted: npt.NDArray[np.float64]) -> float:
        found = np.concatenate([log_g_per_cm2(session, batch) for batch in batches])
        return float(f"{np.abs(found - wanted).max():.2g}")

    few = min(len(columns), 64)
    gaps = {
        f"parity_batch_{size}": gap(
            [columns[start : start + size] for start in range(0, few, size)], expected[:few]
        )
        for size in (1, 2)
    }
    gaps[f"parity_batch_{len(columns)}"] = gap([columns], expected)
    gaps["parity_order"] = gap([np.ascontiguousarray(columns[::-1])], expected[::-1])
    return gaps
