"""The trees of a bundle's fusion models, as functions that screening calls without knowing ONNX."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.detectors import ScoreError
from parcelscope.inference.sessions import open_session
from parcelscope.models.bundle import Bundle, TreeModel

Scorer = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]
LEAST = 1e-6
"""Probabilities are kept this far from 0 and 1, which have no logit."""


def load_risk_scorers(bundle: Bundle, folder: Path) -> dict[OwnerKind, Scorer]:
    """One function for each fusion model of `bundle` that has trees; their files lie in `folder`.

    Raises:
        BundleError: If a file is no model.
    """
    models: dict[OwnerKind, TreeModel | None] = {
        "parcel": bundle.parcel_fusion.trees,
        "carton": bundle.carton_fusion.trees,
    }
    return {
        kind: tree_scorer(folder / trees.file)
        for kind, trees in models.items()
        if trees is not None
    }


def tree_scorer(path: Path) -> Scorer:
    """From columns (N, D) float32 to logits (N,) by the graph at `path`.

    The graph's input is `columns`, its output `probabilities` (N, 2), compliant then violative.
    """
    session = open_session(path, threads=1)

    def score(columns: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        if len(columns) == 0:
            return np.zeros(0)
        (probabilities,) = session.run(["probabilities"], {"columns": columns})
        risk = np.clip(probabilities[:, 1].astype(np.float64), LEAST, 1 - LEAST)
        if not np.isfinite(risk).all():
            raise ScoreError(f"{path.name}: output 'probabilities' is not finite")
        logit: npt.NDArray[np.float64] = np.log(risk / (1 - risk))
        return logit

    return score
