"""From a folder of genuine photos to a bundle that compares with them, and what it refuses."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.defects import Defect
from parcelscope.datasets.packaging.design import another_copy, genuine_design
from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.screen import screen
from parcelscope.training.reference_set import build_references, find_references

SKU, BRAND = "8702971146948", "Brightwell"
PHOTOS = 6


def jpeg(number: int, *defects: Defect) -> bytes:
    rng = np.random.default_rng([8, number])
    design = genuine_design(np.random.default_rng([21, 2]))
    return package_photo(rng, another_copy(rng, design), defects=defects).jpeg


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("references")
    photos = root / "photos" / BRAND / SKU
    photos.mkdir(parents=True)
    for k in range(PHOTOS):
        (photos / f"{k}.jpg").write_bytes(jpeg(k))
    (photos / "broken.jpg").write_bytes(b"no picture")
    few = root / "photos" / BRAND / "4000000000006"
    few.mkdir()
    (few / "1.jpg").write_bytes(jpeg(0))
    write_tiny_bundle(root / "tiny")
    told: list[str] = []
    build_references(
        root / "photos",
        root / "bundle",
        bundle_folder=root / "tiny",
        told=lambda report: told.extend(report.lines),
    )
    assert any("1 good photos, at least 5 needed" in line for line in told)
    assert any("broken.jpg" in line for line in told)
    assert any("more would resolve a p-value below 0.05" in line for line in told)
    return root / "bundle"


def test_the_bundle_says_what_its_references_are_made_of(bundle: Path) -> None:
    section = load_bundle(bundle)[0].references
    assert section is not None
    (card,) = section.cards
    assert (card.sku, card.brand, card.photos) == (SKU, BRAND, PHOTOS)
    assert section.metrics["parity_batch_1"] < 2e-4


def test_an_altered_reference_is_refused(bundle: Path, tmp_path: Path) -> None:
    for file in bundle.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    path = tmp_path / f"reference_{SKU}.npz"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(BundleError, match=r"expected SHA-256"):
        load_bundle(tmp_path)


@pytest.fixture(scope="module")
def run(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    feed = tmp_path_factory.mktemp("feed")
    parcels = [
        ("P1", SKU, BRAND), ("P2", SKU, "Brightwell"), ("P3", "1", None), ("P4", None, None),
        ("P5", SKU, "Other"), ("P6", SKU, BRAND),
    ]  # fmt: skip
    pl.DataFrame(parcels, schema=["parcel_id", "sku", "brand"], orient="row").write_csv(
        feed / "parcels.csv"
    )
    photos = {"P1": jpeg(100), "P2": jpeg(101, "misspell", "layout_shift"), "P3": jpeg(102)}
    for owner, content in photos.items():
        (feed / f"{owner}.jpg").write_bytes(content)
    rows = [(owner, "photo", "product", f"{owner}.jpg") for owner in photos]
    rows.append(("P6", "photo", "label", "P1.jpg"))
    pl.DataFrame(rows, schema=["owner_id", "kind", "view", "path"], orient="row").write_csv(
        feed / "images.csv"
    )
    out = feed / "run"
    screen(feed, out, bundle_folder=bundle, budget=1.0, workers=1)
    return out


def test_an_altered_package_is_reported_beside_the_genuine_one(run: Path) -> None:
    findings = pl.read_parquet(run / "findings" / "*.parquet")
    told = findings.filter(pl.col("code") == "photo.authenticity").sort("owner_id")
    assert told.get_column("owner_id").to_list() == ["P1", "P2"]
    genuine, altered = told.get_column("observed").to_list()
    assert altered > genuine
    page = (run / "report.html").read_text()
    assert "Beside the genuine reference" in page
    assert f"Genuine reference of SKU {SKU}" in page
    assert "further" in page


@pytest.mark.parametrize(
    ("owner", "reason"),
    [
        pytest.param("P3", "no genuine reference of SKU 1", id="unknown SKU"),
        pytest.param("P4", "names no SKU", id="no SKU"),
        pytest.param("P5", "no genuine reference of SKU", id="another brand"),
        pytest.param("P6", "no photo of the package", id="a label alone"),
    ],
)
def test_what_was_not_compared_is_not_assessed(run: Path, owner: str, reason: str) -> None:
    rows = pl.read_parquet(run / "not_assessed" / "*.parquet").filter(
        (pl.col("owner_id") == owner) & (pl.col("check") == "photo.authenticity")
    )
    assert reason in rows.get_column("reason").item()


def test_both_layouts_of_folders_are_read(tmp_path: Path) -> None:
    for folder in ("111", "Acme/222"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.jpg").write_bytes(b"")
    assert [(one.sku, one.brand) for one in find_references(tmp_path)] == [
        ("111", None), ("222", "Acme"),
    ]  # fmt: skip


def test_a_folder_without_photos_is_refused(tmp_path: Path) -> None:
    (tmp_path / "111").mkdir()
    with pytest.raises(ConfigError, match=r"expected <sku>/\*\.jpg"):
        find_references(tmp_path)


def test_one_sku_of_two_brands_is_refused(tmp_path: Path) -> None:
    for folder in ("A/1", "B/1"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "a.jpg").write_bytes(b"")
    with pytest.raises(ConfigError, match="each SKU once, got 1 twice"):
        find_references(tmp_path)
