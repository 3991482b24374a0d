"""Items of interest that hold a liquid: bottles, flasks, cans and vials. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.items_bottle import familiar_liquid
from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Variety,
    block,
    chain,
    hollow,
    model,
    pick,
    rod,
    scaled,
    vector,
)


def liquid_bottle(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Any usual container of liquid; unseen: a flat hip flask, a jerrycan, or a row of vials."""
    if variety == "familiar":
        return familiar_liquid(rng)
    liquid = pick(rng, "water", "ethanol", "oil", "syrup", "glycol")
    design = (_flask, _jerrycan, _vials)[int(rng.integers(3))]
    return scaled(model("liquid_bottle", design(rng, liquid)), rng.uniform(0.9, 1.15))


def _flask(rng: np.random.Generator, liquid: str) -> list[Solid]:
    half = np.array([rng.uniform(45, 65), rng.uniform(36, 46), rng.uniform(10, 14)])
    shell = pick(rng, "steel", "glass", "pet")
    wall = {"steel": 0.6, "glass": 2.4, "pet": 0.6}[shell]
    solids = hollow(block((0, 0, 0), half, shell), wall, liquid)
    gap = half - wall
    gap[0] *= 0.25
    solids.append(block((half[0] - wall - gap[0], 0, 0), gap * 0.99, "air", replaces=liquid))
    solids += hollow(rod((half[0] + 9, 0, 0), 9, 9, "steel" if shell == "steel" else "pp"), 1)
    return [*solids, block((half[0] + 2, 14, 0), (2, 7, 2.5), "pp")]


def _jerrycan(rng: np.random.Generator, liquid: str) -> list[Solid]:
    """A blow-moulded can with a handle through its shoulder."""
    half = np.array([rng.uniform(60, 85), rng.uniform(45, 60), rng.uniform(28, 42)])
    solids = hollow(block((0, 0, 0), half, "pe"), 1.6, liquid)
    level = half[0] * rng.uniform(0.1, 0.3)
    gap = (level, half[1] - 2, half[2] - 2)
    solids.append(block((half[0] - 2 - level, 0, 0), gap, "air", replaces=liquid))
    handle = np.array(
        [[half[0], -half[1] * 0.7, 0], [half[0] + 25, -half[1] * 0.6, 0],
         [half[0] + 25, half[1] * 0.2, 0], [half[0], half[1] * 0.3, 0]]
    )  # fmt: skip
    solids += chain(handle, 8, "pe")
    return [*solids, *hollow(rod((half[0] + 12, half[1] * 0.65, 0), 15, 13, "pp"), 1.8)]


def _vials(rng: np.random.Generator, liquid: str) -> list[Solid]:
    """Small stoppered glass vials in two rows."""
    radius, length = rng.uniform(8, 13), rng.uniform(34, 55)
    solids: list[Solid] = []
    for k in range(int(rng.integers(4, 11))):
        spot = np.array([(k % 2) * (length + 14), (k // 2) * (2 * radius + 2.5), 0])
        solids += hollow(rod(spot, radius, length / 2, "glass"), 1.2, liquid)
        bubble = spot + vector(length * 0.33, 0, 0)
        solids.append(rod(bubble, radius - 1.4, length * 0.1, "air", replaces=liquid))
        solids.append(rod(spot + vector(length / 2 + 3, 0, 0), radius * 0.7, 3, "rubber"))
        solids.append(rod(spot + vector(length / 2 + 5, 0, 0), radius * 0.75, 2, "al"))
    return solids
