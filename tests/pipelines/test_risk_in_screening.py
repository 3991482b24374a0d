"""A risk learned from a screened run, set into a bundle, and found in the next run."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.inference.tiny_feed import SCANNER
from tests.pipelines.outcome_feed import PARCELS, write_outcome_feed
from typer.testing import CliRunner

from parcelscope.datasets.errors import RunError
from parcelscope.models.bundle import CARD, KnownScanner, load_bundle
from parcelscope.pipelines.bundle_compare import Evidence, compare_bundles
from parcelscope.pipelines.cli import app
from parcelscope.pipelines.promote import why_not_better
from parcelscope.pipelines.run_folder import Run, read_run
from parcelscope.pipelines.screen import screen
from parcelscope.training.risk_outcomes import read_outcomes
from parcelscope.training.risk_recipe import RiskRecipe

pytest.importorskip("sklearn", reason="training a risk needs the train extra")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose risk ignores items, the risk that its outcomes teach, and a run with that."""
    place = tmp_path_factory.mktemp("risk")
    write_outcome_feed(place / "feed")
    write_bundle_of_scanner(place / "old")
    screen(place / "feed", place / "run-old", bundle_folder=place / "old", workers=1)
    told = f"run={place / 'run-old'}", f"truth={place / 'feed.outcomes.csv'}", "features=[]"
    call("train", "risk", *told, "--out", place / "training", "--no-tracking")
    call("bundle", "set-risk", place / "old", place / "training" / "part", "--out", place / "new")
    screen(
        place / "feed",
        place / "run-new",
        bundle_folder=place / "new",
        shadow_folder=place / "old",
        workers=1,
    )
    return place


def write_bundle_of_scanner(folder: Path) -> None:
    """A bundle that ignores items, whose scores hold for the scanner of the feed."""
    bundle = write_sound_bundle(folder, item_weight=0.0)
    own = (KnownScanner(scanner_model=SCANNER, scanner_software=None),)
    cards = tuple(card.model_copy(update={"scanners": own}) for card in bundle.detectors)
    changed = bundle.model_copy(update={"detectors": cards})
    (folder / CARD).write_text(changed.model_dump_json())


def call(*words: object) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def risks(run: Run) -> pl.DataFrame:
    return run.parcels.select("parcel_id", "risk").sort("parcel_id")


def test_the_new_risks_are_those_of_the_next_run(place: Path) -> None:
    old, new = read_run(place / "run-old"), read_run(place / "run-new")
    bundle, digest = load_bundle(place / "new")
    assert new.card.bundle.digest == digest != old.card.bundle.digest
    assert bundle.version.endswith("+risk")
    assert risks(old)["risk"].n_unique() == 1  # it ignored what the scans show
    dark = (pl.col("source") == "xray.items") & (pl.col("p_value") < 0.003)
    shown = set(new.findings.filter(dark)["owner_id"])
    assert 0 < len(shown) < PARCELS
    high = risks(new).filter(pl.col("parcel_id").is_in(list(shown)))["risk"].to_numpy()
    low = risks(new).filter(~pl.col("parcel_id").is_in(list(shown)))["risk"].to_numpy()
    assert np.min(high) > np.max(low)
    fusion = bundle.parcel_fusion
    assert fusion.weights["item.*"] > 0
    assert set(new.flags.filter(pl.col("arm") == "targeted")["owner_id"]) <= shown


def test_on_a_scanner_that_nobody_calibrated_a_risk_is_learned_with_the_same_caution(
    place: Path, tmp_path: Path
) -> None:
    write_sound_bundle(tmp_path / "unnamed", scanners=())
    screen(place / "feed", tmp_path / "run", bundle_folder=tmp_path / "unnamed", workers=1)
    strengths = {}
    for run in (place / "run-old", tmp_path / "run"):
        recipe = RiskRecipe(trains="risk", run=run, truth=place / "feed.outcomes.csv", features=())
        strong = read_outcomes(recipe).strong
        strengths[run] = dict(strong.group_by("code").agg(pl.col("strength").max()).iter_rows())
    known, unknown = strengths.values()
    assert "anomaly.scan" in known
    assert "anomaly.scan" not in unknown
    assert known["item.handgun"] == pytest.approx(np.log10(401))
    assert unknown["item.handgun"] == pytest.approx(np.log10(50))


def compared(place: Path, table: pl.DataFrame, tmp_path: Path, name: str = "some.csv") -> Evidence:
    path = tmp_path / name
    if path.suffix == ".csv":
        table.write_csv(path)
    else:
        table.write_parquet(path)
    return compare_bundles(place / "run-new", path, tmp_path / "compare.json")


@pytest.mark.parametrize("name", ["outcomes.csv", "outcomes.parquet"])
def test_bundles_are_compared_on_a_table_of_outcomes(
    place: Path, tmp_path: Path, name: str
) -> None:
    pytest.importorskip("pycocotools", reason="truth needs the eval extra")
    outcomes = pl.read_csv(place / "feed.outcomes.csv")
    evidence = compared(place, outcomes, tmp_path, name)
    by_metric = {one.metric: one for one in evidence.differences}
    assert set(by_metric) == {"parcels.auroc", "parcels.recall"}
    area = by_metric["parcels.auroc"]
    assert (area.positives, area.negatives) == (28, 28)  # four parcels have no outcome yet
    assert area.challenger == 0.5  # the old one ranks all alike
    assert area.champion is not None
    assert area.champion > 0.7
    assert area.high is not None
    assert area.high < 0
    assert evidence.truth == str(tmp_path / name)


def test_outcomes_of_another_feed_are_refused(place: Path, tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="truth needs the eval extra")
    strange = pl.DataFrame({"parcel_id": ["X1", "X2"], "violative": [True, False]})
    with pytest.raises(RunError, match=r"some\.csv: expected outcomes of parcels of .*has none"):
        compared(place, strange, tmp_path)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        pytest.param(
            {"id": ["P000"]}, "expected a column parcel_id or carton_id, got id", id="no id"
        ),
        pytest.param({"parcel_id": ["P000"]}, "violative is missing", id="no outcome"),
        pytest.param(
            {"parcel_id": ["P000"] * 2, "violative": [True, False]}, "got 'P000' twice", id="twice"
        ),
    ],
)
def test_a_table_that_is_none_of_outcomes_is_refused(
    place: Path, tmp_path: Path, columns: dict[str, list[object]], says: str
) -> None:
    pytest.importorskip("pycocotools", reason="truth needs the eval extra")
    with pytest.raises(RunError, match=says):
        compared(place, pl.DataFrame(columns), tmp_path)


def test_outcomes_of_the_other_kind_promote_nothing(place: Path, tmp_path: Path) -> None:
    pytest.importorskip("pycocotools", reason="truth needs the eval extra")
    evidence = compared(place, pl.read_csv(place / "feed.outcomes.csv"), tmp_path)
    of_cartons = evidence.model_copy(update={"agreed_metric": "cartons.auroc"})
    assert "outcomes of other owners" in (why_not_better(of_cartons) or "")
