import numpy as np
import pytest

from parcelscope.datasets.xray.goods import GOODS
from parcelscope.datasets.xray.items import ITEM_LABELS, make_item
from parcelscope.datasets.xray.physics import load_tables
from parcelscope.datasets.xray.solids import Variety, bounds

KINDS = [
    pytest.param(label, variety, id=f"{label}-{variety}")
    for label in ITEM_LABELS
    for variety in ("familiar", "unseen")
]


def test_the_labels_keep_their_order() -> None:
    assert ITEM_LABELS == (
        "handgun",
        "knife",
        "scissors",
        "battery_pack",
        "blister_pack",
        "loose_pills",
        "powder_bag",
        "vape",
        "currency_stack",
        "liquid_bottle",
    )
    assert not set(ITEM_LABELS) & set(GOODS)


@pytest.mark.parametrize(("label", "variety"), KINDS)
def test_items_stay_inside_their_size_and_use_known_materials(label: str, variety: Variety) -> None:
    tables = load_tables()
    for seed in range(12):
        article = make_item(label, np.random.default_rng(seed), variety)
        low, high = bounds(article.solids)
        assert article.name == label
        assert (low >= -article.size_mm / 2 - 1e-6).all()
        assert (high <= article.size_mm / 2 + 1e-6).all()
        assert 25 < article.size_mm.max() < 400
        assert len(article.solids) <= 120
        for solid in article.solids:
            assert (solid.half_mm > 0).all()
            tables.row(solid.material)
            if solid.replaces is not None:
                tables.row(solid.replaces)


@pytest.mark.parametrize("label", ITEM_LABELS)
def test_an_item_comes_in_several_designs(label: str) -> None:
    sizes = {make_item(label, np.random.default_rng(seed)).size_mm.tobytes() for seed in range(8)}
    assert len(sizes) == 8


def test_unknown_items_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="got 'mug'"):
        make_item("mug", np.random.default_rng(0))
