import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.countries import COUNTRIES
from parcelscope.datasets.identifiers import (
    KINDS,
    IdentifierKind,
    awb_check_digit,
    gs1_check_digit,
    identify,
    make_awb,
    make_gtin,
    make_s9,
    make_s10,
    make_sscc,
    parse_s9,
    s10_check_digit,
)

S10_WEIGHTS = (8, 6, 4, 2, 3, 5, 9, 7)
serials8 = st.text("0123456789", min_size=8, max_size=8)
serials7 = st.text("0123456789", min_size=7, max_size=7)


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("EE471108151FR", "s10", "EE471108151FR"),
        ("RR473124829GB", "s10", "RR473124829GB"),
        ("RB123456785GB", "s10", "RB123456785GB"),
        ("rb 1234 5678 5 us", "s10", "RB123456785US"),
        ("EB000717618HK", "s10", "EB000717618HK"),
        ("EB000717595HK", "s10", "EB000717595HK"),
        ("CNSHAAUSLAXAAUX60123004100152", "s9", "CNSHAAUSLAXAAUX60123004100152"),
        ("CNSHAAUSLAXAAUX60123", "s8", "CNSHAAUSLAXAAUX60123"),
        ("176-12345675", "awb", "17612345675"),
        ("020-8114 0743", "awb", "02081140743"),
        ("88811111111", "awb", "88811111111"),
        ("000004006381333931", "sscc", "000004006381333931"),
        ("(00)000004006381333931", "sscc", "000004006381333931"),
        ("00000004006381333931", "sscc", "000004006381333931"),
        ("4006381333931", "gtin13", "4006381333931"),
        ("96385074", "gtin8", "96385074"),
        ("036000291452", "gtin12", "036000291452"),
        ("(01)04006381333931", "gtin14", "04006381333931"),
    ],
)
def test_published_numbers_are_recognised_and_hold(text: str, kind: str, value: str) -> None:
    found = identify(text)
    assert (found.kind, found.value, found.valid, found.reason) == (kind, value, True, None)


@pytest.mark.parametrize(
    ("text", "kind", "reason"),
    [
        ("RB123456786US", "s10", "the check digit must be 5, got 6"),
        ("EB900717618HK", "s10", "the check digit must be"),
        ("EB000717594HK", "s10", "the check digit must be 5, got 4"),
        ("EB000717535HK", "s10", "the check digit must be"),
        ("RB123456785XX", "s10", "issuing country must be an ISO 3166-1 code, got XX"),
        ("SB123456785GB", "s10", "service indicators that begin with S are reserved, got SB"),
        ("XXSHAAUSLAXAAUX60123004100152", "s9", "origin office must begin with"),
        ("CNSHAAZZLAXAAUX60123", "s8", "destination office must begin with"),
        ("176-12345676", "awb", "the check digit must be 5, got 6"),
        ("176-12345679", "awb", "the check digit must be 5, got 9"),
        ("000004006381333932", "sscc", "the check digit must be 1, got 2"),
        ("1234567891011", "gtin13", "the check digit must be"),
        ("", "unknown", "not the shape"),
        ("1Z999AA10123456784", "unknown", "not the shape"),
        ("RB12345678GB", "unknown", "not the shape"),
        ("\uff32\uff22123456785GB", "unknown", "not the shape"),
        ("\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668", "unknown", "not the shape"),
    ],
)
def test_numbers_that_cannot_be_right_say_why(text: str, kind: str, reason: str) -> None:
    found = identify(text)
    assert (found.kind, found.valid) == (kind, False)
    assert reason in (found.reason or "")


@pytest.mark.parametrize(
    ("text", "hint", "reason"),
    [
        ("RB123456785GB", "awb", "an air waybill number is 11 digits, got 'RB123456785GB'"),
        ("176-12345675", "s10", "an S10 item identifier is 2 letters, 9 digits and 2 letters"),
        ("4006381333931", "sscc", "an SSCC is 18 digits"),
        ("CNSHAAUSLAXAAUX60123", "s9", "29 characters"),
        ("CNSHAAUSLAXAAUX60123004100152", "s8", "20 characters"),
    ],
)
def test_a_hint_judges_the_number_as_what_its_place_asks_for(
    text: str, hint: IdentifierKind, reason: str
) -> None:
    found = identify(text, hint=hint)
    assert (found.kind, found.valid) == (hint, False)
    assert reason in (found.reason or "")


@given(st.text(max_size=40), st.sampled_from([None, *KINDS]))
def test_no_text_is_too_odd_to_judge(text: str, hint: IdentifierKind | None) -> None:
    found = identify(text, hint=hint)
    assert found.valid == (found.reason is None)


@pytest.mark.parametrize(
    ("serial8", "check"), [("00071758", 1), ("96633102", 0), ("76129403", 8), ("47312482", 9)]
)
def test_published_s10_check_digits(serial8: str, check: int) -> None:
    assert s10_check_digit(serial8) == check


