"""Fitting one network to one set of scans."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap_network import Maps, Stride
from parcelscope.training.augmented import as_tensor, draw_scan
from parcelscope.training.checkpoint import CheckpointFile, Learner, Standing
from parcelscope.training.curve import Row
from parcelscope.training.loss import TargetBatch, heatmap_loss
from parcelscope.training.scan_sets import ScanSet
from parcelscope.training.targets import draw_targets

BLEND_EVERY = 5
"""Steps between two updates of the running mean of the weights."""
Progress = Callable[[int, int, float], None]
"""Called with the step, the number of steps and the running loss."""
Network = TypeVar("Network", bound=nn.Module)
LossOf = Callable[[nn.Module, npt.NDArray[np.int64], np.random.Generator, float], Tensor]
"""From the network, the rows of a batch, a source of chance, and the share of the learning that is
done (0 to 1), to the loss of that batch."""


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
    window_px: int | None = None
    """Side of the square windows that are shown instead of whole pictures; None shows these."""
    whole_share: float = 0.15
    """Share of the passes, the last ones, that show whole pictures in spite of `window_px`."""
    count_weight: float = 0.0
    """Weight of the count, 0 for a detector that does not count."""
    average_over_steps: float = 300.0
    """Span of the running mean of the weights, which is what is kept."""
    seed: int = 0
    device: str = "cpu"
    """`cpu` or `cuda`."""
    bfloat16: bool = False
    """Whether convolutions run in 16 bits: faster where the processor has them, less exact."""

    @property
    def steps(self) -> int:
        """Batches shown in all."""
        return max(1, self.passes // self.batch)

    def window_at(self, done: float) -> int | None:
        """Side of the windows to show once a share `done` of the learning is behind; None: whole.

        A window over one item costs under half of a mostly empty canvas and says as much; the batch
        norms need whole pictures at the end, as there is less air in windows.
        """
        return self.window_px if done < 1 - self.whole_share else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What happens beside the learning; none of it changes what is learned."""

    progress: Progress | None = None
    """Called after each step."""
    checkpoint: CheckpointFile | None = None
    """Where to save, and to go on from."""
    evaluate: Callable[[nn.Module], Row] | None = None
    """From the running mean of the network, in evaluation mode, to figures."""
    evaluate_every: int = 1000
    """Steps between two evaluations; there is one after the last step too."""
    tell: Callable[[Row], None] | None = None
    """Called with each new point of the learning curve."""


def fit_network(
    network: Network,
    loss_of: LossOf,
    *,
    count: int,
    settings: FitSettings,
    groups: Sequence[dict[str, object]] | None = None,
    watch: Watch | None = None,
) -> tuple[Network, list[Row]]:
    """The running mean of `network` after learning, in evaluation mode, and the learning curve.

    The same settings give the same weights, whether learning went through or was cut off and
    resumed from its checkpoint; on a GPU up to the order of its sums.

    Args:
        network: The network, with its first weights; `torch.manual_seed` is the caller's.
        loss_of: The loss of a batch of rows.
        count: How many rows there are.
        settings: Length and speed.
        groups: Parameter groups for the optimiser, where not all learn at one rate.
        watch: Progress, checkpoint and evaluation.
    """
    watch = Watch() if watch is None else watch
    learner = _learner(network, settings, groups)
    standing = Standing() if watch.checkpoint is None else watch.checkpoint.restore(learner)
    means, weights = _floats(learner.average), _floats(network)
    saved_s = time.monotonic()
    network.train()
    for step in range(standing.step, settings.steps):
        rows, standing.order = _next_rows(standing.order, count, settings.batch, learner.rng)
        with torch.autocast(settings.device, torch.bfloat16, enabled=settings.bfloat16):
            loss = loss_of(network, rows, learner.rng, step / settings.steps)
        _learn(learner, loss)
        if step % BLEND_EVERY == 0:
            keep = min(1 - BLEND_EVERY / settings.average_over_steps, step / (step + 10))
            _blend(means, weights, keep)
        value = loss.item()
        standing.shown = value if step == 0 else 0.98 * standing.shown + 0.02 * value
        standing.step = step + 1
        last = standing.step == settings.steps
        evaluated = last or standing.step % watch.evaluate_every == 0
        if evaluated:
            _evaluate(learner.average, standing, settings, watch)
        file = watch.checkpoint
        if file is not None and (evaluated or time.monotonic() - saved_s >= file.every_s):
            file.save(learner, standing)
            saved_s = time.monotonic()
        if watch.progress is not None:
            watch.progress(standing.step, settings.steps, standing.shown)
    return cast(Network, learner.average), standing.history


