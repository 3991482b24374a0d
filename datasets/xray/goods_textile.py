"""Goods of cloth, leather and stuffing. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    X_AXIS,
    Y_AXIS,
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
)


def clothing(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A folded garment: uneven layers and folds, with seams, buttons, a zip or a care label."""
    half = np.array([rng.uniform(75, 125), rng.uniform(60, 95), rng.uniform(10, 28)])
    cloth = pick(rng, "textile_cotton", "textile_poly")
    solids: list[Solid] = []
    layers = int(rng.integers(4, 8))
    for k in range(layers):
        part = half * np.array([*rng.uniform(0.55, 1, 2), 1 / layers])
        place = (half - part) * np.array([*rng.uniform(-1, 1, 2), 0])
        place[2] = half[2] * (2 * k + 1 - layers) / layers
        shape = ball if rng.random() < 0.35 else block
        solids.append(
            shape(
                place,
                part,
                cloth,
                rotation=about_z(rng.normal(0, 0.12)),
                texture=int(rng.integers(64)),
                amplitude=0.45,
            )
        )
    solids += _folds(rng, half, cloth) + _seams(rng, half, cloth)
    solids += _fastenings(rng, half, zipped=variety == "unseen" or rng.random() < 0.4)
    return model("clothing", solids)


def _folds(rng: np.random.Generator, half: np.ndarray, cloth: str) -> list[Solid]:
    """Rolls of cloth where the garment was folded over, and creases across it."""
    solids: list[Solid] = []
    for _ in range(int(rng.integers(2, 6))):
        along_x = rng.random() < 0.5
        angle = rng.normal(0, 0.25) + (0 if along_x else np.pi / 2)
        axis = (np.cos(angle), np.sin(angle), 0)
        radius = rng.uniform(3, 8)
        place = spread(rng, half * (0.8, 0.8, 0.4))
        reach = half[0 if along_x else 1] * rng.uniform(0.3, 0.75)
        solids.append(
            rod(place, radius, reach, cloth, axis=axis, flat=0.6, texture=7, amplitude=0.4)
        )
    return solids


def _seams(rng: np.random.Generator, half: np.ndarray, cloth: str) -> list[Solid]:
    solids: list[Solid] = []
    for _ in range(int(rng.integers(2, 6))):
        turn = about_z(rng.choice([0, np.pi / 2]) + rng.normal(0, 0.2))
        reach = half[:2].min() * rng.uniform(0.4, 0.9)
        solids.append(
            block(spread(rng, half * (0.5, 0.5, 0.7)), (reach, 2.2, 1.6), cloth, rotation=turn)
        )
    solids.append(block(spread(rng, half * (0.7, 0.7, 0.5)), (18, 10, 0.2), "nylon"))
    return solids


def _fastenings(rng: np.random.Generator, half: np.ndarray, *, zipped: bool) -> list[Solid]:
    button = pick(rng, "abs", "abs", "brass", "steel")
    solids = [
        disc(spread(rng, half * (0.8, 0.8, 0.6)), rng.uniform(4.5, 8), 1.3, button)
        for _ in range(int(rng.integers(0, 7)))
    ]
    if zipped:
        metal = pick(rng, "brass", "al", "nylon")
        row = half[1] * rng.uniform(-0.6, 0.6)
        phase, swing = rng.uniform(0, 6), rng.uniform(1, 5)
        for x in np.linspace(-half[0] * 0.8, half[0] * 0.8, 34):
            y = row + swing * np.sin(x / 24 + phase)
            solids.append(block((x, y, half[2] * 0.5), (1.0, 2.4, 0.9), metal))
        solids.append(block((half[0] * 0.8, row, half[2] * 0.55), (6, 3.5, 1.3), "zinc"))
        solids.append(block((half[0] * 0.8 + 14, row + 3, half[2] * 0.55), (9, 2.5, 0.8), "zinc"))
    return solids


