"""U13: what a receptacle's S9 identifier says, against receptacles and items."""

import pytest
from tests.screening import windows as w

from parcelscope.datasets.identifiers import make_s9, make_s10
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.receptacles import (
    RECEPTACLE_COUNT,
    RECEPTACLE_WEIGHT,
    SUBCLASS,
    ReceptacleParameters,
    receptacles_unlike_items,
)

PARAMETERS = ReceptacleParameters.model_validate(
    {
        "beyond": {"at": [1, 5], "likelihood_ratio": [5, 15]},
        "absent": {"at": [1, 10], "likelihood_ratio": [1.2, 2]},
        "weight": {"at": [1, 5], "likelihood_ratio": [2, 10]},
        "weight_tolerance": 0.05,
        "weight_tolerance_g": 100,
        "tare_share": 0.3,
        "item_class": 2,
        "services": {"U": "ULRVMQ", "C": "CVH", "E": "E"},
    }
)
PARCELS_MAIL = "CNSHAAUSJFKAACN60001"
"""A despatch of parcels from Shanghai to New York, by air."""
LETTERS_MAIL = "CNSHAAUSJFKAAUN60002"


def bag(
    number: int, *, last: bool = False, weight_g: float = 10_000, of: str = PARCELS_MAIL
) -> str:
    return make_s9(of, number, weight_g=weight_g, last=last)


def item(service: str, serial: int = 1) -> str:
    return make_s10(service, f"{serial:08d}", "CN")


def outcome(
    bags: dict[str, str | None],
    items: list[tuple[str, str | None, float | None]] = [],  # noqa: B006
    *,
    rejected: int = 0,
) -> Outcome:
    cartons = [{"carton_id": name, "receptacle_id": s9} for name, s9 in bags.items()]
    parcels = [
        {
            "parcel_id": f"P{i}",
            "carton_id": carton,
            "tracking_number": number,
            "declared_weight_g": weight_g,
        }
        for i, (carton, number, weight_g) in enumerate(items)
    ]
    of = w.feed(parcels, cartons, rejected_parcels=rejected)
    return receptacles_unlike_items(w.evidence(of), PARAMETERS)


def test_a_receptacle_beyond_the_last_is_told() -> None:
    told = outcome({"A": bag(1), "B": bag(2, last=True), "C": bag(5)})
    assert w.sentences(told, RECEPTACLE_COUNT) == {
        "C": "This is receptacle 5 of its despatch, although number 2 is flagged as the last."
    }
    assert w.reasons_not_assessed(told, RECEPTACLE_COUNT) == {}


def test_of_two_that_say_they_are_the_last_the_higher_is_told() -> None:
    told = outcome({"A": bag(1, last=True), "B": bag(2, last=True)})
    assert set(w.sentences(told, RECEPTACLE_COUNT)) == {"B"}


def test_absent_receptacles_are_told_of_the_last() -> None:
    told = outcome({"A": bag(1), "D": bag(4, last=True)})
    assert w.sentences(told, RECEPTACLE_COUNT) == {
        "D": "The last receptacle of its despatch has number 4; this window holds 2 of them."
    }
    row = told.findings.row(0, named=True)
    assert (row["observed"], row["expected"]) == (2.0, 4.0)


def test_a_whole_despatch_is_silent() -> None:
    told = outcome({"A": bag(1), "B": bag(2), "C": bag(3, last=True)})
    assert w.sentences(told, RECEPTACLE_COUNT) == {}
    assert w.reasons_not_assessed(told, RECEPTACLE_COUNT) == {}


@pytest.mark.parametrize(
    ("s9", "reason"),
    [
        (None, "the manifest gives no UPU S9 receptacle identifier"),
        ("BAG1", "the manifest gives no UPU S9 receptacle identifier"),
        (bag(1), "no receptacle of its despatch in this window is flagged as the last"),
    ],
)
def test_without_an_identifier_or_a_last_one_nothing_is_counted(
    s9: str | None, reason: str
) -> None:
    assert w.reasons_not_assessed(outcome({"A": s9}), RECEPTACLE_COUNT) == {"A": reason}


