"""A genuine reference made of drawn photos, and what is said of genuine and altered copies."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.defects import Defect
from parcelscope.datasets.packaging.design import another_copy, genuine_design
from parcelscope.datasets.packaging.label import label_photo
from parcelscope.inference.codes import read_codes
from parcelscope.inference.difference_zones import place_words
from parcelscope.inference.photo_authenticity import (
    Comparison,
    LoadedReference,
    authenticity_findings,
    compare,
    prepared,
)
from parcelscope.inference.registration import NotComparable
from parcelscope.inference.sessions import open_session
from parcelscope.models.bundle import ReferenceCard
from parcelscope.models.references import load_reference, save_reference

pytest.importorskip("torch", reason="references are built with the training extra")

from parcelscope.training.photo_reference import build_reference
from parcelscope.training.reference_set import export_features

Session = object


def photo(number: int, *defects: Defect, subtle: bool = False) -> np.ndarray:
    rng = np.random.default_rng([5, number])
    design = genuine_design(np.random.default_rng([21, 2]))
    truth = package_photo(rng, another_copy(rng, design), defects=defects, subtle=subtle)
    return np.asarray(simplejpeg.decode_jpeg(truth.jpeg))


@pytest.fixture(scope="module")
def features(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("features") / "features.onnx"
    export_features(path)
    return path


@pytest.fixture(scope="module")
def reference(features: Path) -> LoadedReference:
    cv2.setNumThreads(1)
    built = build_reference([photo(k) for k in range(8)], open_session(features))
    assert len(built.used) >= 7
    path = features.parent / "reference.npz"
    path.write_bytes(save_reference(built.reference))
    card = ReferenceCard(sku="4000000000006", file=path.name, sha256="0" * 64, photos=8)
    return prepared(load_reference(path), card)


def compared(picture: np.ndarray, reference: LoadedReference, features: Path) -> Comparison:
    found = compare(picture, reference, open_session(features), read_codes(picture))
    assert isinstance(found, Comparison)
    return found


def test_a_genuine_copy_of_another_lot_differs_less_than_a_misprinted_one(
    reference: LoadedReference, features: Path
) -> None:
    genuine = compared(photo(100), reference, features)
    altered = compared(photo(101, "misspell", "colour_cast"), reference, features)
    assert altered.score > 2 * max(genuine.score, 1.0)
    assert altered.p_value == pytest.approx(1 / (1 + len(reference.constants.genuine)))


def test_moved_print_is_seen_by_its_place_and_has_zones(
    reference: LoadedReference, features: Path
) -> None:
    genuine = compared(photo(105), reference, features)
    altered = compared(photo(102, "layout_shift"), reference, features)
    assert altered.by_check["placement"] > genuine.by_check["placement"] + 1
    assert altered.zones
    assert all(zone.box_xyxy is not None for zone in altered.zones)


def test_each_finding_says_how_often_genuine_photos_differ_as_much(
    reference: LoadedReference, features: Path
) -> None:
    altered = compared(photo(103, "colour_cast"), reference, features)
    whole, *marks = authenticity_findings(
        altered, reference, owner_id="P1", owner_kind="parcel", image_path="a.jpg"
    )
    assert whole.code == "photo.authenticity"
    assert "genuine photos differ as much" in whole.sentence
    assert whole.p_value == altered.p_value
    assert marks
    assert all(mark.p_value is None and mark.box_xyxy is not None for mark in marks)
    assert "counterfeit" not in " ".join(f.sentence for f in (whole, *marks))


def test_a_photo_of_something_else_is_not_comparable(
    reference: LoadedReference, features: Path
) -> None:
    rng = np.random.default_rng(3)
    label = label_photo(rng, codes=[], lines=["Somebody", "Somewhere"])
    found = compare(
        np.asarray(simplejpeg.decode_jpeg(label.jpeg)), reference, open_session(features), ()
    )
    assert isinstance(found, NotComparable)
    assert "match the genuine reference" in found.reason or "found again" in found.reason


def test_a_blank_photo_is_not_comparable(reference: LoadedReference, features: Path) -> None:
    blank = np.full((480, 640, 3), 200, np.uint8)
    found = compare(blank, reference, open_session(features), ())
    assert isinstance(found, NotComparable)


def test_the_same_photo_gets_the_same_score(reference: LoadedReference, features: Path) -> None:
    first, second = (compared(photo(104), reference, features) for _ in range(2))
    assert first.score == second.score


@pytest.mark.parametrize(
    ("box", "words"),
    [
        pytest.param((0, 0, 10, 10), "upper left", id="corner"),
        pytest.param((45, 45, 55, 55), "middle", id="middle"),
        pytest.param((45, 90, 55, 99), "lower middle", id="bottom"),
        pytest.param((90, 45, 99, 55), "right", id="side"),
    ],
)
def test_a_place_has_a_name(box: tuple[float, float, float, float], words: str) -> None:
    assert place_words(box, (100, 100)) == words
