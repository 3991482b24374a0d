"""What small things of interest come wrapped in: bags, boxes, jars, film, foil. Lengths in mm."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import (
    Y_AXIS,
    about_z,
    ball,
    block,
    bounds,
    disc,
    hollow,
    model,
    pick,
    ring,
    rod,
    scaled,
    turned,
    vector,
)

LIMIT_MM = np.array([330.0, 230.0, 120.0])
"""Length, width and height that an item keeps within."""


def finished(rng: np.random.Generator, name: str, solids: Sequence[Solid]) -> Model:
    """The item made of `solids`, the longer side along x, no larger than `LIMIT_MM`."""
    article = model(name, solids)
    if article.size_mm[1] > article.size_mm[0]:
        article = model(name, turned(article.solids, about_z(np.pi / 2)))
    factor = max(rng.uniform(0.95, 1.05), 32 / float(article.size_mm.max()))
    return scaled(article, min(factor, float((LIMIT_MM / article.size_mm).min())))


def extent(solids: Sequence[Solid]) -> tuple[Vector, Vector]:
    """Centre and half size, each (3,), of the upright box around `solids`."""
    low, high = bounds(solids)
    lowest, highest = low.min(axis=0), high.max(axis=0)
    return (lowest + highest) / 2, (highest - lowest) / 2


def zip_bag(rng: np.random.Generator, solids: list[Solid]) -> list[Solid]:
    """A press-seal bag around `solids`: two sheets, side seams, one or two ridges at its mouth."""
    middle, half = extent(solids)
    spare = rng.uniform(2, 30)
    film = np.array([half[0] + spare / 2 + 4, half[1] + rng.uniform(3, 9), rng.uniform(0.03, 0.1)])
    x = middle[0] + spare / 2
    texture = int(rng.integers(40))
    bag = [
        block((x, middle[1], middle[2] + side * half[2] * rng.uniform(0.5, 0.95)), film, "pe",
              texture=texture, amplitude=0.5)
        for side in (-1, 1)
    ]  # fmt: skip
    for k in range(int(rng.integers(1, 3))):
        ridge = (x + film[0] - 3 - 4 * k, middle[1], middle[2])
        bag.append(block(ridge, (rng.uniform(0.6, 1.6), film[1], rng.uniform(0.4, 1.0)), "pe"))
    return bag


def film_wrap(rng: np.random.Generator, solids: list[Solid], material: str) -> list[Solid]:
    """Sheets of `material` wound about `solids`, with creases and a tail."""
    middle, half = extent(solids)
    layers = int(rng.integers(1, 6))
    thin = {"pe": 0.02, "al": 0.012, "paper": 0.06}.get(material, 0.05) * layers
    wrap = [
        block(middle + vector(0, 0, side * half[2]), (half[0] + 1, half[1] + 1, thin), material,
              texture=int(rng.integers(40)), amplitude=0.6)
        for side in (-1, 1)
    ]  # fmt: skip
    for _ in range(int(rng.integers(1, 5))):
        spot = middle + rng.uniform(-0.8, 0.8, 3) * half
        length = rng.uniform(0.2, 0.5) * float(half[:2].min())
        wrap.append(
            block(spot, (length, rng.uniform(0.4, 1.2), 4 * thin), material,
                  rotation=about_z(rng.uniform(0, 3)))
        )  # fmt: skip
    if rng.random() < 0.4:
        side = rng.choice([-1, 1])
        tail = middle + vector(side * (half[0] + 6), rng.uniform(-0.5, 0.5) * half[1], 0)
        wrap.append(block(tail, (8, rng.uniform(0.2, 0.6) * half[1], 5 * thin), material,
                          rotation=about_z(rng.normal(0, 0.3))))  # fmt: skip
    return wrap


def paper_box(rng: np.random.Generator, solids: list[Solid], *, slack: float = 3.0) -> list[Solid]:
    """A folding box around `solids`, with tuck flaps and perhaps a folded leaflet."""
    middle, half = extent(solids)
    gap = rng.uniform(0.5, slack, 3)
    outer = half + gap + 0.4
    box = hollow(block(middle, outer, "paper"), rng.uniform(0.25, 0.5))
    for side in (-1, 1):
        flap = (middle[0] + side * (outer[0] - 0.8), middle[1], middle[2])
        box.append(block(flap, (0.4, outer[1] * 0.96, outer[2] * 0.9), "paper"))
    if rng.random() < 0.6:
        folds = rng.uniform(0.2, 0.7)
        spot = middle + vector(rng.normal(0, 3), rng.normal(0, 2), outer[2] - 1.0 - folds)
        leaf = (outer[0] * rng.uniform(0.4, 0.9), outer[1] * rng.uniform(0.5, 0.9), folds)
        box.append(block(spot, leaf, "paper"))
    return box


def sachet(rng: np.random.Generator, solids: list[Solid], material: str) -> list[Solid]:
    """A flat paper or laminate sachet: two sheets and welded or folded edges."""
    middle, half = extent(solids)
    edge = rng.uniform(4, 10)
    thin = rng.uniform(0.06, 0.14) if material == "paper" else rng.uniform(0.02, 0.06)
    sheet = (half[0] + edge, half[1] + edge, thin)
    bag = [
        block(middle + vector(0, 0, side * half[2] * 0.9), sheet, material,
              texture=int(rng.integers(40)), amplitude=0.4)
        for side in (-1, 1)
    ]  # fmt: skip
    for side in (-1, 1):
        seam = middle + vector(side * (half[0] + edge / 2), 0, 0)
        bag.append(block(seam, (edge / 2, sheet[1], 3 * thin), material))
    return bag


def band(rng: np.random.Generator, solids: list[Solid]) -> list[Solid]:
    """A rubber band, or a strip of tape, across `solids`."""
    middle, half = extent(solids)
    material = pick(rng, "rubber", "rubber", "pp")
    wide, thin = (rng.uniform(1, 4), 0.5) if material == "rubber" else (rng.uniform(8, 20), 0.06)
    x = middle[0] + rng.uniform(-0.5, 0.5) * half[0]
    return [
        block((x, middle[1], middle[2] + side * (half[2] + thin)), (wide, half[1] + 1, thin),
              material)
        for side in (-1, 1)
    ]  # fmt: skip


def jar(
    rng: np.random.Generator, radius: float, height: float, material: str
) -> tuple[list[Solid], Vector]:
    """An upright bottle, vial or tin of `material`, and the half sizes (3,) of its inside."""
    wall = {
        "glass": rng.uniform(1.2, 2.6),
        "steel": rng.uniform(0.18, 0.3),
        "al": rng.uniform(0.2, 0.45),
    }.get(material, rng.uniform(0.7, 1.6))
    vessel = hollow(disc((0, 0, 0), radius, height / 2, material), wall)
    cap = pick(rng, "pp", "pp", "pe", "al", "steel") if material != "steel" else "steel"
    tall = rng.uniform(3, 10) if cap in ("pp", "pe") else rng.uniform(2, 5)
    wide = radius * rng.uniform(0.6, 1.05)
    top = height / 2 + (0.0 if wide > radius else rng.uniform(2, 8))
    if top > height / 2:
        neck = disc((0, 0, (top + height / 2) / 2), wide * 0.85, (top - height / 2) / 2, material)
        vessel += hollow(neck, wall)
    shell = rng.uniform(1.0, 2.0) if cap in ("pp", "pe") else 0.25
    vessel += hollow(disc((0, 0, top + tall), wide, tall, cap), shell)
    inside = np.array([radius - wall, radius - wall, height / 2 - wall])
    return vessel, inside


def box_vessel(half: Vector, wall: float, material: str) -> list[Solid]:
    """A rigid box with a lid, outer half sizes `half` (3,)."""
    rim = block((0, 0, half[2] * 0.5), (half[0] + wall, half[1] + wall, wall), material)
    inner = replace(rim, half_mm=rim.half_mm - (2 * wall, 2 * wall, 0), material="air",
                    replaces=material)  # fmt: skip
    return [*hollow(block((0, 0, 0), half, material), wall), rim, inner]


def knot(rng: np.random.Generator, spot: Vector, material: str = "pe") -> list[Solid]:
    """A gathered neck, a knot or clip, and a frayed tail, pointing along x from `spot` (3,)."""
    size = rng.uniform(2.0, 5.0)
    parts = [rod(spot, size, size * 1.6, material, flat=0.6)]
    clip = rng.random()
    if clip < 0.3:
        parts += ring(spot, (size, size), 0.5, "steel", segments=8)
    elif clip < 0.5:
        parts.append(rod(spot, 0.9, size * 1.5, pick(rng, "al", "pp", "rubber"), axis=Y_AXIS))
    else:
        parts.append(ball(spot + vector(size, 0, 0), (size, size, size), material, texture=5,
                          amplitude=0.3))  # fmt: skip
    for _ in range(int(rng.integers(1, 4))):
        length = rng.uniform(5, 16)
        turn = about_z(rng.normal(0, 0.5))
        middle = spot + turn @ vector(size * 2 + length, 0, 0)
        parts.append(block(middle, (length, rng.uniform(2, 6), rng.uniform(0.2, 0.8)), material,
                           rotation=turn, texture=6, amplitude=0.6))  # fmt: skip
    return parts