@pytest.mark.parametrize(
    ("weights_g", "fires"),
    [
        pytest.param((6_000, 4_000), False, id="as it says"),
        pytest.param((5_000, 2_000), False, id="the bag weighs too"),
        pytest.param((6_000, 5_000), True, id="items weigh more than the whole"),
        pytest.param((1_000, 1_000), True, id="items weigh far less"),
    ],
)
def test_the_weight_of_the_identifier_is_compared(
    weights_g: tuple[float, ...], fires: bool
) -> None:
    told = outcome({"A": bag(1, last=True)}, [("A", None, weight) for weight in weights_g])
    assert bool(w.sentences(told, RECEPTACLE_WEIGHT)) == fires
    assert w.reasons_not_assessed(told, RECEPTACLE_WEIGHT) == {}


def test_the_sentence_names_both_weights() -> None:
    told = outcome({"A": bag(1, last=True)}, [("A", None, 11_000.0)])
    assert w.sentences(told, RECEPTACLE_WEIGHT) == {
        "A": "The items of this receptacle add up to 11 kg; its identifier says 10 kg."
    }
    assert w.ratio(told, RECEPTACLE_WEIGHT, "A") == pytest.approx(2 * 5**0.25)


@pytest.mark.parametrize(
    ("s9", "items", "rejected", "reason"),
    [
        (None, [], 0, "the manifest gives no UPU S9 receptacle identifier"),
        (bag(1, weight_g=0), [("A", None, 5.0)], 0, "the receptacle identifier gives no weight"),
        (bag(1), [], 0, "no parcel row of this window names the carton"),
        (bag(1), [("A", None, None)], 0, "1 parcel row of this carton without a declared weight"),
        (
            bag(1),
            [("A", None, 5.0)],
            1,
            "parcel rows that could not be read may belong to the carton",
        ),
    ],
)
def test_without_weights_nothing_is_compared(
    s9: str | None, items: list[tuple[str, str | None, float | None]], rejected: int, reason: str
) -> None:
    told = outcome({"A": s9}, items, rejected=rejected)
    assert w.reasons_not_assessed(told, RECEPTACLE_WEIGHT) == {"A": reason}


def test_an_item_in_a_receptacle_of_another_class_is_told() -> None:
    told = outcome({"A": bag(1, of=LETTERS_MAIL)}, [("A", item("CP"), None)])
    assert w.sentences(told, SUBCLASS) == {
        "P0": f"Item {item('CP')} is of service C; its receptacle is of sub-class UN, which holds"
        " U, L, R, V, M, Q."
    }


@pytest.mark.parametrize(("of", "service"), [(PARCELS_MAIL, "CP"), (LETTERS_MAIL, "RB")])
def test_an_item_in_a_receptacle_of_its_class_is_silent(of: str, service: str) -> None:
    told = outcome({"A": bag(1, of=of)}, [("A", item(service), None)])
    assert w.sentences(told, SUBCLASS) == {}
    assert w.reasons_not_assessed(told, SUBCLASS) == {}


@pytest.mark.parametrize(
    ("s9", "number", "reason"),
    [
        (None, item("CP"), "the manifest gives no UPU S9 receptacle identifier"),
        (bag(1), "1Z999AA10123456784", "the manifest gives no UPU S10 item identifier"),
        (bag(1, of="CNSHAAUSJFKAATN60002"), item("CP"), "it is not known what sub-class TN holds"),
    ],
)
def test_without_identifiers_no_class_is_compared(s9: str | None, number: str, reason: str) -> None:
    told = outcome({"A": s9}, [("A", number, None)])
    assert w.reasons_not_assessed(told, SUBCLASS) == {"P0": reason}


def test_a_parcel_without_a_carton_is_held_to_its_own_receptacle() -> None:
    row = {"parcel_id": "P", "tracking_number": item("EE"), "receptacle_id": bag(1)}
    told = receptacles_unlike_items(w.evidence(w.feed([row])), PARAMETERS)
    assert set(w.sentences(told, SUBCLASS)) == {"P"}
