"""The only file that imports ultralytics, whose licence is AGPL-3.0 (the extra `[yolo]`).

Its networks are built from the descriptions in its package and taught by the loop of
`training/fit.py` with its own loss; nothing is downloaded, and none of its trainer, its settings,
its tracking or its exporter is used. What is exported meets the contract of `models/yolo.py`.
"""

import math
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import onnx
import torch
import yaml
from torch import Tensor, nn

from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap import Boxes
from parcelscope.models.heatmap_lite0 import Lite0Input
from parcelscope.models.yolo import decode_yolo
from parcelscope.training.architectures import Architecture, DetectorTask, Outputs
from parcelscope.training.box_architectures import BoxBatch, LearnedBoxes, fit_boxes
from parcelscope.training.part_recipes import DetectorRecipe


@contextmanager
def contained() -> Iterator[None]:
    """Keep what ultralytics does on import to itself.

    It writes a settings file into the home folder, asks the network whether it is there, may
    install packages and report errors, and changes print options, warning filters, `torch.save`,
    the threads of OpenCV and the environment of the process.
    """
    environment = dict(os.environ)
    threads, save = cv2.getNumThreads(), torch.save
    with TemporaryDirectory() as folder, warnings.catch_warnings(), np.printoptions():
        warnings.simplefilter("ignore")
        os.environ["YOLO_CONFIG_DIR"] = folder
        os.environ["YOLO_AUTOINSTALL"] = "false"
        os.environ["YOLO_OFFLINE"] = "true"
        os.environ["YOLO_VERBOSE"] = "false"
        try:
            yield
        finally:
            for name in set(os.environ) - set(environment):
                del os.environ[name]
            os.environ.update(environment)
            torch.save = save
            torch.set_printoptions(profile="default")  # type: ignore[no-untyped-call]
            cv2.setNumThreads(threads)


with contained():
    import ultralytics
    from ultralytics.nn.tasks import DetectionModel, yaml_model_load
    from ultralytics.utils import SETTINGS
    from ultralytics.utils.tal import dist2bbox, make_anchors

    # Synchronisation, and its links to MLflow, Comet, ClearML and the like.
    SETTINGS.update({name: False for name, value in SETTINGS.items() if isinstance(value, bool)})

LICENCE = "AGPL-3.0"
"""Of the networks of ultralytics and, as its makers see it, of what is trained and exported."""
OUTPUTS = ("boxes", "scores")
GAINS = {"box": 7.5, "cls": 0.5, "dfl": 1.5}
"""Weights of the parts of the loss, `cfg/default.yaml` of ultralytics 8.4.190."""
WIDTHS = (0.0625, 0.09375, 0.125, 0.1875, 0.25, 0.5)
"""Width multiples of the networks to compare speeds with; 0.25 is YOLOv8n."""
WARM_PICTURES = 4
"""Searched before the clock starts."""


class YoloNetwork(nn.Module):
    """From a scan on its canvas to what the heads of a YOLO say, undecoded."""

    steps: Tensor

    def __init__(self, classes: int, kind: InputKind, *, model: str) -> None:
        super().__init__()
        self.input = Lite0Input(kind)
        self.detector = DetectionModel(f"{model}.yaml", ch=3, nc=classes, verbose=False)
        # In the state, so that a resumed training weighs its two heads as one that went through.
        self.register_buffer("steps", torch.zeros((), dtype=torch.int64))

    @property
    def head(self) -> Any:
        """The last layer, which gives boxes and scores."""
        return self.detector.model[-1]

    @property
    def two_headed(self) -> bool:
        """Whether it has a head that is end to end beside the usual one."""
        return getattr(self.head, "one2one_cv2", None) is not None

    def forward(self, scan: Tensor) -> Any:
        """While learning what the loss of ultralytics takes, of `scan` (N, 2 or 3, H, W)."""
        return self.detector(self.picture(scan))

    def picture(self, scan: Tensor) -> Tensor:
        """(N, 3, H, W), 0 to 1."""
        shades: Tensor = (self.input(scan) + 1.0) / 2.0
        return shades

    def levels(self, scan: Tensor) -> list[Tensor]:
        """The maps that the head looks at, finest first."""
        x: Any = self.picture(scan)
        kept: list[Any] = []
        for layer in self.detector.model:
            if layer.f != -1:
                given = [layer.f] if isinstance(layer.f, int) else layer.f
                taken = [x if index == -1 else kept[index] for index in given]
                x = taken[0] if isinstance(layer.f, int) else taken
            if layer is self.head:
                break
            x = layer(x)
            kept.append(x)
        return cast(list[Tensor], x)


