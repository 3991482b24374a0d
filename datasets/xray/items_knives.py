"""Knives of the familiar designs, each with a fixed or slid-out steel blade. Lengths in mm."""

from collections.abc import Callable

import numpy as np

from parcelscope.datasets.xray.items_blade_parts import (
    SCALES,
    any_blade,
    any_handle,
    outlined_blade,
    sheath,
    teeth,
)
from parcelscope.datasets.xray.scene import Solid
from parcelscope.datasets.xray.solids import (
    X_AXIS,
    Z_AXIS,
    about_x,
    about_z,
    block,
    bounds,
    disc,
    hollow,
    pick,
    ring,
    rod,
    turned,
)


def fixed_blade(rng: np.random.Generator) -> list[Solid]:
    """Any outline on any handle, perhaps sheathed."""
    length, width = rng.uniform(55, 185), rng.uniform(14, 36)
    blade = any_blade(rng, length, width)
    solids = [*blade, *any_handle(rng, rng.uniform(75, 128), rng.uniform(15, 30))]
    if rng.random() < 0.25:
        thickness = rng.uniform(1.5, 4)
        solids += teeth(rng, 6, length * rng.uniform(0.3, 0.6), width / 2, thickness)
    return [*solids, *sheath(rng, blade)] if rng.random() < 0.35 else solids


def dagger(rng: np.random.Generator) -> list[Solid]:
    """Two edges and a point in the middle; with a fuller, or triangular as a spike."""
    length, width, thick = rng.uniform(90, 195), rng.uniform(9, 34), rng.uniform(3, 6.5)
    start, power = rng.uniform(0, 0.7), rng.uniform(0.8, 2.5)
    blade = outlined_blade(
        length, width, thick / 2, straight=(start, start), power=(power, power),
        leaf=rng.uniform(-0.15, 0.25), bevel=0.0, steps=14,
    )  # fmt: skip
    ridge = block((length * 0.45, 0, 0), (length * 0.43, width * 0.22, thick / 4), "steel")
    solids = [*blade, ridge, *any_handle(rng, rng.uniform(80, 120), rng.uniform(14, 26))]
    cross = rng.uniform(0.8, 1.6) * width
    metal = pick(rng, "steel", "brass", "zinc")
    solids.append(block((-1, 0, 0), (rng.uniform(2, 4), cross, 4), metal))
    return [*solids, *sheath(rng, blade)] if rng.random() < 0.35 else solids


def claw(rng: np.random.Generator) -> list[Solid]:
    """A short blade curved like a claw, mostly with a finger ring behind."""
    length, width = rng.uniform(48, 95), rng.uniform(17, 30)
    blade = outlined_blade(
        length, width, rng.uniform(2.4, 5), tip=rng.uniform(-0.6, -0.2), straight=(0.1, 0.1),
        power=(rng.uniform(1.2, 2.4), rng.uniform(1, 2)), bend=-rng.uniform(0.15, 0.4),
    )  # fmt: skip
    handle = rng.uniform(75, 105)
    solids = [*blade, *any_handle(rng, handle, rng.uniform(18, 26))]
    if rng.random() < 0.8:
        radius = rng.uniform(13, 18)
        spot = (-handle - radius + 3, -rng.uniform(0, 8), 0)
        solids += ring(spot, (radius, radius), rng.uniform(2.4, 4), "steel", segments=10)
    return solids


def throwing_set(rng: np.random.Generator) -> list[Solid]:
    """One to five knives cut from plate, fanned out or stacked."""
    length, width, thick = rng.uniform(80, 130), rng.uniform(18, 34), rng.uniform(2.2, 4.5)
    start, leaf, waist = rng.uniform(0, 0.6), rng.uniform(-0.1, 0.6), rng.uniform(0.4, 0.8)
    count, fan = int(rng.integers(1, 6)), rng.uniform(0, 0.25)
    solids: list[Solid] = []
    for k in range(count):
        one = outlined_blade(length, width * waist, thick, straight=(start, start), leaf=leaf,
                             power=(1.2, 1.2), bevel=0.0, steps=8)  # fmt: skip
        half = length * rng.uniform(0.35, 0.5)
        one.append(block((-half, 0, 0), (half, width * waist / 2, thick / 2), "steel"))
        one += [
            disc((-half * s, 0, 0), width * waist * 0.28, thick / 2, "air", replaces="steel")
            for s in (0.4, 1.0, 1.6)
        ]
        shift = (rng.normal(0, 6), rng.normal(0, 5) + 9 * (k - count / 2), thick * 1.05 * k)
        solids += turned(one, about_z(fan * (k - count / 2)), shift)
    return solids


