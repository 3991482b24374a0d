"""What the pack of its day says of a parcel."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from tests.screening import policies as p
from tests.screening import windows as w

from parcelscope.screening.policy import Policies
from parcelscope.screening.policy_verdicts import VERDICT_SCHEMA, policy_verdicts

FULL = {
    "tracking_number": "RB123456785GB",
    "house_bill": "H1",
    "entry_number": "XYZ-1234567-8",
    "shipper_name": "Shop",
    "shipper_address": "1 Road",
    "shipper_country": "DE",
    "consignee_name": "Ann",
    "consignee_address": "2 Street",
    "origin_country": "DE",
    "description": "cotton t-shirts",
    "hs_code": "6109.10.0012",
    "quantity": 2.0,
    "pieces": 1,
    "declared_weight_g": 300.0,
    "value": 54.0,
    "currency": "USD",
    "channel": "express",
}


def verdict(day: str | None, policies: Policies = p.US, **row: Any) -> dict[str, Any]:
    """The verdict on a parcel that declares everything, with these changes."""
    arrived = None if day is None else p.noon(day)
    feed = w.feed([{**FULL, "parcel_id": "P", "arrived_at": arrived, **row}])
    told = policy_verdicts(feed.parcels, policies)
    assert told.schema == VERDICT_SCHEMA
    return told.row(0, named=True)


@pytest.mark.parametrize(
    ("before", "after", "row", "codes", "cited"),
    [
        pytest.param(
            "2025-08-28",
            "2025-08-29",
            {},
            ("type-86", "no-exemption"),
            ("Entry Type 86 test notice", "EO 14324"),
            id="express at the suspension",
        ),
        pytest.param(
            "2025-08-28",
            "2025-08-29",
            {"channel": "mail"},
            ("mail-exempt", "mail-duty"),
            ("19 CFR 145.31", "EO 14324"),
            id="mail at the suspension",
        ),
        pytest.param(
            "2026-06-23",
            "2026-06-24",
            {"channel": "mail"},
            ("mail-duty", "mail-suspended"),
            ("EO 14388", "91 FR 37801"),
            id="mail at the interim final rules",
        ),
        pytest.param(
            "2026-06-23",
            "2026-06-24",
            {},
            ("no-exemption", "no-exemption"),
            ("EO 14324", "91 FR 37789"),
            id="express at the interim final rules",
        ),
        pytest.param(
            "2025-05-01",
            "2025-05-02",
            {"origin_country": "CN"},
            ("type-86", "china-hong-kong"),
            ("19 CFR 10.151", "EO 14256"),
            id="goods of China",
        ),
        pytest.param(
            "2026-07-23",
            "2026-07-24",
            {"channel": "mail"},
            ("mail-suspended", "postal-informal"),
            ("91 FR 37801", "91 FR 37801"),
            id="the postal entry",
        ),
    ],
)
def test_one_parcel_on_two_days_has_two_verdicts_each_with_its_citation(
    before: str, after: str, row: dict[str, Any], codes: tuple[str, str], cited: tuple[str, str]
) -> None:
    told = verdict(before, **row), verdict(after, **row)
    assert tuple(one["entry_code"] for one in told) == codes
    for one, citation in zip(told, cited, strict=True):
        assert citation in one["entry_citation"]
        assert one["entry_not_assessed"] is None
    assert (told[0]["pack"], told[0]["entry_citation"]) != (
        told[1]["pack"],
        told[1]["entry_citation"],
    )


def test_the_day_is_that_of_the_laws_own_time_zone() -> None:
    midnight = datetime(2025, 8, 29, 3, 59, tzinfo=UTC)  # 23:59 in New York on the 28th
    assert verdict("2025-08-29", arrived_at=midnight)["pack"] == "us-2019-t86"
    assert verdict("2025-08-29", arrived_at=midnight.replace(hour=4))["pack"] == "us-2025-08"


@pytest.mark.parametrize(
    ("value", "code", "entry"),
    [(800.0, None, "type-86"), (800.01, "exemption-per-shipment", "informal"),
     (2500.0, "exemption-per-shipment", "informal"),
     (2500.01, "exemption-per-shipment", "formal")],
)  # fmt: skip
def test_a_value_up_to_the_limit_is_within_it(value: float, code: str | None, entry: str) -> None:
    told = verdict("2024-01-01", value=value)
    assert (told["limit_code"], told["entry_code"]) == (code, entry)
    if code is not None:
        assert (told["limit_amount"], told["limit_value"], told["limit_currency"]) == (
            800,
            value,
            "USD",
        )
        assert "1321" in told["limit_citation"]


def test_a_path_without_a_type_has_none() -> None:
    assert verdict("2025-08-01", origin_country="HK")["entry_type"] is None
    assert verdict("2025-08-01")["entry_type"] == "86"


@pytest.mark.parametrize(
    ("day", "row", "why"),
    [
        pytest.param(None, {}, "the manifest gives no arrived_at", id="no date"),
        pytest.param(
            "2010-01-01", {}, "no policy pack of us holds on 2010-01-01", id="before any pack"
        ),
        pytest.param("2024-01-01", {"value": None}, "the manifest gives no value", id="no value"),
        pytest.param(
            "2024-01-01", {"currency": " "}, "the manifest gives no currency", id="no currency"
        ),
        pytest.param(
            "2024-01-01",
            {"currency": "EUR"},
            "the value is in EUR, the rule in USD, and there is no rate of the day",
            id="another currency",
        ),
        pytest.param(
            "2024-01-01", {"channel": None}, "the manifest gives no channel", id="no channel"
        ),
        pytest.param(
            "2024-01-01",
            {"channel": "pigeon"},
            "no entry rule of us-2019-t86 is about channel pigeon",
            id="another channel",
        ),
        pytest.param(
            "2025-06-01",
            {"origin_country": None},
            "the manifest gives no country of origin",
            id="no origin, where it decides",
        ),
    ],
)
def test_what_a_rule_asks_for_and_the_row_does_not_say_is_not_assessed(
    day: str | None, row: dict[str, Any], why: str
) -> None:
    told = verdict(day, **row)
    assert told["entry_not_assessed"] == why
    assert told["entry_code"] is None
    assert told["limit_code"] is None
    assert told["notable"] is None


def test_what_no_rule_asks_for_is_not_needed() -> None:
    # The exemption is suspended for every origin and value.
    told = verdict("2026-01-01", origin_country=None, value=None)
    assert told["entry_code"] == "no-exemption"


def test_one_test_that_fails_decides_whatever_else_is_not_known() -> None:
    # Above 800 USD the rule on China does not matter, so that its origin does not either.
    assert verdict("2025-06-01", origin_country=None, value=900.0)["entry_code"] == "informal"


@pytest.mark.parametrize(
    ("day", "row", "missing"),
    [
        pytest.param("2024-01-01", {}, [], id="all declared"),
        pytest.param(
            "2024-01-01",
            {"hs_code": "610910"},
            ["tariff number of 10 digits"],
            id="a tariff number too short",
        ),
        pytest.param(
            "2024-01-01", {"hs_code": None, "entry_number": None}, [], id="without Type 86"
        ),
        pytest.param("2026-01-01", {"entry_number": None}, ["entry number"], id="no entry"),
        pytest.param(
            "2026-01-01",
            {"shipper_name": "  ", "declared_weight_g": 0.0},
            ["shipper's name", "weight"],
            id="blank and nought",
        ),
        pytest.param(
            "2026-07-23", {"channel": "mail", "hs_code": "610910"}, [], id="mail a day before"
        ),
        pytest.param(
            "2026-07-24",
            {"channel": "mail", "hs_code": "610910"},
            ["tariff number of 10 digits"],
            id="mail of the day",
        ),
    ],
)
def test_elements_are_those_of_the_day(day: str, row: dict[str, Any], missing: list[str]) -> None:
    told = verdict(day, **row)
    assert told["missing"] == missing
    assert (told["elements_citation"] is not None) == bool(missing)
    assert told["elements_not_assessed"] is None


def test_what_no_row_declares_is_the_feeds_lack() -> None:
    rows = [
        {**FULL, "parcel_id": name, "arrived_at": p.noon("2026-01-01"), **row}
        for name, row in {
            "A": {"entry_number": None, "pieces": None},
            "B": {"pieces": None},
            # Mail has to declare pieces too, but under another rule.
            "C": {"channel": "mail", "pieces": 1},
        }.items()
    ]
    told = policy_verdicts(w.feed(rows).parcels, p.US).to_dicts()
    assert told[0]["missing"] == ["entry number", "pieces"]
    assert told[0]["unfilled"] == ["pieces"]
    assert told[1]["unfilled"] == ["pieces"]
    assert told[2]["missing"] == []


def test_a_channel_of_which_nothing_is_required_is_not_assessed(tmp_path: Path) -> None:
    elements = {
        "kind": "required_elements",
        "code": "list",
        "applies": {"channels": ["mail"]},
        "elements": [{"name": "value", "any_of": ["value"]}],
        "citation": "Law 1",
        "source_checked": True,
    }
    policies = p.loaded(tmp_path, p.pack(p.rule(), elements))
    why = "first requires no elements of channel express"
    assert verdict("2020-06-01", policies)["elements_not_assessed"] == why
    bare = p.loaded(tmp_path / "bare", p.pack())
    assert verdict("2020-06-01", bare)["elements_not_assessed"] == "first requires no elements"
    assert verdict("2020-06-01", bare)["entry"] == "some entry"


def test_any_day_can_be_asked_for() -> None:
    feed = w.feed([{**FULL, "parcel_id": "P"}])
    told = policy_verdicts(feed.parcels, p.US, on=date(2024, 1, 1))
    assert told["entry_code"].to_list() == ["type-86"]


ROWS = st.fixed_dictionaries(
    {
        "channel": st.sampled_from(["mail", "express", "cargo", " Mail ", "", None, "boat"]),
        "origin_country": st.sampled_from(["CN", "de", None, ""]),
        "value": st.none() | st.floats(0, 5000, allow_nan=False),
        "currency": st.sampled_from(["USD", "usd", "EUR", None]),
        "entry_number": st.sampled_from([None, "1"]),
        "arrived_at": st.none() | st.datetimes(datetime(2018, 1, 1), datetime(2028, 1, 1)),
    }
)


@settings(max_examples=40)
@given(st.lists(ROWS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_every_row_has_one_answer_in_any_order(rows: list[dict[str, Any]], random: Any) -> None:
    known = [
        {**FULL, **row, "parcel_id": f"P{n}",
         "arrived_at": row["arrived_at"] and row["arrived_at"].replace(tzinfo=UTC)}
        for n, row in enumerate(rows)
    ]  # fmt: skip
    told = policy_verdicts(w.feed(known).parcels, p.US)
    assert told["parcel_id"].to_list() == [row["parcel_id"] for row in known]
    answered = told["entry_code"].is_not_null()
    assert (answered ^ told["entry_not_assessed"].is_not_null()).all()
    assert told.filter(answered)["entry_citation"].null_count() == 0
    assert told.filter(pl.col("limit_code").is_not_null()).height <= told.height
    random.shuffle(known)
    again = policy_verdicts(w.feed(known).parcels, p.US)
    assert_frame_equal(told.sort("parcel_id"), again.sort("parcel_id"))


def test_an_empty_table_has_no_verdicts() -> None:
    assert policy_verdicts(w.feed().parcels, p.US).schema == VERDICT_SCHEMA
    nobody = Policies(jurisdiction="nowhere")
    assert verdict("2024-01-01", nobody)["pack"] is None


DAYS = ("2024-01-01", "2026-03-01", "2026-06-30", "2026-08-01")
CHANNELS = ("express", "mail", "cargo", "other", None)


def test_a_parcel_alone_is_judged_as_among_parcels_of_other_channels_and_days() -> None:
    rows = [
        {**FULL, "parcel_id": f"{day} {channel} {number}", "arrived_at": p.noon(day),
         "channel": channel, "entry_number": number, "origin_country": None, "hs_code": None}
        for day in DAYS
        for channel in CHANNELS
        for number in (None, "XYZ-1234567-8")
    ]  # fmt: skip
    together = policy_verdicts(w.feed(rows).parcels, p.US)
    alone = pl.concat([policy_verdicts(w.feed([row]).parcels, p.US) for row in rows])
    # What no row of the window declares depends on the window.
    assert_frame_equal(together.drop("unfilled"), alone.drop("unfilled"))
