"""Cans, cartons, pouches, jars, vacuum flasks and bags of liquid. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Solid
from parcelscope.datasets.xray.solids import (
    ball,
    block,
    chain,
    disc,
    hollow,
    pick,
    ring,
    rod,
    vector,
)

LIQUIDS = ("water", "water", "ethanol", "oil", "syrup", "glycol")


def wall_mm(rng: np.random.Generator, shell: str) -> float:
    """A usual wall of material `shell`."""
    low, high = {
        "glass": (1.6, 4.0), "pet": (0.25, 0.8), "pe": (0.6, 1.5), "pp": (0.6, 1.4),
        "al": (0.3, 0.8), "steel": (0.3, 0.6), "ceramic": (3.0, 5.0), "pmma": (1.5, 3.0),
    }[shell]  # fmt: skip
    return float(rng.uniform(low, high))


def can(rng: np.random.Generator) -> list[Solid]:
    """A drink can or an oblong or round tin of oil, thinner or paint."""
    if rng.random() < 0.55:
        radius, half = rng.choice([26.5, 29.0, 33.1]), rng.uniform(42, 84)
        shell, wall = pick(rng, "al", "al", "steel"), 0.13
        liquid = pick(rng, "water", "water", "ethanol", "syrup")
        solids = hollow(rod((0, 0, 0), radius, half, shell), wall, liquid)
        gap = half * rng.uniform(0.04, 0.2)
        spot = (half - wall - gap, 0, 0)
        solids.append(rod(spot, radius - wall - 0.01, gap * 0.99, "air", replaces=liquid))
        lid = rod((half + 2, 0, 0), radius * 0.82, 2, shell)
        return [*solids, *hollow(lid, 0.25), block((half + 4.5, 4, 0), (0.5, 8, 7), "al"),
                ball((-half + 5.5, 0, 0), (5, radius * 0.75, radius * 0.75), "air",
                     replaces=liquid)]  # fmt: skip
    half_mm = np.array([rng.uniform(40, 100), rng.uniform(24, 44), rng.uniform(23, 36)])
    liquid = pick(rng, "oil", "oil", "ethanol", "glycol", "syrup")
    solids = hollow(block((0, 0, 0), half_mm, "steel"), 0.25, liquid)
    empty = half_mm - 0.3
    empty[0] *= rng.uniform(0.03, 0.3)
    solids.append(block((half_mm[0] - 0.3 - empty[0], 0, 0), empty, "air", replaces=liquid))
    for end in (-1, 1):  # folded seams
        solids += hollow(
            block((end * half_mm[0], 0, 0), half_mm * (0, 1, 1) + (1.5, 1, 1), "steel"), 0.35
        )
    spout = (half_mm[0] + 6, half_mm[1] * rng.uniform(-0.5, 0.5), 0)
    return [*solids, *hollow(rod(spout, rng.uniform(9, 18), 6, pick(rng, "pp", "steel")), 0.9)]


def aerosol(rng: np.random.Generator) -> list[Solid]:
    """A pressurised can: domed ends, valve, dip tube, a mixing ball in paint, a cap."""
    radius, half = rng.uniform(16, 33), rng.uniform(38, 100)
    shell = pick(rng, "steel", "al")
    wall = 0.25 if shell == "steel" else 0.5
    liquid, fill = pick(rng, "ethanol", "oil", "water"), rng.uniform(0.4, 0.85)
    solids = hollow(rod((0, 0, 0), radius, half, shell), wall, liquid)
    room = half - wall
    spot = (room * fill, 0, 0)
    solids.append(rod(spot, radius - wall, room * (1 - fill), "air", replaces=liquid))
    for k in range(3):
        share = (k + 0.5) / 3
        step = rod((half + 8 * share, 0, 0), radius * (1 - 0.5 * share), 1.4, shell)
        solids += [
            step,
            rod(step.centre_mm, float(step.half_mm[0]) - 1.6, 1.4, "air", replaces=shell),
        ]
    solids += [rod((half + 9, 0, 0), 12, 1.5, "steel"), rod((half - 4, 0, 0), 4.5, 8, "nylon"),
               rod((half + 13, 0, 0), 2, 6, "pp"), rod((half + 19, 0, 0), 6, 5, "pp"),
               rod((0, 2, 0), 1.6, half * 0.9, "pe")]  # fmt: skip
    if rng.random() < 0.35:
        solids.append(ball((-half + 7, 5, 0), (4.5, 4.5, 4.5), pick(rng, "steel", "glass")))
    if rng.random() < 0.7:
        solids += hollow(rod((half + 15, 0, 0), radius * 0.95, 14, "pp"), 1.1)
    return solids


def carton(rng: np.random.Generator) -> list[Solid]:
    """A drink carton: board with foil, a gable or flat top, a screw cap or a straw."""
    half = np.array([rng.uniform(42, 115), rng.uniform(22, 46), rng.uniform(18, 36)])
    liquid = pick(rng, "water", "water", "syrup", "oil", "ethanol")
    solids = hollow(block((0, 0, 0), half, "paper"), 0.45, liquid)
    gap = half - 0.5
    gap[0] *= rng.uniform(0.02, 0.2)
    solids.append(block((half[0] - 0.5 - gap[0], 0, 0), gap, "air", replaces=liquid))
    for z in (-half[2], half[2]):
        solids.append(block((0, 0, z), (half[0], half[1], 0.02), "al"))
    if half[0] < 70 and rng.random() < 0.5:
        solids += hollow(rod((0, 0, half[2] + 2.2), 2.2, half[0] * 0.8, "pp"), 0.25)
        return solids
    if rng.random() < 0.5:
        solids.append(block((half[0] + 12, 0, 0), (12, half[1], 1.0), "paper"))
    spot = (half[0] + 5, half[1] * rng.uniform(-0.4, 0.4), 0)
    return [*solids, *hollow(rod(spot, rng.uniform(9, 15), 6, "pe"), 1.5)]


def pouch(rng: np.random.Generator) -> list[Solid]:
    """A soft refill or drink pouch, bulged, with a spout in its edge or corner."""
    half = np.array([rng.uniform(45, 110), rng.uniform(30, 75), rng.uniform(11, 30)])
    liquid, solids = pick(rng, *LIQUIDS), []
    solids.append(ball((0, 0, 0), half, liquid))
    for k in range(3):
        lump = half * rng.uniform(0.35, 0.55, 3)
        solids.append(
            ball((-half[0] * 0.35, half[1] * 0.4 * (k - 1), 0), lump, liquid, replaces=liquid)
        )
    film = pick(rng, "pe", "pet", "al")
    thick = 0.03 if film == "al" else 0.12
    for z in (-half[2] * 0.6, half[2] * 0.6):
        solids.append(
            block((4, 0, z), (half[0] + 6, half[1] * 0.95, thick), film, texture=3, amplitude=0.3)
        )
    solids.append(block((-half[0] - 4, 0, 0), (4, half[1] * 0.95, 0.4), "pe"))
    y = rng.choice([0.0, half[1] * 0.6])
    spout = rod((half[0] + 8, y, 0), 5, 12, "pe")
    return [
        *solids,
        *hollow(spout, 1.0),
        *hollow(rod((half[0] + 20, y, 0), rng.uniform(8, 12), 7, "pp"), 1.5),
    ]


def jar(rng: np.random.Generator) -> list[Solid]:
    """A wide jar or tub of liquid with a broad lid, upright or on its side."""
    radius, half = rng.uniform(18, 46), rng.uniform(20, 70)
    shell = pick(rng, "glass", "glass", "pp", "pet")
    wall, liquid, fill = wall_mm(rng, shell), pick(rng, *LIQUIDS), rng.uniform(0.45, 0.97)
    axis = (0, 0, 1) if rng.random() < 0.35 and half < 42 else (1, 0, 0)
    way = np.array(axis, float)
    solids = hollow(rod((0, 0, 0), radius, half, shell, axis=axis), wall, liquid)
    room = half - wall
    solids.append(
        rod(way * room * fill, radius - wall, room * (1 - fill), "air", axis=axis, replaces=liquid)
    )
    neck = rod(way * (half + 4), radius * 0.9, 4, shell, axis=axis)
    lid_stuff = pick(rng, "steel", "pp", "al")
    lid = rod(
        way * (half + 6), radius * rng.uniform(0.92, 1.02), rng.uniform(6, 10), lid_stuff, axis=axis
    )
    solids += [
        *hollow(neck, min(wall, 2.5))[:1],
        rod(neck.centre_mm, radius * 0.9 - wall, 4, "air", axis=axis, replaces=shell),
    ]
    solids += hollow(lid, 0.3 if lid_stuff != "pp" else 1.4)
    for _ in range(int(rng.choice([0, 0, 0, 3, 8]))):  # pickles, fruit, specimens
        size = rng.uniform(4, 9, 3)
        reach = (radius - wall - size.max()) * 0.65
        spot = (
            rng.uniform(-1, 1, 3) * max(reach, 0.5) * (1 - way)
            + way * rng.uniform(-0.7, 0.2) * room
        )
        solids.append(ball(spot, size, pick(rng, "sugar", "wood", "syrup"), replaces=liquid))
    return solids


def vacuum_flask(rng: np.random.Generator) -> list[Solid]:
    """Two walls of steel with nothing between, a stopper, and a cup or a loop on top."""
    radius, half = rng.uniform(28, 42), rng.uniform(70, 130)
    gap, wall = rng.uniform(3, 6), rng.uniform(0.35, 0.6)
    solids = hollow(rod((0, 0, 0), radius, half, "steel"), wall)
    inner = rod(
        (1, 0, 0), radius - wall - gap, half - gap - 2, pick(rng, "steel", "steel", "glass")
    )
    liquid, fill = pick(rng, *LIQUIDS), rng.uniform(0.3, 1.0)
    solids += hollow(inner, wall if inner.material == "steel" else 1.2, liquid)
    room = half - gap - 3.5
    empty = room * (1 - fill)
    if empty > 1:
        spot = (1 + room - empty, 0, 0)
        solids.append(rod(spot, radius - gap - wall - 1.3, empty, "air", replaces=liquid))
    top = rng.uniform(10, 34)
    lid = pick(rng, "pp", "steel")
    solids += hollow(
        rod((half + top * 0.8, 0, 0), radius * rng.uniform(0.6, 1.0), top, lid),
        1.8 if lid == "pp" else 0.5,
    )
    solids.append(rod((half + 2, 0, 0), radius * 0.5, 6, "pp"))
    if rng.random() < 0.3:
        solids += ring((half + 2 * top + 8, 0, 0), (14, 16), 2.5, "pp", segments=8)
    return solids


def bag(rng: np.random.Generator) -> list[Solid]:
    """An infusion or hot-water bag with ports and a length of tube."""
    half = np.array([rng.uniform(55, 100), rng.uniform(38, 60), rng.uniform(10, 20)])
    liquid = pick(rng, "water", "water", "syrup")
    solids = [
        ball((0, 0, 0), half, liquid),
        ball((-8, 0, 0), half * (0.7, 1.02, 0.8), liquid, replaces=liquid),
    ]
    stuff = pick(rng, "pvc", "rubber")
    thick = 0.35 if stuff == "pvc" else 1.2
    for z in (-half[2] * 0.7, half[2] * 0.7):
        solids.append(block((0, 0, z), (half[0] + 8, half[1] * 0.95, thick), stuff))
    for y in (-12.0, 10.0):
        solids += hollow(rod((half[0] + 12, y, 0), 4, 13, stuff), 1.0)
    line = np.stack(
        [vector(half[0] + 25, 10, 0), vector(half[0] + 38, 22, 3), vector(half[0] + 22, 34, 3)]
    )
    return [
        *solids,
        *chain(line, 2.2, stuff, core="air", core_radius=1.4),
        disc((half[0] + 20, 34, 3), 5, 8, "pp"),
    ]
