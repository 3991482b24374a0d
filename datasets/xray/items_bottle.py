"""Liquids in every usual container but the flat, the handled and the tiny. Lengths in mm."""

import itertools

import numpy as np

from parcelscope.datasets.xray.items_container import (
    LIQUIDS,
    aerosol,
    bag,
    can,
    carton,
    jar,
    pouch,
    vacuum_flask,
    wall_mm,
)
from parcelscope.datasets.xray.items_wrapped import one_of, repeated
from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import (
    ball,
    block,
    hollow,
    model,
    pick,
    rod,
)


def familiar_liquid(rng: np.random.Generator) -> Model:
    """Bottles with any neck and head, droppers, cans, cartons, pouches, jars, vacuum flasks."""
    forms = (
        _bottle, _square, _wine, _perfume, _dropper, can, aerosol, carton, pouch, jar,
        vacuum_flask, bag, _few_bottles,
    )  # fmt: skip
    weights = (3.0, 1.2, 1.2, 1.1, 0.9, 1.0, 0.9, 0.8, 0.7, 1.0, 0.9, 0.5, 1.0)
    return one_of(rng, "liquid_bottle", forms, weights)


def _round_body(
    rng: np.random.Generator, shell: str, wall: float, radii: Vector, length: float, flat: float
) -> list[Solid]:
    """A turned body along x from `radii` (n,), filled to a level standing, lying or in layers."""
    step = length / len(radii)
    liquid, second = pick(rng, *LIQUIDS), pick(rng, "oil", "ethanol", "water")
    fill, lying = rng.uniform(0.3, 1.0), rng.random() < 0.5
    layered = rng.random() < 0.12
    solids: list[Solid] = []
    # Neighbours of equal radius make one solid, so that straight walls stay cheap.
    start = 0
    for k in range(1, len(radii) + 1):
        if k < len(radii) and abs(radii[k] - radii[start]) < 0.05:
            continue
        x0, x1 = start * step, k * step
        for low, high, inside in _levels(x0, x1, length, fill, lying, liquid, second, layered):
            spot, half = ((low + high) / 2, 0, 0), (high - low) / 2
            radius = float(radii[start])
            solids.append(rod(spot, radius, half, shell, flat=flat))
            inner = max(radius - wall, 0.5)
            inner_flat = max(radius * flat - wall, 0.5) / inner
            solids.append(rod(spot, inner, half, inside, flat=inner_flat, replaces=shell))
            if lying and inside != "air" and fill < 0.97 and inner > 4:
                solids += _bubble(spot, inner, inner_flat, half, fill, inside)
        start = k
    solids.insert(0, rod((-wall / 2, 0, 0), float(radii[0]), wall / 2, shell, flat=flat))
    if shell in ("glass", "ceramic") and rng.random() < 0.6:
        solids.append(rod((wall, 0, 0), float(radii[0]) - wall - 0.1, wall, shell, flat=flat))
    return solids + _inclusions(rng, radii, length, liquid)


def _levels(
    x0: float, x1: float, length: float, fill: float, lying: bool, liquid: str, second: str,
    layered: bool,
) -> list[tuple[float, float, str]]:  # fmt: skip
    """The parts of (x0, x1) and what fills each."""
    cuts = [(0.0, fill * length, liquid), (fill * length, length, "air")]
    if lying:
        cuts = [(0.0, length, liquid)]
    elif layered and second != liquid:
        middle = fill * length * 0.55
        cuts = [(0.0, middle, liquid), (middle, fill * length, second), cuts[1]]
    parts = [(max(x0, a), min(x1, b), inside) for a, b, inside in cuts]
    return [part for part in parts if part[1] - part[0] > 1e-6]


def _bubble(
    spot: tuple[float, float, float], radius: float, flat: float, half: float, fill: float,
    liquid: str,
) -> list[Solid]:  # fmt: skip
    """Air above a level in a lying cylinder, as slabs that stay inside it."""
    level = radius * float(np.clip(2 * fill - 1, -0.6, 0.93))
    slabs = 3 if half > 12 else 1
    edges = np.linspace(level, radius * 0.98, slabs + 1)
    return [
        block(
            (spot[0], 0, (low + high) / 2),
            (half, float(np.sqrt(radius**2 - high**2)) * flat, (high - low) / 2),
            "air",
            replaces=liquid,
        )
        for low, high in itertools.pairwise(edges)
    ]


