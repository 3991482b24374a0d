"""Crispness and bars, on patterns whose answer is known."""

import cv2
import numpy as np
import pytest

from parcelscope.datasets.packaging.codes import ean13_modules
from parcelscope.inference.appearance import opponents
from parcelscope.inference.fine_print import (
    BAR_GROUPS,
    BAR_SAMPLES,
    edges_of,
    other_digit,
)
from parcelscope.inference.reference_codes import conflicting_code


def checks(blur: float) -> np.ndarray:
    board = np.kron(np.indices((12, 16)).sum(axis=0) % 2, np.ones((20, 20))) * 160 + 40
    soft = cv2.GaussianBlur(board.astype(np.float32), (0, 0), blur)
    return np.repeat(soft.astype(np.uint8)[..., None], 3, axis=2)


def half() -> np.ndarray:
    mask = np.zeros((240, 320), np.bool_)
    mask[:, 160:] = True
    return mask


@pytest.mark.parametrize("blur", [0.4, 1.2])
def test_a_blurred_shot_is_no_soft_print(blur: float) -> None:
    inside, outside = edges_of(checks(blur), half())
    assert abs(inside - outside) < 0.05


def test_print_softer_than_its_surroundings_stands_out() -> None:
    photo = checks(0.5)
    photo[:, 160:] = checks(1.2)[:, 160:]
    inside, outside = edges_of(photo, half())
    assert inside - outside < -0.3


def test_without_edges_their_steepness_is_unknown() -> None:
    assert np.isnan(edges_of(np.full((240, 320, 3), 90, np.uint8), half())).all()


def code(digits: str, *, start: int = 180, size: int = 640, blur: float = 5.0) -> np.ndarray:
    """The strip of a code as a blurred photo shows it."""
    modules = ean13_modules(digits).astype(np.float32)
    strip = np.full((1, BAR_SAMPLES), 255.0, np.float32)
    strip[:, start : start + size] = cv2.resize(modules, (size, 1), interpolation=cv2.INTER_AREA)
    strip = cv2.GaussianBlur(strip, (0, 0), blur) * 0.5 + 40
    return np.repeat(strip, BAR_GROUPS, axis=0).astype(np.float32)


@pytest.mark.parametrize(("start", "size"), [(180, 640), (120, 560), (230, 700)])
def test_the_expected_digits_fit_best_wherever_the_code_lies(start: int, size: int) -> None:
    gain, text = other_digit(code("4006381333931", start=start, size=size), "4006381333931")
    assert gain < 0
    assert text is None


@pytest.mark.parametrize("digits", ["4006381333932", "4006381334931", "4006481333931"])
def test_a_changed_digit_is_named(digits: str) -> None:
    gain, text = other_digit(code(digits), "4006381333931")
    assert gain > 0.02
    assert text == digits


def test_a_strip_without_a_code_says_nothing() -> None:
    blank = np.full((BAR_GROUPS, BAR_SAMPLES), 200.0, np.float32)
    assert other_digit(blank, "4006381333931") == (-1.0, None)


def test_gloss_changes_no_opponent_colour() -> None:
    ink = np.array([[60.0, 90.0, 140.0]], np.float32)
    np.testing.assert_allclose(opponents(ink)[:, :2], opponents(ink + 40)[:, :2], atol=1e-4)


EXPECTED = ("EAN13 4006381333931",)


@pytest.mark.parametrize(
    ("read", "conflict"),
    [
        pytest.param((), None, id="nothing read"),
        pytest.param(("EAN13 4006381333931",), None, id="as expected"),
        pytest.param(("EAN13 4006381333932",), "EAN13 4006381333932", id="wrong digit"),
        pytest.param(("Code128 4006381333932",), None, id="a shipping label"),
        pytest.param(("EAN13 4006381333931", "EAN13 4006381333932"), None, id="both"),
    ],
)
def test_only_a_code_of_the_same_kind_conflicts(read: tuple[str, ...], conflict: str) -> None:
    assert conflicting_code(read, EXPECTED) == conflict
