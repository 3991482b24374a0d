"""Numbers in the text of a label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.identifiers import identify, make_s10, make_sscc
from parcelscope.datasets.label_identifiers import (
    LIKE_DIGITS,
    LabelIdentifier,
    label_identifiers,
)
from parcelscope.datasets.text_lines import TextLine

SSCC = make_sscc("34012345000000001")
S9 = "GBLALAUSLAXAAUX60123004100152"


def read(*texts: str, confidence: float = 0.9) -> tuple[LabelIdentifier, ...]:
    square = np.zeros((4, 2), np.float32)
    return label_identifiers(
        [TextLine(text=text, confidence=confidence, corners_xy=square) for text in texts]
    )


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        pytest.param("RB123456785GB", "s10", "RB123456785GB", id="alone"),
        pytest.param("No. rb 123 456 785 gb 1/1", "s10", "RB123456785GB", id="in groups"),
        pytest.param(f"(00) {SSCC[0]} {SSCC[1:8]} {SSCC[8:]}", "sscc", SSCC, id="SSCC"),
        pytest.param(f"00{SSCC}", "sscc", SSCC, id="SSCC with its application identifier"),
        pytest.param("MAWB 176-1234 5675", "awb", "176-12345675", id="air waybill"),
        pytest.param(S9, "s9", S9, id="receptacle"),
        pytest.param("4 006381 333931", "gtin13", "4006381333931", id="product code"),
        pytest.param('5000213"101025>', "gtin13", "5000213101025", id="with its guards"),
        pytest.param("0 36000 29145 2", "gtin12", "036000291452", id="UPC"),
        pytest.param("1Z999AA10123456784", "unknown", "1Z999AA10123456784", id="a carrier's own"),
        pytest.param("LP00123456789012", "unknown", "LP00123456789012", id="a platform's own"),
        pytest.param("RB123456786GB", "unknown", "RB123456786GB", id="check digit fails"),
    ],
)
def test_numbers_are_found_by_their_shape(text: str, kind: str, value: str) -> None:
    (found,) = read(text)
    assert (found.kind, found.value, found.is_repaired) == (kind, value, False)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PRIORITY PARCEL",
        "17612345675",
        "20261122",
        "555 123 4567",
        "+1 555 123 456 7890",
        "Tel 0123456789012",
        "2026-11-22 18:04",
        "Springfield 62701",
        "320 g 12.5 USD",
        "HS 61159500",
        "1111111111111",
    ],
)
def test_what_names_no_parcel_is_left_alone(text: str) -> None:
    assert [one for one in read(text) if one.kind != "unknown" or len(one.value) < 12] == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("RB12345678SGB", "RB123456785GB", id="S for 5"),
        pytest.param("RB I23456785 GB", "RB123456785GB", id="I for 1"),
        pytest.param("4OO6381333931", "4006381333931", id="two O for 0"),
        pytest.param(f"(OO){SSCC}", SSCC, id="application identifier"),
    ],
)
def test_letters_are_taken_for_digits_where_the_check_digit_then_holds(
    text: str, value: str
) -> None:
    (found,) = read(text)
    assert (found.value, found.is_repaired) == (value, True)
    assert found.raw.upper().replace(" ", "") in text.replace(" ", "")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("RB12345678OGB", id="the check digit does not hold"),
        pytest.param("RBIZ34S6785GB", id="three of them"),
        pytest.param("R8123456785GB", id="a digit for a letter, which no check digit covers"),
    ],
)
def test_otherwise_they_stay_letters(text: str) -> None:
    assert {one.kind for one in read(text)} <= {"unknown"}


def test_a_number_in_several_groups_is_found_in_their_row() -> None:
    lines = []
    for text, left in (("4", 20), ("006381", 50), ("333931", 150)):
        right = left + 14 * len(text)
        corners = np.array([[left, 0], [right, 0], [right, 28], [left, 28]], np.float32)
        lines.append(TextLine(text=text, confidence=0.9, corners_xy=corners))
    (found,) = label_identifiers(lines)
    assert (found.kind, found.value) == ("gtin13", "4006381333931")


def test_a_number_read_twice_stands_once_as_it_was_read_most_surely() -> None:
    (found,) = (*read("RB12345678SGB", "RB123456785GB"),)
    assert not found.is_repaired


@given(st.from_regex(r"[0-9]{8}", fullmatch=True), st.sampled_from(sorted(LIKE_DIGITS)))
def test_a_repaired_number_always_holds(serial: str, letter: str) -> None:
    number = make_s10("RB", serial, "GB")
    for place in range(2, 11):
        for one in read(number[:place] + letter + number[place + 1 :]):
            assert one.kind == "unknown" or identify(one.value).valid


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    for one in read(text):
        assert one.value
