"""torchvision's ssdlite320_mobilenet_v3_large on our canvases (torch, torchvision; training only).

Only the raw head is exported: the model as a whole resizes, sorts and suppresses in ways that ONNX
cannot follow. `models/ssd.py` does the rest at scoring time.
"""

from torch import Tensor, nn
from torchvision.models import mobilenet_v3_large
from torchvision.models.detection import ssdlite320_mobilenet_v3_large

from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap_lite0 import Lite0Input


class SsdLite(nn.Module):
    """From a scan on its canvas to logits and regressions of the anchors."""

    def __init__(self, classes: int, kind: InputKind) -> None:
        super().__init__()
        self.input = Lite0Input(kind)
        self.detector = ssdlite320_mobilenet_v3_large(
            weights=None, weights_backbone=None, num_classes=1 + classes
        )

    def forward(self, scan: Tensor) -> tuple[Tensor, Tensor]:
        """(N, A, 1 + C) logits, background first, and (N, A, 4) regressions, of a scan batch."""
        levels = self.detector.backbone(self.input(scan))
        head = self.detector.head(list(levels.values()))
        return head["cls_logits"], head["bbox_regression"]


def backbone_names(network: SsdLite) -> dict[str, str]:
    """Name of each tensor of an ImageNet mobilenet_v3_large that `network` has, to its name there.

    torchvision regroups the backbone's layers in their order, so that names change and order stays.
    """
    features = network.detector.backbone.features
    theirs = mobilenet_v3_large(weights=None, reduced_tail=True).features.state_dict()
    ours = features.state_dict()
    return {
        f"features.{name}": f"detector.backbone.features.{other}"
        for name, other in zip(theirs, ours, strict=True)
    }
