"""Calibration by scanner: written, chosen by the image row, and right on compliant parcels."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import (
    SCANNER,
    colour_pixels,
    dual_counts,
    scan_row,
    write_tables,
)
from typer.testing import CliRunner

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.datasets.scan_writing import write_colour_jpeg, write_dual_tiff
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.feed import synth_feed
from parcelscope.models.bundle import builtin_bundle_folder, load_bundle
from parcelscope.pipelines.calibrate import calibrate
from parcelscope.pipelines.cli import app
from parcelscope.pipelines.p_values import evaluate_p_values
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.screen import screen

OTHER = "Other 2"
NAMED = {"scanner_software": "1.0"}


def write_feed(folder: Path, count: int, *, seed: int, scanner: str = SCANNER) -> None:
    """Compliant parcels whose darkest square lies at random under paper of random thickness."""
    folder.mkdir()
    rng = np.random.default_rng(seed)
    images = []
    for n in range(count):
        low, high = dual_counts((int(rng.integers(20, 110)), int(rng.integers(20, 76))), seed=n)
        shade = rng.uniform(0.7, 1.0)
        low, high = (low * shade).astype(np.uint16), (high * shade**0.6).astype(np.uint16)
        write_dual_tiff(folder / f"{n:03}.tif", low, high)
        row = scan_row(f"P{n:03}", f"{n:03}.tif", **NAMED)
        images.append(row | {"scanner_model": scanner})
    write_tables(folder, parcels=[f"P{n:03}" for n in range(count)], images=images)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle, and what it became on 99 compliant parcels of one scanner."""
    folder = tmp_path_factory.mktemp("calibrate")
    write_tiny_bundle(folder / "bundle")
    write_feed(folder / "compliant", 99, seed=7)
    calibrate(folder / "compliant", folder / "calibrated", bundle_folder=folder / "bundle")
    return folder


def test_the_new_bundle_has_a_calibration_for_the_scanner_and_the_old_scores(folder: Path) -> None:
    old, _ = load_bundle(folder / "bundle")
    new, _ = load_bundle(folder / "calibrated")
    for name in ("xray.items", "xray.anomaly"):
        before, after = old.card(name, "dual"), new.card(name, "dual")
        assert before is not None
        assert after is not None
        own = after.calibration(SCANNER, "1.0")
        assert own is not None
        assert own.scans == 99
        assert after.genuine == before.genuine
        assert after.for_scanner(SCANNER, "1.1") == after
        assert after.for_scanner(SCANNER, "1.0").genuine["scan" if "an" in name else "handgun"]
    assert new.version == f"{old.version}+cal.{new.version[-8:]}"
    assert all(not card.calibrations for card in new.detectors if card.input == "colour")


def test_compliant_parcels_have_uniform_p_values_after_it_and_not_before(folder: Path) -> None:
    write_feed(folder / "fresh", 100, seed=6)
    rows = []
    for name in ("bundle", "calibrated"):
        screen(folder / "fresh", folder / f"run-{name}", bundle_folder=folder / name, workers=1)
        (row,) = evaluate_p_values(folder / f"run-{name}", bundle_folder=folder / name)
        rows.append(row)
    before, after = rows
    assert not before.own
    assert after.own
    assert before.chance < 1e-6
    assert after.chance > 0.01
    assert all(below.chance is not None and below.chance > 0.01 for below in after.below)


def test_a_scan_of_another_scanner_keeps_the_default_and_the_report_says_so(folder: Path) -> None:
    write_feed(folder / "other", 8, seed=3, scanner=OTHER)
    for bundle in ("bundle", "calibrated"):
        run = folder / f"other-{bundle}"
        screen(folder / "other", run, bundle_folder=folder / bundle, budget=1.0, workers=1)
    default, calibrated = (read_run(folder / f"other-{n}") for n in ("bundle", "calibrated"))
    assert default.findings["p_value"].equals(calibrated.findings["p_value"])
    anomalies = calibrated.findings.filter(pl.col("code") == "anomaly.scan")
    assert anomalies["sentence"].str.contains("not calibrated for this scanner").all()
    page = (calibrated.folder / "report.html").read_text()
    assert page.count(f"Not calibrated for this scanner ({OTHER} 1.0).") >= 8
    assert "xray.anomaly not calibrated for this scanner" in page
    for run in (default, calibrated):
        unasked = run.not_assessed.filter(pl.col("check") == "xray.anomaly")
        assert set(unasked["reason"]) == {f"not calibrated for scanner {OTHER} 1.0"}
        assert unasked.height == 8
        assert "anomaly.scan" not in run.parcels["reason_codes"].explode().to_list()


