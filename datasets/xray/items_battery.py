"""Battery packs of every usual make. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.items_cells import ROUND_CELLS, board, leads, pouch_cell, round_cell
from parcelscope.datasets.xray.items_dry_cells import (
    blister_cells,
    button_strip,
    holder,
    lead_acid,
    nine_volt,
    stick_pack,
)
from parcelscope.datasets.xray.items_wrapped import one_of, repeated
from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import Z_AXIS, block, disc, hollow, pick, rod, vector

LITHIUM = ("18650", "18650", "18650", "21700", "21700", "26650", "14500", "32700", "4680")


def familiar_battery(rng: np.random.Generator) -> Model:
    """Packs of round cells, power banks, cells in blisters, cased blocks, button cells."""
    forms = (
        _lying_pack, _standing_pack, _tool_pack, _power_bank, _laptop_pack, blister_cells,
        nine_volt, lead_acid, button_strip, _cased_cells, _model_pack, stick_pack, holder,
    )  # fmt: skip
    weights = (1.5, 1.5, 1.2, 1.6, 1.0, 1.4, 0.5, 0.6, 0.5, 1.2, 1.2, 0.8, 0.8)
    return one_of(rng, "battery_pack", forms, weights)


def _grid_spots(rng: np.random.Generator, rows: int, columns: int, pitch: float) -> Vector:
    """Centres (n, 2) of a square or staggered grid, about the origin."""
    stagger = rng.random() < 0.35
    j, i = np.meshgrid(np.arange(columns), np.arange(rows))
    across = i * pitch * (0.87 if stagger else 1.0)
    along = j * pitch + (pitch / 2) * (i % 2) * stagger
    spots = np.stack([along.ravel(), across.ravel()], axis=1)
    centred: Vector = spots - (spots.min(axis=0) + spots.max(axis=0)) / 2
    return centred


def _size(rng: np.random.Generator) -> tuple[float, float]:
    radius, half = ROUND_CELLS[pick(rng, *LITHIUM)]
    return radius * rng.uniform(0.99, 1.03), half * rng.uniform(0.99, 1.02)


def _lying_pack(rng: np.random.Generator) -> list[Solid]:
    """Cells along x in rows, layers and lines, spot-welded, in shrink wrap, a case or bare."""
    radius, half = _size(rng)
    rows, layers, lines = (int(rng.integers(*span)) for span in ((1, 9), (1, 4), (1, 4)))
    pitch, detail = 2 * radius + rng.uniform(0.1, 2.5), 3 if rows * layers * lines < 20 else 1
    solids: list[Solid] = []
    spots = _grid_spots(rng, layers, rows, pitch)
    step = 2 * half + rng.uniform(1.0, 4.0)
    for line in range(lines):
        x = (line - (lines - 1) / 2) * step
        for y, z in spots:
            solids += round_cell((x, y, z), radius, half, detail=detail)
    wide, high = np.abs(spots).max(axis=0) + radius
    long = lines * step / 2
    strip, thick = pick(rng, "steel", "copper"), rng.uniform(0.07, 0.2)
    for end in (-1, 1):
        for y in spots[:: max(1, len(spots) // 5), 0]:
            size = (thick, min(pitch * 0.8, wide), rng.uniform(0.3, 0.9) * high)
            solids.append(block((end * (long + 0.5), y * 0.8, 0), size, strip))
    if rng.random() < 0.6:
        solids += board(rng, (long + 3, 0, 0), (1, wide * 0.85, high * 0.8), 0)
        long += 6
    if rng.random() < 0.6:
        case, wall = (("pvc", 0.2), ("abs", 2.0), ("abs", 1.4), ("al", 1.2))[int(rng.integers(4))]
        room = wall + rng.uniform(0.2, 3.0)
        solids += hollow(block((0, 0, 0), (long + room, wide + room, high + room), case), wall)
    if rng.random() < 0.6:
        solids += leads(rng, vector(long, wide * rng.uniform(-0.6, 0.6), 0))
    return solids


def _standing_pack(rng: np.random.Generator) -> list[Solid]:
    """Upright cells in holders, 1 to 4 side by side and up to 12 long: e-bike, scooter, tools."""
    radius, half = _size(rng)
    pitch = 2 * radius + rng.uniform(0.3, 2.2)
    rows, columns = int(rng.integers(1, 5)), int(rng.integers(2, 13))
    spots = _grid_spots(rng, rows, columns, pitch)[:42]
    detail = 1 if len(spots) > 24 else 2
    solids: list[Solid] = []
    for x, y in spots:
        solids += round_cell((x, y, 0), radius, half, axis=Z_AXIS, detail=detail)
    long, wide = np.abs(spots).max(axis=0) + radius
    if rng.random() < 0.6:  # moulded holders at both ends of the cells
        for z in (-half - 1.0, half + 1.0):
            solids.append(block((0, 0, z), (long + 1, wide + 1, 0.9), "abs"))
    for k in range(int(rng.integers(2, 9))):
        spot = spots[int(rng.integers(len(spots)))]
        size = (pitch * rng.uniform(0.8, 1.6), rng.uniform(2.5, 5), 0.12)
        solids.append(block((*(spot * 0.8), (half + 2.1) * (-1) ** k), size, "steel"))
    end = long
    if rng.random() < 0.7:
        solids += board(rng, (long + 4, 0, 0), (1, wide * 0.9, half * 0.7), 0, 8)
        end += 8
    if rng.random() < 0.6:
        case, wall = (("pvc", 0.25), ("abs", 2.5), ("al", 1.6))[int(rng.integers(3))]
        room = rng.uniform(2.4, 5) + wall
        shift = (end - long) / 2
        cover = (long + shift + room, wide + room, half + room)
        solids += hollow(block((shift, 0, 0), cover, case), wall)
    if rng.random() < 0.5:
        solids += leads(rng, vector(end, wide * 0.3, half * 0.4))
    return solids


def _tool_pack(rng: np.random.Generator) -> list[Solid]:
    """A tool battery: cells across in one to three layers, a foot with rails or a stem."""
    radius, half = ROUND_CELLS[pick(rng, "18650", "21700", "sub_c")]
    filling = "nicad" if radius == 11.0 else "liion"
    pitch, columns = 2 * radius + 1, int(rng.integers(3, 6))
    layers = int(rng.integers(1, 4 if columns < 5 else 3))
    solids: list[Solid] = []
    for layer in range(layers):
        for column in range(columns):
            spot = ((column - (columns - 1) / 2) * pitch, 0, layer * pitch)
            solids += round_cell(spot, radius, half, axis=(0, 1, 0), filling=filling)
    long, high = columns * pitch / 2, layers * pitch / 2
    middle = (layers - 1) * pitch / 2
    top = middle + high + 3
    solids += hollow(block((0, 0, middle), (long + 5, half + 5, high + 4), "abs"), 2.2)
    solids += board(rng, (0, 0, top - 2.0), (long * 0.7, half * 0.7, 1), 2)
    if rng.random() < 0.7:
        for side in (-1, 1):
            solids.append(block((4, side * half * 0.75, top + 5), (long * 0.85, 3.5, 4), "abs"))
        solids += hollow(block((6, 0, top + 5), (long * 0.6, half * 0.5, 4), "abs"), 1.6)
    else:
        solids += hollow(block((0, 0, top + 16), (15, 19, 16), "abs"), 2.0)
    for k in range(int(rng.integers(3, 7))):
        solids.append(
            block((8, (k - 2) * 6.5, top + 5), (9, 0.5, 2.6), pick(rng, "copper", "brass"))
        )
    return solids


def _power_bank(rng: np.random.Generator) -> list[Solid]:
    """A case of any size with round cells or thick pouches, a board, sockets and a coil."""
    case = pick(rng, "abs", "abs", "al", "pp")
    wall = rng.uniform(0.9, 2.2)
    solids: list[Solid] = []
    if rng.random() < 0.5:
        radius, half = ROUND_CELLS[pick(rng, "18650", "21700", "26650")]
        rows, lines = int(rng.integers(1, 7)), int(rng.choice([1, 1, 2]))
        for row in range(rows):
            for line in range(lines):
                spot = (
                    (line - (lines - 1) / 2) * (2 * half + 2),
                    (row - (rows - 1) / 2) * 2.06 * radius,
                )
                solids += round_cell((*spot, 0), radius, half)
        long, wide, high = lines * (half + 1), rows * radius * 1.03, radius
    else:
        cells = int(rng.integers(1, 4))
        high = rng.uniform(3.6, 6.5)
        long, wide = rng.uniform(26, 65), rng.uniform(15, 36)
        for k in range(cells):
            z = (k - (cells - 1) / 2) * 2.05 * high
            solids.append(block((0, 0, z), (long, wide, high), "liion", texture=k, amplitude=0.04))
        high *= cells
    end = rng.uniform(7, 16)
    solids += board(rng, (long + end, 0, 0), (end * 0.9, wide * 0.9, 1), 2, 9)
    for k in range(int(rng.integers(1, 5))):
        y = rng.uniform(-0.7, 0.7) * wide
        port = block(
            (long + 2 * end - 6, y, 0.5), (6, *((6.8, 2.8) if k % 2 else (4.4, 1.6))), "steel"
        )
        solids += hollow(port, 0.4)
    middle = end
    round_case = rows_of_one = wide < 16 and rng.random() < 0.6
    size = (long + end + wall + 0.5, wide + wall + 1, high + wall + 1)
    if round_case and rows_of_one and high > wide * 0.7:
        solids += hollow(rod((middle, 0, 0), max(size[1:]), size[0], case), wall)
    else:
        solids += hollow(block((middle, 0, 0), size, case), wall)
    if rng.random() < 0.25 and wide > 20:  # wireless charging coil
        coil = disc((0, 0, high + 0.6), min(wide, long) * 0.75, 0.5, "copper")
        solids += [
            coil,
            disc((0, 0, high + 0.6), coil.half_mm[0] * 0.5, 0.5, "air", replaces="copper"),
        ]
    if rng.random() < 0.3:
        solids += leads(rng, vector(middle + size[0], 0, 0))
    return solids


def _laptop_pack(rng: np.random.Generator) -> list[Solid]:
    """A long thin case: two or three lines of cells end to end, a board and a connector."""
    radius, half = ROUND_CELLS["18650"]
    if rng.random() < 0.25:
        radius, half = 7.0, 32.5
    lines, rows = int(rng.integers(2, 5)), int(rng.choice([1, 2, 2, 3]))
    solids: list[Solid] = []
    for line in range(lines):
        for row in range(rows):
            spot = (
                (line - (lines - 1) / 2) * (2 * half + 2.5),
                (row - (rows - 1) / 2) * 2.05 * radius,
            )
            solids += round_cell((*spot, 0), radius, half)
    long, wide = lines * (half + 1.2), rows * radius * 1.03
    side = rng.uniform(4, 16)
    solids += board(
        rng, (rng.uniform(-0.3, 0.3) * long, wide + side / 2, -2), (long * 0.55, side / 2, 1), 2, 9
    )
    case = block((0, side / 2, 0), (long + 3, wide + side / 2 + 2.5, radius + 1.6), "abs")
    solids += hollow(case, 1.1)
    plug = (rng.uniform(-0.6, 0.6) * long, wide + side + 3, 0)
    solids += [block(plug, (rng.uniform(10, 20), 3, 3.5), "nylon")]
    solids += [
        block((plug[0] + 3 * (k - 3), *plug[1:]), (0.5, 2.5, 2.5), "brass") for k in range(7)
    ]
    if rng.random() < 0.3:  # as service packs come, without their case
        solids = solids[: -8 - 2]
    return solids


def _cased_cells(rng: np.random.Generator) -> list[Solid]:
    """Camera, drone, radio or 12 V packs: small cells in a case with contacts."""
    half = np.array([rng.uniform(14, 42), rng.uniform(9, 24), rng.uniform(3.2, 8.5)])
    cells, rows = int(rng.integers(1, 6)), int(rng.choice([1, 1, 2]))
    shell = pick(rng, "al", "al", "pouch", "steel")
    solids: list[Solid] = []
    for k in range(cells):
        for row in range(rows):
            spot = (
                0,
                (row - (rows - 1) / 2) * (2 * half[1] + 1),
                (k - (cells - 1) / 2) * (2 * half[2] + 0.6),
            )
            if shell == "pouch":
                solids.append(block(spot, half, "liion", texture=k, amplitude=0.04))
            else:
                solids += hollow(block(spot, half, shell), 0.6, "liion")
    wide, high = rows * half[1] + 1.5, cells * (half[2] + 0.3)
    end = rng.uniform(2, 10)
    solids += board(rng, (half[0] + end / 2 + 1, 0, 0), (end / 2, wide * 0.8, high * 0.8), 0, 7)
    wall = rng.uniform(0.8, 2.0)
    body = (half[0] + end / 2 + 2 + wall, wide + wall, high + wall)
    solids += hollow(block((end / 2 + 1, 0, 0), body, pick(rng, "abs", "pp")), wall)
    lands = int(rng.integers(2, 7))
    face = end / 2 + 1 + body[0]
    for k in range(lands):
        spot = (
            face,
            (k - (lands - 1) / 2) * min(4.5, 1.5 * wide / lands),
            high * rng.uniform(-0.2, 0.2),
        )
        solids.append(block(spot, (0.8, 1.4, min(3, high * 0.6)), "brass"))
    if body[0] < 50:
        drawn = solids
        return (
            repeated(rng, lambda: drawn, int(rng.choice([1, 1, 2, 3])))
            if len(drawn) < 36
            else drawn
        )
    return solids


def _model_pack(rng: np.random.Generator) -> list[Solid]:
    """Model-aircraft style: thick pouch cells in shrink wrap, with leads and a balance plug."""
    half = np.array([rng.uniform(22, 75), rng.uniform(11, 26), rng.uniform(3, 5.5)])
    cells = int(rng.integers(2, 7))
    solids: list[Solid] = []
    for k in range(cells):
        slip = rng.uniform(-1.5, 1.5, 2)
        solids += pouch_cell(np.array([slip[0], slip[1], 2.15 * half[2] * k]), half)
    middle = 2.15 * half[2] * (cells - 1) / 2
    cover = (half[0] + 8, half[1] + 3, middle + half[2] + 1.5)
    solids += hollow(block((1, 0, middle), cover, "pvc"), 0.4)
    for _ in range(int(rng.integers(1, 3))):
        solids += leads(rng, np.array([half[0], rng.uniform(-0.6, 0.6) * half[1], middle]))
    return solids
