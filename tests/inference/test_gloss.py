"""Light, gloss and the colours of inks, on a print whose light is known."""

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from parcelscope.inference.gloss import Light, inks_of, light_of

Image = npt.NDArray[np.uint8]
SIZE_WH = (320, 200)
PANEL, ACCENT, BOARD = (60, 40, 120), (40, 150, 90), (240, 240, 238)


def printed(panel: tuple[int, int, int] = PANEL) -> tuple[Image, Image]:
    """A print on board with lettering, and the numbers of its regions; 1 is the board."""
    face = np.full((SIZE_WH[1], SIZE_WH[0], 3), BOARD, np.uint8)
    regions = np.ones(face.shape[:2], np.uint8)
    for number, ink, (x0, x1) in ((2, panel, (0, 130)), (3, ACCENT, (200, 240))):
        face[:, x0:x1], regions[:, x0:x1] = ink, number
    for row in range(20, 200, 30):
        cv2.putText(face, "GENUINE PRINT", (10, row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (30, 30, 30))
        cv2.putText(face, "Lot", (250, row), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (30, 30, 30))
    regions[face.sum(axis=2) < 150] = 0
    return face, regions


def lit(face: Image, *, gloss: float, balance: tuple[float, float, float] = (1, 1, 1)) -> Image:
    """The print under light that falls off to the right, with a patch of gloss on the panel."""
    y, x = np.mgrid[: SIZE_WH[1], : SIZE_WH[0]]
    strength = 0.8 - 0.2 * x / SIZE_WH[0]
    patch = gloss * np.exp(-(((x - 60) / 50) ** 2) - ((y - 90) / 45) ** 2)
    shown = (face * strength[..., None] + patch[..., None]) * np.array(balance)
    return np.clip(np.rint(shown), 0, 255).astype(np.uint8)


def inks(picture: Image, reference: Image, regions: Image) -> npt.NDArray[np.float32]:
    inside = np.ones(regions.shape, np.bool_)
    light = light_of(picture, reference, inside, regions == 1)
    return inks_of(picture, light, regions, inside)


@pytest.mark.parametrize("gloss", [0.0, 60.0])
@pytest.mark.parametrize("balance", [(1, 1, 1), (1.06, 1.0, 0.92)])
def test_an_ink_keeps_its_colour_under_light_and_gloss(
    gloss: float, balance: tuple[float, float, float]
) -> None:
    face, regions = printed()
    found = inks(lit(face, gloss=gloss, balance=balance), face, regions)
    np.testing.assert_allclose(found[1:], [PANEL, ACCENT], atol=4)


def test_another_ink_shows_under_gloss() -> None:
    face, regions = printed()
    other, _ = printed((66, 40, 112))
    found = inks(lit(other, gloss=60.0), face, regions)
    red_less_green, green_less_blue = -np.diff(found[1])
    assert red_less_green == pytest.approx(26, abs=3)
    assert green_less_blue == pytest.approx(-72, abs=4)


def test_gloss_is_told_from_light() -> None:
    face, regions = printed()
    inside = np.ones(regions.shape, np.bool_)
    light = light_of(lit(face, gloss=60.0), face, inside, regions == 1)
    assert light.gloss[90, 60] > 25
    assert abs(light.gloss[90, 290]) < 10
    assert light.strength[100, 20] > light.strength[100, 300]


def test_a_region_that_is_too_bright_has_no_colour() -> None:
    face, regions = printed()
    flat = np.ones(regions.shape, np.float32)
    light = Light(balance=np.ones(3, np.float32), strength=flat, gloss=0 * flat)
    white = np.full_like(face, 255)
    assert np.isnan(inks_of(white, light, regions, flat > 0)).all()


def test_where_hardly_anything_is_seen_the_light_is_even() -> None:
    face, regions = printed()
    light = light_of(face, face, np.zeros(regions.shape, np.bool_), regions == 1)
    assert (light.strength == 1).all()
    assert (light.gloss == 0).all()
