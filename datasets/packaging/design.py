"""What a genuine package looks like: invented brands, products, colours and codes, as values."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import ImageFont

Image = npt.NDArray[np.uint8]
FontName = Literal["lato", "roboto", "condensed", "sans", "serif"]
Layout = Literal["band", "side"]
Logo = Literal["ring", "peak", "wave", "arcs", "leaf"]

FACE_WH = (640, 420)
"""Width and height of the front face in design units; a defect's size is a share of the width."""

_FONT_DIR = Path(__file__).parent / "fonts"
_FONT_FILES: dict[FontName, str] = {
    "lato": "Lato-Bold.ttf",
    "roboto": "Roboto-Bold.ttf",
    "condensed": "RobotoCondensed-Bold.ttf",
    "sans": "OpenSans-Regular.ttf",
    "serif": "DejaVuSerif-Bold.ttf",
}
# Invented names, so that no real brand is ever shown as altered.
_BRANDS = (
    "NORVANTA", "Kelmora", "Zephyrix", "Alpenova", "Brightwell", "Lumivexa",
    "TORVELLA", "Quorindo", "Sanivère", "MIRADOLL", "Ostrelia", "Vandrake",
)  # fmt: skip
_PRODUCTS = (
    "Wireless Earbuds Pro", "Vitamin D3 1000 IU", "Lip Balm Duo", "Running Socks 3-Pack",
    "USB-C Charger 30 W", "Face Serum 30 ml", "Travel Shaver X2", "Omega-3 Capsules",
    "Phone Case Clear", "Eau de Parfum 50 ml", "Water Filter Set", "Toy Racer Kit",
)  # fmt: skip
# GS1 company prefixes by the member organisation that assigns them (GS1 prefix list).
GS1_PREFIX_OF_ORIGIN = {
    "Germany": "400", "Italy": "800", "Japan": "490", "France": "300", "Switzerland": "760",
    "Sweden": "730", "Netherlands": "870",
}  # fmt: skip
_LOGOS: tuple[Logo, ...] = ("ring", "peak", "wave", "arcs", "leaf")
_BRAND_FONTS: tuple[FontName, ...] = ("lato", "roboto", "condensed")
_LOT_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageDesign:
    """One genuine packaging design and the lot data of one printed copy of it."""

    brand: str
    product: str
    origin: str
    panel_rgb: tuple[int, int, int]
    accent_rgb: tuple[int, int, int]
    ean13: str
    """13 digits, with a valid check digit."""
    lot: str
    expiry: str
    """Year and month, as printed: `2028-04`."""
    logo: Logo
    layout: Layout
    brand_font: FontName
    product_font: FontName


def genuine_design(rng: np.random.Generator) -> PackageDesign:
    """A random genuine design, with the lot data of its first copy."""
    origin = str(rng.choice(list(GS1_PREFIX_OF_ORIGIN)))
    digits = GS1_PREFIX_OF_ORIGIN[origin] + "".join(str(d) for d in rng.integers(0, 10, 9))
    hue = float(rng.uniform(0, 360))
    design = PackageDesign(
        brand=str(rng.choice(_BRANDS)),
        product=str(rng.choice(_PRODUCTS)),
        origin=origin,
        panel_rgb=_rgb(hue, float(rng.uniform(0.45, 0.9)), float(rng.uniform(0.3, 0.62))),
        accent_rgb=_rgb(
            hue + float(rng.uniform(90, 270)),
            float(rng.uniform(0.5, 0.85)),
            float(rng.uniform(0.75, 0.95)),
        ),
        ean13=digits + gs1_check_digit(digits),
        lot="",
        expiry="",
        logo=_LOGOS[int(rng.integers(len(_LOGOS)))],
        layout="band" if rng.random() < 0.55 else "side",
        brand_font=_BRAND_FONTS[int(rng.integers(len(_BRAND_FONTS)))],
        product_font=_BRAND_FONTS[int(rng.integers(len(_BRAND_FONTS)))],
    )
    return another_copy(rng, design)


def another_copy(rng: np.random.Generator, design: PackageDesign) -> PackageDesign:
    """The same design with the lot and expiry of another production run."""
    lot = "".join(rng.choice(list(_LOT_LETTERS), 8))
    expiry = f"{int(rng.integers(2027, 2031))}-{int(rng.integers(1, 13)):02d}"
    return replace(design, lot=lot, expiry=expiry)


def gs1_check_digit(digits: str) -> str:
    """Check digit of a GS1 key without it (GTIN, SSCC): weights 3, 1, 3 from the right, mod 10."""
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(digits)))
    return str(-total % 10)


@lru_cache(maxsize=256)
def font(name: FontName, size_px: int) -> ImageFont.FreeTypeFont:
    """A shipped font at one size, the same on every machine."""
    # Basic layout: Raqm is used by Pillow only where the machine has it, and kerns differently.
    path = _FONT_DIR / _FONT_FILES[name]
    return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.BASIC)


def _rgb(hue_deg: float, saturation: float, value: float) -> tuple[int, int, int]:
    sector = (hue_deg % 360) / 60
    channels = [
        value * (1 - saturation * float(np.clip(min(k, 4 - k), 0, 1)))
        for k in ((5 + sector) % 6, (3 + sector) % 6, (1 + sector) % 6)
    ]
    return (round(channels[0] * 255), round(channels[1] * 255), round(channels[2] * 255))
