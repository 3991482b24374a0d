"""Frozen features of a registered photo for comparison with genuine ones (torch)."""

from typing import Final

from torch import Tensor, nn

from parcelscope.models.anomaly_network import FINE_BLOCK, Features

PHOTO_WH: Final = (320, 192)
"""Every reference is stretched to this: photos lie on its grid, so nothing is lost by it."""


class PhotoFeatures(nn.Module):
    """Blocks 4 and 10 of EfficientNet-lite0: (N, 40, H / 8, W / 8) and (N, 112, H / 16, W / 16)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = Features("colour")

    def forward(self, scan: Tensor) -> tuple[Tensor, Tensor]:
        """`scan` is uint8 (N, 3, H, W), RGB."""
        x = self.features.stem((self.features.picture(scan) - 127.0) / 128.0)
        fine = x
        for index, block in enumerate(self.features.blocks):
            x = block(x)
            if index == FINE_BLOCK:
                fine = x
        return fine, x
