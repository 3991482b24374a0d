import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.datasets.packaging.defects import (
    DEFECTS,
    Defect,
    Printing,
    altered_print,
    genuine_print,
    shifted_colour,
)
from parcelscope.datasets.packaging.design import PackageDesign, genuine_design, gs1_check_digit
from parcelscope.datasets.packaging.face import draw_face

SEEDS = st.integers(0, 2**32 - 1)


def design_of(seed: int) -> PackageDesign:
    return genuine_design(np.random.default_rng(seed))


def delta_e(a: tuple[int, int, int], b: tuple[int, int, int]) -> float:
    lab = cv2.cvtColor(np.array([[a, b]], np.float32) / 255, cv2.COLOR_RGB2LAB)[0]
    return float(np.linalg.norm(lab[0] - lab[1]))


def altered(seed: int, defect: Defect, strength: float) -> tuple[PackageDesign, Printing]:
    design = design_of(seed)
    rng = np.random.default_rng(seed + 1)
    return design, altered_print(rng, design, (defect,), strength=strength)


def test_a_genuine_copy_says_what_the_design_says() -> None:
    design = design_of(1)
    printing = genuine_print(np.random.default_rng(2), design)
    assert printing.brand_text == design.brand
    assert printing.barcode_digits == design.ean13
    assert printing.has_hologram
    assert max(map(abs, printing.register_xy)) <= 0.0025
    assert delta_e(printing.panel_rgb, design.panel_rgb) <= 2.2  # 1.5 and rounding


@pytest.mark.parametrize("strength", [0.0, 1.0])
@pytest.mark.parametrize("defect", DEFECTS)
def test_every_defect_changes_the_printed_face(defect: Defect, strength: float) -> None:
    for seed in range(2):
        design = design_of(seed)
        rng = np.random.default_rng(seed)
        plain = draw_face(np.random.default_rng(0), genuine_print(rng, design), width_px=320)
        rng = np.random.default_rng(seed)
        printing = altered_print(rng, design, (defect,), strength=strength)
        other = draw_face(np.random.default_rng(0), printing, width_px=320)
        assert plain.shape == other.shape == (210, 320, 3)
        assert np.abs(plain.astype(int) - other).max() > 30 or defect == "colour_cast"
        assert (plain != other).any()


@given(seed=SEEDS)
@settings(max_examples=30)
def test_subtle_shifts_and_colours_stay_within_their_promise(seed: int) -> None:
    _, shifted = altered(seed, "layout_shift", 0.0)
    assert 0 < np.hypot(*shifted.logo_shift_xy) <= 0.015
    design, cast = altered(seed, "colour_cast", 0.0)
    assert delta_e(cast.panel_rgb, design.panel_rgb) <= 6.0
    assert delta_e(cast.accent_rgb, design.accent_rgb) <= 6.0


@given(seed=SEEDS, strength=st.sampled_from([0.0, 0.5, 1.0]))
@settings(max_examples=30)
def test_texts_and_digits_really_differ(seed: int, strength: float) -> None:
    design, misspelt = altered(seed, "misspell", strength)
    assert misspelt.brand_text != design.brand
    _, wrong = altered(seed, "bad_checkdigit", strength)
    assert wrong.barcode_digits[12] != gs1_check_digit(wrong.barcode_digits[:12])
    _, origin = altered(seed, "wrong_origin", strength)
    assert origin.origin_text != f"Made in {design.origin}"
    _, font = altered(seed, "wrong_font", strength)
    assert (font.brand_font, font.product_font) != (design.brand_font, design.product_font)


def test_a_colour_moved_by_nothing_stays() -> None:
    rng = np.random.default_rng(0)
    assert shifted_colour(rng, (120, 40, 200), 0.0) == (120, 40, 200)


def test_unknown_defects_and_strengths_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"defects must be among .*, got smell"):
        altered_print(rng, design_of(0), ["smell"])  # type: ignore[list-item]
    with pytest.raises(ValueError, match="strength must be 0 to 1, got 2"):
        altered_print(rng, design_of(0), (), strength=2)


def test_a_wrong_font_and_kerning_together_are_both_planned() -> None:
    rng = np.random.default_rng(3)
    printing = altered_print(rng, design_of(3), ("kerning", "wrong_font"))
    assert printing.brand_font == "serif"
    assert printing.brand_kerning_em != 0
