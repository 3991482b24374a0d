"""What architectures share that learn from boxes as they are, not from maps drawn of them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from parcelscope.datasets.writing import write_whole
from parcelscope.models.bundle import InputKind
from parcelscope.training.architectures import DetectorTask, outputs_of
from parcelscope.training.augmented import as_tensor, draw_scan
from parcelscope.training.curve import Row
from parcelscope.training.export import export_onnx
from parcelscope.training.fit import LossOf, fit_network
from parcelscope.training.heatmap_architectures import start_from

LEAST_SIDE_PX = 2.0
"""Boxes that augmentation left less of on the canvas are nothing to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoxBatch:
    """Augmented scans and what is in them."""

    pixels: Tensor
    """(N, 2 or 3, H, W)"""
    box_xyxy: list[Tensor]
    """N tensors (n, 4), inside the canvas."""
    label: list[Tensor]
    """N tensors (n,), int64."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedBoxes:
    """A `Learned` of one network and the module that is exported of it."""

    network: nn.Module
    exported: nn.Module
    kind: InputKind
    outputs: tuple[str, ...]
    history: list[Row]

    def export(self, path: Path, samples: npt.NDArray[np.generic]) -> dict[str, float]:
        """Write one ONNX file to `path`; the differences from the network on 5 `samples`."""
        return export_onnx(
            self.exported.cpu(),
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


def fit_boxes(
    task: DetectorTask,
    network: nn.Module,
    loss_of: Callable[[nn.Module, BoxBatch], Tensor],
    exported: Callable[[nn.Module], nn.Module],
    *,
    outputs: tuple[str, ...],
) -> LearnedBoxes:
    """`network` fitted to the scans of `task` by the loop of `training/fit.py`.

    Args:
        task: Recipe and data.
        network: With its first weights.
        loss_of: The loss of a batch that lies where the network is.
        exported: From the network to the module that takes scans and gives `outputs`.
        outputs: Names of the outputs of that module.
    """
    recipe, data, settings = task.recipe, task.data, task.settings()
    if recipe.start is not None:
        start_from(recipe.start, network)

    def evaluate(average: nn.Module) -> Row:
        module = exported(average).eval().to(settings.device)
        pictures = data.val.pictures(recipe.input)
        return task.judge(outputs_of(module, pictures, device=settings.device))

    fitted, history = fit_network(
        network,
        drawn(task, loss_of),
        count=len(data.train),
        settings=settings,
        watch=task.watch(evaluate),
    )
    return LearnedBoxes(
        network=fitted,
        exported=exported(fitted),
        kind=recipe.input,
        outputs=outputs,
        history=history,
    )


def drawn(task: DetectorTask, loss_of: Callable[[nn.Module, BoxBatch], Tensor]) -> LossOf:
    """`loss_of` on augmented scans of `task`."""
    scans, kind, settings = task.data.train, task.recipe.input, task.settings()

    def loss(
        network: nn.Module, rows: npt.NDArray[np.int64], rng: np.random.Generator, done: float
    ) -> Tensor:
        window_px = settings.window_at(done)
        pictures, box_xyxy, label = [], [], []
        for row in rows:
            pixels, boxes, kinds = draw_scan(
                scans, row, kind=kind, rng=rng, stacked=settings.stacked, window_px=window_px
            )
            seen = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=np.inf) >= LEAST_SIDE_PX
            pictures.append(pixels)
            box_xyxy.append(torch.from_numpy(boxes[seen]).to(settings.device))
            label.append(torch.from_numpy(kinds[seen]).to(settings.device))
        together = as_tensor(pictures).to(settings.device)
        return loss_of(network, BoxBatch(pixels=together, box_xyxy=box_xyxy, label=label))

    return loss