def write_declared(folder: Path, dark: list[bool], descriptions: list[str]) -> None:
    """Parcels with four dark squares where `dark`, and with one otherwise."""
    folder.mkdir()
    images = []
    for n, squares in enumerate(4 if one else 1 for one in dark):
        spots = [(24 + 26 * k, 20 + (7 * n) % 30) for k in range(squares)]
        write_dual_tiff(folder / f"{n:03}.tif", *dual_counts(*spots, seed=n))
        images.append(scan_row(f"P{n:03}", f"{n:03}.tif", **NAMED) | {"scanner_model": OTHER})
    feed = write_tables(folder, parcels=[f"P{n:03}" for n in range(len(dark))], images=images)
    table = feed.parcels.select("parcel_id").with_columns(description=pl.Series(descriptions))
    table.write_parquet(folder / "parcels.parquet")


def test_declared_goods_are_contradicted_on_a_scanner_once_it_is_calibrated(
    tmp_path: Path,
) -> None:
    write_tiny_bundle(tmp_path / "bundle", kinds=("dual",), detectors=("xray.contents",))
    metal, cloth = "steel wrench", "cotton shirt"
    write_declared(tmp_path / "honest", [True, False] * 20, [metal, cloth] * 20)
    write_declared(tmp_path / "mixed", [True, False, True, False], [metal, cloth, cloth, cloth])
    calibrate(tmp_path / "honest", tmp_path / "calibrated", bundle_folder=tmp_path / "bundle")
    contradicted = {}
    for name in ("bundle", "calibrated"):
        run, models = tmp_path / f"run-{name}", tmp_path / name
        screen(tmp_path / "mixed", run, bundle_folder=models, budget=1.0, workers=1)
        reasons = read_run(run).parcels.sort("parcel_id")["reason_codes"].to_list()
        contradicted[name] = ["contents.contradicts" in codes for codes in reasons]
    assert contradicted["calibrated"] == [False, False, True, False]
    assert contradicted["bundle"] != contradicted["calibrated"]


def test_the_report_says_once_which_scanners_nobody_calibrated_and_what_to_do(
    folder: Path,
) -> None:
    write_feed(folder / "strange", 3, seed=9, scanner=OTHER)
    screen(folder / "strange", folder / "run-strange", bundle_folder=folder / "calibrated",
           budget=1.0, workers=1)  # fmt: skip
    page = (folder / "run-strange" / "report.html").read_text()
    assert page.count("No scanner of this feed is calibrated") == 1
    assert (
        f"3 of 3 scans come from scanners that this bundle has no calibration for: {OTHER} 1.0"
        in page
    )
    assert "xray.anomaly: not assessed there" in page
    assert "parcelscope calibrate COMPLIANT_FEED --out BUNDLE" in page
    assert "name each scanner" not in page


def test_scanners_that_the_bundle_names_as_its_own_are_calibrated(
    folder: Path, tmp_path: Path
) -> None:
    write_feed(tmp_path / "feed", 3, seed=9)
    card = json.loads((folder / "bundle" / "bundle.json").read_text())
    for detector in card["detectors"]:
        detector["scanners"] = [{"scanner_model": SCANNER, "scanner_software": "1.0"}]
    (tmp_path / "named").mkdir()
    for path in (folder / "bundle").glob("*.onnx"):
        (tmp_path / "named" / path.name).write_bytes(path.read_bytes())
    (tmp_path / "named" / "bundle.json").write_text(json.dumps(card))
    runs = {}
    for name, bundle in (("unnamed", folder / "bundle"), ("named", tmp_path / "named")):
        screen(tmp_path / "feed", tmp_path / f"run-{name}", bundle_folder=bundle, budget=1.0,
               workers=1)  # fmt: skip
        runs[name] = read_run(tmp_path / f"run-{name}")
    assert "xray.anomaly" in set(runs["unnamed"].not_assessed["check"])
    assert "xray.anomaly" not in set(runs["named"].not_assessed["check"])
    assert runs["named"].findings["p_value"].equals(runs["unnamed"].findings["p_value"])
    assert runs["named"].parcels["risk"].max() > runs["unnamed"].parcels["risk"].max()
    assert "of this feed is calibrated" not in (tmp_path / "run-named" / "report.html").read_text()


def test_a_calibrated_scanner_is_not_marked(folder: Path) -> None:
    write_feed(folder / "known", 4, seed=4)
    screen(
        folder / "known",
        folder / "run-known",
        bundle_folder=folder / "calibrated",
        budget=1.0,
        workers=1,
    )
    page = (folder / "run-known" / "report.html").read_text()
    assert "ot calibrated for this scanner" not in page
    assert "xray.anomaly by 99 compliant scans of its own" in page


