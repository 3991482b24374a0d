from pathlib import Path

import numpy as np
import pytest
from tests.training.tiny_annotated import write_blocks

from parcelscope.datasets.canvas import CanvasSpec
from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.training.part_data import PartData, load_data
from parcelscope.training.part_recipes import DataOptions
from parcelscope.training.projected_scans import classes_with_items
from parcelscope.training.recipe_files import read_recipe

SPEC = CanvasSpec(width_px=256, height_px=192, mm_per_px=None)


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody reads."""


def loaded(folder: Path, work: Path) -> PartData:
    options = DataOptions(folder=folder, projected=6, projected_specimens=1)
    return load_data(options, "items", kind="dual", spec=SPEC, seed=1, work=work, report=quiet)


def test_classes_of_the_set_come_before_the_items() -> None:
    assert classes_with_items(("block", ITEM_LABELS[2]))[:3] == (
        "block", ITEM_LABELS[2], ITEM_LABELS[0],
    )  # fmt: skip


def test_compliant_scans_are_learned_from_with_items_in_them(tmp_path: Path) -> None:
    write_blocks(tmp_path / "set", train=0, empty_train=2, val=1, empty=1)
    data = loaded(tmp_path / "set", tmp_path / "work")
    assert data.classes == ("block", *ITEM_LABELS)
    assert len(data.train) == 8
    assert all(len(label) == 0 for label in data.train.label[:2])
    added = np.concatenate(data.train.label[2:])
    assert len(added) > 0
    assert added.min() >= 1
    for row in range(2, 8):
        scan, boxes = data.train.dual[row], data.train.dual_box_xyxy[row]
        calm = max(data.train.dual[:2], key=lambda other: float((other == scan).mean()))
        outside = np.ones(scan.shape[1:], bool)
        for x0, y0, x1, y1 in boxes.astype(int):
            outside[max(y0 - 4, 0) : y1 + 4, max(x0 - 4, 0) : x1 + 4] = False
        assert np.array_equal(scan[:, outside], calm[:, outside])
    again = loaded(tmp_path / "set", tmp_path / "again")
    assert again.digest == data.digest
    assert "items projected into 6 of its scans" in data.told


@pytest.mark.parametrize("name", ["xray_items_colour", "xray_pieces", "xray_anomaly"])
def test_nothing_is_projected_into_colours_or_cartons(name: str) -> None:
    with pytest.raises(ConfigError, match=r"data.projected must be 0"):
        read_recipe(name, ["data.projected=5"])
