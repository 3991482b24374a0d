"""Goods of the workshop: tools and small parts of metal, many of them look-alikes. In mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Z_AXIS,
    Variety,
    about_x,
    about_z,
    along,
    ball,
    block,
    chain,
    disc,
    model,
    pick,
    ring,
    rod,
    spread,
    turned,
)


def tool(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A spanner, screwdriver or pliers; unseen: a hammer or an adjustable wrench."""
    designs = (_spanner, _screwdriver, _pliers) if variety == "familiar" else (_hammer, _wrench)
    return model("tool", designs[int(rng.integers(len(designs)))](rng))


def _spanner(rng: np.random.Generator) -> list[Solid]:
    length, jaw = rng.uniform(55, 95), rng.uniform(9, 15)
    solids = [block((0, 0, 0), (length, jaw * 0.45, 2.6), "steel")]
    for side in (-1, 1):
        solids.append(
            block((length + jaw, side * jaw * 0.75, 0), (jaw, jaw * 0.32, 3.4), "steel",
                  rotation=about_z(side * 0.18))
        )  # fmt: skip
    end = (-length - jaw * 0.6, 0, 0)
    solids.append(disc(end, jaw, 4, "steel"))
    solids.append(disc(end, jaw * 0.62, 4, "air", replaces="steel"))
    return solids


def _screwdriver(rng: np.random.Generator) -> list[Solid]:
    solids: list[Solid] = []
    for k in range(int(rng.integers(1, 5))):
        shaft, radius = rng.uniform(35, 65), rng.uniform(2, 4)
        grip = pick(rng, "abs", "pp", "pvc")
        piece = [
            rod((shaft, 0, 0), radius, shaft, "steel"),
            rod((-38, 0, 0), radius + 9, 42, grip),
            rod((-20, 0, 0), radius, 22, "steel", replaces=grip),
            rod((-75, 0, 0), radius + 7, 10, grip),
            block((2 * shaft, 0, 0), (5, radius * 1.4, 0.9), "steel"),
        ]
        turn = about_z(rng.normal(0, 0.06) + np.pi * (k % 2))
        solids += turned(piece, turn, (0, 28.0 * k, 0))
    return solids


def _pliers(rng: np.random.Generator) -> list[Solid]:
    opening = rng.uniform(0.15, 0.5)
    solids: list[Solid] = [disc((0, 0, 0), 11, 5, "steel")]
    for side in (-1, 1):
        bend = [[-8, 0, 0], [-40, side * 13, 0], [-85, side * 17, 0], [-120, side * 14, 0]]
        arm = [
            block((24, side * 3.5, 0), (26, 4, 4.5), "steel", rotation=about_z(-side * 0.06)),
            block((46, side * 2, 0), (8, 2.5, 3.5), "steel"),
            *chain(np.array(bend, float), 6.5, "pvc", core="steel", core_radius=4.0),
        ]
        solids += turned(arm, about_z(side * opening / 4))
    return solids


def _hammer(rng: np.random.Generator) -> list[Solid]:
    return [
        rod((0, 0, 0), 13, rng.uniform(110, 150), "wood", flat=0.75),
        block((125, 0, 0), (14, 45, 13), "steel"),
        rod((125, -48, 0), 15, 10, "steel", axis=(0, 1, 0)),
        block((125, 55, 0), (11, 22, 5), "steel", rotation=about_x(0.3)),
    ]


def _wrench(rng: np.random.Generator) -> list[Solid]:
    return [
        block((0, 0, 0), (90, 11, 4.5), "steel"),
        block((0, 0, 0), (70, 5, 2), "air", replaces="steel"),
        block((108, 10, 0), (24, 8, 7), "steel", rotation=about_z(0.35)),
        block((112, -14, 0), (20, 7, 6), "steel", rotation=about_z(0.35)),
        rod((92, -8, 0), 7, 7, "steel"),
        disc((-86, 0, 0), 13, 4.5, "steel"),
    ]


