"""How one printed copy of a design may differ from the genuine print, as a plan to draw.

The nine kinds are differences of spelling, type, spacing, colour, print process, placement,
security feature, barcode and origin marking.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal, get_args

import cv2
import numpy as np

from parcelscope.datasets.packaging.design import FontName, PackageDesign

Defect = Literal[
    "misspell",
    "wrong_font",
    "kerning",
    "colour_cast",
    "lowdpi_halftone",
    "layout_shift",
    "no_hologram",
    "bad_checkdigit",
    "wrong_origin",
]
DEFECTS: tuple[Defect, ...] = get_args(Defect)

_LOOKALIKE = {
    "O": "0", "o": "0", "I": "l", "l": "I", "i": "l", "e": "c", "E": "F", "a": "o", "A": "4",
    "r": "n", "R": "P", "m": "rn", "u": "v", "v": "u", "x": "z", "L": "I", "d": "cl", "è": "e",
}  # fmt: skip
_WRONG_ORIGIN = ("P.R.C.", "Gernany", "Itali", "Swizerland", "Jaapan", "Frence")
_OTHER_FONT: dict[FontName, FontName] = {
    "lato": "roboto", "roboto": "lato", "condensed": "roboto", "sans": "roboto", "serif": "lato",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Printing:
    """What the press puts on one copy: the design's content and how it is placed and inked."""

    design: PackageDesign
    brand_text: str
    origin_text: str
    barcode_digits: str
    brand_font: FontName
    product_font: FontName
    panel_rgb: tuple[int, int, int]
    accent_rgb: tuple[int, int, int]
    register_xy: tuple[float, float]
    """Shift of the whole ink layer on the board, as a share of the face width."""
    brand_kerning_em: float = 0.0
    product_kerning_em: float = 0.0
    logo_shift_xy: tuple[float, float] = (0.0, 0.0)
    text_shift_xy: tuple[float, float] = (0.0, 0.0)
    """Shifts as a share of the face width."""
    print_resolution: float = 1.0
    """Detail that survives reproduction, as a share of the genuine print's."""
    screen_share: float = 0.0
    """Weight of a visible halftone screen, 0 (continuous tone) to 1."""
    has_hologram: bool = True


def genuine_print(rng: np.random.Generator, design: PackageDesign) -> Printing:
    """A genuine copy, with the drift of a press that runs within its tolerance.

    Inks drift by up to dE 1.5 and the register by up to 0.25 % of the width, so that neither is
    a tell-tale of altered copies (ISO 12647-2 allows a process colour dE 5 from its aim).
    """
    drift = rng.uniform(-0.0025, 0.0025, 2)
    return Printing(
        design=design,
        brand_text=design.brand,
        origin_text=f"Made in {design.origin}",
        barcode_digits=design.ean13,
        brand_font=design.brand_font,
        product_font=design.product_font,
        panel_rgb=shifted_colour(rng, design.panel_rgb, float(rng.uniform(0, 1.5))),
        accent_rgb=shifted_colour(rng, design.accent_rgb, float(rng.uniform(0, 1.5))),
        register_xy=(float(drift[0]), float(drift[1])),
    )


def altered_print(
    rng: np.random.Generator,
    design: PackageDesign,
    defects: Collection[Defect],
    *,
    strength: float = 1.0,
) -> Printing:
    """A copy that differs from the genuine print in the named ways.

    Args:
        rng: Source of all choices.
        design: The genuine design.
        defects: Names from `DEFECTS`.
        strength: Size of the graded differences, 0 (just beyond press tolerance: logo shift up to
            1.5 % of the width, colour dE up to 6) to 1 (seen at a glance).

    Raises:
        ValueError: If a defect is not known or `strength` is outside 0 to 1.
    """
    unknown = sorted(set(defects) - set(DEFECTS))
    if unknown:
        raise ValueError(f"defects must be among {', '.join(DEFECTS)}, got {', '.join(unknown)}")
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must be 0 to 1, got {strength}")
    printing = genuine_print(rng, design)
    for name in DEFECTS:  # a fixed order, so that a set of names gives one result
        if name in defects:
            printing = _ALTERATIONS[name](rng, printing, strength)
    return printing


