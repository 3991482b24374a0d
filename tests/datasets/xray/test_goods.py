import numpy as np
import pytest

from parcelscope.datasets.xray.goods import FAMILIAR_GOODS, GOODS, goods_names, make_goods
from parcelscope.datasets.xray.goods_catalog import CATALOG, describe
from parcelscope.datasets.xray.physics import load_tables
from parcelscope.datasets.xray.solids import Variety, bounds

KINDS = [
    pytest.param(name, variety, id=f"{name}-{variety}")
    for name in GOODS
    for variety in ("familiar", "unseen")
]


@pytest.mark.parametrize(("name", "variety"), KINDS)
def test_goods_stay_inside_their_size_and_use_known_materials(name: str, variety: Variety) -> None:
    tables = load_tables()
    for seed in range(4):
        article = make_goods(name, np.random.default_rng(seed), variety)
        low, high = bounds(article.solids)
        assert article.name == name
        assert (article.size_mm > 0).all()
        assert (low >= -article.size_mm / 2 - 1e-6).all()
        assert (high <= article.size_mm / 2 + 1e-6).all()
        assert article.size_mm.max() < 400
        for solid in article.solids:
            assert (solid.half_mm > 0).all()
            assert np.allclose(solid.rotation @ solid.rotation.T, np.eye(3))
            tables.row(solid.material)
            if solid.replaces is not None:
                tables.row(solid.replaces)


@pytest.mark.parametrize("name", sorted(GOODS))
def test_the_same_seed_makes_the_same_goods(name: str) -> None:
    one, other = (make_goods(name, np.random.default_rng(7)) for _ in range(2))
    assert len(one.solids) == len(other.solids)
    for a, b in zip(one.solids, other.solids, strict=True):
        assert a.material == b.material
        assert np.array_equal(a.centre_mm, b.centre_mm)
        assert np.array_equal(a.half_mm, b.half_mm)


def test_some_goods_are_kept_for_evaluation() -> None:
    assert set(goods_names("familiar")) < set(goods_names("unseen"))
    assert len(FAMILIAR_GOODS) >= 22


def test_unknown_goods_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="got 'unicorn'"):
        make_goods("unicorn", np.random.default_rng(0))
    with pytest.raises(ValueError, match="got 'handgun'"):
        describe("handgun", np.random.default_rng(0))


def test_all_goods_can_be_declared() -> None:
    assert set(CATALOG) == set(GOODS)


@pytest.mark.parametrize("name", sorted(GOODS))
def test_a_declaration_has_six_digits_and_a_plausible_value(name: str) -> None:
    line = describe(name, np.random.default_rng(1))
    low, high = CATALOG[name].value_usd
    assert len(line.hs_code) == 6
    assert line.hs_code.isdigit()
    assert low - 0.01 <= line.unit_value_usd <= high + 0.01
    assert line.description in CATALOG[name].descriptions
