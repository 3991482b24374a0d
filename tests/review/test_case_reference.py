"""Reference numbers of cases: read in any form, and never with a mistake."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from parcelscope.review.case_reference import (
    ALPHABET,
    looks_like_reference,
    make_reference,
    new_reference,
    read_reference,
)

YEARS = st.integers(2000, 2999)
SERIALS = st.text(ALPHABET, min_size=8, max_size=8)
REFERENCES = st.builds(make_reference, YEARS, SERIALS)


def test_a_reference_has_one_form() -> None:
    reference = make_reference(2026, "7K3M9QXA")
    assert reference == "PSC-2026-7K3M9QXA-2"
    assert not set("ILOU") & set(ALPHABET)


@pytest.mark.parametrize(
    "text",
    [
        "PSC-2026-7K3M9QXA-2",
        " psc 2026 7k3m 9qxa 2 ",
        "20267K3M9QXA2",
        "PSC20267K3M9QXA2",
        "PSC-2O26-7K3M9QXA-2",
    ],
)
def test_a_reference_is_read_however_it_was_typed(text: str) -> None:
    assert read_reference(text) == "PSC-2026-7K3M9QXA-2"


@pytest.mark.parametrize(
    "text", ["", "PSC", "PSC-2026-7K3M9QXU-4", "PSC-2026-7K3M9QX-4", "EE471108151FR", "PSC-" * 99]
)
def test_what_is_no_reference_is_none(text: str) -> None:
    assert read_reference(text) is None
    assert not looks_like_reference(text)


def test_a_wrong_reference_still_looks_like_one() -> None:
    assert read_reference("PSC-2026-7K3M9QXA-5") is None
    assert looks_like_reference("PSC-2026-7K3M9QXA-5")


@given(REFERENCES)
def test_what_is_made_is_read(reference: str) -> None:
    assert read_reference(reference) == reference
    assert read_reference(reference.replace("-", "").lower()) == reference


def _changeable(reference: str) -> list[int]:
    return [n for n, c in enumerate(reference) if n >= 4 and c != "-"]


@given(REFERENCES, st.integers(0, 12), st.sampled_from(ALPHABET))
def test_any_one_wrong_character_is_noticed(reference: str, place: int, wrong: str) -> None:
    at = _changeable(reference)[place]
    assume(reference[at] != wrong)
    assert read_reference(reference[:at] + wrong + reference[at + 1 :]) is None


@given(REFERENCES, st.integers(0, 12), st.integers(0, 12))
def test_any_two_characters_changed_about_are_noticed(reference: str, one: int, other: int) -> None:
    places = _changeable(reference)
    first, second = places[one], places[other]
    assume(reference[first] != reference[second])
    characters = list(reference)
    characters[first], characters[second] = characters[second], characters[first]
    assert read_reference("".join(characters)) is None


def test_new_references_are_of_their_year_and_differ() -> None:
    made = {new_reference(2026) for _ in range(200)}
    assert len(made) == 200
    assert all(one.startswith("PSC-2026-") and read_reference(one) == one for one in made)


@pytest.mark.parametrize(("year", "serial"), [(26, "SHORT"), (12026, "0" * 8), (2026, "IIIIIIII")])
def test_a_reference_of_anything_else_is_refused(year: int, serial: str) -> None:
    with pytest.raises(ValueError, match="a reference needs a year"):
        make_reference(year, serial)
