"""U10: clusters of names, addresses and lines, against what the window usually shows."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.screening import windows as w

from parcelscope.screening.indicators.address_clusters import address_clusters
from parcelscope.screening.indicators.evidence import Outcome

CLUSTERS = w.parameters("address clusters")
DAY = datetime(2026, 11, 20, tzinfo=UTC)
FIRST = ("anna", "bruno", "carla", "david", "elena", "felix", "greta", "henry", "irene", "jonas")


def row(parcel_id: str, **columns: Any) -> Mapping[str, Any]:
    return {
        "parcel_id": parcel_id,
        "consignee_name": "Rare Name",
        "consignee_address": "1 First St",
        "consignee_postcode": "10001",
        "consignee_country": "US",
        "arrived_at": DAY,
        **columns,
    }


def household(n: int) -> Mapping[str, Any]:
    """A parcel for somebody of their own at an address of their own."""
    return row(
        f"H{n:04}",
        consignee_name=f"{FIRST[n % 10]} {FIRST[n // 10 % 10]}{n}",
        consignee_address=f"{n} Quiet Road",
        shipper_name=f"Shop {n}",
        description="mug",
        value=5.0 + n,
        currency="USD",
    )


USUAL = [household(n) for n in range(1200)]


def said(rows: Sequence[Mapping[str, Any]]) -> Outcome:
    return address_clusters(w.evidence(w.feed([*USUAL, *rows])), CLUSTERS)


def test_a_window_of_households_is_silent() -> None:
    outcome = said([])
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_many_names_at_one_address_are_told_with_what_is_usual() -> None:
    crowd = [row(f"C{n}", consignee_name=f"{FIRST[n]} crowd{n}{n}") for n in range(8)]
    told = w.sentences(said(crowd), "U10.names")
    assert set(told) == {f"C{n}" for n in range(8)}
    assert told["C0"] == (
        'The address "1 First St" stands for 8 different consignee names in this window; 1 is'
        " usual."
    )


def test_spellings_of_one_name_are_no_crowd() -> None:
    spelt = ["Maximilian Vandenberg" + "eghmnr"[n] * (n > 0) for n in range(6)]
    same = [row(f"C{n}", consignee_name=name) for n, name in enumerate(spelt)]
    assert w.sentences(said(same), "U10.names") == {}


def test_one_rare_name_at_many_addresses_is_told() -> None:
    many = [row(f"C{n}", consignee_address=f"{n} {FIRST[n]}{n} Lane") for n in range(9)]
    told = w.sentences(said(many), "U10.addresses")
    assert told["C3"] == (
        'The consignee name "Rare Name" stands at 9 addresses in this window; 1 is usual.'
    )


def test_a_common_name_lives_at_many_addresses() -> None:
    def person(name: str, n: int) -> Mapping[str, Any]:
        return row(f"{name}{n}", consignee_name=name, consignee_address=f"{n} {name} Lane {n * n}")

    # Half of all are called John, half Smith: John Smith is what chance makes of them.
    johns = [person(f"John {FIRST[n % 10]}{n}x", n) for n in range(400)]
    smiths = [person(f"{FIRST[n % 10]}{n}y Smith", n) for n in range(400)]
    both = [person("John Smith", n) for n in range(20)]
    assert w.sentences(said([*johns, *smiths, *both]), "U10.addresses") == {}
    assert len(w.sentences(said(both), "U10.addresses")) == 20


def test_consignees_joined_by_addresses_and_rare_names_are_one_cluster() -> None:
    # A chain: each address has two names, each name two addresses.
    chain = [
        row(
            f"C{n}-{k}",
            consignee_name=f"{FIRST[(n + k) % 10]} ring{n + k:02}q",
            consignee_address=f"{n} {FIRST[n % 10]} Court {n * 31}",
        )
        for n in range(10)
        for k in range(2)
    ]
    told = w.sentences(said(chain), "U10.cluster")
    assert set(told) == {one["parcel_id"] for one in chain}
    assert told["C0-0"] == (
        "This consignee is one of 20 that share addresses or rare names: 11 names and 10 addresses;"
        " 1 is usual."
    )


def test_one_line_split_over_many_consignees_is_told() -> None:
    split = [
        {
            **household(5000 + n),
            "shipper_name": "Bulk Ltd",
            "description": "Wrist watch!",
            "value": 790.0,
        }
        for n in range(11)
    ]
    told = w.sentences(said(split), "U10.split")
    assert told["H5000"] == (
        'The line "wrist watch" at 790 USD goes from one shipper to 11 consignees on 2026-11-20; 1'
        " is usual."
    )


def test_what_everybody_orders_is_usual() -> None:
    popular = [{**household(6000 + n), "shipper_name": "Shop", "value": 4.99} for n in range(900)]
    assert w.sentences(said(popular), "U10.split") == {}


@pytest.mark.parametrize("place", ["Packstation 145", "c/o Parcel Locker 7", "UPS Store 12"])
def test_places_where_many_names_are_usual_are_not_assessed(place: str) -> None:
    crowd = [
        row(f"C{n}", consignee_name=f"{FIRST[n]} crowd{n}{n}", consignee_address=place)
        for n in range(8)
    ]
    outcome = said(crowd)
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U10.names") == {
        f"C{n}": "listed as a hub, where many names are usual" for n in range(8)
    }


def test_without_a_name_or_an_address_nothing_is_compared() -> None:
    outcome = said([row("N", consignee_name=None), row("A", consignee_address=None)])
    assert w.reasons_not_assessed(outcome, "U10.names") == {
        "N": "the manifest gives no consignee name",
        "A": "the manifest gives no consignee address",
    }
    assert set(w.reasons_not_assessed(outcome, "U10.split")) == {"N", "A"}


@settings(max_examples=5)
@given(st.permutations(range(16)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    rows = [
        row(f"C{n}", consignee_name=f"{FIRST[n % 10]} crowd{n}{n}", consignee_address="1 First St")
        for n in range(16)
    ]
    by = ["owner_id", "code"]
    straight = address_clusters(w.evidence(w.feed(rows)), CLUSTERS).findings.sort(by)
    mixed = address_clusters(w.evidence(w.feed([rows[n] for n in order])), CLUSTERS)
    assert mixed.findings.sort(by).equals(straight)
