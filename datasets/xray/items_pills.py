"""Loose tablets and capsules in bags, bottles, tubes, tins and boxes. Lengths in mm."""

from collections.abc import Callable

import numpy as np

from parcelscope.datasets.xray.items_tablet import Dose, a_dose, a_lozenge, dose_solids, heap
from parcelscope.datasets.xray.items_wrapper import (
    box_vessel,
    extent,
    film_wrap,
    finished,
    jar,
    knot,
    paper_box,
    sachet,
    zip_bag,
)
from parcelscope.datasets.xray.scene import Model, Shape, Solid, Vector
from parcelscope.datasets.xray.solids import (
    X_AXIS,
    about_x,
    about_y,
    about_z,
    ball,
    block,
    disc,
    hollow,
    pick,
    rod,
    turned,
    vector,
)

SPACES: tuple[Shape, ...] = ("box", "ellipsoid", "cylinder")


def familiar_loose_pills(rng: np.random.Generator) -> Model:
    """Tablets or hard capsules that lie loose in something."""
    form = FORMS[int(rng.choice(len(FORMS), p=FORM_SHARES))]
    return finished(rng, "loose_pills", form(rng))


def _kinds(rng: np.random.Generator, *, largest: float = 12.0) -> list[Dose]:
    """One kind most often, at times two to four mixed."""
    mixed = int(rng.integers(2, 5)) if rng.random() < 0.2 else 1
    return [a_dose(rng, largest=largest) for _ in range(mixed)]


def _count(rng: np.random.Generator, most: int = 400) -> int:
    """15 to `most`, evenly on a logarithmic scale."""
    return int(np.exp(rng.uniform(np.log(15), np.log(most))))


def _volume(kinds: list[Dose], count: int) -> float:
    """Space in mm3 that so many doses take when poured."""
    return count * float(np.mean([dose.volume_mm3 for dose in kinds])) / 0.55


def _flat_room(rng: np.random.Generator, volume: float, thick: float) -> Vector:
    """Half sizes (3,) of a heap of about `volume`, `thick` high, within a hand's reach."""
    area = volume / thick
    ratio = rng.uniform(1.0, 2.4)
    half = np.array([np.sqrt(area * ratio), np.sqrt(area / ratio), thick]) / 2
    return np.minimum(np.maximum(half, 6.0) + vector(6, 6, 0), (130, 90, 45))


def _flat_bag(rng: np.random.Generator) -> list[Solid]:
    """A heap spread one to four doses deep in a press-seal bag or a sachet."""
    kinds, count = _kinds(rng), _count(rng)
    thick = float(min(d.half_mm[2] for d in kinds)) * 2 * rng.uniform(1.3, 4.5) + 3
    room = _flat_room(rng, _volume(kinds, count) * rng.uniform(1.0, 1.8), thick)
    shape = SPACES[int(rng.integers(3))]
    solids = heap(rng, kinds, count, room, shape=shape, down=int(rng.integers(0, 3)))
    if rng.random() < 0.7:
        return solids + zip_bag(rng, solids)
    return solids + sachet(rng, solids, pick(rng, "paper", "paper", "al", "pe"))


def _bundle(rng: np.random.Generator) -> list[Solid]:
    """A ball in cling film, the corner of a bag, or foil: all doses pressed together."""
    kinds, count = _kinds(rng), _count(rng, 300)
    radius = (_volume(kinds, count) * 3 / (4 * np.pi)) ** (1 / 3)
    room = np.minimum(radius * rng.uniform(0.75, 1.3, 3) + 5, 52.0)
    solids = heap(rng, kinds, count, room, shape="ellipsoid", down=int(rng.integers(3)))
    middle, half = extent(solids)
    film = pick(rng, "pe", "pe", "pe", "al", "paper")
    if rng.random() < 0.6:
        return solids + knot(rng, middle + vector(half[0] + 2, 0, 0))
    return solids + film_wrap(rng, solids, film)


def _sausage(rng: np.random.Generator) -> list[Solid]:
    """A long bag, a glove's finger or a sock, filled with doses."""
    kinds, count = _kinds(rng), _count(rng, 350)
    radius = rng.uniform(9, 27)
    length = np.clip(_volume(kinds, count) / (np.pi * radius**2) + 14, 45, 250)
    room = np.array([radius, radius * rng.uniform(0.6, 1.0), length / 2])
    # Built upright, since a cylinder stands along z, then laid along x.
    solids = turned(heap(rng, kinds, count, room, shape="cylinder", down=2), about_y(np.pi / 2))
    middle, half = extent(solids)
    if rng.random() < 0.4:
        skin = ball(middle, half + rng.uniform(1.5, 4), pick(rng, "textile_cotton", "textile_poly"),
                    texture=8, amplitude=0.3)  # fmt: skip
        return [*hollow(skin, rng.uniform(1.0, 2.0)), *solids]
    return solids + knot(rng, middle + vector(half[0] + 3, 0, 0))


