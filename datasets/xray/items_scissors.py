"""Scissors of the familiar designs, all with loops and without a spring. Lengths in mm."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from parcelscope.datasets.xray.items_blade_parts import outlined_blade, teeth
from parcelscope.datasets.xray.scene import Solid
from parcelscope.datasets.xray.solids import (
    about_x,
    about_y,
    about_z,
    block,
    bounds,
    disc,
    hollow,
    pick,
    ring,
    rod,
    turned,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The measures of a pair of scissors."""

    reach: float
    """From pivot to tip."""
    width: float
    thickness: float
    shank: float
    """From pivot to loop."""
    loops: tuple[tuple[float, float], tuple[float, float]]
    """Half axes of either loop."""
    wire: float
    """Radius of the loops' stuff."""
    grip: str
    opening: float
    """Radians between the blades."""
    tip: float = 0.5
    """How far the tips lie from the blades' middle line towards the cutting edges, in widths."""
    power: tuple[float, float] = (1.5, 1.5)
    bend: float = 0.0
    blade: str = "steel"


def pair(rng: np.random.Generator, shape: Shape) -> list[Solid]:
    """Two arms on their pivot: blade, shank, loop."""
    solids: list[Solid] = [disc((0, 0, 0), rng.uniform(1.6, 5.5), shape.thickness * 1.6, "steel")]
    start = rng.uniform(0.0, 0.8)
    apart = shape.loops[0][1] * rng.uniform(0.55, 0.95)
    for side, loop in zip((-1, 1), shape.loops, strict=True):
        blade = outlined_blade(
            shape.reach, shape.width, shape.thickness, tip=-shape.tip, straight=(0.9, start),
            power=shape.power[::-1], bend=shape.bend, bevel=0.25, steps=8, material=shape.blade,
        )  # fmt: skip
        lean = side * apart / max(shape.shank, 8.0)
        end = np.array([-shape.shank, -side * apart, 0])
        half = float(np.linalg.norm(end)) / 2 + 3
        thin = max(shape.width * 0.3, 1.6)
        shank = block(
            end / 2, (half, thin, shape.thickness * 0.5), shape.blade, rotation=about_z(lean)
        )
        centre = end + np.array([-loop[0], -side * loop[1] * 0.35, 0])
        arm = [*turned(blade, about_x(0 if side > 0 else np.pi)), shank]
        around = about_z(lean + side * rng.uniform(-0.15, 0.3))
        arm += ring(centre, loop, shape.wire, shape.grip, rotation=around, segments=12)
        if shape.grip != "steel":
            sleeve = (end[0] * 0.85, end[1] * 0.85, 0)
            half_sleeve = (shape.shank * 0.2 + 4, thin + 1.6, shape.wire * 0.85)
            arm.append(block(sleeve, half_sleeve, shape.grip, rotation=about_z(lean)))
        solids += turned(arm, about_z(side * shape.opening / 2), (0, 0, side * shape.thickness / 2))
    return solids


def _opening(rng: np.random.Generator) -> float:
    """Mostly shut, as they are sent; else open up to a right angle."""
    return float(rng.uniform(0.0, 0.2) if rng.random() < 0.5 else rng.uniform(0.2, 1.3))


def any_shape(rng: np.random.Generator) -> Shape:
    """Household scissors of any size: office, sewing, kitchen."""
    reach = rng.uniform(40, 125)
    size = reach / 90
    first = (rng.uniform(11, 21) * size**0.5, rng.uniform(9, 15) * size**0.5)
    grip = pick(rng, "abs", "abs", "pp", "nylon", "rubber", "steel", "zinc")
    metal = grip in ("steel", "zinc")
    second = first if metal or rng.random() < 0.4 else (first[0] * rng.uniform(1.2, 1.8), first[1])
    return Shape(
        reach=reach, width=rng.uniform(8, 16) * size**0.6, thickness=rng.uniform(1.1, 2.8),
        shank=rng.uniform(12, 50) * size, loops=(first, second),
        wire=rng.uniform(1.7, 2.8) if metal else rng.uniform(2.8, 5.5), grip=grip,
        opening=_opening(rng), tip=rng.uniform(0.1, 0.5),
        power=(rng.uniform(0.8, 3), 1.5), bend=0.0,
    )  # fmt: skip


def household(rng: np.random.Generator) -> list[Solid]:
    """Any size, plain."""
    return pair(rng, any_shape(rng))


