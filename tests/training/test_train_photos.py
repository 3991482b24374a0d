"""Photos of one product: from a folder in MVTec AD's layout to a bundle that is evaluated."""

from itertools import pairwise
from pathlib import Path

import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.training.photo_tree import write_pieces

from parcelscope.datasets.annotated import read_annotated
from parcelscope.datasets.errors import ConfigError
from parcelscope.inference.verification import verify_bundle
from parcelscope.models.bundle_writing import read_part
from parcelscope.pipelines.assemble import assemble
from parcelscope.pipelines.evaluate_detector import Question, evaluate_detector
from parcelscope.pipelines.train import train
from parcelscope.training.anomaly_data import in_turn
from parcelscope.training.part import TrainedPart

SMALL = ["canvas.width_px=64", "canvas.height_px=64", "taught.drawn=96", "taught.rounds=5"]


def quiet(stage: str, done: int, total: int) -> None:
    """Progress that nobody reads."""


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pieces") / "set"
    write_pieces(folder, train=70)
    return folder


def trained(method: str, tiles: Path, out: Path, *words: str) -> TrainedPart:
    given = [*SMALL, f"method={method}", f"data.folder={tiles}", *words]
    return train("photo_anomaly", given, out=out, resume=False, runs=None, report=quiet)


@pytest.mark.parametrize("method", ["plain", "taught"])
def test_damaged_pieces_are_told_apart_by_a_trained_part_in_a_bundle(
    method: str, tiles: Path, tmp_path: Path
) -> None:
    part = trained(method, tiles, tmp_path / "out")
    card = read_part(part.folder)
    assert (card.detector, card.input, card.mm_per_px) == ("photo.anomaly", "colour", None)
    assert card.metrics["test_auroc"] > 0.9
    assert card.metrics["test_pixel_auroc"] > 0.8
    assert card.genuine["scan"].count == card.metrics["calibration_scans"] > 5
    assert (part.folder / "samples.png").stat().st_size > 1000
    assert (part.folder / "curve.csv").is_file() == (method == "taught")

    write_tiny_bundle(tmp_path / "tiny")
    made = assemble(tmp_path / "bundle", tmp_path / "tiny", [part.folder], name=None, version=None)
    assert made.added == ("photo.anomaly (colour)",)
    checks = verify_bundle(tmp_path / "bundle", max_alarm_share=0.05)
    mine = [one for one in checks if one.subject.startswith("photo.anomaly")]
    assert {one.name for one in mine} >= {"contract", "golden tensors", "calibration"}
    assert all(one.passed for one in mine if one.name != "calibration")
    question = Question(
        detector="photo.anomaly", data=tiles, split="test", bundle_folder=tmp_path / "bundle"
    )
    found = {one.key: one.figure.value for one in evaluate_detector(question).figures()}
    assert found["auroc"] == pytest.approx(card.metrics["test_auroc"], abs=1e-4)
    assert found["pixel_auroc"] == pytest.approx(card.metrics["test_pixel_auroc"], abs=0.02)


def test_pieces_are_taken_in_a_drawn_order_that_keeps_groups_together(tiles: Path) -> None:
    annotated = read_annotated(tiles)
    good = [image for image in annotated.images if not image.anomalous]
    ordered = in_turn(good, seed=3)
    assert sorted(i.image_id for i in ordered) == sorted(i.image_id for i in good)
    assert [i.image_id for i in ordered] != [i.image_id for i in good]
    groups = [image.group for image in ordered]
    borders = [one != other for one, other in pairwise(groups)]
    assert sum(borders) == len(set(groups)) - 1


@pytest.mark.parametrize(
    ("recipe", "words", "told"),
    [
        pytest.param("photo_anomaly", [], r"give data.folder=FOLDER", id="no folder"),
        pytest.param(
            "xray_anomaly", ["method=taught"], r"method taught takes input=photo, got input=dual",
            id="defects on scans",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_refused(
    recipe: str, words: list[str], told: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=told):
        train(recipe, words, out=tmp_path / "out", resume=False, runs=None, report=quiet)
