"""The plan of a feed: shares as configured, numbers unique, nothing that undoes itself."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.identifiers import identify
from parcelscope.datasets.synthetic.config import SynthConfig, load_synth_config
from parcelscope.datasets.synthetic.numbering import foreign_tracking_number, tracking_number
from parcelscope.datasets.synthetic.plan import EXCLUSIVE, NEEDS_PHOTO, apportion, make_plan

DEFAULT, HARD = load_synth_config(None), load_synth_config(Path("hard"))


@given(
    st.lists(st.floats(0, 10), min_size=1, max_size=6).filter(lambda v: sum(v) > 0.01),
    st.integers(0, 200),
    st.integers(0, 2**32),
)
def test_apportioned_numbers_are_the_shares_to_within_one(
    weights: list[float], count: int, seed: int
) -> None:
    got = apportion(np.random.default_rng(seed), dict(enumerate(weights)), count)
    assert len(got) == count
    number = Counter(got)
    for key, weight in enumerate(weights):
        assert abs(number[key] - count * weight / sum(weights)) < 1 + 1e-9


@pytest.mark.parametrize("parcels", [1, 2, 3, 7, 30, 1000])
def test_all_parcels_are_loose_or_in_a_carton(parcels: int) -> None:
    plan = make_plan(parcels, 0, DEFAULT)
    inside = sum(carton.pieces_manifested for carton in plan.cartons)
    assert len(plan.loose) + inside == parcels
    assert abs(inside - DEFAULT.parcels_in_cartons * parcels) <= DEFAULT.pieces[0]
    numbers = [one.number for one in plan.loose]
    for carton in plan.cartons:
        numbers += range(carton.first_row, carton.first_row + carton.pieces_manifested)
    assert numbers == list(range(parcels))
    assert [owner.index for owner in plan.owners] == list(range(len(plan.owners)))


def test_the_evaluation_feed_is_as_it_was_announced() -> None:
    plan = make_plan(500, 3, HARD)
    assert (len(plan.loose), len(plan.cartons)) == (500, 1200)
    violative = [carton for carton in plan.cartons if carton.extra]
    assert len(plan.cartons) - len(violative) >= 1000
    assert len(violative) == 180
    assert sum(carton.extra == 1 for carton in violative) == 90
    assert sum(carton.true_weight for carton in violative) == 90
    assert set(Counter(carton.overlap for carton in violative).values()) == {36}
    assert {carton.pieces_manifested for carton in plan.cartons} == set(range(2, 31))
    formats = Counter(carton.scan_format for carton in plan.cartons)
    assert formats == {"dual_tiff": 960, "colour": 240}


def test_what_is_wrong_with_loose_parcels_follows_the_weights() -> None:
    plan = make_plan(8000, 1, DEFAULT.model_copy(update={"parcels_in_cartons": 0.0}))
    violative = [one for one in plan.loose if one.violations]
    assert len(violative) == round(DEFAULT.violative * 8000)
    assert {len(one.violations) for one in violative} == {1, 2}
    total = sum(DEFAULT.parcel_violations.values())
    firsts = Counter(one.violations[0] for one in violative)
    for name, weight in DEFAULT.parcel_violations.items():
        assert abs(firsts[name] - len(violative) * weight / total) <= 1
    for one in violative:
        assert len(set(one.violations)) == len(one.violations)
        assert not any(pair <= set(one.violations) for pair in EXCLUSIVE)
        assert one.photographed or NEEDS_PHOTO.isdisjoint(one.violations)
    share = sum(one.photographed for one in plan.loose) / 8000
    assert DEFAULT.photos <= share < DEFAULT.photos + DEFAULT.violative


def test_tracking_numbers_are_valid_and_unique_unless_planned_otherwise() -> None:
    plan = make_plan(3000, 9, DEFAULT)
    own = [tracking_number(9, one.number, one.origin) for one in plan.loose]
    assert len(set(own)) == len(own)
    foreign = {foreign_tracking_number(9, one.number, one.origin) for one in plan.loose}
    assert len(foreign) == len(own)
    assert foreign.isdisjoint(own)
    for one, number in zip(plan.loose, own, strict=True):
        read = identify(one.tracking)
        assert read.kind == "s10"
        assert read.valid == ("invalid_tracking" not in one.violations)
        if "reused_tracking" in one.violations:
            assert one.tracking != number
            assert one.tracking in own
        elif read.valid:
            assert one.tracking == number


def test_the_only_loose_parcel_of_a_feed_cannot_reuse_a_number() -> None:
    config: SynthConfig = DEFAULT.model_copy(
        update={"violative": 1.0, "parcel_violations": {"reused_tracking": 1.0}}
    )
    assert make_plan(1, 0, config).loose[0].violations == ("invalid_tracking",)
