"""Mass from one energy: learned from weighed scans, exported, put into a bundle, and used."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.training.weighed_feed import SCANNER, VERSION, Weighing, drawn, write_weighed_feed
from typer.testing import CliRunner

from parcelscope.datasets.errors import BundleError, ConfigError, DatasetError
from parcelscope.inference.verification import verify_bundle
from parcelscope.models.bundle import CARD, load_bundle
from parcelscope.models.mass_model import MassModel
from parcelscope.pipelines.assemble import add_model
from parcelscope.pipelines.cli import app
from parcelscope.pipelines.run_folder import Run, read_run
from parcelscope.pipelines.screen import screen
from parcelscope.training.mass_data import read_weighed
from parcelscope.training.mass_fit import scanner_bands
from parcelscope.training.mass_recipe import MassData, MassRecipe
from parcelscope.training.part import Job, TrainedPart
from parcelscope.training.recipe_files import read_recipe
from parcelscope.training.tracking import NoTracker
from parcelscope.training.train_mass import train_mass

pytest.importorskip("skl2onnx", reason="exporting a model of mass needs the train extra")

TREES = {"count": 80, "depth": 3, "learning_rate": 0.1, "least_leaf": 5, "subsample": 0.7}
FEW = 6
"""Parcels of a second scanner: too few for a band."""


def recipe(feed: Path | None, **facts: object) -> MassRecipe:
    given = {"trains": "mass", "data": {"feed": feed}, "trees": TREES, **facts}
    return MassRecipe.model_validate(given)


def job(out: Path) -> Job:
    return Job(
        recipe_name="mass_grey",
        out=out,
        fingerprint="0",
        report=lambda step, done, steps: None,
        tracker=NoTracker(),
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weighed feed, with a few scans of another scanner."""
    place = tmp_path_factory.mktemp("mass")
    others = [
        Weighing(owner_id=f"X{n}", paper_g=300 + 40 * n, metal_g=10, scanner="Two 2")
        for n in range(FEW)
    ]
    write_weighed_feed(place / "feed", [*drawn(240, seed=3), *others])
    return place


@pytest.fixture(scope="module")
def part(place: Path) -> TrainedPart:
    made = train_mass(recipe(place / "feed"), job(place / "training"))
    (made.folder / "card.json").write_text(made.card.model_dump_json())
    return made


@pytest.fixture(scope="module")
def bundle(place: Path, part: TrainedPart) -> Path:
    write_sound_bundle(place / "base")
    out = CliRunner().invoke(
        app,
        ["bundle", "assemble", str(place / "bundle"), "--from", str(place / "base"), "--part",
         str(part.folder)],
    )  # fmt: skip
    assert out.exit_code == 0, out.output
    assert "added     xray.mass (grey16)" in out.output
    return place / "bundle"


def test_the_shipped_recipe_can_be_read() -> None:
    found, _ = read_recipe("mass_grey", ["model=linear", "input=colour"])
    assert isinstance(found, MassRecipe)
    assert found.data.owners == ("parcel", "carton")


def test_weights_are_learned_and_the_graph_says_the_same(part: TrainedPart) -> None:
    assert part.metrics["val_median_error"] < 0.08
    assert part.metrics["val_median_error_attenuation_alone"] > 0.1
    assert part.metrics["val_share_inside_band"] > 0.75
    gaps = [value for name, value in part.metrics.items() if name.startswith("parity_")]
    assert len(gaps) == 4
    assert max(gaps) < 1e-4


def test_a_weighted_sum_is_learned_too_and_the_same_feed_gives_the_same_part(
    place: Path, tmp_path: Path
) -> None:
    made, again = (
        train_mass(recipe(place / "feed", model="linear"), job(tmp_path / name)) for name in "ab"
    )
    assert made.metrics["val_median_error"] < 0.1
    assert made.card == again.card


def test_only_scanners_with_weights_enough_have_a_band(part: TrainedPart) -> None:
    assert isinstance(part.card, MassModel)
    (band,) = part.card.bands
    assert (band.owner_kind, band.scanner_model, band.scanner_software) == (
        "parcel",
        SCANNER,
        VERSION,
    )
    assert band.low < band.middle < band.high
    assert any("Two 2" in remark and "not assessed" in remark for remark in part.remarks)


