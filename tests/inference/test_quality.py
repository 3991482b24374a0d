import io
import os
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageOps

from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.codes import LabelCode
from parcelscope.datasets.packaging.design import genuine_design
from parcelscope.datasets.packaging.label import Degradation, label_photo
from parcelscope.inference.quality import QualityLimits, assess_photo, quality_finding

CODES = (LabelCode("Code128", "RR123456785DE"), LabelCode("QRCode", "RR123456785DE"))
LINES = ("Hanseatic Trade", "Speicherstr. 14", "", "Jordan Example", "742 Cedar Avenue")


def rgb_of(jpeg: bytes) -> npt.NDArray[np.uint8]:
    return np.array(Image.open(io.BytesIO(jpeg)))


def label(seed: int, degrade: Degradation | None = None) -> npt.NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    return rgb_of(label_photo(rng, codes=CODES, lines=LINES, degrade=degrade).jpeg)


def test_accepted_photos_are_good() -> None:
    for seed in range(3):
        assert assess_photo(label(seed)).reasons == ()
        rng = np.random.default_rng(seed)
        photo = rgb_of(package_photo(rng, genuine_design(rng)).jpeg)
        assert assess_photo(photo).verdict == "good"


@pytest.mark.parametrize(
    ("degrade", "reason"),
    [
        pytest.param("blurred", "blurred: sharpness", id="blurred"),
        pytest.param("dark", "too dark: mean", id="dark"),
        pytest.param("overexposed", "burnt out", id="overexposed"),
        pytest.param("glare", "glare on", id="glare"),
        pytest.param("far", "target on", id="far"),
    ],
)
def test_each_fault_is_found_and_named(degrade: Degradation, reason: str) -> None:
    for seed in range(3):
        quality = assess_photo(label(seed, degrade))
        assert quality.verdict == "poor"
        assert any(reason in r for r in quality.reasons)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 4000, 3), (31, 700, 3), (40, 40, 3)], ids=str)
def test_the_smallest_pictures_are_judged_poor(shape: tuple[int, int, int]) -> None:
    quality = assess_photo(np.full(shape, 128, np.uint8))
    assert quality.verdict == "poor"
    assert quality.size_px == min(shape[:2])
    assert quality.sharpness == 0


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)], ids=str)
def test_what_is_no_photo_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="a photo must have shape"):
        assess_photo(np.zeros(shape, np.uint8))


def test_sharpness_falls_with_blur_and_not_with_light() -> None:
    photo = label(2)
    sharp = [
        assess_photo(np.asarray(cv2.GaussianBlur(photo, (0, 0), s), np.uint8)).sharpness
        for s in (1, 2, 4, 8)
    ]
    assert sharp == sorted(sharp, reverse=True)
    dimmed = (photo * 0.6).astype(np.uint8)
    assert assess_photo(dimmed).sharpness == pytest.approx(assess_photo(photo).sharpness, rel=0.1)


def test_a_known_box_of_the_target_overrides_the_guess() -> None:
    photo = label(0)
    quality = assess_photo(photo, target_box_xyxy=(0, 0, 128, 96))
    assert quality.target_share == pytest.approx(0.01)
    assert quality.reasons == ("target on 1.0% of the frame, at least 10% needed",)


def test_limits_decide() -> None:
    photo = label(0)
    strict = QualityLimits(min_size_px=2000)
    assert assess_photo(photo, strict).reasons == ("short side 960 px, at least 2000 needed",)


def test_the_finding_says_what_is_short() -> None:
    good = assess_photo(label(0))
    poor = assess_photo(label(0), QualityLimits(min_size_px=2000))
    owner = {"owner_id": "P1", "image_path": "p/1.jpg"}
    finding = quality_finding(good, owner_kind="parcel", **owner)
    assert (finding.source, finding.code, finding.text) == ("photo.quality", "quality.good", None)
    finding = quality_finding(poor, owner_kind="parcel", **owner)
    assert (finding.code, finding.score) == ("quality.poor", None)
    assert finding.text == "short side 960 px, at least 2000 needed"
    assert finding.sentence.endswith("short side 960 px, at least 2000 needed.")


def test_real_delivery_photos_are_good_and_poor_once_blurred() -> None:
    root = os.environ.get("PARCELSCOPE_REAL_DATA")
    if not root or not (Path(root) / "photos").is_dir():
        pytest.skip("PARCELSCOPE_REAL_DATA names no folder with photos/")
    paths = sorted((Path(root) / "photos").rglob("*.jpg"))
    assert paths
    for path in paths[::3]:
        photo = np.array(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
        assert assess_photo(photo).verdict == "good", path.name
        sigma = 4 * max(photo.shape) / 1280
        blurred = np.asarray(cv2.GaussianBlur(photo, (0, 0), sigma), np.uint8)
        assert assess_photo(blurred).verdict == "poor", path.name
