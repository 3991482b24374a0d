"""Recipes for whole bundles: those that ship, and what is refused of others."""

from pathlib import Path

import pytest
import yaml

from parcelscope.datasets.errors import ConfigError
from parcelscope.training.bundle_recipe import builtin_bundle_recipes, read_bundle_recipe
from parcelscope.training.recipe_files import read_recipe

SMALL = {
    "name": "mine",
    "version": "1",
    "licence": "CC0-1.0",
    "parts": {
        "items": {"recipe": "xray_items"},
        "pieces": {"recipe": "xray_pieces"},
        "colour": {"recipe": "xray_items_colour", "start": "items"},
    },
    "feed": {"parcels": 10, "cartons": 5, "violative": 0.3, "seed": 1},
    "risk": {"prevalence": 0.05},
}


def written(folder: Path, **changes: object) -> str:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(SMALL | changes, sort_keys=False))
    return str(path)


@pytest.mark.parametrize("name", builtin_bundle_recipes())
def test_every_recipe_that_ships_names_recipes_of_parts_that_can_be_read(name: str) -> None:
    recipe = read_bundle_recipe(name)
    for step in recipe.parts.values():
        read_recipe(step.recipe, step.overrides())
    read_recipe(recipe.risk.recipe, recipe.risk.overrides())


def test_recipes_that_ship_are_told_apart_by_their_digest() -> None:
    recipes = [read_bundle_recipe(name) for name in builtin_bundle_recipes()]
    assert len({recipe.digest() for recipe in recipes}) == len(recipes) == 2


def test_parts_wait_for_the_one_they_start_from_and_for_no_other(tmp_path: Path) -> None:
    recipe = read_bundle_recipe(written(tmp_path))
    assert recipe.chains() == [["items", "colour"], ["pieces"]]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"parts": {}}, "parts: Dictionary should have at least 1 item"),
        ({"parts": {"a/b": {"recipe": "contents"}}}, "letters, digits, - and _, got 'a/b'"),
        (
            {"parts": {"a": {"recipe": "contents", "start": "b"}, "b": {"recipe": "contents"}}},
            "parts.a.start: expected a part that stands before it, got 'b'",
        ),
        ({"risk": {"prevalence": 1.5}}, "risk.prevalence: Input should be less than 1"),
        ({"colour": True}, "colour: Extra inputs are not permitted"),
    ],
)
def test_what_a_recipe_must_not_say_is_named(
    tmp_path: Path, changes: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yaml: ") as caught:
        read_bundle_recipe(written(tmp_path, **changes))
    assert told in str(caught.value)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no recipe 'buildin' for a bundle; known: builtin, quic"):
        read_bundle_recipe("buildin")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: expected a recipe for a bundle, got"):
        read_bundle_recipe(str(tmp_path / "none.yaml"))
