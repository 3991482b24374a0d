"""Evaluation of each detector on annotated images, with models that find what is darkest."""

import json
import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import SIZE_WH, colour_pixels, dual_counts
from tests.pipelines.test_report import LOADING, Page
from typer.testing import CliRunner

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet, write_annotated
from parcelscope.datasets.errors import ConfigError, DatasetError
from parcelscope.datasets.scan_writing import write_colour_jpeg, write_dual_tiff
from parcelscope.inference.annotated_images import answers_of, heat_on_image
from parcelscope.inference.detectors import load_detectors
from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.class_mapping import map_classes, parse_mapping
from parcelscope.pipelines.cli import app
from parcelscope.pipelines.evaluate_detector import Evaluation, Question, evaluate_detector
from parcelscope.pipelines.evaluation_page import as_markdown, flat_figures, write_evaluation

SIDE = 24
"""Of a dark square in a scan, in pixels."""
Spots = tuple[tuple[int, int], ...]


def boxes_of(spots: Spots) -> npt.NDArray[np.float32]:
    """The boxes of dark squares at `spots`."""
    return np.array([(x, y, x + SIDE, y + SIDE) for x, y in spots], np.float32).reshape(-1, 4)


def write_set(folder: Path, *, labels: tuple[str, ...] = ("handgun", "cigar")) -> AnnotatedSet:
    """24 dual-energy and 8 colour images; every other one shows a dark square, two a strange one.

    The set is written as adapters write it: with groups of four, masks, and anomalous or not.
    """
    source = folder / "source"
    source.mkdir(parents=True)
    rng = np.random.default_rng(0)
    images = []
    for n in range(32):
        spots: Spots = ((int(rng.integers(30, 100)), int(rng.integers(30, 70))),) * (n % 2)
        strange = n in (1, 3)
        kind, name = ("dual", f"{n}.tif") if n < 24 else ("colour", f"{n}.jpg")
        if kind == "dual":
            write_dual_tiff(source / name, *dual_counts(*spots, seed=n))
        else:
            write_colour_jpeg(source / name, colour_pixels(*spots))
        if spots:
            mask = np.zeros(SIZE_WH[::-1], np.uint8)
            ((x, y),) = spots
            mask[y : y + SIDE, x : x + SIDE] = 255
            cv2.imwrite(str(source / f"{n}-mask.png"), mask)
        images.append(
            AnnotatedImage(
                image_id=f"i{n}",
                path=name,
                kind=kind,  # type: ignore[arg-type]
                width_px=SIZE_WH[0],
                height_px=SIZE_WH[1],
                split="val",
                group=f"sender {n // 4}",
                box_xyxy=boxes_of(spots),
                labels=(labels[1] if strange else labels[0],) * len(spots),
                anomalous=bool(spots),
                mask_path=f"{n}-mask.png" if spots else None,
            )
        )
    annotated = AnnotatedSet(
        name="squares <b>", root=source, classes=labels, images=tuple(images), licence="CC0",
        source="drawn",
    )  # fmt: skip
    return write_annotated(annotated, folder / "set")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate_detector")
    write_tiny_bundle(folder / "bundle")
    write_set(folder)
    return folder


@cache
def judged(folder: Path, detector: str, **more: object) -> Evaluation:
    pairs = parse_mapping(str(more.pop("classes", "")))
    question = Question(
        detector=detector, data=folder / "set", bundle_folder=folder / "bundle", classes=pairs,
        **more  # type: ignore[arg-type]
    )  # fmt: skip
    return evaluate_detector(question)


def test_items_are_found_where_they_are(folder: Path) -> None:
    values = flat_figures(judged(folder, "xray.items", pitch_mm=1.0))
    assert values["dual.auroc"] == 1
    assert values["dual.recall_at_18_percent"] == 1
    # Of the 24 images 12 show nothing: too few to speak of one false alarm in a hundred.
    assert "dual.recall_at_1_percent" not in values
    assert values["dual.map50_95"] <= values["dual.map50"]
    assert 0 <= values["dual.ece"] <= 1
    assert values["dual.per_s"] < values["dual.model_per_s"]
    assert values["dual.auroc_low"] <= values["dual.auroc"] <= values["dual.auroc_high"]
    assert "colour.map50" in values


def test_classes_that_only_one_side_knows_are_not_assessed(folder: Path) -> None:
    evaluation = judged(folder, "xray.items")
    text = as_markdown(evaluation)
    assert "| cigar | not assessed: a class of the data that the detector has no word for" in text
    assert "| utility_knife | not assessed: a class of the detector that the data does not" in text
    assert not any("cigar" in key or "utility_knife" in key for key in flat_figures(evaluation))


def test_a_mapping_lets_other_names_be_judged(folder: Path) -> None:
    evaluation = judged(folder, "xray.items", classes="cigar=utility_knife")
    assert "dual.ap50.utility_knife" in flat_figures(evaluation)
    figures = {one.key: one.figure for one in evaluation.figures()}
    assert figures["dual.ap50.handgun"].count == 10
    assert figures["dual.ap50.utility_knife"].count == 2


def test_two_classes_of_the_data_may_be_one_of_the_detector(folder: Path) -> None:
    evaluation = judged(folder, "xray.items", classes="cigar=handgun")
    figures = {one.key: one.figure for one in evaluation.figures()}
    assert figures["dual.ap50.handgun"].count == 12


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("cigar", "must be data_class=bundle_class", id="no pair"),
        pytest.param("a=b,a=c", "each data class once", id="twice"),
    ],
)
def test_a_mapping_that_is_none_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_mapping(text)


