"""The main job from feed to run folder, on small models and a feed with everything wrong in it."""

from pathlib import Path

import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.facility_feed import OTHER_LABEL_ID, REJECTED_ID, write_facility_feed

from parcelscope.datasets.errors import BundleError, ConfigError, FeedError
from parcelscope.pipelines.run_folder import PARTS, Run, read_run
from parcelscope.pipelines.run_summary import RunSummary
from parcelscope.pipelines.screen import screen


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feed")
    write_facility_feed(folder)
    return folder


@pytest.fixture(scope="module")
def summary(feed: Path, bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> RunSummary:
    out = tmp_path_factory.mktemp("runs") / "run"
    return screen(feed, out, bundle_folder=bundle, budget=0.3, workers=2, seed=7)


@pytest.fixture(scope="module")
def run(summary: RunSummary) -> Run:
    return read_run(summary.folder)


def test_every_row_is_counted_once(run: Run) -> None:
    counts = run.card.counts
    assert (counts.parcels.rows, counts.parcels.assessed, counts.parcels.quarantined) == (24, 23, 1)
    assert (counts.cartons.rows, counts.cartons.assessed) == (2, 2)
    images = counts.images
    assert (images.rows, images.missing, images.quarantined) == (41, 1, 2)
    assert images.assessed == run.images.filter(pl.col("verdict") == "assessed").height
    assert counts.findings == run.findings.height
    assert counts.not_assessed == run.not_assessed.height
    assert counts.flagged_targeted + counts.flagged_random == run.flags.height


def test_a_rejected_row_is_quarantined_with_its_reason(run: Run) -> None:
    (verdict,) = run.parcels.filter(pl.col("parcel_id") == REJECTED_ID)["verdict"]
    assert verdict == "quarantined"
    (row,) = run.quarantine.filter(pl.col("table") == "parcels").to_dicts()
    assert row["row"] == 24
    assert row["owner_id"] == REJECTED_ID
    assert row["code"] == "parcels.declared_weight_g"
    assert row["message"] == (
        "parcels.csv row 24: declared_weight_g must be a number, 0 or more, got heavy"
    )


def test_a_broken_image_is_quarantined_and_a_missing_one_is_not_assessed(run: Run) -> None:
    verdicts = {row["path"]: row for row in run.images.to_dicts()}
    assert verdicts["cut.jpg"]["verdict"] == "quarantined"
    assert verdicts["gone.tif"]["verdict"] == "missing"
    assert verdicts["odd.jpg"]["code"] == "images.kind"
    assert sorted(run.quarantine["path"].drop_nulls()) == ["cut.jpg", "odd.jpg"]


def test_the_card_says_what_was_run(run: Run) -> None:
    card = run.card
    assert card.bundle.name == "tiny"
    assert len(card.bundle.digest) == 64
    assert (card.budget, card.seed, card.workers) == (0.3, 7, 2)
    assert card.config["budget"] == 0.3
    assert {"parcelscope", "python", "numpy", "polars", "onnxruntime"} <= set(card.versions)
    assert list(card.timings_s) == ["read", "load", "score", "assess", "write"]


def test_what_differs_reaches_the_assessment(run: Run) -> None:
    of_parcel = {row["parcel_id"]: row for row in run.parcels.to_dicts()}
    of_carton = {row["carton_id"]: row for row in run.cartons.to_dicts()}
    assert "U4.label" in of_parcel[OTHER_LABEL_ID]["reason_codes"]
    assert "U1.count" in of_carton["C-2"]["reason_codes"]
    assert "U3.scale" in of_carton["C-2"]["reason_codes"]


def test_the_same_seed_gives_the_same_flags_whatever_the_workers(
    feed: Path, bundle: Path, run: Run, tmp_path: Path
) -> None:
    again = screen(feed, tmp_path / "run", bundle_folder=bundle, budget=0.3, workers=1, seed=7)
    other = read_run(again.folder)
    assert other.flags.equals(run.flags)
    assert other.parcels.equals(run.parcels)
    assert other.card.run_id != run.card.run_id


def test_progress_reaches_its_end(feed: Path, bundle: Path, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    screen(
        feed,
        tmp_path / "run",
        bundle_folder=bundle,
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )
    assert told[-1] == ("scoring", 25, 25)


def test_the_summary_says_it_in_a_few_lines(summary: RunSummary) -> None:
    lines = list(summary.lines())
    assert lines[0].split() == ["parcels", "24", "rows:", "23", "assessed,", "1", "quarantined"]
    assert "1 missing" in lines[2]
    assert lines[-2].endswith(str(summary.report))
    assert lines[-1].endswith(f"parcelscope review {summary.folder}")
    assert summary.report.is_file()


def duplicate_ids(feed: Path) -> None:
    frame = pl.read_csv(feed / "parcels.csv", infer_schema=False)
    pl.concat([frame, frame.head(1)]).write_csv(feed / "parcels.csv")


def test_a_feed_that_cannot_be_trusted_leaves_no_run(tmp_path: Path, bundle: Path) -> None:
    write_facility_feed(tmp_path / "feed")
    duplicate_ids(tmp_path / "feed")
    with pytest.raises(FeedError, match="must be unique"):
        screen(tmp_path / "feed", tmp_path / "run", bundle_folder=bundle)
    assert not (tmp_path / "run").exists()


def test_an_image_outside_the_feed_costs_its_row_and_not_the_run(
    tmp_path: Path, bundle: Path
) -> None:
    write_facility_feed(tmp_path / "feed")
    table = pl.read_csv(tmp_path / "feed" / "images.csv", infer_schema=False)
    outside = table.head(1).with_columns(path=pl.lit("../secret.png"))
    pl.concat([table, outside]).write_csv(tmp_path / "feed" / "images.csv")
    (tmp_path / "secret.png").write_bytes(b"secret")
    run = read_run(screen(tmp_path / "feed", tmp_path / "run", bundle_folder=bundle).folder)
    (row,) = run.quarantine.filter(pl.col("path") == "../secret.png").to_dicts()
    assert row["stage"] == "feed"
    assert run.card.counts.images.rows == 42


def test_an_altered_bundle_leaves_no_run(feed: Path, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "bundle")
    with (tmp_path / "bundle" / "items-dual.onnx").open("ab") as file:
        file.write(b"\0")
    with pytest.raises(BundleError, match="expected SHA-256"):
        screen(feed, tmp_path / "run", bundle_folder=tmp_path / "bundle")
    assert not (tmp_path / "run").exists()


def test_a_budget_that_is_no_share_is_refused(feed: Path, bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"budget must be a share above 0 and at most 1, got 2"):
        screen(feed, tmp_path / "run", bundle_folder=bundle, budget=2)


def test_every_table_has_its_first_part(run: Run) -> None:
    for name in PARTS:
        assert (run.folder / name / "part-00000.parquet").is_file()
