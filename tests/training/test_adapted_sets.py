"""From every public layout to a trained graph: import, one training step, export."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tests.datasets.adapters import layouts
from tests.datasets.adapters.layouts import SHAPES, SIZE_WH
from tests.training.heatmap_fit import fit_heatmap

from parcelscope.datasets.adapters.catalog import ADAPTERS
from parcelscope.datasets.adapters.importing import import_set
from parcelscope.datasets.annotated import AnnotatedSet, read_annotated
from parcelscope.datasets.annotated_pictures import read_picture
from parcelscope.datasets.canvas import CanvasSpec
from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap_network import ExportedHeatmap, HeatmapNetwork
from parcelscope.training.annotated_scans import is_compliant, scan_set
from parcelscope.training.anomaly import fit_anomaly
from parcelscope.training.export import export_onnx
from parcelscope.training.fit import FitSettings
from parcelscope.training.scan_sets import ScanSet

SPEC = CanvasSpec(width_px=SIZE_WH[0], height_px=SIZE_WH[1], mm_per_px=None)
WITH_BOXES = {name: shape for name, shape in SHAPES.items() if shape.label is not None}


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def learned(shape: layouts.Shape, folder: Path) -> tuple[ScanSet, HeatmapNetwork]:
    """A set of `shape` after import, as scans to learn from, and a network after one step on it."""
    shape.make(folder / "src")
    import_set(ADAPTERS[shape.adapter], folder / "src", folder / "set")
    annotated = read_annotated(folder / "set")
    scans = scan_set(annotated, annotated.of_split("train"), kind="colour", spec=SPEC)
    assert {annotated.classes[index] for label in scans.label for index in label} >= {shape.label}
    losses: list[float] = []
    network = fit_heatmap(
        scans,
        classes=len(annotated.classes),
        kind="colour",
        settings=FitSettings(passes=2, batch=2),
        progress=lambda step, steps, loss: losses.append(loss),
    )
    assert len(losses) == 1
    assert np.isfinite(losses).all()
    return scans, network


@pytest.mark.parametrize("shape", WITH_BOXES.values(), ids=WITH_BOXES)
def test_a_set_with_boxes_is_imported_and_learned_from(
    tmp_path: Path, shape: layouts.Shape
) -> None:
    scans, network = learned(shape, tmp_path)
    assert any(len(box_xyxy) for box_xyxy in scans.colour_box_xyxy)
    assert all(np.isfinite(weight.detach().numpy()).all() for weight in network.parameters())


# The exporter takes five seconds each time, and sees classes and size alone.
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name != "pidray")) for name in WITH_BOXES],
)
def test_what_was_learned_from_a_set_is_exported(tmp_path: Path, name: str) -> None:
    scans, network = learned(SHAPES[name], tmp_path)
    differences = export_onnx(
        ExportedHeatmap(network, with_count=False),
        tmp_path / "part.onnx",
        kind="colour",
        height_px=SPEC.height_px,
        width_px=SPEC.width_px,
        outputs=("peaks", "size", "offset"),
        samples=np.resize(scans.colour, (5, *scans.colour.shape[1:])),
    )
    assert max(differences.values()) < 1e-3


def compliant(annotated: AnnotatedSet, kind: InputKind) -> np.ndarray:
    """The normal pictures of split train, as a network takes them."""
    images = [image for image in annotated.of_split("train") if is_compliant(image)]
    if kind == "dual":
        return scan_set(annotated, images, kind=kind, spec=SPEC).dual
    pictures = [cv2.resize(read_picture(annotated.root, image), SIZE_WH) for image in images]
    return np.stack(pictures).transpose(0, 3, 1, 2)


NORMAL: dict[str, tuple[Callable[[Path, int], None], InputKind, int]] = {
    "compass-xp": (layouts.compass_xp, "dual", 120),
    "mvtec-ad": (layouts.mvtec, "colour", 70),
}
"""Sets without boxes: what makes them, the input, and a size that leaves 50 to learn from."""


@pytest.mark.parametrize("name", NORMAL)
def test_a_set_without_boxes_is_imported_as_a_network_takes_it(tmp_path: Path, name: str) -> None:
    make, kind, _ = NORMAL[name]
    make(tmp_path / "src", 12)
    import_set(ADAPTERS[name], tmp_path / "src", tmp_path / "set")
    genuine = compliant(read_annotated(tmp_path / "set"), kind)
    assert genuine.shape[1:] == (2 if kind == "dual" else 3, SIZE_WH[1], SIZE_WH[0])
    assert len(genuine) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("name", NORMAL)
def test_a_set_without_boxes_is_learned_as_normal_and_exported(tmp_path: Path, name: str) -> None:
    make, kind, count = NORMAL[name]
    make(tmp_path / "src", count)
    import_set(ADAPTERS[name], tmp_path / "src", tmp_path / "set")
    genuine = compliant(read_annotated(tmp_path / "set"), kind)
    assert len(genuine) >= 50
    differences = export_onnx(
        fit_anomaly(genuine, kind=kind),
        tmp_path / "part.onnx",
        kind=kind,
        height_px=SPEC.height_px,
        width_px=SPEC.width_px,
        outputs=("score", "map"),
        samples=genuine[:5],
    )
    assert max(differences.values()) < 1e-3
