"""Which networks a detector may be: what a recipe's `architecture` names.

An architecture is one function from a task to a `Learned`. Those of torch share the loop of
`training/fit.py`; one with a trainer of its own only has to give back the same. To add one, write
the function in a file of its own, its options in `part_recipes.py`, and one entry here.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from parcelscope.datasets.errors import ConfigError
from parcelscope.models.heatmap import Boxes
from parcelscope.training.checkpoint import CheckpointFile
from parcelscope.training.curve import Row
from parcelscope.training.fit import FitSettings, Watch
from parcelscope.training.part import Job
from parcelscope.training.part_data import PartData
from parcelscope.training.part_recipes import DetectorRecipe

Outputs = Sequence[npt.NDArray[np.float32]]
"""What a graph gave for N scans, in the order of its outputs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorTask:
    """What an architecture is given."""

    recipe: DetectorRecipe
    data: PartData
    job: Job
    fingerprint: str
    """Names recipe and data; a checkpoint of others must be refused."""
    judge: Callable[[Outputs], Row]
    """From the outputs for `data.val` to the figures of the learning curve."""

    def settings(self) -> FitSettings:
        """The recipe's `fit` as the loop of `training/fit.py` takes it; the stride is its own."""
        fit = self.recipe.fit
        return FitSettings(
            passes=fit.passes,
            batch=fit.batch,
            learning_rate=fit.learning_rate,
            weight_decay=fit.weight_decay,
            stacked=fit.stacked,
            window_px=fit.window_px,
            whole_share=fit.whole_share,
            count_weight=fit.count_weight,
            average_over_steps=fit.average_over_steps,
            seed=self.recipe.seed,
            device=fit.device,
            bfloat16=fit.bfloat16,
        )

    def watch(self, evaluate: Callable[[nn.Module], Row]) -> Watch:
        """Progress, checkpoint and learning curve, for the loop of `training/fit.py`."""
        fit, job = self.recipe.fit, self.job
        stage = f"fit {self.recipe.detector}"
        return Watch(
            progress=lambda done, steps, loss: job.report(stage, done, steps),
            checkpoint=CheckpointFile(
                path=job.work / "checkpoint.pt",
                fingerprint=self.fingerprint,
                every_s=fit.checkpoint_every_s,
            ),
            evaluate=evaluate,
            evaluate_every=max(1, fit.validate_every // fit.batch),
            tell=lambda row: job.tracker.metrics(row, step=int(row["pictures"])),
        )


class Learned(Protocol):
    """A network that has learned, before it is a file."""

    @property
    def history(self) -> list[Row]:
        """The learning curve."""

    def export(self, path: Path, samples: npt.NDArray[np.generic]) -> dict[str, float]:
        """Write one ONNX file to `path`; the differences from the network on 5 `samples`."""

    def save(self, path: Path) -> None:
        """Write the weights, for another training to start from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One kind of network."""

    fit: Callable[[DetectorTask], Learned]
    outputs: Callable[[DetectorRecipe], tuple[str, ...]]
    """Names of the graph's outputs."""
    decode: Callable[[DetectorRecipe, Outputs], list[Boxes]]
    """Boxes of each scan from those outputs, as `inference/detectors.py` reads them."""
    card: Callable[[DetectorRecipe], Mapping[str, Any]] = lambda recipe: {}
    """What the card says beside the common: how its outputs are decoded, its own licence."""


ARCHITECTURES: dict[str, str] = {
    "heatmap": "heatmap_architectures:HEATMAP",
    "heatmap_lite0": "heatmap_architectures:HEATMAP_LITE0",
    "ssdlite": "ssd_architecture:SSDLITE",
    "yolo": "yolo_adapter:YOLO",
}
"""Name to `module:name` below `parcelscope.training`, an `Architecture` imported when asked for."""


def find_architecture(name: str) -> Architecture:
    """The architecture called `name`.

    Raises:
        ConfigError: If there is none, or a package that it needs is not installed.
    """
    if name not in ARCHITECTURES:
        near = difflib.get_close_matches(name, ARCHITECTURES, n=1, cutoff=0.0)
        raise ConfigError(
            f"architecture: expected one of {sorted(ARCHITECTURES)}, got {name!r};"
            f" the nearest is {near[0]!r}"
        )
    module, _, attribute = ARCHITECTURES[name].partition(":")
    try:
        found: Architecture = getattr(import_module(f"parcelscope.training.{module}"), attribute)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"architecture {name!r} needs {error.name}, which is not installed"
        ) from None
    return found


def outputs_of(
    module: nn.Module, scans: npt.NDArray[np.generic], *, device: str, batch: int = 32
) -> Outputs:
    """What `module`, which takes and gives tensors, says of all `scans`."""
    wide = np.int32 if scans.dtype == np.uint16 else np.uint8
    parts = []
    with torch.no_grad():
        for start in range(0, len(scans), batch):
            pixels = torch.from_numpy(scans[start : start + batch].astype(wide)).to(device)
            parts.append([tensor.float().cpu().numpy() for tensor in module(pixels)])
    return [np.concatenate(column) for column in zip(*parts, strict=True)]
