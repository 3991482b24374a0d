"""Items of interest that hold a lithium cell: battery packs and vaporisers. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import (
    Variety,
    about_z,
    block,
    chain,
    disc,
    hollow,
    model,
    pick,
    rod,
    scaled,
    turned,
    vector,
)


def battery_pack(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Rows of round cells or thick pouch cells; unseen: thin flat pouches, or large bare cells."""
    if variety == "unseen":
        solids = _flat_pouches(rng) if rng.random() < 0.5 else _large_cells(rng)
    else:
        solids = _cell_rows(rng) if rng.random() < 0.65 else _pouch_stack(rng)
    return scaled(model("battery_pack", solids), rng.uniform(0.95, 1.05))


def _cell(centre: Vector, radius: float, half: float) -> list[Solid]:
    """A wound cell in a steel can, hollow along its axis."""
    return [
        *hollow(rod(centre, radius, half, "steel"), 0.25, "liion"),
        rod(centre, radius * 0.14, half * 0.95, "air", replaces="liion"),
        rod(centre + vector(half + 0.3, 0, 0), radius * 0.35, 0.7, "steel"),
    ]


def _cell_rows(rng: np.random.Generator) -> list[Solid]:
    rows, layers = int(rng.integers(2, 7)), int(rng.integers(1, 3))
    radius, half = (9.2, 32.5) if rng.random() < 0.8 else (10.6, 35.0)
    pitch = 2 * radius + rng.uniform(0.2, 1.6)
    stagger = rng.random() < 0.3
    solids: list[Solid] = []
    for layer in range(layers):
        for row in range(rows):
            shift = pitch / 2 if stagger and layer % 2 else 0.0
            y = (row - (rows - 1) / 2) * pitch + shift
            solids += _cell(
                np.array([0, y, layer * pitch * (0.87 if stagger else 1)]), radius, half
            )
    width, height = rows * pitch / 2 + 2, layers * pitch / 2 + 2
    middle = (layers - 1) * pitch / 2
    for end in (-1, 1):
        for row in range(rows - 1):
            strip = ((end * (half + 1.2)), (row - (rows - 2) / 2) * pitch, middle)
            solids.append(block(strip, (0.15, pitch * 0.7, 4), "steel"))
    if rng.random() < 0.6:
        case = pick(rng, "abs", "pvc")
        solids += hollow(block((4, 0, middle), (half + 14, width + 3, height + 3), case), 2.0)
        solids.append(block((half + 12, 0, middle), (0.8, width * 0.8, height * 0.8), "fr4"))
        for _ in range(7):
            spot = (half + 13.5, rng.uniform(-0.7, 0.7) * width, middle + rng.uniform(-6, 6))
            size = (0.9, rng.uniform(1, 4), rng.uniform(1, 3))
            solids.append(block(spot, size, pick(rng, "copper", "solder", "steel", "silicon")))
    else:
        solids += _leads(rng, np.array([half, 0, middle]))
    return solids


def _leads(rng: np.random.Generator, start: Vector) -> list[Solid]:
    """Two soft leads that end in a plug."""
    solids: list[Solid] = []
    end = start + np.array([rng.uniform(25, 50), rng.uniform(-20, 20), 0])
    for side in (-1, 1):
        bend = (start + end) / 2 + np.array([0, side * rng.uniform(6, 16), 3])
        line = np.stack([start, bend, end + vector(0, side * 1.8, 0)])
        solids += chain(line, 1.5, "pvc", core="copper", core_radius=0.8)
    solids.append(block(end + vector(5, 0, 0), (7, 4.5, 3), "nylon"))
    solids.append(block(end + vector(6, 0, 0), (5, 2.8, 1), "brass"))
    return solids


def _pouch(centre: Vector, half: Vector) -> list[Solid]:
    tab = centre + vector(half[0] + 5, 0, 0)
    return [
        block(centre, half, "liion", texture=4, amplitude=0.04),
        block(centre + vector(0, 0, half[2] + 0.1), (half[0] + 4, half[1] + 3, 0.08), "al"),
        block(tab + vector(0, half[1] * 0.4, 0), (6, 4, 0.15), "al"),
        block(tab - (0, half[1] * 0.4, 0), (6, 4, 0.15), "copper"),
    ]


