"""What knives are put together from: blades, handles, guards, sheaths. Lengths in mm.

A blade lies along +x from the origin, its edge to -y, its flat side up.
"""

import numpy as np

from parcelscope.datasets.xray.scene import Solid
from parcelscope.datasets.xray.solids import (
    Y_AXIS,
    Z_AXIS,
    about_z,
    block,
    bounds,
    chain,
    disc,
    hollow,
    pick,
    ring,
    rod,
)

SCALES = ("wood", "wood", "abs", "pp", "nylon", "rubber", "fr4", "al", "pmma", "leather")
"""What the sides of a handle are made of."""


def outlined_blade(
    length: float,
    width: float,
    thickness: float,
    *,
    tip: float = 0.0,
    straight: tuple[float, float] = (0.3, 0.6),
    power: tuple[float, float] = (2.0, 2.0),
    leaf: float = 0.0,
    bend: float = 0.0,
    bevel: float = 0.3,
    steps: int = 13,
    material: str = "steel",
) -> list[Solid]:
    """A blade of any outline, in strips with a thinner ground edge.

    Args:
        length: From handle to tip.
        width: At the handle.
        thickness: Of the back.
        tip: Level of the tip in widths: -0.5 in line with the edge, 0.5 with the back.
        straight: Shares of the length from which edge and back run towards the tip.
        power: How late and sharply edge and back turn in.
        leaf: How much wider (or narrower) the middle is, as a share of the width.
        bend: Drop (negative) or rise of the tip by curvature, as a share of the length.
        bevel: Share of the width that is ground thin.
        steps: Number of strips.
        material: What it is made of.
    """
    # Shorter towards the tip, where the outline turns most.
    cuts = 1 - (1 - np.linspace(0, 1, steps + 1)) ** 1.6
    at, half_steps = (cuts[1:] + cuts[:-1]) / 2, np.diff(cuts) * length / 2
    run = [np.clip((at - start) / (1 - start), 0, 1) for start in straight]
    swell = 1 + leaf * np.sin(np.pi * at)
    low = width * (-0.5 * swell + (tip + 0.5) * run[0] ** power[0])
    high = width * (0.5 * swell + (tip - 0.5) * run[1] ** power[1])
    slope = np.arctan(2 * bend * at)
    solids: list[Solid] = []
    for s, half_step, y0, y1, angle in zip(at, half_steps, low, high, slope, strict=True):
        tall = max(y1 - y0, 0.8)
        turn = about_z(float(angle))
        spot = np.array([s * length, bend * length * s**2, 0])
        cut = tall * bevel
        back = spot + turn @ np.array([0, y0 + cut + (tall - cut) / 2, 0])
        half = half_step / np.cos(angle) + 0.1
        solids.append(block(back, (half, (tall - cut) / 2, thickness / 2), material, rotation=turn))
        if cut > 0.5:
            edge = spot + turn @ np.array([0, y0 + cut / 2, 0])
            solids.append(block(edge, (half, cut / 2, thickness / 4), material, rotation=turn))
    return solids


def any_blade(rng: np.random.Generator, length: float, width: float) -> list[Solid]:
    """Drop, clip, spear, sheep's-foot, trailing, tanto, boning and all between them."""
    sharp = rng.random() < 0.25
    return outlined_blade(
        length,
        width,
        rng.uniform(1.2, 2.4) if length > 170 else rng.uniform(1.8, 5.2),
        tip=float(np.clip(rng.normal(0.1, 0.3), -0.5, 0.6)),
        straight=(rng.uniform(0.0, 0.85), rng.uniform(0.0, 0.85)),
        power=(0.9 if sharp else rng.uniform(0.8, 3.2), rng.uniform(0.8, 3.0)),
        leaf=float(np.clip(rng.normal(0, 0.12), -0.3, 0.35)),
        bend=rng.normal(0, 0.04),
        bevel=rng.uniform(0.12, 0.6),
    )


def teeth(
    rng: np.random.Generator, start: float, end: float, level: float, thickness: float
) -> list[Solid]:
    """A row of teeth or waves along x at height `level`."""
    size = rng.uniform(1.2, 2.6)
    count = int(np.clip((end - start) / (size * rng.uniform(2, 4)), 2, 26))
    return [
        block((x, level, 0), (size, size, thickness / 2), "steel", rotation=about_z(np.pi / 4))
        for x in np.linspace(start, end, count)
    ]


