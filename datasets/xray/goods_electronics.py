"""Electrical goods. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import (
    Y_AXIS,
    Z_AXIS,
    Variety,
    about_x,
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
    turned,
    vector,
)


def circuit(
    rng: np.random.Generator, centre: Vector, half_xy: tuple[float, float], parts: int
) -> list[Solid]:
    """A populated circuit board: laminate, copper, chips, cans, capacitors, a connector."""
    a, b = half_xy
    solids = [
        block(centre, (a, b, 0.8), "fr4"),
        block(
            centre + vector(0, 0, 0.9),
            (a * 0.96, b * 0.96, 0.04),
            "copper",
            texture=int(rng.integers(64)),
            amplitude=0.9,
        ),
    ]
    for _ in range(parts):
        size = rng.uniform(0.9, 6.5, 3) * (1, 1, 0.35) * min(1.0, b / 18)
        spot = centre + vector(
            rng.uniform(-0.9, 0.9) * (a - size[0]),
            rng.uniform(-0.9, 0.9) * (b - size[1]),
            0.9 + size[2],
        )
        stuff = rng.choice(["silicon", "abs", "ceramic", "steel", "copper", "solder"],
                           p=[0.3, 0.22, 0.2, 0.12, 0.11, 0.05])  # fmt: skip
        if rng.random() < 0.2:
            solids.append(disc(spot + vector(0, 0, 2), min(size[0], 4.5), 3.5, "al"))
        else:
            solids.append(block(spot, size, str(stuff)))
    return solids


def phone(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A mobile phone; unseen: a thick feature phone with keys."""
    if variety == "unseen":
        return _feature_phone(rng)
    a, b, c = rng.uniform(68, 82), rng.uniform(33, 38), rng.uniform(3.6, 4.5)
    frame = pick(rng, "al", "abs", "steel")
    solids = [
        block((0, 0, 0), (a, b, c), frame),
        block((0, 0, 0), (a - 1.5, b - 1.5, c - 0.2), "abs", replaces=frame),
        block((0, 0, c - 0.8), (a - 2, b - 2, 0.5), "glass", replaces="abs"),
        block((-a * 0.16, b * 0.15, -0.4), (a * 0.54, b * 0.6, 2.1), "liion", replaces="abs"),
    ]
    board = circuit(rng, np.array([a * 0.66, 0, -1.2]), (a * 0.26, b * 0.84), 14)
    solids += board
    for k in range(int(rng.integers(1, 4))):
        lens = (a * 0.76, b * (0.55 - 0.42 * k), 0)
        solids += [
            disc(lens, 6, 2.4, "steel"),
            disc(lens, 4.4, 2.4, "glass", replaces="steel"),
        ]
    solids.append(block((-a * 0.94, 0, 0), (3, 4.8, 1.5), "steel"))
    solids.append(rod((-a * 0.8, -b * 0.5, 0), 4, 1.4, "copper", axis=Z_AXIS))
    return model("phone", solids)


