from pathlib import Path

import numpy as np
import pytest
from tests.training.tiny_annotated import SIZE_WH, write_blocks

from parcelscope.datasets.canvas import CanvasSpec
from parcelscope.datasets.errors import DatasetError
from parcelscope.training.annotated_scans import is_compliant, scan_set

SPEC = CanvasSpec(width_px=192, height_px=128, mm_per_px=None)


@pytest.mark.parametrize(("kind", "shape"), [("dual", (2, 128, 192)), ("colour", (3, 128, 192))])
def test_scans_lie_on_the_canvas_with_their_boxes(
    tmp_path: Path, kind: str, shape: tuple[int, int, int]
) -> None:
    annotated = write_blocks(tmp_path / "set", kind=kind, train=5, val=0)
    seen: list[int] = []
    scans = scan_set(annotated, annotated.images, kind=kind, spec=SPEC, progress=seen.append)
    pictures = scans.pictures(kind)
    assert pictures.shape == (5, *shape)
    assert seen == [1, 2, 3, 4, 5]
    for picture, boxes in zip(pictures, scans.boxes_for(kind), strict=True):
        assert len(boxes)
        for x0, y0, x1, y1 in boxes.round().astype(int):
            inside = picture[0, y0 + 3 : y1 - 3, x0 + 3 : x1 - 3]
            assert inside.mean() < 0.5 * np.median(picture[0])


def test_nothing_is_stretched(tmp_path: Path) -> None:
    annotated = write_blocks(tmp_path / "set", train=3, val=0)
    scans = scan_set(annotated, annotated.images, kind="dual", spec=SPEC)
    for image, boxes in zip(annotated.images, scans.dual_box_xyxy, strict=True):
        scale = (boxes[:, 2:] - boxes[:, :2]) / (image.box_xyxy[:, 2:] - image.box_xyxy[:, :2])
        np.testing.assert_allclose(scale, scale[0, 0], rtol=1e-4)
        assert scale[0, 0] <= SPEC.width_px / (SIZE_WH[0] - 24)


def test_a_set_without_images_is_an_empty_scan_set(tmp_path: Path) -> None:
    annotated = write_blocks(tmp_path / "set", train=1, val=0)
    scans = scan_set(annotated, (), kind="dual", spec=SPEC)
    assert len(scans) == 0
    assert scans.dual.shape == (0, 2, 128, 192)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    annotated = write_blocks(tmp_path / "set", train=1, val=0)
    annotated.file(annotated.images[0].path).write_bytes(b"II*\0")
    with pytest.raises(DatasetError, match=r"000\.tif"):
        scan_set(annotated, annotated.images, kind="dual", spec=SPEC)


def test_compliant_is_what_nobody_marked(tmp_path: Path) -> None:
    annotated = write_blocks(tmp_path / "set", train=1, val=0, empty=1)
    assert [is_compliant(image) for image in annotated.images] == [False, True]
