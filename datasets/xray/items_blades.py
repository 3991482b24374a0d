"""Knives and scissors: which design is drawn, and those kept for evaluation. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray import items_knives, items_scissors
from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    Z_AXIS,
    Variety,
    about_x,
    about_z,
    block,
    chain,
    disc,
    hollow,
    model,
    pick,
    ring,
    rod,
    scaled,
    turned,
)

LIMIT_MM = np.array([325.0, 228.0, 118.0])
"""Longest size of an article along x, y and z, so that it fits into a parcel."""
MOST_SOLIDS = 110


def knife(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A blade of steel; unseen: a cleaver, a folding knife, or a ceramic blade."""
    if variety == "unseen":
        designs = (_cleaver, _folding_knife, _ceramic_knife)
        solids = designs[int(rng.integers(3))](rng)
        return scaled(model("knife", solids), rng.uniform(0.85, 1.15))
    while True:
        form = items_knives.FORMS[int(rng.choice(len(items_knives.FORMS), p=items_knives.SHARES))]
        article = _wrapped(rng, model("knife", form(rng)))
        if len(article.solids) <= MOST_SOLIDS and (article.size_mm <= LIMIT_MM).all():
            return article


def scissors(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Two pivoted blades with loops; unseen: snips with a spring, or tailor's shears."""
    if variety == "unseen":
        solids = _snips(rng) if rng.random() < 0.5 else _tailor_shears(rng)
        return scaled(model("scissors", solids), rng.uniform(0.85, 1.2))
    while True:
        forms = items_scissors.FORMS
        form = forms[int(rng.choice(len(forms), p=items_scissors.SHARES))]
        article = _wrapped(rng, model("scissors", form(rng)))
        if len(article.solids) <= MOST_SOLIDS and (article.size_mm <= LIMIT_MM).all():
            return article


def _wrapped(rng: np.random.Generator, article: Model) -> Model:
    """One in eight comes wrapped in cloth, paper, bubble film or metal foil."""
    if rng.random() > 0.12:
        return article
    walls = {"textile_cotton": 1.4, "paper": 0.3, "pe_foam": 3.0, "al": 0.06}
    stuff = pick(rng, *walls)
    half = article.size_mm / 2 + walls[stuff] + 0.3
    return model(
        article.name, [*article.solids, *hollow(block((0, 0, 0), half, stuff), walls[stuff])]
    )


def _blade(
    length: float,
    width: float,
    thickness: float,
    material: str = "steel",
    *,
    tip: float = 0.55,
) -> list[Solid]:
    """A blade along +x from the origin, its edge to -y, ground thinner towards the edge."""
    body, half = length * 0.72, width / 2
    solids = [
        block((body / 2, half * 0.3, 0), (body / 2, half * 0.7, thickness / 2), material),
        block((body / 2, -half * 0.55, 0), (body / 2, half * 0.4, thickness / 4), material),
    ]
    # Ever narrower strips, so that the outline runs to a point.
    steps = 9
    for k in range(steps):
        share = (1 - (k + 0.5) / steps) ** tip
        x = body + (length - body) * (k + 0.5) / steps
        step = (length - body) / steps / 2 + 0.2
        low = half - width * share
        centre = (half + low) / 2
        solids.append(block((x, centre, 0), (step, (half - low) / 2, thickness * 0.36), material))
    return solids


def _handle(
    rng: np.random.Generator, length: float, width: float, material: str, rivets: int
) -> list[Solid]:
    solids = [
        block((-length / 2, 0, 0), (length / 2, width / 2, 7.5), material),
        rod((-length, 0, 0), width / 2, 7.4, material, axis=Z_AXIS),
        block(
            (-length * 0.46, 0, 0),
            (length * 0.44, width * 0.32, 1.3),
            "steel",
            replaces=material,
        ),
    ]
    spots = np.linspace(0.15, 0.85, rivets)
    metal = pick(rng, "brass", "steel")
    solids += [disc((-length * s, 0, 0), 2.6, 7.8, metal) for s in spots]
    return solids


def _cleaver(rng: np.random.Generator) -> list[Solid]:
    length, width = rng.uniform(150, 190), rng.uniform(70, 95)
    blade = block((length / 2, -width * 0.28, 0), (length / 2, width / 2, 1.5), "steel")
    hole = disc((length - 16, width * 0.08, 0), 6, 1.5, "air", replaces="steel")
    edge = block((length / 2, -width * 0.79, 0), (length / 2, 3, 0.7), "steel")
    return [blade, hole, edge, *_handle(rng, 115, 26, pick(rng, "wood", "pp"), 2)]


def _folding_knife(rng: np.random.Generator) -> list[Solid]:
    """Folded, half open or open, between scales with steel liners."""
    length = rng.uniform(88, 112)
    opening = float(rng.choice([0.06, 1.2, 2.4, 3.1]))
    blade = turned(_blade(length * 0.84, 19, 2.4), about_z(np.pi - opening), (4, 0, 0))
    scale = pick(rng, "al", "abs", "wood")
    solids = [*blade, disc((2, 0, 0), 5, 7, "steel")]
    for side in (-1, 1):
        solids.append(block((-length / 2, 0, side * 4.8), (length / 2 + 4, 11, 1.8), scale))
        solids.append(block((-length / 2, 0, side * 2.4), (length / 2, 9, 0.6), "steel"))
    solids += [disc((-length * s, 6, 0), 1.8, 6.2, "steel") for s in (0.3, 0.62, 0.94)]
    solids.append(block((-length * 0.5, 0, 7.2), (22, 2.5, 0.7), "steel"))
    return solids


def _ceramic_knife(rng: np.random.Generator) -> list[Solid]:
    return [
        *_blade(rng.uniform(85, 140), rng.uniform(22, 32), 2.2, "ceramic", tip=0.8),
        block((-48, 0, 0), (52, 10, 8), "pp"),
        rod((-100, 0, 0), 10, 8, "pp", axis=Z_AXIS),
    ]


def _tailor_shears(rng: np.random.Generator) -> list[Solid]:
    reach, opening = rng.uniform(110, 150), rng.uniform(0.05, 0.3)
    solids: list[Solid] = [disc((0, 0, 0), 6, 5, "steel")]
    for side, loop in ((-1, (30.0, 16.0)), (1, (17.0, 14.0))):
        arm = [
            *turned(_blade(reach, 20, 4), about_x(0 if side > 0 else np.pi)),
            block((-25, side * -4, 0), (28, 7, 3), "steel", rotation=about_z(side * 0.25)),
            *ring((-50 - loop[0], side * -18, 0), loop, 4.2, "steel", segments=14),
        ]
        solids += turned(arm, about_z(side * opening / 2), (0, 0, side * 2.1))
    return solids


def _snips(rng: np.random.Generator) -> list[Solid]:
    """Garden snips: short blades, long sleeved handles without loops, a coil spring between."""
    reach, opening = rng.uniform(45, 65), rng.uniform(0.25, 0.5)
    solids: list[Solid] = [disc((0, 0, 0), 7, 6, "steel")]
    for side in (-1, 1):
        line = np.array([[-6, 0, 0], [-40, side * -9, 0], [-80, side * -11, 0], [-125, -side, 0]])
        arm = [
            *turned(_blade(reach, 18, 4), about_x(0 if side > 0 else np.pi)),
            *chain(line.astype(float), 7.5, "pvc", core="steel", core_radius=3.0),
        ]
        solids += turned(arm, about_z(side * opening / 2), (0, 0, side * 2))
    coil = np.linspace(0, 5 * 2 * np.pi, 26)
    spring = np.stack([-30 + 4 * np.cos(coil), np.linspace(-9, 9, 26), 4 * np.sin(coil)], axis=1)
    return [*solids, *chain(spring, 0.9, "steel")]
