"""Boosted trees of scikit-learn as an ONNX graph, with proof that both say the same.

Only `GradientBoostingClassifier` is exported: skl2onnx's converters of histogram boosting and of
isotonic regression fail or drift, so calibration is knots in `bundle.json`.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import GradientBoostingClassifier

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.writing import write_whole
from parcelscope.inference.risk import tree_scorer
from parcelscope.training.export import OPSET, ParityError

TOLERANCE = 1e-3
"""Largest difference of a logit: the graph adds up single-precision leaves."""


def export_trees(
    model: GradientBoostingClassifier, path: Path, table: npt.NDArray[np.float32]
) -> float:
    """Write `model` to `path`; the largest difference of a logit from scikit-learn on `table`.

    Args:
        model: Fitted on float32 columns.
        path: Where the graph goes: input `columns` (N, D), output `probabilities` (N, 2).
        table: (N, D) owners to compare on, in batches of 1, 2 and all.

    Raises:
        ConfigError: If skl2onnx is not installed.
        ParityError: If one differs by more than the tolerance.
    """
    try:
        from skl2onnx import to_onnx
        from skl2onnx.common.data_types import FloatTensorType
    except ModuleNotFoundError:
        raise ConfigError(
            "exporting trees needs skl2onnx, which is not installed; install parcelscope[train],"
            " or train with model=logistic"
        ) from None
    graph = to_onnx(
        model,
        initial_types=[("columns", FloatTensorType([None, table.shape[1]]))],
        name="trees",  # else a random one, and another digest at each training
        target_opset={"": OPSET, "ai.onnx.ml": 3},
        options={id(model): {"zipmap": False}},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, graph.SerializeToString())
    score = tree_scorer(path)
    expected = np.clip(model.decision_function(table), -13.8, 13.8)
    gap = float(np.abs(score(table) - expected).max())
    few = min(len(table), 8)
    for size in (1, 2):
        parts = [score(table[start : start + size]) for start in range(0, few, size)]
        gap = max(gap, float(np.abs(np.concatenate(parts) - expected[:few]).max()))
    if not gap <= TOLERANCE:
        raise ParityError(f"{path.name}: logits differ by {gap:.2e}, expected at most {TOLERANCE}")
    return gap
