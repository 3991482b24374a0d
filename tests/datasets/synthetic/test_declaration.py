"""What manifests say of goods: honest, vague, or of another family."""

import numpy as np
import pytest

from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.declaration import VAGUE, declare, goods_by_mass
from parcelscope.datasets.synthetic.loose import honesty
from parcelscope.datasets.synthetic.numbering import receptacle_s9, wrong_check_digit
from parcelscope.datasets.xray.goods_catalog import CATALOG
from parcelscope.datasets.xray.scene import Scene

GOODS = [("jeans", 2), ("cable", 1), ("mug", 1), ("book", 3)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_an_honest_sender_names_the_heaviest_goods_and_their_number() -> None:
    told = declare(GOODS, rng(), "honest")
    assert any(text in told.description for text in CATALOG["jeans"].descriptions)
    assert told.hs_code == CATALOG["jeans"].hs_code
    assert told.quantity == 4
    assert told.value_usd > 0


def test_a_vague_sender_says_what_fits_anything() -> None:
    assert declare(GOODS, rng(), "vague").description in VAGUE


@pytest.mark.parametrize("seed", range(8))
def test_a_contradicting_declaration_is_of_a_family_that_is_not_inside(seed: int) -> None:
    told = declare(GOODS, rng(seed), "contradicting")
    families = {entry.family for entry in CATALOG.values() if entry.hs_code == told.hs_code}
    assert families.isdisjoint(CATALOG[name].family for name, _ in GOODS)


def test_goods_are_counted_by_the_parcel_that_holds_them() -> None:
    scene = Scene()
    box = scene.begin("box", "inner_parcel")
    for name, parent in (("mug", box), ("jeans", box), ("mug", box), ("book", None)):
        scene.begin(name, "goods", parent)
    masses_g = np.array([900.0, 100.0, 150.0, 100.0, 80.0])
    assert goods_by_mass(scene, masses_g, parent=box) == [("mug", 2), ("jeans", 1)]
    assert goods_by_mass(scene, masses_g, parent=None) == [("book", 1)]


def test_some_compliant_senders_are_vague_and_no_other_kind_of_wrong() -> None:
    config = load_synth_config(None)
    chance = rng()
    told = [honesty(chance, config, ()) for _ in range(4000)]
    assert set(told) == {"honest", "vague"}
    assert abs(told.count("vague") / 4000 - config.benign_vague) < 0.01
    assert honesty(chance, config, ("item", "vague_description")) == "vague"
    assert honesty(chance, config, ("contradicting_description",)) == "contradicting"


def test_a_wrong_check_digit_is_the_only_thing_wrong() -> None:
    for seed in range(20):
        spoilt = wrong_check_digit("RX123456785DE", rng(seed))
        assert spoilt != "RX123456785DE"
        assert spoilt[:10] + "5" + spoilt[11:] == "RX123456785DE"


def test_a_bag_heavier_than_its_number_can_say_is_written_as_the_heaviest() -> None:
    assert receptacle_s9(rng(), "CN", "JFK", 5e6, service="CP").endswith("9000")
