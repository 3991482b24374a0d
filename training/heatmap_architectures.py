"""The heat-map detectors: the compact network from scratch, and the same head on lite0."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from pickle import UnpicklingError
from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.writing import write_whole
from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap import MOST_OVERLAP, Boxes, decode_peaks
from parcelscope.models.heatmap_lite0 import HeatmapLite0
from parcelscope.models.heatmap_network import ExportedHeatmap, HeatmapNetwork
from parcelscope.training.architectures import Architecture, DetectorTask, Outputs, outputs_of
from parcelscope.training.curve import Row
from parcelscope.training.export import export_onnx
from parcelscope.training.fit import FitSettings, copy_fitting, fit_network, heatmap_loss_of
from parcelscope.training.part_recipes import DetectorRecipe


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedHeatmap:
    """A `Learned` whose graph gives peaks, sizes, offsets and, where it counts, the count."""

    network: nn.Module
    kind: InputKind
    outputs: tuple[str, ...]
    history: list[Row]

    def export(self, path: Path, samples: npt.NDArray[np.generic]) -> dict[str, float]:
        """Write one ONNX file to `path`; the differences from the network on 5 `samples`."""
        return export_onnx(
            exported(self.network, counting="count" in self.outputs).cpu(),
            path,
            kind=self.kind,
            height_px=samples.shape[2],
            width_px=samples.shape[3],
            outputs=self.outputs,
            samples=samples,
        )

    def save(self, path: Path) -> None:
        """Write the weights, for another training to start from."""
        state = {name: tensor.cpu() for name, tensor in self.network.state_dict().items()}
        write_whole(path, lambda file: torch.save(state, file))


def fit_compact(task: DetectorTask) -> LearnedHeatmap:
    """The compact network of `models/heatmap_network.py`."""
    recipe = task.recipe
    settings = replace(task.settings(), stride_px=recipe.heatmap.stride_px)
    torch.manual_seed(settings.seed)
    network = HeatmapNetwork(len(task.data.classes), recipe.input, stride_px=settings.stride_px)
    return _fitted(task, network, settings, None)


def fit_on_lite0(task: DetectorTask) -> LearnedHeatmap:
    """The network of `models/heatmap_lite0.py`; its backbone learns at a rate of its own."""
    recipe, options = task.recipe, task.recipe.heatmap_lite0
    settings = replace(task.settings(), stride_px=options.stride_px)
    torch.manual_seed(settings.seed)
    network = HeatmapLite0(
        len(task.data.classes),
        recipe.input,
        stride_px=options.stride_px,
        train_from_block=options.train_from_block,
    )
    rate = settings.learning_rate * options.backbone_rate
    groups: list[dict[str, object]] = [{"params": network.head_parameters()}]
    if network.backbone_parameters():
        groups.append({"params": network.backbone_parameters(), "lr": rate})
    return _fitted(task, network, settings, groups)


def exported(network: nn.Module, *, counting: bool) -> ExportedHeatmap:
    """`network`, which gives `Maps`, as it is exported."""
    return ExportedHeatmap(cast(HeatmapNetwork, network), with_count=counting)


def output_names(recipe: DetectorRecipe) -> tuple[str, ...]:
    """Peaks, sizes, offsets and, of a detector that counts, the count."""
    counting = ("count",) if recipe.detector == "xray.pieces" else ()
    return ("peaks", "size", "offset", *counting)


def decode(recipe: DetectorRecipe, outputs: Outputs) -> list[Boxes]:
    """Boxes of each scan, as `inference/detectors.py` reads them."""
    # Pieces of one kind lie side by side and overlap; two items of one class do not.
    most_overlap = MOST_OVERLAP if recipe.detector == "xray.items" else None
    return [
        decode_peaks(*maps, width_px=recipe.canvas.width_px, most_overlap=most_overlap)
        for maps in zip(*outputs[:3], strict=True)
    ]


def _fitted(
    task: DetectorTask,
    network: nn.Module,
    settings: FitSettings,
    groups: Sequence[dict[str, object]] | None,
) -> LearnedHeatmap:
    recipe, data = task.recipe, task.data
    if recipe.start is not None:
        start_from(recipe.start, network)
    names = output_names(recipe)

    def evaluate(average: nn.Module) -> Row:
        module = exported(average, counting="count" in names)
        found = outputs_of(module, data.val.pictures(recipe.input), device=settings.device)
        return task.judge(found)

    fitted, history = fit_network(
        network,
        heatmap_loss_of(
            data.train, classes=len(data.classes), kind=recipe.input, settings=settings
        ),
        count=len(data.train),
        settings=settings,
        groups=groups,
        watch=task.watch(evaluate),
    )
    return LearnedHeatmap(network=fitted, kind=recipe.input, outputs=names, history=history)


def start_from(path: Path, network: nn.Module) -> None:
    """Copy the weights at `path` into `network` wherever they fit."""
    try:
        state = torch.load(path, weights_only=True, map_location="cpu")
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(f"start: {path}: expected weights of a training, got: {told}") from None
    if copy_fitting(state, network) == 0:
        raise ConfigError(f"start: {path}: not one layer of it fits this network")


HEATMAP = Architecture(fit=fit_compact, outputs=output_names, decode=decode)
HEATMAP_LITE0 = Architecture(fit=fit_on_lite0, outputs=output_names, decode=decode)
