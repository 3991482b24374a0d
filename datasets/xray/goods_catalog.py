"""How goods are declared: description, tariff number, value and family of every kind."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Family = Literal[
    "textile",
    "footwear",
    "electronics",
    "metal parts",
    "documents",
    "food",
    "cosmetics",
    "toys",
    "household",
    "jewellery",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsLine:
    """One line of a manifest, as an honest sender writes it."""

    description: str
    hs_code: str
    """Six digits of the Harmonized System."""
    unit_value_usd: float
    family: Family


@dataclass(frozen=True, slots=True)
class Entry:
    """What may be declared for one kind of goods."""

    family: Family
    hs_code: str
    value_usd: tuple[float, float]
    """Lowest and highest plausible value of one piece."""
    descriptions: tuple[str, ...]


CATALOG: dict[str, Entry] = {
    "clothing": Entry(
        "textile", "610910", (4, 45), ("cotton t-shirts", "women's blouse", "polo shirt, cotton")
    ),
    "jeans": Entry("textile", "620342", (14, 80), ("men's denim trousers", "jeans, cotton")),
    "blanket": Entry("textile", "630260", (6, 40), ("terry towels", "bath towel, cotton")),
    "belt": Entry("textile", "420330", (5, 50), ("leather belt", "men's belt with buckle")),
    "hat": Entry("textile", "650500", (4, 30), ("baseball cap", "cap with brim, cotton")),
    "umbrella": Entry("household", "660191", (5, 30), ("folding umbrella", "telescopic umbrella")),
    "handbag": Entry("textile", "420222", (12, 120), ("ladies handbag", "shoulder bag, synthetic")),
    "shoe": Entry("footwear", "640411", (15, 110), ("sports shoes", "sneakers, textile upper")),
    "soft_toy": Entry("toys", "950300", (5, 30), ("plush toy", "stuffed toy animal")),
    "toy_car": Entry("toys", "950300", (3, 35), ("die-cast toy car", "toy vehicle")),
    "building_bricks": Entry(
        "toys", "950300", (8, 70), ("toy building bricks", "construction toy set, plastic")
    ),
    "playing_cards": Entry("toys", "950440", (3, 25), ("playing cards", "card game")),
    "doll": Entry("toys", "950300", (6, 40), ("doll", "toy action figure")),
    "phone": Entry("electronics", "851713", (60, 700), ("mobile phone", "smartphone, used")),
    "tablet": Entry("electronics", "847130", (70, 600), ("tablet computer", "portable computer")),
    "cable": Entry("electronics", "854442", (2, 15), ("USB cable", "charging cable with plugs")),
    "charger": Entry("electronics", "850440", (4, 30), ("power adapter", "USB wall charger")),
    "earphones": Entry("electronics", "851830", (8, 150), ("wireless earphones", "headset")),
    "gadget": Entry(
        "electronics", "852692", (10, 90), ("wireless controller", "electronic control module")
    ),
    "remote_control": Entry(
        "electronics", "852692", (4, 20), ("remote control for television", "remote control unit")
    ),
    "light_bulb": Entry("electronics", "853952", (2, 15), ("LED lamp", "LED light bulb")),
    "keyboard": Entry("electronics", "847160", (15, 130), ("computer keyboard", "keyboard, USB")),
    "torch": Entry("electronics", "851310", (6, 60), ("LED torch", "portable electric lamp")),
    "hair_dryer": Entry("electronics", "851631", (15, 90), ("hair dryer", "electric hair dryer")),
    "watch": Entry("jewellery", "910211", (15, 400), ("wrist watch", "quartz watch with strap")),
    "jewellery": Entry(
        "jewellery", "711719", (5, 120), ("imitation jewellery", "necklace and rings, base metal")
    ),
    "sunglasses": Entry("jewellery", "900410", (6, 120), ("sunglasses", "sunglasses in case")),
    "clock": Entry("household", "910511", (8, 50), ("alarm clock", "table clock")),
    "book": Entry("documents", "490199", (5, 40), ("printed book", "books, second hand")),
    "documents": Entry("documents", "490700", (1, 10), ("documents", "business papers")),
    "can": Entry("food", "210690", (2, 12), ("canned food", "food preparation in tin")),
    "tea_pack": Entry("food", "090230", (3, 25), ("black tea in bags", "tea, packed")),
    "jar": Entry("cosmetics", "330499", (5, 80), ("face cream", "skin care cream")),
    "cream_tube": Entry("cosmetics", "330499", (3, 30), ("hand cream", "body lotion in tube")),
    "makeup_palette": Entry("cosmetics", "330420", (5, 60), ("eye shadow palette", "eye make-up")),
    "lipstick": Entry("cosmetics", "330410", (4, 40), ("lipstick", "lip make-up")),
    "hair_brush": Entry("cosmetics", "960329", (3, 25), ("hair brush", "toilet brush for hair")),
    "mug": Entry("household", "691200", (4, 25), ("ceramic mug", "cup, stoneware")),
    "glassware": Entry("household", "701337", (5, 40), ("drinking glasses", "glass tumblers")),
    "candle": Entry("household", "340600", (3, 35), ("scented candle", "candles")),
    "cutlery": Entry("household", "821599", (4, 40), ("spoons and forks", "table cutlery")),
    "pens": Entry("household", "960810", (2, 25), ("ball point pens", "pen set")),
    "picture_frame": Entry("household", "441400", (5, 40), ("picture frame", "photo frame")),
    "figurine": Entry("household", "691390", (6, 60), ("decorative figurine", "statuette")),
    "tool": Entry("metal parts", "820411", (4, 45), ("hand tools", "spanner, screwdriver set")),
    "small_parts": Entry(
        "metal parts", "731815", (2, 25), ("screws and fittings", "assorted hardware")
    ),
    "padlock": Entry("metal parts", "830110", (4, 35), ("padlock", "brass padlock with keys")),
    "bicycle_part": Entry(
        "metal parts", "871496", (12, 90), ("bicycle crank set", "bicycle spare parts")
    ),
}


def describe(name: str, rng: np.random.Generator) -> GoodsLine:
    """How the goods `name` are declared by an honest sender.

    Raises:
        ValueError: If `name` is not a kind of goods; items of interest are never declared.
    """
    if name not in CATALOG:
        raise ValueError(f"goods must be one of {', '.join(CATALOG)}, got {name!r}")
    entry = CATALOG[name]
    low, high = entry.value_usd
    # Prices are spread by ratio: most pieces are cheap, a few are dear.
    value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    description = entry.descriptions[int(rng.integers(len(entry.descriptions)))]
    return GoodsLine(
        description=description,
        hs_code=entry.hs_code,
        unit_value_usd=round(value, 2),
        family=entry.family,
    )
