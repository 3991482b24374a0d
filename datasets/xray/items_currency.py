"""Items of interest made of banknotes: bundles, rolls and cubes. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Variety,
    about_z,
    block,
    hollow,
    model,
    rod,
    scaled,
    turned,
)


def currency_stack(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Banded bundles of notes; unseen: rolls in rubber bands, or one square shrink-wrapped cube."""
    if variety == "unseen":
        solids = _note_rolls(rng) if rng.random() < 0.5 else _note_cube(rng)
        return scaled(model("currency_stack", solids), rng.uniform(0.95, 1.1))
    note = np.array([rng.uniform(66, 80), rng.uniform(31, 38)])
    thick = rng.uniform(4.5, 6.5)
    columns, layers = int(rng.choice([1, 1, 2, 3])), int(rng.integers(1, 5))
    solids = []
    for column in range(columns):
        for layer in range(layers):
            bundle = _bundle(rng, (float(note[0]), float(note[1]), thick))
            shift = (0.0, column * (2 * note[1] + 2), layer * (2 * thick + 0.8))
            turn = about_z(rng.normal(0, 0.03))
            slip = rng.uniform(-3, 3, 3) * (1, 1, 0)
            solids += turned(bundle, turn, slip + shift)
    return scaled(model("currency_stack", solids), rng.uniform(0.95, 1.05))


def _bundle(rng: np.random.Generator, half: tuple[float, float, float]) -> list[Solid]:
    """A hundred notes with a paper band; the edges are never quite aligned."""
    solids: list[Solid] = []
    for k in range(4):
        z = (k - 1.5) * half[2] / 2
        slip = rng.uniform(-1.6, 1.6, 2)
        leaf = (half[0], half[1], half[2] / 4)
        solids.append(
            block((*slip, z), leaf, "currency_paper", texture=int(rng.integers(99)), amplitude=0.08)
        )
    band = rng.uniform(-0.3, 0.3) * half[0]
    # The printed stripe and thread of each note line up through the stack.
    solids.append(block((half[0] * 0.35, 0, 0), (1.0, half[1], half[2]), "pet"))
    for z in (-half[2] - 0.15, half[2] + 0.15):
        solids.append(block((band, 0, z), (16, half[1] + 1.5, 0.15), "paper"))
    return solids


def _note_rolls(rng: np.random.Generator) -> list[Solid]:
    solids: list[Solid] = []
    for k in range(int(rng.integers(2, 7))):
        radius = rng.uniform(14, 22)
        spot = (rng.uniform(-6, 6), 44.0 * (k % 3), 40.0 * (k // 3))
        roll = [
            rod((0, 0, 0), radius, 33, "currency_paper", texture=k, amplitude=0.06),
            rod((0, 0, 0), radius * 0.22, 33, "air", replaces="currency_paper"),
        ]
        roll += hollow(rod((rng.uniform(-9, 9), 0, 0), radius + 1, 2, "rubber"), 1.0, "air")[:1]
        solids += turned(roll, about_z(rng.normal(0, 0.08)), spot)
    return solids


def _note_cube(rng: np.random.Generator) -> list[Solid]:
    side = rng.uniform(33, 42)
    solids: list[Solid] = []
    layers = int(rng.integers(3, 7))
    for k in range(layers):
        leaf = (side, side, 6.0)
        slip = (*rng.uniform(-1, 1, 2), 12.4 * k)
        solids.append(block(slip, leaf, "currency_paper", texture=3 * k, amplitude=0.07))
    middle, half = 6.2 * (layers - 1), 6.2 * layers
    solids += [block((0, 0, middle), (3, side + 1, half + 1), "pet")]
    return [*solids, *hollow(block((0, 0, middle), (side + 2, side + 2, half + 1.5), "pe"), 0.3)]
