"""Fitting one heat-map network to one set of scans."""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap_network import HeatmapNetwork, Stride
from parcelscope.training.augment import augment, stack
from parcelscope.training.loss import TargetBatch, heatmap_loss
from parcelscope.training.scan_sets import ScanSet
from parcelscope.training.targets import draw_targets

BLEND_EVERY = 5
"""Steps between two updates of the running mean of the weights."""
Progress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the running loss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitSettings:
    """How long and how fast to learn."""

    passes: int
    """Pictures shown in all, repeats counted."""
    batch: int = 16
    learning_rate: float = 2.5e-3
    weight_decay: float = 0.03
    stride_px: Stride = 4
    """Canvas pixels per cell of the network's grid."""
    stacked: float = 0.0
    """Share of pictures that are two scans, one upon the other."""
    count_weight: float = 0.0
    """Weight of the count, 0 for a detector that does not count."""
    average_over_steps: float = 300.0
    """Span of the running mean of the weights, which is what is kept."""
    seed: int = 0


def fit_heatmap(
    scans: ScanSet,
    *,
    classes: int,
    kind: InputKind,
    settings: FitSettings,
    start: HeatmapNetwork | None = None,
    progress: Progress | None = None,
) -> HeatmapNetwork:
    """A network fitted to `scans`, in evaluation mode.

    Args:
        scans: Scans with their boxes.
        classes: Number of classes.
        kind: Which picture of each scan to learn from.
        settings: Length and speed.
        start: A network to start from; layers of another shape start afresh.
        progress: Called after each step.
    """
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    network = HeatmapNetwork(classes, kind, stride_px=settings.stride_px)
    # Channels last: the layout in which the CPU's convolutions run without copies.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if start is not None:
        copy_matching(start, network)
    average = deepcopy(network)
    means, weights = _floats(average), _floats(network)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    steps = max(1, settings.passes // settings.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, steps))
    network.train()
    shown = 0.0
    for step, rows in enumerate(_batches(len(scans), settings.batch, steps, rng)):
        pixels, target = load_batch(
            scans, rows, classes=classes, kind=kind, rng=rng, settings=settings
        )
        maps = network(pixels)
        loss = heatmap_loss(maps, target, count_weight=settings.count_weight)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        if step % BLEND_EVERY == 0:
            keep = min(1 - BLEND_EVERY / settings.average_over_steps, step / (step + 10))
            _blend(means, weights, keep)
        shown = loss.item() if step == 0 else 0.98 * shown + 0.02 * loss.item()
        if progress is not None:
            progress(step + 1, steps, shown)
    return average.eval()


def load_batch(
    scans: ScanSet,
    rows: npt.NDArray[np.int64],
    *,
    classes: int,
    kind: InputKind,
    rng: np.random.Generator,
    settings: FitSettings,
) -> tuple[Tensor, TargetBatch]:
    """Augmented pictures (N, 2 or 3, H, W) and their targets."""
    pictures, targets = [], []
    source, boxes = scans.pictures(kind), scans.boxes_for(kind)
    stride_px = settings.stride_px
    grid_hw = source.shape[2] // stride_px, source.shape[3] // stride_px
    for row in rows:
        pixels, box_xyxy, label = source[row], boxes[row], scans.label[row]
        if rng.random() < settings.stacked:
            other = int(rng.integers(len(scans)))
            pixels = stack(pixels, source[other], kind=kind)
            box_xyxy = np.concatenate([box_xyxy, boxes[other]])
            label = np.concatenate([label, scans.label[other]])
        pixels, box_xyxy = augment(pixels, box_xyxy, kind=kind, rng=rng)
        pictures.append(pixels)
        targets.append(
            draw_targets(box_xyxy, label, classes=classes, grid_hw=grid_hw, stride_px=stride_px)
        )
    batch = np.stack(pictures)
    if batch.dtype == np.uint16:  # torch has few uint16 kernels on the CPU
        batch = batch.astype(np.int32)
    return torch.from_numpy(batch), TargetBatch(
        heat=torch.from_numpy(np.stack([t.heat for t in targets])),
        size=torch.from_numpy(np.stack([t.size for t in targets])),
        offset=torch.from_numpy(np.stack([t.offset for t in targets])),
        weight=torch.from_numpy(np.stack([t.weight for t in targets]))[:, None],
        density=torch.from_numpy(np.stack([t.density for t in targets]))[:, None],
    )


def copy_matching(source: torch.nn.Module, target: torch.nn.Module) -> int:
    """Copy the tensors of equal name and shape; how many were copied."""
    theirs, ours = source.state_dict(), target.state_dict()
    same = {k: v for k, v in theirs.items() if k in ours and ours[k].shape == v.shape}
    target.load_state_dict({**ours, **same})
    return len(same)


def _rate(step: int, steps: int) -> float:
    """Share of the learning rate at `step`: a short warm-up, then half a cosine to zero."""
    warm = min(200, steps // 10 + 1)
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def _blend(average: list[Tensor], network: list[Tensor], keep: float) -> None:
    """Move the running mean towards the network's tensors, in place."""
    with torch.no_grad():
        torch._foreach_lerp_(average, network, 1 - keep)


def _floats(module: torch.nn.Module) -> list[Tensor]:
    """Weights and batch-norm statistics; the same order for equal networks."""
    return [t for t in module.state_dict().values() if t.dtype.is_floating_point]


def _batches(
    count: int, batch: int, steps: int, rng: np.random.Generator
) -> Iterator[npt.NDArray[np.int64]]:
    """Row numbers of each batch; every scan is shown once before any is shown again."""
    order = np.empty(0, np.int64)
    for _ in range(steps):
        while len(order) < batch:
            order = np.concatenate([order, rng.permutation(count)])
        yield order[:batch]
        order = order[batch:]