def _inclusions(rng: np.random.Generator, radii: Vector, length: float, liquid: str) -> list[Solid]:
    """Sediment, herbs, fruit or mixing balls, now and then."""
    if rng.random() > 0.15:
        return []
    stuff, size = {
        "steel": (1, 3.0), "wood": (5, 3.0), "sugar": (6, 4.0), "glass": (2, 6.0), "talc": (4, 5.0),
    }[kind := pick(rng, "steel", "wood", "sugar", "glass", "talc")]  # fmt: skip
    reach = float(radii[len(radii) // 4]) * 0.5
    solids: list[Solid] = []
    for _ in range(stuff):
        half = np.minimum(size * rng.uniform(0.5, 1.5, 3), reach)
        spot = (rng.uniform(0.08, 0.3) * length, *rng.uniform(-reach, reach, 2))
        solids.append(ball(spot, half, kind, replaces=liquid))
    return solids


def _profile(rng: np.random.Generator, radius: float, mouth: float) -> Vector:
    """Outer radii (n,) from foot to neck: straight, waisted, bulged, conical or stepped."""
    steps = 24
    share = (np.arange(steps) + 0.5) / steps
    shoulder, neck = rng.uniform(0.45, 0.92), rng.uniform(0.02, 0.16)
    kind = pick(rng, "straight", "straight", "straight", "waist", "bulge", "cone", "globe")
    side = np.ones(steps)
    if kind == "waist":
        side = 1 - rng.uniform(0.08, 0.25) * np.exp(-(((share - 0.4) / 0.15) ** 2))
    elif kind == "bulge":
        side = 0.8 + 0.2 * np.sin(np.pi * np.clip(share / shoulder, 0, 1))
    elif kind == "cone":
        side = 1 - rng.uniform(0.1, 0.45) * share
    elif kind == "globe":
        side = np.sqrt(np.clip(1 - (share / shoulder * 1.8 - 0.9) ** 2, 0.08, 1))
    fall = np.clip((share - shoulder) / max(1 - shoulder - neck, 0.02), 0, 1)
    bend = rng.uniform(0.5, 2.5)
    radii = radius * side * (1 - fall**bend) + mouth * fall**bend
    # Coarse steps keep the number of solids down.
    outline: Vector = np.maximum(np.round(radii / (radius * 0.07)) * radius * 0.07, mouth * 0.9)
    return outline


def _bottle(rng: np.random.Generator) -> list[Solid]:
    """A round or oval bottle of 30 ml to 1.5 l, any outline, neck and head."""
    shell = pick(rng, "pet", "pet", "pe", "pp", "glass", "glass", "al", "pmma", "ceramic")
    radius = float(np.exp(rng.uniform(np.log(14), np.log(42))))
    length = float(np.clip(radius * rng.uniform(2.4, 7.0), 60, 270))
    mouth = float(np.clip(radius * rng.uniform(0.25, 0.95), 6.0, 24.0))
    flat = float(rng.uniform(1.2, 1.7)) if rng.random() < 0.25 else 1.0
    if flat > 1:
        radius /= np.sqrt(flat)
    radii = _profile(rng, radius, min(mouth, radius))
    solids = _round_body(rng, shell, min(wall_mm(rng, shell), radius * 0.25), radii, length, flat)
    solids += _head(rng, length, float(radii[-1]))
    return solids + _label(rng, length, radius, flat)


def _label(rng: np.random.Generator, length: float, radius: float, flat: float) -> list[Solid]:
    if rng.random() < 0.4:
        return []
    stuff, x = pick(rng, "paper", "pvc", "al"), length * rng.uniform(0.25, 0.5)
    thick = 0.03 if stuff == "al" else 0.1
    outer = rod((x, 0, 0), radius + thick, length * rng.uniform(0.08, 0.25), stuff, flat=flat)
    inner = rod((x, 0, 0), radius, float(outer.half_mm[2]), "air", flat=flat, replaces=stuff)
    return [outer, inner]


def _head(rng: np.random.Generator, x: float, mouth: float) -> list[Solid]:
    """What closes a neck that ends at `x`: cap, cork, crown, pump, trigger, sport or flip top."""
    kind = pick(
        rng, "cap", "cap", "cap", "tall", "metal", "cork", "pump", "spray", "sport", "crown"
    )
    outer = mouth + rng.uniform(0.8, 3.0)
    if kind == "cap" or kind == "tall":
        high = rng.uniform(4, 10) * (2.2 if kind == "tall" else 1)
        cap = rod((x + high - 4, 0, 0), outer, high, pick(rng, "pp", "pe", "abs", "pmma"))
        return hollow(cap, rng.uniform(1, 2))
    if kind == "metal":
        cap = rod((x + 1, 0, 0), outer, rng.uniform(5, 16), pick(rng, "al", "steel", "zinc"))
        return hollow(cap, rng.uniform(0.25, 0.8))
    if kind == "cork":
        return [rod((x - 3, 0, 0), mouth * 0.7, 12, pick(rng, "wood", "rubber")),
                rod((x + 11, 0, 0), outer, 4, pick(rng, "wood", "glass", "pp"))]  # fmt: skip
    if kind == "crown":
        return hollow(rod((x, 0, 0), outer, 3.2, "steel"), 0.25)
    if kind == "sport":
        return [*hollow(rod((x + 4, 0, 0), outer, 9, "pp"), 1.5),
                *hollow(rod((x + 20, 0, 0), outer * 0.45, 8, "pe"), 1.2)]  # fmt: skip
    tube = rod((x * 0.5, 0, 0), 2.2, x * 0.45, "pe")
    collar = [*hollow(rod((x + 3, 0, 0), outer, 8, "pp"), 1.4), tube]
    spring = rod((x - 2, 0, 0), 2.8, 9, "steel")
    collar += [spring, rod(spring.centre_mm, 2.3, 9, "air", replaces="steel")]
    collar.append(ball((x - 14, 0, 0), (2, 2, 2), pick(rng, "steel", "glass")))
    if kind == "pump":
        reach = rng.uniform(10, 30)
        stem = rod((x + 20, 0, 0), 3.5, 11, "pp")
        nozzle = block((x + 33, reach * 0.7, 0), (4, reach, 4.5), "pp")
        return [*collar, *hollow(stem, 1.2), *hollow(nozzle, 1.5)]
    return [*collar,
            *hollow(block((x + 24, 8, 0), (13, 24, 9), "pp"), 1.6),
            block((x + 6, 26, 0), (16, 2, 6), "pp", rotation=np.eye(3)),
            rod((x + 28, 36, 0), 5, 4, "pe", axis=(0, 1, 0))]  # fmt: skip


def _square(rng: np.random.Generator) -> list[Solid]:
    """A square or oblong bottle with a shoulder, standing or lying half full."""
    shell = pick(rng, "pet", "pe", "glass", "pp")
    wall = wall_mm(rng, shell)
    a, b = rng.uniform(35, 105), rng.uniform(16, 42)
    c = b * rng.uniform(0.6, 1.0)
    liquid = pick(rng, *LIQUIDS)
    solids = hollow(block((0, 0, 0), (a, b, c), shell), wall, liquid)
    fill = rng.uniform(0.35, 0.97)
    room = np.array([a, b, c]) - wall
    axis = int(rng.choice([0, 2]))
    gap, spot = room.copy(), np.zeros(3)
    gap[axis] = room[axis] * (1 - fill)
    spot[axis] = room[axis] - gap[axis]
    solids.append(block(spot, gap, "air", replaces=liquid))
    mouth, slope = min(rng.uniform(7, 18), c * 0.9), rng.uniform(3, 22)
    for k in range(4):
        share = (k + 0.5) / 4
        size = (slope / 8, b * (1 - share) + mouth * share, c * (1 - share) + mouth * share)
        solids += [block((a + slope * share, 0, 0), size, shell),
                   block((a + slope * share, 0, 0), (size[0], size[1] - wall, size[2] - wall),
                         "air", replaces=shell)]  # fmt: skip
    neck = rng.uniform(3, 9)
    solids += hollow(rod((a + slope + neck, 0, 0), mouth, neck, shell), min(wall, 2.0))
    return solids + _head(rng, a + slope + 2 * neck, mouth)


def _wine(rng: np.random.Generator) -> list[Solid]:
    """Wine, spirits or beer: thick glass, long neck, cork or metal cap, capsule of foil."""
    radius, length = rng.uniform(28, 42), rng.uniform(200, 305)
    steps = np.arange(26) / 26
    shoulder, width = rng.uniform(0.5, 0.68), rng.uniform(0.08, 0.28)
    fall = np.clip((steps - shoulder) / width, 0, 1)
    mouth = rng.uniform(11, 15)
    radii = np.round((radius * (1 - fall) + mouth * fall) / 2.0) * 2.0
    solids = _round_body(rng, "glass", rng.uniform(2.5, 4.5), radii, length, 1.0)
    solids.append(ball((6, 0, 0), (12, radius * 0.6, radius * 0.6), "glass"))
    if rng.random() < 0.6:
        solids.append(rod((length - 20, 0, 0), mouth - 4.6, 20, pick(rng, "wood", "rubber")))
        foil = rod((length - 18, 0, 0), mouth + 1.2, 22, pick(rng, "al", "pvc"))
        return solids + hollow(foil, 0.15) + _label(rng, length * 0.8, radius, 1.0)
    return solids + _head(rng, length, mouth) + _label(rng, length * 0.8, radius, 1.0)


def _perfume(rng: np.random.Generator) -> list[Solid]:
    """Heavy glass of any outline around a small cavity, a pump and an ornate cap."""
    a, b = rng.uniform(18, 48), rng.uniform(15, 38)
    c = max(b * rng.uniform(0.55, 1.0), 12.0)
    wall, shape = rng.uniform(2.5, 7.0), pick(rng, "block", "ball", "rod")
    outer = {
        "block": block((0, 0, 0), (a, b, c), "glass"),
        "ball": ball((0, 0, 0), (a, b, c), "glass"),
        "rod": rod((0, 0, 0), c, a, "glass", flat=b / c),
    }[shape]
    liquid = pick(rng, "ethanol", "ethanol", "oil")
    solids = hollow(outer, wall, liquid)
    gap = (a - wall) * rng.uniform(0.03, 0.25)
    # Inscribed in whichever cavity it is.
    width = 0.95 if shape == "block" else 0.4
    x = (a - wall) * (1.0 if shape != "ball" else 0.85) - gap
    solids.append(
        block((x, 0, 0), (gap, (b - wall) * width, (c - wall) * width), "air", replaces=liquid)
    )
    top = a + 6
    solids += [*hollow(rod((top - 2, 0, 0), 8, 6, pick(rng, "al", "brass", "zinc")), 0.5),
               rod((0, 0, 0), 0.9, a - wall - 1, "pe"), rod((top - 4, 0, 0), 3, 7, "steel"),
               rod((top - 4, 0, 0), 2.5, 7, "air", replaces="steel"),
               rod((top + 8, 0, 0), 5.5, 5, "pp")]  # fmt: skip
    if rng.random() < 0.8:
        long, wide = rng.uniform(9, 22), rng.uniform(9, 18)
        stuff = pick(rng, "pmma", "zinc", "abs", "wood", "al")
        cap = rod((top + long - 1, 0, 0), wide, long, stuff)
        if rng.random() < 0.4:
            cap = block((top + long - 1, 0, 0), (long, wide, min(wide, c)), stuff)
        solids += hollow(cap, min(wide - 6.5, rng.uniform(1, 4)))
    return solids


def _dropper(rng: np.random.Generator) -> list[Solid]:
    """One bottle with a glass pipette under a rubber bulb, or a nail varnish with a brush."""
    radius, length = rng.uniform(11, 26), rng.uniform(32, 95)
    shell = pick(rng, "glass", "glass", "pet", "pe")
    radii = np.array([radius] * 9 + [radius * 0.8, radius * 0.5])
    solids = _round_body(rng, shell, min(wall_mm(rng, shell), 2.6), radii, length, 1.0)
    cap = rng.uniform(7, 18)
    solids += hollow(
        rod((length + cap - 4, 0, 0), max(radius * 0.6, 8.0), cap, pick(rng, "pp", "al")), 1.2
    )
    if rng.random() < 0.7:
        pipette = rod((length * 0.55, 0, 0), 3.2, length * 0.42, "glass")
        solids += hollow(pipette, 0.9)
        bulb = ball((length + 2 * cap + 6, 0, 0), (14, 6.5, 6.5), "rubber")
        return solids + hollow(bulb, 1.6)
    return [*solids, rod((length * 0.6, 0, 0), 1.2, length * 0.35, "nylon")]


def _few_bottles(rng: np.random.Generator) -> list[Solid]:
    """Two or three alike, as travel or gift sets come."""
    make = (_bottle, _dropper, _perfume, can, _square)[int(rng.integers(5))]
    single = model("", make(rng))
    count = int(rng.integers(2, 4))
    if single.size_mm.min() > 60 or len(single.solids) * count > 100:
        return list(single.solids)
    return repeated(rng, lambda: list(single.solids), count)
