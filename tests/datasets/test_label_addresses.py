"""Addresses on a label."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.country_names import COUNTRY_OF_NAME
from parcelscope.datasets.label_addresses import (
    AddressRole,
    LabelAddress,
    label_addresses,
    name_words,
)
from parcelscope.datasets.text_lines import TextLine


def lines(*texts: str, confidence: Sequence[float] | None = None) -> list[TextLine]:
    """A label of these lines; an empty one is a gap."""
    made = []
    for n, text in enumerate(texts):
        top, width = 30.0 * n, 12.0 * len(text)
        corners = np.array([[0, top], [width, top], [width, top + 28], [0, top + 28]], np.float32)
        sure = 0.95 if confidence is None else confidence[n]
        if text:
            made.append(TextLine(text=text, confidence=sure, corners_xy=corners))
    return made


def address(
    country: str | None, postcode: str | None, name: str | None, role: AddressRole | None = None
) -> LabelAddress:
    return LabelAddress(country=country, postcode=postcode, name=name, role=role)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        pytest.param(
            ("Jane Doe", "45 Main St", "Springfield 62701", "US"),
            address("US", "62701", "doe jane"),
            id="country on a line of its own",
        ),
        pytest.param(
            ("Golden Gate Trading Co.", "12 Mill Road", "Shenzhen CN"),
            address("CN", None, "co gate golden trading"),
            id="code behind the town",
        ),
        pytest.param(
            ("JANE DOE", "4500 MAIN ST", "LOS ANGELES CA 90001-1234"),
            address(None, "900011234", "doe jane"),
            id="a state is no country",
        ),
        pytest.param(
            ("J. Doe", "1 Main St", "San Jose CA", "United States of America"),
            address("US", None, "doe j"),
            id="name of the country",
        ),
        pytest.param(
            ("Ship to:", "Zoë Müller", "Hauptstraße 5", "10115 Berlin", "DEUTSCHLAND"),
            address("DE", "10115", "muller zoe", "to"),
            id="what it is, above it",
        ),
        pytest.param(
            ("FROM: ACME Ltd", "Unit 5", "Leeds LS1 4AB", "ENGLAND"),
            address("GB", "LS14AB", "acme ltd", "from"),
            id="what it is, before it",
        ),
        pytest.param(
            ("Mrs A Smith", "10 High St", "Ottawa ON K1A 0B1"),
            address(None, "K1A0B1", "a mrs smith"),
            id="postcode of Canada",
        ),
    ],
)
def test_of_an_address_country_postcode_and_name_are_kept(
    texts: tuple[str, ...], expected: LabelAddress
) -> None:
    (found,) = label_addresses(lines(*texts))
    assert found.address == expected
    assert found.box_xyxy[:2] == (0.0, 0.0)


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(("Cotton socks", "320 g 12.5 USD"), id="contents"),
        pytest.param(("PRIORITY", "PARCEL", "FRAGILE"), id="no place"),
        pytest.param(("62701", "US"), id="no name"),
        pytest.param((), id="nothing"),
        pytest.param(("Jane Doe", "", "45 Main St", "", "62701 US"), id="far apart"),
    ],
)
def test_other_text_is_no_address(texts: tuple[str, ...]) -> None:
    assert label_addresses(lines(*texts)) == ()


def test_two_addresses_of_one_label_are_two() -> None:
    sender = ("Golden Gate Co", "12 Mill Road", "Shenzhen CN", "")
    found = label_addresses(lines(*sender, "Jane Doe", "45 Main St", "Boise 83701", "US"))
    assert [one.address.country for one in found] == ["CN", "US"]


def test_a_line_that_was_hardly_read_names_no_country() -> None:
    texts = ("Jane Doe", "45 Main St", "Springfield 62701", "SN")
    (found,) = label_addresses(lines(*texts, confidence=(0.9, 0.9, 0.9, 0.6)))
    assert found.address.country is None
    assert found.confidence == pytest.approx(0.9)


def test_two_letters_are_a_country_only_in_capitals() -> None:
    (found,) = label_addresses(lines("Jane Doe", "45 Main St", "Springfield 62701", "Us"))
    assert found.address.country is None


def test_names_are_compared_without_order_accents_and_signs() -> None:
    assert name_words("Müller-Lüdenscheidt, Zoë") == name_words("ZOE MULLER LUDENSCHEIDT")


def test_names_of_countries_are_written_as_they_are_compared() -> None:
    assert all(name == name.upper().strip() and name.isascii() for name in COUNTRY_OF_NAME)


@given(st.lists(st.text(max_size=30), max_size=6))
def test_no_text_breaks_the_reader(texts: list[str]) -> None:
    for one in label_addresses(lines(*texts)):
        assert LabelAddress.from_text(one.address.to_text()) == one.address
