"""Powder in bags, pouches, jars and boxes of any outline. Lengths in mm."""

from collections.abc import Callable

import numpy as np

from parcelscope.datasets.xray.items_powder_body import POWDERS, bag_half, creases, powder_body
from parcelscope.datasets.xray.items_wrapper import (
    band,
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
from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Z_AXIS,
    about_x,
    about_y,
    about_z,
    ball,
    block,
    hollow,
    pick,
    rod,
    spread,
    turned,
    vector,
)


def familiar_powder_bag(rng: np.random.Generator) -> Model:
    """Powder in a bag or another wrapping that is easily filled."""
    form = FORMS[int(rng.choice(len(FORMS), p=FORM_SHARES))]
    solids = form(rng)
    if rng.random() < 0.12:
        solids += band(rng, solids)
    return finished(rng, "powder_bag", solids)


def _closed_bag(rng: np.random.Generator) -> list[Solid]:
    """A press-seal or welded bag, in one or two layers, perhaps folded over or rolled up."""
    half, powder = bag_half(rng), pick(rng, *POWDERS)
    solids = powder_body(rng, half, powder, lumps=int(rng.integers(0, 9)))
    if rng.random() < 0.35:
        # All of it has slid to the bottom of the bag.
        foot = half * (0.45, 0.8, 0.35)
        solids.append(ball((-half[0] * 0.45, 0, 0), foot, powder, texture=9, amplitude=0.1))
    solids += creases(rng, half, "pe")
    for _ in range(1 + int(rng.random() < 0.3)):
        solids += zip_bag(rng, solids)
    if rng.random() < 0.25:
        flap = half * (rng.uniform(0.3, 0.7), 0.95, 0)
        solids.append(block((half[0] - flap[0], 0, half[2] * 0.9), (*flap[:2], 0.2), "pe",
                            texture=4, amplitude=0.6))  # fmt: skip
    return solids


def _thin_sachet(rng: np.random.Generator) -> list[Solid]:
    """A flat, even layer in a sachet or a letter."""
    half = np.array([rng.uniform(35, 115), rng.uniform(25, 75), rng.uniform(3, 7)])
    solids = powder_body(rng, half, pick(rng, *POWDERS), lumps=int(rng.integers(0, 7)))
    solids += sachet(rng, solids, pick(rng, "paper", "paper", "al", "pe", "pet"))
    return solids + creases(rng, half, "paper")


def _knotted(rng: np.random.Generator) -> list[Solid]:
    """A bag gathered above its content and tied: a ball, a drop or a pear."""
    radius = rng.uniform(16, 52)
    half = radius * np.array([rng.uniform(0.8, 1.4), rng.uniform(0.8, 1.1), rng.uniform(0.6, 1.0)])
    half = np.minimum(half, (75, 58, 45))
    powder = pick(rng, *POWDERS)
    rough = rng.uniform(0.03, 0.12)
    solids = [ball((0, 0, 0), half, powder, texture=int(rng.integers(40)), amplitude=rough)]
    for _ in range(int(rng.integers(0, 5))):
        lump = half * rng.uniform(0.2, 0.45, 3)
        solids.append(ball(spread(rng, (half - lump) * 0.8), lump, powder, texture=6,
                           amplitude=rough))  # fmt: skip
    neck = half[0] * rng.uniform(0.25, 0.6)
    solids.append(ball((half[0] * 0.85, 0, 0), (neck, half[1] * 0.4, half[2] * 0.4), powder))
    if rng.random() < 0.35:
        solids += film_wrap(rng, solids, "pe")
    return solids + knot(rng, vector(half[0] * 0.85 + neck + 3, 0, 0))


def _sausage(rng: np.random.Generator) -> list[Solid]:
    """A tube of film, tied or taped at its ends; straight, bent or in links."""
    radius, length = rng.uniform(8, 28), rng.uniform(70, 260)
    parts = int(rng.integers(3, 9))
    powder, bend = pick(rng, *POWDERS), rng.uniform(-0.9, 0.9) * (rng.random() < 0.6)
    step = length / parts
    gap = rng.uniform(0.75, 1.15)
    solids: list[Solid] = []
    at, heading = np.zeros(3), -bend / 2
    for k in range(parts):
        turn = about_z(heading)
        thick = radius * rng.uniform(0.85, 1.1)
        middle = at + turn @ vector(step / 2, 0, 0)
        if gap < 0.95:
            solids.append(rod(middle, thick * 0.85, step / 2, powder, axis=turn @ vector(1, 0, 0),
                              texture=k, amplitude=0.06))  # fmt: skip
        else:
            solids.append(ball(middle, (step * 0.62, thick, thick * 0.9), powder, rotation=turn,
                               texture=k, amplitude=0.08))  # fmt: skip
        at, heading = at + turn @ vector(step, 0, 0), heading + bend / parts
    end = turned(knot(rng, vector(4, 0, 0)), about_z(heading), at)
    start = turned(knot(rng, vector(4, 0, 0)), about_z(np.pi - bend / 2))
    return [*solids, *end, *(start if rng.random() < 0.6 else [])]


