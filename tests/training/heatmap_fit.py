"""A compact network fitted as the recipes do it, without data, checkpoints or a part."""

import torch

from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap_network import HeatmapNetwork
from parcelscope.training.fit import FitSettings, Progress, Watch, fit_network, heatmap_loss_of
from parcelscope.training.scan_sets import ScanSet


def fit_heatmap(
    scans: ScanSet,
    *,
    classes: int,
    kind: InputKind,
    settings: FitSettings,
    progress: Progress | None = None,
) -> HeatmapNetwork:
    """The fitted network, in evaluation mode."""
    torch.manual_seed(settings.seed)
    fitted, _ = fit_network(
        HeatmapNetwork(classes, kind, stride_px=settings.stride_px),
        heatmap_loss_of(scans, classes=classes, kind=kind, settings=settings),
        count=len(scans),
        settings=settings,
        watch=Watch(progress=progress),
    )
    return fitted