class ExportedYolo(nn.Module):
    """The network with one of its heads, decoded as far as no choice is made."""

    anchors: Tensor
    strides: Tensor

    def __init__(
        self, network: YoloNetwork, *, width_px: int, height_px: int, end_to_end: bool
    ) -> None:
        super().__init__()
        self.network = network
        self.end_to_end = end_to_end
        strides = [int(stride) for stride in network.head.stride]
        grids = torch.tensor([[height_px // stride, width_px // stride] for stride in strides])
        anchors, stride = make_anchors(grids.float(), strides, 0.5)
        self.register_buffer("anchors", anchors.T[None])  # (1, 2, A) in cells
        self.register_buffer("strides", stride.T[None])  # (1, 1, A)

    def forward(self, scan: Tensor) -> tuple[Tensor, Tensor]:
        """(N, A, 4) boxes, x0, y0, x1, y1 in canvas pixels, and (N, A, C) scores."""
        head = self.network.head
        parts = head.one2one if self.end_to_end else head.one2many
        said = head.forward_head(self.network.levels(scan), **parts)
        box = dist2bbox(head.dfl(said["boxes"]), self.anchors, xywh=False, dim=1) * self.strides
        return box.permute(0, 2, 1), said["scores"].sigmoid().permute(0, 2, 1)


def fit_yolo(task: DetectorTask) -> LearnedBoxes:
    """The YOLO that the recipe names, from scratch, with the loss of ultralytics."""
    recipe, options, canvas = task.recipe, task.recipe.yolo, task.recipe.canvas
    torch.manual_seed(recipe.seed)
    network = YoloNetwork(len(task.data.classes), recipe.input, model=options.model)
    network.detector.args = SimpleNamespace(**GAINS, epochs=task.settings().steps)
    criteria: list[Any] = []

    def loss_of(module: nn.Module, batch: BoxBatch) -> Tensor:
        yolo = cast(YoloNetwork, module)
        if not criteria:  # only now: it stays on the device that the network was moved to
            criteria.append(yolo.detector.init_criterion())
        if yolo.two_headed:
            _weigh_heads(criteria[0], int(yolo.steps))
        yolo.steps += 1
        parts, _ = criteria[0](_in_full(yolo(batch.pixels)), targets(batch))
        return cast(Tensor, parts.sum() / len(batch.pixels))

    return fit_boxes(
        task,
        network,
        loss_of,
        lambda module: ExportedYolo(
            cast(YoloNetwork, module),
            width_px=canvas.width_px,
            height_px=canvas.height_px,
            end_to_end=options.says_once,
        ),
        outputs=OUTPUTS,
    )


def decode(recipe: DetectorRecipe, outputs: Outputs) -> list[Boxes]:
    """Boxes of each scan, as `inference/detectors.py` reads them."""
    canvas = recipe.canvas
    return [
        decode_yolo(
            *one,
            width_px=canvas.width_px,
            height_px=canvas.height_px,
            most_overlap=_most_overlap(recipe),
        )
        for one in zip(*outputs, strict=True)
    ]


def card(recipe: DetectorRecipe) -> dict[str, Any]:
    """What the card says of a YOLO."""
    return {"decoder": "yolo", "most_overlap": _most_overlap(recipe), "licence": LICENCE}


def _most_overlap(recipe: DetectorRecipe) -> float | None:
    return None if recipe.yolo.says_once else recipe.yolo.most_overlap


def _weigh_heads(criterion: Any, step: int) -> None:
    """Weigh the two heads as ultralytics does after `step` of all steps: from 0.8 to 0.1."""
    criterion.updates = step - 1
    criterion.update()


def targets(batch: BoxBatch) -> dict[str, Tensor]:
    """`batch` in the words of ultralytics: boxes by centre and size, as shares of the picture."""
    # Of the picture that is shown, which may be a window of the canvas.
    height_px, width_px = batch.pixels.shape[-2:]
    edge = torch.tensor([width_px, height_px] * 2, device=batch.pixels.device)
    boxes = torch.cat(batch.box_xyxy) / edge
    counts = torch.tensor([len(label) for label in batch.label], device=boxes.device)
    return {
        "batch_idx": torch.arange(len(counts), device=boxes.device).repeat_interleave(counts),
        "cls": torch.cat(batch.label).float(),
        "bboxes": torch.cat(
            [(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], dim=1
        ),
    }


def _in_full(said: Any) -> Any:
    """What the heads said, in 32 bits: 16 are too few for the logarithms of the loss."""
    if isinstance(said, dict):
        return {name: _in_full(value) for name, value in said.items()}
    if isinstance(said, (list, tuple)):
        return [_in_full(value) for value in said]
    return said.float()


YOLO = Architecture(fit=fit_yolo, outputs=lambda recipe: OUTPUTS, decode=decode, card=card)


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictSpeed:
    """What `ultralytics predict` took for pictures in a folder."""

    parameters: int
    like_parameters: int
    """Of the model that was to be come near to."""
    pictures: int
    cpu_s: float
    """Of all threads, without loading and the first pictures."""
    wall_s: float


def predict_speed(
    pictures: Path, *, like: Path, size_hw: tuple[int, int], classes: int, seconds: float
) -> PredictSpeed:
    """How fast `predict` of ultralytics reads and searches `pictures`, at its own settings.

    The network is YOLOv8 of the width whose number of parameters comes nearest to that of the ONNX
    model `like`, untrained: what it finds is nonsense, what it takes is not.

    Args:
        pictures: Folder of image files.
        like: The model to come near to in size.
        size_hw: Height and width of its input, multiples of 32.
        classes: Kinds of things that it tells apart.
        seconds: Least wall-clock time to measure for.
    """
    parameters = sum(math.prod(one.dims) for one in onnx.load(like).graph.initializer)
    with TemporaryDirectory() as work, contained():
        path = _nearest(Path(work), parameters, classes)
        model = ultralytics.YOLO(str(path), task="detect", verbose=False)
        told = {"imgsz": size_hw, "device": "cpu", "project": work, "verbose": False}
        found = count_parameters(model.model)
        for n, _ in enumerate(model.predict(source=str(pictures), stream=True, **told)):
            if n == WARM_PICTURES:
                break
        count, wall_s, cpu_s = 0, time.perf_counter(), time.process_time()
        while count == 0 or time.perf_counter() - wall_s < seconds:
            count += sum(1 for _ in model.predict(source=str(pictures), stream=True, **told))
        return PredictSpeed(
            parameters=found,
            like_parameters=parameters,
            pictures=count,
            cpu_s=time.process_time() - cpu_s,
            wall_s=time.perf_counter() - wall_s,
        )


def _nearest(folder: Path, parameters: int, classes: int) -> Path:
    """The description of a YOLOv8 about as large as `parameters`, written to `folder`."""
    whole = dict(yaml_model_load("yolov8n.yaml"))
    whole = {key: whole[key] for key in ("backbone", "head")}
    sizes = {}
    for width in WIDTHS:
        one = {**whole, "nc": classes, "depth_multiple": 0.33, "width_multiple": width}
        network = DetectionModel(one, ch=3, nc=classes, verbose=False)
        sizes[abs(count_parameters(network) - parameters)] = one
    path = folder / "equal.yaml"
    path.write_text(yaml.safe_dump(sizes[min(sizes)]), encoding="utf-8")
    return path


def count_parameters(network: nn.Module) -> int:
    """Weights and biases of `network`."""
    return sum(parameter.numel() for parameter in network.parameters())
