"""Fitting the detector that is shown made defects: photos of one product, good pieces only."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.covariance import LedoitWolf
from torch import Tensor, nn
from torch.nn import functional

from parcelscope.models.taught_network import (
    TAPS,
    DefectHead,
    GoodFit,
    Pyramid,
    TaughtNetwork,
    highest,
    whole_features,
)
from parcelscope.training.made_defects import add_defects

Colour = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Progress = Callable[[str, int, int], None]
"""Called with the step, how much of it is done, and how much there is."""
Learned = Callable[[int, float], None]
"""Called with the pictures shown and the loss on the last of them."""

CELL_PX = 8
DAMAGED, WHOLE = 0.2, 0.01
"""Share of a cell under a defect from which it counts as damaged, and up to which as whole; what
lies between teaches nothing."""
HARDEST = 20
"""Whole cells of each picture that look most damaged: they set the picture's score."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtSettings:
    """How much is learned."""

    drawn: int = 1000
    """Pictures with made defects; good pieces are used again until there are so many."""
    rounds: int = 7
    """How often each is shown."""
    batch: int = 16
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    held_out: float = 0.15
    """Share of the good pieces that only set the scale of the score."""


def fit_taught(
    good: Colour,
    *,
    seed: int = 0,
    settings: TaughtSettings | None = None,
    progress: Progress | None = None,
    learned: Learned | None = None,
) -> TaughtNetwork:
    """The detector fitted on photos of good pieces.

    Args:
        good: (N, 3, H, W) uint8 RGB, N at least 50, H and W multiples of 32. Pieces that belong
            together should stand together: the last of them are held out.
        seed: Same seed, same detector on the same machine.
        settings: How much is learned.
        progress: Called between steps.
        learned: Called after each step of the head.
    """
    if len(good) < 50:
        raise ValueError(f"good must hold at least 50 photos, got {len(good)}")
    if good.shape[2] % 32 or good.shape[3] % 32:
        raise ValueError(f"sides of the photos must be multiples of 32, got {good.shape[2:]}")
    settings, told = settings or TaughtSettings(), progress or (lambda step, done, steps: None)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    kept = max(10, round(len(good) * settings.held_out))
    learn, scale = good[:-kept], good[-kept:]
    pyramid = Pyramid("colour")
    taps, share = _drawn_features(learn, pyramid, settings, rng, told)
    head = _fit_head(taps, share, settings, rng, told, learned or (lambda pictures, loss: None))
    fit = _fit_whole(learn, pyramid, told)
    network = TaughtNetwork(pyramid, head, fit).eval()
    scores = []
    with torch.no_grad():
        for start in range(0, len(scale), 16):
            distance, logit = network.parts(torch.from_numpy(scale[start : start + 16]))
            scores.append(torch.stack([distance, highest(logit)], dim=1).numpy())
    table = np.concatenate(scores)
    network.get_buffer("score_mean").copy_(torch.from_numpy(table.mean(0)))
    network.get_buffer("score_scale").copy_(torch.from_numpy(table.std(0) + 1e-6))
    return network


