"""U6: numbers used more than once, in a window and across windows."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.screening import windows as w

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.sightings import SIGHTING_SCHEMA, Earlier, digests
from parcelscope.screening.indicators.evidence import Evidence, Outcome
from parcelscope.screening.indicators.reuse import numbers_used_again
from parcelscope.screening.numbers_seen import sightings

REUSE = w.parameters("reuse")
NUMBER = "RB123456785GB"
TODAY = date(2026, 11, 22)
ARRIVED = datetime(2026, 11, 20, 9, tzinfo=UTC)


def row(parcel_id: str, **columns: Any) -> Mapping[str, Any]:
    usual = {"tracking_number": NUMBER, "facility": "JFK", "arrived_at": ARRIVED}
    return {"parcel_id": parcel_id, "entry_number": "ABC-1234567-8", **usual, **columns}


def days_before(days: int) -> datetime:
    return ARRIVED - timedelta(days=days)


def seen_again(now: Feed, *before: Feed) -> Outcome:
    """What is said of `now` after `before`, from the sightings that these leave."""
    earlier = pl.concat(
        [pl.DataFrame(schema=SIGHTING_SCHEMA), *(sightings(one, TODAY) for one in before)]
    )
    of = w.evidence(now)
    return numbers_used_again(
        Evidence(
            feed=of.feed,
            findings=of.findings,
            not_assessed=of.not_assessed,
            earlier=Earlier(sightings=earlier, today=TODAY),
        ),
        REUSE,
    )


def test_one_tracking_number_on_two_rows_fires_on_both() -> None:
    of = w.feed(
        [
            {"parcel_id": "A", "tracking_number": "RB123456785GB", "entry_number": "E1"},
            {"parcel_id": "B", "tracking_number": "rb 123456785 gb", "entry_number": "E2"},
            {"parcel_id": "C", "tracking_number": "RR473124829GB", "entry_number": "E3"},
        ]
    )
    outcome = numbers_used_again(w.evidence(of), REUSE)
    assert w.sentences(outcome, "U6.reuse") == {
        "A": "Tracking number RB123456785GB stands on 2 parcel rows; the manifest should list it "
        "once.",
        "B": "Tracking number rb 123456785 gb stands on 2 parcel rows; the manifest should list it "
        "once.",
    }
    assert w.sentences(outcome, "U6.entries") == {
        "A": "Tracking number RB123456785GB stands under 2 entry numbers; one is expected.",
        "B": "Tracking number rb 123456785 gb stands under 2 entry numbers; one is expected.",
    }
    assert w.ratio(outcome, "U6.reuse", "A") == pytest.approx(20)


def test_tracking_numbers_used_once_are_silent() -> None:
    of = w.feed(
        [
            {"parcel_id": "A", "tracking_number": "RB123456785GB", "entry_number": "E1"},
            {"parcel_id": "B", "tracking_number": "RR473124829GB", "entry_number": "E1"},
        ]
    )
    outcome = numbers_used_again(w.evidence(of), REUSE)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_rows_without_a_tracking_number_are_not_assessed_and_not_alike() -> None:
    of = w.feed([{"parcel_id": "A"}, {"parcel_id": "B", "tracking_number": " - "}])
    outcome = numbers_used_again(w.evidence(of), REUSE)
    assert outcome.findings.is_empty()
    assert set(w.reasons_not_assessed(outcome, "U6.reuse")) == {"A", "B"}
    assert set(w.reasons_not_assessed(outcome, "U6.entries")) == {"A", "B"}


def test_a_number_of_an_earlier_window_is_named_with_its_day_and_facility() -> None:
    outcome = seen_again(
        w.feed([row("NEW")]), w.feed([row("OLD", arrived_at=days_before(45), facility="ORD")])
    )
    assert w.sentences(outcome, "U6.reuse") == {
        "NEW": "Tracking number RB123456785GB was seen on another parcel, on 2026-10-06 at ORD, "
        "45 days earlier; it must not be used again within 365 days."
    }
    finding = outcome.findings.row(0, named=True)
    assert (finding["observed"], finding["expected"], finding["unit"]) == (2.0, 1.0, "uses")
    assert w.sentences(outcome, "U6.entries") == {}


def test_several_sightings_name_the_nearest() -> None:
    before = [w.feed([row(f"OLD{d}", arrived_at=days_before(d))]) for d in (300, 20, 100)]
    outcome = seen_again(w.feed([row("NEW")]), *before)
    assert w.sentences(outcome, "U6.reuse")["NEW"] == (
        "Tracking number RB123456785GB was seen 3 times on other parcels, the nearest on "
        "2026-10-31 at JFK, 20 days earlier; it must not be used again within 365 days."
    )


def test_the_ratio_rises_with_uses_and_falls_with_the_days_between() -> None:
    def ratio(*days: int) -> float:
        before = [w.feed([row(f"OLD{d}", arrived_at=days_before(d))]) for d in days]
        return w.ratio(seen_again(w.feed([row("NEW")]), *before), "U6.reuse", "NEW")

    assert ratio(30) == pytest.approx(20)
    assert ratio(30, 60, 90) > ratio(30)
    assert ratio(30) > ratio(340) > ratio(360) > 1


@pytest.mark.parametrize(
    ("old", "fires"),
    [
        pytest.param({"arrived_at": days_before(364)}, True, id="just inside"),
        pytest.param({"arrived_at": days_before(365)}, False, id="just outside"),
        pytest.param({"arrived_at": days_before(-30)}, True, id="recorded before, arrived later"),
        pytest.param({"arrived_at": None}, True, id="undated: the day of the run"),
        pytest.param({"tracking_number": "RR473124829GB"}, False, id="another number"),
        pytest.param({"tracking_number": None}, False, id="no number"),
    ],
)
def test_what_counts_as_a_re_use(old: Mapping[str, Any], fires: bool) -> None:
    outcome = seen_again(w.feed([row("NEW")]), w.feed([row("OLD", **old)]))
    assert (w.sentences(outcome, "U6.reuse") != {}) == fires


@pytest.mark.parametrize(
    "now",
    [
        pytest.param({}, id="the same row in an overlapping feed"),
        pytest.param({"arrived_at": days_before(-3)}, id="its arrival corrected by days"),
        pytest.param({"arrived_at": None}, id="its arrival not known any more"),
        pytest.param({"description": "other"}, id="another description"),
    ],
)
def test_a_parcel_is_not_its_own_predecessor(now: Mapping[str, Any]) -> None:
    outcome = seen_again(w.feed([row("P", **now)]), w.feed([row("P")]))
    assert outcome.findings.is_empty()


def test_an_id_and_number_that_come_back_months_later_are_a_re_use() -> None:
    outcome = seen_again(w.feed([row("P")]), w.feed([row("P", arrived_at=days_before(90))]))
    assert list(w.sentences(outcome, "U6.reuse")) == ["P"]


def test_a_parcel_on_its_way_from_another_facility_is_not_assessed() -> None:
    outcome = seen_again(
        w.feed([row("P", facility="ORD")]), w.feed([row("Q", arrived_at=days_before(4))])
    )
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U6.reuse") == {
        "P": "the tracking number was seen at JFK on 2026-11-16; it may be the same parcel on its"
        " way"
    }


def test_one_parcel_under_another_entry_in_an_earlier_window_has_two_entries() -> None:
    outcome = seen_again(w.feed([row("P")]), w.feed([row("P", entry_number="ABC-7654321-0")]))
    assert w.sentences(outcome, "U6.entries") == {
        "P": "Tracking number RB123456785GB stands under 2 entry numbers, 1 of them in earlier"
        " windows; one is expected."
    }
    assert w.sentences(outcome, "U6.reuse") == {}


def test_the_entries_of_another_parcel_are_not_added_up() -> None:
    outcome = seen_again(
        w.feed([row("P")]),
        w.feed([row("Q", entry_number="ABC-7654321-0", arrived_at=days_before(60))]),
    )
    assert w.sentences(outcome, "U6.entries") == {}


def test_a_seal_is_used_once_in_a_window_and_across_windows() -> None:
    def sealed(*ids: str, days: int = 0) -> Feed:
        return w.feed(
            [row(f"P-{i}", carton_id=i, arrived_at=days_before(days)) for i in ids],
            [{"carton_id": i, "seal_id": "CN-0012345", "facility": "JFK"} for i in ids],
        )

    outcome = seen_again(sealed("C1", "C2"), sealed("C0", days=50))
    assert w.sentences(outcome, "U6.seal")["C1"] == (
        "Seal number CN-0012345 stands on 2 carton rows; the manifest should list it once, and was"
        " seen on another carton, on 2026-10-01 at JFK, 50 days earlier; it must not be used again"
        " within 365 days."
    )
    assert seen_again(sealed("C1"), sealed("C1")).findings.is_empty()
    unsealed = numbers_used_again(w.evidence(w.feed([], [{"carton_id": "C"}])), REUSE)
    assert w.reasons_not_assessed(unsealed, "U6.seal") == {"C": "the manifest gives no seal number"}


def test_short_numbers_are_no_link_between_windows() -> None:
    old, new = w.feed([row("A", tracking_number="17")]), w.feed([row("B", tracking_number="17")])
    assert sightings(old, TODAY).is_empty()
    assert seen_again(new, old).findings.is_empty()


def test_a_digest_stays_the_same_between_releases_and_tells_kinds_apart() -> None:
    numbers = pl.Series([NUMBER, None, "17"])
    assert digests(numbers, "tracking").to_list() == [1741936131454730009, None, None]
    assert digests(numbers, "seal")[0] != digests(numbers, "tracking")[0]


@settings(max_examples=20)
@given(st.permutations(range(6)))
def test_the_order_of_rows_changes_nothing(order: list[int]) -> None:
    rows = [
        row(f"P{n}", tracking_number=NUMBER if n % 2 else f"RR47312482{n}GB", facility="JFK")
        for n in range(6)
    ]
    before = w.feed([row("OLD", arrived_at=days_before(200)), row("OLD2", facility="ORD")])
    straight = seen_again(w.feed(rows), before)
    mixed = seen_again(w.feed([rows[n] for n in order]), before)
    by = ["owner_id", "code"]
    assert mixed.findings.sort(by).equals(straight.findings.sort(by))