def kitchen(rng: np.random.Generator) -> list[Solid]:
    """Broad blades, toothed gripping jaws between the handles, a notch, perhaps a magnet case."""
    shape = any_shape(rng)
    shape = replace(shape, reach=rng.uniform(70, 110), width=rng.uniform(14, 21),
                    shank=rng.uniform(35, 60), wire=max(shape.wire, 3.2))  # fmt: skip
    solids = pair(rng, shape)
    for side in (-1, 1):
        jaw = teeth(rng, -shape.shank * 0.85, -shape.shank * 0.35, side * 4.0, 4)
        solids += turned(jaw[:8], about_z(side * shape.opening / 2))
    return solids


def embroidery(rng: np.random.Generator) -> list[Solid]:
    """Small and fine, of steel or gilt: plain, or a bird with its body above round loops."""
    radius = rng.uniform(8, 13)
    shape = Shape(
        reach=rng.uniform(30, 55), width=rng.uniform(4.5, 8.5), thickness=rng.uniform(1.2, 2.4),
        shank=rng.uniform(15, 38), loops=((radius, radius * rng.uniform(0.8, 1.1)),) * 2,
        wire=rng.uniform(1.2, 2.1), grip=pick(rng, "steel", "steel", "zinc", "brass"),
        opening=_opening(rng),
    )  # fmt: skip
    solids = pair(rng, shape)
    if rng.random() < 0.4:
        body = (-shape.shank * 0.55, 0, 0)
        solids.append(rod(body, 7, shape.shank * 0.35, "zinc", flat=0.35))
    return solids


def bandage(rng: np.random.Generator) -> list[Solid]:
    """Blades set at an angle to the handles, one with a blunt foot."""
    shape = any_shape(rng)
    shape = replace(shape, reach=rng.uniform(45, 75), thickness=rng.uniform(1.6, 2.6),
                    shank=rng.uniform(35, 65), bend=rng.uniform(0.2, 0.6))  # fmt: skip
    # Both blades leave the handles' line on the same side.
    solids = pair(rng, replace(shape, bend=0.0))
    angle = about_z(rng.uniform(0.35, 0.7))
    bent = [turned([solid], angle)[0] if solid.centre_mm[0] > 1 else solid for solid in solids]
    foot = angle @ np.array([shape.reach, -3 - shape.opening * shape.reach / 2, 0])
    bent.append(block(foot, (7, 1.8, 4), pick(rng, "steel", "nylon"), rotation=angle))
    return bent


def hair(rng: np.random.Generator) -> list[Solid]:
    """Slim steel with a finger rest and a screw; perhaps one blade is a comb."""
    radius = rng.uniform(10.5, 13)
    shape = Shape(
        reach=rng.uniform(58, 95), width=rng.uniform(6.5, 11), thickness=rng.uniform(1.6, 2.6),
        shank=rng.uniform(38, 62), loops=((radius, radius), (radius + 2, radius)),
        wire=rng.uniform(1.6, 2.5), grip="steel", opening=_opening(rng), power=(1.0, 1.5),
    )  # fmt: skip
    solids = pair(rng, shape)
    rest = np.array([-shape.shank - 2 * radius - 8, -shape.shank * 0.18 - 12, 0])
    rest_rod = rod(rest, 1.8, 9, "steel", axis=(1, -0.5, 0))
    solids += turned([rest_rod], about_z(shape.opening / 2))
    if rng.random() < 0.4:
        for x in np.linspace(0.25, 0.95, int(rng.integers(10, 19))) * shape.reach:
            solids.append(block((x, 0, 0), (0.7, shape.width * 0.6, 0.9), "steel"))
    if rng.random() < 0.4:
        solids.append(disc((0, 0, 3), rng.uniform(3, 5.5), 2, pick(rng, "brass", "abs", "steel")))
    return solids


def childrens(rng: np.random.Generator) -> list[Solid]:
    """Short with round tips; the blades of steel, or of plastic with a steel lining."""
    base = any_shape(rng)
    radius = rng.uniform(11, 15)
    plastic = pick(rng, "abs", "pp")
    blades = plastic if rng.random() < 0.35 else "steel"
    shape = replace(
        base, reach=rng.uniform(38, 65), width=rng.uniform(10, 15), blade=blades, grip=plastic,
        thickness=3.2 if blades == plastic else rng.uniform(0.9, 1.6), shank=rng.uniform(8, 22),
        loops=((radius, radius * 0.8), (radius * rng.uniform(1, 1.6), radius * 0.8)),
        power=(4.0, 4.0), tip=0.1, wire=rng.uniform(3, 5),
    )  # fmt: skip
    solids = pair(rng, shape)
    for side in (-1, 1) if blades == plastic else ():
        spot = (shape.reach / 2, -side * shape.width * 0.35, side * 1.6)
        edge = block(spot, (shape.reach * 0.46, 1.6, 0.3), "steel")
        solids += turned([edge], about_z(side * shape.opening / 2))
    return solids


