"""Single doses: tablets, caplets and capsules of many sizes, and heaps of them. Lengths in mm."""

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from parcelscope.datasets.xray.scene import IDENTITY, Shape, Solid, Vector
from parcelscope.datasets.xray.solids import (
    X_AXIS,
    about_x,
    about_y,
    about_z,
    along,
    ball,
    block,
    pick,
    turned,
)

DoseShape = Literal["lens", "disc", "caplet", "capsule", "two_part", "diamond", "pillow"]
DOSE_SHAPES: tuple[DoseShape, ...] = get_args(DoseShape)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """One kind of tablet or capsule; it lies flat, its longest side along x."""

    shape: DoseShape
    half_mm: Vector
    """(3,)"""
    material: str

    @property
    def volume_mm3(self) -> float:
        """Volume, to within a tenth."""
        share = {"lens": 0.524, "capsule": 0.55, "diamond": 0.5, "pillow": 1.0}
        return 8 * float(np.prod(self.half_mm)) * share.get(self.shape, 0.785)


def a_dose(rng: np.random.Generator, *, largest: float = 12.0) -> Dose:
    """A kind of tablet or capsule whose longest half side is at most `largest`."""
    chosen = int(rng.choice(len(DOSE_SHAPES), p=[0.34, 0.2, 0.14, 0.12, 0.1, 0.05, 0.05]))
    shape = DOSE_SHAPES[chosen]
    material = "tablet"
    if shape in ("capsule", "two_part"):
        # Hard capsules 4 to 00: 14 to 23 mm long, a third as wide, loosely filled.
        length = rng.uniform(7.0, 11.8)
        half = np.array([length, length * rng.uniform(0.3, 0.38), 0])
        half[2] = half[1]
        material = pick(rng, "organic_powder", "sugar", "flour", "talc", "tablet")
    elif shape == "caplet" or (shape == "lens" and rng.random() < 0.4):
        width = rng.uniform(2.4, 5.0)
        half = np.array([width * rng.uniform(1.35, 2.6), width, width * rng.uniform(0.5, 0.95)])
    elif shape in ("diamond", "pillow"):
        width = rng.uniform(2.6, 5.5)
        half = np.array([width * rng.uniform(1.0, 1.7), width, rng.uniform(1.4, 2.8)])
    else:
        radius = rng.uniform(2.5, 6.8)
        half = np.array([radius, radius, min(rng.uniform(1.2, 3.2), radius * 0.75)])
    half *= min(1.0, largest / half.max())
    return Dose(shape=shape, half_mm=half, material=material)


def a_lozenge(rng: np.random.Generator) -> Dose:
    """A kind of large lozenge, chewing gum or effervescent tablet."""
    if rng.random() < 0.5:
        radius = rng.uniform(8, 12.5)
        half = np.array([radius, radius, rng.uniform(2.0, 4.2)])
        shape: DoseShape = "disc" if rng.random() < 0.6 else "lens"
    else:
        half = np.array([rng.uniform(7, 11), rng.uniform(5, 7), rng.uniform(2.4, 3.6)])
        shape = "pillow" if rng.random() < 0.6 else "lens"
    return Dose(shape=shape, half_mm=half, material=pick(rng, "tablet", "tablet", "sugar"))


def dose_solids(dose: Dose, spot: Vector, rotation: Vector = IDENTITY) -> list[Solid]:
    """One `dose` with its centre at `spot` (3,), turned by `rotation` (3, 3)."""
    a, b, c = dose.half_mm.tolist()
    origin = (0.0, 0.0, 0.0)
    if dose.shape in ("lens", "capsule"):
        parts = [ball(origin, dose.half_mm, dose.material)]
    elif dose.shape == "disc":
        parts = [_tube(origin, (a, b, c), dose.material)]
    elif dose.shape == "caplet":
        parts = [_tube(origin, (c, b, a), dose.material, lying=True)]
    elif dose.shape == "two_part":
        # The cap is wider than the body, and the filling does not reach the body's end.
        parts = [
            _tube((0.1 * a, 0, 0), (c * 0.9, b * 0.9, a * 0.85), dose.material, lying=True),
            _tube((-0.5 * a, 0, 0), (c, b, a * 0.5), dose.material, lying=True),
        ]
    elif dose.shape == "diamond":
        side = np.sqrt(0.5)
        parts = [block(origin, (a * side, b * side, c), dose.material, rotation=about_z(np.pi / 4))]
    else:
        parts = [block(origin, dose.half_mm, dose.material)]
    return turned(parts, rotation, spot)


