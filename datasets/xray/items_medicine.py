"""Items of interest by the dose: tablets in cards or loose, and powder. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.items_blister import familiar_blister_pack
from parcelscope.datasets.xray.items_pills import familiar_loose_pills
from parcelscope.datasets.xray.items_powder import familiar_powder_bag
from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Variety,
    about_x,
    about_z,
    ball,
    block,
    disc,
    hollow,
    model,
    pick,
    scaled,
    turned,
    vector,
)


def blister_pack(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Cards of tablets in plastic over foil; unseen: round dial cards, or foil-foil strips."""
    if variety == "familiar":
        return familiar_blister_pack(rng)
    cards = int(rng.integers(1, 6))
    solids: list[Solid] = []
    card = _dial_card(rng) if rng.random() < 0.5 else _foil_strip(rng)
    pitch = 8.0
    cards = min(cards, 3)
    for k in range(cards):
        # Every other card is turned over, tablets into the gaps of the one below.
        turn = about_z(rng.normal(0, 0.05)) @ about_x(np.pi * (k % 2))
        solids += turned(card, turn, (*rng.uniform(-4, 4, 2), k * pitch))
    if cards > 1 and rng.random() < 0.5:
        box = model("", solids)
        solids = [
            *box.solids,
            *hollow(block((0, 0, 0), box.size_mm / 2 + (2, 1, 1), "paper"), 0.4),
            block((0, 0, box.size_mm[2] / 2 - 0.5), (35, 20, 0.4), "paper"),
        ]
    return scaled(model("blister_pack", solids), rng.uniform(0.9, 1.1))


def _dial_card(rng: np.random.Generator) -> list[Solid]:
    """A round card with small tablets along its rim."""
    radius, count = rng.uniform(34, 42), int(rng.integers(21, 29))
    solids = [disc((0, 0, 0), radius, 0.5, "pp"), disc((0, 0, 0.7), radius * 0.55, 1.2, "pp")]
    for k in range(count):
        angle = 2 * np.pi * k / count
        spot = (radius * 0.8 * np.cos(angle), radius * 0.8 * np.sin(angle), 2.2)
        solids.append(ball(spot, (3.2, 3.2, 1.7), "tablet"))
    return solids


def _foil_strip(rng: np.random.Generator) -> list[Solid]:
    """A single row of large tablets welded between two foils."""
    count, pitch = int(rng.integers(6, 12)), rng.uniform(22, 26)
    half = (count * pitch / 2 if count < 9 else 4.5 * pitch, 14.0)
    solids = [block((0, 0, z), (*half, 0.06), "al") for z in (-0.5, 0.5)]
    for k in range(min(count, 9)):
        x = (k - (min(count, 9) - 1) / 2) * pitch
        solids.append(disc((x, 0, 0), 7.2, 2.8, "tablet"))
        solids += [block((x + pitch / 2, 0, 0), (0.5, 13, 0.2), "al")]
    return solids


def loose_pills(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Tablets or capsules loose in a bag or vessel; unseen: a tub of big soft capsules."""
    if variety == "familiar":
        return familiar_loose_pills(rng)
    return scaled(model("loose_pills", _capsule_tub(rng)), rng.uniform(0.9, 1.2))


def _capsule_tub(rng: np.random.Generator) -> list[Solid]:
    """Big oil-filled capsules in an upright tub with a screw lid."""
    radius, height = rng.uniform(26, 34), rng.uniform(60, 85)
    solids = hollow(disc((0, 0, 0), radius, height / 2, "pe"), 1.4)
    for z in np.arange(-height / 2 + 8, height / 2 - 12, 9.5):
        for k in range(9):
            angle = 2 * np.pi * (k + rng.uniform(-0.3, 0.3)) / 8
            reach = (radius - 10) * (1.0 if k < 8 else 0.1)
            spot = (reach * np.cos(angle), reach * np.sin(angle), z + rng.uniform(-2, 2))
            solids.append(
                ball(spot, (6.2, 4.2, 4.2), "oil", rotation=about_z(angle + rng.uniform(0, 3)))
            )
    return [*solids, disc((0, 0, height / 2 + 6), radius * 0.9, 7, "pp")]


def powder_bag(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Powder, wrapped; unseen: a pressed brick in layers of film, or a row of small wraps."""
    if variety == "familiar":
        return familiar_powder_bag(rng)
    solids = _pressed_brick(rng) if rng.random() < 0.5 else _small_wraps(rng)
    return scaled(model("powder_bag", solids), rng.uniform(0.9, 1.15))


def _pressed_brick(rng: np.random.Generator) -> list[Solid]:
    half = np.array([rng.uniform(55, 90), rng.uniform(35, 58), rng.uniform(14, 24)])
    powder = pick(rng, "organic_powder", "sugar")
    solids = [block((0, 0, 0), half, powder, texture=2, amplitude=0.06)]
    solids += [block((0, 0, 0), half * (0.4, 0.5, 0.12), "air", replaces=powder)]
    for side in (-1, 1):
        solids.append(block((0, 0, side * (half[2] + 0.4)), (*half[:2], 0.25), "pvc"))
        solids.append(
            block((side * half[0] * 0.5, 0, side * (half[2] + 1)), (12, half[1], 0.2), "pp")
        )
    return solids


def _small_wraps(rng: np.random.Generator) -> list[Solid]:
    solids: list[Solid] = []
    powder = pick(rng, "organic_powder", "salt", "talc")
    for k in range(int(rng.integers(8, 20))):
        spot = np.array([22.0 * (k % 5), 24.0 * (k // 5), 0]) + rng.normal(0, 2.5, 3)
        half = rng.uniform(0.85, 1.15, 3) * (8, 10, 6)
        solids.append(ball(spot, half, powder, texture=k, amplitude=0.1))
        solids.append(
            block(spot + vector(0, 14, 0), (4, 6, 0.8), "pe", rotation=about_z(rng.normal()))
        )
    return solids
