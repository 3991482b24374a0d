"""Items of interest by the dose: tablets in cards or loose, and powder. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import (
    Variety,
    about_x,
    about_y,
    about_z,
    ball,
    block,
    disc,
    hollow,
    model,
    pick,
    scaled,
    spread,
    turned,
    vector,
)


def blister_pack(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Cards of tablets in plastic over foil; unseen: round dial cards, or foil-foil strips."""
    cards = int(rng.integers(1, 6))
    solids: list[Solid] = []
    if variety == "unseen":
        card = _dial_card(rng) if rng.random() < 0.5 else _foil_strip(rng)
        pitch = 8.0
        cards = min(cards, 3)
    else:
        card, pitch = _tablet_card(rng), rng.uniform(5.8, 7.5)
        cards = min(cards, max(1, 110 // len(card)))
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


def _tablet_card(rng: np.random.Generator) -> list[Solid]:
    columns, rows = int(rng.integers(4, 8)), int(rng.integers(2, 4))
    long = rng.random() < 0.4  # capsules and caplets rather than round tablets
    pitch = (rng.uniform(12, 14), rng.uniform(20, 23)) if long else (rng.uniform(13, 17),) * 2
    tablet = (3.7, 8.6, 3.3) if long else (rng.uniform(4, 5.4),) * 2 + (rng.uniform(1.8, 2.6),)
    half = (columns * pitch[0] / 2 + 3, rows * pitch[1] / 2 + 3)
    foil = pick(rng, "pvc", "pvc", "al")
    solids = [
        block((0, 0, 0), (*half, 0.14), foil if foil == "pvc" else "pvc"),
        block((0, 0, -0.2), (*half, 0.02 if foil == "pvc" else 0.08), "al"),
    ]
    missing = rng.random() * 0.3 if rng.random() < 0.3 else 0.0
    shape = disc if not long and rng.random() < 0.4 else None
    for i in range(columns):
        for j in range(rows):
            if rng.random() < missing:
                continue
            spot = ((i - (columns - 1) / 2) * pitch[0], (j - (rows - 1) / 2) * pitch[1], 2.6)
            if shape is None:
                solids.append(ball(spot, tablet, "tablet"))
            else:
                solids.append(shape(spot, tablet[0], tablet[2] * 0.8, "tablet"))
    return solids


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
    """A thin bag full of tablets or capsules; unseen: a tub of big soft capsules."""
    if variety == "unseen":
        return scaled(model("loose_pills", _capsule_tub(rng)), rng.uniform(0.9, 1.2))
    count = int(rng.integers(55, 112))
    capsule = rng.random() < 0.35
    tablet = (8.5, 3.6, 3.6) if capsule else (rng.uniform(3.6, 5.2),) * 2 + (rng.uniform(1.7, 2.4),)
    spots = _heap(rng, count, max(tablet))
    solids: list[Solid] = []
    for spot in spots:
        turn = (
            about_z(rng.uniform(0, 6.3)) @ about_x(rng.normal(0, 0.8)) @ about_y(rng.normal(0, 0.8))
        )
        solids.append(ball(spot, tablet, "tablet", rotation=turn))
    low, high = spots.min(axis=0) - 5, spots.max(axis=0) + 5
    half = (high - low) / 2
    for z in (low[2], high[2]):
        middle = ((low[0] + high[0]) / 2, (low[1] + high[1]) / 2, z)
        solids.append(
            block(middle, (half[0] + 8, half[1] + 5, 0.06), "pe", texture=3, amplitude=0.6)
        )
    solids.append(block((high[0] + 6, 0, 0), (1.6, half[1] + 4, 0.9), "pe"))
    return scaled(model("loose_pills", solids), rng.uniform(0.9, 1.1))


def _heap(rng: np.random.Generator, count: int, radius: float) -> Vector:
    """Centres (count, 3) of a flat, uneven heap: a jittered grid, filled from the middle."""
    layers = 3 if count > 70 else 2
    side = int(np.ceil(np.sqrt(count / layers))) + 2
    pitch = radius * rng.uniform(1.25, 1.6)
    grid = np.stack(
        np.meshgrid(np.arange(side), np.arange(side), np.arange(layers), indexing="ij"), axis=-1
    ).reshape(-1, 3) - np.array([(side - 1) / 2, (side - 1) / 2, (layers - 1) / 2])
    grid = grid * (pitch, pitch, pitch * 0.8)
    order = np.argsort(np.hypot(grid[:, 0], grid[:, 1]) + rng.uniform(0, 1.6 * pitch, len(grid)))
    chosen: Vector = grid[order[:count]] + rng.normal(0, 0.22 * pitch, (count, 3))
    return chosen


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
    """A lumpy bag of powder; unseen: a pressed brick in layers of film, or a row of small wraps."""
    if variety == "unseen":
        solids = _pressed_brick(rng) if rng.random() < 0.5 else _small_wraps(rng)
        return scaled(model("powder_bag", solids), rng.uniform(0.9, 1.15))
    powder = pick(rng, "organic_powder", "organic_powder", "sugar", "flour", "talc", "salt")
    half = np.array([rng.uniform(38, 68), rng.uniform(30, 52), rng.uniform(9, 20)])
    solids = [ball((0, 0, 0), half, powder, texture=5, amplitude=0.10)]
    for k in range(int(rng.integers(4, 8))):
        lump = half * rng.uniform(0.25, 0.5, 3)
        spot = spread(rng, (half - lump) * (0.9, 0.9, 0.5))
        solids.append(
            ball(spot, lump, powder, rotation=about_z(rng.uniform(0, 3)), texture=6 + k,
                 amplitude=0.14)
        )  # fmt: skip
    film = (half[0] + 16, half[1] + 7, 0.1)
    for z in (-half[2] * 0.6, half[2] * 0.6):
        solids.append(block((5, 0, z), film, "pe", texture=7, amplitude=0.5))
    solids.append(block((half[0] + 17, 0, 0), (1.5, half[1] + 6, 0.9), "pe"))
    solids.append(block((half[0] + 13, 0, 0), (0.8, half[1] + 6, 0.9), "pe"))
    return scaled(model("powder_bag", solids), rng.uniform(0.8, 1.2))


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
