"""How articles are put together: blocks, rods, balls, hollows, chains. Lengths in mm."""

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from parcelscope.datasets.xray.scene import IDENTITY, Model, Solid, Vector, moved

Variety = Literal["familiar", "unseen"]
"""`unseen` designs differ in shape, size or material from every familiar one; for evaluation."""
Triple = Sequence[float] | Vector
X_AXIS = (1.0, 0.0, 0.0)
Y_AXIS = (0.0, 1.0, 0.0)
Z_AXIS = (0.0, 0.0, 1.0)


def vector(x: float, y: float, z: float) -> Vector:
    """(x, y, z) as an array (3,)."""
    return np.array([x, y, z], float)


def about_x(angle: float) -> Vector:
    """Rotation (3, 3) about x by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


def about_y(angle: float) -> Vector:
    """Rotation (3, 3) about y by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def about_z(angle: float) -> Vector:
    """Rotation (3, 3) about z by `angle` radians."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def along(direction: Triple) -> Vector:
    """A rotation (3, 3) that turns local z into `direction`."""
    # Written out, since np.cross is 20 times slower on single vectors (frame of Duff et al. 2017).
    x, y, z = (float(part) for part in direction)
    length = math.sqrt(x * x + y * y + z * z)
    x, y, z = x / length, y / length, z / length
    sign = math.copysign(1.0, z)
    a = -1.0 / (sign + z)
    b = x * y * a
    return np.array(
        [[1 + sign * x * x * a, b, x], [sign * b, sign + y * y * a, y], [-sign * x, -y, z]]
    )


def block(
    centre: Triple,
    half: Triple,
    material: str,
    *,
    rotation: Vector = IDENTITY,
    replaces: str | None = None,
    texture: int = 0,
    amplitude: float = 0.0,
) -> Solid:
    """A box with half sizes `half`."""
    return Solid(
        shape="box",
        centre_mm=np.asarray(centre, float),
        half_mm=np.asarray(half, float),
        rotation=rotation,
        material=material,
        replaces=replaces,
        texture=texture,
        texture_amplitude=amplitude,
    )


def ball(
    centre: Triple,
    half: Triple,
    material: str,
    *,
    rotation: Vector = IDENTITY,
    replaces: str | None = None,
    texture: int = 0,
    amplitude: float = 0.0,
) -> Solid:
    """An ellipsoid with half axes `half`."""
    return replace(
        block(
            centre,
            half,
            material,
            rotation=rotation,
            replaces=replaces,
            texture=texture,
            amplitude=amplitude,
        ),
        shape="ellipsoid",
    )


def rod(
    centre: Triple,
    radius: float,
    half_length: float,
    material: str,
    *,
    axis: Triple = X_AXIS,
    flat: float = 1.0,
    replaces: str | None = None,
    texture: int = 0,
    amplitude: float = 0.0,
) -> Solid:
    """A cylinder along `axis`; `flat` scales its second radius."""
    return replace(
        block(
            centre,
            (radius, radius * flat, half_length),
            material,
            rotation=along(axis),
            replaces=replaces,
            texture=texture,
            amplitude=amplitude,
        ),
        shape="cylinder",
    )


def disc(
    centre: Triple, radius: float, half_height: float, material: str, *, replaces: str | None = None
) -> Solid:
    """A cylinder standing upright."""
    return rod(centre, radius, half_height, material, axis=Z_AXIS, replaces=replaces)


def hollow(outer: Solid, wall: float, filling: str = "air") -> list[Solid]:
    """`outer` and the cavity that leaves `wall` all around, filled with `filling`."""
    inside = np.maximum(outer.half_mm - wall, outer.half_mm * 0.02)
    cavity = replace(
        outer,
        half_mm=inside,
        material=filling,
        replaces=outer.material,
        texture=0,
        texture_amplitude=0.0,
    )
    # Texture scales whole chords, the cavity's share too: keep it in proportion to the wall.
    share = min(1.0, wall / float(outer.half_mm.min()))
    return [replace(outer, texture_amplitude=outer.texture_amplitude * share), cavity]


def chain(
    points: Vector, radius: float, material: str, *, core: str | None = None, core_radius: float = 0
) -> list[Solid]:
    """Rods along the line through `points` (n, 3), with a wire of material `core` inside."""
    solids: list[Solid] = []
    for start, end in itertools.pairwise(points):
        middle, step = (start + end) / 2, end - start
        half_length = float(np.linalg.norm(step)) / 2 + radius * 0.15
        solids.append(rod(middle, radius, half_length, material, axis=step))
        if core is not None:
            solids.append(rod(middle, core_radius, half_length, core, axis=step, replaces=material))
    return solids


def ring(
    centre: Triple,
    radii: tuple[float, float],
    wire: float,
    material: str,
    *,
    rotation: Vector = IDENTITY,
    segments: int = 14,
) -> list[Solid]:
    """A closed loop of rods of radius `wire` in the local xy plane."""
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    loop = np.stack(
        [radii[0] * np.cos(angle), radii[1] * np.sin(angle), np.zeros_like(angle)], axis=1
    )
    return chain(loop @ rotation.T + np.asarray(centre, float), wire, material)


def turned(
    solids: Iterable[Solid], rotation: Vector = IDENTITY, shift: Triple = (0, 0, 0)
) -> list[Solid]:
    """`solids` turned about the origin, then shifted."""
    offset = np.asarray(shift, float)
    return [moved(solid, rotation=rotation, shift_mm=offset) for solid in solids]


def bounds(solids: Sequence[Solid], rotation: Vector = IDENTITY) -> tuple[Vector, Vector]:
    """Lowest and highest corner of each solid's upright box, each (n, 3), after `rotation`."""
    centres = np.stack([solid.centre_mm for solid in solids]) @ rotation.T
    turn = rotation @ np.stack([solid.rotation for solid in solids])  # (n, 3, 3)
    reach = np.abs(turn * np.stack([solid.half_mm for solid in solids])[:, None, :])
    kind = np.array([solid.shape for solid in solids])[:, None]
    round_reach = np.sqrt((reach**2).sum(axis=2))
    rod_reach = np.hypot(reach[..., 0], reach[..., 1]) + reach[..., 2]
    half = np.where(
        kind == "box",
        reach.sum(axis=2),
        np.where(kind == "cylinder", rod_reach, round_reach),
    )
    return centres - half, centres + half


def model(name: str, solids: Sequence[Solid]) -> Model:
    """The article made of `solids`, centred on the origin of its bounding box."""
    low, high = bounds(solids)
    lowest, highest = low.min(axis=0), high.max(axis=0)
    middle = (lowest + highest) / 2
    return Model(
        name=name, size_mm=highest - lowest, solids=tuple(turned(solids, IDENTITY, -middle))
    )


def scaled(article: Model, factor: float) -> Model:
    """`article` at `factor` times its size."""
    return Model(
        name=article.name,
        size_mm=article.size_mm * factor,
        solids=tuple(
            replace(solid, centre_mm=solid.centre_mm * factor, half_mm=solid.half_mm * factor)
            for solid in article.solids
        ),
    )


def spread(rng: np.random.Generator, half: Triple) -> Vector:
    """A point (3,) drawn evenly from the box with half sizes `half`."""
    point: Vector = rng.uniform(-1, 1, 3) * np.asarray(half, float)
    return point


def pick(rng: np.random.Generator, *choices: str) -> str:
    """One of `choices`, all equally likely."""
    return choices[int(rng.integers(len(choices)))]
