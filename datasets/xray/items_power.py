"""Items of interest that hold a lithium cell: battery packs and vaporisers. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.items_battery import familiar_battery
from parcelscope.datasets.xray.items_cells import pouch_cell, wound_cell
from parcelscope.datasets.xray.items_vape import familiar_vape
from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Variety,
    about_z,
    block,
    hollow,
    model,
    pick,
    rod,
    scaled,
    turned,
    vector,
)


def battery_pack(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A pack of any usual make; unseen: thin flat pouches, or large bare cells."""
    if variety == "familiar":
        return familiar_battery(rng)
    solids = _flat_pouches(rng) if rng.random() < 0.5 else _large_cells(rng)
    return scaled(model("battery_pack", solids), rng.uniform(0.95, 1.05))


def _flat_pouches(rng: np.random.Generator) -> list[Solid]:
    """Loose thin pouch cells of telephones or tablets, fanned out."""
    half = np.array([rng.uniform(40, 62), rng.uniform(24, 40), rng.uniform(1.4, 2.4)])
    solids: list[Solid] = []
    for k in range(int(rng.integers(3, 8))):
        pouch = [
            *pouch_cell(np.zeros(3), half),
            block((half[0] + 3, 0, 1.2), (2.5, half[1] * 0.5, 0.5), "fr4"),
            block((half[0] + 3, 4, 2), (1.5, 4, 0.5), "silicon"),
        ]
        turn = about_z(rng.normal(0, 0.35))
        solids += turned(pouch, turn, (*rng.uniform(-12, 12, 2), 2.6 * half[2] * k))
    return solids


def _large_cells(rng: np.random.Generator) -> list[Solid]:
    """Big prismatic cells in aluminium with bolt terminals."""
    half = np.array([rng.uniform(50, 75), rng.uniform(35, 50), rng.uniform(12, 18)])
    solids: list[Solid] = []
    for k in range(int(rng.integers(1, 4))):
        centre = np.array([0, 0, k * (2 * half[2] + 1)])
        solids += hollow(block(centre, half, "al"), 1.0, "liion")
        for side in (-1, 1):
            terminal = centre + vector(half[0] + 3, side * half[1] * 0.6, 0)
            solids.append(rod(terminal, 5, 5, "copper" if side > 0 else "al"))
        solids.append(block(centre + vector(half[0] + 1, 0, 0), (1, 8, 5), "abs"))
    return solids


def vape(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """One or more of any usual make; unseen: large puff-bar blocks, or boxes with two cells."""
    if variety == "familiar":
        return familiar_vape(rng)
    single = _block_vape(rng) if rng.random() < 0.6 else _long_mod(rng)
    count = int(rng.choice([1, 1, 2, 3, 5])) if len(single) < 22 else int(rng.choice([1, 2]))
    unit = model("", single)
    solids: list[Solid] = []
    for k in range(count):
        shift = (rng.uniform(-4, 4), (unit.size_mm[1] + rng.uniform(1, 4)) * k, 0)
        turn = about_z(rng.normal(0, 0.03) + np.pi * (rng.random() < 0.2))
        solids += turned(unit.solids, turn, shift)
    return scaled(model("vape", solids), rng.uniform(0.92, 1.12))


def _vape_core(x: float, radius: float, length: float) -> list[Solid]:
    """What every design holds: cell, airflow sensor, liquid-soaked wadding, coil and air tube."""
    tank = x + length * 0.72
    return [
        *hollow(rod((x + length * 0.2, 0, 0), radius, length * 0.27, "steel"), 0.2, "liion"),
        rod((x + length * 0.2, 0, 0), radius * 0.15, length * 0.24, "air", replaces="liion"),
        rod((x - length * 0.12, 0, 0), radius * 0.8, 1.6, "fr4"),
        rod((tank, 0, 0), radius * 0.95, length * 0.2, "glycol"),
        rod((tank, 0, 0), radius * 0.3, length * 0.2, "air", replaces="glycol"),
        rod((tank - length * 0.08, 0, 0), 1.9, 4, "steel"),
        rod((tank - length * 0.2, 0, 0), radius * 0.9, 1.2, "brass"),
    ]


def _block_vape(rng: np.random.Generator) -> list[Solid]:
    """A squat disposable with a screen and a wide tank beside its cell."""
    a, b, c = rng.uniform(38, 46), rng.uniform(22, 27), rng.uniform(10, 13)
    return [
        *hollow(block((0, 0, 0), (a, b, c), "abs"), 1.5),
        *turned(_vape_core(-a * 0.6, b * 0.36, a * 1.2), shift=(0, b * 0.45, 0)),
        *hollow(block((0, -b * 0.5, 0), (a * 0.8, b * 0.4, c * 0.7), "pe"), 0.8, "glycol"),
        block((-a * 0.2, 0, c * 0.9), (10, 7, 0.7), "glass"),
        block((-a * 0.2, 0, c * 0.75), (12, 9, 0.6), "fr4"),
        rod((a + 6, b * 0.4, 0), 8, 8, "pp", flat=0.6),
    ]


def _long_mod(rng: np.random.Generator) -> list[Solid]:
    """A refillable box with two round cells and a glass tank on top."""
    tank = rng.uniform(11, 13)
    return [
        *hollow(block((0, 0, 0), (42, 24, 13), pick(rng, "zinc", "al")), 1.6),
        *wound_cell(np.array([-2.0, -10, 0]), 9.2, 33),
        *wound_cell(np.array([-2.0, 10, 0]), 9.2, 33),
        block((36, 0, 0), (1, 18, 10), "fr4"),
        rod((45, 0, 0), tank, 4, "steel"),
        *hollow(rod((63, 0, 0), tank + 1, 14, "glass"), 1.4, "glycol"),
        rod((63, 0, 0), 5, 14, "steel"),
        rod((63, 0, 0), 4, 14, "cotton_wool", replaces="steel"),
        rod((84, 0, 0), 6, 8, "steel"),
        rod((84, 0, 0), 3.5, 8, "air", replaces="steel"),
    ]
