"""Simulated scans with everything that is true of them."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.acquisition import Scanner, acquire
from parcelscope.datasets.xray.physics import Counts, Image, load_tables
from parcelscope.datasets.xray.render import Projection, render
from parcelscope.datasets.xray.scene import Kind, Scene, Solid

BOX_SHARE = {"ellipsoid": np.pi / 6, "box": 1.0, "cylinder": np.pi / 4}
"""Volume over that of the bounding box."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrueObject:
    """One item or inner parcel, as it is in the scene and as the scan shows it."""

    index: int
    """Index into the scene's objects."""
    name: str
    kind: Kind
    parent: int | None
    """Scene index of the inner parcel that holds it, if any."""
    box_xyxy: tuple[int, int, int, int]
    """(x0, y0, x1, y1) in pixels, ends exclusive."""
    mass_g: float
    """An inner parcel's mass includes what it holds."""
    area_px: int
    overlap: float
    """Share of its pixels that other objects of the same kind also cover, 0 to 1."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SyntheticScan:
    """A simulated scan and its truth."""

    le: Counts
    """(H, W) low energy, air at 60000."""
    he: Counts
    """(H, W) high energy."""
    objects: tuple[TrueObject, ...]
    """Items and inner parcels in view."""
    total_mass_g: float
    """Mass of the whole scene, packaging included."""


def simulate(
    scene: Scene, scanner: Scanner, rng: np.random.Generator, texture: Image
) -> SyntheticScan:
    """Scan `scene` on `scanner`. The same scene, scanner, seed and texture give the same pixels."""
    projection = render(scene, scanner.geometry, texture=texture)
    le, he = acquire(projection, scanner, rng)
    masses = object_masses_g(scene)
    return SyntheticScan(
        le=le,
        he=he,
        objects=_true_objects(scene, projection, masses),
        total_mass_g=float(sum(solid_mass_g(solid) for solid in scene.solids)),
    )


def solid_mass_g(solid: Solid) -> float:
    """Mass that a solid adds to its scene: its own, less that of the material it replaces."""
    tables = load_tables()
    volume_cm3: float = BOX_SHARE[solid.shape] * math.prod((2 * solid.half_mm).tolist()) / 1000
    density = 0.0
    # Air is left out, as it is on a scale.
    if solid.material != "air":
        density += float(tables.density[tables.row(solid.material)])
    if solid.replaces not in (None, "air"):
        density -= float(tables.density[tables.row(str(solid.replaces))])
    return volume_cm3 * density


def object_masses_g(scene: Scene) -> npt.NDArray[np.float64]:
    """(N,) mass of every object of the scene, that of inner parcels with all they hold."""
    own = np.zeros(len(scene.objects))
    for solid, owner in zip(scene.solids, scene.object_of, strict=True):
        own[owner] += solid_mass_g(solid)
    total = own.copy()
    for index in range(len(scene.objects)):
        parent = scene.objects[index].parent
        while parent is not None:
            total[parent] += own[index]
            parent = scene.objects[parent].parent
    return total


def _true_objects(
    scene: Scene, projection: Projection, masses: npt.NDArray[np.float64]
) -> tuple[TrueObject, ...]:
    covered: dict[str, npt.NDArray[np.uint8]] = {}
    for index, (x0, y0, x1, y1) in projection.boxes_xyxy.items():
        kind, mask = scene.objects[index].kind, projection.masks[index]
        count = covered.setdefault(kind, np.zeros(mask.shape, np.uint8))
        count[y0:y1, x0:x1] += mask[y0:y1, x0:x1]
    found = []
    for index, (x0, y0, x1, y1) in projection.boxes_xyxy.items():
        placed, mask = scene.objects[index], projection.masks[index][y0:y1, x0:x1]
        found.append(
            TrueObject(
                index=index,
                name=placed.name,
                kind=placed.kind,
                parent=placed.parent,
                box_xyxy=(x0, y0, x1, y1),
                mass_g=float(masses[index]),
                area_px=int(mask.sum()),
                overlap=float((covered[placed.kind][y0:y1, x0:x1][mask] > 1).mean()),
            )
        )
    return tuple(found)
