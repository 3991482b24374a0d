from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import get_args

import pytest
from pydantic import BaseModel

from parcelscope.datasets.errors import ConfigError
from parcelscope.training.recipe_files import (
    as_yaml,
    builtin_recipes,
    flat,
    keys,
    read_recipe,
    recipe_digest,
)
from parcelscope.training.trainers import TRAINERS

NUMBERS = {int, float}


@pytest.mark.parametrize("name", sorted(builtin_recipes()))
def test_every_built_in_recipe_is_read_and_says_all_when_written(name: str, tmp_path: Path) -> None:
    recipe, trainer = read_recipe(name)
    assert trainer is TRAINERS[recipe.trains]
    again = tmp_path / "again.yaml"
    again.write_text(as_yaml(recipe))
    assert read_recipe(str(again))[0] == recipe


def test_overrides_are_read_as_yaml_under_dotted_keys() -> None:
    words = ["fit.batch=8", "fit.learning_rate=1e-3", "data.folder=a/b", "canvas.mm_per_px=null"]
    recipe, _ = read_recipe("xray_items", words)
    told = flat(recipe.model_dump(mode="json"))
    assert told["fit.batch"] == 8
    assert told["fit.learning_rate"] == 0.001
    assert told["data.folder"] == "a/b"
    assert told["canvas.mm_per_px"] is None
    assert recipe_digest(recipe) != recipe_digest(read_recipe("xray_items")[0])


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(
            ["fit.bacth=8"], r"unknown key 'fit.bacth'; the nearest is 'fit.batch'", id="misspelt"
        ),
        pytest.param(
            ["batch=8"], r"unknown key 'batch'; the nearest is 'fit.batch'", id="section missing"
        ),
        pytest.param(["fit=8"], r"'fit' is a section; give one of fit.passes", id="section alone"),
        pytest.param(["fit.batch"], r"expected key=value, like fit.batch=8", id="no value"),
        pytest.param(
            ["fit.batch=0"], r"fit.batch: Input should be greater than or equal to 1, got 0",
            id="out of range",
        ),
        pytest.param(["fit.batch=many"], r"fit.batch: .*integer.*got 'many'", id="no number"),
        pytest.param(
            ["heatmap.stride_px=8", "canvas.width_px=288"],
            r"sides in steps of 8 x heatmap.stride_px, 64 pixels, got 288 x 192", id="canvas",
        ),
        pytest.param(["input=rgb"], r"input: .*'dual' or 'colour', got 'rgb'", id="no choice"),
    ],
)  # fmt: skip
def test_a_wrong_override_is_refused_in_one_sentence(words: list[str], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        read_recipe("xray_items", words)


def test_a_counting_detector_that_does_not_count_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"fit.count_weight must be above 0 for xray.pieces"):
        read_recipe("xray_pieces", ["fit.count_weight=0"])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("", r"expected a recipe as a mapping, got NoneType", id="empty"),
        pytest.param("- a", r"expected a recipe as a mapping, got list", id="list"),
        pytest.param("a: [", r"expected YAML", id="no YAML"),
        pytest.param("trains: detektor", r"trains: expected one of .*got 'detektor'", id="trainer"),
        pytest.param(
            "trains: detector\nfit: {bach: 3}", r"unknown key 'fit.bach'.*'fit.batch'", id="key"
        ),
        pytest.param("trains: detector\ninput: dual", r"detector: Field required", id="missing"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"mine.yaml: .*{told}|mine.yaml: {told}"):
        read_recipe(str(path))


def test_an_unknown_recipe_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"no recipe 'xray_item'; .*did you mean 'xray_items'"):
        read_recipe("xray_item")


def numbers(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, bool, str | None]]:
    """Key, whether it has a range, and the meaning, of every number of a recipe."""
    for name, field in model.model_fields.items():
        kinds = {field.annotation, *get_args(field.annotation)} - {NoneType}
        inner = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]
        for kind in inner:
            yield from numbers(kind, f"{before}{name}.")
        if kinds & NUMBERS:
            yield f"{before}{name}", bool(field.metadata), field.description


@pytest.mark.parametrize("name", sorted(TRAINERS))
def test_every_number_of_a_recipe_has_a_range_and_a_meaning(name: str) -> None:
    model = TRAINERS[name].recipe()
    bare = [key for key, ranged, told in numbers(model) if not ranged or not told]
    assert bare == []
    assert {"trains", "seed"} <= set(keys(model))