def test_a_sender_never_lies_on_two_sides(place: Path) -> None:
    weighed, _ = read_weighed(place / "feed", MassData(), "grey16", lambda step, done, steps: None)
    by_id = {owner_id: group for (_, owner_id), group in zip(
        weighed.owners, weighed.groups, strict=True
    )}  # fmt: skip
    assert by_id["P0008"] == by_id["P0009"] != by_id["P0010"]


def screened(bundle: Path, folder: Path, parcels: Sequence[Weighing]) -> Run:
    write_weighed_feed(folder / "feed", parcels)
    screen(folder / "feed", folder / "run", bundle_folder=bundle, workers=1)
    return read_run(folder / "run")


def said(run: Run, code: str) -> dict[str, str]:
    rows = run.findings.filter(pl.col("code") == code)
    return dict(rows.select("owner_id", "sentence").iter_rows())


def not_assessed(run: Run, check: str) -> dict[str, str]:
    return {
        owner_id: line
        for owner_id, lines in run.parcels.select("parcel_id", "not_assessed").iter_rows()
        for line in lines
        if line.startswith(f"{check}:")
    }


def test_a_heavier_parcel_fires_and_what_cannot_be_weighed_is_not_assessed(
    bundle: Path, tmp_path: Path
) -> None:
    usual = {"paper_g": 600.0, "metal_g": 60.0}
    run = screened(
        bundle,
        tmp_path,
        [
            Weighing(owner_id="HONEST", **usual),
            Weighing(owner_id="HEAVY", declared_times=0.4, **usual),
            Weighing(owner_id="HUGE", paper_g=30_000, metal_g=9_000),
            Weighing(owner_id="OTHER", scanner="Two 2", **usual),
            Weighing(owner_id="NAMELESS", scanner=None, **usual),
            Weighing(owner_id="SCALELESS", pitch_mm=None, **usual),
            Weighing(owner_id="COLOUR", energy="colour", **usual),
        ],
    )
    masses = said(run, "mass.total")
    assert set(masses) == {"HONEST", "HEAVY"}
    assert all("estimated from one energy" in sentence for sentence in masses.values())
    fired = said(run, "U3.mass")
    assert set(fired) == {"HEAVY"}
    assert ", estimated from one energy; the manifest says 264 g." in fired["HEAVY"]
    assert said(run, "U3.xray_scale") == {}
    reasons = not_assessed(run, "U3.mass")
    assert set(reasons) == {"HUGE", "OTHER", "NAMELESS", "SCALELESS", "COLOUR"}
    assert "outside what the model of mass was fitted on" in reasons["HUGE"]
    assert "no band for parcels on scanner Two 2, software 2.0" in reasons["OTHER"]
    assert "scanners that the feed does not name" in reasons["NAMELESS"]
    assert "pixel pitch is not known" in reasons["SCALELESS"]
    assert "no model of mass for scans of kind colour" in reasons["COLOUR"]


def test_a_carton_is_not_judged_by_the_band_of_parcels(bundle: Path, tmp_path: Path) -> None:
    carton = Weighing(owner_id="C1", paper_g=600, metal_g=60, is_carton=True, declared_times=0.3)
    run = screened(bundle, tmp_path, [Weighing(owner_id="P1", paper_g=400, metal_g=0), carton])
    assert set(said(run, "mass.total")) == {"P1"}


def test_the_bundle_keeps_what_it_promises(bundle: Path) -> None:
    checks = [one for one in verify_bundle(bundle, max_alarm_share=0.02)
              if one.subject == "xray.mass (grey16)"]  # fmt: skip
    assert [one.name for one in checks] == [
        "digest", "opset", "self-contained", "contract", "golden tensors"
    ]  # fmt: skip
    assert all(one.passed for one in checks)
    told = CliRunner().invoke(app, ["bundle", "inspect", str(bundle)]).output
    assert "xray.mass on grey16 scans, from one energy" in told


