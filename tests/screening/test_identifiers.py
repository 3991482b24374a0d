"""Check digits."""

import polars as pl
import pytest
from tests.screening import windows as w

from parcelscope.screening.indicators.check_digits import (
    air_waybill_holds,
    check_holds,
    normalised,
    scheme,
)
from parcelscope.screening.indicators.identifiers import wrong_check_digits

CHECK_DIGITS = w.parameters("check digits")


def judged(text: str) -> tuple[str | None, bool | None]:
    """Scheme of `text`, and whether its check digit holds."""
    number = pl.select(normalised(pl.lit(text))).to_series()
    return pl.select(scheme(pl.lit(number))).item(), check_holds(number).item()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("EE471108151FR", ("S10", True)),
        ("rr 473 124 829 gb", ("S10", True)),
        ("RB123456785GB", ("S10", True)),
        ("EB000717618HK", ("S10", True)),
        ("RB123456786US", ("S10", False)),
        ("EB000717594HK", ("S10", False)),
        ("1Z5R89390357567127", ("1Z", True)),
        ("1Z879E930346834440", ("1Z", True)),
        ("1Z410E7W0392751591", ("1Z", True)),
        ("1Z8V92A70367203024", ("1Z", True)),
        ("1Z5R89390357567128", ("1Z", False)),
        ("9400111899560438600329", ("IMpb", True)),
        ("9505511069605048600624", ("IMpb", True)),
        ("42090210" + "9505511069605048600624", ("IMpb", True)),
        ("9400111899560438600320", ("IMpb", False)),
        ("(00)106141411234567890", ("SSCC", False)),
        ("]C100106141411234567897", ("SSCC", True)),
        ("12345", (None, None)),
        ("", (None, None)),
    ],
)
def test_check_digits_of_known_numbers(text: str, expected: tuple[str | None, bool | None]) -> None:
    assert judged(text) == expected


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("176-12345675", True),
        ("020-81140743", True),
        ("888-11111111", True),
        ("176-12345676", False),
        ("HAWB 12", None),
    ],
)
def test_the_check_digit_of_an_air_waybill(text: str, holds: bool | None) -> None:
    number = pl.select(normalised(pl.lit(text))).to_series()
    assert air_waybill_holds(number).item() is holds


def test_a_wrong_check_digit_fires() -> None:
    of = w.feed(
        [{"parcel_id": "P", "tracking_number": "RB123456786GB"}],
        [{"carton_id": "C", "master_bill": "176-12345676"}],
    )
    said = w.sentences(wrong_check_digits(w.evidence(of), CHECK_DIGITS), "ID.check")
    assert said == {
        "P": "The check digit of tracking number RB123456786GB does not follow from its other "
        "digits.",
        "C": "The check digit of master bill 176-12345676 does not follow from its other digits.",
    }


def test_right_check_digits_are_silent() -> None:
    of = w.feed(
        [{"parcel_id": "P", "tracking_number": "RB123456785GB", "master_bill": "176-12345675"}],
        [{"carton_id": "C", "receptacle_id": "00106141411234567897"}],
    )
    outcome = wrong_check_digits(w.evidence(of), CHECK_DIGITS)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_the_bill_of_a_carton_is_judged_on_the_carton_alone() -> None:
    of = w.feed(
        [{"parcel_id": "P", "carton_id": "C", "master_bill": "176-12345676"}],
        [{"carton_id": "C", "master_bill": "176-12345676"}],
    )
    assert set(w.sentences(wrong_check_digits(w.evidence(of), CHECK_DIGITS), "ID.check")) == {"C"}


def test_numbers_without_a_known_check_are_not_assessed() -> None:
    of = w.feed(
        [
            {"parcel_id": "none"},
            {"parcel_id": "courier", "tracking_number": "SF1234567890"},
            {"parcel_id": "eighteen digits", "tracking_number": "106141411234567890"},
        ]
    )
    outcome = wrong_check_digits(w.evidence(of), CHECK_DIGITS)
    unknown = "the numbers are of no kind with a check digit known here"
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "ID.check") == {
        "none": "the manifest gives no number with a check digit",
        "courier": unknown,
        "eighteen digits": unknown,
    }
