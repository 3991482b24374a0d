"""Names and addresses as they are compared."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.screening import windows as w

from parcelscope.screening.parties import alike, compared_address, components, parties


def party(**columns: str | None) -> tuple[str | None, str | None]:
    rows = w.feed([{"parcel_id": "P", **{f"consignee_{k}": v for k, v in columns.items()}}])
    return parties(rows.parcels, "consignee").row(0)[1:]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("12 Main Street", "12 MAIN ST.", id="short forms"),
        pytest.param("12 Main St", "Main St 12", id="number first or last"),
        pytest.param("Hauptstraße 7", "Hauptstrasse  7", id="sharp s"),
        pytest.param("Café Lane, Apt 4", "Cafe Ln Apartment 4", id="accents and units"),
        pytest.param("1 North East Avenue", "1 N E Ave", id="neighbouring words"),
    ],
)
def test_one_address_in_two_spellings(one: str, other: str) -> None:
    both = pl.select(compared_address(pl.lit(pl.Series([one, other])))).to_series()
    assert both[0] == both[1]


@pytest.mark.parametrize("nothing", ["", " ", " - ", None])
def test_an_address_without_a_word_is_none(nothing: str | None) -> None:
    assert pl.select(compared_address(pl.lit(nothing, pl.String))).item() is None


def test_a_party_is_a_name_and_a_place() -> None:
    home = {"address": "12 Main St", "postcode": "10001-1234", "country": "us", "city": "New York"}
    name, address = party(name="Mr. John Smith", **home)
    assert (name, address) == party(name="SMITH, John", **home | {"postcode": "10001"})
    assert address != party(name="John Smith", **home | {"postcode": "10002"})[1]
    assert party(name="John Smith", postcode="10001") == ("john smith", None)
    assert party(address="12 Main St")[0] is None


def test_a_name_of_many_words_or_of_titles_alone_is_kept() -> None:
    assert party(name="Anna Maria van der Berg")[0] == "anna berg der maria van"
    assert party(name="Dr. Mrs")[0] == "dr mrs"


def test_names_that_differ_by_a_letter_are_one_at_one_address_only() -> None:
    groups = pl.DataFrame(
        {
            "address": ["a", "a", "a", "b"],
            "name": ["john smith", "john smithe", "li wei", "john smyth"],
        }
    )
    found = alike(groups, "address", "name", least=90).sort("address", "name")
    assert found["entity"].to_list() == ["john smith", "john smith", "li wei", "john smyth"]


def test_a_crowd_at_one_address_is_compared_with_its_neighbours() -> None:
    names = [f"person {n:04}x{n * 7919 % 10007:05}" for n in range(3000)]
    groups = pl.DataFrame({"address": ["a"] * 3001, "name": [*names, names[17] + "h"]})
    found = alike(groups, "address", "name", least=99)
    assert found.filter(pl.col("name") == names[17] + "h")["entity"].to_list() == [names[17] + "h"]
    near = alike(groups, "address", "name", least=95)
    assert near.filter(pl.col("name") == names[17] + "h")["entity"].to_list() == [names[17]]


@given(st.integers(1, 30), st.data())
def test_components_are_those_of_a_search(nodes: int, data: st.DataObject) -> None:
    node = st.integers(0, nodes - 1)
    edges = data.draw(st.lists(st.tuples(node, node), max_size=40))
    one = np.array([a for a, _ in edges], np.int64)
    other = np.array([b for _, b in edges], np.int64)
    label = components(one, other, nodes)
    near: dict[int, set[int]] = {n: {n} for n in range(nodes)}
    for a, b in edges:
        joined = near[a] | near[b]
        for n in joined:
            near[n] = joined
    assert label.tolist() == [min(near[n]) for n in range(nodes)]
