"""Handguns, knives and scissors: their designs as a whole."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from parcelscope.datasets.xray import items_gun_forms, items_knives, items_scissors
from parcelscope.datasets.xray.acquisition import TRAINING_SCANNERS
from parcelscope.datasets.xray.items import make_item
from parcelscope.datasets.xray.parcel import PARCEL_LIMIT_MM, on_belt
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.scan import solid_mass_g
from parcelscope.datasets.xray.scene import Solid

FORMS = [
    pytest.param(items_gun_forms.FORMS, items_gun_forms.SHARES, 10, id="handgun"),
    pytest.param(items_knives.FORMS, items_knives.SHARES, 12, id="knife"),
    pytest.param(items_scissors.FORMS, items_scissors.SHARES, 11, id="scissors"),
]
MASSES_G = [
    pytest.param("handgun", 60, 2600, id="handgun"),
    pytest.param("knife", 8, 1000, id="knife"),
    pytest.param("scissors", 5, 420, id="scissors"),
]


@pytest.mark.parametrize(("forms", "shares", "count"), FORMS)
def test_every_form_is_drawn_and_differs_from_draw_to_draw(
    forms: Sequence[Callable[[np.random.Generator], list[Solid]]],
    shares: np.ndarray,
    count: int,
) -> None:
    assert len(set(forms)) == count == len(shares)
    assert shares.min() > 0
    assert shares.sum() == pytest.approx(1)
    for form in forms:
        first, second = (form(np.random.default_rng(seed)) for seed in (1, 2))
        assert first[0].half_mm.tolist() != second[0].half_mm.tolist()


@pytest.mark.parametrize(("label", "least_g", "most_g"), MASSES_G)
def test_masses_are_those_of_real_ones(label: str, least_g: float, most_g: float) -> None:
    for seed in range(60):
        article = make_item(label, np.random.default_rng(seed))
        assert least_g < sum(map(solid_mass_g, article.solids)) < most_g
        assert (article.size_mm < (331, 231, 121)).all()


@pytest.mark.parametrize("label", ["handgun", "knife", "scissors"])
def test_nothing_is_carved_out_of_what_is_not_there(label: str) -> None:
    geometry = TRAINING_SCANNERS["PS-160"].geometry
    texture = np.zeros((8, 8), np.float32)
    for seed in range(10):
        rng = np.random.default_rng(seed)
        article = make_item(label, rng)
        scene = on_belt(rng, [(label, "item", list(article.solids))], PARCEL_LIMIT_MM)
        assert render(scene, geometry, texture=texture).thickness_mm.min() > -0.3