def _bottle(rng: np.random.Generator) -> list[Solid]:
    """A bottle, vial or tin with a cap, and perhaps cotton or a drying capsule."""
    kinds = _kinds(rng, largest=9.0)
    radius, height = rng.uniform(9, 37), rng.uniform(32, 105)
    material = pick(rng, "pe", "pe", "pp", "pet", "glass", "al", "steel")
    solids, room = jar(rng, radius, height, material)
    full = rng.uniform(0.2, 1.0)
    space = 8 * float(np.prod(room)) * np.pi / 4
    count = int(np.clip(full * space / _volume(kinds, 1), 8, 400))
    lying = rng.random() < 0.6
    solids += heap(rng, kinds, count, room, shape="cylinder", down=0 if lying else 2, drawn=60)
    if rng.random() < 0.4:
        wad = room * (0.9, 0.9, rng.uniform(0.1, 0.3))
        solids.append(ball((0, 0, room[2] - wad[2]), wad, "cotton_wool", texture=3, amplitude=0.4))
    if rng.random() < 0.4 and radius > 14:
        dryer = (rng.uniform(-0.3, 0.3) * radius, 0, room[2] * 0.5)
        solids += [disc(dryer, 6.5, 7, "pe"), disc(dryer, 5.3, 6, "talc", replaces="pe")]
    if lying:
        solids = turned(solids, about_y(np.pi / 2))
    if rng.random() < 0.25:
        solids += paper_box(rng, solids)
    return solids


