"""U7: numbers of the carrier without an entry, and entries without a number."""

from collections.abc import Mapping, Sequence

import pytest
from tests.screening import windows as w

from parcelscope.screening.indicators.entry_match import (
    NO_ENTRY,
    NO_NUMBER,
    EntryMatchParameters,
    numbers_without_entry,
)
from parcelscope.screening.indicators.evidence import Outcome

PARAMETERS = EntryMatchParameters.model_validate(
    {
        "without_entry": {"at": [0.9, 0.99], "likelihood_ratio": [2, 8]},
        "without_number": {"at": [0.9, 0.99], "likelihood_ratio": [2, 8]},
        "min_rows": 20,
    }
)
Row = Mapping[str, object]


def rows(n: int, **values: object) -> list[Row]:
    full = {"tracking_number": "N", "entry_number": "E", "channel": "express", **values}
    return [
        {
            "parcel_id": f"P{values.get('channel', '')}{i}",
            **{name: f"{v}{i}" if v in ("N", "E") else v for name, v in full.items()},
        }
        for i in range(n)
    ]


def outcome(parcels: Sequence[Row]) -> Outcome:
    return numbers_without_entry(w.evidence(w.feed(parcels)), PARAMETERS)


def test_a_number_without_an_entry_is_told_where_nearly_all_have_one() -> None:
    odd = {"parcel_id": "ODD", "tracking_number": "RB 1", "channel": "express"}
    told = outcome([*rows(99), odd])
    assert w.sentences(told, NO_ENTRY) == {
        "ODD": "Number RB 1 has no customs entry; 99 % of comparable rows have one."
    }
    assert w.ratio(told, NO_ENTRY, "ODD") == pytest.approx(8)
    assert w.reasons_not_assessed(told, NO_NUMBER) == {"ODD": "the manifest gives no entry number"}


def test_an_entry_without_a_number_is_told_and_a_house_bill_is_a_number() -> None:
    odd = {"parcel_id": "ODD", "entry_number": "XYZ-1", "channel": "express"}
    told = outcome([*rows(99), odd])
    assert w.sentences(told, NO_NUMBER) == {
        "ODD": "Entry XYZ-1 has no number of the carrier; 99 % of comparable rows have one."
    }
    billed = outcome([*rows(99), {**odd, "house_bill": "H1"}])
    assert billed.findings.is_empty()


def test_rows_with_both_are_silent() -> None:
    told = outcome(rows(30))
    assert told.findings.is_empty()
    assert told.not_assessed.is_empty()


@pytest.mark.parametrize(
    ("parcels", "reason"),
    [
        pytest.param(
            [*rows(30), *rows(30, entry_number=None, channel="express", parcel="x")],
            "only 50 % of comparable rows have an entry number",
            id="many lack it",
        ),
        pytest.param(
            rows(5, entry_number=None), "fewer than 20 comparable parcels in this window", id="few"
        ),
        pytest.param(
            [*rows(99, channel="mail"), *rows(25, entry_number=None)],
            "only 0 % of comparable rows have an entry number",
            id="of another channel",
        ),
    ],
)
def test_where_a_missing_entry_says_nothing_it_is_not_assessed(
    parcels: list[Row], reason: str
) -> None:
    unique = [{**row, "parcel_id": f"P{i}"} for i, row in enumerate(parcels)]
    unique = [{k: v for k, v in row.items() if k != "parcel"} for row in unique]
    told = outcome(unique)
    assert told.findings.is_empty()
    assert set(w.reasons_not_assessed(told, NO_ENTRY).values()) == {reason}


def test_a_row_without_a_number_is_not_assessed() -> None:
    told = outcome([{"parcel_id": "P"}])
    assert w.reasons_not_assessed(told, NO_ENTRY) == {
        "P": "the manifest gives no tracking number or house bill"
    }