@given(
    serials8, st.sampled_from(["RR", "EE", "CP", "LX", "UA"]), st.sampled_from(sorted(COUNTRIES))
)
def test_s10_numbers_that_we_make_hold_and_any_other_check_digit_does_not(
    serial8: str, service: str, country: str
) -> None:
    made = make_s10(service, serial8, country)
    assert identify(made).valid
    for digit in set("0123456789") - {made[10]}:
        assert not identify(f"{made[:10]}{digit}{made[11:]}").valid


@given(serials8, st.integers(0, 7), st.integers(1, 9))
def test_s10_misses_a_wrong_serial_digit_only_between_sums_0_and_6(
    serial8: str, place: int, shift: int
) -> None:
    digit = (int(serial8[place]) + shift) % 10
    wrong = f"{serial8[:place]}{digit}{serial8[place + 1 :]}"
    sums = {
        sum(int(d) * w for d, w in zip(serial, S10_WEIGHTS, strict=True)) % 11
        for serial in (serial8, wrong)
    }
    missed = s10_check_digit(serial8) == s10_check_digit(wrong)
    assert missed == (sums == {0, 6})


@given(
    st.text("0123456789", min_size=3, max_size=3), serials7, st.integers(3, 10), st.integers(1, 9)
)
def test_an_air_waybill_misses_a_wrong_digit_only_if_it_is_off_by_7(
    prefix: str, serial7: str, place: int, shift: int
) -> None:
    value = identify(make_awb(prefix, serial7)).value
    digit = (int(value[place]) + shift) % 10
    wrong = identify(f"{value[:place]}{digit}{value[place + 1 :]}", hint="awb")
    off_by_7 = place < 10 and abs(digit - int(value[place])) == 7
    assert wrong.valid == off_by_7


@pytest.mark.parametrize("length", [7, 11, 12, 13, 17])
@given(data=st.data())
def test_any_wrong_digit_of_an_sscc_or_gtin_is_caught(length: int, data: st.DataObject) -> None:
    digits = data.draw(st.text("0123456789", min_size=length, max_size=length))
    made = make_sscc(digits) if length == 17 else make_gtin(digits)
    place = data.draw(st.integers(0, length))
    digit = (int(made[place]) + data.draw(st.integers(1, 9))) % 10
    kind = identify(made).kind
    assert identify(made, hint=kind).valid
    assert not identify(f"{made[:place]}{digit}{made[place + 1 :]}", hint=kind).valid


def test_the_gs1_digit_of_a_padded_ean_is_that_of_the_ean() -> None:
    assert gs1_check_digit("00000400638133393") == 1
    assert awb_check_digit("1234567") == 5


def test_the_fields_of_a_receptacle() -> None:
    receptacle = parse_s9("cnshaa uslaxa a ux 6 0123 004 1 0 0152")
    assert receptacle is not None
    assert (receptacle.origin_impc, receptacle.destination_impc) == ("CNSHAA", "USLAXA")
    assert (receptacle.category, receptacle.subclass, receptacle.year_digit) == ("A", "UX", 6)
    assert (receptacle.despatch_number, receptacle.receptacle_number) == (123, 4)
    assert (receptacle.is_last, receptacle.holds_registered) == (True, False)
    assert receptacle.weight_g == 15_200
    assert receptacle.despatch_id == "CNSHAAUSLAXAAUX60123"
    assert parse_s9("CNSHAAUSLAXAAUX60123") is None


@given(st.integers(0, 999), st.integers(0, 9999), st.booleans())
def test_a_receptacle_that_we_make_reads_back(number: int, weight_hg: int, last: bool) -> None:
    made = make_s9("CNSHAAUSLAXAAUX60123", number, weight_g=weight_hg * 100, last=last)
    receptacle = parse_s9(made)
    assert receptacle is not None
    assert (receptacle.receptacle_number, receptacle.is_last) == (number, last)
    assert receptacle.weight_g == weight_hg * 100


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_s10("RR", "1234567", "GB"), "serial8 must be 8 digits, got '1234567'"),
        (lambda: make_s10("RR", "12345678", "XX"), "issuing country"),
        (lambda: make_s10("SR", "12345678", "GB"), "reserved"),
        (lambda: make_awb("17", "1234567"), "11 digits"),
        (lambda: make_sscc("1" * 16), "SSCC is 18 digits"),
        (lambda: make_gtin("12345"), "7, 11, 12 or 13 digits, got '12345'"),
        (lambda: make_s9("CNSHAAUSLAXAAUX60123", 1000, weight_g=100), "29 characters"),
    ],
)
def test_numbers_that_cannot_be_issued_are_not_made(make: Callable[[], str], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_the_user_assigned_codes_are_no_countries() -> None:
    assert len(COUNTRIES) == 249
    assert {"US", "CN", "GB"} <= COUNTRIES
    assert not {"XX", "ZZ", "UK", "XK"} & COUNTRIES