def _drawn_features(
    good: Colour,
    pyramid: Pyramid,
    settings: TaughtSettings,
    rng: np.random.Generator,
    told: Progress,
) -> tuple[list[Tensor], Tensor]:
    """Features in 16 bits of pictures with made defects, and the share of each cell under one."""
    taps: list[list[Tensor]] = [[] for _ in TAPS]
    shares = []
    order = np.concatenate(
        [rng.permutation(len(good)) for _ in range(-(-settings.drawn // len(good)))]
    )[: settings.drawn]
    for start in range(0, len(order), 16):
        pictures, masks = [], []
        for row in order[start : start + 16]:
            other = good[int(rng.integers(len(good)))]
            picture, mask = add_defects(
                good[row].transpose(1, 2, 0), other.transpose(1, 2, 0), rng, most=4
            )
            pictures.append(picture.transpose(2, 0, 1))
            masks.append(mask)
        with torch.no_grad():
            features = pyramid(torch.from_numpy(np.stack(pictures)))
        for list_, one in zip(taps, features, strict=True):
            list_.append(one.half())
        drawn = torch.from_numpy(np.stack(masks)[:, None].astype(np.float32))
        shares.append(functional.avg_pool2d(drawn, CELL_PX))
        told("draw defects", start, len(order))
    return [torch.cat(part) for part in taps], torch.cat(shares)


def _fit_head(
    taps: list[Tensor],
    share: Tensor,
    settings: TaughtSettings,
    rng: np.random.Generator,
    told: Progress,
    learned: Learned,
) -> DefectHead:
    head = DefectHead()
    for tap, features in zip(TAPS, taps, strict=True):
        some = features[::8].float()
        head.get_buffer(f"mean_{tap}").copy_(some.mean((0, 2, 3), keepdim=True))
        head.get_buffer(f"scale_{tap}").copy_(some.std((0, 2, 3), keepdim=True) + 1e-3)
    rate = settings.learning_rate
    optimiser = torch.optim.AdamW(head.parameters(), lr=rate, weight_decay=settings.weight_decay)
    steps = max(1, settings.rounds * len(share) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=rate, total_steps=steps + 1, pct_start=min(0.3, 31 / (steps + 1))
    )
    order = np.empty(0, np.int64)
    for step in range(steps):
        if len(order) < settings.batch:
            order = np.concatenate([order, rng.permutation(len(share))])
        rows, order = order[: settings.batch], order[settings.batch :]
        mirrored = [axis for axis in (2, 3) if rng.random() < 0.5]
        pyramid = [part[rows].float().flip(mirrored) for part in taps]
        loss = _loss(head(pyramid, jitter=0.2), share[rows].flip(mirrored))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(head.parameters(), 2.0)
        optimiser.step()
        schedule.step()
        told("learn defects", step + 1, steps)
        learned((step + 1) * settings.batch, float(loss.detach()))
    return head.eval().requires_grad_(False)


def _loss(logit: Tensor, share: Tensor) -> Tensor:
    """Every cell counts, and more so those that decide a picture's score: its highest ones."""
    damaged, whole = share > DAMAGED, share < WHOLE
    calm = functional.softplus(logit) * whole
    hardest = calm.flatten(1).topk(min(HARDEST, calm[0].numel()), dim=1).values.mean()
    loss = calm.sum() / whole.sum().clamp(min=1) + 0.5 * hardest
    hit = damaged.flatten(1).any(1)
    if hit.any():
        missed = functional.softplus(-logit) * damaged
        per_picture = missed.flatten(1).sum(1) / damaged.flatten(1).sum(1).clamp(min=1)
        peak = logit.masked_fill(~damaged, -1e4).flatten(1).amax(1)[hit]
        loss = loss + 0.5 * per_picture.mean() + 0.5 * functional.softplus(-peak).mean()
    return loss


def _fit_whole(good: Colour, pyramid: Pyramid, told: Progress) -> GoodFit:
    """Mean and Ledoit-Wolf covariance of the pooled features of good pieces."""
    rows = []
    with torch.no_grad():
        for start in range(0, len(good), 16):
            features = pyramid(torch.from_numpy(good[start : start + 16]))
            rows.append(whole_features(features).numpy())
            told("measure good pieces", start, len(good))
    vectors = np.concatenate(rows)
    return GoodFit(
        mean=vectors.mean(0).astype(np.float32),
        precision_root=root_of(LedoitWolf().fit(vectors).precision_).astype(np.float32),
        score_mean=np.zeros(2, np.float32),
        score_scale=np.ones(2, np.float32),
    )


def root_of(precision: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """R (D, D) with R R^T = `precision`, a symmetric matrix without negative eigenvalues."""
    values, axes = np.linalg.eigh(precision)
    return np.asarray(axes * np.sqrt(np.clip(values, 0, None)))