def _pouch_stack(rng: np.random.Generator) -> list[Solid]:
    """Model-aircraft style: thick pouch cells in shrink wrap, with leads."""
    half = np.array([rng.uniform(38, 68), rng.uniform(16, 24), rng.uniform(3, 4.5)])
    cells = int(rng.integers(2, 5))
    solids: list[Solid] = []
    for k in range(cells):
        slip = rng.uniform(-1.5, 1.5, 2)
        solids += _pouch(np.array([slip[0], slip[1], 2.15 * half[2] * k]), half)
    middle = 2.15 * half[2] * (cells - 1) / 2
    cover = (half[0] + 8, half[1] + 3, middle + half[2] + 1.5)
    solids += hollow(block((1, 0, middle), cover, "pvc"), 0.4)
    return solids + _leads(rng, np.array([half[0], 0, middle]))


def _flat_pouches(rng: np.random.Generator) -> list[Solid]:
    """Loose thin pouch cells of telephones or tablets, fanned out."""
    half = np.array([rng.uniform(40, 62), rng.uniform(24, 40), rng.uniform(1.4, 2.4)])
    solids: list[Solid] = []
    for k in range(int(rng.integers(3, 8))):
        pouch = [
            *_pouch(np.zeros(3), half),
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
    """One or more stick or box vaporisers; unseen: large puff-bar blocks, or refill pods."""
    if variety == "unseen":
        single = _block_vape(rng) if rng.random() < 0.6 else _long_mod(rng)
    else:
        single = _stick_vape(rng) if rng.random() < 0.6 else _pod_vape(rng)
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


def _stick_vape(rng: np.random.Generator) -> list[Solid]:
    length, radius = rng.uniform(90, 125), rng.uniform(5.5, 8.5)
    shell = pick(rng, "al", "abs", "steel")
    wall = {"al": 0.7, "abs": 1.1, "steel": 0.3}[shell]
    return [
        *hollow(rod((0, 0, 0), radius + 1.2, length / 2, shell), wall),
        *_vape_core(-length * 0.3, radius, length * 0.72),
        rod((length / 2 + 7, 0, 0), radius * 0.7, 8, "pp", flat=0.55),
        rod((length / 2 + 7, 0, 0), 1.4, 8, "air", replaces="pp"),
        rod((-length / 2 + 3, 0, 0), radius, 2.2, "pp"),
    ]


def _pod_vape(rng: np.random.Generator) -> list[Solid]:
    """A flat body with a pouch cell, a board, a charging socket and a pod of liquid."""
    a, b, c = rng.uniform(36, 50), rng.uniform(10, 18), rng.uniform(5, 7.5)
    return [
        *hollow(block((0, 0, 0), (a, b, c), pick(rng, "al", "zinc", "abs")), 0.9),
        block((-a * 0.25, -b * 0.1, 0), (a * 0.52, b * 0.66, c * 0.62), "liion"),
        block((-a * 0.2, b * 0.76, 0), (a * 0.6, 0.6, c * 0.7), "fr4"),
        block((-a * 0.3, b * 0.68, 0), (3, 0.7, 2), "silicon"),
        block((-a * 0.95, 0, 0), (3, 4.5, 1.7), "steel"),
        *hollow(block((a * 1.12, 0, 0), (a * 0.34, b * 0.8, c * 0.8), "pp"), 1.2, "glycol"),
        rod((a * 1.1, 0, 0), 2.8, a * 0.28, "steel"),
        rod((a * 1.1, 0, 0), 2.2, a * 0.28, "cotton_wool", replaces="steel"),
        block((a * 1.5, 0, 0), (6, b * 0.45, c * 0.5), "pp"),
        *[disc((a * 0.8, y, 0), 1.5, 2.2, "brass") for y in (-b * 0.4, b * 0.4)],
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
        *_cell(np.array([-2.0, -10, 0]), 9.2, 33),
        *_cell(np.array([-2.0, 10, 0]), 9.2, 33),
        block((36, 0, 0), (1, 18, 10), "fr4"),
        rod((45, 0, 0), tank, 4, "steel"),
        *hollow(rod((63, 0, 0), tank + 1, 14, "glass"), 1.4, "glycol"),
        rod((63, 0, 0), 5, 14, "steel"),
        rod((63, 0, 0), 4, 14, "cotton_wool", replaces="steel"),
        rod((84, 0, 0), 6, 8, "steel"),
        rod((84, 0, 0), 3.5, 8, "air", replaces="steel"),
    ]
