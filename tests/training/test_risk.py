"""Training a risk on a tiny run with outcomes that only the manifest tells."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from parcelscope.datasets.errors import ConfigError, ParcelscopeError
from parcelscope.datasets.records import Finding, findings_frame
from parcelscope.inference.risk import tree_scorer
from parcelscope.models.bundle import FusionModel
from parcelscope.training.part import Job
from parcelscope.training.recipe_files import read_recipe
from parcelscope.training.risk import train_risk
from parcelscope.training.risk_comparison import precision_at
from parcelscope.training.risk_outcomes import read_outcomes
from parcelscope.training.risk_recipe import RiskRecipe
from parcelscope.training.tracking import NoTracker

COUNT = 240


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feed, a run and a truth: violative parcels are cheap, and half of all show a knife."""
    root = tmp_path_factory.mktemp("risk")
    rng = np.random.default_rng(4)
    violative = np.arange(COUNT) % 4 == 0
    ids = [f"P{n:03d}" for n in range(COUNT)]
    value = np.where(violative, rng.uniform(1, 5, COUNT), rng.uniform(3, 80, COUNT))
    (root / "feed").mkdir()
    pl.DataFrame(
        {
            "parcel_id": ids,
            "value": value,
            "currency": "USD",
            "declared_weight_g": rng.uniform(100, 400, COUNT),
            "quantity": 1.0,
            "origin_country": [("CN", "DE")[n % 2] for n in range(COUNT)],
            "carton_id": [None] * (COUNT - 20) + ["C1"] * 20,
        }
    ).write_parquet(root / "feed" / "parcels.parquet")
    knives = [
        Finding(
            owner_id=ids[n],
            owner_kind="parcel",
            source="xray.items",
            code="item.knife",
            sentence="s",
            p_value=float(rng.uniform(0.001, 0.05) if violative[n] else rng.uniform(0.02, 1)),
        )
        for n in range(COUNT)
        if rng.random() < 0.5
    ]
    run = root / "run"
    for name, table in {
        "findings": findings_frame(knives),
        "parcels": pl.DataFrame({"parcel_id": ids, "verdict": "assessed", "risk": 0.1}),
    }.items():
        (run / name).mkdir(parents=True)
        table.write_parquet(run / name / "part-00000.parquet")
    (run / "run.json").write_text(json.dumps({"feed": str(root / "feed")}))
    (root / "truth").mkdir()
    pl.DataFrame({"parcel_id": ids, "violative": violative}).write_parquet(
        root / "truth" / "parcels.parquet"
    )
    return root


def recipe(folders: Path, **facts: object) -> RiskRecipe:
    given = {"trains": "risk", "run": folders / "run", "truth": folders / "truth", **facts}
    return RiskRecipe.model_validate(given)


def job(out: Path) -> Job:
    return Job(
        recipe_name="risk",
        out=out,
        fingerprint="0",
        report=lambda step, done, steps: None,
        tracker=NoTracker(),
    )


def test_the_shipped_recipe_can_be_read() -> None:
    found, _ = read_recipe("risk", ["model=trees", "trees.depth=3"])
    assert isinstance(found, RiskRecipe)
    assert found.trees.depth == 3


def test_parcels_in_cartons_are_left_to_their_carton(folders: Path) -> None:
    assert len(read_outcomes(recipe(folders)).truth) == COUNT - 20
    assert len(read_outcomes(recipe(folders, loose=False)).truth) == COUNT


def test_manifest_features_are_learned_and_what_they_gain_is_told(
    folders: Path, tmp_path: Path
) -> None:
    part = train_risk(recipe(folders), job(tmp_path))
    assert isinstance(part.card, FusionModel)
    weights = {term.name: term.weight for term in part.card.manifest}
    assert weights["value_per_gram"] < -0.2
    assert "units" not in weights  # always one here, so it says nothing
    assert part.metrics["auroc_gain_over_findings_low"] > 0
    assert any("better than findings alone" in remark for remark in part.remarks)
    assert part.files == ()


def test_trees_are_exported_with_parity(folders: Path, tmp_path: Path) -> None:
    pytest.importorskip("skl2onnx", reason="skl2onnx is not installed")
    part = train_risk(recipe(folders, model="trees"), job(tmp_path))
    assert isinstance(part.card, FusionModel)
    assert part.card.trees is not None
    assert part.card.trees.columns[:2] == ("findings", "item.*")
    assert part.metrics["parity_logit"] < 1e-3
    score = tree_scorer(part.folder / part.files[0])
    usual = np.zeros((2, len(part.card.trees.columns)), np.float32)
    usual[1, part.card.trees.columns.index("value_per_gram")] = -2.0
    plain, cheap = score(usual)
    assert cheap > plain
    again = train_risk(recipe(folders, model="trees"), job(tmp_path / "again"))
    first, second = ((one.folder / one.files[0]).read_bytes() for one in (part, again))
    assert first == second, "the same training gives the same file"


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        pytest.param({"run": None}, "give run=FOLDER and truth=", id="no run"),
        pytest.param({"truth": Path("nowhere.csv")}, "expected a table of outcomes", id="no truth"),
        pytest.param({"run": Path("nowhere")}, "expected the parts of a run", id="no such run"),
    ],
)
def test_what_is_missing_is_named(folders: Path, facts: dict[str, object], message: str) -> None:
    with pytest.raises(ParcelscopeError, match=message):
        read_outcomes(recipe(folders, **facts))


def test_too_few_outcomes_are_refused_with_their_number(folders: Path, tmp_path: Path) -> None:
    table = tmp_path / "outcomes.csv"
    table.write_text("parcel_id,violative\nP000,true\nP001,false\n")
    with pytest.raises(ParcelscopeError, match=r"20 compliant parcels of .*, got 1 and 1"):
        read_outcomes(recipe(folders, truth=table))


def test_too_few_violative_parcels_are_refused_with_their_number(
    folders: Path, tmp_path: Path
) -> None:
    known = pl.read_parquet(folders / "truth" / "parcels.parquet").head(40)
    known.write_csv(tmp_path / "known.csv")
    with pytest.raises(ParcelscopeError, match="needs 20 violative and 20 compliant parcels"):
        read_outcomes(recipe(folders, truth=tmp_path / "known.csv"))


def test_an_unknown_feature_is_refused() -> None:
    with pytest.raises(ConfigError, match="consignee_name"):
        read_recipe("risk", ["features=[consignee_name]"])


def test_precision_at_a_budget_counts_the_highest() -> None:
    score, truth = np.array([0.9, 0.8, 0.1, 0.2]), np.array([1.0, 0.0, 1.0, 0.0])
    assert precision_at(0.25, score, truth) == 1.0
    assert precision_at(0.5, score, truth) == 0.5
