"""Items of interest made of banknotes: bundles, rolls and cubes. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.items_notes import familiar_currency
from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Variety,
    about_z,
    block,
    hollow,
    model,
    rod,
    scaled,
    turned,
)


def currency_stack(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Notes in bundles or loose; unseen: rolls in rubber bands, or one square wrapped cube."""
    if variety == "familiar":
        return familiar_currency(rng)
    solids = _note_rolls(rng) if rng.random() < 0.5 else _note_cube(rng)
    return scaled(model("currency_stack", solids), rng.uniform(0.95, 1.1))


def _note_rolls(rng: np.random.Generator) -> list[Solid]:
    solids: list[Solid] = []
    for k in range(int(rng.integers(2, 7))):
        radius = rng.uniform(14, 22)
        spot = (rng.uniform(-6, 6), 44.0 * (k % 3), 40.0 * (k // 3))
        roll = [
            rod((0, 0, 0), radius, 33, "currency_paper", texture=k, amplitude=0.06),
            rod((0, 0, 0), radius * 0.22, 33, "air", replaces="currency_paper"),
        ]
        roll += hollow(rod((rng.uniform(-9, 9), 0, 0), radius + 1, 2, "rubber"), 1.0, "air")[:1]
        solids += turned(roll, about_z(rng.normal(0, 0.08)), spot)
    return solids


def _note_cube(rng: np.random.Generator) -> list[Solid]:
    side = rng.uniform(33, 42)
    solids: list[Solid] = []
    layers = int(rng.integers(3, 7))
    for k in range(layers):
        leaf = (side, side, 6.0)
        slip = (*rng.uniform(-1, 1, 2), 12.4 * k)
        solids.append(block(slip, leaf, "currency_paper", texture=3 * k, amplitude=0.07))
    middle, half = 6.2 * (layers - 1), 6.2 * layers
    solids += [block((0, 0, middle), (3, side + 1, half + 1), "pet")]
    return [*solids, *hollow(block((0, 0, middle), (side + 2, side + 2, half + 1.5), "pe"), 0.3)]