def any_handle(rng: np.random.Generator, length: float, width: float) -> list[Solid]:
    """A handle along -x: scales, a grip on a rat tail, bare steel, cord, stacked rings."""
    kind = pick(
        rng, "scales", "scales", "rat tail", "rat tail", "steel", "cord", "stacked", "hollow"
    )
    thick, solids = rng.uniform(6, 12), list[Solid]()
    middle = (-length / 2, 0, 0)
    if kind in ("scales", "cord", "steel"):
        tang = rng.uniform(1.6, 5)
        solids.append(block(middle, (length / 2, width / 2, tang / 2), "steel"))
        for k in range(int(rng.integers(0, 5))):
            hole = (-length * (0.15 + 0.17 * k), 0, 0)
            solids.append(
                disc(hole, width * rng.uniform(0.15, 0.3), tang / 2, "air", replaces="steel")
            )
        if kind == "scales":
            scale, metal = pick(rng, *SCALES), pick(rng, "brass", "steel", "copper", "al")
            for side in (-1, 1):
                spot = (-length / 2, 0, side * (tang / 2 + thick / 4))
                solids.append(block(spot, (length / 2, width * 0.5, thick / 4), scale))
            for x in np.linspace(0.14, 0.86, int(rng.integers(0, 5))) * -length:
                solids.append(disc((x, 0, 0), rng.uniform(1.5, 3.6), thick / 2 + tang / 2, metal))
        elif kind == "cord":
            wound, lean = (
                pick(rng, "nylon", "textile_poly", "leather"),
                about_z(rng.uniform(-0.5, 0.5)),
            )
            for x in np.linspace(0.08, 0.92, int(rng.integers(7, 14))) * -length:
                half = (2.2, width * 0.52, tang / 2 + 2.5)
                solids.append(block((x, 0, 0), half, wound, rotation=lean))
    elif kind == "hollow":
        tube, metal = rng.uniform(0.7, 1.6), pick(rng, "steel", "steel", "al")
        solids += hollow(rod(middle, width / 2, length / 2, metal, flat=rng.uniform(0.55, 1)), tube)
    else:
        steps = int(rng.integers(3, 6)) if kind == "rat tail" else int(rng.integers(8, 13))
        one, other = pick(rng, *SCALES), pick(rng, *SCALES, "brass", "rubber")
        if kind == "rat tail":
            other = one
        for k in range(steps):
            radius = width / 2 * rng.uniform(0.85, 1.15)
            x = -length * (k + 0.5) / steps
            stuff = one if k % 2 else other
            flat = rng.uniform(0.6, 0.8)
            solids.append(rod((x, 0, 0), radius, length / steps / 2, stuff, flat=flat))
        tail = length * rng.uniform(0.3, 1.0) / 2
        solids.append(rod((-tail, 0, 0), rng.uniform(1.8, 4), tail, "steel"))
    return [*solids, *_fittings(rng, length, width, thick)]


def _fittings(rng: np.random.Generator, length: float, width: float, thick: float) -> list[Solid]:
    """Any of a bolster or guard in front, a pommel or ring behind."""
    solids: list[Solid] = []
    metal = pick(rng, "steel", "steel", "brass", "al", "zinc")
    front = pick(rng, "none", "none", "bolster", "guard", "half guard", "knuckle bow")
    if front == "bolster":
        solids.append(block((-2, 0, 0), (rng.uniform(3, 9), width * 0.5, thick * 0.55), metal))
    elif front in ("guard", "half guard"):
        reach, drop = width * rng.uniform(0.7, 1.3), 0.0
        if front == "half guard":
            reach, drop = reach * 0.6, -width * 0.3
        bent = about_z(rng.uniform(-0.2, 0.2))
        solids.append(
            block((-1, drop, 0), (rng.uniform(1.6, 4), reach, thick * 0.5), metal, rotation=bent)
        )
    elif front == "knuckle bow":
        out = -width * rng.uniform(1.2, 1.8)
        line = np.array([[0, 0, 0], [-8, out, 0], [-length * 0.8, out, 0], [-length, 0, 0]], float)
        solids += chain(line, rng.uniform(2, 3.5), metal)
    rear = pick(rng, "none", "none", "cap", "ring", "lanyard")
    if rear == "cap":
        solids.append(
            block((-length - 3, 0, 0), (rng.uniform(2, 6), width * 0.55, thick * 0.55), metal)
        )
    elif rear == "ring":
        radius = rng.uniform(10, 16)
        solids += ring(
            (-length - radius, 0, 0), (radius, radius), rng.uniform(2, 3.4), metal, segments=10
        )
    elif rear == "lanyard":
        solids.append(rod((8 - length, 0, 0), 3.2, thick * 0.6, metal, axis=Z_AXIS))
    return solids


def sheath(rng: np.random.Generator, blade: list[Solid]) -> list[Solid]:
    """A sheath around a blade that lies along x: leather, plastic, card; perhaps with rivets."""
    lows, highs = bounds(blade)
    low, high = lows.min(axis=0), highs.max(axis=0)
    kind = pick(rng, "leather", "leather", "nylon", "pvc", "abs", "cardboard", "wood", "steel")
    wall = {"steel": 0.8, "cardboard": 1.2, "wood": 4.0}.get(kind, rng.uniform(1.4, 3.2))
    middle, half = (low + high) / 2, (high - low) / 2 + wall + (2, 2, 0.8)
    solids = hollow(block(middle, half, kind), wall)
    if kind in ("leather", "nylon", "pvc"):
        metal = pick(rng, "brass", "steel")
        for x in np.linspace(low[0] + 8, high[0] - 4, int(rng.integers(0, 9))):
            solids.append(disc((x, low[1] - wall, middle[2]), rng.uniform(1.6, 3), half[2], metal))
        if rng.random() < 0.5:
            belt = (low[0] - 20, middle[1], middle[2] + half[2])
            solids.append(block(belt, (rng.uniform(25, 45), 13, 1.4), kind))
            solids.append(disc((belt[0] - 12, belt[1], belt[2]), 5.5, 2, metal))
    elif kind == "steel":
        solids.append(rod((high[0] + wall + 3, middle[1], middle[2]), 4, 4, "steel", axis=Y_AXIS))
    return solids
