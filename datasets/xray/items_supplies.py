"""Items of interest that are not tools: batteries, pills, powder, vapes, money, liquids. In mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import (
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
    rod,
    scaled,
    spread,
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


def liquid_bottle(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A round bottle, partly filled; unseen: a flat hip flask, a jerrycan, or a row of vials."""
    liquid = pick(rng, "water", "ethanol", "oil", "syrup", "glycol")
    if variety == "unseen":
        design = (_flask, _jerrycan, _vials)[int(rng.integers(3))]
        return scaled(model("liquid_bottle", design(rng, liquid)), rng.uniform(0.9, 1.15))
    glass = rng.random() < 0.3
    return model("liquid_bottle", _round_bottle(rng, liquid, "glass" if glass else ""))


def _round_bottle(rng: np.random.Generator, liquid: str, shell: str) -> list[Solid]:
    """Lying along x: body, shoulder, neck and cap, with the air bubble on the upper side."""
    shell = shell or pick(rng, "pet", "pe", "pet")
    wall = {"glass": 2.6, "pet": 0.5, "pe": 0.9}[shell]
    radius, length = rng.uniform(17, 36), rng.uniform(90, 200)
    neck, slope = length * rng.uniform(0.10, 0.16), radius * rng.uniform(0.3, 0.9)
    half = (length - neck) / 2
    solids = hollow(rod((0, 0, 0), radius, half, shell), wall, liquid)
    for k in range(6):
        # Each step of the shoulder is an ever narrower ring.
        step_radius = radius * float(np.cos(0.2 + 0.17 * k))
        spot = (half + slope * (k + 0.5) / 6, 0, 0)
        solids += [
            rod(spot, step_radius, slope / 12, shell),
            rod(spot, step_radius - wall, slope / 12, liquid, replaces=shell),
        ]
    top = half + slope
    mouth = max(radius * 0.34, 8.0)
    solids += hollow(rod((top + neck / 2, 0, 0), mouth, neck / 2, shell), wall)
    solids += hollow(rod((top + neck * 0.8, 0, 0), mouth + 2.2, 8, "pp"), 1.4)[:1]
    fill = rng.uniform(0.05, 0.45)
    bubble = block(
        (0, 0, radius * (1 - fill * 0.55)),
        (half * 0.94, radius * (0.35 + 0.4 * fill), radius * fill * 0.45),
        "air",
        replaces=liquid,
    )
    low = (1 - fill) * radius
    inside = np.hypot(bubble.half_mm[1], low + radius * fill * 0.9)
    if inside < radius - wall:
        solids.append(bubble)
    else:
        solids.append(
            rod((0, 0, radius * 0.45), radius * 0.45, half * 0.94, "air", replaces=liquid)
        )
    solids.append(block((0, 0, radius + 0.1), (half * 0.5, radius * 0.5, 0.1), "paper"))
    return solids


def _flask(rng: np.random.Generator, liquid: str) -> list[Solid]:
    half = np.array([rng.uniform(45, 65), rng.uniform(36, 46), rng.uniform(10, 14)])
    shell = pick(rng, "steel", "glass", "pet")
    wall = {"steel": 0.6, "glass": 2.4, "pet": 0.6}[shell]
    solids = hollow(block((0, 0, 0), half, shell), wall, liquid)
    gap = half - wall
    gap[0] *= 0.25
    solids.append(block((half[0] - wall - gap[0], 0, 0), gap * 0.99, "air", replaces=liquid))
    solids += hollow(rod((half[0] + 9, 0, 0), 9, 9, "steel" if shell == "steel" else "pp"), 1)
    return [*solids, block((half[0] + 2, 14, 0), (2, 7, 2.5), "pp")]


def _jerrycan(rng: np.random.Generator, liquid: str) -> list[Solid]:
    """A blow-moulded can with a handle through its shoulder."""
    half = np.array([rng.uniform(60, 85), rng.uniform(45, 60), rng.uniform(28, 42)])
    solids = hollow(block((0, 0, 0), half, "pe"), 1.6, liquid)
    level = half[0] * rng.uniform(0.1, 0.3)
    gap = (level, half[1] - 2, half[2] - 2)
    solids.append(block((half[0] - 2 - level, 0, 0), gap, "air", replaces=liquid))
    handle = np.array(
        [[half[0], -half[1] * 0.7, 0], [half[0] + 25, -half[1] * 0.6, 0],
         [half[0] + 25, half[1] * 0.2, 0], [half[0], half[1] * 0.3, 0]]
    )  # fmt: skip
    solids += chain(handle, 8, "pe")
    return [*solids, *hollow(rod((half[0] + 12, half[1] * 0.65, 0), 15, 13, "pp"), 1.8)]


def _vials(rng: np.random.Generator, liquid: str) -> list[Solid]:
    """Small stoppered glass vials in two rows."""
    radius, length = rng.uniform(8, 13), rng.uniform(34, 55)
    solids: list[Solid] = []
    for k in range(int(rng.integers(4, 11))):
        spot = np.array([(k % 2) * (length + 14), (k // 2) * (2 * radius + 2.5), 0])
        solids += hollow(rod(spot, radius, length / 2, "glass"), 1.2, liquid)
        bubble = spot + vector(length * 0.33, 0, 0)
        solids.append(rod(bubble, radius - 1.4, length * 0.1, "air", replaces=liquid))
        solids.append(rod(spot + vector(length / 2 + 3, 0, 0), radius * 0.7, 3, "rubber"))
        solids.append(rod(spot + vector(length / 2 + 5, 0, 0), radius * 0.75, 2, "al"))
    return solids