def small_parts(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A loose handful: screws, washers, keys, coins, beads, buckles, springs."""
    solids: list[Solid] = []
    makers = (_screw, _coin, _key, _bead, _nut)
    for _ in range(int(rng.integers(5, 15))):
        piece = makers[int(rng.integers(len(makers)))](rng)
        turn = along(rng.normal(size=3) * (1, 1, 0.3) + (0, 0, 0.01))
        solids += turned(piece, turn, spread(rng, (50, 40, 8)))
    if rng.random() < 0.4:
        coil = np.linspace(0, 10 * np.pi, 26)
        spring = np.stack([coil * 0.9, 4 * np.cos(coil), 4 * np.sin(coil)], axis=1)
        solids += turned(chain(spring, 0.7, "steel"), about_z(rng.uniform(0, 3)))
    return model("small_parts", solids)


def _screw(rng: np.random.Generator) -> list[Solid]:
    half, radius = rng.uniform(6, 20), rng.uniform(1.3, 3)
    metal = pick(rng, "steel", "brass", "zinc")
    return [
        rod((0, 0, 0), radius, half, metal, axis=Z_AXIS),
        rod((0, 0, half), radius * 2, radius * 0.7, metal, axis=Z_AXIS),
    ]


def _coin(rng: np.random.Generator) -> list[Solid]:
    radius = rng.uniform(8, 14)
    metal = pick(rng, "brass", "copper", "steel", "zinc")
    coin = [disc((0, 0, 0), radius, 1.0, metal)]
    if rng.random() < 0.5:
        coin.append(disc((0, 0, 0), radius * 0.45, 1.0, "air", replaces=metal))
    return coin


def _key(rng: np.random.Generator) -> list[Solid]:
    metal = pick(rng, "brass", "steel")
    length = rng.uniform(12, 18)
    return [
        disc((-length, 0, 0), 10, 1.1, metal),
        disc((-length - 4, 0, 0), 2.5, 1.1, "air", replaces=metal),
        block((length * 0.3, 0, 0), (length, 3, 1.1), metal),
        block((length * 0.6, -3.5, 0), (length * 0.25, 1, 1.1), metal),
    ]


def _bead(rng: np.random.Generator) -> list[Solid]:
    stuff = pick(rng, "glass", "abs", "ceramic", "pp", "pmma")
    return [ball((0, 0, 0), rng.uniform(3, 9, 3), stuff)]


def _nut(rng: np.random.Generator) -> list[Solid]:
    radius = rng.uniform(4, 9)
    return [
        disc((0, 0, 0), radius, radius * 0.5, "steel"),
        disc((0, 0, 0), radius * 0.55, radius * 0.5, "air", replaces="steel"),
    ]


def padlock(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """A brass padlock with a steel shackle and pins inside."""
    half = rng.uniform(17, 26)
    solids = [
        block((0, 0, 0), (half, half * 0.8, 8), "brass"),
        rod((0, 0, 0), 5, half * 0.7, "steel", axis=(0, 1, 0), replaces="brass"),
    ]
    angle = np.linspace(0, np.pi, 9)
    bow = np.stack([half * 0.65 * np.cos(angle), half * 0.8 + half * np.sin(angle), 0 * angle],
                   axis=1)  # fmt: skip
    solids += chain(bow, 3.6, "steel")
    solids += [rod((4.0 * k - 8, 0, 3), 1.3, 4, "copper", axis=Z_AXIS) for k in range(5)]
    return model("padlock", solids)


def bicycle_part(rng: np.random.Generator, variety: Variety = "unseen") -> Model:
    """A chain ring with a crank arm."""
    reach = rng.uniform(55, 75)
    solids = ring((0, 0, 0), (reach, reach), 3.2, "steel", segments=26)
    for k in range(26):
        angle = 2 * np.pi * k / 26
        tooth = ((reach + 4) * np.cos(angle), (reach + 4) * np.sin(angle), 0)
        solids.append(block(tooth, (4, 1.8, 1.2), "steel", rotation=about_z(angle)))
    for k in range(5):
        angle = 2 * np.pi * k / 5
        arm = (reach * 0.5 * np.cos(angle), reach * 0.5 * np.sin(angle), 0)
        solids.append(block(arm, (reach * 0.48, 6, 3), "al", rotation=about_z(angle)))
    return model("bicycle_part", [*solids, block((-85, 0, 6), (90, 11, 6), "al")])
