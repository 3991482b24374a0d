"""Cells by the piece and older chemistries: household, nickel, lead-acid, button. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.items_cells import ROUND_CELLS, board, leads, round_cell
from parcelscope.datasets.xray.items_wrapped import repeated
from parcelscope.datasets.xray.scene import Solid
from parcelscope.datasets.xray.solids import block, disc, hollow, pick, rod, vector


def blister_cells(rng: np.random.Generator) -> list[Solid]:
    """Loose, carded or shrink-wrapped round cells of household sizes."""
    name = pick(rng, "aaa", "aa", "aa", "c", "d", "cr123", "14500", "18650")
    radius, half = ROUND_CELLS[name]
    filling = (
        "liion"
        if name in ("cr123", "14500", "18650")
        else pick(rng, "alkaline", "alkaline", "nicad")
    )
    most = 5 if radius > 12 else 13
    count = int(rng.integers(2, most))
    rows = int(rng.choice([1, 1, 2])) if count > 3 else 1
    layers = int(rng.choice([1, 1, 2])) if radius < 8 else 1
    gap = rng.uniform(0.1, 3.0)
    loose = rng.random() < 0.2
    solids: list[Solid] = []
    for k in range(count):
        spot = np.array([(k % rows) * (2 * half + gap + 1), (k // rows) * (2 * radius + gap), 0.0])
        axis = (np.cos(t := rng.normal(0, 0.5)), np.sin(t), 0.0) if loose else ((-1.0) ** k, 0, 0)
        spot = spot * (1.1, 1.6, 1.0) if loose else spot
        for layer in range(layers):
            solids += round_cell(
                spot + vector(0, 0, layer * 2.05 * radius), radius, half, axis=axis, filling=filling
            )
    long, wide = rows * (half + gap), (count // rows) * (radius + gap / 2)
    if rng.random() < 0.5:
        card = (long * rng.uniform(1.05, 1.8) + 6, wide + 10, 0.25)
        solids.append(block((rows * half - half, wide - radius, -radius - 0.5), card, "paper"))
        cover = block(
            (rows * half - half, wide - radius, (layers - 1) * radius),
            (long + 3, wide + 4, layers * radius + 1),
            "pet",
        )
        solids += hollow(cover, 0.3)
    return solids


def nine_volt(rng: np.random.Generator) -> list[Solid]:
    """Square blocks of six small cells, or of six flat layers."""
    layered, lithium = rng.random() < 0.4, rng.random() < 0.3

    def one() -> list[Solid]:
        solids = hollow(block((0, 0, 0), (24.2, 13.0, 8.6), "steel"), 0.2)
        for k in range(6):
            if layered:
                spot = (-19.0 + 7.1 * k, 0, 0)
                solids.append(block(spot, (3.0, 11.8, 7.6), "liion" if lithium else "alkaline"))
            else:
                solids += round_cell(
                    (-1, (k % 3 - 1) * 8.3, (k // 3 - 0.5) * 8.2),
                    3.95,
                    20.5,
                    filling="alkaline",
                    detail=1,
                )
        for side in (-1, 1):
            solids.append(rod((25.6, side * 6.3, 0), 3.6 - side * 0.6, 1.4, "steel"))
        return solids

    return repeated(rng, one, int(rng.choice([1, 2, 2, 3, 4])))


def lead_acid(rng: np.random.Generator) -> list[Solid]:
    """A sealed lead-acid block of 6 or 12 V: stacks of lead plates in a thick plastic case."""
    cells = int(rng.choice([2, 3, 6]))
    half = np.array([rng.uniform(10, 13) * cells + 6, rng.uniform(16, 33), rng.uniform(22, 48)])
    solids = hollow(block((0, 0, 0), half, "abs"), 2.4)
    room = (half[0] - 2.4) * 2 / cells
    plates, thick = int(rng.integers(3, 7)), rng.uniform(0.6, 1.1)
    for cell in range(cells):
        left = -half[0] + 2.4 + cell * room
        solids.append(block((left, 0, -2), (0.6, half[1] - 2.4, half[2] - 6), "abs"))
        for plate in range(plates):
            x = left + 1.5 + (plate + 0.5) * (room - 2.5) / plates
            solids.append(
                block(
                    (x, 0, -4),
                    (thick, half[1] - 4.5, half[2] - 9),
                    "lead",
                    texture=plate,
                    amplitude=0.15,
                )
            )
        solids.append(
            block((left + room / 2, half[1] * 0.5, half[2] - 9), (room * 0.5, 3, 2), "lead")
        )
    for side in (-1, 1):
        solids.append(
            block((side * half[0] * 0.75, half[1] * 0.6, half[2] + 2), (3.5, 0.5, 4), "brass")
        )
    return solids


def button_strip(rng: np.random.Generator) -> list[Solid]:
    """Coin or button cells on a card, a tape or in a tube."""
    radius, half = ((5.8, 2.7), (4.0, 1.8), (10.0, 1.6), (12.2, 1.5), (12.2, 2.5), (3.9, 2.6))[
        int(rng.integers(6))
    ]
    columns, rows = int(rng.integers(3, 9)), int(rng.integers(1, 5))
    pitch = 2 * radius + rng.uniform(1, 8)
    solids: list[Solid] = []
    for k in range(columns * rows):
        spot = ((k % columns - (columns - 1) / 2) * pitch, (k // columns - (rows - 1) / 2) * pitch)
        solids += hollow(disc((*spot, half), radius, half, "steel"), 0.25, "liion")
    card = (columns * pitch / 2 + rng.uniform(1, 8), rows * pitch / 2 + rng.uniform(1, 20))
    solids.append(block((0, 0, -0.4), (*card, rng.uniform(0.1, 0.5)), pick(rng, "paper", "pet")))
    return solids


def stick_pack(rng: np.random.Generator) -> list[Solid]:
    """Nickel cells end to end or humped, as in toys, radios and emergency lights."""
    radius, half = ROUND_CELLS[pick(rng, "sub_c", "aa", "aaa", "c")]
    cells, rows = int(rng.integers(2, 7)), int(rng.integers(1, 4))
    crosswise = rng.random() < 0.4
    solids: list[Solid] = []
    for k in range(cells):
        for row in range(rows):
            step = 2 * radius + 0.4 if crosswise else 2 * half + 1.5
            spot = np.array([k * step, row * (2 * half + 1.5 if crosswise else 2.04 * radius), 0])
            axis = (0, 1, 0) if crosswise else (1, 0, 0)
            solids += round_cell(spot, radius, half, axis=axis, filling="nicad")
            if k:
                link = spot - (step / 2, 0, 0)
                solids.append(block(link, (4, 3, 0.15) if crosswise else (0.6, 3, 3), "steel"))
    end = vector(cells * (2 * radius if crosswise else 2 * half), 0, 0)
    return [*solids, *leads(rng, end)]


def holder(rng: np.random.Generator) -> list[Solid]:
    """Cells in an open tray or a charger, with springs, and leads or a mains block."""
    radius, half = ROUND_CELLS[pick(rng, "aa", "aaa", "18650", "21700", "c")]
    filling = "liion" if half > 30 else pick(rng, "alkaline", "nicad")
    count = int(rng.integers(1, 7))
    pitch = 2 * radius + rng.uniform(1.5, 4)
    solids: list[Solid] = []
    for k in range(count):
        y = (k - (count - 1) / 2) * pitch
        solids += round_cell((0, y, 0), radius, half, axis=((-1.0) ** k, 0, 0), filling=filling)
        spring = rod((-half - 3, y, 0), radius * 0.6, 2.2, "steel")
        solids += [spring, rod((-half - 3, y, 0), radius * 0.5, 2.2, "air", replaces="steel")]
        solids.append(block((half + 1.8, y, 0), (0.3, radius * 0.7, radius * 0.7), "brass"))
    tray = block((0, 0, -radius * 0.3), (half + 6.5, count * pitch / 2 + 2, radius * 0.9), "abs")
    solids += hollow(tray, 1.6)
    if rng.random() < 0.4:
        end = half + rng.uniform(14, 26)
        solids += board(rng, (end, 0, -2), (9, count * pitch / 2, 1), 2, 10)
        solids += hollow(block((end, 0, 0), (12, count * pitch / 2 + 2, radius + 3), "abs"), 1.8)
        solids.append(block((end - 3, 0, 4), (4.5, 4.5, 4.5), "ferrite"))
    else:
        solids += leads(rng, vector(half + 6, 0, 0))
    return solids
