"""Lists of what was not assessed: the same as sorting and grouping the texts."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.records import NOT_ASSESSED_SCHEMA
from parcelscope.screening.unchecked import in_order, not_assessed_lists

ROWS = st.lists(
    st.tuples(
        st.sampled_from(["P10", "P9", "ß", "\U0001f4e6", "", "p"]),
        st.sampled_from(["parcel", "carton"]),
        st.sampled_from(["U1", "U10", "U2", "é"]),
        st.sampled_from(["no value", "", "no {} scan", "\uffff"]),
    ),
    max_size=30,
)


MANY = 300
"""Repetitions after which a table of one row is no small one."""


def table(rows: list[tuple[str, str, str, str]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=NOT_ASSESSED_SCHEMA, orient="row")


@given(ROWS)
def test_rows_come_in_the_order_of_their_texts(rows: list[tuple[str, str, str, str]]) -> None:
    expected = table(rows).sort("owner_kind", "owner_id", "check", "reason")
    assert in_order(table(rows)).equals(expected)


@given(ROWS)
def test_each_owner_is_told_what_was_not_checked(rows: list[tuple[str, str, str, str]]) -> None:
    found = not_assessed_lists(table(rows), ["U1", "é"])
    told: dict[str, set[tuple[str, str]]] = {}
    for owner, _, check, reason in rows:
        told.setdefault(owner, set()).add((check, reason))
    assert found["owner_id"].to_list() == sorted(told, key=lambda name: name.encode())
    for owner, texts, missed in found.iter_rows():
        ordered = sorted(told[owner], key=lambda pair: (pair[0].encode(), pair[1].encode()))
        assert texts == [f"{check}: {reason}" for check, reason in ordered]
        assert missed == len({check for check, _ in ordered} & {"U1", "é"})


@pytest.mark.parametrize("reason", ["no value", ""])
def test_a_long_table_is_ordered_like_a_short_one(reason: str) -> None:
    few = [("P2", "parcel", "U1", reason), ("P10", "carton", "U2", "é"), ("ß", "parcel", "U1", "")]
    short, long = table(few), table(few * MANY)
    assert in_order(long).unique(maintain_order=True).equals(in_order(short))
    assert not_assessed_lists(long, ["U1"]).equals(not_assessed_lists(short, ["U1"]))
