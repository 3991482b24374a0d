"""The compact heat-map network behind `xray.items` and `xray.pieces` (torch; training only).

Each object is one peak on a coarse grid, with its width, height and the place of its centre inside
the cell (centre points, as in Zhou et al. 2019). Plain 3 x 3 convolutions: on CPUs a training step
is 1.7 times cheaper than with depthwise ones (`benchmarks/network_training.py`), and the network is
small enough without them.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from parcelscope.datasets.canvas import AIR
from parcelscope.models.bundle import InputKind

Stride = Literal[4, 8]
"""Canvas pixels per cell of the grid: 8 for objects that are large but told apart by fine lines."""
WIDTHS = (16, 24, 48, 88, 104)
"""Channels at half the stride, at the stride, and at 2, 4 and 8 times it."""
DEPTHS = (1, 2, 3, 2)
"""Blocks at the stride and at 2, 4 and 8 times it."""
LATERAL = (32, 48, 56, 64)
"""Channels of the upward path at the stride and at 2, 4 and 8 times it."""
AROUND_PX = 8
"""Side of the blocks whose mean a pixel is compared with."""
FAINT = 10.0
"""Gain of that comparison: a wall of paper takes 1 to 5 % of the beam, noise 0.4 %."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Maps:
    """Raw outputs of the network, h = H / stride, w = W / stride."""

    heat_logit: Tensor
    """(N, C, h, w)"""
    size: Tensor
    """(N, 2, h, w) width and height in canvas pixels."""
    offset: Tensor
    """(N, 2, h, w) centre minus cell corner, in cells."""
    density: Tensor
    """(N, 1, h, w) objects per cell; its sum is the count, however they overlap."""


class DualInput(nn.Module):
    """Scan channels to features: uint16 (N, 2, H, W), low then high, to float (N, 6 or 7, H, W)."""

    def __init__(self, *, halved: bool) -> None:
        super().__init__()
        self.halved = halved
        self.channels = 7 if halved else 6

    def forward(self, scan: Tensor) -> Tensor:
        """Transmissions, attenuations, their normalised difference (the material), faint edges."""
        full = scan.to(torch.float32) / AIR
        # Means of counts, as a coarser detector would give them.
        small = functional.avg_pool2d(full, 2) if self.halved else full
        transmission = torch.clamp(small, 3e-4, 1.1)
        depth = -torch.log(transmission)
        low, high = depth[:, :1], depth[:, 1:]
        # (a_L - a_H) / (a_L + a_H) moves less with thickness than a_L / a_H; the constant keeps
        # noise of near-air pixels from looking like a material.
        material = (low - high) / (torch.clamp(low + high, min=0.0) + 0.1)
        features = [transmission * 2 - 1, depth * 0.5 - 0.5, material * 2]
        both = -torch.log(torch.clamp(full.mean(dim=1, keepdim=True), 3e-4, 1.1))
        return torch.cat([*features, *edges_at(both, halved=self.halved)], dim=1)


class ColourInput(nn.Module):
    """Pseudo-colour to features: uint8 RGB (N, 3, H, W) to float (N, 4 or 5, H, W)."""

    def __init__(self, *, halved: bool) -> None:
        super().__init__()
        self.halved = halved
        self.channels = 5 if halved else 4

    def forward(self, scan: Tensor) -> Tensor:
        """RGB scaled to about -1 to 1, faint edges."""
        full = scan.to(torch.float32) / 127.5 - 1.0
        small = functional.avg_pool2d(full, 2) if self.halved else full
        grey = -full.mean(dim=1, keepdim=True)
        return torch.cat([small, *edges_at(grey, halved=self.halved)], dim=1)


def edges_at(level: Tensor, *, halved: bool) -> list[Tensor]:
    """Faint edges of `level` (N, 1, H, W); at half the size the highest and lowest of each 2 x 2.

    The extremes keep lines that are one fine pixel wide, which a mean would wash out, and the
    learned layers need not run at the full size.
    """
    edges = faint_edges(level)
    if not halved:
        return [edges]
    return [functional.max_pool2d(edges, 2), -functional.max_pool2d(-edges, 2)]


