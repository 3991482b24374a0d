import io

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.codes import LabelCode
from parcelscope.datasets.packaging.defects import DEFECTS, Defect
from parcelscope.datasets.packaging.design import FACE_WH, genuine_design
from parcelscope.datasets.packaging.label import DEGRADATIONS, Degradation, label_photo

CODES = (LabelCode("Code128", "RR123456785DE"), LabelCode("QRCode", "RR123456785DE"))
LINES = ("Sender", "1 High Street", "", "Consignee", "2 Low Street")


def pixels(jpeg: bytes) -> npt.NDArray[np.uint8]:
    return np.array(Image.open(io.BytesIO(jpeg)))


@pytest.mark.parametrize("size_wh", [(640, 480), (480, 640), (320, 240)])
def test_the_front_face_stands_whole_in_the_photo(size_wh: tuple[int, int]) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        truth = package_photo(rng, genuine_design(rng), size_wh=size_wh)
        assert pixels(truth.jpeg).shape == (size_wh[1], size_wh[0], 3)
        assert truth.corners_xy.shape == (4, 2)
        assert (truth.corners_xy >= 0).all()
        assert (truth.corners_xy <= size_wh).all()
        assert cv2.contourArea(truth.corners_xy, True) > 0.08 * size_wh[0] * size_wh[1]


def test_the_same_state_gives_the_same_bytes() -> None:
    design = genuine_design(np.random.default_rng(1))
    one = package_photo(np.random.default_rng(7), design, defects=("misspell", "kerning"))
    two = package_photo(np.random.default_rng(7), design, defects=("kerning", "misspell"))
    assert one.jpeg == two.jpeg
    assert one.defects == ("kerning", "misspell")
    labels = [label_photo(np.random.default_rng(3), codes=CODES, lines=LINES) for _ in range(2)]
    assert labels[0].jpeg == labels[1].jpeg


def test_the_face_straightened_by_its_corners_shows_the_panel_colour_at_the_top_left() -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        design = genuine_design(rng)
        truth = package_photo(rng, design)
        width, height = FACE_WH
        flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
        warp = cv2.getPerspectiveTransform(truth.corners_xy, flat)
        face = cv2.warpPerspective(pixels(truth.jpeg), warp, FACE_WH)
        panel = np.median(face[14:26, 10:24].reshape(-1, 3), axis=0)
        paper = np.median(face[385:415, 260:400].reshape(-1, 3), axis=0)
        assert paper.mean() > panel.mean()
        assert np.argmax(panel / paper) == np.argmax(design.panel_rgb)


@pytest.mark.parametrize("subtle", [False, True])
@pytest.mark.parametrize("defect", DEFECTS)
def test_every_defect_can_be_photographed(defect: Defect, subtle: bool) -> None:
    design = genuine_design(np.random.default_rng(2))
    rng = np.random.default_rng(5)
    truth = package_photo(rng, design, defects=(defect,), subtle=subtle, size_wh=(320, 240))
    assert truth.defects == (defect,)
    assert truth.design is design


@pytest.mark.parametrize("degrade", [None, *DEGRADATIONS])
def test_a_label_photo_has_its_size_and_its_corners(degrade: Degradation | None) -> None:
    rng = np.random.default_rng(11)
    truth = label_photo(rng, codes=CODES, lines=LINES, size_wh=(640, 480), degrade=degrade)
    assert pixels(truth.jpeg).shape == (480, 640, 3)
    assert truth.codes == CODES
    area = cv2.contourArea(truth.corners_xy)
    share = area / (640 * 480)
    assert share < 0.04 if degrade == "far" else share > 0.25


@pytest.mark.parametrize("codes", [(), CODES * 2], ids=["no codes", "four codes"])
def test_labels_without_lines_or_codes_can_be_drawn(codes: tuple[LabelCode, ...]) -> None:
    truth = label_photo(np.random.default_rng(0), codes=codes, lines=(), size_wh=(320, 240))
    assert pixels(truth.jpeg).shape == (240, 320, 3)


def test_an_unknown_degradation_is_refused() -> None:
    with pytest.raises(ValueError, match=r"degrade must be one of blurred, .*, got 'wet'"):
        label_photo(
            np.random.default_rng(0),
            codes=(),
            lines=(),
            degrade="wet",  # type: ignore[arg-type]
        )