def kitchen_knife(rng: np.random.Generator) -> list[Solid]:
    """From a paring to a chef's, slicing, boning or bread knife."""
    length = rng.uniform(70, 205)
    width = float(np.clip(length * rng.uniform(0.1, 0.27), 13, 52))
    bread = rng.random() < 0.25
    blade = outlined_blade(
        length, width, rng.uniform(1.1, 2.6), tip=rng.uniform(-0.5, 0.4),
        straight=(rng.uniform(0.1, 0.8), rng.uniform(0.0, 0.7)),
        power=(rng.uniform(1.2, 3), rng.uniform(1.0, 2.5)), bevel=rng.uniform(0.2, 0.6),
    )  # fmt: skip
    handle, grip = rng.uniform(88, 128), rng.uniform(17, 29)
    held = turned(any_handle(rng, handle, grip), shift=(0, max(0.0, width / 2 - grip / 2), 0))
    solids = [*blade, *held]
    if bread:
        solids += teeth(rng, 5, length * 0.92, -width / 2, 1.2)
    for k in range(int(rng.integers(4, 9)) if rng.random() < 0.12 else 0):
        dimple = (length * (0.15 + 0.09 * k), 0, 0)
        solids.append(disc(dimple, width * 0.14, 0.2, "air", replaces="steel"))
    return [*solids, *sheath(rng, blade)] if rng.random() < 0.15 else solids


def several(rng: np.random.Generator) -> list[Solid]:
    """Two to four knives side by side, on a card or in a wooden rest."""
    solids: list[Solid] = []
    floor, count = 0.0, int(rng.integers(2, 5))
    alike = int(rng.integers(2**31)) if rng.random() < 0.4 else None
    for _ in range(count):
        source = rng if alike is None else np.random.default_rng(alike)
        form = kitchen_knife if rng.random() < 0.6 else bare_blade
        one = turned(form(source), about_z(rng.normal(0, 0.04) + np.pi * (rng.random() < 0.3)))
        lows, highs = bounds(one)
        shift = (rng.uniform(-15, 15), floor - highs.max(axis=0)[1], rng.uniform(0, 3))
        solids += turned(one, shift=shift)
        floor -= float((highs.max(axis=0) - lows.min(axis=0))[1]) * rng.uniform(0.6, 1) + 2
    if rng.random() < 0.4:
        lows, highs = bounds(solids)
        middle, half = (lows.min(0) + highs.max(0)) / 2, (highs.max(0) - lows.min(0)) / 2
        backing = pick(rng, "cardboard", "wood", "pet")
        thick = 4.0 if backing == "wood" else 0.8
        spot = (middle[0], middle[1], lows.min(0)[2] - thick)
        solids.append(block(spot, (half[0] * 0.8, half[1] * 1.03, thick), backing))
    return solids


def bare_blade(rng: np.random.Generator) -> list[Solid]:
    """All of steel: a table knife, a throwing spike, or a blade still without its scales."""
    length, width = rng.uniform(70, 150), rng.uniform(12, 32)
    blade = any_blade(rng, length, width)
    half, tall, thick = rng.uniform(35, 60), width * rng.uniform(0.25, 0.48), rng.uniform(1, 3)
    solids = [*blade, block((-half, 0, 0), (half, tall, thick), "steel")]
    for x in np.linspace(-0.3, -1.7, int(rng.integers(0, 5))) * half:
        solids.append(disc((x, 0, 0), tall * 0.4, thick, "air", replaces="steel"))
    return solids


