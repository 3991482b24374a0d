"""A run on a synthetic feed against its truth, with detectors that know nothing."""

import json
import math
from pathlib import Path

import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from typer.testing import CliRunner

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import TRUTH_FOLDER, synth_feed
from parcelscope.pipelines.cli import app
from parcelscope.pipelines.evaluate import as_markdown, evaluate_run
from parcelscope.pipelines.screen import screen

WANTED = (
    "items, raw scans: mAP50",
    "  knife, raw scans: AP50",
    "anomaly, raw scans: AUROC for items of interest",
    "mass, parcels: median relative error",
    "mass, cartons: median relative error",
    "parcels: AUROC of the risk",
    "unmanifested, all cartons: recall at 2 % false alarms",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluate")
    config = load_synth_config(None).model_copy(
        update={
            "cartons": 8, "pieces": (2, 4), "violative": 0.5, "photos": 0.0, "missing_scan": 0.0,
            "corrupt_image": 0.0, "scan_formats": {"dual_tiff": 1.0},
            "parcel_violations": {"item": 1.0}, "parcel_pitch_mm": 2.0, "carton_pitch_mm": 2.5,
        }
    )  # fmt: skip
    synth_feed(folder / "feed", parcels=12, seed=3, config=config, workers=1)
    write_tiny_bundle(folder / "bundle")
    screen(folder / "feed", folder / "run", bundle_folder=folder / "bundle", workers=1)
    return folder / "run"


def truth_of(run: Path) -> Path:
    return run.parent / "feed" / TRUTH_FOLDER


def test_every_figure_comes_with_what_it_rests_on(run: Path) -> None:
    lines = {line.what: line.figure for line in evaluate_run(run, truth_of(run))}
    assert set(WANTED) <= set(lines)
    assert lines["mass, parcels: median relative error"].count == 12
    # Physics needs no training: even detectors that know nothing weigh parcels.
    assert lines["mass, parcels: median relative error"].value < 0.15
    mass = lines["mass, cartons: median relative error"]
    assert mass.low <= mass.value <= mass.high
    assert lines["items, raw scans: mAP50"].value < 0.5


def test_the_figures_stay_with_the_run(run: Path) -> None:
    lines = evaluate_run(run, truth_of(run))
    stored = json.loads((run / "evaluation.json").read_text())
    assert [row["what"] for row in stored] == [line.what for line in lines]


def test_the_table_has_a_row_for_each_figure(run: Path) -> None:
    lines = evaluate_run(run, truth_of(run))
    rows = as_markdown(lines).splitlines()
    assert len(rows) == 2 + len(lines)
    assert all(row.count("|") == 5 for row in rows)
    assert not any(math.isnan(line.figure.value) for line in lines if "mass" in line.what)


def test_the_command_prints_the_table(run: Path) -> None:
    result = CliRunner().invoke(
        app, ["evaluate", "run", str(run), "--truth", str(truth_of(run))], catch_exceptions=False
    )
    assert result.exit_code == 0
    assert "| items, raw scans: mAP50 |" in result.stdout


def test_a_folder_that_is_no_truth_is_refused(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="expected a truth table of a synthetic feed"):
        evaluate_run(run, tmp_path)


def test_the_truth_of_another_feed_is_refused(run: Path, tmp_path: Path) -> None:
    config = load_synth_config(None).model_copy(update={"cartons": 0, "photos": 0.0})
    synth_feed(tmp_path / "feed", parcels=40, seed=4, config=config, workers=1)
    with pytest.raises(RunError, match="expected the truth of the feed of"):
        evaluate_run(run, tmp_path / "feed" / TRUTH_FOLDER)
