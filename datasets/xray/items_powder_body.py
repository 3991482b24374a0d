"""Bodies of powder: their outline, their lumps, and the folds of what holds them. In mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Solid, Vector
from parcelscope.datasets.xray.solids import about_z, ball, block, pick, spread, vector

POWDERS = ("organic_powder", "organic_powder", "sugar", "flour", "talc", "salt")


def powder_body(rng: np.random.Generator, half: Vector, powder: str, *, lumps: int) -> list[Solid]:
    """A body of powder of half sizes about `half` (3,): round or square, even or lumpy.

    Chords add up where solids overlap, so a few shallow mounds make a body as thick as all of
    them together.
    """
    rough = rng.uniform(0.03, 0.14)
    style = rng.random()
    if style < 0.3:
        solids = [ball((0, 0, 0), half, powder, texture=3, amplitude=rough)]
    elif style < 0.8:
        # Mounds side by side, which fill the corners of the bag but end softly.
        columns, rows = int(rng.integers(2, 4)), int(rng.integers(1, 3))
        solids = [ball((0, 0, 0), half * (0.85, 0.85, 0.35), powder, texture=1, amplitude=rough)]
        for i in range(columns):
            for j in range(rows):
                share = half * (1.8 / columns, 1.6 / rows, rng.uniform(0.35, 0.6))
                share[:2] = np.minimum(share[:2], half[:2] * 0.95)
                reach = half - share
                x = (2 * i / (columns - 1) - 1) * reach[0]
                mound = vector(x, (2 * j - rows + 1) * reach[1], rng.uniform(-0.2, 0.2) * half[2])
                solids.append(ball(mound, share, powder, rotation=about_z(rng.normal(0, 0.15)),
                                   texture=i + 4 * j, amplitude=rough))  # fmt: skip
    else:
        # An even layer up to the seams.
        plate = rng.uniform(0.5, 0.85)
        solids = [
            block((0, 0, 0), half * (1, 1, plate), powder, texture=2, amplitude=rough),
            ball((0, 0, 0), half * (0.97, 0.97, 1 - plate), powder, texture=1, amplitude=rough),
        ]
    for _ in range(lumps):
        lump = half * rng.uniform(0.15, 0.55, 3) * (1, 1, 0.6)
        spot = spread(rng, (half - lump) * (0.85, 0.85, 0.4))
        solids.append(
            ball(spot, lump, powder, rotation=about_z(rng.uniform(0, 3)),
                 texture=int(rng.integers(40)), amplitude=rough)
        )  # fmt: skip
    if rng.random() < 0.3:
        solids += _hollows(rng, half, powder)
    return solids


def _hollows(rng: np.random.Generator, half: Vector, powder: str) -> list[Solid]:
    """Caked lumps of something denser, or pockets of air, in the middle of a body of powder."""
    filling = pick(rng, "air", "air", "sugar", "tablet")
    solids: list[Solid] = []
    for _ in range(int(rng.integers(1, 7))):
        size = float(half.min()) * rng.uniform(0.12, 0.32)
        spot = spread(rng, half * (0.45, 0.45, 0.1))
        solids.append(ball(spot, (size * rng.uniform(1, 2.5), size, size * 0.7), filling,
                           rotation=about_z(rng.uniform(0, 3)), replaces=powder))  # fmt: skip
    return solids


def creases(rng: np.random.Generator, half: Vector, material: str) -> list[Solid]:
    """Folds of a bag, seen as fine lines across it."""
    solids: list[Solid] = []
    for _ in range(int(rng.integers(0, 6))):
        length = rng.uniform(0.15, 0.6) * half[:2].min()
        spot = spread(rng, half * (0.7, 0.7, 0.8))
        thick = rng.uniform(0.15, 0.5)
        solids.append(block(spot, (length, rng.uniform(0.5, 1.5), thick), material,
                            rotation=about_z(rng.uniform(0, 3))))  # fmt: skip
    return solids


def bag_half(rng: np.random.Generator) -> Vector:
    """Half sizes (3,) of a bag from a few grams to most of a kilogram."""
    size = np.exp(rng.uniform(np.log(22), np.log(85)))
    half = np.array([size, size * rng.uniform(0.5, 1.0), size * rng.uniform(0.12, 0.5)])
    half[2] = np.clip(half[2], 3, 42)
    return half