def utility_cutter(rng: np.random.Generator) -> list[Solid]:
    """A snap-off or trapezoid blade in a slim case, or a scalpel; spare blades beside it."""
    if rng.random() < 0.25:
        half, wide = rng.uniform(45, 75), rng.uniform(2, 5)
        metal = pick(rng, "steel", "al", "abs", "pp")
        blade = outlined_blade(rng.uniform(22, 45), rng.uniform(6, 11), 0.6, tip=0.3, steps=7)
        neck = block((0, 0, 0), (10, 2.5, 0.8), "steel")
        return [*blade, neck, rod((-half, 0, 0), wide + 1, half, metal, flat=rng.uniform(0.4, 1))]
    length, tall = rng.uniform(95, 165), rng.uniform(7, 15)
    body, thick = pick(rng, "abs", "pp", "zinc", "al", "steel", "nylon"), rng.uniform(4, 8)
    wall = 0.8 if body == "steel" else rng.uniform(1.4, 2.6)
    bent = about_z(rng.uniform(-0.12, 0.12))
    solids = hollow(
        block((-length / 2, 0, 0), (length / 2, tall, thick), body, rotation=bent), wall
    )
    out = rng.uniform(5, 45)
    if rng.random() < 0.55:
        count = int(rng.integers(5, 10))
        for k in range(count):
            spot = (out - 11.5 * k, 0, 0)
            solids.append(block(spot, (5.6, tall * 0.7, 0.45), "steel", rotation=about_z(-0.04)))
        tip = (out + 7, -1.5, 0)
        solids.append(block(tip, (6, tall * 0.45, 0.45), "steel", rotation=about_z(-0.5)))
    else:
        reach = rng.uniform(22, 30)
        solids += outlined_blade(reach, tall * 1.3, 0.9, tip=rng.choice([-0.5, 0.5]), power=(1, 1),
                                 straight=(0.3, 0.3), steps=6)  # fmt: skip
        solids.append(block((-15, 0, 0), (18, tall * 0.65, 0.45), "steel"))
    knob = (-length * rng.uniform(0.15, 0.6), rng.choice([0.0, tall]), thick)
    solids.append(block(knob, (rng.uniform(5, 12), 4, 2), pick(rng, "abs", "steel", "rubber")))
    screw = (-length * rng.uniform(0.4, 0.9), 0, 0)
    solids.append(rod(screw, rng.uniform(2, 4), thick, "steel", axis=Z_AXIS))
    for k in range(int(rng.integers(0, 6)) if rng.random() < 0.35 else 0):
        spare = (-length * 0.4, -tall - 14, 0.6 * k)
        solids.append(block(spare, (rng.uniform(25, 50), 8.5, 0.25), "steel"))
    return solids


def machete(rng: np.random.Generator) -> list[Solid]:
    """A short machete or kukri: broad towards the end, often bent down."""
    length, width = rng.uniform(165, 205), rng.uniform(28, 40)
    blade = outlined_blade(
        length, width, rng.uniform(1.8, 4), tip=rng.uniform(-0.3, 0.5),
        straight=(rng.uniform(0.3, 0.75), rng.uniform(0.4, 0.75)),
        power=(rng.uniform(1, 3), rng.uniform(1, 3)), leaf=rng.uniform(0.0, 0.25),
        bend=rng.normal(-0.06, 0.08), bevel=rng.uniform(0.1, 0.3),
    )  # fmt: skip
    solids = [*blade, *any_handle(rng, rng.uniform(85, 112), rng.uniform(22, 32))]
    return [*solids, *sheath(rng, blade)] if rng.random() < 0.3 else solids


def push_dagger(rng: np.random.Generator) -> list[Solid]:
    """A short blade that stands across its handle, or a hook on a ring."""
    blade = any_blade(rng, rng.uniform(38, 85), rng.uniform(15, 30))
    body, radius = pick(rng, *SCALES), rng.uniform(7, 12)
    neck = rng.uniform(10, 24)
    across = block((-neck - radius, 0, 0), (radius, rng.uniform(28, 45), radius * 0.8), body)
    tang = block((-neck - radius, 0, 0), (2.5, 26, 1.8), "steel", replaces=body)
    shank = block((-neck / 2, 0, 0), (neck / 2 + 2, 6, 2.2), "steel")
    solids = [*blade, shank, across, tang]
    return [*solids, *sheath(rng, blade)] if rng.random() < 0.4 else solids


def upright(rng: np.random.Generator) -> list[Solid]:
    """A knife lying on its back or edge, as things come to lie in a full parcel."""
    form = (fixed_blade, kitchen_knife, dagger)[int(rng.integers(3))]
    return turned(form(rng), about_x(rng.uniform(0.7, 2.4)))


def cutting_tube(rng: np.random.Generator) -> list[Solid]:
    """A slim blade in a pen, a comb or a stick: a tube all round it, or pulled off it."""
    length, width = rng.uniform(55, 130), rng.uniform(8, 14)
    blade = any_blade(rng, length, width)
    metal, radius = pick(rng, "al", "steel", "brass", "abs", "wood"), width * 0.62
    pulled = float(rng.choice([0.0, rng.uniform(0.2, 1.1)]))
    cap = rod((length * (0.5 + pulled), 0, 0), radius, length / 2 + 4, metal, axis=X_AXIS)
    grip = rng.uniform(30, 60)
    handle = rod((-grip, 0, 0), radius, grip, metal)
    return [*blade, *hollow(cap, 1.1), *hollow(handle, 1.4), rod((-15, 0, 0), 2, 15, "steel")]


FORMS: tuple[Callable[[np.random.Generator], list[Solid]], ...] = (
    fixed_blade, dagger, claw, throwing_set, kitchen_knife, several, bare_blade, utility_cutter,
    machete, push_dagger, upright, cutting_tube,
)  # fmt: skip
SHARES = np.array([0.22, 0.1, 0.07, 0.07, 0.18, 0.06, 0.04, 0.1, 0.06, 0.04, 0.04, 0.02])