def test_a_mapping_to_what_is_not_there_is_refused() -> None:
    assert parse_mapping(None) == {}
    assert parse_mapping("a = x, b=y") == {"a": "x", "b": "y"}
    with pytest.raises(ConfigError, match="the data has a, got 'b'"):
        map_classes(("a",), ("x",), {"b": "x"})
    with pytest.raises(ConfigError, match="the detector has x, got 'y'"):
        map_classes(("a",), ("x",), {"a": "y"})
    with pytest.raises(ConfigError, match="say which is which with --classes"):
        map_classes(("a",), ("x",), {})


def test_pieces_are_counted_with_their_interval(folder: Path) -> None:
    pieces = "handgun=inner_parcel,cigar=inner_parcel"
    values = flat_figures(judged(folder, "xray.pieces", classes=pieces))
    assert values["dual.count_mae"] >= 0
    assert values["dual.count_within_1"] == 1
    assert 0 <= values["dual.interval_coverage"] <= 1
    assert values["dual.interval_width"] >= 1


def test_anomalies_are_told_from_normal_images_and_shown_where_they_are(folder: Path) -> None:
    values = flat_figures(judged(folder, "xray.anomaly", pitch_mm=1.0))
    assert values["dual.auroc"] == 1
    assert values["dual.pixel_auroc"] > 0.9
    assert values["dual.aupro"] > 0.7
    assert values["dual.auroc.handgun"] == 1
    assert 0 <= values["dual.normal_p_below_0.02"] <= 1


def test_the_map_lies_on_the_image(folder: Path) -> None:
    bundle, _ = load_bundle(folder / "bundle")
    detector = load_detectors(bundle, folder / "bundle").find("xray.anomaly", "dual")
    assert detector is not None
    annotated = write_set(folder / "again")
    image = next(one for one in annotated.images if one.labels)
    (answer,) = answers_of(annotated, [image], detector, pitch_mm=1.0).answers
    y, x = np.unravel_index(heat_on_image(answer, SIZE_WH).argmax(), SIZE_WH[::-1])
    x0, y0, x1, y1 = image.box_xyxy[0]
    assert x0 - 8 <= x <= x1 + 8
    assert y0 - 8 <= y <= y1 + 8


def test_an_image_that_cannot_be_read_is_told_and_left_out(folder: Path, tmp_path: Path) -> None:
    write_set(tmp_path)
    (tmp_path / "set" / "images" / "val" / "i2.tif").write_bytes(b"II*")
    question = Question(
        detector="xray.items", data=tmp_path / "set", bundle_folder=folder / "bundle"
    )
    evaluation = evaluate_detector(question)
    assert evaluation.images == 31
    assert any("i2" in one.why for one in evaluation.unjudged)


def test_what_is_not_there_is_refused_by_name(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no image in split test; there are 0 in train, 32 in"):
        judged(folder, "xray.items", split="test")
    with pytest.raises(ConfigError, match=r"no detector 'xray\.mass' that can be evaluated"):
        judged(folder, "xray.mass")
    write_tiny_bundle(tmp_path / "colour", kinds=["colour"], detectors=["xray.anomaly"])
    evaluation = evaluate_detector(
        replace(judged(folder, "xray.anomaly").question, bundle_folder=tmp_path / "colour")
    )
    assert evaluation.images == 8
    assert "24 images | not assessed: the bundle has no xray.anomaly model" in as_markdown(
        evaluation
    )


def test_the_page_stands_alone_and_holds_every_figure(folder: Path, tmp_path: Path) -> None:
    evaluation = judged(folder, "xray.items")
    write_evaluation(evaluation, tmp_path / "out")
    text = (tmp_path / "out" / "evaluation.html").read_text()
    page = Page(text)
    assert page.open == []
    for tag, attributes in page.tags:
        for name in LOADING & set(attributes):
            value = attributes[name] or ""
            assert value.startswith(("data:", "#")), f"<{tag} {name}={value[:60]!r}>"
    assert page.all("script") == []
    assert "squares <b>" in page.text
    for one in evaluation.figures():
        assert one.what in page.text
    assert len(page.all("img")) == sum(len(judged.charts) for _, judged in evaluation.parts)
    style = text[text.index("<style>") : text.index("</style>")]
    assert not re.search(r"url\(|@import", style)
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert metrics["data"]["images"] == 32
    assert all(math.isfinite(one["value"]) for one in metrics["figures"].values())
    assert {"what": "cigar", "why": "a class of the data that the detector has no word for"} in (
        metrics["not_assessed"]
    )
    assert len(list((tmp_path / "out" / "charts").glob("*.svg"))) == len(page.all("img"))


def test_the_command_prints_the_table_and_says_where_the_page_is(
    folder: Path, tmp_path: Path
) -> None:
    arguments = [
        "evaluate", "detector", "xray.items", "--data", str(folder / "set"),
        "--bundle", str(folder / "bundle"), "--out", str(tmp_path / "out"),
        "--classes", "cigar=utility_knife",
    ]  # fmt: skip
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "| mAP50 (both energies) |" in result.stdout
    assert f"Page: {tmp_path / 'out' / 'evaluation.html'}" in result.stdout


@pytest.mark.filterwarnings("ignore")  # of MLflow's own
def test_an_evaluation_is_kept_in_mlflow(folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="mlflow is not installed")
    from parcelscope.pipelines.evaluation_tracking import track_evaluation
    from parcelscope.training.tracking import open_client

    evaluation = judged(folder, "xray.anomaly")
    run_id = track_evaluation(evaluation, tmp_path)
    run = open_client(tmp_path).get_run(run_id)
    assert run.data.metrics["dual.auroc"] == 1
    assert run.data.params["data.digest"] == evaluation.data.digest
    assert run.data.tags["kind"] == "evaluation"
