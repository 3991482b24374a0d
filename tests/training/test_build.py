from pathlib import Path

import pytest

from parcelscope.models.bundle import load_bundle
from parcelscope.training.build import build_bundle
from parcelscope.training.recipe import QUICK, RECIPES


def ignore(step: str, done: int, total: int) -> None:
    """Progress that nobody reads; importable, as two processes report it."""


def test_recipes_are_told_apart_by_their_digest() -> None:
    assert len({recipe.digest() for recipe in RECIPES.values()}) == len(RECIPES)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_quick_recipe_makes_a_whole_bundle_and_goes_on_where_it_stopped(
    tmp_path: Path,
) -> None:
    work, out = tmp_path / "work", tmp_path / "bundle"
    build_bundle(QUICK, work=work, out=out, report=ignore)
    bundle, digest = load_bundle(out)
    assert {(card.detector, card.input) for card in bundle.detectors} == {
        (detector, kind)
        for detector in ("xray.items", "xray.pieces", "xray.anomaly", "xray.contents")
        for kind in ("dual", "colour")
    }
    made = {path: path.stat().st_mtime_ns for path in work.glob("*.npz")}
    build_bundle(QUICK, work=work, out=tmp_path / "again", report=ignore)
    assert {path: path.stat().st_mtime_ns for path in work.glob("*.npz")} == made
    assert load_bundle(tmp_path / "again")[1] == digest
