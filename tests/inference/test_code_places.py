"""Where codes may be: bars by the way they lie, matrix codes by their box."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from parcelscope.datasets.packaging.codes import LabelCode, code_modules
from parcelscope.inference.code_places import code_places

Luma = npt.NDArray[np.uint8]


def paper(height: int = 960, width: int = 1280) -> Luma:
    return np.full((height, width), 230, np.uint8)


def with_code(code: LabelCode, dots: int, *, turned: bool = False) -> Luma:
    """A large photo of one code, its upper left corner at (400, 300)."""
    modules = code_modules(code)
    if modules.shape[0] == 1:
        modules = np.repeat(modules, 30, axis=0)
    picture = np.kron(modules, np.ones((dots, dots), np.uint8))
    if turned:
        picture = np.ascontiguousarray(picture.T)
    photo = paper()
    photo[300 : 300 + picture.shape[0], 400 : 400 + picture.shape[1]] = picture
    return photo


BARS = LabelCode("Code128", "RR123456785DE")


@pytest.mark.parametrize("turned", [False, True], ids=["upright", "lying"])
@pytest.mark.parametrize("dots", [2, 3, 4])
def test_bars_are_told_by_the_way_they_lie(dots: int, turned: bool) -> None:
    found = code_places(with_code(BARS, dots, turned=turned))
    assert (found.upright_bars, found.lying_bars) == (not turned, turned)


@pytest.mark.parametrize("dots", [2, 3, 4])
@pytest.mark.parametrize("format_", ["QRCode", "DataMatrix"])
def test_a_dense_matrix_code_lies_in_a_box_with_its_quiet_zone(format_: str, dots: int) -> None:
    code = LabelCode(format_, "https://id.example/12345678901234567890")
    side = code_modules(code).shape[0] * dots
    (box,) = code_places(with_code(code, dots)).boxes_xyxy()
    assert box[0] <= 400 - 4 * dots
    assert box[1] <= 300 - 4 * dots
    assert box[2] >= 400 + side + 4 * dots
    assert box[3] >= 300 + side + 4 * dots
    assert (box[2] - box[0]) * (box[3] - box[1]) < 0.2 * 960 * 1280


def test_a_code_that_was_read_already_has_no_box() -> None:
    code = LabelCode("QRCode", "https://id.example/12345678901234567890")
    side = code_modules(code).shape[0] * 3
    places = code_places(with_code(code, 3))
    right, lower = 400 + side, 300 + side
    corners = np.array([(400, 300), (right, 300), (right, lower), (400, lower)], np.float32)
    assert len(places.boxes_xyxy()) == 1
    assert places.boxes_xyxy([corners]) == ()


@pytest.mark.parametrize(
    "photo",
    [
        pytest.param(paper(), id="paper"),
        pytest.param(np.zeros((960, 1280), np.uint8), id="black"),
        pytest.param(cv2.line(paper(), (100, 400), (1200, 400), (20,), 3), id="a line"),
        pytest.param(
            np.tile(np.linspace(0, 255, 1280).astype(np.uint8), (960, 1)), id="a gradient"
        ),
    ],
)
def test_plain_things_hold_nothing_that_looks_like_a_code(photo: Luma) -> None:
    found = code_places(photo)
    assert not found.upright_bars
    assert not found.lying_bars
    assert found.boxes_xyxy() == ()


def test_a_photo_full_of_texture_is_one_box() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (963, 1285), np.uint8)
    assert code_places(noise).boxes_xyxy() == ((0, 0, 1285, 963),)


def test_a_box_never_leaves_a_photo_whose_sides_are_no_whole_blocks() -> None:
    photo = paper(1003, 1397)
    rng = np.random.default_rng(1)
    photo[900:, 1300:] = (
        np.kron(rng.integers(0, 2, (35, 33)), np.ones((3, 3))).astype(np.uint8)[:103, :97] * 200
    )
    (box,) = code_places(photo).boxes_xyxy()
    assert box[2:] == (1397, 1003)
