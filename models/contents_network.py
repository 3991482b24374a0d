"""The contents detector: which families of goods a scan lends support to, and which it does not.

It only serves to contradict a declaration. Frozen features of an ImageNet network and plain
statistics of the material (how much there is, of which kind, how rough) enter one linear head per
family of goods.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from parcelscope.datasets.canvas import AIR
from parcelscope.models.anomaly_network import Features, pooled
from parcelscope.models.bundle import InputKind

Floats = npt.NDArray[np.float32]

MATERIALS = ("organic", "mixed", "metal", "opaque")
"""Classes of what absorbs, light elements to heavy ones, and what next to nothing gets through."""

RATIO_EDGES = (1.32, 1.75)
"""Low over high attenuation where organic passes into mixed, and mixed into metal: the middle of
the ratios of water and aluminium, and of aluminium and iron, behind a few mm of each."""
RATIO_WIDTH = 0.12
OPAQUE = 3.5
"""High-energy attenuation from which a pixel counts as opaque."""
G_PER_CM2 = (5.5, 5.0, 2.6, 1.9)
"""Areal density per unit of high-energy attenuation by class, for spectra of 140 to 180 kV."""
COVERED = 0.03
"""High-energy attenuation above which something lies in the way."""
DEPTHS = (0.05, 0.15, 0.3, 0.6, 1.2, 2.4)
"""Middles of the bins of high-energy attenuation."""
RATIOS = (1.1, 1.25, 1.4, 1.6, 1.9, 2.4)
"""Middles of the bins of the ratio."""
LEVELS = (0.1, 0.35, 0.6, 0.85)
"""Middles of the bins of each colour channel, as a share of 255."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentsFit:
    """One linear head per family, on standardised features."""

    mean: Floats
    """(D,)"""
    scale: Floats
    """(D,)"""
    weight: Floats
    """(D, F)"""
    bias: Floats
    """(F,)"""


class ContentsFeatures(nn.Module):
    """What the heads see of a scan: (N, D) features, and (N, 4) shares of mass by material."""

    def __init__(self, kind: InputKind) -> None:
        super().__init__()
        self.kind = kind
        self.network = Features(kind)

    def forward(self, scan: Tensor) -> tuple[Tensor, Tensor]:
        """`scan` as the input contract of its kind says."""
        deep = pooled(self.network(scan))
        statistics, shares = _physics(scan) if self.kind == "dual" else _colours(scan)
        return torch.cat([deep, statistics], dim=1), shares


class ContentsNetwork(nn.Module):
    """The detector as it is exported: a scan in, support (N, F) and material (N, 4) out."""

    def __init__(self, features: ContentsFeatures, fit: ContentsFit) -> None:
        super().__init__()
        self.features = features
        for name in ContentsFit.__dataclass_fields__:
            self.register_buffer(name, torch.from_numpy(getattr(fit, name)))

    def forward(self, scan: Tensor) -> tuple[Tensor, Tensor]:
        """Log-odds that each family is present (N, F), and shares of the mass by material."""
        features, shares = self.features(scan)
        mean, scale, weight, bias = (
            self.get_buffer(name) for name in ContentsFit.__dataclass_fields__
        )
        # Far from every scan that the heads were fitted on they know nothing.
        standard = torch.clamp((features - mean) / scale, -6.0, 6.0)
        return standard @ weight + bias, shares


def _physics(scan: Tensor) -> tuple[Tensor, Tensor]:
    """Statistics of both energies (N, D), and shares of the mass by material (N, 4)."""
    depth = -torch.log(torch.clamp(scan.to(torch.float32) / AIR, 3e-4, 1.0))
    # The ratio of two noisy pictures is noisier than they are: taken on 3 x 3 pixels.
    smooth = functional.avg_pool2d(depth, 3, stride=1, padding=1, count_include_pad=False)
    low, high = smooth[:, :1], smooth[:, 1:]
    ratio = torch.clamp(low / (high + 0.01), 0.9, 3.0)
    covered = torch.clamp(high / COVERED - 1, 0.0, 1.0)
    bins = [a * b * covered for a in _soft_bins(high, DEPTHS) for b in _soft_bins(ratio, RATIOS)]
    area = [_mean(one) for one in bins]
    rough = (depth[:, 1:] - high).abs()
    texture = [_mean(rough * one) / (_mean(one) + 1e-3) for one in _soft_bins(ratio, RATIOS)]
    edges = [_mean(_steps(low, size) * covered) for size in (1, 2, 4, 8)]
    mass = [_mean(one * high) for one in _materials(ratio, high)]
    grams = torch.cat([m * g for m, g in zip(mass, G_PER_CM2, strict=True)], dim=1)
    shares = grams / (grams.sum(dim=1, keepdim=True) + 1e-6)
    columns = [torch.log1p(200 * one) for one in [*area, *edges]]
    columns += [torch.log1p(50 * one) for one in texture]
    columns += [torch.log1p(20 * grams), shares, _mean(covered)]
    return torch.cat(columns, dim=1), shares


