"""The references that ship for the demo: they fit the generator, and need no torch."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.packaging.camera import package_photo
from parcelscope.datasets.packaging.design import another_copy
from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.photo_files import design_of
from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.demo_references import SKUS, bundle_with_references
from parcelscope.pipelines.review_runs import enrol_run, run_in
from parcelscope.pipelines.run_summary import review_command
from parcelscope.pipelines.screen import screen
from parcelscope.review.database import open_review


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("demo")
    write_tiny_bundle(root / "tiny")
    bundle_with_references(root / "tiny", root / "bundle")
    return root / "bundle"


def test_every_reference_can_become_a_reason(bundle: Path) -> None:
    made, _ = load_bundle(bundle)
    assert made.version == "1+demo"
    assert made.references is not None
    assert tuple(card.sku for card in made.references.cards) == SKUS
    assert all(1 / (1 + card.photos) <= 0.05 for card in made.references.cards)


def test_genuine_photos_that_the_generator_draws_today_are_compared(
    bundle: Path, tmp_path: Path
) -> None:
    feed, config = tmp_path / "feed", load_synth_config(None)
    feed.mkdir()
    parcels, images = [], []
    for number, sku in enumerate(SKUS):
        rng = np.random.default_rng([31, number])
        photo = package_photo(rng, another_copy(rng, design_of(sku, config)))
        (feed / f"P{number}.jpg").write_bytes(photo.jpeg)
        parcels.append({"parcel_id": f"P{number}", "sku": sku})
        images.append(
            {"owner_id": f"P{number}", "kind": "photo", "view": "product", "path": f"P{number}.jpg"}
        )
    pl.DataFrame(parcels).write_csv(feed / "parcels.csv")
    pl.DataFrame(images).write_csv(feed / "images.csv")
    screen(feed, tmp_path / "run", bundle_folder=bundle, budget=1.0, workers=1)
    findings = pl.read_parquet(tmp_path / "run" / "findings" / "*.parquet")
    told = findings.filter(pl.col("code") == "photo.authenticity")
    assert sorted(told["owner_id"]) == ["P0", "P1"]
    # A generator that had changed its designs would make every genuine photo differ most.
    assert (told["p_value"] > 0.06).any()


def test_the_demo_needs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from parcelscope.models.bundle import builtin_bundle_folder\n"
        "import parcelscope.pipelines.demo\n"
        "from parcelscope.pipelines.demo_references import bundle_with_references\n"
        f"bundle_with_references(builtin_bundle_folder(), Path({str(tmp_path / 'out')!r}))\n"
        "assert not {'torch', 'mlflow', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (tmp_path / "out" / "bundle.json").is_file()


def test_the_demo_ends_by_how_to_review_what_it_flagged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        main(["demo", "--out", "runs/demo", "--parcels", "20"])
    assert ended.value.code == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "Review what was flagged: parcelscope review runs/demo"
    assert run_in(Path("runs/demo")) == Path("runs/demo/run")
    engine = open_review(f"sqlite:///{tmp_path / 'review.sqlite'}")
    told = enrol_run(engine, Path("runs/demo"))
    engine.dispose()
    assert told.enrolled.new > 0
    assert not told.without_bundle, "it lies beside the run"


def test_a_run_named_like_a_command_is_offered_as_a_path() -> None:
    assert review_command(Path("user")) == "parcelscope review ./user"
    assert review_command(Path("runs/my run")) == "parcelscope review 'runs/my run'"