def shifted_colour(
    rng: np.random.Generator, rgb: tuple[int, int, int], delta_e: float
) -> tuple[int, int, int]:
    """The colour moved by at most `delta_e` (CIE 1976) in a random direction, mostly of hue."""
    lab = cv2.cvtColor(np.array([[rgb]], np.float32) / 255, cv2.COLOR_RGB2LAB)
    direction = rng.standard_normal(3) * (0.5, 1.0, 1.0)
    lab += (direction / np.linalg.norm(direction) * delta_e).astype(np.float32)
    moved = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)[0, 0] * 255, 0, 255).round()
    return (int(moved[0]), int(moved[1]), int(moved[2]))


def _between(
    rng: np.random.Generator,
    subtle: tuple[float, float],
    plain: tuple[float, float],
    strength: float,
) -> float:
    """Uniform draw from a range that moves from `subtle` to `plain` with the strength."""
    low = subtle[0] + (plain[0] - subtle[0]) * strength
    high = subtle[1] + (plain[1] - subtle[1]) * strength
    return float(rng.uniform(low, high))


def _shift(
    rng: np.random.Generator,
    subtle: tuple[float, float],
    plain: tuple[float, float],
    strength: float,
) -> tuple[float, float]:
    length = _between(rng, subtle, plain, strength)
    angle = float(rng.uniform(0, 2 * np.pi))
    return (length * float(np.cos(angle)), length * float(np.sin(angle)))


def _misspell(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    text = p.brand_text
    i = int(rng.integers(1, len(text) - 1))
    kind = 2 if strength < 0.5 else int(rng.integers(0, 3))  # a look-alike is the hardest to see
    if kind == 0 and text[i] != text[i + 1]:
        text = text[:i] + text[i + 1] + text[i] + text[i + 2 :]
    elif kind == 1:
        text = text[: i + 1] + text[i:]
    else:
        places = [k for k in range(1, len(text)) if text[k] in _LOOKALIKE]
        i = int(rng.choice(places)) if places else i
        text = text[:i] + _LOOKALIKE.get(text[i], "u") + text[i + 1 :]
    return replace(p, brand_text=text)


def _wrong_font(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    if strength < 0.5:  # another sans of the same weight, and only one of the two texts
        if rng.random() < 0.5:
            return replace(p, brand_font=_OTHER_FONT[p.brand_font])
        return replace(p, product_font=_OTHER_FONT[p.product_font])
    return replace(p, brand_font="serif", product_font=_OTHER_FONT[p.product_font])


def _kerning(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    sign = -1.0 if rng.random() < 0.5 else 1.0
    spacing = _between(rng, (0.03, 0.04), (0.08, 0.12), strength)
    return replace(p, brand_kerning_em=sign * spacing, product_kerning_em=spacing)


def _colour_cast(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    delta_e = _between(rng, (4.0, 5.5), (11.0, 20.0), strength)
    # From the design's aim, not the drifted copy: the total stays within the promised dE.
    return replace(
        p,
        panel_rgb=shifted_colour(rng, p.design.panel_rgb, delta_e),
        accent_rgb=shifted_colour(rng, p.design.accent_rgb, delta_e),
    )


def _lowdpi_halftone(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    return replace(
        p,
        print_resolution=_between(rng, (0.55, 0.65), (0.3, 0.42), strength),
        screen_share=_between(rng, (0.12, 0.2), (0.35, 0.5), strength),
    )


def _layout_shift(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    return replace(
        p,
        logo_shift_xy=_shift(rng, (0.009, 0.015), (0.025, 0.045), strength),
        text_shift_xy=_shift(rng, (0.005, 0.012), (0.02, 0.035), strength),
    )


def _no_hologram(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    return replace(p, has_hologram=False)


def _bad_checkdigit(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    digits = p.barcode_digits
    wrong = (int(digits[12]) + int(rng.integers(1, 10))) % 10
    return replace(p, barcode_digits=f"{digits[:12]}{wrong}")


def _wrong_origin(rng: np.random.Generator, p: Printing, strength: float) -> Printing:
    return replace(p, origin_text=f"Made in {rng.choice(_WRONG_ORIGIN)}")


_ALTERATIONS: dict[Defect, Callable[[np.random.Generator, Printing, float], Printing]] = {
    "misspell": _misspell,
    "wrong_font": _wrong_font,
    "kerning": _kerning,
    "colour_cast": _colour_cast,
    "lowdpi_halftone": _lowdpi_halftone,
    "layout_shift": _layout_shift,
    "no_hologram": _no_hologram,
    "bad_checkdigit": _bad_checkdigit,
    "wrong_origin": _wrong_origin,
}
