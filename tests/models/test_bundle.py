import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.errors import BundleError
from parcelscope.models.bundle import (
    CARD,
    Bundle,
    CountCalibration,
    DetectorCard,
    FusionModel,
    GenuineScores,
    builtin_bundle_folder,
    load_bundle,
)

MODEL = b"not really a graph, but its digest is real"


def written_bundle(folder: Path) -> dict[str, object]:
    fusion = FusionModel(intercept=-2, weights={}, knots_logit=(-4, 4), knots_risk=(0.01, 0.9))
    bundle = Bundle(
        name="test", version="1", licence="Apache-2.0", created="2026-11-22", training_data="none",
        detectors=(
            DetectorCard(
                detector="xray.anomaly", input="dual", file="a.onnx",
                sha256=hashlib.sha256(MODEL).hexdigest(),
                width_px=64, height_px=64, mm_per_px=2.0, classes=("scan",),
            ),
        ),
        parcel_fusion=fusion, carton_fusion=fusion,
    )  # fmt: skip
    folder.joinpath("a.onnx").write_bytes(MODEL)
    card: dict[str, object] = bundle.model_dump(mode="json")
    write_card(folder, card)
    return card


def write_card(folder: Path, card: dict[str, object]) -> None:
    folder.joinpath(CARD).write_text(json.dumps(card))


def test_a_bundle_reads_back_with_its_digest(tmp_path: Path) -> None:
    written_bundle(tmp_path)
    bundle, digest = load_bundle(tmp_path)
    assert bundle.card("xray.anomaly", "dual") is not None
    assert bundle.card("xray.items", "dual") is None
    assert digest == hashlib.sha256(tmp_path.joinpath(CARD).read_bytes()).hexdigest()


def test_a_folder_without_a_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"expected a bundle with a bundle\.json, found none"):
        load_bundle(tmp_path)


def test_an_altered_graph_is_refused(tmp_path: Path) -> None:
    written_bundle(tmp_path)
    tmp_path.joinpath("a.onnx").write_bytes(MODEL + b"!")
    with pytest.raises(BundleError, match=r"a\.onnx: expected SHA-256 .* the file was altered"):
        load_bundle(tmp_path)


def test_a_missing_graph_is_refused(tmp_path: Path) -> None:
    written_bundle(tmp_path)
    tmp_path.joinpath("a.onnx").unlink()
    with pytest.raises(BundleError, match=r"a\.onnx: named in bundle\.json, but missing"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"format_version": 99}, "expected bundle format 1, got 99", id="newer"),
        pytest.param({"surprise": 1}, "surprise: Extra inputs", id="unknown key"),
        pytest.param({"parcel_fusion": None}, "parcel_fusion", id="no fusion"),
    ],
)
def test_a_wrong_card_is_refused_by_name(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    write_card(tmp_path, written_bundle(tmp_path) | change)
    with pytest.raises(BundleError, match=message):
        load_bundle(tmp_path)


def test_a_card_cannot_name_a_file_outside_its_folder(tmp_path: Path) -> None:
    inside = tmp_path / "bundle"
    inside.mkdir()
    card = written_bundle(inside)
    text = json.dumps(card).replace('"a.onnx"', '"../a.onnx"')
    inside.joinpath(CARD).write_text(text)
    tmp_path.joinpath("a.onnx").write_bytes(MODEL)
    with pytest.raises(BundleError, match="must stay in the bundle"):
        load_bundle(inside)


def test_a_card_that_is_no_json_is_refused(tmp_path: Path) -> None:
    tmp_path.joinpath(CARD).write_text("{")
    with pytest.raises(BundleError, match="expected JSON"):
        load_bundle(tmp_path)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.floats(0, 1))
def test_a_p_value_is_the_share_of_genuine_scores_as_high(
    scores: list[float], score: float
) -> None:
    genuine = GenuineScores(count=len(scores), top=tuple(sorted(scores, reverse=True)))
    as_high = sum(s >= score for s in scores)
    assert genuine.p_value(score) == pytest.approx((1 + as_high) / (1 + len(scores)))


def test_the_count_interval_is_interpolated_between_its_knots() -> None:
    calibration = CountCalibration(
        raw=(0, 10), middle=(0, 20), low=(-1, 18), high=(1, 22), coverage=0.95
    )
    assert calibration.interval(5) == pytest.approx((10, 8.5, 11.5))


def test_the_built_in_bundle_is_whole_and_small() -> None:
    folder = builtin_bundle_folder()
    bundle, _ = load_bundle(folder)
    assert {card.detector for card in bundle.detectors} == {
        "xray.items", "xray.pieces", "xray.anomaly", "xray.contents",
    }  # fmt: skip
    assert {card.input for card in bundle.detectors} == {"dual", "colour"}
    assert bundle.licence == "Apache-2.0"
    size = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    assert size < 15e6
    for card in bundle.detectors:
        assert b".py" not in (folder / card.file).read_bytes()
        assert card.metrics["parity_batch_1"] < 2e-4
        assert card.metrics["parity_order"] < 2e-4
    pieces = bundle.card("xray.pieces", "dual")
    assert pieces is not None
    assert pieces.count is not None
    assert (np.diff(pieces.count.middle) >= 0).all()
