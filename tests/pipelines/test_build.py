"""Building a bundle from nothing, and putting it where an old one lies."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.inference.tiny_bundle import write_tiny_bundle

from parcelscope.datasets.errors import BundleError, ConfigError
from parcelscope.models.bundle import CARD, load_bundle
from parcelscope.models.bundle_writing import named_files
from parcelscope.pipelines.build import build, part_folder, publish, step_overrides
from parcelscope.training.bundle_recipe import builtin_bundle_recipes, read_bundle_recipe


def test_a_changed_recipe_has_another_folder_and_so_has_what_starts_from_it(
    tmp_path: Path,
) -> None:
    recipe = read_bundle_recipe("quick")
    first, after = "xray-items-dual", "xray-items-colour"
    step = recipe.parts[first]
    longer = step.model_copy(update={"set": {**step.set, "fit.passes": 65}})
    changed = recipe.model_copy(update={"parts": {**recipe.parts, first: longer}})
    for name in (first, after):
        was = part_folder(name, recipe.parts[name], recipe, tmp_path)
        assert part_folder(name, changed.parts[name], changed, tmp_path) != was
    untouched = "xray-pieces-dual"
    assert step_overrides(recipe.parts[untouched], recipe, tmp_path) == step_overrides(
        changed.parts[untouched], changed, tmp_path
    )


def test_a_bundle_takes_the_place_of_another_and_leaves_what_is_not_its_own(
    tmp_path: Path,
) -> None:
    old, new, out = tmp_path / "old", tmp_path / "new", tmp_path / "out"
    for folder in (old, new):
        write_tiny_bundle(folder)
    bundle, _ = load_bundle(old)
    first, *others = bundle.detectors
    before = bundle.model_copy(
        update={"detectors": (first.model_copy(update={"file": "gone.onnx"}), *others)}
    )
    sources = {file: old / file for file in named_files(before) if file != "gone.onnx"}
    publish(before, {**sources, "gone.onnx": old / first.file}, out)
    (out / "__init__.py").touch()
    after, _ = load_bundle(new)
    publish(after, {file: new / file for file in named_files(after)}, out)
    assert {path.name for path in out.iterdir()} == {CARD, "__init__.py", *named_files(after)}
    assert load_bundle(out)[0] == after


def test_nothing_is_begun_where_the_bundle_could_not_be_put(tmp_path: Path) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    out.mkdir()
    (out / "thesis.doc").write_text("mine")
    with pytest.raises(BundleError, match="expected a new or empty folder, or a bundle to replace"):
        build("quick", work=work, out=out)
    with pytest.raises(ConfigError, match="no recipe 'qick' for a bundle"):
        build("qick", work=work, out=tmp_path / "new")
    text = builtin_bundle_recipes()["quick"].read_text().replace("data.train: 32", "data.trian: 32")
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(ConfigError, match=r"unknown key 'data\.trian'; the nearest is"):
        build(str(tmp_path / "mine.yaml"), work=work, out=tmp_path / "new")
    assert not work.exists()


def test_without_torch_it_says_what_to_install_and_begins_nothing(tmp_path: Path) -> None:
    torchless = "import sys; sys.modules['torch'] = None"
    run = f"{torchless}; from parcelscope.pipelines.cli import main; main()"
    words = ["bundle", "build", "--recipe", "quick", "--out", "out", "--work", "work"]
    done = subprocess.run(
        [sys.executable, "-c", run, *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "install parcelscope[cpu,train,eval]" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_quick_recipe_makes_a_whole_bundle_and_goes_on_where_it_stopped(
    tmp_path: Path,
) -> None:
    work, out = tmp_path / "work", tmp_path / "bundle"
    build("quick", work=work, out=out)
    bundle, digest = load_bundle(out)
    assert {(card.detector, card.input) for card in bundle.detectors} == {
        (detector, kind)
        for detector in ("xray.items", "xray.pieces", "xray.anomaly", "xray.contents")
        for kind in ("dual", "colour")
    }
    assert bundle.carton_fusion.weights["U1.count"] >= 0
    made = {path: path.stat().st_mtime_ns for path in work.rglob("*.npz")}
    made |= {path: path.stat().st_mtime_ns for path in work.rglob("part/*.onnx")}
    build("quick", work=work, out=tmp_path / "again")
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert load_bundle(tmp_path / "again")[1] == digest
