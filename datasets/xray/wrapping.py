"""Outer packaging and filler. The frame's origin is the centre of the floor. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Solid, Vector
from parcelscope.datasets.xray.solids import (
    Z_AXIS,
    about_x,
    about_y,
    about_z,
    ball,
    block,
    disc,
    hollow,
    pick,
    rod,
    turned,
)
from parcelscope.datasets.xray.texture import FLUTING


def carton_walls(rng: np.random.Generator, size_mm: Vector, wall_mm: float) -> list[Solid]:
    """A taped carton of outer size `size_mm` (3,): liners, fluted core, flaps, glue tab, label."""
    half = size_mm / 2
    middle = np.array([0, 0, half[2]])
    liner = 0.4
    solids = [
        block(middle, half, "paper"),
        block(middle, half - liner, "cardboard", replaces="paper"),
        block(middle, half - wall_mm + liner, "paper", replaces="cardboard"),
        block(middle, half - wall_mm, "air", replaces="paper"),
    ]
    solids += _flaps(rng, half, wall_mm)
    tab = (half[0] - wall_mm * 1.6, half[1] - wall_mm - 16, half[2])
    solids.append(block(tab, (wall_mm / 2, 16, half[2] - wall_mm * 2), "cardboard"))
    return solids + _tape_and_label(rng, half)


def _flaps(rng: np.random.Generator, half: Vector, wall_mm: float) -> list[Solid]:
    """Two short flaps below the closed lid at either end, at the top and at the bottom."""
    solids: list[Solid] = []
    for z in (wall_mm * 1.5, 2 * half[2] - wall_mm * 1.5):
        reach = min(half[1], half[0]) * rng.uniform(0.42, 0.5)
        for side in (-1, 1):
            spot = (side * (half[0] - wall_mm - reach), 0, z)
            flap = (reach, half[1] - wall_mm * 1.2, wall_mm / 2)
            solids.append(block(spot, flap, "cardboard", texture=FLUTING, amplitude=0.25))
            crease = (side * (half[0] - wall_mm * 1.2), 0, z)
            solids.append(block(crease, (1.2, half[1] - wall_mm * 1.2, 1.2), "paper"))
        # The slit between the long flaps.
        seam = (0, rng.normal(0, 1.5), z + np.sign(z - half[2]) * wall_mm)
        solids.append(
            block(seam, (half[0] - wall_mm, rng.uniform(0.5, 1.6), wall_mm * 0.4), "air",
                  replaces="cardboard")
        )  # fmt: skip
    return solids


def _tape_and_label(rng: np.random.Generator, half: Vector) -> list[Solid]:
    top, thin = 2 * half[2], 0.06
    solids: list[Solid] = []
    for z in (0.1, top - 0.1):
        turn = about_z(rng.normal(0, 0.006))
        solids.append(block((0, rng.normal(0, 2), z), (half[0], 24, thin), "pp", rotation=turn))
    for side in (-1, 1):
        solids.append(
            block((side * (half[0] - 0.1), 0, top - 25), (thin, 24, min(25, half[2] * 0.8)), "pp")
        )
    label = np.minimum(np.array([rng.uniform(48, 76), rng.uniform(34, 52)]), half[:2] * 0.8)
    spot = rng.uniform(-1, 1, 2) * (half[:2] - label) * 0.9
    turn = about_z(rng.normal(0, 0.03))
    solids.append(block((*spot, top - 0.2), (*label, 0.15), "paper", rotation=turn))
    if rng.random() < 0.5:
        pouch = np.minimum(np.array([60.0, 42.0]), half[:2] * 0.7)
        place = rng.uniform(-1, 1, 2) * (half[:2] - pouch) * 0.9
        solids += [
            block((*place, top - 0.4), (*pouch, 0.1), "pe", texture=5, amplitude=0.4),
            block((*place, top - 0.4), (*(pouch * 0.86), 0.3), "paper", texture=8, amplitude=0.2),
        ]
    return solids


def mailer_walls(rng: np.random.Generator, size_mm: Vector, style: str) -> list[Solid]:
    """A poly, bubble or kraft mailer: two creased skins, seals, flap with glue, label."""
    half = size_mm / 2
    skin, thick, lining = {
        "poly": ("pe", 0.09, 0.0),
        "bubble": ("pe", 0.09, 1.8),
        "kraft": ("paper", 0.18, 1.5),
    }[style]
    solids: list[Solid] = []
    for z in (0.4 + lining, 2 * half[2] - 0.4 - lining):
        tint = int(rng.integers(64))
        for _ in range(2):
            # Two creased sheets per face, crossing each other: film never lies in one layer.
            turn = about_z(rng.normal(0, 0.01))
            sheet = (half[0] * 0.985, half[1] * 0.98, thick)
            solids.append(block((0, 0, z), sheet, skin, rotation=turn, texture=tint, amplitude=0.8))
            tint += 17
        if lining:
            foam = (half[0] * 0.96, half[1] * 0.95, lining * 0.5)
            solids.append(block((0, 0, z), foam, "pe_foam", texture=tint, amplitude=0.9))
    for side in (-1, 1):
        seal = (0, side * (half[1] - 4), half[2])
        solids.append(block(seal, (half[0], 3.5, 0.25), skin, texture=3, amplitude=0.3))
    flap = half[0] - 26
    solids.append(block((flap, 0, 2 * half[2] - 0.3), (25, half[1] * 0.97, 0.12), skin))
    solids.append(block((flap - 8, 0, 2 * half[2] - 0.3), (7, half[1] * 0.95, 0.1), "pp"))
    label = np.minimum(np.array([rng.uniform(48, 76), rng.uniform(34, 52)]), half[:2] * 0.8)
    spot = rng.uniform(-1, 1, 2) * (half[:2] - label) * 0.7
    turn = about_z(rng.normal(0, 0.05))
    solids.append(block((*spot, 2 * half[2] - 0.2), (*label, 0.15), "paper", rotation=turn))
    return solids


def inner_walls(rng: np.random.Generator, size_mm: Vector, style: str) -> list[Solid]:
    """A small box or mailer inside a master carton, in five or six solids."""
    half = size_mm / 2
    middle = (0, 0, half[2])
    if style == "box":
        wall = float(np.clip(half.min() * 0.08, 1.0, 2.6))
        solids = hollow(block(middle, half, "cardboard"), wall)
        solids += [
            block((0, 0, z), (half[0] * 0.98, half[1] * 0.98, 0.4), "paper")
            for z in (0.5, 2 * half[2] - 0.5)
        ]
        tape = min(20.0, half[1] * 0.4)
        solids.append(block((0, 0, 2 * half[2] - 0.1), (half[0], tape, 0.07), "pp"))
    else:
        skin, thick = ("pe", 0.2) if style == "poly" else ("paper", 0.35)
        solids = [
            block((0, 0, z), (half[0] * 0.99, half[1] * 0.99, thick), skin,
                  texture=int(rng.integers(64)), amplitude=0.6)
            for z in (0.5, 2 * half[2] - 0.5)
        ]  # fmt: skip
        for side in (-1, 1):
            solids.append(block((0, side * (half[1] - 2), half[2]), (half[0], 1.8, 0.6), skin))
        solids.append(block((half[0] - 6, 0, half[2]), (5, half[1], 0.7), skin))
    label = np.minimum(np.array([rng.uniform(34, 50), rng.uniform(22, 34)]), half[:2] * 0.8)
    spot = rng.uniform(-1, 1, 2) * (half[:2] - label) * 0.8
    solids.append(block((*spot, 2 * half[2] - 0.25), (*label, 0.2), "paper"))
    return solids


def filler(rng: np.random.Generator, room_mm: Vector, pieces: int) -> list[Solid]:
    """Foam chips, crumpled paper, air cushions and bubble wrap, in what room is left."""
    solids: list[Solid] = []
    kind = pick(rng, "chips", "paper", "cushions", "wrap")
    for _ in range(pieces):
        spot = rng.uniform(-1, 1, 3) * (room_mm / 2 * 0.8) + (0, 0, room_mm[2] / 2)
        turn = (
            about_z(rng.uniform(0, 3)) @ about_x(rng.normal(0, 0.5)) @ about_y(rng.normal(0, 0.5))
        )
        tint = int(rng.integers(64))
        limit = min(room_mm) * 0.09
        if kind == "chips":
            half = np.minimum(rng.uniform(9, 20, 3), limit)
            solids.append(ball(spot, half, "foam", rotation=turn))
        elif kind == "paper":
            half = np.minimum(rng.uniform(18, 40, 3), limit)
            crumple = ball(spot, half, "paper", rotation=turn, texture=tint, amplitude=0.8)
            solids += hollow(crumple, 0.25)
        elif kind == "cushions":
            half = np.minimum(np.array([45.0, 34.0, 14.0]) * rng.uniform(0.7, 1.1), limit)
            skin = ball(spot, half, "pe", rotation=turn, texture=tint, amplitude=0.5)
            solids += hollow(skin, 0.08)
        else:
            half = np.minimum(np.array([90.0, 70.0, 4.0]) * rng.uniform(0.5, 1.1), limit)
            solids.append(block(spot, half, "pe_foam", rotation=turn, texture=tint, amplitude=0.9))
    return solids


def loose_bits(rng: np.random.Generator, room_mm: Vector, count: int) -> list[Solid]:
    """What lies about in parcels: desiccant, cable ties, staples, tags, clips, bag seals."""
    solids: list[Solid] = []
    for _ in range(count):
        turn = about_z(rng.uniform(0, 6.3)) @ about_x(rng.normal(0, 0.4))
        spot = rng.uniform(-1, 1, 3) * (room_mm / 2 * 0.8) + (0, 0, room_mm[2] / 2)
        kind = int(rng.integers(6))
        if kind == 0:
            bits = [ball((0, 0, 0), (16, 11, 2.6), "salt" if rng.random() < 0.2 else "talc",
                         texture=9, amplitude=0.3)]  # fmt: skip
        elif kind == 1:
            bits = [rod((0, 0, 0), 1.1, rng.uniform(12, 30), "nylon")]
        elif kind == 2:
            bits = [rod((0, 0, 0), 0.5, 5.5, "steel"), rod((5, 2, 0), 0.5, 2.5, "steel",
                    axis=(0, 1, 0))]  # fmt: skip
        elif kind == 3:
            bits = [block((0, 0, 0), (22, 13, 0.25), "paper"), disc((18, 0, 0), 3, 0.5, "brass")]
        elif kind == 4:
            bits = [rod((0, y, 0), 0.45, 12, "steel") for y in (-3, 0, 3)]
        else:
            bits = [rod((0, 0, 0), rng.uniform(3, 7), rng.uniform(1, 3), pick(rng, "pp", "abs"),
                        axis=Z_AXIS)]  # fmt: skip
        solids += turned(bits, turn, np.clip(spot, -room_mm / 2 + 15, None))
    return solids
