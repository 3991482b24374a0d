"""Names are compared without what says nothing of who is meant."""

from typing import Any

import polars as pl
import pytest
from rapidfuzz import fuzz

from parcelscope.screening.entity_names import compared_name, resembling


def compared(*names: str | None) -> list[Any]:
    frame = pl.DataFrame({"name": names}, schema={"name": pl.String})
    return frame.select(compared_name(pl.col("name"))).to_series().to_list()


@pytest.mark.parametrize(
    ("name", "as_compared"),
    [
        pytest.param("ABC Textiles Co., Ltd.", "abc textiles", id="legal form"),
        pytest.param("Ltd. ABC  TEXTILES", "abc textiles", id="order and case"),
        pytest.param("Société Générale S.A.", "generale societe", id="accents, dotted form"),
        pytest.param("Großhandel GmbH", "grosshandel", id="sharp s"),
        pytest.param("O'Brien", "obrien", id="apostrophe"),
        pytest.param("O\u2019Brien", "obrien", id="typographic apostrophe"),
        pytest.param("The Company", "company the", id="nothing else is left"),
        pytest.param("新疆 公司", "公司 新疆", id="another script"),
        pytest.param(" - ", None, id="no letter"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_a_name_is_reduced_to_what_tells_it_apart(name: str | None, as_compared: str) -> None:
    assert compared(name) == [as_compared]


def pairs(names: list[str], listed: list[str], least: float = 88.0) -> set[tuple[str, str]]:
    told = resembling(pl.Series(names), pl.Series(listed), least=least)
    return set(told.select("name", "listed").iter_rows())


LISTED = ["hoshine industry silicon", "aksu huafu textiles", "trading", "li wei"]


@pytest.mark.parametrize(
    ("name", "met"),
    [
        pytest.param("hoshine industry silicon", "hoshine industry silicon", id="the same"),
        pytest.param("hoshine industri silicon", "hoshine industry silicon", id="a letter off"),
        pytest.param("aksu huafu textile", "aksu huafu textiles", id="a letter short"),
        pytest.param("asku huafu textiles", "aksu huafu textiles", id="two letters swapped"),
        pytest.param("aksu flowers", None, id="one word in common"),
        pytest.param("bee honey", None, id="nothing in common"),
    ],
)
def test_names_that_differ_by_little_are_found(name: str, met: str | None) -> None:
    assert pairs([name], LISTED) == (set() if met is None else {(name, met)})


def test_a_name_of_words_that_half_the_list_has_is_found_when_it_is_the_same() -> None:
    listed = [f"trading {number:04d}" for number in range(500)]
    assert pairs(["global trading"], [*listed, "global trading"]) == {
        ("global trading", "global trading")
    }


def test_no_pair_comes_twice_and_none_of_no_names() -> None:
    told = resembling(pl.Series(["aksu huafu textiles"]), pl.Series(LISTED), least=80)
    assert told.height == 1
    empty = resembling(pl.Series([], dtype=pl.String), pl.Series(LISTED), least=80)
    assert empty.columns == ["name", "listed", "similarity"]
    assert empty.is_empty()


def test_blocking_loses_few_of_the_pairs_that_a_comparison_of_all_finds() -> None:
    firsts = ("aurora", "borealis", "cascade", "delta", "ember")
    seconds = ("cotton", "farming", "polymer", "solar")
    listed = compared(*(f"{a} {b} {c}" for a in firsts for b in seconds for c in ("gr", "works")))
    spots = (0, 3, 9, -2)
    names = compared(*(name[:k] + "x" + name[k:][1:] for name in listed for k in spots))
    everything = {
        (name, entry)
        for name in names
        for entry in listed
        if fuzz.token_sort_ratio(name, entry) >= 90
    }
    found = pairs(names, listed, 90)
    assert found <= everything
    assert len(found) >= 0.99 * len(everything)
