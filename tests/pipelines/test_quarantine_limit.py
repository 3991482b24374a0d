"""A run that meets too much damage stops, keeps what it has, and goes on with a higher ratio."""

from pathlib import Path

import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import dual_counts, photo_row, scan_row, write_tables

from parcelscope.datasets.errors import ConfigError, RunError
from parcelscope.datasets.scan_writing import write_dual_tiff
from parcelscope.inference.intake import ALWAYS_ALLOWED, Intake
from parcelscope.pipelines.intake_options import intake_of
from parcelscope.pipelines.run_folder import CARD, read_card
from parcelscope.pipelines.screen import screen

PARCELS = 120
DAMAGED = 70


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good scan for each parcel; a web page or nothing in the place of most photos."""
    folder = tmp_path_factory.mktemp("feed")
    write_dual_tiff(folder / "scan.tif", *dual_counts((60, 40)))
    (folder / "page.jpg").write_bytes(b"<html>not found</html>")
    (folder / "void.jpg").touch()
    ids = [f"P{n:03}" for n in range(PARCELS)]
    rows = [scan_row(one, "scan.tif") for one in ids]
    rows += [photo_row(one, "page.jpg" if n % 7 else "void.jpg") for n, one in enumerate(ids)][
        :DAMAGED
    ]
    write_tables(folder, parcels=ids, images=rows)
    return folder


def test_a_run_with_too_much_damage_stops_and_goes_on_with_a_higher_ratio(
    feed: Path, bundle: Path, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    with pytest.raises(RunError) as refusal:
        screen(feed, out, bundle_folder=bundle, workers=1, shard_size=20)
    said = str(refusal.value)
    assert "of 190 images" in said
    assert "more than --max-quarantine-ratio 0.25" in said
    assert "commonest: not_an_image" in said
    assert ", empty " in said
    assert "goes on from there" in said
    assert not (out / CARD).exists()
    kept = sorted((out / "findings").iterdir())
    assert kept
    times = {part: part.stat().st_mtime_ns for part in kept}

    with pytest.raises(RunError, match="could not be read or checked"):
        screen(feed, out, bundle_folder=bundle, workers=1, shard_size=20)

    summary = screen(
        feed,
        out,
        bundle_folder=bundle,
        workers=1,
        shard_size=20,
        intake=Intake(max_quarantine_ratio=0.5),
    )
    assert summary.counts.images.quarantined == DAMAGED
    assert {part: part.stat().st_mtime_ns for part in kept} == times


def test_the_ratio_and_the_way_of_decoding_change_nothing_in_a_run(
    feed: Path, bundle: Path, tmp_path: Path
) -> None:
    runs = {
        "threads": Intake(max_quarantine_ratio=1),
        "processes": Intake(max_quarantine_ratio=1, isolate=True),
    }
    for name, intake in runs.items():
        screen(feed, tmp_path / name, bundle_folder=bundle, workers=2, shard_size=50, intake=intake)
    for table in ("findings", "images", "parcels", "not_assessed", "quarantine"):
        threads, processes = (
            pl.read_parquet(tmp_path / name / table / "*.parquet") for name in runs
        )
        assert threads.equals(processes)
    assert read_card(tmp_path / "threads").counts == read_card(tmp_path / "processes").counts


def test_rejected_rows_count_too(bundle: Path, tmp_path: Path) -> None:
    rows = [photo_row("P", f"../{n}.jpg") for n in range(ALWAYS_ALLOWED + 1)]
    (tmp_path / "feed").mkdir()
    write_tables(tmp_path / "feed", parcels=["P"], images=rows)
    with pytest.raises(RunError, match=r"51 of 51 images \(100\.0%\).*commonest: images\.path 51"):
        screen(tmp_path / "feed", tmp_path / "run", bundle_folder=bundle, workers=1)


@pytest.mark.parametrize(("text", "share"), [("25%", 0.25), ("0.5", 0.5), ("0", 0), ("100%", 1)])
def test_the_option_takes_a_share(text: str, share: float) -> None:
    assert intake_of(False, text).max_quarantine_ratio == share


@pytest.mark.parametrize("text", ["", "half", "101%", "-1", "nan", "inf"])
def test_the_option_refuses_what_is_none(text: str) -> None:
    with pytest.raises(ConfigError, match="--max-quarantine-ratio must be a share"):
        intake_of(False, text)
