"""Fitting the contents detector: one regularised linear head per family of goods."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.linear_model import LogisticRegression

from parcelscope.datasets.synthetic.declaration import MOST_KINDS, goods_by_mass
from parcelscope.datasets.xray.goods_catalog import CATALOG
from parcelscope.datasets.xray.scan import object_masses_g
from parcelscope.datasets.xray.scene import Scene
from parcelscope.models.bundle import GenuineScores
from parcelscope.models.contents_network import ContentsFeatures, ContentsFit
from parcelscope.training.calibrate import genuine_scores
from parcelscope.training.scan_sets import parcel_scene

Floats = npt.NDArray[np.float32]

FAMILIES: tuple[str, ...] = tuple(sorted({entry.family for entry in CATALOG.values()}))
"""Families that generated parcels hold."""
STRENGTH = 0.03
"""Inverse strength of the heads' ridge penalty, on standardised features: there are hundreds of
features for at most a few hundred parcels that declare a family."""
FEWEST = 20
"""Parcels that declare a family, and that hold none of it, below which it has no head."""


@dataclass(frozen=True, slots=True)
class TrueContents:
    """The families of goods in one parcel."""

    declared: frozenset[str]
    """Those that an honest sender names: of the heaviest kinds of goods."""
    present: frozenset[str]
    """All of them."""


def true_contents(scene: Scene) -> TrueContents:
    """What the parcel `scene` holds, and what an honest sender declares of it."""
    goods = goods_by_mass(scene, object_masses_g(scene), parent=None)
    families = [str(CATALOG[name].family) for name, _ in goods]
    return TrueContents(declared=frozenset(families[:MOST_KINDS]), present=frozenset(families))


def drawn_contents(seed: int, count: int) -> list[TrueContents]:
    """What the `count` compliant parcels of the set that `draw_set` draws from `seed` hold.

    Drawn again from their seeds, which takes a tenth of the time of their scans.
    """
    return [
        true_contents(parcel_scene(np.random.default_rng([seed, index]), benign=True))
        for index in range(count)
    ]


def scan_features(network: ContentsFeatures, scans: npt.NDArray[np.generic]) -> Floats:
    """Features (N, D) of `scans`."""
    wide = np.int32 if scans.dtype == np.uint16 else np.uint8
    parts = []
    for start in range(0, len(scans), 16):
        with torch.no_grad():
            features, _ = network(torch.from_numpy(scans[start : start + 16].astype(wide)))
        parts.append(features.numpy())
    return np.concatenate(parts)


def fit_heads(
    features: Floats,
    contents: Sequence[TrueContents],
    families: Sequence[str],
    *,
    fewest: int = FEWEST,
) -> tuple[ContentsFit, tuple[str, ...]]:
    """The heads on `features` (N, D), and the families that they stand for.

    Raises:
        ValueError: If no family has `fewest` parcels with it and without it.
    """
    mean, scale = features.mean(0), features.std(0) + 1e-3
    standard = np.clip((features - mean) / scale, -6, 6)
    weights, biases, kept = [], [], []
    for family in families:
        declared = np.array([family in one.declared for one in contents])
        absent = np.array([family not in one.present for one in contents])
        if min(declared.sum(), absent.sum()) < fewest:
            continue
        taught = declared | absent
        head = LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500)
        head.fit(standard[taught], declared[taught])
        weights.append(head.coef_[0])
        biases.append(head.intercept_[0])
        kept.append(family)
    if not kept:
        raise ValueError(
            f"a family of goods needs {fewest} parcels that declare it and {fewest} without it; of"
            f" the {len(contents)} parcels none of {', '.join(families)} has them"
        )
    fit = ContentsFit(
        mean=mean.astype(np.float32),
        scale=scale.astype(np.float32),
        weight=np.stack(weights, axis=1).astype(np.float32),
        bias=np.array(biases, np.float32),
    )
    return fit, tuple(kept)


def calibrate_contents(
    support: Floats, contents: Sequence[TrueContents], families: Sequence[str]
) -> dict[str, GenuineScores]:
    """By family, how little support compliant parcels that declare it get.

    Args:
        support: (N, F) log-odds of the exported graph on scans that it was not fitted on.
        contents: What each of them holds.
        families: The columns of `support`.

    Returns:
        Scores are minus the log-odds: the higher, the less a scan shows of the family. Families
        that no parcel declares have none, and are not assessed.
    """
    scores = {}
    for column, family in enumerate(families):
        rows = np.array([family in one.declared for one in contents], bool)
        if rows.any():
            scores[family] = genuine_scores(-support[rows, column])
    return scores