def test_an_altered_graph_is_refused(bundle: Path, tmp_path: Path) -> None:
    copy = tmp_path / "bundle"
    copy.mkdir()
    for path in bundle.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (name,) = (card.file for card in load_bundle(bundle)[0].mass)
    (copy / name).write_bytes((copy / name).read_bytes() + b"\0")
    with pytest.raises(BundleError, match=r"xray-mass-grey16\.onnx: expected SHA-256"):
        load_bundle(copy)


def test_two_models_for_one_kind_of_scan_are_refused(bundle: Path, tmp_path: Path) -> None:
    raw = json.loads((bundle / CARD).read_text())
    raw["mass"] *= 2
    copy = tmp_path / "bundle"
    copy.mkdir()
    (copy / CARD).write_text(json.dumps(raw))
    with pytest.raises(BundleError, match="one model for each kind of scan, got grey16 twice"):
        load_bundle(copy)


def test_somebody_elses_model_of_mass_goes_in_through_the_same_contract(
    place: Path, part: TrainedPart, tmp_path: Path
) -> None:
    assert isinstance(part.card, MassModel)
    stated = part.card.model_dump(mode="json")
    for name in ("file", "sha256", "columns", "metrics"):
        del stated[name]
    card = tmp_path / "CARD.yaml"
    card.write_text(json.dumps(stated))  # YAML is a superset of JSON
    made = add_model(
        tmp_path / "bundle", place / "base", part.folder / part.files[0], card,
        detector="xray.mass", max_alarm_share=0.02, name=None, version=None,
    )  # fmt: skip
    assert made.added == ("xray.mass (grey16)",)
    card.write_text(json.dumps({**stated, "input": "colour"}))
    with pytest.raises(BundleError, match=r"as xray\.mass \(colour\): contract: expected a model"):
        add_model(
            tmp_path / "other", place / "base", part.folder / part.files[0], card,
            detector="xray.mass", max_alarm_share=0.02, name=None, version=None,
        )  # fmt: skip
    card.write_text(json.dumps({**stated, "bands": []}))
    with pytest.raises(ConfigError, match=r"CARD\.yaml: bands: "):
        add_model(
            tmp_path / "third", place / "base", part.folder / part.files[0], card,
            detector="xray.mass", max_alarm_share=0.02, name=None, version=None,
        )  # fmt: skip


def test_a_band_holds_what_it_says() -> None:
    rng = np.random.default_rng(0)
    weighed, count = _blank(2000), 400
    error = rng.normal(0.02, 0.1, 2000)
    (band,) = scanner_bands(weighed.at(np.arange(count)), error[:count], coverage=0.9, fewest=40)
    later = error[count:]
    assert 0.87 < float(np.mean((band.low <= later) & (later <= band.high))) < 0.94
    assert band.scans == count
    assert scanner_bands(weighed.at(np.arange(39)), error[:39], coverage=0.9, fewest=40) == ()


def _blank(count: int):  # type: ignore[no-untyped-def]
    from parcelscope.training.mass_data import Weighed

    return Weighed(
        columns=np.zeros((count, 1), np.float32),
        absorption_cm2=np.ones(count),
        weight_g=np.ones(count),
        owners=tuple(("parcel", f"P{n}") for n in range(count)),
        scanners=((SCANNER, VERSION),) * count,
        groups=np.arange(count),
    )


@pytest.mark.parametrize(
    ("facts", "match"),
    [
        pytest.param({"data": {}}, r"give data\.feed=FOLDER", id="no feed"),
        pytest.param({"input": "high"}, "246 scans left out: are no high scans", id="other scans"),
        pytest.param({"fewest": 500}, "expected 500 held-out weights of one", id="no band"),
    ],
)
def test_what_is_missing_is_said(
    place: Path, tmp_path: Path, facts: dict[str, object], match: str
) -> None:
    given = {"data": {"feed": place / "feed"}, **facts}
    with pytest.raises((ConfigError, DatasetError), match=match):
        train_mass(
            MassRecipe.model_validate({"trains": "mass", "trees": TREES, **given}), job(tmp_path)
        )


def test_a_coverage_that_so_few_weights_cannot_give_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"fewest must be at least 199 for a coverage of 0\.99"):
        read_recipe("mass_grey", ["coverage=0.99"])