def _tube(rng: np.random.Generator) -> list[Solid]:
    """Large tablets in single file: a tube with a stopper, or a roll in paper or film."""
    dose = a_lozenge(rng)
    flat = Dose(shape="disc", half_mm=np.full(3, dose.half_mm[0]) * (1, 1, 0.22),
                material=dose.material)  # fmt: skip
    count = int(rng.integers(6, 23))
    pitch = 2 * float(flat.half_mm[2]) + rng.uniform(0.1, 0.8)
    count = min(count, int(150 // pitch))
    solids: list[Solid] = []
    for k in range(count):
        turn = about_y(np.pi / 2 + rng.normal(0, 0.03))
        solids += dose_solids(flat, vector((k - (count - 1) / 2) * pitch, 0, 0), turn)
    radius, half = float(flat.half_mm[0]), count * pitch / 2
    if rng.random() < 0.6:
        shell = pick(rng, "pp", "pe", "al")
        wall = rng.uniform(0.7, 1.3) if shell != "al" else rng.uniform(0.3, 0.5)
        head = rng.uniform(2, 40)
        tube = rod((head / 2, 0, 0), radius + wall + 0.6, half + head / 2 + wall, shell)
        solids = [*hollow(tube, wall), *solids]
        cap = rod((half + head + 4, 0, 0), radius + wall + 1, 6, "pe")
        solids += [*hollow(cap, 1.2), rod((half + head + 4, 0, 0), radius * 0.7, 4, "salt")]
    else:
        solids += film_wrap(rng, solids, pick(rng, "paper", "al", "pe"))
    rows = int(rng.integers(1, 4)) if len(solids) < 28 else 1
    return [
        solid
        for k in range(rows)
        for solid in turned(solids, about_z(np.pi * int(rng.integers(2))),
                            (rng.normal(0, 2), k * (2 * radius + 5), 0))
    ]  # fmt: skip


def _organiser(rng: np.random.Generator) -> list[Solid]:
    """A box with compartments, each with a few doses, some empty."""
    columns, rows = (7, int(rng.integers(1, 5))) if rng.random() < 0.5 else (
        int(rng.integers(2, 7)), int(rng.integers(1, 4)))  # fmt: skip
    cell = rng.uniform(15, 30, 2)
    cell = np.minimum(cell, np.array([200, 130]) / (columns, rows))
    tall = rng.uniform(9, 24)
    kinds = [
        a_dose(rng, largest=float(cell.min()) / 2 - 1.5) for _ in range(int(rng.integers(1, 5)))
    ]
    wall = rng.uniform(0.6, 1.2)
    outer = np.array([columns * cell[0] / 2 + wall, rows * cell[1] / 2 + wall, tall / 2])
    material = pick(rng, "pp", "pp", "abs", "pmma")
    solids = box_vessel(outer, wall, material)
    for i in range(1, columns):
        x = (i - columns / 2) * cell[0]
        solids.append(block((x, 0, 0), (wall / 2, outer[1] - wall, tall / 2 - wall), material))
    for j in range(1, rows):
        y = (j - rows / 2) * cell[1]
        solids.append(block((0, y, 0), (outer[0] - wall, wall / 2, tall / 2 - wall), material))
    each = max(1, int(84 / (columns * rows) / 1.5))
    empty = rng.uniform(0, 0.5)
    for i in range(columns):
        for j in range(rows):
            if rng.random() < empty and (i or j):
                continue
            middle = vector((i + 0.5 - columns / 2) * cell[0], (j + 0.5 - rows / 2) * cell[1], 0)
            room = np.array([*(cell / 2 - wall), tall / 2 - wall])
            few = int(rng.integers(1, min(6, each) + 1))
            solids += turned(heap(rng, kinds, few, room, drawn=each), shift=middle)
    return solids[:118]


def _tin(rng: np.random.Generator) -> list[Solid]:
    """A flat tin, a matchbox or a small plastic case with doses in it."""
    kinds = _kinds(rng)
    half = np.array([rng.uniform(24, 62), rng.uniform(15, 42), rng.uniform(6, 17)])
    material = pick(rng, "steel", "al", "paper", "paper", "pp", "abs", "wood")
    wall = {"steel": 0.12, "al": 0.25, "paper": 0.4, "wood": 2.0}.get(material, 1.2)
    solids = box_vessel(half, wall, material)
    space = 8 * float(np.prod(half - wall))
    count = int(np.clip(rng.uniform(0.25, 0.95) * space / _volume(kinds, 1), 12, 400))
    solids += heap(rng, kinds, count, half - wall - 0.5, down=int(rng.choice([0, 2, 2])))
    if rng.random() < 0.3:
        solids.append(block((0, 0, half[2] * 0.8), (half[0] * 0.9, half[1] * 0.9, 0.2), "paper"))
    return solids


def _capsule_toy(rng: np.random.Generator) -> list[Solid]:
    """A plastic egg or a hollow ball with doses in it."""
    kinds = _kinds(rng, largest=8.0)
    half = np.array([rng.uniform(18, 34), rng.uniform(14, 22), 0])
    half[2] = half[1]
    shell = hollow(ball((0, 0, 0), half, pick(rng, "pp", "pe", "abs")), rng.uniform(0.8, 1.4))
    seam = rod((0, 0, 0), half[1] + 0.8, 1.5, shell[0].material, axis=X_AXIS)
    groove = rod((0, 0, 0), half[1] - 1.4, 1.5, "air", axis=X_AXIS, replaces=shell[0].material)
    count = _count(rng, 120)
    down = int(rng.integers(3))
    return [*shell, seam, groove,
            *heap(rng, kinds, count, half - 2, shape="ellipsoid", down=down)]  # fmt: skip


def _two_bags(rng: np.random.Generator) -> list[Solid]:
    """Two or three small bags, each with a kind of its own, on or beside each other."""
    solids: list[Solid] = []
    bags = int(rng.integers(2, 4))
    x = 0.0
    stacked = rng.random() < 0.4
    for _ in range(bags):
        kinds = [a_dose(rng)]
        count = _count(rng, 160)
        thick = float(kinds[0].half_mm[2]) * rng.uniform(3, 7) + 2
        room = np.minimum(_flat_room(rng, _volume(kinds, count) * 1.2, thick), (52, 60, 25))
        bag = heap(rng, kinds, count, room, shape="ellipsoid", drawn=96 // bags - 6)
        bag += zip_bag(rng, bag)
        middle, half = extent(bag)
        shift = vector(x + half[0], 0, 0)
        if stacked:
            shift = vector(rng.normal(0, 8), rng.normal(0, 8), x + half[2])
        turn = about_z(rng.normal(0, 0.3)) @ about_x(rng.normal(0, 0.05))
        solids += turned(turned(bag, shift=-middle), turn, shift)
        x += 2 * float(half[2] if stacked else half[0])
    return solids


FORMS: tuple[Callable[[np.random.Generator], list[Solid]], ...] = (
    _flat_bag, _bundle, _sausage, _bottle, _tube, _organiser, _tin, _capsule_toy, _two_bags,
)  # fmt: skip
FORM_SHARES = (0.28, 0.13, 0.08, 0.2, 0.06, 0.06, 0.08, 0.04, 0.07)
