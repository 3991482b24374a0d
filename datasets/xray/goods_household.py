"""Goods of the kitchen and desk, many of them benign look-alikes. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Z_AXIS,
    Variety,
    about_x,
    about_y,
    about_z,
    ball,
    block,
    chain,
    disc,
    hollow,
    model,
    pick,
    ring,
    rod,
    spread,
    turned,
    vector,
)


def book(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A book with boards and spine."""
    half = np.array([rng.uniform(70, 125), rng.uniform(52, 90), rng.uniform(5, 17)])
    solids = [block((0, 0, 0), half, "paper", texture=1, amplitude=0.05)]
    for z in (-half[2] - 1, half[2] + 1):
        solids.append(block((0, -1, z), (half[0] + 2.5, half[1] + 2, 1), "paper"))
    solids.append(block((0, -half[1] - 2, 0), (half[0] + 2.5, 1.2, half[2] + 1), "paper"))
    return model("book", solids)


def documents(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Sheets and folders, not quite aligned, with staples and paper clips."""
    half = np.array([rng.uniform(105, 150), rng.uniform(75, 108)])
    solids: list[Solid] = []
    height = 0.0
    for k in range(int(rng.integers(3, 8))):
        thick = rng.uniform(0.3, 2.2)
        height += thick
        turn = about_z(rng.normal(0, 0.03))
        sheet = (*(half * rng.uniform(0.8, 1.0, 2)), thick)
        spot = (*rng.uniform(-6, 6, 2), height)
        solids.append(block(spot, sheet, "paper", rotation=turn, texture=k, amplitude=0.06))
        height += thick
    for _ in range(int(rng.integers(1, 5))):
        place = np.array([half[0] * 0.85, rng.uniform(-0.9, 0.9) * half[1], rng.uniform(0, height)])
        turn = about_z(rng.uniform(0, 3))
        clip = [rod((0, y, 0), 0.5, 13, "steel") for y in (-3.5, -1, 1.5, 3.5)]
        solids += turned(clip if rng.random() < 0.5 else clip[:1], turn, place)
    return model("documents", solids)


def can(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A tin of food; unseen: a flat fish tin."""
    metal = pick(rng, "al", "steel")
    wall = 0.14 if metal == "al" else 0.24
    filling = pick(rng, "syrup", "oil", "flour", "tobacco")
    if variety == "unseen":
        solids = hollow(block((0, 0, 0), (rng.uniform(45, 58), 30, 11), metal), wall, "oil")
        for k in range(4):
            solids.append(ball((-30 + 20 * k, 0, 0), (9, 26, 8), "tobacco", replaces="oil"))
        return model("can", solids)
    radius, half = rng.uniform(26, 40), rng.uniform(22, 60)
    solids = hollow(rod((0, 0, 0), radius, half, metal), wall, filling)
    for end in (-1, 1):
        solids += hollow(rod((end * (half - 1.4), 0, 0), radius + 0.9, 1.4, metal), 0.5)[:1]
        solids.append(rod((end * (half - 1.4), 0, 0), radius - 0.4, 1.5, filling, replaces=metal))
    lump = radius * 0.3
    for _ in range(6):
        spot = spread(rng, (half - 14, radius * 0.5, radius * 0.5))
        solids.append(ball(spot, (lump, lump * 0.7, lump * 0.7), "tablet", replaces=filling))
    solids.append(block((half + 0.5, 6, 0), (0.6, 9, 7), metal))
    return model("can", solids)


def mug(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A cup with its handle."""
    radius, half = rng.uniform(36, 44), rng.uniform(42, 52)
    ware = pick(rng, "ceramic", "ceramic", "glass", "steel") if variety == "familiar" else "pp"
    wall = {"ceramic": 4.0, "glass": 3.2, "steel": 0.7, "pp": 2.0}[ware]
    solids = [
        rod((0, 0, 0), radius, half, ware),
        rod((wall, 0, 0), radius - wall, half - wall / 2, "air", replaces=ware),
    ]
    angle = np.linspace(-np.pi / 2, np.pi / 2, 9)
    bow = np.stack([half * 0.6 * np.sin(angle), radius + 25 * np.cos(angle), 0 * angle], axis=1)
    return model("mug", [*solids, *chain(bow, 5.5 if wall > 1 else 3, ware)])


def glassware(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Two tumblers or one stemmed glass in tissue."""
    radius, half = rng.uniform(28, 38), rng.uniform(38, 58)
    solids: list[Solid] = []
    for k in range(2):
        spot = np.array([0, (2 * radius + 5) * k, 0])
        solids += [
            rod(spot, radius, half, "glass"),
            rod(spot + vector(4, 0, 0), radius - 2.2, half - 4, "air", replaces="glass"),
        ]
        if variety == "unseen":
            solids.append(rod(spot + vector(-half - 30, 0, 0), 4, 30, "glass"))
            solids.append(rod(spot + vector(-half - 60, 0, 0), radius, 1.8, "glass"))
    return model("glassware", solids)


def candle(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A scented candle in a glass or tin, or a row of tea lights."""
    if rng.random() < 0.4:
        solids: list[Solid] = []
        for k in range(int(rng.integers(4, 11))):
            spot = np.array([41.0 * (k % 4), 41.0 * (k // 4), 0])
            solids += hollow(disc(spot, 19, 8, "al"), 0.2, "pe")
            solids.append(disc(spot - (0, 0, 7), 6, 0.4, "steel"))
        return model("candle", solids)
    radius, half = rng.uniform(28, 42), rng.uniform(32, 50)
    jar = pick(rng, "glass", "steel")
    solids = hollow(disc((0, 0, 0), radius, half, jar), 3.0 if jar == "glass" else 0.4)
    wax = half * rng.uniform(0.6, 0.8)
    wall = 3.2 if jar == "glass" else 0.6
    solids += [
        disc((0, 0, -half + wax + wall), radius - wall, wax, "pe", replaces="air"),
        rod((0, 0, -half + wax + wall), 1.4, wax + 4, "cotton_wool", axis=Z_AXIS),
        disc((0, 0, -half + wall + 1), 9, 0.4, "steel"),
        disc((0, 0, half + 4), radius + 1, 4, pick(rng, "wood", "al", "pp")),
    ]
    return model("candle", solids)


def cutlery(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Spoons, forks and a whisk or peeler: steel in the shapes of the kitchen, no blade."""
    solids: list[Solid] = []
    for k in range(int(rng.integers(2, 7))):
        length = rng.uniform(55, 85)
        piece = [
            block((0, 0, 0), (length, 3.4, 1.1), "steel"),
            block((-length, 0, 0), (22, 6.5, 1.1), "steel"),
        ]
        if rng.random() < 0.5:
            piece.append(ball((length + 22, 0, 0), (28, 17, 1.6), "steel"))
        else:
            piece.append(block((length + 10, 0, 0), (12, 11, 1), "steel"))
            piece += [
                block((length + 38, y, 0), (18, 1.6, 1), "steel") for y in (-9.4, -3.1, 3.1, 9.4)
            ]
        flip = np.pi if rng.random() < 0.3 else 0.0
        solids += turned(
            piece, about_z(flip + rng.normal(0, 0.12)), (rng.uniform(-8, 8), 0, 3.2 * k)
        )
    if variety == "unseen":
        for k in range(5):
            loop = ring((150, 0, 20), (55, 26), 1.1, "steel", segments=14)
            solids += turned(loop, about_x(k * np.pi / 5))
        solids.append(rod((40, 0, 0), 8, 55, "steel"))
    return model("cutlery", solids)


def tea_pack(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Tea, coffee or biscuits in a foil pouch inside a printed box."""
    half = np.array([rng.uniform(45, 80), rng.uniform(32, 50), rng.uniform(16, 30)])
    leaf = pick(rng, "tobacco", "flour", "sugar")
    solids = hollow(block((0, 0, 0), half + 2.5, "paper"), 0.6)
    if rng.random() < 0.5:
        count = int(rng.integers(5, 12))
        for k in range(count):
            x = (k - (count - 1) / 2) * 2 * half[0] / count
            bag = (half[0] / count * 0.7, half[1] * 0.9, half[2] * 0.85)
            solids.append(
                ball((x, 0, 0), bag, leaf, rotation=about_y(rng.normal(0, 0.15)), texture=k,
                     amplitude=0.3)
            )  # fmt: skip
    else:
        solids.append(block((0, 0, 0), half * 0.93, leaf, texture=4, amplitude=0.22))
        for z in (-1, 1):
            solids.append(
                block((0, 0, z * half[2] * 0.95), (half[0], half[1], 0.02), "al", texture=6,
                      amplitude=0.6)
            )  # fmt: skip
    return model("tea_pack", solids)


def pens(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Ball pens with springs, clips and refills."""
    solids: list[Solid] = []
    for k in range(int(rng.integers(2, 6))):
        body = pick(rng, "pp", "abs", "al", "brass")
        wall = 1.4 if body in ("pp", "abs") else 0.5
        pen = [
            *hollow(rod((0, 0, 0), 4.8, 66, body), wall),
            rod((2, 0, 0), 1.6, 52, "pp"),
            rod((66, 0, 0), 1.2, 6, "brass"),
            block((-40, 0, 5.4), (18, 1.5, 0.5), "steel"),
            *[rod((46 + 2.2 * q, 0, 0), 2.5, 0.4, "steel") for q in range(6)],
        ]
        turn = about_z(rng.normal(0, 0.08) + np.pi * (rng.random() < 0.4))
        solids += turned(pen, turn, (rng.uniform(-9, 9), 12.5 * k, rng.uniform(0, 3)))
    return model("pens", solids)


def picture_frame(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A framed picture: glass, board, mitred rails, hanger."""
    a, b = rng.uniform(70, 120), rng.uniform(50, 85)
    rail = pick(rng, "wood", "al")
    width = rng.uniform(5, 10)
    solids = [
        block((0, 0, 0), (a, b, 1.1), "glass"),
        block((0, 0, -3), (a, b, 1.6), "wood"),
        block((0, 0, -1.5), (a * 0.9, b * 0.9, 0.2), "paper"),
    ]
    for side in (-1, 1):
        solids.append(block((0, side * b, 0), (a + width, width, 6), rail))
        solids.append(block((side * a, 0, 0), (width, b - width, 6), rail))
    solids += ring((a * 0.8, 0, -6), (6, 4), 0.8, "brass", segments=8)
    solids += [
        block((sx * a * 0.9, sy * b * 0.8, -5), (1, 6, 0.4), "steel")
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return model("picture_frame", solids)
