"""U9: a consignee's day, and addresses at which nobody is found."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.screening import windows as w

from parcelscope.screening.exchange_rates import EXCHANGE_RATES
from parcelscope.screening.indicators.consignee_days import (
    consignee_days,
    undeliverable_addresses,
)
from parcelscope.screening.indicators.evidence import Evidence, Outcome
from parcelscope.screening.policy import PolicyConfig, load_policies
from parcelscope.screening.standing import Standing

DAYS = w.parameters("consignee days")
ADDRESSES = w.parameters("consignee addresses")
UNDER_LIMIT = datetime(2025, 5, 1, 15, tzinfo=UTC)
AFTERWARDS = datetime(2026, 11, 20, 15, tzinfo=UTC)
POLICIES = load_policies(PolicyConfig())


def row(parcel_id: str, **columns: Any) -> Mapping[str, Any]:
    return {
        "parcel_id": parcel_id,
        "consignee_name": "John Smith",
        "consignee_address": "12 Main St",
        "consignee_postcode": "10001",
        "consignee_country": "US",
        "arrived_at": UNDER_LIMIT,
        "value": 500.0,
        "currency": "USD",
        **columns,
    }


def said(*rows: Mapping[str, Any], rates: pl.DataFrame | None = None) -> Outcome:
    of = w.evidence(w.feed(rows))
    standing = (
        Standing(policies=POLICIES) if rates is None else Standing(policies=POLICIES, rates=rates)
    )
    return consignee_days(
        Evidence(
            feed=of.feed, findings=of.findings, not_assessed=of.not_assessed, standing=standing
        ),
        DAYS,
    )


def test_a_day_over_the_limit_of_its_law_is_told_on_every_parcel() -> None:
    outcome = said(row("A"), row("B", consignee_name="Mr. SMITH, JOHN", value=400))
    assert w.sentences(outcome, "U9.day") == dict.fromkeys(
        ("A", "B"),
        "This consignee's 2 parcels of 2025-05-01 are declared at 900 USD together; the limit of"
        " us-2019-t86 is 800 USD.",
    )
    finding = outcome.findings.row(0, named=True)
    assert (finding["observed"], finding["expected"], finding["unit"]) == (900.0, 800.0, "USD")
    assert outcome.not_assessed.is_empty()


def test_where_the_law_has_no_limit_the_facilitys_own_line_is_named_as_such() -> None:
    outcome = said(row("A", arrived_at=AFTERWARDS), row("B", arrived_at=AFTERWARDS))
    assert w.sentences(outcome, "U9.day")["A"].endswith("; sums from 800 USD are looked at.")


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"value": 300.0}, id="just at the limit"),
        pytest.param({"arrived_at": datetime(2025, 5, 2, 15, tzinfo=UTC)}, id="another day"),
        pytest.param({"consignee_name": "Li Wei"}, id="another name"),
        pytest.param({"consignee_address": "14 Main St"}, id="another address"),
        pytest.param({"consignee_postcode": "10002"}, id="another postcode"),
    ],
)
def test_other_days_and_consignees_are_not_added_up(other: Mapping[str, Any]) -> None:
    outcome = said(row("A"), row("B", **other))
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_a_single_parcel_is_not_an_aggregation() -> None:
    assert said(row("A", value=5000)).findings.is_empty()


def test_the_ratio_rises_with_the_sum() -> None:
    ratios = [w.ratio(said(row("A", value=v), row("B")), "U9.day", "A") for v in (400, 900, 4000)]
    assert ratios == sorted(ratios)
    assert ratios[0] < ratios[-1] == pytest.approx(15)


def test_mixed_currencies_without_a_rate_are_not_assessed() -> None:
    outcome = said(row("A"), row("B", currency="EUR"))
    assert outcome.findings.is_empty()
    assert set(w.reasons_not_assessed(outcome, "U9.day").values()) == {
        "values of this consignee's day are in several currencies, and no rate of the day is known"
    }


def test_mixed_currencies_with_a_rate_are_added_up() -> None:
    rates = pl.DataFrame(
        [(date(2025, 4, 30), "EUR", "USD", 1.1, "bank")],
        schema=EXCHANGE_RATES.names,
        orient="row",
    )
    outcome = said(row("A"), row("B", currency="EUR"), rates=rates)
    assert "declared at 1050 USD together" in w.sentences(outcome, "U9.day")["A"]


def test_what_is_known_may_be_enough() -> None:
    outcome = said(row("A"), row("B"), row("C", value=None))
    assert "declared at at least 1000 USD" in w.sentences(outcome, "U9.day")["A"]
    silent = said(row("A"), row("C", value=None))
    assert set(w.reasons_not_assessed(silent, "U9.day").values()) == {
        "1 parcel of this consignee's day without a value in USD"
    }


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("consignee_name", "the manifest gives no consignee name"),
        ("consignee_address", "the manifest gives no consignee address"),
        ("arrived_at", "the manifest gives no day of arrival"),
    ],
)
def test_what_is_missing_is_not_assessed(missing: str, reason: str) -> None:
    assert w.reasons_not_assessed(said(row("A", **{missing: None})), "U9.day") == {"A": reason}


@settings(max_examples=10)
@given(st.permutations(range(7)))
def test_sums_do_not_depend_on_the_order_of_rows(order: list[int]) -> None:
    rows = [row(f"P{n}", value=0.1 + n * 133.37) for n in range(7)]
    straight, mixed = said(*rows), said(*(rows[n] for n in order))
    assert mixed.findings.sort("owner_id").equals(straight.findings.sort("owner_id"))


def address(street: str | None, **columns: Any) -> dict[str, str]:
    of = w.feed([row("P", consignee_address=street, **columns)])
    return w.sentences(undeliverable_addresses(w.evidence(of), ADDRESSES), "U9.address")


@pytest.mark.parametrize(
    ("street", "columns", "says"),
    [
        pytest.param("Same as above", {}, "is no address", id="placeholder"),
        pytest.param("xxx", {}, "is no address", id="crosses"),
        pytest.param("000", {}, "is no address", id="digits alone"),
        pytest.param("Main Street", {}, "has no number", id="no number"),
        pytest.param(
            "P.O. Box 123",
            {"channel": "express"},
            "is a post office box alone, and comes to the door",
            id="box by courier",
        ),
        pytest.param(
            "12 Main St",
            {"consignee_postcode": "ABC"},
            "goes with the postcode ABC, which US has not the form of",
            id="postcode",
        ),
    ],
)
def test_signs_that_nobody_is_there(street: str, columns: Mapping[str, Any], says: str) -> None:
    told = address(street, **columns)["P"]
    assert told == (
        f'The consignee address "{street}" {says}; a parcel may not find anybody there.'
    )


@pytest.mark.parametrize(
    ("street", "columns"),
    [
        pytest.param("12 Main St", {}, id="usual"),
        pytest.param("PO Box 123", {"channel": "mail"}, id="box by mail"),
        pytest.param("Al Wasl Road", {"consignee_country": "AE"}, id="no numbers there"),
        pytest.param("12 Main St", {"consignee_postcode": "10001-1234"}, id="long ZIP code"),
        pytest.param("12 Main St", {"consignee_postcode": None}, id="no postcode"),
        pytest.param("1-2-3 \u9280\u5ea7", {"consignee_country": "JP"}, id="Japanese"),
    ],
)
def test_addresses_without_a_sign(street: str, columns: Mapping[str, Any]) -> None:
    assert address(street, **columns) == {}


def test_no_address_is_not_assessed() -> None:
    outcome = undeliverable_addresses(
        w.evidence(w.feed([row("P", consignee_address=" ")])), ADDRESSES
    )
    assert w.reasons_not_assessed(outcome, "U9.address") == {
        "P": "the manifest gives no consignee address"
    }
