"""U15: cartons without a seal, and with the tags of others."""

import pytest
from tests.screening import windows as w

from parcelscope.screening.indicators.bag_tags import (
    MISSING,
    MIXED,
    BagTagParameters,
    odd_bag_tags,
)
from parcelscope.screening.indicators.evidence import Outcome

PARAMETERS = BagTagParameters.model_validate(
    {
        "missing": {"at": [0.9, 0.99], "likelihood_ratio": [2, 6]},
        "min_rows": 10,
        "mixed": {"at": [1, 3], "likelihood_ratio": [4, 12]},
    }
)
SEALED = [{"carton_id": f"C{i}", "seal_id": f"S{i}", "lane": "CN-US"} for i in range(99)]


def outcome(cartons: list[dict[str, str]], tags: dict[str, str | None] | None = None) -> Outcome:
    parcels = [
        {"parcel_id": name, "carton_id": "C", "receptacle_id": tag}
        for name, tag in (tags or {}).items()
    ]
    return odd_bag_tags(w.evidence(w.feed(parcels, cartons)), PARAMETERS)


def test_a_missing_seal_is_told_where_nearly_all_have_one() -> None:
    told = outcome([*SEALED, {"carton_id": "BARE", "lane": "CN-US", "seal_id": " - "}])
    assert w.sentences(told, MISSING) == {
        "BARE": "The manifest gives no seal or tag; 99 % of comparable cartons have one."
    }
    assert w.ratio(told, MISSING, "BARE") == pytest.approx(6)


@pytest.mark.parametrize(
    ("cartons", "reason"),
    [
        pytest.param(
            [*SEALED, {"carton_id": "BARE", "lane": "other"}],
            "fewer than 10 comparable cartons in this window",
            id="few of that lane",
        ),
        pytest.param(
            [{"carton_id": f"B{i}"} for i in range(40)],
            "only 0 % of comparable cartons have a seal or tag",
            id="nobody seals",
        ),
    ],
)
def test_where_a_missing_seal_says_nothing_it_is_not_assessed(
    cartons: list[dict[str, str]], reason: str
) -> None:
    told = outcome(cartons)
    assert told.findings.is_empty()
    assert set(w.reasons_not_assessed(told, MISSING).values()) == {reason}


def test_sealed_cartons_are_silent() -> None:
    told = outcome(SEALED)
    assert told.findings.is_empty()
    assert w.reasons_not_assessed(told, MISSING) == {}


def test_parcels_tagged_for_another_receptacle_are_told_of_their_carton() -> None:
    told = outcome(
        [{"carton_id": "C", "receptacle_id": "BAG 1"}],
        {"A": "bag1", "B": "BAG2", "D": "BAG3", "E": None},
    )
    assert w.sentences(told, MIXED) == {
        "C": "2 parcel rows are tagged for another receptacle than this carton, such as BAG2."
    }
    assert told.findings["observed"].to_list() == [2.0]


def test_without_a_tag_of_its_own_a_carton_is_held_to_that_of_most_parcels() -> None:
    told = outcome([{"carton_id": "C"}], {"A": "BAG1", "B": "BAG1", "D": "BAG9"})
    assert w.sentences(told, MIXED) == {
        "C": "1 parcel row is tagged for another receptacle than this carton, such as BAG9."
    }


def test_parcels_tagged_like_their_carton_are_silent() -> None:
    told = outcome([{"carton_id": "C", "receptacle_id": "BAG1"}], {"A": "BAG 1", "B": None})
    assert told.findings.is_empty()
    assert w.reasons_not_assessed(told, MIXED) == {}


def test_without_tags_on_parcels_nothing_is_compared() -> None:
    told = outcome([{"carton_id": "C", "receptacle_id": "BAG1"}], {"A": None})
    assert w.reasons_not_assessed(told, MIXED) == {
        "C": "no parcel row of the carton names a receptacle"
    }