def test_only_listed_owners_are_taken(folder: Path, tmp_path: Path) -> None:
    listed = tmp_path / "compliant.txt"
    listed.write_text("# found compliant\n" + "\n".join(f"P{n:03}" for n in range(60)) + "\n")
    made = calibrate(
        folder / "compliant", tmp_path / "out", bundle_folder=folder / "bundle", owner_list=listed
    )
    assert {step.scans for step in made.steps} == {60}
    assert not any("taken as compliant" in line for line in made.lines())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("P001\nQ7\n", r"compliant\.txt line 2: 'Q7' is neither", id="unknown"),
        pytest.param("# none\n", "expected one id", id="empty"),
        pytest.param("P001\nP002\n", r"2 scans, too few: 49 are needed", id="too few"),
    ],
)
def test_a_list_that_cannot_calibrate_is_refused(
    folder: Path, tmp_path: Path, text: str, said: str
) -> None:
    listed = tmp_path / "compliant.txt"
    listed.write_text(text)
    with pytest.raises(ConfigError, match=said):
        calibrate(
            folder / "compliant",
            tmp_path / "out",
            bundle_folder=folder / "bundle",
            owner_list=listed,
        )
    assert not (tmp_path / "out").exists()


def test_a_second_calibration_takes_the_place_of_the_first(folder: Path, tmp_path: Path) -> None:
    write_feed(tmp_path / "more", 50, seed=5)
    calibrate(tmp_path / "more", tmp_path / "again", bundle_folder=folder / "calibrated")
    bundle, _ = load_bundle(tmp_path / "again")
    card = bundle.card("xray.anomaly", "dual")
    assert card is not None
    assert [one.scans for one in card.calibrations] == [50]
    assert bundle.version.count("cal.") == 1


def test_two_calibrations_for_one_scanner_are_refused(folder: Path, tmp_path: Path) -> None:
    card = json.loads((folder / "calibrated" / "bundle.json").read_text())
    for detector in card["detectors"]:
        detector["calibrations"] *= 2
    for path in (folder / "calibrated").glob("*.onnx"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "bundle.json").write_text(json.dumps(card))
    with pytest.raises(BundleError, match="calibrations must name each scanner once"):
        load_bundle(tmp_path)


def test_the_commands_say_what_the_scans_are_enough_for(folder: Path, tmp_path: Path) -> None:
    for n in range(3):
        write_colour_jpeg(tmp_path / f"{n}.jpg", colour_pixels((30, 30)))
    rows = [scan_row(f"C{n}", f"{n}.jpg", "colour") for n in range(3)]
    write_tables(tmp_path, parcels=["C0", "C1", "C2"], images=rows)
    out, bundle = tmp_path / "out", folder / "bundle"
    arguments = ["calibrate", str(folder / "compliant"), "--out", str(out), "--bundle", str(bundle)]
    result = CliRunner().invoke(app, [*arguments, "--workers", "1"], catch_exceptions=False)
    assert result.exit_code == 0
    assert (
        f"scanner {SCANNER} 1.0, xray.anomaly on raw scans: 99 scans, enough for p >= 0.01;"
        in result.stdout
    )
    assert "was taken as compliant" in result.stdout
    with pytest.raises(ConfigError, match=r"xray\.anomaly on colour pictures: 3 scans, too few"):
        calibrate(tmp_path, tmp_path / "none", bundle_folder=bundle)


@pytest.mark.slow
def test_p_values_hold_on_an_evaluation_scanner_after_calibrating(tmp_path: Path) -> None:
    config = load_synth_config(Path("hard_compliant")).model_copy(
        update={"scan_formats": {"dual_tiff": 1.0}}
    )
    synth_feed(tmp_path / "calibration", parcels=130, seed=11, config=config)
    synth_feed(tmp_path / "fresh", parcels=130, seed=12, config=config)
    calibrate(tmp_path / "calibration", tmp_path / "bundle", workers=2)
    screen(tmp_path / "fresh", tmp_path / "before", workers=2)
    screen(tmp_path / "fresh", tmp_path / "after", bundle_folder=tmp_path / "bundle", workers=2)
    before = evaluate_p_values(tmp_path / "before", bundle_folder=builtin_bundle_folder())
    after = evaluate_p_values(tmp_path / "after", bundle_folder=tmp_path / "bundle")
    assert {row.scanner for row in after} == {"EV-140C 3.1", "EV-180 7.4"}
    assert all(row.own for row in after)
    assert all(row.chance > 0.001 for row in after)
    assert all(below.chance is None or below.chance > 0.001 for r in after for below in r.below)
    assert not any(row.own for row in before)
