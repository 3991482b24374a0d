"""Items of interest: what `xray.items` looks for in a scan."""

from collections.abc import Callable

import numpy as np

from parcelscope.datasets.xray.items_blades import knife, scissors
from parcelscope.datasets.xray.items_currency import currency_stack
from parcelscope.datasets.xray.items_guns import handgun
from parcelscope.datasets.xray.items_liquid import liquid_bottle
from parcelscope.datasets.xray.items_medicine import blister_pack, loose_pills, powder_bag
from parcelscope.datasets.xray.items_power import battery_pack, vape
from parcelscope.datasets.xray.scene import Model
from parcelscope.datasets.xray.solids import Variety

ITEMS: dict[str, Callable[[np.random.Generator, Variety], Model]] = {
    "handgun": handgun,
    "knife": knife,
    "scissors": scissors,
    "battery_pack": battery_pack,
    "blister_pack": blister_pack,
    "loose_pills": loose_pills,
    "powder_bag": powder_bag,
    "vape": vape,
    "currency_stack": currency_stack,
    "liquid_bottle": liquid_bottle,
}
ITEM_LABELS: tuple[str, ...] = tuple(ITEMS)
"""The classes of the item detector, in the order of its output channels."""


def make_item(label: str, rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A new specimen of the item `label`.

    Raises:
        ValueError: If `label` is not one of `ITEM_LABELS`.
    """
    if label not in ITEMS:
        raise ValueError(f"item must be one of {', '.join(ITEM_LABELS)}, got {label!r}")
    return ITEMS[label](rng, variety)
