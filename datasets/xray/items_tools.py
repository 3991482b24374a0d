"""Items of interest made of metal: handguns, knives, scissors. Lengths in mm."""

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid, Vector
from parcelscope.datasets.xray.solids import (
    Y_AXIS,
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

# A handgun lies on its side: the muzzle points to +x, the sights to +y, its width is along z.


def handgun(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A pistol (whole, or its parts in one bag); unseen: a revolver or a pocket pistol."""
    if variety == "unseen":
        solids = _revolver(rng) if rng.random() < 0.6 else _pocket_pistol(rng)
    elif rng.random() < 0.6:
        solids = [*_slide(rng), *_frame(rng), *_magazine(rng, inserted=True)]
    else:
        solids = _pistol_parts(rng)
    return scaled(model("handgun", solids), rng.uniform(0.88, 1.12))


def _slide(rng: np.random.Generator) -> list[Solid]:
    length = rng.uniform(165, 195)
    top = 16.0
    muzzle = length / 2
    solids = [
        *hollow(block((0, top, 0), (muzzle, 12, 12.5), "steel"), 4.6),
        *_barrel(length * 0.62, (muzzle - length * 0.31, top + 1, 0)),
        rod((muzzle * 0.3, top - 7, 0), 3.6, length * 0.24, "steel"),
        block((muzzle - 8, top + 13.6, 0), (2.5, 1.8, 1.4), "steel"),
        block((-muzzle + 9, top + 13.6, 0), (4, 2, 8), "steel"),
    ]
    for k in range(6):
        solids.append(block((-muzzle + 12 + 4 * k, top, 12.8), (1.0, 10, 0.8), "steel"))
    return solids


def _barrel(length: float, centre: tuple[float, float, float]) -> list[Solid]:
    return [
        rod(centre, 7.4, length / 2, "steel"),
        rod(centre, 4.5, length / 2, "air", replaces="steel"),
        block((centre[0] - length * 0.42, centre[1] - 2, 0), (12, 8, 6), "steel"),
    ]


def _frame(rng: np.random.Generator) -> list[Solid]:
    body = pick(rng, "polymer_frame", "polymer_frame", "al", "steel")
    lean = about_z(rng.uniform(0.22, 0.36))
    grip = block((-62, -46, 0), (24, 50, 14), body, rotation=lean)
    solids = [
        block((-5, 1, 0), (82, 6.5, 12.5), body),
        *hollow(grip, 4.2),
        *chain(_trigger_guard(), 4.0, body),
        block((-18, -13, 0), (2.6, 11, 3.2), "steel", rotation=about_z(0.25)),
        rod((-34, -2, 0), 2.2, 13, "steel", axis=Z_AXIS),
        rod((6, 0, 0), 2.2, 13, "steel", axis=Z_AXIS),
        block((-78, 6, 0), (7, 9, 4), "steel", rotation=about_z(-0.4)),
        rod((-70, -20, 0), 2.4, 32, "steel", axis=lean @ np.array(Y_AXIS)),
    ]
    if body == "steel":
        # A grip of solid steel plate would be a brick: the real one is a thin skeleton with panels.
        solids[2:3] = [block((-62, -46, 14), (22, 46, 2.5), "wood", rotation=lean)]
    return solids


def _trigger_guard() -> Vector:
    return np.array([[-38, -12, 0], [-34, -30, 0], [-18, -36, 0], [-2, -30, 0], [4, -6, 0]], float)


def _magazine(rng: np.random.Generator, *, inserted: bool) -> list[Solid]:
    """A box of sheet steel; the rounds in it are brass over lead."""
    solids = hollow(block((0, 0, 0), (14, 54, 10.5), "steel"), 1.0)
    rounds = int(rng.integers(0, 11)) if rng.random() < 0.6 else 0
    for k in range(rounds):
        y = 42 - 8.6 * k
        solids.append(rod((-1, y, 0), 4.9, 9.5, "brass"))
        solids.append(rod((9.5, y, 0), 4.4, 4.0, "lead"))
    solids.append(block((0, -56, 0), (17, 3, 12.5), "abs"))
    for k in range(5):
        solids.append(block((0, -50 + 6 * k, 0), (10, 0.8, 7), "steel"))
    if not inserted:
        return solids
    return turned(solids, about_z(0.28), (-62, -42, 0))


def _pistol_parts(rng: np.random.Generator) -> list[Solid]:
    """Slide, frame, barrel and magazine taken apart, lying beside each other."""
    gap = rng.uniform(2, 14, 4)
    groups = [
        turned(_slide(rng), about_z(rng.normal(0, 0.15)), (0, 58 + gap[0], 0)),
        turned(_frame(rng), about_z(rng.normal(0, 0.2)), (20, 0, 0)),
        turned(
            _magazine(rng, inserted=False), about_z(rng.normal(1.4, 0.4)), (20, -58 - gap[1], 4)
        ),
        turned(_barrel(105, (0, 0, 0)), about_z(rng.normal(0, 0.3)), (20, -84 - gap[2], 0)),
    ]
    keep = rng.random(4) < np.array([0.9, 0.85, 0.6, 0.6])
    keep[int(rng.integers(2))] = True
    return [solid for group, kept in zip(groups, keep, strict=True) if kept for solid in group]


def _revolver(rng: np.random.Generator) -> list[Solid]:
    barrel = rng.uniform(55, 150)
    chambers = int(rng.integers(5, 8))
    solids = [
        rod((28 + barrel / 2, 14, 0), 8.6, barrel / 2, "steel"),
        rod((28 + barrel / 2, 14, 0), 4.6, barrel / 2, "air", replaces="steel"),
        block((28 + barrel * 0.45, 3, 0), (barrel * 0.42, 3.5, 5), "steel"),
        rod((6, 8, 0), 19.5, 20, "steel"),
        block((4, 29.5, 0), (31, 2.6, 5), "steel"),
        block((4, -14, 0), (33, 3.4, 6), "steel"),
        block((-27, 6, 0), (5, 22, 7), "steel"),
        block((28.5, 8, 0), (2.2, 21, 6), "steel"),
        *ring((-4, -29, 0), (20, 14), 2.6, "steel", segments=12),
        block((-3, -26, 0), (1.8, 9, 2.5), "steel", rotation=about_z(0.25)),
        block((-34, 24, 0), (5, 10, 3), "steel", rotation=about_z(0.6)),
        block((28 + barrel - 6, 24, 0), (5, 2.2, 1.2), "steel"),
    ]
    for k in range(chambers):
        angle = 2 * np.pi * k / chambers
        spot = (6.0, 8 + 12.4 * np.cos(angle), 12.4 * np.sin(angle))
        filling = "air" if rng.random() < 0.5 else "brass"
        solids.append(rod(spot, 4.7, 19.5, filling, replaces="steel"))
    panel = pick(rng, "wood", "rubber")
    for k in range(4):
        spot = (-42 - 7 * k, -20 - 17 * k, 0)
        solids.append(rod(spot, 17 - k, 13, panel, axis=(0.3, 1, 0), flat=0.7))
    solids.append(block((-50, -42, 0), (7, 38, 3.2), "steel", rotation=about_z(-0.38)))
    return solids


def _pocket_pistol(rng: np.random.Generator) -> list[Solid]:
    """A short two-barrel pistol with a curved wooden grip."""
    barrel = rng.uniform(55, 80)
    solids: list[Solid] = []
    for y in (22.0, 8.0):
        solids.append(rod((barrel / 2, y, 0), 7.6, barrel / 2, "steel"))
        solids.append(rod((barrel / 2, y, 0), 4.5, barrel / 2, "air", replaces="steel"))
    solids += [
        block((-10, 12, 0), (13, 19, 8), "zinc"),
        block((-14, 33, 0), (4, 8, 3), "steel", rotation=about_z(0.5)),
        rod((-14, -12, 0), 3.4, 6, "steel", axis=Y_AXIS),
    ]
    for k in range(4):
        grip = (-27 - 9.0 * k, 2 - 15.0 * k, 0)
        solids.append(rod(grip, 14, 11, "wood", axis=(0.5, 1, 0), flat=0.75))
    return solids


def knife(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """A fixed blade of steel; unseen: a cleaver, a folding knife, or a ceramic blade."""
    designs = (
        (_sheath_knife, _kitchen_knife, _box_cutter)
        if variety == "familiar"
        else (_cleaver, _folding_knife, _ceramic_knife)
    )
    return scaled(model("knife", designs[int(rng.integers(3))](rng)), rng.uniform(0.85, 1.15))


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


def _sheath_knife(rng: np.random.Generator) -> list[Solid]:
    width = rng.uniform(24, 36)
    solids = [
        *_blade(rng.uniform(105, 165), width, rng.uniform(3.0, 4.6), tip=0.6),
        *_handle(rng, rng.uniform(95, 120), width * 0.82, pick(rng, "wood", "rubber", "nylon"), 3),
        block((-2, 0, 0), (3.5, width * 0.72, 8.5), pick(rng, "brass", "steel")),
    ]
    teeth = int(rng.integers(0, 9))
    for k in range(teeth):
        spot = (14 + 5.0 * k, width / 2, 0)
        solids.append(block(spot, (1.6, 1.6, 1.2), "steel", rotation=about_z(0.78)))
    return solids


def _kitchen_knife(rng: np.random.Generator) -> list[Solid]:
    width = rng.uniform(26, 46)
    return [
        *_blade(rng.uniform(130, 210), width, rng.uniform(1.8, 2.6), tip=0.75),
        *_handle(rng, rng.uniform(100, 120), 22, pick(rng, "wood", "abs"), 3),
        block((2, 0, 0), (6, 9, 5), "steel"),
    ]


def _box_cutter(rng: np.random.Generator) -> list[Solid]:
    length = rng.uniform(110, 150)
    body = pick(rng, "abs", "zinc")
    solids = hollow(block((-length / 2, 0, 0), (length / 2, 11, 6), body), 1.6)
    for k in range(7):
        spot = (24 - 11.5 * k, 0, 0)
        solids.append(block(spot, (5.6, 8.6, 0.5), "steel", rotation=about_z(-0.04)))
    solids += [
        block((33, -2, 0), (6, 6.5, 0.5), "steel", rotation=about_z(-0.5)),
        block((-length * 0.3, 0, 6.5), (11, 5, 2), "abs"),
        rod((-length * 0.85, 0, 0), 4, 7, "steel", axis=Z_AXIS),
    ]
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


def scissors(rng: np.random.Generator, variety: Variety = "familiar") -> Model:
    """Two pivoted blades with plastic loops; unseen: snips with a spring, or tailor's shears."""
    if variety == "unseen":
        solids = _snips(rng) if rng.random() < 0.5 else _tailor_shears(rng)
    else:
        solids = _office_scissors(rng)
    return scaled(model("scissors", solids), rng.uniform(0.85, 1.2))


def _office_scissors(rng: np.random.Generator) -> list[Solid]:
    reach, opening = rng.uniform(75, 120), rng.uniform(0.03, 0.42)
    loop = (rng.uniform(15, 21), rng.uniform(11, 15))
    grip = pick(rng, "abs", "abs", "pp", "steel")
    wire = 2.4 if grip == "steel" else rng.uniform(3.6, 4.8)
    solids: list[Solid] = [disc((0, 0, 0), 4.2, 3.4, "steel")]
    for side in (-1, 1):
        arm = [
            *turned(_blade(reach, 13, 2.2), about_x(0 if side > 0 else np.pi)),
            block((-18, 0, 0), (20, 5, 1.1), "steel"),
            *ring((-42 - loop[0], side * -9, 0), loop, wire, grip, segments=14),
            block((-36, side * -3, 0), (9, 6, wire * 0.9), grip),
        ]
        solids += turned(arm, about_z(side * opening / 2), (0, 0, side * 1.1))
    return solids


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
