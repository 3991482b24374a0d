"""Fitting the anomaly detector: means and covariances of compliant scans."""

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import torch
from sklearn.covariance import LedoitWolf

from parcelscope.models.anomaly_network import (
    PATCH_CHANNELS,
    AnomalyFit,
    AnomalyNetwork,
    Features,
    pooled,
)
from parcelscope.models.bundle import InputKind
from parcelscope.models.taught_network import TaughtNetwork
from parcelscope.training.taught_anomaly import (
    Learned,
    Progress,
    TaughtSettings,
    fit_taught,
    root_of,
)

Method = Literal["plain", "taught"]
METHODS: tuple[Method, ...] = get_args(Method)
BANK_SIZE = 512


def fit_anomaly(
    genuine: npt.NDArray[np.generic],
    *,
    kind: InputKind,
    seed: int = 0,
    method: Method = "plain",
    taught: TaughtSettings | None = None,
    progress: Progress | None = None,
    learned: Learned | None = None,
) -> AnomalyNetwork | TaughtNetwork:
    """The detector fitted on compliant scans, or on photos of good pieces, only.

    Args:
        genuine: (N, 2, H, W) uint16 or (N, 3, H, W) uint8, at least 50. The last of them are held
            out of the means and set the scale of the score.
        kind: Which of the two.
        seed: Which patches enter the bank, and which defects are drawn.
        method: `plain` takes scans and photos; `taught` photos of one product, all framed alike,
            with sides that are multiples of 32.
        taught: How much `taught` learns.
        progress: Called between the steps of `taught`.
        learned: Called after each of its steps; see `fit_taught`.

    Raises:
        ValueError: If there are too few, or they are not what `method` takes.
    """
    if method == "taught":
        if kind != "colour":
            raise ValueError(f"method taught takes colour photos, got kind {kind!r}")
        return fit_taught(
            genuine.astype(np.uint8, copy=False),
            seed=seed,
            settings=taught,
            progress=progress,
            learned=learned,
        )
    return fit_plain(genuine, kind=kind, seed=seed)


def fit_plain(
    genuine: npt.NDArray[np.generic], *, kind: InputKind, seed: int = 0
) -> AnomalyNetwork:
    """A Gaussian and a bank of patches of compliant scans; see `fit_anomaly`."""
    if len(genuine) < 50:
        raise ValueError(f"genuine must hold at least 50 scans, got {len(genuine)}")
    rng = np.random.default_rng(seed)
    features = Features(kind)
    fit_part, scale_part = np.split(genuine, [len(genuine) * 4 // 5])
    whole, patches = [], []
    for batch in _tensors(fit_part):
        with torch.no_grad():
            maps = features(batch)
        whole.append(pooled(maps).numpy())
        rows = maps.permute(0, 2, 3, 1).reshape(-1, PATCH_CHANNELS).numpy()
        patches.append(rows[rng.choice(len(rows), min(len(rows), 400), replace=False)])
    vectors = np.concatenate(whole)
    covariance = LedoitWolf().fit(vectors)
    root = root_of(covariance.precision_)
    pool = np.concatenate(patches)
    patch_mean, patch_scale = pool.mean(0), pool.std(0) + 1e-3
    standard = (pool - patch_mean) / patch_scale
    fit = AnomalyFit(
        mean=vectors.mean(0).astype(np.float32),
        precision_root=root.astype(np.float32),
        patch_mean=patch_mean.astype(np.float32),
        patch_scale=patch_scale.astype(np.float32),
        bank=spread_out(standard.astype(np.float32), BANK_SIZE, rng),
        score_mean=np.zeros(2, np.float32),
        score_scale=np.ones(2, np.float32),
    )
    network = AnomalyNetwork(features, fit)
    scores = []
    for batch in _tensors(scale_part):
        with torch.no_grad():
            parcel, patch, _ = network.distances(batch)
        scores.append(torch.stack([parcel, patch], dim=1).numpy())
    table = np.concatenate(scores)
    network.get_buffer("score_mean").copy_(torch.from_numpy(table.mean(0)))
    network.get_buffer("score_scale").copy_(torch.from_numpy(table.std(0) + 1e-6))
    return network.eval()


def spread_out(
    patches: npt.NDArray[np.float32], size: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """`size` of `patches` (N, D) that cover them: greedy farthest points on a random sample.

    Farthest points keep the rare but compliant patches that a random bank would miss, and that
    would then look unusual on every parcel that has them.
    """
    sample = patches[rng.choice(len(patches), min(len(patches), 12_000), replace=False)]
    # Distances in a random projection rank like the full ones and cost a fifth.
    flat = sample @ rng.standard_normal((sample.shape[1], 32)).astype(np.float32)
    chosen = [int(rng.integers(len(sample)))]
    nearest = ((flat - flat[chosen[0]]) ** 2).sum(1)
    while len(chosen) < min(size, len(sample)):
        chosen.append(int(nearest.argmax()))
        np.minimum(nearest, ((flat - flat[chosen[-1]]) ** 2).sum(1), out=nearest)
    return sample[chosen]


def _tensors(scans: npt.NDArray[np.generic], size: int = 32) -> list[torch.Tensor]:
    wide = np.int32 if scans.dtype == np.uint16 else np.uint8
    return [
        torch.from_numpy(scans[start : start + size].astype(wide))
        for start in range(0, len(scans), size)
    ]