def jeans(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Heavy folded trousers with rivets, a metal button, a short zip and thick seams."""
    half = np.array([rng.uniform(110, 150), rng.uniform(75, 100), rng.uniform(16, 26)])
    solids = [
        block((0, 0, -half[2] / 2), (half[0], half[1], half[2] / 2), "textile_cotton",
              texture=11, amplitude=0.35),
        block((-half[0] * 0.06, 3, half[2] / 2), (half[0] * 0.94, half[1] * 0.95, half[2] / 2),
              "textile_cotton", texture=23, amplitude=0.35),
    ]  # fmt: skip
    for y in (-0.93, -0.1, 0.85):
        solids.append(block((0, y * half[1], half[2] * 0.6), (half[0], 4, 2.2), "textile_cotton"))
    for _ in range(9):
        solids.append(disc(spread(rng, half * (0.9, 0.9, 0.9)), 4, 1.6, "copper"))
    solids.append(disc((half[0] * 0.9, 0, half[2]), 8.5, 2.6, "brass"))
    solids += [
        block((half[0] * 0.3 + 3 * k, 6, half[2] * 0.8), (1.1, 2.6, 1), "brass") for k in range(20)
    ]
    return model("jeans", solids)


def shoe(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A shoe on its sole: treaded sole, shank, upper with eyelets; unseen: a heeled boot."""
    length = rng.uniform(210, 270) * (1.0 if rng.random() < 0.7 else 0.7)
    upper = pick(rng, "leather", "textile_poly")
    half = length / 2
    heel = 45.0 if variety == "unseen" else 0.0
    solids = [
        block((half * 0.38, 0, -36), (half * 0.55, 42, 8), "rubber", texture=2, amplitude=0.25),
        block((-half * 0.52, 0, -36), (half * 0.44, 33, 9 + heel / 8), "rubber", amplitude=0.2),
        rod((half * 0.9, 0, -36), 39, 7, "rubber", axis=Z_AXIS),
        ball((0, 0, -8), (half * 0.98, 38, 34), upper, texture=5, amplitude=0.02),
        ball((0, 0, -6), (half * 0.94, 35.4, 31.4), "air", replaces=upper),
        ball((half * 0.6, 0, -14), (half * 0.3, 30, 20), "paper", texture=9, amplitude=0.7),
        ball((-half * 0.55, 0, 15), (half * 0.42, 33, 34), upper, texture=6, amplitude=0.02),
        ball((-half * 0.55, 0, 16), (half * 0.39, 30, 31), "air", replaces=upper),
        block((-half * 0.2, 0, -30), (half * 0.35, 8, 0.6), "steel"),
        block((0, 0, -28), (half * 0.85, 34, 2), "foam"),
    ]
    for k in range(9):
        x = half * (-0.85 + 0.2 * k)
        solids.append(block((x, 0, -44), (2.5, 34, 2.5), "rubber"))
    for k in range(6):
        for side in (-1, 1):
            spot = (half * (0.1 + 0.07 * k), side * 12, 22 - 2 * k)
            solids.append(disc(spot, 3, 1.2, pick(rng, "brass", "al")))
    if heel:
        solids += [
            rod((-half * 0.75, 0, -52), 16, 14, "abs", axis=Z_AXIS),
            rod((-half * 0.75, 0, -52), 2, 13, "steel", axis=Z_AXIS),
            *hollow(rod((-half * 0.6, 0, 70), 42, 45, upper, axis=Z_AXIS), 2.2),
        ]
    return model("shoe", solids)


def handbag(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A small bag lying flat: stiff panels, zip, buckle, strap with rings, stuffing paper."""
    half = np.array([rng.uniform(75, 115), rng.uniform(55, 85), rng.uniform(14, 26)])
    skin = pick(rng, "leather", "pvc", "textile_poly")
    solids = hollow(block((0, 0, 0), half, skin, texture=3, amplitude=0.12), 2.0)
    solids += [
        ball((0, 0, 0), half * (0.75, 0.7, 0.7), "cotton_wool", texture=12, amplitude=0.8),
        block((0, half[1] * 0.35, half[2] + 1), (half[0] * 0.95, half[1] * 0.6, 1.4), skin),
        block((0, -half[1] * 0.2, half[2] + 2.5), (13, 9, 2), "zinc"),
        disc((0, -half[1] * 0.2, half[2] + 1), 7, 1.5, "steel"),
    ]
    for k in range(26):
        spot = ((k - 12.5) * half[0] * 0.068, half[1] * 0.8, half[2] * 0.8)
        solids.append(block(spot, (1.2, 2.6, 1), "brass"))
    strap = np.linspace(0, 1, 10)[:, None]
    bow = np.concatenate(
        [
            (strap * 2 - 1) * half[0],
            half[1] * (0.4 + np.sin(strap * np.pi) * rng.uniform(0.3, 0.7)),
            np.full_like(strap, half[2] + 4),
        ],
        axis=1,
    )
    solids += chain(bow, 4.5, skin)
    for side in (-1, 1):
        centre = (side * half[0] * 0.96, half[1] * 0.4, half[2] + 4)
        solids += ring(centre, (11, 9), 1.9, "zinc", segments=8)
    return model("handbag", solids)


def soft_toy(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A stuffed animal with glass or plastic eyes; unseen: one with a sound box inside."""
    size = rng.uniform(45, 75)
    solids = [
        ball((0, 0, 0), (size, size * 0.8, size * 0.6), "cotton_wool", amplitude=0.5),
        ball((size * 1.3, 0, 0), (size * 0.65, size * 0.62, size * 0.55), "cotton_wool",
             texture=8, amplitude=0.5),
        ball((0, 0, 0), (size * 1.02, size * 0.82, size * 0.2), "textile_poly", amplitude=0.4),
    ]  # fmt: skip
    for along, across in ((0.7, 0.8), (0.7, -0.8), (-0.9, 0.5), (-0.9, -0.5)):
        turn = about_z(np.sign(across) * rng.uniform(0.3, 1.1))
        limb = (size * 0.55, size * 0.24, size * 0.26)
        solids.append(
            ball((size * along, size * across, 0), limb, "cotton_wool", rotation=turn,
                 texture=int(rng.integers(32)), amplitude=0.5)
        )  # fmt: skip
    for side in (-1, 1):
        ear = (size * 1.8, side * size * 0.42, 0)
        solids.append(ball(ear, (size * 0.2, size * 0.2, size * 0.1), "textile_poly"))
        eye = (size * 1.6, side * size * 0.2, size * 0.42)
        solids.append(ball(eye, (5, 5, 4), pick(rng, "glass", "abs")))
    solids.append(ball((size * 1.75, 0, size * 0.42), (6, 5, 4), "abs"))
    solids.append(block((-size * 0.9, 0, size * 0.3), (12, 16, 0.3), "nylon"))
    if variety == "unseen":
        solids += [
            *hollow(block((0, 0, 0), (24, 18, 11), "abs"), 1.5),
            *hollow(rod((4, 0, -6), 11, 2.7, "steel", axis=Z_AXIS), 0.3, "zinc"),
            rod((-10, 6, 5), 8, 3, "steel", axis=Z_AXIS),
            block((6, 0, 6), (12, 12, 0.8), "fr4"),
        ]
    return model("soft_toy", solids)


def belt(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A leather belt, coiled on edge, with its buckle."""
    turns = rng.uniform(2.2, 3.6)
    steps = int(turns * 13)
    angle = np.linspace(0, 2 * np.pi * turns, steps)
    reach = np.linspace(24, 24 + 6.5 * turns, steps)
    skin = pick(rng, "leather", "pvc", "textile_poly")
    width = rng.uniform(13, 19)
    solids: list[Solid] = []
    for k in range(steps - 1):
        a, b = angle[k], angle[k + 1]
        start = np.array([reach[k] * np.cos(a), reach[k] * np.sin(a), 0])
        end = np.array([reach[k + 1] * np.cos(b), reach[k + 1] * np.sin(b), 0])
        step = end - start
        turn = about_z(np.arctan2(step[1], step[0]))
        half = (float(np.linalg.norm(step)) / 2, 1.8, width)
        solids.append(block((start + end) / 2, half, skin, rotation=turn))
    buckle = np.array([reach[-1] * np.cos(angle[-1]), reach[-1] * np.sin(angle[-1]), 0])
    turn = about_z(angle[-1] + np.pi / 2) @ about_x(np.pi / 2)
    solids += ring(buckle, (20, width + 4), 2.6, pick(rng, "zinc", "brass"), rotation=turn,
                   segments=8)  # fmt: skip
    solids.append(block(buckle, (19, 1.8, 1.8), "steel", rotation=turn))
    return model("belt", solids)


def umbrella(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """A folded umbrella: steel shaft, eight ribs, wrapped cloth, plastic grip."""
    half = rng.uniform(100, 140)
    solids = [
        rod((0, 0, 0), 20, half * 0.8, "textile_poly", texture=4, amplitude=0.4),
        rod((0, 0, 0), 4.5, half * 0.95, "steel"),
        rod((0, 0, 0), 3.9, half * 0.94, "air", replaces="steel"),
        rod((-half * 1.05, 0, 0), 15, 28, "abs"),
        disc((half * 0.92, 0, 0), 5, 5, "abs"),
    ]
    for k in range(8):
        spot = (rng.uniform(-8, 8), 11 * np.cos(k * np.pi / 4), 11 * np.sin(k * np.pi / 4))
        axis = (1, rng.normal(0, 0.02), rng.normal(0, 0.02))
        solids.append(rod(spot, 1.5, half * 0.78, "steel", axis=axis))
    return model("umbrella", solids)


def hat(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """A peaked cap with a stiff brim, an eyelet row and a metal clasp."""
    size = rng.uniform(75, 90)
    cloth = pick(rng, "textile_cotton", "textile_poly")
    solids = [
        *hollow(ball((0, 0, 0), (size, size * 0.9, 40), cloth, texture=5, amplitude=0.3), 2.5),
        block((size * 1.15, 0, -8), (38, size * 0.75, 2), "pe", rotation=about_y(0.12)),
        block((size * 1.15, 0, -8), (38, size * 0.78, 3.4), cloth, rotation=about_y(0.12)),
        rod((0, 0, 40), 6, 3, "abs", axis=Z_AXIS),
        block((-size * 0.95, 0, -10), (1.5, 11, 8), "zinc"),
    ]
    for k in range(6):
        angle = k * np.pi / 3
        spot = (size * 0.6 * np.cos(angle), size * 0.55 * np.sin(angle), 25)
        solids.append(disc(spot, 3, 1, "brass"))
        solids.append(
            rod((spot[0] * 0.8, spot[1] * 0.8, 26), 2, 30, cloth, axis=(spot[0], spot[1], -8))
        )
    return model("hat", solids)


def blanket(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A rolled towel or blanket tied with a ribbon."""
    half, radius = rng.uniform(90, 140), rng.uniform(28, 45)
    solids = [
        rod((0, 0, 0), radius, half, "textile_cotton", texture=4, amplitude=0.45),
        rod((0, 0, 0), radius * 0.25, half, "air", replaces="textile_cotton"),
        rod((half * 0.2, 0, 0), radius + 1, 6, "nylon"),
        rod((half * 0.2, 0, 0), radius - 0.5, 6, "textile_cotton", replaces="nylon"),
    ]
    for k in range(5):
        angle = rng.uniform(0, 6.3)
        spot = (0, radius * 0.3 * (k / 2) * np.cos(angle), radius * 0.3 * (k / 2) * np.sin(angle))
        solids.append(
            rod(spot, 3, half * 0.98, "textile_cotton", axis=X_AXIS, texture=k, amplitude=0.5)
        )
    solids += turned([block((0, 0, 0), (14, 22, 0.3), "paper")], about_z(0.3), (0, 0, radius))
    solids.append(rod((half * 0.9, 0, radius), 1.5, 4, "nylon", axis=Y_AXIS))
    return model("blanket", solids)
