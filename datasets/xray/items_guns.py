"""Handguns: whole, in parts, unfinished, in holsters. Lengths in mm.

A handgun lies on its side: the muzzle points to +x, the sights to +y, its width is along z.
"""

import numpy as np

from parcelscope.datasets.xray.items_gun_forms import FORMS, SHARES
from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Y_AXIS,
    Variety,
    about_z,
    block,
    bounds,
    hollow,
    model,
    pick,
    ring,
    rod,
    scaled,
)

LIMIT_MM = np.array([325.0, 228.0, 118.0])
"""Longest, middle and shortest side that a handgun may have, so that it fits into a parcel."""
MOST_SOLIDS = 110


def handgun(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A pistol, whole or its parts in one bag; unseen: a revolver or a pocket pistol."""
    if variety == "unseen":
        solids = _revolver(rng) if rng.random() < 0.6 else _pocket_pistol(rng)
        return scaled(model("handgun", solids), rng.uniform(0.88, 1.12))
    while True:
        solids = FORMS[int(rng.choice(len(FORMS), p=SHARES))](rng)
        if rng.random() < 0.25:
            solids = [*solids, *_wrapper(rng, solids)]
        whole = model("handgun", solids)
        if len(solids) <= MOST_SOLIDS and (whole.size_mm <= LIMIT_MM).all():
            return scaled(whole, min(rng.uniform(0.94, 1.06), *(LIMIT_MM / whole.size_mm)))


def _wrapper(rng: np.random.Generator, solids: list[Solid]) -> list[Solid]:
    """A holster over the front, or cloth, bubble film or metal foil all around."""
    lows, highs = bounds(solids)
    low, high = lows.min(axis=0), highs.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    kind = pick(rng, "leather", "nylon", "textile_cotton", "pe_foam", "al", "al")
    if kind in ("leather", "nylon"):
        cover, wall = (middle[0] + half[0] * 0.12, high[1] - half[1] * 0.42, middle[2]), 2.4
        size = (half[0] * 0.9, half[1] * 0.42, half[2] + 3)
        return hollow(block(cover, size, kind), wall)
    wall = {"textile_cotton": 1.8, "pe_foam": 3.5, "al": 0.08}[kind]
    return hollow(block(middle, half + wall + 0.3, kind), wall)


def _revolver(rng: np.random.Generator) -> list[Solid]:
    barrel = rng.uniform(55, 150)
    chambers = int(rng.integers(5, 8))
    solids = [
        rod((28 + barrel / 2, 14, 0), 8.6, barrel / 2, "steel"),
        rod((28 + barrel / 2, 14, 0), 4.6, barrel / 2, "air", replaces="steel"),
        block((28 + barrel * 0.45, 3, 0), (barrel * 0.42, 3.5, 5), "steel"),
        rod((6, 8, 0), 19.5, 20, "steel"),
        block((4, 29.5, 0), (31, 2.6, 5), "steel"),
        block((4, -14, 0), (33, 3.4, 6), "steel"),
        block((-27, 6, 0), (5, 22, 7), "steel"),
        block((28.5, 8, 0), (2.2, 21, 6), "steel"),
        *ring((-4, -29, 0), (20, 14), 2.6, "steel", segments=12),
        block((-3, -26, 0), (1.8, 9, 2.5), "steel", rotation=about_z(0.25)),
        block((-34, 24, 0), (5, 10, 3), "steel", rotation=about_z(0.6)),
        block((28 + barrel - 6, 24, 0), (5, 2.2, 1.2), "steel"),
    ]
    for k in range(chambers):
        angle = 2 * np.pi * k / chambers
        spot = (6.0, 8 + 12.4 * np.cos(angle), 12.4 * np.sin(angle))
        filling = "air" if rng.random() < 0.5 else "brass"
        solids.append(rod(spot, 4.7, 19.5, filling, replaces="steel"))
    panel = pick(rng, "wood", "rubber")
    for k in range(4):
        spot = (-42 - 7 * k, -20 - 17 * k, 0)
        solids.append(rod(spot, 17 - k, 13, panel, axis=(0.3, 1, 0), flat=0.7))
    solids.append(block((-50, -42, 0), (7, 38, 3.2), "steel", rotation=about_z(-0.38)))
    return solids


def _pocket_pistol(rng: np.random.Generator) -> list[Solid]:
    """A short two-barrel pistol with a curved wooden grip."""
    barrel = rng.uniform(55, 80)
    solids: list[Solid] = []
    for y in (22.0, 8.0):
        solids.append(rod((barrel / 2, y, 0), 7.6, barrel / 2, "steel"))
        solids.append(rod((barrel / 2, y, 0), 4.5, barrel / 2, "air", replaces="steel"))
    solids += [
        block((-10, 12, 0), (13, 19, 8), "zinc"),
        block((-14, 33, 0), (4, 8, 3), "steel", rotation=about_z(0.5)),
        rod((-14, -12, 0), 3.4, 6, "steel", axis=Y_AXIS),
    ]
    for k in range(4):
        grip = (-27 - 9.0 * k, 2 - 15.0 * k, 0)
        solids.append(rod(grip, 14, 11, "wood", axis=(0.5, 1, 0), flat=0.75))
    return solids
