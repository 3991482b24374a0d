"""The contents detector as a file: exported, checked, calibrated; and how well it contradicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score

from parcelscope.models.bundle import GenuineScores, InputKind
from parcelscope.models.contents_network import ContentsNetwork
from parcelscope.training.calibrate import run_graph
from parcelscope.training.contents import TrueContents, calibrate_contents
from parcelscope.training.export import export_onnx
from parcelscope.training.halved import COMPARED, store_halved
from parcelscope.training.metrics import auroc, mean_of

OUTPUTS = ("support", "material")
LIMIT = 0.05
"""P-value from which screening reports a contradiction, as it is configured by default."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentsGraph:
    """What is known of an exported detector."""

    genuine: dict[str, GenuineScores]
    support: Floats
    """(N, F) on the scans that it was calibrated on."""
    parity: dict[str, float]


def write_graph(
    network: ContentsNetwork,
    families: Sequence[str],
    path: Path,
    *,
    kind: InputKind,
    samples: npt.NDArray[np.generic],
    held_out: npt.NDArray[np.generic],
    contents: Sequence[TrueContents],
    half_weights: bool = False,
) -> ContentsGraph:
    """Export `network` to `path` and calibrate the file.

    Args:
        network: The fitted detector.
        families: What its heads stand for.
        path: Where the file goes.
        kind: Input contract.
        samples: At least 5 scans to compare graph and network on.
        held_out: Scans that it was not fitted on.
        contents: What each of those holds.
        half_weights: Store large filters in 16 bits.
    """
    parity = export_onnx(
        network,
        path,
        kind=kind,
        height_px=samples.shape[2],
        width_px=samples.shape[3],
        outputs=OUTPUTS,
        samples=samples[:5],
    )
    if half_weights:
        parity["stored_in_16_bits"] = store_halved(
            path, outputs=OUTPUTS, samples=samples[:COMPARED]
        )
    (support,) = run_graph(path, held_out, ("support",))
    return ContentsGraph(
        genuine=calibrate_contents(support, contents, families), support=support, parity=parity
    )


def support_metrics(
    support: Floats, contents: Sequence[TrueContents], families: Sequence[str]
) -> dict[str, float]:
    """AUROC of each family's support: parcels that declare it against parcels without any of it."""
    found = {}
    for column, family in enumerate(families):
        declared = np.array([family in one.declared for one in contents])
        taught = declared | np.array([family not in one.present for one in contents])
        if declared.any() and not declared[taught].all():
            found[f"auroc_{family.replace(' ', '_')}"] = float(
                roc_auc_score(declared[taught], support[taught, column])
            )
    return found


def contradiction_metrics(
    support: Floats,
    contents: Sequence[TrueContents],
    families: Sequence[str],
    genuine: Mapping[str, GenuineScores],
) -> dict[str, float]:
    """How honest declarations are told from such as name a family that is not there.

    Args:
        support: (N, F) on scans that it was neither fitted nor calibrated on.
        contents: What each of them holds.
        families: The columns.
        genuine: Scores of compliant parcels by family.

    Returns:
        `contradicting_auroc`, and the shares reported at p-values of `LIMIT` or less:
        `honest_reported` and `contradicting_reported`, each with its 95 % interval.
    """
    honest, contradicting = declared_p_values(support, contents, families, genuine)
    both = np.concatenate([honest, contradicting])
    if not len(honest) or not len(contradicting):
        return {}
    figures = {
        "contradicting_auroc": auroc(-both, np.arange(len(both)) >= len(honest)),
        "honest_reported": mean_of((honest <= LIMIT).astype(np.float64)),
        "contradicting_reported": mean_of((contradicting <= LIMIT).astype(np.float64)),
    }
    return {
        f"{name}{ending}": float(value)
        for name, figure in figures.items()
        for ending, value in (("", figure.value), ("_low", figure.low), ("_high", figure.high))
    }


def declared_p_values(
    support: Floats,
    contents: Sequence[TrueContents],
    families: Sequence[str],
    genuine: Mapping[str, GenuineScores],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """P-values of honest declarations, one a parcel, and of each family that is not there.

    That of a declaration of several families is the largest of theirs, as in screening; one that
    names a family without a p-value is not assessed.
    """
    honest, contradicting = [], []
    for row, one in zip(support, contents, strict=True):
        p_value = {
            family: genuine[family].p_value(-float(score))
            for family, score in zip(families, row, strict=True)
            if family in genuine
        }
        if one.declared and one.declared <= p_value.keys():
            honest.append(max(p_value[family] for family in one.declared))
        contradicting += [p for family, p in p_value.items() if family not in one.present]
    return np.array(honest, np.float64), np.array(contradicting, np.float64)