def _materials(ratio: Tensor, high: Tensor) -> tuple[Tensor, ...]:
    """Membership of each pixel in `MATERIALS`, adding up to 1."""
    light, heavy = (
        torch.clamp((ratio - edge) / RATIO_WIDTH + 0.5, 0.0, 1.0) for edge in RATIO_EDGES
    )
    opaque = torch.clamp((high - OPAQUE) / 0.2 + 0.5, 0.0, 1.0)
    seen = 1 - opaque
    return (1 - light) * seen, (light - heavy) * seen, heavy * seen, opaque


def _colours(scan: Tensor) -> tuple[Tensor, Tensor]:
    """Statistics of a colour picture (N, D), and shares of what is drawn by material (N, 4).

    Vendors draw light elements in orange, mixed ones in green, metal in blue, what is opaque in
    black; how dark it is stands for how much there is.
    """
    rgb = scan.to(torch.float32) / 255.0
    red, green, blue = rgb[:, :1], rgb[:, 1:2], rgb[:, 2:]
    bright = rgb.amax(dim=1, keepdim=True)
    dull = rgb.amin(dim=1, keepdim=True)
    dark = 1 - rgb.mean(dim=1, keepdim=True)
    colour = bright - dull
    drawn = torch.clamp(torch.maximum(colour, dark) / 0.08 - 1, 0.0, 1.0)
    area = [
        _mean(a * b * c * drawn)
        for a in _soft_bins(red, LEVELS)
        for b in _soft_bins(green, LEVELS)
        for c in _soft_bins(blue, LEVELS)
    ]
    grey = rgb.mean(dim=1, keepdim=True)
    edges = [_mean(_steps(grey, size) * drawn) for size in (1, 2, 4, 8)]
    opaque = torch.clamp((0.22 - bright) / 0.1 + 0.5, 0.0, 1.0)
    hue = (red - blue) / (colour + 0.02)
    light = torch.clamp(hue / 0.5 + 0.5, 0.0, 1.0)
    heavy = torch.clamp((blue - green) / (colour + 0.02) / 0.5, 0.0, 1.0) * (1 - light)
    seen = (1 - opaque) * dark * drawn
    mass = torch.cat(
        [
            _mean(light * seen),
            _mean((1 - light - heavy) * seen),
            _mean(heavy * seen),
            _mean(opaque * drawn),
        ],
        dim=1,
    )
    shares = mass / (mass.sum(dim=1, keepdim=True) + 1e-6)
    columns = [torch.log1p(200 * one) for one in [*area, *edges]]
    return torch.cat([*columns, shares, _mean(drawn)], dim=1), shares


def _soft_bins(values: Tensor, middles: tuple[float, ...]) -> list[Tensor]:
    """Membership of `values` in each bin, linear between the middles, adding up to 1."""
    members = []
    for index, middle in enumerate(middles):
        rising = torch.ones_like(values)
        if index > 0:
            below = middles[index - 1]
            rising = torch.clamp((values - below) / (middle - below), 0.0, 1.0)
        falling = torch.ones_like(values)
        if index + 1 < len(middles):
            above = middles[index + 1]
            falling = torch.clamp((above - values) / (above - middle), 0.0, 1.0)
        members.append(torch.minimum(rising, falling))
    return members


def _steps(values: Tensor, size: int) -> Tensor:
    """How much `values` (N, 1, H, W) differ from their surroundings of 2 * `size` + 1 pixels."""
    around = functional.avg_pool2d(
        values, 2 * size + 1, stride=1, padding=size, count_include_pad=False
    )
    return (values - around).abs()


def _mean(values: Tensor) -> Tensor:
    """(N, 1) mean over the picture."""
    return values.mean(dim=(2, 3))