def heatmap_loss_of(
    scans: ScanSet, *, classes: int, kind: InputKind, settings: FitSettings
) -> LossOf:
    """The loss of a network that gives `Maps`, on augmented pictures of `scans`."""

    def loss_of(
        network: nn.Module, rows: npt.NDArray[np.int64], rng: np.random.Generator, done: float
    ) -> Tensor:
        pixels, target = load_batch(
            scans, rows, classes=classes, kind=kind, rng=rng, settings=settings, done=done
        )
        maps: Maps = network(pixels.to(settings.device))
        return heatmap_loss(
            in_full(maps), target.to(settings.device), count_weight=settings.count_weight
        )

    return loss_of


def load_batch(
    scans: ScanSet,
    rows: npt.NDArray[np.int64],
    *,
    classes: int,
    kind: InputKind,
    rng: np.random.Generator,
    settings: FitSettings,
    done: float = 0.0,
) -> tuple[Tensor, TargetBatch]:
    """Augmented pictures (N, 2 or 3, H, W), or windows of them, and their targets."""
    pictures, targets = [], []
    stride_px, window_px = settings.stride_px, settings.window_at(done)
    for row in rows:
        pixels, box_xyxy, label = draw_scan(
            scans, row, kind=kind, rng=rng, stacked=settings.stacked, window_px=window_px
        )
        pictures.append(pixels)
        grid_hw = pixels.shape[1] // stride_px, pixels.shape[2] // stride_px
        targets.append(
            draw_targets(box_xyxy, label, classes=classes, grid_hw=grid_hw, stride_px=stride_px)
        )
    return as_tensor(pictures), TargetBatch(
        heat=torch.from_numpy(np.stack([t.heat for t in targets])),
        size=torch.from_numpy(np.stack([t.size for t in targets])),
        offset=torch.from_numpy(np.stack([t.offset for t in targets])),
        weight=torch.from_numpy(np.stack([t.weight for t in targets]))[:, None],
        density=torch.from_numpy(np.stack([t.density for t in targets]))[:, None],
    )


def in_full(maps: Maps) -> Maps:
    """`maps` in 32 bits: 16 are too few for the logarithms of the loss."""
    return Maps(
        heat_logit=maps.heat_logit.float(),
        size=maps.size.float(),
        offset=maps.offset.float(),
        density=maps.density.float(),
    )


def copy_fitting(theirs: Mapping[str, Tensor], target: torch.nn.Module) -> int:
    """Copy the tensors of `theirs` whose name and shape `target` has; how many were copied."""
    ours = target.state_dict()
    same = {k: v for k, v in theirs.items() if k in ours and ours[k].shape == v.shape}
    target.load_state_dict({**ours, **same})
    return len(same)


def _learner(
    network: nn.Module, settings: FitSettings, groups: Sequence[dict[str, object]] | None
) -> Learner:
    # Channels last: the layout in which the CPU's convolutions run without copies.
    network.to(settings.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(
        network.parameters() if groups is None else groups,
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )
    return Learner(
        network=network,
        average=deepcopy(network).eval(),
        optimiser=optimiser,
        schedule=torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: _rate(step, settings.steps)
        ),
        rng=np.random.default_rng(settings.seed),
    )


def _learn(learner: Learner, loss: Tensor) -> None:
    """One step against `loss`."""
    learner.optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    torch.nn.utils.clip_grad_norm_(learner.network.parameters(), 5.0)
    learner.optimiser.step()
    learner.schedule.step()


def _evaluate(average: nn.Module, standing: Standing, settings: FitSettings, watch: Watch) -> None:
    """Add a point to the learning curve."""
    row: Row = {"pictures": standing.step * settings.batch, "loss": standing.shown}
    if watch.evaluate is not None:
        row |= watch.evaluate(average)
    standing.history.append(row)
    if watch.tell is not None:
        watch.tell(row)


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


def _next_rows(
    order: npt.NDArray[np.int64], count: int, batch: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of the next batch, and those drawn for later ones.

    Every scan is shown once before any is shown again.
    """
    while len(order) < batch:
        order = np.concatenate([order, rng.permutation(count)])
    return order[:batch], order[batch:]
