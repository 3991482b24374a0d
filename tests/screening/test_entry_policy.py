"""P.entry and P.elements: what the analyst is told of the law of the day."""

from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from tests.screening import policies as p
from tests.screening import windows as w
from tests.screening.test_policy_verdicts import FULL

from parcelscope.screening.config import Grades, load_screening_config
from parcelscope.screening.indicators.entry_policy import (
    ELEMENTS,
    ENTRY,
    EntryPolicyParameters,
    policy_departures,
)
from parcelscope.screening.indicators.evidence import Evidence, Outcome
from parcelscope.screening.standing import Standing, load_standing

PARAMETERS = EntryPolicyParameters(
    limit=Grades(at=(1, 3), likelihood_ratio=(1.5, 2.5)),
    notable=1.2,
    missing=Grades(at=(1, 4), likelihood_ratio=(1.5, 3.0)),
)


def outcome(*rows: dict[str, Any], day: str = "2024-01-01") -> Outcome:
    known = [
        {**FULL, "parcel_id": f"P{n}", "arrived_at": p.noon(day), **row}
        for n, row in enumerate(rows)
    ]
    of = replace(w.evidence(w.feed(known)), standing=Standing(policies=p.US))
    return policy_departures(of, PARAMETERS)


def test_a_value_above_the_limit_is_told_with_both_citations() -> None:
    told = outcome({"value": 900.0})
    assert w.sentences(told, ENTRY)["P0"] == (
        "The value of 900 USD exceeds the 800 USD per shipment of the low-value exemption"
        " (19 U.S.C. 1321(a)(2)(C); 19 CFR 10.151); under policy us-2019-t86 version 1 on"
        " 2024-01-01 it takes an informal entry (19 CFR 143.21; not checked against its source)."
    )
    finding = told.findings.row(0, named=True)
    assert (finding["observed"], finding["expected"], finding["unit"]) == (900.0, 800.0, "USD")
    assert 1.5 < finding["likelihood_ratio"] < 2.5


def test_a_limit_is_told_of_where_the_entry_is_not_known() -> None:
    told = outcome({"value": 900.0, "channel": None})
    assert w.sentences(told, ENTRY)["P0"].endswith(
        "; 19 CFR 10.151) under policy us-2019-t86 version 1 on 2024-01-01."
    )
    assert ENTRY not in told.not_assessed["check"].to_list()


def test_a_notable_path_is_told() -> None:
    told = outcome({"origin_country": "CN"}, day="2025-06-01")
    assert w.sentences(told, ENTRY)["P0"].startswith(
        "Under policy us-2019-t86 version 1 on 2025-06-01 it takes an entry with duty; goods of"
    )
    assert w.ratio(told, ENTRY, "P0") == 1.2


@pytest.mark.parametrize("day", ["2024-01-01", "2026-01-01", "2026-10-01"])
@pytest.mark.parametrize("channel", ["mail", "express"])
def test_a_parcel_within_the_law_of_its_day_is_silent(day: str, channel: str) -> None:
    told = outcome({"channel": channel}, day=day)
    assert told.findings.is_empty()
    assert told.not_assessed.is_empty()


def test_what_others_declare_and_this_one_does_not_is_told() -> None:
    told = outcome({"entry_number": None, "value": None}, {}, day="2026-01-01")
    assert w.sentences(told, ELEMENTS) == {
        "P0": "The manifest row does not declare entry number, value; policy us-2025-08 version 1"
        " on 2026-01-01 asks for it (EO 14324 (govinfo.gov, CDOC-119hdoc85); 19 CFR 128.21(a)"
        " (read at govregs.com))."
    }
    assert told.findings["observed"].to_list() == [2.0]
    assert told.findings["text"].to_list() == ["entry number, value"]


def test_what_nobody_declares_is_not_assessed() -> None:
    told = outcome({"entry_number": None}, {"entry_number": None}, day="2026-01-01")
    assert told.findings.is_empty()
    assert w.reasons_not_assessed(told, ELEMENTS)["P1"] == (
        "no row of this window that us-2025-08 asks for it declares entry number"
    )


def test_without_a_date_nothing_is_assessed() -> None:
    told = outcome({"arrived_at": None})
    assert told.findings.is_empty()
    for code in (ENTRY, ELEMENTS):
        assert w.reasons_not_assessed(told, code) == {"P0": "the manifest gives no arrived_at"}


def test_without_packs_nothing_is_assessed() -> None:
    of: Evidence = w.evidence(w.feed([{**FULL, "parcel_id": "P"}]))
    told = policy_departures(of, PARAMETERS)
    assert told.findings.is_empty()
    assert set(told.not_assessed["reason"]) == {"no policy packs were given"}


def test_the_configuration_that_ships_loads_its_standing_data() -> None:
    config = load_screening_config()
    standing = load_standing(config.policy, config.trader_tiers)
    assert [pack.name for pack in standing.policies.packs] == [
        "us-2019-t86",
        "us-2025-08",
        "us-2026-06",
    ]
    assert list(standing.digests) == ["policy packs of us"]
    assert standing.traders.is_empty()
    assert isinstance(standing.rates, pl.DataFrame)
