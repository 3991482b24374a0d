"""Pseudo-colour pictures as scanners show them: hue by material, tone by thickness.

Colour is painted like a dye over a bright background: `background * exp(-k(Z) s(A))`, thin is
pastel, thick saturated, opaque black. Makers differ in all of it, so every picture gets its own
palette; two base palettes are kept for evaluation.
"""

import colorsys
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg

from parcelscope.datasets.xray.physics import AIR_LEVEL, Counts, Image, attenuation

Rgb = tuple[int, int, int]
Anchor = tuple[float, Rgb]
Picture = npt.NDArray[np.uint8]

HIGHEST_NUMBER = 50.0
STEPS = 512
"""Entries of a palette's lookup table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """How one scanner colours."""

    name: str
    anchors: tuple[Anchor, ...]
    """(effective atomic number, RGB at unit thickness), rising."""
    background: Rgb = (252, 251, 248)
    gain: float = 1.0
    """Strength of the tone."""
    sharpen: float = 1.1
    """Strength of the unsharp mask on the tone."""
    black_from: float = 2.4
    """Attenuation at which tone begins to turn black."""


TRAINING_PALETTES: tuple[Palette, ...] = (
    Palette(
        name="vivid",
        anchors=(
            (5, (236, 118, 44)),
            (8.5, (232, 112, 40)),
            (10, (206, 140, 62)),
            (11.5, (150, 160, 76)),
            (13, (96, 158, 92)),
            (15.5, (66, 146, 112)),
            (17.5, (48, 126, 160)),
            (20, (40, 98, 212)),
            (24, (34, 84, 216)),
            (50, (40, 70, 200)),
        ),
    ),
    Palette(
        name="muted",
        anchors=(
            (5, (214, 150, 74)),
            (8.5, (204, 136, 58)),
            (10, (168, 140, 50)),
            (12, (110, 140, 52)),
            (14, (60, 134, 66)),
            (16.5, (40, 124, 110)),
            (19, (30, 96, 170)),
            (22, (28, 62, 206)),
            (50, (24, 44, 190)),
        ),
    ),
    Palette(
        name="stepped",
        anchors=(
            (5, (238, 140, 30)),
            (9.6, (232, 132, 28)),
            (10.4, (84, 172, 70)),
            (17.6, (70, 166, 80)),
            (18.4, (36, 70, 190)),
            (50, (30, 60, 180)),
        ),
        background=(255, 255, 255),
        sharpen=0.6,
    ),
)
EVALUATION_PALETTES: tuple[Palette, ...] = (
    Palette(
        name="two_colour",
        anchors=(
            (5, (196, 138, 136)),
            (9, (178, 118, 116)),
            (11, (140, 120, 104)),
            (12.5, (70, 126, 92)),
            (15, (26, 126, 82)),
            (50, (14, 104, 66)),
        ),
        background=(226, 240, 244),
    ),
    Palette(
        name="olive",
        anchors=(
            (5, (150, 126, 52)),
            (9, (136, 120, 44)),
            (12, (96, 112, 44)),
            (16, (60, 96, 60)),
            (20, (44, 70, 92)),
            (50, (34, 52, 84)),
        ),
        background=(214, 216, 190),
        gain=1.25,
        sharpen=0.8,
        black_from=2.0,
    ),
)

ANALYST_PALETTE: Final[Palette] = replace(
    TRAINING_PALETTES[0], name="analyst", background=(255, 255, 255)
)
"""How scans are shown to people: orange organic, green mixed, blue metal, opaque black."""


def random_palette(rng: np.random.Generator, *, unseen: bool = False) -> Palette:
    """A base palette with hues, background, tone and sharpening varied.

    Args:
        rng: Source of the variation.
        unseen: From the base palettes kept for evaluation rather than those of training.
    """
    bases = EVALUATION_PALETTES if unseen else TRAINING_PALETTES
    base = bases[int(rng.integers(len(bases)))]
    turn, vividness = rng.normal(0, 0.015), rng.uniform(0.8, 1.15)
    tint = rng.integers(-8, 9, 3) + rng.integers(-10, 4)
    red, green, blue = np.clip(np.array(base.background) + tint, 0, 255).tolist()
    return replace(
        base,
        anchors=tuple((number, _turned(rgb, turn, vividness)) for number, rgb in base.anchors),
        background=(red, green, blue),
        gain=base.gain * rng.uniform(0.75, 1.3),
        sharpen=base.sharpen * rng.uniform(0.2, 1.6),
        black_from=base.black_from * rng.uniform(0.85, 1.25),
    )


def _turned(rgb: Rgb, turn: float, vividness: float) -> Rgb:
    hue, saturation, value = colorsys.rgb_to_hsv(*(c / 255 for c in rgb))
    turned = colorsys.hsv_to_rgb((hue + turn) % 1.0, min(1.0, saturation * vividness), value)
    red, green, blue = (round(255 * c) for c in turned)
    return red, green, blue


def pseudo_colour(
    le: Counts, he: Counts, z_map: Image, palette: Palette, *, air_level: float = AIR_LEVEL
) -> Picture:
    """Colour picture of a scan.

    Args:
        le: (H, W) low energy.
        he: (H, W) high energy.
        z_map: (H, W) effective atomic number, 0 where undefined.
        palette: How to colour.
        air_level: Counts of an empty belt.

    Returns:
        (H, W, 3) RGB.
    """
    low, high = (attenuation(counts, air_level=air_level) for counts in (le, he))
    return dyed(sharpened(np.maximum((low + high) / 2, 0), palette.sharpen), z_map, palette)


def dyed(depth: Image, z_map: Image, palette: Palette) -> Picture:
    """Colour picture, (H, W, 3) RGB, of attenuation `depth` and effective atomic number `z_map`."""
    tone = palette.gain * (1.25 * (1 - np.exp(-depth / 0.55)) + 0.30 * depth)
    entry = np.clip(z_map, 0, HIGHEST_NUMBER) * ((STEPS - 1) / HIGHEST_NUMBER)
    dye = np.asarray(dye_densities(palette)[entry.astype(np.int32)])  # (H, W, 3)
    # Next to nothing is grey: a hue there would be the hue of noise.
    dye = 0.4 + (dye - 0.4) * np.clip((depth - 0.012) / 0.04, 0, 1)[..., None]
    dye += (1.7 - dye) * np.clip((depth - palette.black_from) / 2.2, 0, 1)[..., None]
    painted = np.exp(-dye * tone[..., None]) * np.array(palette.background, np.float32)
    picture: Picture = np.clip(painted, 0, 255).astype(np.uint8)
    return picture


def sharpened(depth: Image, strength: float) -> Image:
    """Attenuation `depth`, (H, W), with an unsharp mask of `strength`; 0 or more."""
    fine = depth - cv2.GaussianBlur(depth, (0, 0), 1.3)
    coarse = depth - cv2.GaussianBlur(depth, (0, 0), 4.0)
    edges = strength * (fine + 0.12 * coarse)
    return np.asarray(np.maximum(depth + edges, 0), np.float32)


def dye_densities(palette: Palette) -> Image:
    """(STEPS, 3) optical density of each colour channel by effective atomic number."""
    number = np.linspace(0, HIGHEST_NUMBER, STEPS)
    at = [anchor for anchor, _ in palette.anchors]
    channels = [
        np.interp(number, at, [max(rgb[c], 1) for _, rgb in palette.anchors]) for c in range(3)
    ]
    densities: Image = -np.log(np.stack(channels, 1) / 255).astype(np.float32)
    return densities


def as_jpeg(picture: Picture, quality: int) -> bytes:
    """`picture` (H, W, 3) as a JPEG file, colour at half resolution as scanners export it."""
    data: bytes = simplejpeg.encode_jpeg(
        np.ascontiguousarray(picture), quality=quality, colorspace="RGB", colorsubsampling="420"
    )
    return data


def random_jpeg_quality(rng: np.random.Generator) -> int:
    """A JPEG quality as exports have it: mostly 80 to 95, sometimes far lower."""
    return int(rng.integers(80, 96) if rng.random() < 0.7 else rng.integers(45, 80))
