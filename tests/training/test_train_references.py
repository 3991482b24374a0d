"""`train photo_authenticity`, from genuine photos to a bundle that screens with them."""

import csv
import json
from pathlib import Path

import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.training.test_reference_set import BRAND, SKU, jpeg

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.models.bundle import PhotoReferences, load_bundle
from parcelscope.models.reference_part import read_reference_part
from parcelscope.pipelines.assemble import assemble
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.train import train
from parcelscope.training.part import TrainedPart
from parcelscope.training.reference_set import build_references

PHOTOS = 5


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("genuine") / "references"
    (root / BRAND / SKU).mkdir(parents=True)
    for k in range(PHOTOS):
        (root / BRAND / SKU / f"{k}.jpg").write_bytes(jpeg(k))
    few = root / BRAND / "4000000000006"
    few.mkdir()
    (few / "1.jpg").write_bytes(jpeg(0))
    return root


@pytest.fixture(scope="module")
def out(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train") / "out"
    trained(photos, folder)
    return folder


def trained(photos: Path, out: Path, *, resume: bool = False) -> TrainedPart:
    steps: list[str] = []
    part = train(
        "photo_authenticity", [f"references={photos}"], out=out, resume=resume, runs=None,
        report=lambda stage, done, total: steps.append(stage),
    )  # fmt: skip
    assert (f"SKU {SKU}" in steps) == (not resume)
    return part


def test_the_part_says_how_genuine_photos_score_that_were_held_out(out: Path) -> None:
    section = PhotoReferences.model_validate_json((out / "part" / "card.json").read_bytes())
    assert [(card.sku, card.brand, card.photos) for card in section.cards] == [(SKU, BRAND, PHOTOS)]
    told = json.loads((out / "part" / "part.json").read_text())
    assert told["metrics"]["skus"] == 1
    assert told["metrics"]["skus_without_reference"] == 1
    assert told["metrics"]["held_out_score_highest"] >= told["metrics"]["held_out_score_median"]
    assert told["metrics"]["parity_batch_1"] < 2e-4
    assert any("4000000000006: 1 good photos" in remark for remark in told["remarks"])
    assert any("fewer than 20 photos" in remark for remark in told["remarks"])
    (row,) = csv.DictReader((out / "part" / "held_out.csv").read_text().splitlines())
    assert row["sku"] == SKU
    assert float(row["print"]) > 0
    assert (out / "part" / "samples.png").stat().st_size > 1000


def test_the_short_way_makes_the_same_references(photos: Path, out: Path, tmp_path: Path) -> None:
    section = build_references(photos, tmp_path / "short")
    trained_one = read_reference_part(out / "part")
    assert trained_one is not None
    assert section.cards == trained_one.cards
    assert read_reference_part(tmp_path / "short") == section


def test_an_interrupted_training_keeps_the_skus_that_it_finished(photos: Path, out: Path) -> None:
    before = (out / "part" / "card.json").read_bytes()
    (out / "part" / "card.json").unlink()
    trained(photos, out, resume=True)
    assert (out / "part" / "card.json").read_bytes() == before


def test_a_bundle_with_the_part_compares_photos(out: Path, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "tiny")
    made = assemble(tmp_path / "bundle", tmp_path / "tiny", [out / "part"], name=None, version=None)
    assert made.added == ("photo.authenticity (references)",)
    again = assemble(
        tmp_path / "again", tmp_path / "bundle", [out / "part"], name=None, version=None
    )
    assert again.replaced == ("photo.authenticity (references)",)
    bundle, _ = load_bundle(tmp_path / "again")
    assert bundle.references == made.bundle.references
    assert bundle.parcel_fusion.weights["photo.authenticity"] > 0
    with pytest.raises(BundleError, match=r"two parts take the place of photo.authenticity"):
        assemble(tmp_path / "x", tmp_path / "tiny", [out / "part"] * 2, name=None, version=None)

    feed = tmp_path / "feed"
    feed.mkdir()
    pl.DataFrame({"parcel_id": ["P1"], "sku": [SKU], "brand": [BRAND]}).write_csv(
        feed / "parcels.csv"
    )
    (feed / "P1.jpg").write_bytes(jpeg(101, "misspell", "layout_shift"))
    row = {"owner_id": "P1", "kind": "photo", "view": "product", "path": "P1.jpg"}
    pl.DataFrame([row]).write_csv(feed / "images.csv")
    screen(feed, tmp_path / "run", bundle_folder=tmp_path / "bundle", budget=1.0, workers=1)
    findings = pl.read_parquet(tmp_path / "run" / "findings" / "*.parquet")
    assert "photo.authenticity" in findings["code"].to_list()


def test_an_altered_part_is_refused(out: Path, tmp_path: Path) -> None:
    for file in (out / "part").iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / f"reference_{SKU}.npz").write_bytes(b"other")
    with pytest.raises(BundleError, match="expected SHA-256"):
        read_reference_part(tmp_path)


def test_a_recipe_without_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"give references=FOLDER with <sku>/\*\.jpg"):
        train("photo_authenticity", [], out=tmp_path / "out", resume=False, runs=None,
              report=lambda stage, done, total: None)  # fmt: skip
