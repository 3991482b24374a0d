"""What pistols are put together from: slides, barrels, frames, grips, magazines. Lengths in mm.

A pistol lies on its side: the muzzle points to +x, the sights to +y, its width is along z. The
slide's centre is the origin.
"""

from dataclasses import dataclass

import numpy as np

from parcelscope.datasets.xray.scene import Solid, Vector
from parcelscope.datasets.xray.solids import (
    X_AXIS,
    Y_AXIS,
    Z_AXIS,
    Triple,
    about_z,
    block,
    chain,
    disc,
    hollow,
    pick,
    rod,
    turned,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pistol:
    """The measures that a pistol's parts share. `half_` ones are half sizes."""

    length: float
    """Of slide or receiver."""
    half_height: float
    half_width: float
    slide: str
    """Material of the slide."""
    body: str
    """Material of the frame."""
    grip: float
    """Length of the grip."""
    half_depth: float
    """Of the grip, front to back."""
    lean: float
    """Of the grip, radians, its lower end backwards."""

    @property
    def floor(self) -> float:
        """Height of the frame's underside."""
        return -self.half_height - 11.0

    @property
    def grip_top(self) -> Vector:
        """(3,) where the grip's middle line starts."""
        return np.array([-self.length / 2 + self.half_depth + 8, self.floor + 6, 0])


def draw_pistol(rng: np.random.Generator) -> Pistol:
    """Measures from the smallest pocket automatic to the longest service pistol."""
    size = rng.beta(1.6, 1.3)
    return Pistol(
        length=110 + 110 * size + rng.normal(0, 6),
        half_height=rng.uniform(8.5, 13.5),
        half_width=8.5 + 4 * size + rng.uniform(0, 3.5),
        slide=pick(rng, "steel", "steel", "steel", "steel", "steel", "steel", "ti", "zinc", "al"),
        body=pick(rng, "polymer_frame", "polymer_frame", "nylon", "abs", "al", "steel", "steel"),
        grip=58 + 42 * size + rng.normal(0, 9),
        half_depth=16 + 7 * size + rng.uniform(-1.5, 3),
        lean=rng.uniform(0.08, 0.5),
    )


def barrel(rng: np.random.Generator, length: float, centre: Triple) -> list[Solid]:
    """A barrel along x with its bore and, mostly, a chamber block."""
    radius = rng.uniform(5.5, 8.2)
    x, y, z = centre
    bore = radius * rng.uniform(0.4, 0.68)
    solids = [
        rod(centre, radius, length / 2, "steel"),
        rod(centre, bore, length / 2, "air", replaces="steel"),
    ]
    if rng.random() < 0.75:
        half = rng.uniform(8, 15)
        spot = (x - length / 2 + half, y - radius, z)
        solids.append(block(spot, (half, rng.uniform(2, 5), radius * 0.8), "steel"))
    return solids


def slide(rng: np.random.Generator, pistol: Pistol, *, fitted: bool = True) -> list[Solid]:
    """A slide, closed or open on top, square or round; `fitted` with its barrel and spring."""
    reach, height, width = pistol.length / 2, pistol.half_height, pistol.half_width
    wall, metal = rng.uniform(3.0, 5.8), pistol.slide
    kind = pick(rng, "closed", "closed", "cut", "open", "round")
    solids: list[Solid] = []
    if kind == "open":
        rear = reach * rng.uniform(0.4, 0.65)
        solids += hollow(block((rear - reach, 0, 0), (rear, height, width), metal), wall)
        for side in (-1, 1):
            spot = (rear, -height * 0.35, side * (width - 2))
            solids.append(block(spot, (reach - rear, height * 0.6, 1.8), metal))
        solids.append(block((reach - 6, 0, 0), (6, height * 0.9, width), metal))
    elif kind == "round":
        solids += hollow(rod((0, 0, 0), height, reach, metal, flat=width / height), wall)
        solids.append(block((0, -height * 0.6, 0), (reach, height * 0.35, width * 0.9), metal))
    else:
        solids += hollow(block((0, 0, 0), (reach, height, width), metal), wall)
        if kind == "closed":
            solids.append(_port(rng, pistol, wall))
    for k in range(int(rng.integers(1, 4)) if kind == "cut" else 0):
        # Carved from the side walls alone: the cavity between them is already empty.
        for side in (-1, 1):
            spot = (reach * 0.85 - 20.0 * k, 0, side * (width - wall / 2))
            solids.append(block(spot, (6, height * 0.6, wall / 2), "air", replaces=metal))
    gap, tilt = rng.uniform(3, 5.5), about_z(rng.uniform(-0.3, 0.3))
    for k in range(int(rng.integers(0, 8))):
        spot = (8 - reach + gap * k, 0, width)
        solids.append(block(spot, (0.9, height * 0.8, 0.7), metal, rotation=tilt))
    rise = rng.uniform(1, 4)
    solids.append(block((reach - 7, height + rise, 0), (rng.uniform(1, 6), rise, 1.6), metal))
    solids.append(block((9 - reach, height + rise, 0), (rng.uniform(3, 9), rise, 6), metal))
    if not fitted:
        return solids
    length = pistol.length * rng.uniform(0.5, 0.72)
    out = float(rng.choice([0.0, 1.0, rng.uniform(5, 22)]))
    solids += barrel(rng, length, (reach + out - length / 2, 1, 0))
    spring = rod((reach * 0.35, -height * 0.55, 0), rng.uniform(2, 3.6), reach * 0.5, "steel")
    return [*solids, spring]


def _port(rng: np.random.Generator, pistol: Pistol, wall: float) -> Solid:
    """The ejection port in the right wall of a slide."""
    spot = (rng.uniform(-0.1, 0.25) * pistol.length / 2, pistol.half_height * 0.4,
            pistol.half_width - wall / 2)  # fmt: skip
    half = (rng.uniform(12, 20), pistol.half_height * 0.5, wall / 2)
    return block(spot, half, "air", replaces=pistol.slide)


def frame(rng: np.random.Generator, pistol: Pistol, *, solid: bool = False) -> list[Solid]:
    """A frame with grip, guard, trigger, pins; `solid`: unfinished, its cavities still filled."""
    share = rng.uniform(0.6, 1.0) if rng.random() < 0.75 else rng.uniform(0.4, 0.6)
    half, body = pistol.length * share / 2, pistol.body
    metal = body in ("steel", "zinc", "al")
    width = pistol.half_width * rng.uniform(0.85, 1.05)
    rail = block((half - pistol.length / 2, pistol.floor + 6, 0), (half, 6, width), body)
    solids = [rail] if solid else hollow(rail, rng.uniform(2.2, 3.4) if metal else 4.2)
    solids += grip(rng, pistol, solid=solid)
    top = pistol.grip_top
    front, span = top[0] + pistol.half_depth - 3, rng.uniform(34, 48)
    drop, square = rng.uniform(20, 30), rng.uniform(0.05, 0.35)
    floor = pistol.floor
    line = np.array([
        [front - 4, floor - drop * 0.5, 0], [front + span * square, floor - drop, 0],
        [front + span * (1 - square), floor - drop, 0], [front + span, floor, 0],
    ])  # fmt: skip
    wire = rng.uniform(1.8, 2.8) if metal else rng.uniform(2.8, 4.2)
    solids += chain(line, wire, body)
    if solid:
        return solids
    spot = (front + span * rng.uniform(0.35, 0.6), floor - drop * 0.35, 0)
    lever = pick(rng, "steel", "steel", body)
    bent = about_z(rng.uniform(-0.1, 0.4))
    solids.append(block(spot, (2.2, drop * 0.42, 3.2), lever, rotation=bent))
    for x in rng.uniform(-pistol.length * 0.45, pistol.length * 0.15, int(rng.integers(1, 5))):
        solids.append(rod((x, floor + 5, 0), rng.uniform(1.4, 2.6), width, "steel", axis=Z_AXIS))
    if rng.random() < 0.6:
        hammer = (-pistol.length / 2 - 2, -pistol.half_height * 0.4, 0)
        size = (rng.uniform(3, 6), rng.uniform(6, 10), 3.5)
        solids.append(block(hammer, size, "steel", rotation=about_z(rng.uniform(0.1, 0.8))))
    if rng.random() < 0.5:
        tail = (-pistol.length / 2 - 4, floor + 4, 0)
        solids.append(block(tail, (9, 3, width * 0.8), body, rotation=about_z(-0.35)))
    return solids


def grip(rng: np.random.Generator, pistol: Pistol, *, solid: bool = False) -> list[Solid]:
    """A hollow shell, metal straps with panels on them, or a moulded shape of rounded steps."""
    depth, length, body = pistol.half_depth, pistol.grip, pistol.body
    width = rng.uniform(9.5, 16)
    shell = block((0, -length / 2, 0), (depth, length / 2, width), body)
    panel = pick(rng, "wood", "wood", "rubber", "nylon", "pmma", "al", "abs")
    solids: list[Solid]
    if solid:
        solids = hollow(shell, 9.0)
    elif body in ("steel", "al", "zinc", "ti"):
        thick = rng.uniform(1.4, 2.6)
        solids = []
        for x in (-depth, depth):
            solids.append(block((x, -length / 2, 0), (thick, length / 2, width * 0.7), body))
        for side in (-1, 1):
            spot = (0, -length * 0.52, side * width * 0.85)
            half = (depth * 0.9, length * 0.44, rng.uniform(1.8, 4.2))
            solids.append(block(spot, half, panel))
            solids.append(
                block((0, -length / 2, side * width * 0.5), (depth, length / 2, 0.8), body)
            )
        for y in (0.2, 0.8):
            solids.append(disc((0, -length * y, 0), 2.4, width, "steel"))
    elif rng.random() < 0.5:
        solids = hollow(shell, rng.uniform(2.6, 4.6))
    else:
        solids, steps = [], int(rng.integers(3, 6))
        swell = rng.uniform(-0.12, 0.15, steps)
        step = length / steps
        for k in range(steps):
            radius = depth * (1 + swell[k])
            centre = (rng.uniform(-1.5, 1.5), -step * (k + 0.5), 0)
            one = rod(centre, radius, step / 2, body, axis=Y_AXIS, flat=width / radius)
            cavity = rod(centre, radius - 4, step / 2, "air", axis=Y_AXIS, replaces=body,
                         flat=(width - 4) / (radius - 4))  # fmt: skip
            solids += [one, cavity]
    if not solid and rng.random() < 0.6:
        line = (-depth * 0.65, -length * 0.45, 0)
        solids.append(rod(line, 2.4, length * 0.35, "steel", axis=Y_AXIS))
    return turned(solids, about_z(-pistol.lean), pistol.grip_top)


def magazine(rng: np.random.Generator, pistol: Pistol, *, inserted: bool = True) -> list[Solid]:
    """A box for the pistol's grip, perhaps with rounds: brass over lead."""
    over = float(rng.choice([0.0, rng.uniform(0, 12), rng.uniform(15, 60)], p=[0.4, 0.4, 0.2]))
    solids = rounds_box(rng, pistol.grip + over, pistol.half_depth * rng.uniform(0.55, 0.75))
    if not inserted:
        return turned(solids, shift=(0, pistol.grip / 2, 0))
    return turned(solids, about_z(-pistol.lean), pistol.grip_top)


def rounds_box(
    rng: np.random.Generator, length: float, half_depth: float, bend: float = 0.0
) -> list[Solid]:
    """A magazine hanging down from the origin; `bend` (radians per 100 mm) curves it forwards."""
    wide = bool(rng.random() < 0.5)
    width = rng.uniform(9, 11.5) if wide else rng.uniform(5.5, 8)
    case = pick(rng, "steel", "steel", "steel", "polymer_frame", "al")
    wall = 1.8 if case == "polymer_frame" else rng.uniform(0.6, 1.1)
    parts = 1 if bend == 0 else 4
    solids: list[Solid] = []
    step, spot, turn = length / parts, np.zeros(3), 0.0
    for _ in range(parts):
        rotation = about_z(turn)
        middle = spot + rotation @ np.array([0, -step / 2, 0])
        shell = block(middle, (half_depth, step / 2, width), case, rotation=rotation)
        solids += hollow(shell, wall)
        spot, turn = spot + rotation @ np.array([0, -step, 0]), turn + bend * step / 100
    if rng.random() < 0.8:
        solids.append(block(spot, (half_depth + 2, 2.5, width + 1), pick(rng, "abs", "steel")))
    if bend:
        return solids
    pitch, radius = rng.uniform(5.0, 6.0) if wide else rng.uniform(7, 9.5), rng.uniform(2.8, 5.6)
    radius = min(radius, pitch * (0.9 if wide else 0.48), width - wall)
    room = int((length - 18) / pitch)
    for k in range(int(rng.integers(1, min(room, 13) + 1)) if rng.random() < 0.5 else 0):
        z = (width - radius - wall) * (-1) ** k if wide else 0.0
        x, y = -half_depth * 0.3, -6 - pitch * k
        solids.append(rod((x, y, z), radius, half_depth * 0.55, "brass"))
        tip = pick(rng, "lead", "lead", "copper")
        solids.append(rod((x + half_depth * 0.8, y, z), radius * 0.85, half_depth * 0.25, tip))
    for k in range(int(rng.integers(3, 7))):
        tilt = about_z(0.25 * (-1) ** k)
        coil = (half_depth * 0.7, 0.6, width * 0.5)
        solids.append(block((0, 6 - length + 4.5 * k, 0), coil, "steel", rotation=tilt))
    return solids


def suppressor(rng: np.random.Generator, centre: Triple, length: float) -> list[Solid]:
    """A tube with baffles across it."""
    metal, radius = pick(rng, "steel", "al", "ti"), rng.uniform(13, 20)
    solids = hollow(rod(centre, radius, length / 2, metal), rng.uniform(1.2, 2.5))
    count = int(rng.integers(4, 10))
    for x in np.linspace(-0.42, 0.42, count) * length:
        spot = np.asarray(centre, float) + np.array([x, 0, 0])
        solids.append(rod(spot, radius - 1.5, rng.uniform(0.8, 1.6), metal, axis=X_AXIS))
    return solids


def accessories(rng: np.random.Generator, pistol: Pistol) -> list[Solid]:
    """Any of a red-dot sight, a light or laser under the barrel, a suppressor, a compensator."""
    solids: list[Solid] = []
    reach, top = pistol.length / 2, pistol.half_height
    if rng.random() < 0.25:
        x, tall = rng.uniform(-0.75, -0.2) * reach, rng.uniform(8, 14)
        solids.append(block((x, top + 3, 0), (rng.uniform(15, 24), 3, 11), "al"))
        solids += hollow(block((x + 10, top + 6 + tall, 0), (4, tall, 12), "al"), 2.0)
        solids.append(block((x + 10, top + 6 + tall, 0), (1, tall - 2.5, 9), "glass"))
        solids.append(disc((x - 6, top + 4, 0), 8, 1.6, "liion"))
    if rng.random() < 0.25 and pistol.length > 150:
        half, radius = rng.uniform(20, 36), rng.uniform(8, 13)
        spot = (reach - half - rng.uniform(-8, 10), pistol.floor - radius, 0)
        solids += hollow(rod(spot, radius, half, pick(rng, "al", "nylon")), 2.0)
        cell = rod(spot, radius * 0.6, half * 0.6, pick(rng, "liion", "alkaline"))
        solids += [cell, rod((spot[0] + half, spot[1], 0), radius, 1.2, "glass")]
    if (device := rng.random()) < 0.12:
        length = rng.uniform(70, 125)
        solids += suppressor(rng, (reach + length / 2, 1, 0), length)
    elif device < 0.2:
        size = (rng.uniform(10, 20), top * 0.9, pistol.half_width * 0.9)
        solids += hollow(block((reach + size[0], 0, 0), size, pick(rng, "steel", "al")), 4.0)
    return solids