def pinking(rng: np.random.Generator) -> list[Solid]:
    """Deep toothed blades and heavy plastic handles."""
    shape = any_shape(rng)
    shape = replace(shape, reach=rng.uniform(75, 110), width=rng.uniform(15, 21), tip=0.4,
                    thickness=rng.uniform(2.6, 4), wire=rng.uniform(4, 5.5),
                    grip=pick(rng, "abs", "nylon", "rubber"))  # fmt: skip
    solids = pair(rng, shape)
    for side in (-1, 1):
        edge = teeth(rng, 8, shape.reach * 0.92, -shape.width * 0.5 * side, shape.thickness)
        solids += turned(edge[:18], about_z(side * shape.opening / 2))
    return solids


def surgical(rng: np.random.Generator) -> list[Solid]:
    """Short blades on long steel shanks; nail and cuticle scissors curve upwards."""
    radius = rng.uniform(8.5, 12.5)
    nail = bool(rng.random() < 0.45)
    shape = Shape(
        reach=rng.uniform(18, 30) if nail else rng.uniform(28, 60), width=rng.uniform(4, 8.5),
        thickness=rng.uniform(1.5, 3), shank=rng.uniform(30, 45) if nail else rng.uniform(50, 100),
        loops=((radius, radius * 0.85),) * 2, wire=rng.uniform(1.4, 2.3), grip="steel",
        opening=_opening(rng) * 0.7, tip=rng.uniform(0.2, 0.5),
    )  # fmt: skip
    solids = pair(rng, shape)
    curve = about_y(-rng.uniform(0.15, 0.5)) if rng.random() < 0.6 else about_y(0.0)
    solids = [turned([one], curve)[0] if one.centre_mm[0] > 1 else one for one in solids]
    if not nail and rng.random() < 0.4:
        for side in (-1, 1):
            spot = (-shape.shank * 0.9, side * 3, side)
            solids.append(block(spot, (5, 5, 1), "steel"))
    return solids


def halves(rng: np.random.Generator) -> list[Solid]:
    """The two arms taken apart, lying one over the other."""
    whole = pair(rng, replace(any_shape(rng), opening=0.0))
    arm = (len(whole) - 1) // 2
    solids = turned(whole[1 : arm + 1], about_z(rng.uniform(-0.4, 0.4)))
    other = turned(whole[arm + 1 :], about_z(rng.uniform(0, 2 * np.pi)))
    return [*solids, *turned(other, shift=(rng.uniform(-30, 30), rng.uniform(-45, 45), 4))]


def several(rng: np.random.Generator) -> list[Solid]:
    """Two or three pairs, alike or graded, stacked or side by side."""
    forms = (household, embroidery, surgical, childrens)
    form, solids = forms[int(rng.integers(len(forms)))], list[Solid]()
    step = rng.uniform(6, 45)
    for k in range(int(rng.integers(2, 4))):
        turn = about_z(rng.normal(0, 0.1) + np.pi * (rng.random() < 0.3))
        lie = (rng.uniform(-12, 12), step * k, 2.0 * k if step > 30 else 8.0 * k)
        solids += turned(form(rng), turn, lie)
    return solids


def packed(rng: np.random.Generator) -> list[Solid]:
    """On a card under a plastic blister, in a case, or with caps over the blades."""
    shape = replace(any_shape(rng), opening=rng.uniform(0, 0.06))
    solids = pair(rng, shape)
    lows, highs = bounds(solids)
    low, high = lows.min(axis=0), highs.max(axis=0)
    middle, half = (low + high) / 2, (high - low) / 2
    kind = pick(rng, "card", "case", "cap", "cap")
    if kind == "card":
        card = (middle[0], middle[1], low[2] - 1)
        solids.append(block(card, (half[0] + 6, half[1] + 5, 0.5), "cardboard"))
        return [*solids, *hollow(block(middle, half + np.array([1, 1, 0.8]), "pet"), 0.4)]
    stuff = pick(rng, "leather", "pvc", "pp", "nylon")
    reach = (half[0] if kind == "case" else shape.reach * 0.42) + 1.5
    wide = half[1] + 2 if kind == "case" else shape.width * 0.7 + 3
    spot = middle if kind == "case" else np.array([shape.reach * 0.6 + 2, 0, middle[2]])
    return [*solids, *hollow(block(spot, (reach, wide, half[2] + 1.5), stuff), 1.2)]


FORMS: tuple[Callable[[np.random.Generator], list[Solid]], ...] = (
    household, kitchen, embroidery, bandage, hair, childrens, pinking, surgical, halves, several,
    packed,
)  # fmt: skip
SHARES = np.array([0.24, 0.1, 0.09, 0.07, 0.1, 0.09, 0.07, 0.1, 0.04, 0.05, 0.05])
