"""Pistols of the familiar designs: whole, in parts, unfinished, printed. Lengths in mm.

A pistol lies on its side: the muzzle points to +x, the sights to +y, its width is along z.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from parcelscope.datasets.xray.items_gun_parts import (
    accessories,
    barrel,
    draw_pistol,
    frame,
    grip,
    magazine,
    rounds_box,
    slide,
    suppressor,
)
from parcelscope.datasets.xray.scene import Solid
from parcelscope.datasets.xray.solids import (
    Y_AXIS,
    Z_AXIS,
    about_x,
    about_z,
    block,
    bounds,
    chain,
    disc,
    hollow,
    pick,
    rod,
    turned,
)


def automatic(rng: np.random.Generator) -> list[Solid]:
    """A self-loading pistol of any size, with accessories and a spare magazine at times."""
    pistol = draw_pistol(rng)
    solids = [*slide(rng, pistol), *frame(rng, pistol)]
    if rng.random() < 0.75:
        solids += magazine(rng, pistol)
    solids += accessories(rng, pistol)
    if rng.random() < 0.15:
        spare = turned(magazine(rng, pistol, inserted=False), about_z(rng.uniform(0, 6.3)))
        solids += turned(spare, shift=(rng.uniform(0, 50), pistol.floor - 75, 0))
    return solids


def fixed_barrel(rng: np.random.Generator) -> list[Solid]:
    """A bare barrel ahead of a short receiver, as on rimfire, toggle and straight-pull pistols."""
    pistol = draw_pistol(rng)
    pistol = replace(pistol, length=rng.uniform(90, 140), lean=rng.uniform(0.2, 0.65))
    reach, height = pistol.length / 2, pistol.half_height
    long = rng.uniform(60, 175)
    receiver = (
        rod((0, 0, 0), height, reach, "steel")
        if rng.random() < 0.6
        else block((0, 0, 0), (reach, height, pistol.half_width), "steel")
    )
    radius, profile = rng.uniform(5.5, 9.5), pick(rng, "round", "heavy", "stepped")
    solids = [
        *hollow(receiver, rng.uniform(2.5, 5)),
        rod((0, 0, 0), height * 0.55, reach * rng.uniform(0.3, 0.8), "steel"),
        rod((reach + long / 2, 1, 0), radius, long / 2, "steel"),
        rod((reach + long / 2, 1, 0), rng.uniform(2.8, 4.6), long / 2, "air", replaces="steel"),
        block((reach + long - 6, radius + 4, 0), (rng.uniform(2, 6), 4, 1.6), "steel"),
        block((8 - reach, height + 3, 0), (6, 3, 6), "steel"),
    ]
    if profile == "heavy":
        solids.append(block((reach + long / 2, -radius, 0), (long / 2, 5, 6), "al"))
    elif profile == "stepped":
        solids.append(rod((reach + 12, 1, 0), radius + 3, 12, "steel"))
    for side in (-1, 1) if rng.random() < 0.5 else ():
        spot = (-reach * rng.uniform(0.5, 0.95), height * 0.3, side * (height + 3))
        solids.append(rod(spot, rng.uniform(4, 9), 3, "steel", axis=Z_AXIS))
    return [*solids, *frame(rng, pistol), *(magazine(rng, pistol) if rng.random() < 0.7 else [])]


def target(rng: np.random.Generator) -> list[Solid]:
    """A long thin barrel over a box, a broad shaped wooden grip, tall adjustable sights."""
    pistol = replace(draw_pistol(rng), body="al", lean=rng.uniform(0.15, 0.45))
    reach, long = pistol.length / 2, rng.uniform(60, 130)
    metal = pick(rng, "al", "steel")
    solids = [
        *hollow(block((0, 0, 0), (reach, pistol.half_height, 10), metal), 3.4),
        rod((reach * 0.4 + long / 2, 3, 0), rng.uniform(5, 8), reach * 0.6 + long / 2, "steel"),
        block((reach + long - 8, 14, 0), (8, 5, 2.5), "steel"),
        block((6 - reach, pistol.half_height + 6, 0), (9, 6, 9), "steel"),
        *frame(rng, pistol),
    ]
    if rng.random() < 0.5:
        solids.append(rod((reach + long * 0.4, -12, 0), 7, long * 0.3, pick(rng, "al", "steel")))
    carved = []
    for k in range(4):
        radius = rng.uniform(20, 27)
        spot = (rng.uniform(-4, 4), -pistol.grip * (0.15 + 0.25 * k), 0)
        flat = rng.uniform(0.6, 0.85)
        carved.append(rod(spot, radius, pistol.grip / 8, "wood", axis=Y_AXIS, flat=flat))
    shelf = (rng.uniform(-5, 8), -pistol.grip, 0)
    carved.append(block(shelf, (26, 5, 20), "wood", rotation=about_z(rng.uniform(-0.2, 0.2))))
    return [*solids, *turned(carved, about_z(-pistol.lean), pistol.grip_top)]


def machine_pistol(rng: np.random.Generator) -> list[Solid]:
    """A box or tube for a receiver; the magazine ahead of the trigger or in an upright grip."""
    pistol = replace(draw_pistol(rng), lean=rng.uniform(0.02, 0.35), body=pick(
        rng, "steel", "nylon", "polymer_frame"), length=rng.uniform(140, 240),
        half_height=rng.uniform(13, 21))  # fmt: skip
    reach, height, ahead = pistol.length / 2, pistol.half_height, rng.random() < 0.65
    if rng.random() < 0.5:
        shell = rod((0, 0, 0), height, reach, "steel")
    else:
        shell = block((0, 0, 0), (reach, height, rng.uniform(12, 18)), "steel")
    long = rng.uniform(20, 110)
    solids = [
        *hollow(shell, rng.uniform(1.2, 2.5)),
        block((rng.uniform(-0.4, 0.1) * reach, 0, 0), (rng.uniform(28, 55), 9, 9), "steel"),
        *barrel(rng, long + 40, (reach + long / 2 - 20, 2, 0)),
        rod((-reach * 0.6, 0, 0), 5, reach * 0.35, "steel"),
        block((rng.uniform(-0.5, 0.5) * reach, height + 5, 0), (5, 5, 4), "steel"),
    ]
    if long > 45 and rng.random() < 0.5:
        jacket = rod((reach + long / 2, 2, 0), 14, long / 2, "steel")
        solids += hollow(jacket, 1.6)
        for k in range(int(long / 18)):
            # Only the wall is pierced: the inside is already empty.
            for z in (-12.95, 12.95):
                spot = (reach + 10 + 17 * k, 2, z)
                solids.append(disc(spot, 3.5, 0.55, "air", replaces="steel"))
    middle = rng.uniform(-1, 0.3) * reach * 0.6
    held = turned(frame(rng, replace(pistol, length=110)), shift=(middle, 0, 0))
    well = middle + 55 + 20 if ahead else middle - 55 + 8 + pistol.half_depth
    bend = float(rng.choice([0.0, rng.uniform(0.15, 0.6)])) if ahead else 0.0
    box = rounds_box(rng, rng.uniform(50, 150), rng.uniform(12, 19), bend)
    solids += [*held, *turned(box, about_z(0.0 if ahead else -pistol.lean), (well, 0, 0))]
    if rng.random() < 0.3:
        top = height + 9
        stock = np.array([[-reach, 0, 0], [20 - reach, top, 0], [reach * 0.7, top, 0],
                          [reach * 0.7, top, 14]])  # fmt: skip
        solids += chain(stock.astype(float), rng.uniform(2.5, 4), "steel")
    return solids


def printed(rng: np.random.Generator) -> list[Solid]:
    """Printed plastic all over: little but the barrel, the pins and the springs is of metal."""
    plastic = pick(rng, "abs", "nylon", "pet")
    pistol = replace(draw_pistol(rng), body=plastic, slide=plastic)
    solids = frame(rng, pistol)
    if rng.random() < 0.5:
        return [*solids, *slide(rng, pistol), *magazine(rng, pistol)]
    reach, height = pistol.length / 2, rng.uniform(14, 22)
    long, bore = rng.uniform(50, 130), rng.uniform(3, 6)
    solids.append(block((0, 2, 0), (reach, height, rng.uniform(14, 20)), plastic))
    long = min(long, 1.6 * reach)
    spot = (reach - long / 2, 2, 0)
    liner = pick(rng, "steel", "steel", "brass")
    solids.append(rod(spot, bore + rng.uniform(1.5, 4), long / 2, liner, replaces=plastic))
    solids.append(rod(spot, bore, long / 2, "air", replaces=liner))
    solids.append(rod((-reach * 0.6, 0, 0), 2.2, 22, "steel"))
    for _ in range(int(rng.integers(2, 7))):
        pin = (rng.uniform(-reach, reach * 0.5), rng.uniform(-height, height), 0)
        solids.append(disc(pin, rng.uniform(1.2, 2.5), 15, "steel"))
    return solids


def starter(rng: np.random.Generator) -> list[Solid]:
    """A blank-firing or air pistol: cast zinc or plastic, its barrel thin or plugged."""
    pistol = replace(draw_pistol(rng), slide=pick(rng, "zinc", "zinc", "al", "abs"),
                     body=pick(rng, "zinc", "abs", "nylon"))  # fmt: skip
    solids = [*slide(rng, pistol, fitted=False), *frame(rng, pistol)]
    reach, long = pistol.length / 2, pistol.length * rng.uniform(0.4, 0.8)
    tube = pick(rng, "brass", "zinc", "steel")
    solids += hollow(rod((reach - long / 2, 1, 0), rng.uniform(4, 7), long / 2, tube), 1.2)
    solids.append(rod((reach - long * rng.uniform(0.3, 0.8), 1, 0), 5, 7, "steel"))
    if rng.random() < 0.6:
        gas = hollow(rod((0, -pistol.grip * 0.5, 0), 9.3, 33, "steel", axis=Y_AXIS), 1.6)
        gas.append(rod((0, -pistol.grip * 0.5 + 38, 0), 4, 6, "steel", axis=Y_AXIS))
        return [*solids, *turned(gas, about_z(-pistol.lean), pistol.grip_top)]
    return [*solids, *magazine(rng, pistol)]


def parts(rng: np.random.Generator) -> list[Solid]:
    """A pistol taken apart, some of it left out, side by side in any directions."""
    pistol = draw_pistol(rng)
    loose = bool(rng.random() < 0.5)
    groups = [
        slide(rng, pistol, fitted=not loose),
        [*frame(rng, pistol), *(magazine(rng, pistol) if rng.random() < 0.3 else [])],
        barrel(rng, pistol.length * rng.uniform(0.5, 0.75), (0, 0, 0)),
        magazine(rng, pistol, inserted=False),
        [rod((0, 0, 0), rng.uniform(2.5, 4), pistol.length * 0.3, "steel")],
        suppressor(rng, (0, 0, 0), rng.uniform(80, 150)),
        turned(grip(rng, pistol), shift=-pistol.grip_top),
    ]
    wanted = rng.random(7) < np.array([0.85, 0.75, loose * 0.8, 0.6, loose * 0.7, 0.1, 0.06])
    wanted[int(rng.integers(2))] = True
    chosen = [group for group, kept in zip(groups, wanted, strict=True) if kept]
    return _laid_out(rng, [chosen[int(k)] for k in rng.permutation(len(chosen))])


def _laid_out(rng: np.random.Generator, groups: list[list[Solid]]) -> list[Solid]:
    """Groups one below the other, each turned anyhow but mostly lengthwise."""
    solids: list[Solid] = []
    floor = 0.0
    for group in groups:
        turn = rng.normal(0, 0.25) + np.pi * float(rng.integers(2))
        flipped = about_x(
            np.pi * float(rng.integers(2)) + rng.choice([0.0, np.pi / 2], p=[0.8, 0.2])
        )
        one = turned(turned(group, flipped), about_z(turn))
        lows, highs = bounds(one)
        low, high = lows.min(axis=0), highs.max(axis=0)
        middle = (low + high) / 2
        shift = (rng.uniform(-25, 25) - middle[0], floor - high[1], -middle[2])
        solids += turned(one, shift=shift)
        # Parts in one bag slide into each other's gaps.
        floor -= (high[1] - low[1]) * rng.uniform(0.65, 1.0) + rng.uniform(1, 6)
    return solids


def blank_frame(rng: np.random.Generator) -> list[Solid]:
    """A frame with its cavities unfinished, in its drilling jig, perhaps with the upper parts."""
    pistol = replace(draw_pistol(rng), body=pick(rng, "polymer_frame", "nylon", "al"))
    solids = frame(rng, pistol, solid=True)
    half, tone = pistol.length * 0.42, pick(rng, "abs", "pe", "nylon")
    for side in (-1, 1) if rng.random() < 0.75 else ():
        plate = (-pistol.length * 0.08, pistol.floor + 4, side * (pistol.half_width + 4))
        solids.append(block(plate, (half, rng.uniform(14, 22), rng.uniform(2, 4)), tone))
        for x in rng.uniform(-0.8, 0.8, 3) * half:
            hole = (x, pistol.floor + 4, plate[2])
            solids.append(disc(hole, 2.2, 2, "steel"))
    for k in range(int(rng.integers(0, 4))):
        bit = (rng.uniform(-20, 40), pistol.half_height + 6 + 8 * k, 0)
        solids.append(rod(bit, rng.uniform(1.2, 3), rng.uniform(22, 45), "steel"))
    if rng.random() < 0.5:
        return solids
    return _laid_out(rng, [solids, slide(rng, pistol, fitted=bool(rng.random() < 0.6))])


def upper(rng: np.random.Generator) -> list[Solid]:
    """Slides and magazines alone."""
    pistol = draw_pistol(rng)
    groups = [slide(rng, pistol)]
    groups += [magazine(rng, pistol, inserted=False) for _ in range(int(rng.integers(0, 3)))]
    return _laid_out(rng, groups)


def pair(rng: np.random.Generator) -> list[Solid]:
    """Two pistols head to tail."""
    solids: list[Solid] = []
    for turn, y in ((0.0, 0.0), (np.pi, rng.uniform(-70, -20))):
        pistol = draw_pistol(rng)
        one = [*slide(rng, pistol), *frame(rng, pistol)]
        solids += turned(one, about_z(turn + rng.normal(0, 0.2)), (0, y, 0.3 * y))
    return solids


FORMS: tuple[Callable[[np.random.Generator], list[Solid]], ...] = (
    automatic, fixed_barrel, target, machine_pistol, printed, starter, parts, blank_frame,
    upper, pair,
)  # fmt: skip
SHARES = np.array([0.3, 0.12, 0.06, 0.1, 0.07, 0.08, 0.14, 0.05, 0.05, 0.03])
