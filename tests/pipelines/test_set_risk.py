"""A trained risk put into a bundle, and what is refused."""

import json
from pathlib import Path

import pytest
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.errors import BundleError
from parcelscope.models.bundle import FusionModel, ManifestTerm, TreeModel, load_bundle
from parcelscope.pipelines.set_risk import set_risk
from parcelscope.training.export import sha256_of

RISK = FusionModel(
    intercept=-2.0,
    weights={"item.*": 0.7},
    knots_logit=(-4.0, 4.0),
    knots_risk=(0.01, 0.9),
    manifest=(ManifestTerm(name="units", mean=0.0, scale=1.0, weight=0.2),),
)


def written(folder: Path, risk: FusionModel) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "card.json").write_text(json.dumps(risk.model_dump(mode="json")))
    return folder


def with_trees(folder: Path) -> FusionModel:
    folder.mkdir()
    (folder / "risk-parcel.onnx").write_bytes(b"a graph")
    trees = TreeModel(
        file="risk-parcel.onnx",
        sha256=sha256_of(folder / "risk-parcel.onnx"),
        columns=("findings", "units"),
    )
    return RISK.model_copy(update={"trees": trees})


def test_the_new_bundle_differs_in_its_risk_alone(tmp_path: Path) -> None:
    base = write_tiny_bundle(tmp_path / "base")
    set_risk(tmp_path / "new", tmp_path / "base", written(tmp_path / "part", RISK), "parcel",
             version="2")  # fmt: skip
    bundle, _ = load_bundle(tmp_path / "new")
    assert bundle.parcel_fusion == RISK
    assert bundle.carton_fusion == base.carton_fusion
    assert bundle.detectors == base.detectors
    assert bundle.version == "2"


def test_the_graph_of_trees_goes_along_and_is_checked(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "base")
    part = written(tmp_path / "part", with_trees(tmp_path / "part"))
    set_risk(tmp_path / "new", tmp_path / "base", part, "parcel", version=None)
    assert load_bundle(tmp_path / "new")[0].parcel_fusion.trees is not None
    (tmp_path / "new" / "risk-parcel.onnx").write_bytes(b"another graph")
    with pytest.raises(BundleError, match=r"risk-parcel\.onnx: expected SHA-256"):
        load_bundle(tmp_path / "new")


def test_a_folder_without_a_risk_is_refused(tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "base")
    (tmp_path / "part").mkdir()
    with pytest.raises(BundleError, match="expected a trained risk"):
        set_risk(tmp_path / "new", tmp_path / "base", tmp_path / "part", "parcel", version=None)
    (tmp_path / "part" / "card.json").write_text("{}")
    with pytest.raises(BundleError, match=r"card\.json: expected a risk"):
        set_risk(tmp_path / "new", tmp_path / "base", tmp_path / "part", "parcel", version=None)