def _pouch(rng: np.random.Generator) -> list[Solid]:
    """A stand-up pouch of laminate: thick at its foot, thin and sealed at the top."""
    half = np.array([rng.uniform(45, 105), rng.uniform(35, 75), rng.uniform(12, 38)])
    powder, film = pick(rng, *POWDERS), pick(rng, "al", "al", "pet", "paper", "pe")
    level = rng.uniform(0.35, 0.85)
    solids: list[Solid] = []
    mounds = int(rng.integers(3, 6))
    depth = 2 * half[0] * level
    for k in range(mounds):
        along = k / (mounds - 1)
        reach = depth * rng.uniform(0.35, 0.5)
        x = -half[0] + reach + along * (depth - 2 * reach)
        thick = half[2] * (1 - 0.8 * along) * rng.uniform(0.9, 1.1) * 2 / mounds
        wide = half[1] * rng.uniform(0.9, 1.0)
        y = rng.uniform(-1, 1) * (half[1] - wide)
        solids.append(ball((x, y, 0), (reach, wide, thick), powder, texture=k, amplitude=0.06))
    thin = {"al": 0.03, "paper": 0.12}.get(film, 0.09)
    for side in (-1, 1):
        slope = np.arctan2(half[2] * 0.7, 2 * half[0])
        solids.append(block((0, 0, side * half[2] * 0.55), (half[0] + 2, half[1] + 4, thin), film,
                            rotation=about_y(side * slope), texture=5, amplitude=0.4))  # fmt: skip
        solids.append(block((0, side * (half[1] + 2), 0), (half[0] + 2, 3, 4 * thin), film))
    top = half[0] - rng.uniform(0, 0.2) * half[0]
    solids.append(block((top, 0, 0), (rng.uniform(1, 3), half[1] + 3, rng.uniform(0.3, 1)), "pe"))
    solids.append(block((half[0], 0, 0), (4, half[1] + 3, 3 * thin), film))
    return solids


def _vacuum_pack(rng: np.random.Generator) -> list[Solid]:
    """An irregular lump under vacuum: flat facets at all angles, hard creases, welded rim."""
    half = np.array([rng.uniform(38, 95), rng.uniform(28, 65), rng.uniform(9, 30)])
    powder = pick(rng, *POWDERS)
    facets = int(rng.integers(3, 8))
    solids = [ball((0, 0, 0), half * (1, 1, 0.6), powder, texture=1, amplitude=0.08)]
    for k in range(facets):
        # Small enough that no corner stands out of the lump, however it is turned.
        size = half[1] * rng.uniform(0.25, 0.6, 3)
        size[2] = half[2] * rng.uniform(0.08, 0.22)
        tilt = about_x(rng.normal(0, 0.15)) @ about_y(rng.normal(0, 0.15))
        free = np.maximum(half - float(np.hypot(size[0], size[1])), 0.0)
        spot = spread(rng, (free[0] * 0.8, free[1] * 0.8, half[2] * 0.3))
        solids.append(block(spot, size, powder, rotation=about_z(rng.uniform(0, 3)) @ tilt,
                            texture=k + 2, amplitude=0.07))  # fmt: skip
    film = pick(rng, "nylon", "pe", "al")
    thin = 0.05 if film == "al" else 0.12
    rim = half[:2] + rng.uniform(6, 20, 2)
    solids += [block((0, 0, z), (*rim, thin), film, texture=7, amplitude=0.5) for z in (-1, 1)]
    for side in (-1, 1):
        solids.append(block((side * (rim[0] - 4), 0, 0), (2.5, rim[1], 3 * thin), film))
    return solids + creases(rng, half, film) + creases(rng, half, film)


def _paper_bag(rng: np.random.Generator) -> list[Solid]:
    """A paper bag with a block bottom and a folded top, full or partly used, perhaps lying."""
    half = np.array([rng.uniform(28, 52), rng.uniform(20, 36), rng.uniform(35, 58)])
    powder = pick(rng, "flour", "flour", "sugar", "salt", "organic_powder", "talc")
    fill = rng.uniform(0.4, 0.95)
    body = half * (0.93, 0.93, fill)
    foot = (0.0, 0.0, -half[2] * (1 - fill))
    solids = [block(foot, body, powder, texture=2, amplitude=rng.uniform(0.02, 0.08))]
    mound = (body[0] * 0.8, body[1] * 0.8, half[2] * 0.12)
    solids.append(ball((0, 0, half[2] * (2 * fill - 1)), mound, powder))
    skin = hollow(block((0, 0, 0), half, "paper"), rng.uniform(0.15, 0.35))
    for k in range(int(rng.integers(1, 4))):
        fold = (half[0] * rng.uniform(0.85, 1), half[1] * rng.uniform(0.3, 0.8), 0.3)
        skin.append(block((0, rng.normal(0, 3), half[2] + k * 0.7), fold, "paper"))
    for side in (-1, 1):
        skin.append(block((side * half[0], 0, half[2] * 0.2), (0.5, half[1] * 0.8, 0.8), "paper"))
    solids = [*skin, *solids, *creases(rng, half, "paper")]
    if rng.random() < 0.7:
        solids = turned(solids, about_y(np.pi / 2) @ about_z(rng.choice([0, np.pi / 2])))
    return solids


