"""Detectors: the contract of their graphs, and what they say about canvases."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tests.inference.tiny_bundle import HEIGHT_PX, WIDTH_PX, write_tiny_bundle

from parcelscope.datasets.errors import BundleError
from parcelscope.inference.detectors import (
    Detector,
    Detectors,
    ScoreError,
    count_pieces,
    detect_items,
    hottest_box,
    load_detectors,
    score_anomaly,
)
from parcelscope.models.bundle import Bundle, DetectorName, InputKind

KINDS: tuple[InputKind, ...] = ("dual", "colour")


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Detectors:
    folder = tmp_path_factory.mktemp("bundle")
    return load_detectors(write_tiny_bundle(folder), folder)


def detector(detectors: Detectors, name: DetectorName, kind: InputKind) -> Detector:
    found = detectors.find(name, kind)
    assert found is not None
    return found


def canvases(kind: InputKind, *spots_xy: tuple[int, int] | None) -> npt.NDArray[np.uint16]:
    """One canvas of air for each spot, with an 8 x 8 px block of half absorption there."""
    air = 60000 if kind == "dual" else 255
    dtype = np.uint16 if kind == "dual" else np.uint8
    batch = np.full((len(spots_xy), 2 if kind == "dual" else 3, HEIGHT_PX, WIDTH_PX), air, dtype)
    for canvas, spot in zip(batch, spots_xy, strict=True):
        if spot is not None:
            x, y = spot
            canvas[:, y : y + 8, x : x + 8] = air // 2
            canvas[:, y : y + 4, x : x + 4] = air // 4
    return batch


@pytest.mark.parametrize("kind", KINDS)
def test_items_are_found_where_it_is_dark_and_not_in_air(
    detectors: Detectors, kind: InputKind
) -> None:
    batch = canvases(kind, (16, 8), None, (40, 32))
    first, empty, last = detect_items(detector(detectors, "xray.items", kind), batch)
    assert first.box_xyxy[0] == pytest.approx([12, 4, 24, 16])
    assert last.box_xyxy[0] == pytest.approx([36, 28, 48, 40])
    assert first.score[0] == pytest.approx(0.75, abs=0.01)
    assert first.label[0] == 0
    assert len(empty.score) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_are_counted(detectors: Detectors, kind: InputKind) -> None:
    batch = canvases(kind, (16, 8), None)
    one, none = count_pieces(detector(detectors, "xray.pieces", kind), batch)
    assert one.raw == 1
    assert none.raw == 0


@pytest.mark.parametrize("kind", KINDS)
def test_an_anomaly_has_the_box_of_its_hottest_region(
    detectors: Detectors, kind: InputKind
) -> None:
    batch = canvases(kind, (16, 8), None)
    dark, plain = score_anomaly(detector(detectors, "xray.anomaly", kind), batch)
    assert dark.score > 0.7 > plain.score
    assert dark.box_xyxy == pytest.approx([16, 8, 24, 16])


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_says_the_same_as_its_canvases_one_by_one(
    detectors: Detectors, kind: InputKind
) -> None:
    items = detector(detectors, "xray.items", kind)
    batch = canvases(kind, (0, 0), (20, 16), (56, 40))
    alone = [detect_items(items, batch[index : index + 1])[0] for index in range(3)]
    for together, single in zip(detect_items(items, batch), alone, strict=True):
        np.testing.assert_array_equal(together.box_xyxy, single.box_xyxy)
        np.testing.assert_array_equal(together.score, single.score)


def test_a_model_that_gives_nan_is_not_taken_for_nothing_found(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(
        tmp_path, kinds=("dual",), detectors=("xray.items",), nan_above=0.001
    )
    items = detector(load_detectors(bundle, tmp_path), "xray.items", "dual")
    with pytest.raises(ScoreError, match="'peaks' is not finite"):
        detect_items(items, canvases("dual", (16, 8)))


def test_a_detector_that_the_bundle_lacks_is_none(tmp_path: Path) -> None:
    bundle = write_tiny_bundle(tmp_path, kinds=("dual",), detectors=("xray.items",))
    assert load_detectors(bundle, tmp_path).find("xray.pieces", "dual") is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"width_px": 128}, "expected the one input", id="other size"),
        pytest.param({"input": "colour"}, "expected the one input", id="other kind"),
        pytest.param({"detector": "xray.anomaly"}, r"\['score', 'map'\] missing", id="outputs"),
    ],
)
def test_a_model_that_breaks_its_cards_promise_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    bundle = write_tiny_bundle(tmp_path, kinds=("dual",), detectors=("xray.items",))
    card = bundle.detectors[0].model_copy(update=change)
    broken: Bundle = bundle.model_copy(update={"detectors": (card,)})
    with pytest.raises(BundleError, match=message):
        load_detectors(broken, tmp_path)


@pytest.mark.parametrize(
    ("hot", "expected"),
    [
        pytest.param([], [0, 0, 64, 48], id="a flat map is hot all over"),
        pytest.param([(2, 3)], [12, 8, 16, 12], id="one cell"),
        pytest.param([(2, 3), (2, 4), (3, 4)], [12, 8, 20, 16], id="a region"),
        pytest.param([(0, 0), (11, 15)], [0, 0, 4, 4], id="the first of two equal peaks"),
    ],
)
def test_the_hottest_box_holds_the_region_of_the_peak(
    hot: list[tuple[int, int]], expected: list[float]
) -> None:
    heat = np.zeros((12, 16), np.float32)
    for row, column in hot:
        heat[row, column] = 3.0
    assert hottest_box(heat, width_px=64, height_px=48).tolist() == expected