def faint_edges(level: Tensor) -> Tensor:
    """How far each pixel of `level` (N, 1, H, W) lies above its surroundings, -1 to 1.

    Amplified and saturated, so that the wall of an inner box, which takes a hundredth of the beam,
    counts as much as the edge of a tool.
    """
    around = functional.avg_pool2d(level, AROUND_PX)
    smooth = functional.interpolate(
        around, scale_factor=float(AROUND_PX), mode="bilinear", align_corners=False
    )
    return torch.tanh((level - smooth) * FAINT)


def conv(inputs: int, outputs: int, *, stride: int = 1) -> nn.Sequential:
    """3 x 3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Block(nn.Module):
    """A convolution with a shortcut around it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = conv(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, h, w) to the same shape."""
        return x + cast(Tensor, self.body(x))


class HeatmapNetwork(nn.Module):
    """From a scan on its canvas to `Maps`."""

    def __init__(self, classes: int, kind: InputKind, *, stride_px: Stride = 4) -> None:
        super().__init__()
        self.classes = classes
        self.stride_px = stride_px
        # With a stride of 8 the first halving is done by the input, which learns nothing.
        halved = stride_px == 8
        self.input = DualInput(halved=halved) if kind == "dual" else ColourInput(halved=halved)
        self.stem = conv(self.input.channels, WIDTHS[0], stride=2)
        self.down = nn.ModuleList(
            nn.Sequential(conv(a, b, stride=2), *(Block(b) for _ in range(depth - 1)))
            for (a, b), depth in zip(pairwise(WIDTHS), DEPTHS, strict=True)
        )
        self.lateral = nn.ModuleList(
            nn.Conv2d(a, b, 1) for a, b in zip(WIDTHS[1:], LATERAL, strict=True)
        )
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(LATERAL))
        self.smooth = nn.ModuleList(conv(c, c) for c in LATERAL[:-1])
        self.head = nn.Sequential(conv(LATERAL[0], 64), nn.Conv2d(64, classes + 5, 1))
        last = cast(nn.Conv2d, self.head[1])
        bias = torch.zeros(classes + 5)
        bias[:classes] = -4.6  # a peak on one cell in a hundred, before training
        bias[-1] = -5.0
        last.bias = nn.Parameter(bias)
        nn.init.normal_(last.weight, std=0.01)

    def forward(self, scan: Tensor) -> Maps:
        """`scan` (N, 2 or 3, H, W) as the input contract says; H, W multiples of 8 strides."""
        x = self.stem(self.input(scan))
        levels = []
        for stage in self.down:
            x = stage(x)
            levels.append(x)
        path = self.lateral[-1](levels[-1])
        for level in (2, 1, 0):
            wider = functional.interpolate(self.up[level](path), scale_factor=2.0, mode="nearest")
            path = self.smooth[level](wider + self.lateral[level](levels[level]))
        return as_maps(self.head(path), self.classes, self.stride_px)


def as_maps(out: Tensor, classes: int, stride_px: int) -> Maps:
    """What the last layer's channels mean; `out` is (N, classes + 5, h, w)."""
    c = classes
    return Maps(
        heat_logit=out[:, :c],
        size=functional.softplus(out[:, c : c + 2]) * (8.0 * stride_px),
        offset=out[:, c + 2 : c + 4] + 0.5,
        density=functional.softplus(out[:, c + 4 :]),
    )


class ExportedHeatmap(nn.Module):
    """The network with peak suppression, as it is exported: tensors in, tensors out."""

    def __init__(self, network: HeatmapNetwork, *, with_count: bool) -> None:
        super().__init__()
        self.network = network
        self.with_count = with_count

    def forward(self, scan: Tensor) -> tuple[Tensor, ...]:
        """(peaks, size, offset) and, for counting, the raw count (N,)."""
        maps = self.network(scan)
        heat = torch.sigmoid(maps.heat_logit)
        highest = functional.max_pool2d(heat, 3, stride=1, padding=1)
        peaks = torch.where(heat == highest, heat, torch.zeros_like(heat))
        if self.with_count:
            return peaks, maps.size, maps.offset, maps.density.sum(dim=(1, 2, 3))
        return peaks, maps.size, maps.offset
