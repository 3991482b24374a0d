import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.packaging.codes import LabelCode, code_modules, ean13_modules
from parcelscope.datasets.packaging.design import (
    GS1_PREFIX_OF_ORIGIN,
    another_copy,
    genuine_design,
    gs1_check_digit,
)


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        pytest.param("400638133393", "1", id="EAN-13"),
        pytest.param("10614141123456789", "7", id="SSCC"),
        pytest.param("9638507", "4", id="EAN-8"),
    ],
)
def test_the_check_digit_is_that_of_published_keys(digits: str, expected: str) -> None:
    assert gs1_check_digit(digits) == expected


@given(seed=st.integers(0, 2**32 - 1))
def test_a_genuine_design_has_a_valid_code_of_its_origin(seed: int) -> None:
    design = genuine_design(np.random.default_rng(seed))
    assert design.ean13[12] == gs1_check_digit(design.ean13[:12])
    assert design.ean13.startswith(GS1_PREFIX_OF_ORIGIN[design.origin])
    assert all(0 <= c <= 255 for c in (*design.panel_rgb, *design.accent_rgb))


def test_another_copy_differs_only_in_lot_data() -> None:
    rng = np.random.default_rng(4)
    design = genuine_design(rng)
    copy = another_copy(rng, design)
    assert copy.lot != design.lot
    assert (copy.brand, copy.ean13, copy.panel_rgb) == (
        design.brand,
        design.ean13,
        design.panel_rgb,
    )


def test_an_ean_of_the_standard_has_its_guard_bars() -> None:
    bars = "".join("1" if m == 0 else "0" for m in ean13_modules("4006381333931")[0])
    assert (bars[:3], bars[45:50], bars[-3:], len(bars)) == ("101", "01010", "101", 95)


@pytest.mark.parametrize(
    "digits",
    [
        pytest.param("", id="empty"),
        pytest.param("400638133393", id="twelve digits"),
        pytest.param("40063813339ab", id="letters"),
        pytest.param("400638133393\N{SUPERSCRIPT ONE}", id="a superscript"),
    ],
)
def test_an_ean_that_is_not_thirteen_digits_is_refused(digits: str) -> None:
    with pytest.raises(ValueError, match="an EAN-13 must be 13 digits, got"):
        ean13_modules(digits)


def test_an_unknown_code_format_names_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"one of Code128, .*PDF417, got 'Morse'"):
        code_modules(LabelCode("Morse", "SOS"))
