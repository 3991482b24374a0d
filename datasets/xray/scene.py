"""A scene: solids of known material, grouped into the objects they make up. Lengths in mm.

Axes: x runs along the belt, y across it, z upwards, away from the belt.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float64]
Shape = Literal["ellipsoid", "box", "cylinder"]
Kind = Literal["packaging", "goods", "item", "inner_parcel"]
IDENTITY: Vector = np.eye(3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Solid:
    """One convex solid of one material. A cylinder's axis is its local z."""

    shape: Shape
    centre_mm: Vector
    """(3,)"""
    half_mm: Vector
    """(3,) half sizes along the local axes."""
    rotation: Vector = field(default_factory=lambda: IDENTITY)
    """(3, 3), local to world."""
    material: str
    replaces: str | None = None
    """Material of the enclosing solid that this one is carved out of, if any."""
    texture: int = 0
    """Which patch of the texture field modulates the chords."""
    texture_amplitude: float = 0.0
    """Relative strength of that modulation, 0 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One article in its own frame, centred on the origin of its bounding box."""

    name: str
    size_mm: Vector
    """(3,) full size of the bounding box."""
    solids: tuple[Solid, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One object of a scene."""

    name: str
    kind: Kind
    parent: int | None = None
    """Index of the inner parcel that holds it, if any."""


@dataclass(slots=True)
class Scene:
    """Solids and the objects they belong to."""

    solids: list[Solid] = field(default_factory=list)
    object_of: list[int] = field(default_factory=list)
    """For each solid, the index into `objects`."""
    objects: list[Placed] = field(default_factory=list)

    def begin(self, name: str, kind: Kind, parent: int | None = None) -> int:
        """Index of a new, still empty object."""
        self.objects.append(Placed(name=name, kind=kind, parent=parent))
        return len(self.objects) - 1

    def add(self, owner: int, solids: Iterable[Solid]) -> None:
        """Give `solids`, already in world coordinates, to object `owner`."""
        for solid in solids:
            self.solids.append(solid)
            self.object_of.append(owner)


def moved(solid: Solid, *, rotation: Vector, shift_mm: Vector) -> Solid:
    """`solid` turned by `rotation` (3, 3) about the origin, then shifted by `shift_mm` (3,)."""
    return Solid(
        shape=solid.shape,
        centre_mm=rotation @ solid.centre_mm + shift_mm,
        half_mm=solid.half_mm,
        rotation=rotation @ solid.rotation,
        material=solid.material,
        replaces=solid.replaces,
        texture=solid.texture,
        texture_amplitude=solid.texture_amplitude,
    )
