"""The anomaly detector that was also shown made defects, for photos of one product (torch).

On the same frozen features as `anomaly_network`, two looks at a picture. A Gaussian on its pooled
features: is the piece unusual as a whole, such as unevenly lit or ground? And a small head that
learned from defects drawn onto good pieces: does some place look damaged?
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from parcelscope.models.anomaly_network import as_picture, frozen_lite0, pooled
from parcelscope.models.bundle import InputKind

Floats = npt.NDArray[np.float32]

TAPS = {2: 24, 4: 40, 10: 112, 15: 320}
"""Blocks that features are taken after, and their channels: at 1/4, 1/8, 1/16 and 1/32."""
HEAD_WIDTH = 32
HIGHEST = 5
"""Cells whose mean is a picture's score: a single one is at the mercy of noise."""


class Pyramid(nn.Module):
    """Frozen features of a picture at four scales: (N, C, H / s, W / s) for s = 4, 8, 16, 32."""

    def __init__(self, kind: InputKind) -> None:
        super().__init__()
        self.kind = kind
        self.stem, self.blocks = frozen_lite0(max(TAPS))
        self.eval()

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        """`picture` as the input contract of its kind says; sides must be multiples of 32."""
        x = self.stem((as_picture(picture, self.kind) - 127.0) / 128.0)
        taken = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in TAPS:
                taken.append(x)
        return tuple(taken)


class DefectHead(nn.Module):
    """From the pyramid to how much each cell looks damaged: a logit (N, 1, H / 8, W / 8)."""

    def __init__(self) -> None:
        super().__init__()
        for tap, channels in TAPS.items():
            self.register_buffer(f"mean_{tap}", torch.zeros(1, channels, 1, 1))
            self.register_buffer(f"scale_{tap}", torch.ones(1, channels, 1, 1))
        width = HEAD_WIDTH
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in TAPS.values())
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, pyramid: Sequence[Tensor], jitter: float = 0.0) -> Tensor:
        """Logits; `jitter` adds noise of that many spreads to the features, for training."""
        _, _, height, width = pyramid[1].shape
        mixed = torch.zeros(())
        for tap, lateral, features in zip(TAPS, self.lateral, pyramid, strict=True):
            x = (features - self.get_buffer(f"mean_{tap}")) / self.get_buffer(f"scale_{tap}")
            if jitter:
                x = x + jitter * torch.randn_like(x)
                x = functional.dropout2d(x, 0.1)
            if tap == 2:
                x = functional.avg_pool2d(x, 2)
            x = lateral(x)
            if tap > 4:
                x = functional.interpolate(
                    x, size=(height, width), mode="bilinear", align_corners=False
                )
            mixed = mixed + x
        mixed = functional.relu(mixed)
        mixed = mixed + functional.relu(self.first(mixed))
        logit: Tensor = self.last(functional.relu(self.second(mixed)))
        return logit


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodFit:
    """What good pieces look like as a whole."""

    mean: Floats
    """(D,) of the pooled features."""
    precision_root: Floats
    """(D, D) R with R R^T = inverse covariance, so that |(f - mean) R| is the distance."""
    score_mean: Floats
    """(2,) of the distance and of the head's score on good pieces that neither saw."""
    score_scale: Floats
    """(2,) their standard deviation."""


class TaughtNetwork(nn.Module):
    """The detector as it is exported: a picture in, score (N,) and map (N, 1, h, w) out."""

    def __init__(self, pyramid: Pyramid, head: DefectHead, fit: GoodFit) -> None:
        super().__init__()
        self.pyramid, self.head = pyramid, head
        for name in GoodFit.__dataclass_fields__:
            self.register_buffer(name, torch.from_numpy(getattr(fit, name)))

    def parts(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Distance (N,) of the whole, and logits (N, 1, H / 8, W / 8) of its places."""
        pyramid = self.pyramid(picture)
        off = whole_features(pyramid) - self.get_buffer("mean")
        return (off @ self.get_buffer("precision_root")).norm(dim=1), self.head(pyramid)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """Score (N,), about 0 on average for good pieces, and the map (N, 1, H / 8, W / 8)."""
        distance, logit = self.parts(picture)
        mean, scale = self.get_buffer("score_mean"), self.get_buffer("score_scale")
        whole = (distance - mean[0]) / scale[0]
        damaged = (highest(logit) - mean[1]) / scale[1]
        return 0.5 * (whole + damaged), (logit - mean[1]) / scale[1]


def whole_features(pyramid: Sequence[Tensor]) -> Tensor:
    """(N, 944) mean and spread of each channel, all at the same scale."""
    _, fine, middle, coarse = pyramid
    wide = functional.interpolate(
        coarse, size=middle.shape[2:], mode="bilinear", align_corners=False
    )
    return pooled(torch.cat([functional.avg_pool2d(fine, 2), middle, wide], dim=1))


def highest(logit: Tensor) -> Tensor:
    """(N,) mean of the `HIGHEST` largest values of a map (N, 1, h, w)."""
    return logit.flatten(1).topk(HIGHEST, dim=1).values.mean(dim=1)