def _feature_phone(rng: np.random.Generator) -> Model:
    solids = [
        *hollow(block((0, 0, 0), (55, 24, 8), "abs"), 1.4),
        block((-14, 0, -3), (24, 18, 2.6), "liion"),
        block((28, 0, 6), (18, 19, 0.8), "glass"),
        *circuit(rng, np.array([0.0, 0, 2]), (50, 20), 16),
    ]
    for k in range(12):
        spot = (-8 - 10 * (k // 3), (k % 3 - 1) * 14, 7.4)
        solids.append(block(spot, (3.5, 5.5, 1), "rubber"))
    return model("phone", solids)


def cable(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A loosely coiled lead with plugs."""
    steps = 46
    share = np.linspace(0, 1, steps)
    turns, reach = rng.uniform(1.6, 3.4), rng.uniform(28, 46)
    phase = turns * 2 * np.pi * share
    wobble = 1 + 0.18 * np.sin(3.3 * phase + rng.uniform(0, 6)) + 0.12 * rng.normal() * share
    line = np.stack(
        [
            reach * wobble * np.cos(phase) * rng.uniform(1.0, 1.6),
            reach * wobble * np.sin(phase),
            4 * np.sin(5 * phase) + 8 * (share - 0.5),
        ],
        axis=1,
    )
    radius = rng.uniform(1.5, 2.8)
    solids = chain(line, radius, "pvc", core="copper", core_radius=radius * 0.36)
    for end, inward in ((line[0], line[1]), (line[-1], line[-2])):
        way = end - inward
        turn = about_z(np.arctan2(way[1], way[0]))
        plug = [
            block((8, 0, 0), (10, 5.6, 3.4), "pvc"),
            block((22, 0, 0), (6, 4.6, 1.4), "steel"),
            block((8, 0, 0), (7, 3, 0.8), "fr4"),
        ]
        solids += turned(plug, turn, end)
    if rng.random() < 0.5:
        solids += ring(line[steps // 3], (8, 8), 1.2, "steel", rotation=about_x(1.3), segments=8)
    return model("cable", solids)


def charger(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A mains adapter: transformer, capacitors, board, prongs."""
    a, b, c = rng.uniform(22, 42), rng.uniform(19, 28), rng.uniform(12, 20)
    solids = hollow(block((0, 0, 0), (a, b, c), "abs"), 2.0)
    solids += circuit(rng, np.array([0.0, 0, -c * 0.6]), (a * 0.88, b * 0.86), 12)
    core = (a * 0.2, 0, 0)
    solids += [
        block(core, (9, 10, c * 0.5), "steel"),
        block(core, (6, 7, c * 0.48), "copper", replaces="steel"),
        rod((-a * 0.45, b * 0.4, 0), 5, 9, "al"),
        rod((-a * 0.45, -b * 0.4, 0), 4, 7, "al"),
    ]
    if rng.random() < 0.5:
        solids += [block((-a - 9, y, 0), (9, 1, 3.2), "brass") for y in (-6.4, 6.4)]
    else:
        solids += [rod((-a - 9, y, 0), 2.3, 9, "brass") for y in (-9.5, 9.5)]
    solids.append(block((a - 3, 0, 0), (4, 6.5, 3), "steel"))
    return model("charger", solids)


def earphones(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Ear buds in their charging case; unseen: a folded headset with a steel band."""
    if variety == "unseen":
        return _headset(rng)
    solids = hollow(block((0, 0, 0), (30, 23, 11), pick(rng, "abs", "pp")), 1.6)
    solids.append(block((0, -14, 0), (16, 5, 5), "liion"))
    solids += circuit(rng, np.array([0.0, -18, 4]), (14, 4), 5)
    for side in (-1, 1):
        bud = [
            *hollow(ball((0, 6, 0), (8, 9, 7), "abs"), 1),
            disc((0, 7, 3), 5, 1.6, "steel"),
            rod((0, -6, 0), 3.2, 9, "abs", axis=Y_AXIS),
            disc((0, 6, -2), 3.6, 2.2, "liion"),
            block((0, -10, 0), (1.5, 4, 1), "fr4"),
        ]
        solids += turned(bud, about_z(side * 0.15), (side * 14, 4, 0))
        solids.append(block((side * 25, 12, 0), (2.4, 2.4, 2.4), "steel"))
    return model("earphones", solids)


def _headset(rng: np.random.Generator) -> Model:
    reach = rng.uniform(70, 82)
    angle = np.linspace(0.15, np.pi - 0.15, 16)
    bow = np.stack([reach * np.cos(angle), reach * np.sin(angle), np.zeros(16)], axis=1)
    solids = chain(bow, 5, "abs", core="steel", core_radius=1.4)
    for side in (-1, 1):
        cup = [
            *hollow(rod((0, 0, 0), 38, 15, "abs", axis=Z_AXIS), 2),
            rod((0, 0, -12), 20, 4, "steel", axis=Z_AXIS),
            rod((0, 0, -10), 12, 4, "copper", axis=Z_AXIS),
            *ring((0, 0, 17), (32, 32), 7, "pe_foam", segments=10),
            block((0, 10, 6), (14, 10, 2.5), "liion"),
        ]
        solids += turned(cup, about_x(0.15 * side), (side * reach, -10, 0))
    return model("earphones", solids)


def gadget(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A boxed instrument: circuit board, motor or coil, screws, display, wires."""
    a, b, c = rng.uniform(40, 75), rng.uniform(30, 55), rng.uniform(12, 24)
    solids = hollow(block((0, 0, 0), (a, b, c), pick(rng, "abs", "abs", "al", "pp")), 2.2)
    solids += circuit(rng, np.array([0, 0, -c * 0.4]), (a * 0.84, b * 0.84), 22)
    solids += hollow(rod((a * 0.4, b * 0.4, c * 0.3), 9, 6, "steel", axis=Z_AXIS), 2.5, "copper")
    solids.append(block((-a * 0.3, 0, c * 0.9), (a * 0.4, b * 0.5, 1), "glass"))
    for sx in (-1, 1):
        for sy in (-1, 1):
            post = (sx * a * 0.88, sy * b * 0.88, 0)
            solids.append(rod(post, 1.4, c * 0.75, "steel", axis=Z_AXIS))
            solids.append(rod((*post[:2], c * 0.8), 2.8, 1, "steel", axis=Z_AXIS))
    for _ in range(2):
        knots = rng.uniform(-0.7, 0.7, (5, 3)) * (a, b, c * 0.5)
        knots[:, 0] = np.linspace(-0.7, 0.7, 5) * a
        solids += chain(knots, 1.1, "copper")
    return model("gadget", solids)


def tablet(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A slim tablet computer; unseen: a laptop with keys and a fan."""
    if variety == "unseen":
        return _laptop(rng)
    a, b, c = rng.uniform(95, 125), rng.uniform(68, 85), 3.8
    solids = [
        block((0, 0, 0), (a, b, c), "al"),
        block((0, 0, 0), (a - 1.2, b - 1.2, c - 0.8), "air", replaces="al"),
        block((0, 0, c + 0.5), (a, b, 0.6), "glass"),
        block((0, 0, c - 1.3), (a * 0.95, b * 0.93, 0.5), "pet"),
    ]
    for y in (-0.45, 0.45):
        solids.append(block((-a * 0.1, y * b, -0.6), (a * 0.5, b * 0.36, 1.5), "liion"))
    solids += circuit(rng, np.array([a * 0.7, 0, -1.8]), (a * 0.2, b * 0.8), 16)
    for side in (-1, 1):
        solids.append(block((-a * 0.85, side * b * 0.7, 0), (5, 11, 1.8), "steel"))
    solids.append(disc((a * 0.9, b * 0.85, 0), 4.5, 2, "steel"))
    return model("tablet", solids)


def _laptop(rng: np.random.Generator) -> Model:
    a, b = rng.uniform(140, 160), rng.uniform(98, 110)
    solids = [
        *hollow(block((0, 0, 0), (a, b, 7), pick(rng, "al", "abs")), 1.0),
        block((0, 0, 9), (a, b, 2), "abs"),
        block((0, 0, 10), (a * 0.95, b * 0.92, 0.7), "glass"),
        *circuit(rng, np.array([-a * 0.1, b * 0.45, -2]), (a * 0.7, b * 0.4), 30),
        *hollow(rod((a * 0.65, b * 0.5, 0), 24, 4, "steel", axis=Z_AXIS), 0.6),
        *hollow(rod((a * 0.1, b * 0.75, 0), 3, a * 0.5, "copper"), 0.6),
    ]
    for k in range(3):
        solids.append(block((a * 0.55 * (k - 1), -b * 0.55, 0), (a * 0.25, b * 0.3, 2.6), "liion"))
    for side in (-1, 1):
        solids.append(rod((side * a * 0.6, b, 6), 5, 16, "steel"))
    return model("tablet", solids)


def remote_control(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A remote control with two small cells and rows of rubber keys."""
    a, b = rng.uniform(65, 95), rng.uniform(20, 26)
    solids = hollow(block((0, 0, 0), (a, b, 9), "abs"), 1.6)
    solids += circuit(rng, np.array([a * 0.2, 0, 2]), (a * 0.7, b * 0.85), 6)
    for side in (-1, 1):
        cell = (-a * 0.62, side * 6.2, -1)
        solids += hollow(rod(cell, 5.1, 22, "steel"), 0.3, "zinc")
        solids.append(rod(cell, 2.6, 20, "brass", replaces="zinc"))
    for k in range(int(rng.integers(9, 19))):
        spot = (a * 0.75 - 11.0 * (k // 3), (k % 3 - 1) * b * 0.55, 8.6)
        solids.append(disc(spot, 3.4, 1.2, "rubber"))
    coil = np.linspace(0, 8 * np.pi, 18)
    spring = np.stack([-a * 0.62 + 23 + coil / 5, 6.2 + 3 * np.cos(coil), 3 * np.sin(coil)], axis=1)
    return model("remote_control", [*solids, *chain(spring, 0.5, "steel")])


def light_bulb(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A lamp: plastic or glass bulb, finned driver, screw base."""
    radius = rng.uniform(24, 33)
    shell = pick(rng, "glass", "pp")
    solids = [
        *hollow(ball((radius * 0.8, 0, 0), (radius, radius, radius), shell), 1.2),
        *hollow(rod((-radius * 0.5, 0, 0), radius * 0.6, radius * 0.55, "al"), 1.5),
        rod((-radius * 1.35, 0, 0), 13, 11, "steel"),
        rod((-radius * 1.35, 0, 0), 12.4, 10.5, "air", replaces="steel"),
        rod((-radius * 1.35 - 12, 0, 0), 5, 2, "brass"),
        rod((radius * 0.1, 0, 0), radius * 0.55, 0.9, "al"),
        block((-radius * 0.5, 0, 0), (radius * 0.4, 9, 0.8), "fr4"),
        rod((-radius * 0.4, 4, 5), 4, 6, "al"),
        block((-radius * 0.6, -5, 4), (5, 4, 4), "copper"),
    ]
    solids += [rod((-radius * 1.35 + 3 * k, 0, 0), 13.6, 0.8, "steel") for k in range(-3, 4)]
    carton = (radius * 2.2, radius + 3, radius + 3)
    solids += hollow(block((-radius * 0.3, 0, 0), carton, "paper"), 0.5)
    return model("light_bulb", solids)


def keyboard(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """A compact keyboard: steel plate, rows of key caps with springs."""
    columns = int(rng.integers(10, 13))
    a, b = columns * 9.5 + 5, 44.0
    solids = [
        *hollow(block((0, 0, 0), (a, b, 10), pick(rng, "abs", "al")), 1.8),
        block((0, 0, 3), (a * 0.97, b * 0.94, 0.7), "steel"),
        block((0, 0, -3), (a * 0.97, b * 0.94, 0.8), "fr4"),
    ]
    for i in range(columns):
        for j in range(4):
            spot = ((i - (columns - 1) / 2) * 19, (j - 1.5) * 20, 13)
            solids.append(block(spot, (8.3, 8.3, 3.5), "abs"))
    return model("keyboard", solids)


def torch(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """An aluminium torch with cells in line, lens and knurling."""
    half = rng.uniform(55, 80)
    solids = [
        *hollow(rod((0, 0, 0), 12, half, "al"), 1.8),
        *hollow(rod((half + 14, 0, 0), 19, 15, "al"), 2.2),
        rod((half + 27, 0, 0), 17, 1.2, "glass"),
        rod((half + 12, 0, 0), 8, 4, "copper"),
    ]
    for k in range(2):
        solids += hollow(rod((-half * 0.5 + 52.0 * k, 0, 0), 7.2, 25, "steel"), 0.4, "zinc")
    solids += [rod((-half + 8 + 5 * k, 0, 0), 12.8, 1, "al") for k in range(10)]
    return model("torch", solids)


def hair_dryer(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """A hair dryer: motor, heater coil, grip, lead."""
    solids = [
        *hollow(rod((0, 0, 0), 34, 75, "abs"), 2),
        *hollow(rod((-35, 0, 0), 18, 20, "steel"), 3, "copper"),
        *hollow(block((-25, -75, 0), (19, 48, 15), "abs", rotation=about_z(-0.15)), 2),
    ]
    coil = np.linspace(0, 9 * 2 * np.pi, 60)
    heater = np.stack([coil * 0.9, 22 * np.cos(coil), 22 * np.sin(coil)], axis=1)
    solids += chain(heater, 0.7, "steel")
    solids += [block((25, 0, 0), (26, 24, 0.4), "ceramic")]
    solids += circuit(rng, np.array([-22.0, -70, 0]), (9, 25), 8)
    return model("hair_dryer", solids)
