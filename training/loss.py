"""The loss of the heat-map network."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from parcelscope.models.heatmap_network import Maps


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetBatch:
    """`training.targets.Targets` of a batch, as tensors."""

    heat: Tensor
    """(N, C, h, w)"""
    size: Tensor
    """(N, 2, h, w)"""
    offset: Tensor
    """(N, 2, h, w)"""
    weight: Tensor
    """(N, 1, h, w)"""
    density: Tensor
    """(N, 1, h, w)"""

    def to(self, device: str) -> "TargetBatch":
        """The same on `device`."""
        return TargetBatch(
            heat=self.heat.to(device),
            size=self.size.to(device),
            offset=self.offset.to(device),
            weight=self.weight.to(device),
            density=self.density.to(device),
        )


def heatmap_loss(maps: Maps, target: TargetBatch, *, count_weight: float) -> Tensor:
    """Peaks, boxes and, where `count_weight` is above 0, the count of one batch.

    The peak term is the penalty-reduced focal loss of Law and Deng 2018 (alpha 2, beta 4).
    """
    objects = torch.clamp((target.heat >= 0.999).sum().float(), min=1.0)
    log_p = functional.logsigmoid(maps.heat_logit)
    log_not_p = functional.logsigmoid(-maps.heat_logit)
    p = torch.sigmoid(maps.heat_logit)
    centre = (target.heat >= 0.999).float()
    hit = (1 - p) ** 2 * log_p * centre
    # Powers by multiplication: float pow is the slowest operator of the whole step on a CPU.
    far = (1 - target.heat) ** 2
    miss = p**2 * log_not_p * far * far * (1 - centre)
    peak = -(hit.sum() + miss.sum()) / objects

    weight = target.weight
    share = torch.clamp(weight.sum(), min=1.0)
    # Relative to the side: two pixels matter on a blade, not on a book.
    size = ((maps.size - target.size).abs() / (target.size + 8.0) * weight).sum() / share
    offset = ((maps.offset - target.offset).abs() * weight).sum() / share
    total = peak + 1.5 * size + 0.3 * offset
    if count_weight > 0:
        total = total + count_weight * count_loss(maps.density, target.density)
    return total


def count_loss(density: Tensor, target: Tensor) -> Tensor:
    """How far the counts are off, over the whole scan and by region of 8 x 8 cells."""
    whole = target.sum(dim=(1, 2, 3))
    off = (density.sum(dim=(1, 2, 3)) - whole).abs() / torch.sqrt(whole + 1.0)
    region = functional.avg_pool2d(density, 8) - functional.avg_pool2d(target, 8)
    return off.mean() + 2.0 * region.abs().sum(dim=(1, 2, 3)).mean()
