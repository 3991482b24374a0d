"""Ordinary goods: what compliant parcels hold."""

from collections.abc import Callable

import numpy as np

from parcelscope.datasets.xray import (
    goods_electronics,
    goods_hardware,
    goods_household,
    goods_personal,
    goods_textile,
)
from parcelscope.datasets.xray.scene import Model
from parcelscope.datasets.xray.solids import Variety

Maker = Callable[[np.random.Generator, Variety], Model]

FAMILIAR_GOODS: dict[str, Maker] = {
    "clothing": goods_textile.clothing,
    "jeans": goods_textile.jeans,
    "shoe": goods_textile.shoe,
    "handbag": goods_textile.handbag,
    "soft_toy": goods_textile.soft_toy,
    "belt": goods_textile.belt,
    "blanket": goods_textile.blanket,
    "phone": goods_electronics.phone,
    "cable": goods_electronics.cable,
    "charger": goods_electronics.charger,
    "earphones": goods_electronics.earphones,
    "gadget": goods_electronics.gadget,
    "tablet": goods_electronics.tablet,
    "remote_control": goods_electronics.remote_control,
    "light_bulb": goods_electronics.light_bulb,
    "book": goods_household.book,
    "documents": goods_household.documents,
    "can": goods_household.can,
    "mug": goods_household.mug,
    "glassware": goods_household.glassware,
    "candle": goods_household.candle,
    "cutlery": goods_household.cutlery,
    "tool": goods_hardware.tool,
    "tea_pack": goods_household.tea_pack,
    "pens": goods_household.pens,
    "small_parts": goods_hardware.small_parts,
    "picture_frame": goods_household.picture_frame,
    "jar": goods_personal.jar,
    "cream_tube": goods_personal.cream_tube,
    "makeup_palette": goods_personal.makeup_palette,
    "lipstick": goods_personal.lipstick,
    "jewellery": goods_personal.jewellery,
    "watch": goods_personal.watch,
    "sunglasses": goods_personal.sunglasses,
    "toy_car": goods_personal.toy_car,
    "building_bricks": goods_personal.building_bricks,
    "playing_cards": goods_personal.playing_cards,
    "doll": goods_personal.doll,
    "hair_brush": goods_personal.hair_brush,
}
UNSEEN_GOODS: dict[str, Maker] = {
    "umbrella": goods_textile.umbrella,
    "hat": goods_textile.hat,
    "keyboard": goods_electronics.keyboard,
    "torch": goods_electronics.torch,
    "hair_dryer": goods_electronics.hair_dryer,
    "padlock": goods_hardware.padlock,
    "bicycle_part": goods_hardware.bicycle_part,
    "figurine": goods_personal.figurine,
    "clock": goods_personal.clock,
}
"""Kinds that no familiar parcel holds."""
GOODS: dict[str, Maker] = FAMILIAR_GOODS | UNSEEN_GOODS


def goods_names(variety: Variety) -> tuple[str, ...]:
    """The kinds of goods to draw from; `unseen` parcels mix both sorts."""
    return tuple(FAMILIAR_GOODS if variety == "familiar" else GOODS)


def make_goods(name: str, rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A new specimen of the goods `name`.

    Raises:
        ValueError: If `name` is not one of `GOODS`.
    """
    if name not in GOODS:
        raise ValueError(f"goods must be one of {', '.join(GOODS)}, got {name!r}")
    return GOODS[name](rng, variety)
