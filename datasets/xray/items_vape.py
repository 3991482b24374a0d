"""Vaporisers of every usual make. Lengths in mm."""

from dataclasses import replace
from functools import partial

import numpy as np

from parcelscope.datasets.xray.items_cells import board, round_cell
from parcelscope.datasets.xray.items_wrapped import Form, one_of, repeated
from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import block, chain, hollow, pick, rod, vector

SHELL_MM = {"al": 0.7, "abs": 1.1, "steel": 0.3, "pp": 1.0, "brass": 0.5, "pet": 0.6}


def familiar_vape(rng: np.random.Generator) -> Model:
    """Sticks, pens with tanks, tubes, one-cell boxes, pod bodies, heaters; one to ten of them."""
    makers = (
        _stick, _tapered, _pen, _tube_mod, _box, _pod_body, _pod_kit, _heater, _oil_pen,
    )  # fmt: skip
    forms = [partial(_several, make=make) for make in makers]
    return one_of(rng, "vape", forms, (1.8, 1.0, 1.4, 1.0, 1.2, 1.0, 1.2, 0.7, 1.0))


def _several(rng: np.random.Generator, make: Form) -> list[Solid]:
    """One device or a carton of them, sometimes with a charging lead."""
    single = make(rng)
    most = max(1, 95 // len(single))
    count = min(int(rng.choice([1, 1, 1, 2, 2, 3, 4, 5, 6, 8, 10])), most)
    solids = repeated(rng, lambda: single, count)
    if rng.random() < 0.15:
        solids += _lead(rng)
    if rng.random() < 0.1:
        solids += _lanyard(rng)
    return solids


def _lead(rng: np.random.Generator) -> list[Solid]:
    """A short charging lead beside the device."""
    y, x = -rng.uniform(14, 24), rng.uniform(-30, 10)
    share = np.linspace(0, 1, 6)
    line = np.stack([x + 50 * share, y - 9 * np.sin(np.pi * share), 0 * share], axis=1)
    return [
        *chain(line, 1.5, "pvc", core="copper", core_radius=0.6),
        block(line[0] - (8, 0, 0), (8, 4, 2.5), "pvc"),
        *hollow(block(line[0] - (21, 0, 0), (6, 6, 2.2), "steel"), 0.4),
        rod(line[-1] + (5, 0, 0), 5.5, 6, "abs"),
    ]


def _lanyard(rng: np.random.Generator) -> list[Solid]:
    angle = np.linspace(0, 2 * np.pi, 9)
    reach = rng.uniform(14, 28, 2)
    line = np.stack([reach[0] * np.cos(angle), 40 + reach[1] * np.sin(angle), 0 * angle], axis=1)
    return [*chain(line, 1.6, "textile_poly"), rod(line[0], 2, 6, "zinc")]


def _coil(x: float, radius: float, half: float) -> list[Solid]:
    """An atomiser head in its chimney: metal sleeve, wadding or ceramic, a heater, contacts."""
    return [
        rod((x, 0, 0), radius, half, "steel"),
        rod((x, 0, 0), radius - 0.3, half, "cotton_wool", replaces="steel"),
        rod((x, 0, 0), radius * 0.45, half * 0.6, "steel", flat=0.3),
        rod((x - half - 1.5, 0, 0), radius * 0.8, 1.5, "brass"),
    ]


def _liquid(x: float, radius: float, half: float, flat: float, fill: float) -> list[Solid]:
    """Liquid or soaked wadding around an open chimney; `fill` is the share still there."""
    level = half * min(fill, 1.0)
    return [
        rod((x - half + level, 0, 0), radius, level, "glycol", flat=flat),
        rod((x - half + level, 0, 0), radius * 0.3, level, "air", replaces="glycol"),
    ]


def _stick(rng: np.random.Generator) -> list[Solid]:
    """A disposable tube, round or flattened, from a cigarette's size to a thick marker's."""
    flat = rng.choice([1.0, 1.0, rng.uniform(1.15, 1.7)])
    radius = rng.uniform(4.0, 9.0) / np.sqrt(flat)
    length = rng.uniform(70, 140)
    shell = pick(rng, "al", "abs", "steel", "pp")
    cell_share = rng.uniform(0.3, 0.5)
    inner = radius - SHELL_MM[shell] - 0.2
    left = -length / 2
    cell = length * cell_share / 2
    tank = length * (0.86 - cell_share) / 2
    x_tank = left + length * 0.07 + 2 * cell + tank + 2
    tip = rng.uniform(4, 14)
    tip_radius = radius * rng.uniform(0.55, 0.95)
    return [
        *hollow(rod((0, 0, 0), radius, length / 2, shell, flat=flat), SHELL_MM[shell]),
        *round_cell((left + length * 0.07 + cell, 0, 0), inner * 0.96, cell, detail=2),
        rod(
            (left + length * 0.035, 0, 0), inner * 0.8, 1.6, pick(rng, "fr4", "silicon"), flat=flat
        ),
        *_liquid(x_tank, inner * 0.95, tank * 0.95, float(flat), rng.uniform(0.5, 1)),
        *_coil(x_tank - tank * rng.uniform(0, 0.6), 1.9, rng.uniform(3, 6)),
        rod((length / 2 + tip, 0, 0), tip_radius, tip, "pp", flat=flat * rng.uniform(0.6, 1)),
        rod((length / 2 + tip, 0, 0), 1.4, tip, "air", replaces="pp"),
        rod((left + 1.5, 0, 0), radius * 0.97, 1.2, "pp", flat=flat),
    ]


def _tapered(rng: np.random.Generator) -> list[Solid]:
    """A stick that narrows in steps towards one or both ends."""
    widest, length = rng.uniform(6, 10), rng.uniform(80, 140)
    shell, steps = pick(rng, "abs", "al", "pp"), int(rng.integers(5, 9))
    wall = SHELL_MM[shell]
    lean, narrow = rng.uniform(0.1, 0.6), rng.uniform(0.45, 0.75)
    solids: list[Solid] = []
    for k in range(steps):
        share = (k + 0.5) / steps
        radius = widest * (1 - (1 - narrow) * (abs(share - lean) / (1 - lean)) ** 1.5)
        x = (share - 0.5) * length
        outer = rod((x, 0, 0), radius, length / steps / 2, shell)
        inside = rod((x, 0, 0), radius - wall, length / steps / 2, "air", replaces=shell)
        solids += [outer, inside]
    inner = widest * narrow - wall
    solids += round_cell((-length * 0.2, 0, 0), inner, length * 0.22, detail=2)
    solids += _liquid(length * 0.24, inner, length * 0.14, 1.0, rng.uniform(0.4, 1))
    solids += _coil(length * 0.17, 1.8, 4.5)
    return [*solids, rod((-length * 0.46, 0, 0), inner, 1, "fr4")]


def _tank(rng: np.random.Generator, x: float, radius: float, long: float) -> list[Solid]:
    """A clear tank on a threaded base: glass or plastic sleeve, coil, drip tip."""
    sleeve = pick(rng, "glass", "glass", "pmma", "steel")
    wall = {"glass": 1.2, "pmma": 1.4, "steel": 0.4}[sleeve]
    half = long / 2
    tip = rng.uniform(4, 9)
    solids = [rod((x + 3, 0, 0), radius, 3, "steel"), rod((x - 2, 0, 0), 3.5, 2.5, "brass")]
    solids += hollow(rod((x + 6 + half, 0, 0), radius, half, sleeve), wall)
    solids += _liquid(x + 6 + half, radius - wall - 0.1, half - wall, 1.0, rng.uniform(0.1, 1))
    solids += _coil(x + 6 + half * 0.7, radius * 0.3, half * 0.55)
    solids += hollow(rod((x + 8 + long, 0, 0), radius, 2, "steel"), 0.5)
    drip = pick(rng, "pmma", "steel", "nylon", "pp")
    outer = rod((x + 10 + long + tip, 0, 0), radius * rng.uniform(0.35, 0.6), tip, drip)
    return [*solids, outer, rod(outer.centre_mm, 1.8, tip, "air", replaces=drip)]


def _pen(rng: np.random.Generator) -> list[Solid]:
    """A slim battery with a button and a clear tank screwed on."""
    radius, cell = rng.uniform(6, 11), rng.uniform(22, 45)
    shell = pick(rng, "steel", "al", "brass")
    body = cell + 8
    return [
        *hollow(rod((0, 0, 0), radius, body, shell), SHELL_MM[shell]),
        *round_cell((-3, 0, 0), radius - SHELL_MM[shell] - 0.3, cell, detail=2),
        *board(rng, (body - 5, 0, 0), (4, radius * 0.7, 1), 2, 3),
        rod((body - 8, 0, radius), 2.6, 1, "abs", axis=(0, 0, 1)),
        *_tank(rng, body + 4, radius * rng.uniform(0.85, 1.2), rng.uniform(14, 36)),
    ]


def _tube_mod(rng: np.random.Generator) -> list[Solid]:
    """A metal tube for one changeable cell, with a tank or a dripper on top."""
    radius, half = ((9.1, 32.5), (10.5, 35.0), (7.0, 25.0), (9.1, 17.5))[int(rng.integers(4))]
    shell = pick(rng, "brass", "steel", "copper", "al")
    wall = rng.uniform(0.9, 2.0)
    body = half + rng.uniform(5, 10)
    solids = hollow(rod((0, 0, 0), radius + wall + 0.4, body, shell), wall)
    solids += round_cell((0, 0, 0), radius, half)
    solids += [rod((-body - 3, 0, 0), radius * 0.7, 3, shell), rod((half + 3, 0, 0), 2, 2, "brass")]
    if rng.random() < 0.7:
        wide = rng.uniform(0.9, 1.2) * radius
        return solids + _tank(rng, body + 4, wide, rng.uniform(16, 30))
    cap = rod((body + 10, 0, 0), radius * 1.15, 9, pick(rng, "steel", "brass"))
    solids += hollow(cap, 1.0)
    for side in (-1, 1):
        solids += [rod((body + 9, side * 4, 0), 1.6, 5, "brass")]
    return [*solids, rod((body + 12, 0, 0), 1.5, 5, "steel", axis=(0, 1, 0)),
            *hollow(rod((body + 25, 0, 0), 6, 6, "nylon"), 1.8)]  # fmt: skip


def _box(rng: np.random.Generator) -> list[Solid]:
    """A small box for one round cell or a pouch, its tank off centre, or its bottle inside."""
    a, c = rng.uniform(37, 44), rng.uniform(10.5, 13)
    b = rng.uniform(14, 20)
    shell = pick(rng, "zinc", "al", "abs", "nylon")
    wall = {"zinc": 1.2, "al": 1.5, "abs": 2.0, "nylon": 2.2}[shell]
    side = b - wall - 9.4
    solids = hollow(block((0, 0, 0), (a, b, c), shell), wall)
    solids += round_cell((-2, -side, 0), 9.1 if c > 10.8 else 8.6, 32.5)
    room = min(b - 9.4 + side - wall, 8.0)
    edge = b - wall - 1.2
    if b > 17.5 and rng.random() < 0.4:
        x = -rng.uniform(5, 12)
        reach = max(room * 0.5, 2.5)
        spot = (x, b - wall - reach - 0.3, 0)
        bottle = rod(spot, reach, 22, "pe")
        solids += hollow(bottle, 0.8, "glycol")
    else:
        solids += board(rng, (0, edge, 0), (a * 0.7, 1, c * 0.7), 1, 6)
    if rng.random() < 0.6:
        solids.append(block((10, b - 0.5, 0), (9, 0.6, 5), "glass"))
    solids.append(rod((a * 0.6, b + 0.8, 0), 4, 1.0, pick(rng, "steel", "abs"), axis=(0, 1, 0)))
    for unit in _tank(rng, a + 2, rng.uniform(9, 12.5), rng.uniform(14, 28)):
        solids.append(_shifted(unit, vector(0, min(side, 4.0), 0)))
    return solids


def _shifted(solid: Solid, shift: Vector) -> Solid:
    return replace(solid, centre_mm=solid.centre_mm + shift)


def _pod_body(rng: np.random.Generator) -> list[Solid]:
    """A flat or drop-shaped body with a pouch or slim cell and an empty well for its pod."""
    a, b, c = rng.uniform(30, 52), rng.uniform(7, 17), rng.uniform(4.5, 8)
    shell = pick(rng, "al", "zinc", "abs", "pp")
    rounded = rng.random() < 0.5
    case = (
        rod((0, 0, 0), c, a, shell, flat=b / c) if rounded else block((0, 0, 0), (a, b, c), shell)
    )
    solids = hollow(case, rng.uniform(0.7, 1.3))
    well = a * rng.uniform(0.2, 0.4)
    cell = (a - well) * 0.72
    x = -a + 6 + cell
    if rng.random() < 0.5 or b < 9:
        solids += round_cell((x, 0, 0), min(b, c) - 1.6, cell, detail=2)
    else:
        solids.append(block((x, -b * 0.1, 0), (cell, b * 0.62, c * 0.6), "liion"))
    solids += board(
        rng, (x, b * 0.72, 0) if b > 10 else (a - 2 * well, 0, 0), (cell * 0.8, 1, c * 0.5), 1, 4
    )
    solids.append(block((-a + 3, 0, 0), (3, min(4.4, b * 0.6), 1.6), "steel"))
    for y in (-0.35, 0.35):
        solids.append(rod((a - 2 * well + 1, y * b, 0), 1.2, 1.8, "brass"))
    return solids


def _pod_kit(rng: np.random.Generator) -> list[Solid]:
    """A flat body with its pod of liquid in place."""
    solids = _pod_body(rng)
    case = solids[0].half_mm
    round_body = solids[0].shape == "cylinder"
    a = float(case[2] if round_body else case[0])
    b, c = float(case[1]), float(case[0] if round_body else case[2])
    long, fill = rng.uniform(9, 16), rng.uniform(0.2, 0.95)
    x = a + long * 0.8
    pod = block((x, 0, 0), (long, b * 0.8, c * 0.8), pick(rng, "pp", "pmma", "pet"))
    level = (long - 1.2) * fill
    solids += hollow(pod, 1.2)
    solids.append(
        block((x - long + 1.2 + level, 0, 0), (level, b * 0.8 - 1.3, c * 0.8 - 1.3), "glycol")
    )
    solids += _coil(x - long * 0.2, min(2.6, c * 0.5), long * 0.55)
    if rng.random() < 0.6:
        solids.append(block((x + long + 4, 0, 0), (5, b * 0.5, c * 0.5), "pp"))
    return solids


def _heater(rng: np.random.Generator) -> list[Solid]:
    """A tobacco heater: a holder with a blade or oven, alone or in its charging case."""
    radius, length = rng.uniform(6, 9), rng.uniform(85, 110)
    shell = pick(rng, "abs", "al", "pp")
    solids = hollow(rod((0, 0, 0), radius, length / 2, shell), 0.9)
    solids += round_cell((-length * 0.16, 0, 0), radius - 1.6, length * 0.26, detail=2)
    solids += board(rng, (length * 0.18, 0, 2), (9, radius * 0.5, 1), 2, 4)
    solids += hollow(rod((length * 0.38, 0, 0), radius * 0.55, 8, "steel"), 0.4)
    solids.append(block((length * 0.37, 0, 0), (6, 2, 0.2), "ceramic"))
    if rng.random() < 0.5:
        solids += [
            rod((length * 0.5 + 12, 0, 0), 3.5, 22, "tobacco"),
        ]
    if rng.random() < 0.5:
        y = radius + 14
        solids += hollow(block((0, y * 0.5, 0), (length / 2 + 6, y, radius + 4), "abs"), 1.8)
        solids += round_cell((0, y * 0.98, 0), 9.1 if radius > 6.5 else 8.5, 32.5)
        solids += board(rng, (-length * 0.42, y * 0.9, 0), (5, 8, 1), 2, 6)
    return solids


def _oil_pen(rng: np.random.Generator) -> list[Solid]:
    """A thin pen battery with a small glass cartridge of thick oil and a ceramic coil."""
    radius, cell = rng.uniform(4.6, 6.5), rng.uniform(20, 38)
    shell = pick(rng, "steel", "al", "brass")
    x = cell + 8
    half = rng.uniform(9, 15)
    sleeve = pick(rng, "glass", "pmma", "ceramic")
    solids = hollow(rod((0, 0, 0), radius, cell + 5, shell), 0.4)
    solids += round_cell((0, 0, 0), radius - 0.8, cell, detail=2)
    solids += [rod((-cell - 4, 0, 0), radius * 0.8, 1, "fr4"), rod((x, 0, 0), 3.4, 3, "brass")]
    solids += hollow(rod((x + 3 + half, 0, 0), 5.3, half, sleeve), 1.0)
    solids.append(rod((x + 3 + half, 0, 0), 4.2, half * 0.85, pick(rng, "oil", "glycol")))
    solids += [
        rod((x + 8, 0, 0), 1.8, 5, "steel"),
        rod((x + 8, 0, 0), 1.2, 4, "ceramic", replaces="steel"),
    ]
    tip = pick(rng, "ceramic", "pp", "steel", "wood")
    outer = rod((x + 3 + 2 * half + 7, 0, 0), 5.0, 7, tip, flat=rng.uniform(0.5, 1))
    return [*solids, outer, rod(outer.centre_mm, 1.2, 7, "air", replaces=tip)]