def _jar(rng: np.random.Generator) -> list[Solid]:
    """A jar, tub, tin or bottle with powder up to some level, perhaps with a scoop."""
    radius, height = rng.uniform(14, 50), rng.uniform(30, 105)
    material = pick(rng, "pe", "pp", "pet", "glass", "steel", "al")
    solids, room = jar(rng, radius, height, material)
    powder, fill = pick(rng, *POWDERS), rng.uniform(0.3, 0.98)
    lying = rng.random() < 0.5
    body = room * (0.98, 0.98, fill)
    low = -room[2] * (1 - fill)
    solids.append(rod((0, 0, low), body[0], body[2], powder, axis=Z_AXIS, texture=4,
                      amplitude=0.04))  # fmt: skip
    if fill < 0.85:
        heap = (room[0] * 0.7, room[1] * 0.6, room[2] * min(0.12, 1 - fill))
        spot = (rng.uniform(-0.2, 0.2) * room[0], 0, low + body[2])
        solids.append(ball(spot, heap, powder))
    if rng.random() < 0.2:
        solids.append(block((0, 0, low + body[2]), (room[0] * 0.6, 4, 1.2), "pp"))
    if lying:
        solids = turned(solids, about_y(np.pi / 2))
    return solids


def _hidden_in_box(rng: np.random.Generator) -> list[Solid]:
    """A bag inside a folding box, a tin or a hollowed book or block."""
    half = np.array([rng.uniform(28, 75), rng.uniform(22, 50), rng.uniform(7, 24)])
    powder = pick(rng, *POWDERS)
    solids = powder_body(rng, half, powder, lumps=int(rng.integers(1, 6)))
    solids += film_wrap(rng, solids, "pe")
    middle, reach = extent(solids)
    style = rng.random()
    if style < 0.45:
        return solids + paper_box(rng, solids, slack=12)
    solids = turned(solids, shift=-middle)
    if style < 0.7:
        material = pick(rng, "steel", "pp", "abs", "wood")
        wall = {"steel": 0.25, "wood": 3.0}.get(material, 1.6)
        return [*box_vessel(reach + wall + rng.uniform(1, 8), wall, material), *solids]
    material = pick(rng, "paper", "wood", "foam", "textile_poly")
    outer = reach + rng.uniform((8, 8, 2), (22, 22, 6))
    shell = block((0, 0, 0), outer, material)
    hole = block((0, 0, 0), reach + 0.5, "air", replaces=material)
    return [shell, hole, *solids]


def _several(rng: np.random.Generator) -> list[Solid]:
    """Two to four bags of different sizes, side by side or on each other, loosely."""
    solids: list[Solid] = []
    piled = rng.random() < 0.4
    along = 0.0
    powder = pick(rng, *POWDERS)
    for _ in range(int(rng.integers(2, 5))):
        half = np.exp(rng.uniform(np.log(20), np.log(46))) * np.array(
            [1, rng.uniform(0.6, 1), rng.uniform(0.18, 0.45)]
        )
        bag = powder_body(rng, half, powder, lumps=int(rng.integers(0, 5)))
        if rng.random() < 0.5:
            bag += zip_bag(rng, bag)
        else:
            bag += knot(rng, vector(half[0] + 2, 0, 0))
        bag = turned(bag, about_z(rng.uniform(0, 2 * np.pi)) @ about_x(rng.normal(0, 0.1)))
        middle, reach = extent(bag)
        side = vector(along + reach[0], rng.normal(0, 20), 0)
        if piled:
            side = vector(rng.normal(0, 12), rng.normal(0, 12), along + reach[2])
        solids += turned(bag, shift=side - middle)
        along += 2 * float(reach[2] if piled else reach[0]) * rng.uniform(0.8, 1.0)
        if rng.random() < 0.3:
            powder = pick(rng, *POWDERS)
    return solids


FORMS: tuple[Callable[[np.random.Generator], list[Solid]], ...] = (
    _closed_bag, _thin_sachet, _knotted, _sausage, _pouch, _vacuum_pack, _paper_bag, _jar,
    _hidden_in_box, _several,
)  # fmt: skip
FORM_SHARES = (0.26, 0.09, 0.13, 0.08, 0.1, 0.1, 0.07, 0.07, 0.05, 0.05)