def _tube(
    centre: tuple[float, float, float],
    half: tuple[float, float, float],
    material: str,
    *,
    lying: bool = False,
) -> Solid:
    """An elliptic cylinder, upright or `lying` along x; `half` in its own axes."""
    return Solid(
        shape="cylinder",
        centre_mm=np.array(centre),
        half_mm=np.array(half),
        rotation=along(X_AXIS) if lying else IDENTITY,
        material=material,
    )


def any_turn(rng: np.random.Generator, tilt: float = 0.8) -> Vector:
    """A rotation (3, 3) about the vertical, then out of it by `tilt` radians or so."""
    return (
        about_z(rng.uniform(0, 2 * np.pi))
        @ about_x(rng.normal(0, tilt))
        @ about_y(rng.normal(0, tilt))
    )


def heap(
    rng: np.random.Generator,
    doses: list[Dose],
    count: int,
    room: Vector,
    *,
    shape: Shape = "box",
    down: int = 2,
    drawn: int = 70,
) -> list[Solid]:
    """About `count` doses, settled at the low end of a space with half sizes `room` (3,).

    At most `drawn` solids are drawn as doses, the outer ones; the rest of the mass is an uneven
    lump within, so that large heaps still render quickly.

    Args:
        rng: Source of chance.
        doses: The kinds that are mixed.
        count: How many there are; fewer where the space is too small.
        room: (3,) half sizes of the space.
        shape: Of the space; a cylinder stands along z.
        down: Axis along which the doses have settled.
        drawn: Most solids to draw, the lump aside.
    """
    volume = float(np.mean([dose.volume_mm3 for dose in doses]))
    spots = _spots(rng, count, room - 0.5 * max(d.half_mm.max() for d in doses), volume, shape,
                   down)  # fmt: skip
    each = float(np.mean([2 if dose.shape == "two_part" else 1 for dose in doses]))
    shown = min(len(spots), int(drawn / each))
    solids: list[Solid] = []
    if shown < len(spots):
        middle, wide = spots.mean(axis=0), np.maximum(spots.std(axis=0), 1.0) * 1.6
        # Each dose drawn stands for up to two, the lump for those left over.
        stands_for = min(2.0, len(spots) / shown)
        left_over = len(spots) - stands_for * shown
        # The more the lump holds, the more of the doses drawn make up the outline around it.
        apart = np.linalg.norm((spots - middle) / wide, axis=1) * left_over / len(spots)
        order = np.argsort(rng.uniform(0, 1.2, len(spots)) - apart)
        body = wide.copy()
        body[2] = max(0.5, left_over) * volume / (4 / 3 * np.pi * body[0] * body[1])
        if body[2] > wide[2]:
            body *= (body[2] / wide[2]) ** (1 / 3) * np.array([1, 1, wide[2] / body[2]])
        amplitude = rng.uniform(0.3, 0.6)
        solids.append(
            ball(middle, body, doses[0].material, texture=int(rng.integers(40)),
                 amplitude=amplitude)
        )  # fmt: skip
        spots = spots[order[:shown]]
        doses = [replace(d, half_mm=d.half_mm * stands_for ** (1 / 3)) for d in doses]
    for spot in spots:
        dose = doses[int(rng.integers(len(doses)))]
        solids += dose_solids(dose, spot, any_turn(rng))
    return solids


def _spots(
    rng: np.random.Generator, count: int, room: Vector, volume: float, shape: Shape, down: int
) -> Vector:
    """(n, 3) centres of at most `count` doses: a jittered lattice, filled from below."""
    # Poured tablets fill about 55 to 65 per cent of their space.
    pitch = (volume / rng.uniform(0.5, 0.65)) ** (1 / 3)
    room = np.maximum(room, pitch * 0.35)
    steps = np.maximum(1, np.floor(2 * room / pitch).astype(int))
    axes = [(np.arange(n) - (n - 1) / 2) * min(2 * r / n, pitch * 1.3)
            for n, r in zip(steps, room, strict=True)]  # fmt: skip
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    reach = grid / room
    if shape == "ellipsoid":
        grid = grid[(reach**2).sum(axis=1) < 1.1]
    elif shape == "cylinder":
        grid = grid[(reach[:, :2] ** 2).sum(axis=1) < 1.1]
    order = np.argsort(grid[:, down] + rng.normal(0, 0.8 * pitch, len(grid)))
    chosen = grid[order[:count]]
    loose: Vector = np.clip(chosen + rng.normal(0, 0.2 * pitch, chosen.shape), -room, room)
    return loose
