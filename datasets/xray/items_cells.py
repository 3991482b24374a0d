"""Electric cells and what joins them: cans, pouches, leads, boards. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Solid, Vector
from parcelscope.datasets.xray.solids import (
    X_AXIS,
    Triple,
    block,
    chain,
    hollow,
    pick,
    rod,
    vector,
)

ROUND_CELLS: dict[str, tuple[float, float]] = {
    "14500": (7.0, 25.0),
    "18650": (9.1, 32.5),
    "21700": (10.5, 35.0),
    "26650": (13.0, 32.7),
    "32700": (16.0, 35.2),
    "4680": (13.0, 40.0),
    "aaa": (5.15, 21.8),
    "aa": (7.1, 24.6),
    "c": (12.9, 24.5),
    "d": (16.8, 30.2),
    "sub_c": (11.0, 21.2),
    "cr123": (8.4, 17.0),
}
"""Radius and half length by size name, from the IEC 60086 and maker's outlines."""


def wound_cell(centre: Vector, radius: float, half: float) -> list[Solid]:
    """A wound lithium cell in a steel can along x, hollow along its axis."""
    return [
        *hollow(rod(centre, radius, half, "steel"), 0.25, "liion"),
        rod(centre, radius * 0.14, half * 0.95, "air", replaces="liion"),
        rod(centre + vector(half + 0.3, 0, 0), radius * 0.35, 0.7, "steel"),
    ]


def round_cell(
    centre: Triple,
    radius: float,
    half: float,
    *,
    axis: Triple = X_AXIS,
    filling: str = "liion",
    detail: int = 3,
) -> list[Solid]:
    """A cell of any chemistry along `axis`; `detail` 1 leaves only can and filling."""
    way = np.asarray(axis, float)
    solids = hollow(rod(centre, radius, half, "steel", axis=way), 0.25, filling)
    if detail > 1:
        # Wound cells have an empty mandrel; alkaline ones a brass nail in a zinc paste.
        core, thick = ("brass", 0.09) if filling == "alkaline" else ("air", 0.15)
        solids.append(rod(centre, radius * thick, half * 0.9, core, axis=way, replaces=filling))
    if detail > 2:
        button = np.asarray(centre, float) + way * (half + 0.6)
        solids.append(rod(button, radius * 0.36, 0.6, "steel", axis=way))
    return solids


def pouch_cell(centre: Vector, half: Vector) -> list[Solid]:
    """A pouch cell in aluminium laminate with its two tabs at +x."""
    tab = centre + vector(half[0] + 5, 0, 0)
    return [
        block(centre, half, "liion", texture=4, amplitude=0.04),
        block(centre + vector(0, 0, half[2] + 0.1), (half[0] + 4, half[1] + 3, 0.08), "al"),
        block(tab + vector(0, half[1] * 0.4, 0), (6, 4, 0.15), "al"),
        block(tab - (0, half[1] * 0.4, 0), (6, 4, 0.15), "copper"),
    ]


def leads(rng: np.random.Generator, start: Vector) -> list[Solid]:
    """Two or more soft leads of any gauge that end in one of several plugs, or bare."""
    gauge = rng.uniform(0.4, 1.9)
    reach = rng.uniform(15, 70)
    end = start + np.array([reach, rng.uniform(-30, 30), rng.uniform(-2, 2)])
    solids: list[Solid] = []
    for k in range(int(rng.choice([2, 2, 2, 3, 4]))):
        offset = (k - 1) * 2.6 * gauge
        bend = (start + end) / 2 + np.array([0, offset * rng.uniform(2, 5), 2])
        line = np.stack([start, bend, end + vector(0, offset, 0)])
        solids += chain(line, gauge * 1.7, "pvc", core="copper", core_radius=gauge * 0.8)
    size = gauge / 0.8
    plug = pick(rng, "housing", "round", "ring", "none")
    if plug == "housing":
        solids.append(
            block(end + vector(5 * size, 0, 0), (7 * size, 4.5 * size, 3 * size), "nylon")
        )
        solids.append(block(end + vector(6 * size, 0, 0), (5 * size, 2.8 * size, size), "brass"))
    elif plug == "round":
        solids.append(rod(end + vector(10, 0, 0), 4.5, 10, "pvc"))
        solids += hollow(rod(end + vector(24, 0, 0), 2.7, 4.5, "brass"), 0.6)
    elif plug == "ring":
        for side in (-1, 1):
            spot = end + vector(5, side * 7, 0)
            solids += hollow(rod(spot, 4.5, 0.6, "copper", axis=(0, 0, 1)), 0.3)[:1]
    return solids


def board(
    rng: np.random.Generator, centre: Triple, half: Triple, thin: int, parts: int = 6
) -> list[Solid]:
    """A circuit board, thinnest along axis number `thin`, with parts on its upper face."""
    middle, size = np.asarray(centre, float), np.asarray(half, float).copy()
    size[thin] = 0.6
    solids = [block(middle, size, "fr4")]
    for _ in range(parts):
        part = np.minimum(rng.uniform(0.6, 3.5, 3), size * 0.8)
        part[thin] = rng.uniform(0.4, 1.3)
        spot = middle + rng.uniform(-0.9, 0.9, 3) * (size - part).clip(0)
        spot[thin] = middle[thin] + 0.6 + part[thin]
        stuff = pick(rng, "silicon", "copper", "ferrite", "ceramic", "solder", "abs", "steel")
        solids.append(block(spot, part, stuff))
    return solids
