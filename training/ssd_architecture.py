"""torchvision's ssdlite320_mobilenet_v3_large as an architecture of a recipe."""

from pathlib import Path
from pickle import UnpicklingError
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.ops import box_convert, box_iou

from parcelscope.datasets.errors import ConfigError
from parcelscope.models.heatmap import Boxes
from parcelscope.models.ssd import anchors, decode_ssd
from parcelscope.models.ssd_network import SsdLite, backbone_names
from parcelscope.training.architectures import Architecture, DetectorTask, Outputs
from parcelscope.training.box_architectures import BoxBatch, LearnedBoxes, fit_boxes
from parcelscope.training.fit import copy_fitting
from parcelscope.training.part_recipes import DetectorRecipe

OUTPUTS = ("logits", "regression")


def fit_ssdlite(task: DetectorTask) -> LearnedBoxes:
    """The network of `models/ssd_network.py`, with torchvision's own loss."""
    recipe = task.recipe
    torch.manual_seed(recipe.seed)
    network = SsdLite(len(task.data.classes), recipe.input)
    if recipe.ssdlite.backbone is not None:
        load_backbone(recipe.ssdlite.backbone, network)
    canvas = recipe.canvas
    known = box_convert(
        torch.from_numpy(anchors(canvas.width_px, canvas.height_px).copy()), "cxcywh", "xyxy"
    )

    def loss_of(module: nn.Module, batch: BoxBatch) -> Tensor:
        logits, regression = module(batch.pixels)
        return ssd_loss(
            cast(SsdLite, module).detector, logits.float(), regression.float(), known, batch
        )

    return fit_boxes(task, network, loss_of, lambda module: module, outputs=OUTPUTS)


def ssd_loss(
    detector: nn.Module, logits: Tensor, regression: Tensor, known: Tensor, batch: BoxBatch
) -> Tensor:
    """Torchvision's loss of one batch: three background anchors for each that shows something.

    Args:
        detector: torchvision's model, for how it matches and weighs.
        logits: (N, A, 1 + C), background first.
        regression: (N, A, 4).
        known: (A, 4) anchors, x0, y0, x1, y1.
        batch: What there is to be found.
    """
    ssd: Any = detector
    known = known.to(logits.device)
    nothing = torch.full((len(known),), -1, dtype=torch.int64, device=known.device)
    matched = [
        ssd.proposal_matcher(box_iou(boxes, known)) if len(boxes) else nothing
        for boxes in batch.box_xyxy
    ]
    truth = [
        {"boxes": boxes, "labels": 1 + label}
        for boxes, label in zip(batch.box_xyxy, batch.label, strict=True)
    ]
    head = {"cls_logits": logits, "bbox_regression": regression}
    parts = ssd.compute_loss(truth, head, [known] * len(truth), matched)
    return cast(Tensor, parts["classification"] + parts["bbox_regression"])


def load_backbone(path: Path, network: SsdLite) -> int:
    """Copy ImageNet weights of torchvision's mobilenet_v3_large; how many tensors were copied.

    torchvision halves the last blocks of a backbone that is learned here, so those start afresh.

    Raises:
        ConfigError: If the file holds no such weights.
    """
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
        names = backbone_names(network)
        ours = {names[name]: tensor for name, tensor in state.items() if name in names}
    except (OSError, RuntimeError, EOFError, UnpicklingError, AttributeError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"ssdlite.backbone: {path}: expected weights of mobilenet_v3_large, got: {told}"
        ) from None
    copied = copy_fitting(ours, network)
    if copied == 0:
        raise ConfigError(
            f"ssdlite.backbone: {path}: expected weights of mobilenet_v3_large, of which not one"
            " layer was found"
        )
    return copied


def decode(recipe: DetectorRecipe, outputs: Outputs) -> list[Boxes]:
    """Boxes of each scan, as `inference/detectors.py` reads them."""
    canvas = recipe.canvas
    return [
        decode_ssd(
            *one,
            width_px=canvas.width_px,
            height_px=canvas.height_px,
            most_overlap=recipe.ssdlite.most_overlap,
        )
        for one in zip(*outputs, strict=True)
    ]


SSDLITE = Architecture(
    fit=fit_ssdlite,
    outputs=lambda recipe: OUTPUTS,
    decode=decode,
    card=lambda recipe: {"decoder": "ssd", "most_overlap": recipe.ssdlite.most_overlap},
)
