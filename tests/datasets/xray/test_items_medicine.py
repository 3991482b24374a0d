from collections.abc import Callable, Sequence

import numpy as np
import pytest

from parcelscope.datasets.xray.items_blister import ARRANGEMENTS
from parcelscope.datasets.xray.items_medicine import blister_pack, loose_pills, powder_bag
from parcelscope.datasets.xray.items_pills import FORMS as PILL_FORMS
from parcelscope.datasets.xray.items_powder import FORMS as POWDER_FORMS
from parcelscope.datasets.xray.items_tablet import Dose, heap
from parcelscope.datasets.xray.items_wrapper import LIMIT_MM
from parcelscope.datasets.xray.scan import solid_mass_g
from parcelscope.datasets.xray.scene import Model, Solid

Form = Callable[[np.random.Generator], list[Solid]]
CLASSES = [
    pytest.param(blister_pack, ARRANGEMENTS, 8, id="blister_pack"),
    pytest.param(loose_pills, PILL_FORMS, 9, id="loose_pills"),
    pytest.param(powder_bag, POWDER_FORMS, 10, id="powder_bag"),
]


@pytest.mark.parametrize(("draw", "forms", "fewest"), CLASSES)
def test_a_class_comes_in_many_forms(
    draw: Callable[..., Model], forms: Sequence[Form], fewest: int
) -> None:
    assert len(set(forms)) >= fewest
    for form in forms:
        counts = {len(form(np.random.default_rng(seed))) for seed in range(12)}
        assert len(counts) > 1
        assert max(counts) <= 112


@pytest.mark.parametrize(("draw", "forms", "fewest"), CLASSES)
def test_a_familiar_design_fits_into_a_parcel_and_weighs_something(
    draw: Callable[..., Model], forms: Sequence[Form], fewest: int
) -> None:
    for seed in range(60):
        article = draw(np.random.default_rng(seed))
        assert (article.size_mm <= LIMIT_MM + 1e-6).all()
        assert len(article.solids) <= 120
        assert 1 < sum(solid_mass_g(solid) for solid in article.solids) < 2500


def test_a_large_heap_keeps_its_mass_with_few_solids() -> None:
    dose = Dose(shape="lens", half_mm=np.array([4.0, 4.0, 2.0]), material="tablet")
    room = np.array([60.0, 45.0, 12.0])
    full = heap(np.random.default_rng(3), [dose], 300, room, drawn=400)
    few = heap(np.random.default_rng(3), [dose], 300, room, drawn=60)
    assert len(few) <= 61
    assert sum(map(solid_mass_g, few)) == pytest.approx(sum(map(solid_mass_g, full)), rel=0.05)
