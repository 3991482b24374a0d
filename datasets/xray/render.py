"""Projects a scene: how many mm of each material every ray crosses, and which objects it meets.

A solid that `replaces` another material adds its chord to its own material and takes it from the
enclosing one, which is exact for nested solids. Where a wall has a texture, the hollow (of air)
that it encloses must name the same texture and amplitude, so that only the wall is uneven. Air
counts as nothing: scans are normalised to it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.chords import chords, windows
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.physics import load_tables
from parcelscope.datasets.xray.scene import Scene
from parcelscope.datasets.xray.texture import modulation

LEAST_SEEN_G_CM2 = 0.025
"""Areal density that stands out of the noise of a scan: half a per cent of the beam."""

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Projection:
    """What the rays of a scan cross."""

    materials: tuple[str, ...]
    """The M materials of the scene, air left out."""
    thickness_mm: Image
    """(M, H, W) path length in each."""
    masks: dict[int, Mask]
    """(H, W) pixels that meet each item and inner parcel, by index into the scene's objects. An
    inner parcel's mask includes what it holds; an item's leaves out film too thin to be seen."""
    boxes_xyxy: dict[int, tuple[int, int, int, int]]
    """(x0, y0, x1, y1) around each mask, ends exclusive; without the objects out of view."""


def render(scene: Scene, geometry: Geometry, *, texture: Image) -> Projection:
    """Project `scene`.

    Args:
        scene: Solids and objects.
        geometry: Source, belt, detector and picture size.
        texture: (h, w) relative thickness variation of about zero mean and unit spread, repeated
            as needed; solids take shifted patches of it.
    """
    shape = (geometry.rows, geometry.columns)
    replaced = {solid.replaces for solid in scene.solids if solid.replaces}
    used = {solid.material for solid in scene.solids} | replaced
    materials = tuple(sorted(used - {"air"}))
    layers = {material: i for i, material in enumerate(materials)}
    thickness = np.zeros((len(materials), *shape), np.float32)
    masks = {
        index: np.zeros(shape, np.bool_)
        for index, placed in enumerate(scene.objects)
        if placed.kind in ("item", "inner_parcel")
    }
    owners = [
        [
            (scene.objects[o].kind == "item", m)
            for o in _lineage(scene, i)
            if (m := masks.get(o)) is not None
        ]
        for i in range(len(scene.objects))
    ]
    tables = load_tables()
    least_seen_mm = {
        material: LEAST_SEEN_G_CM2 / float(tables.density[tables.row(material)]) * 10
        for material in used
    }
    window = windows(scene.solids, geometry)
    for members, batch in chords(scene.solids, window, geometry):
        for k, chord in zip(members, batch, strict=True):
            solid, (x0, x1, y0, y1) = scene.solids[k], window[k].tolist()
            part = chord[: y1 - y0, : x1 - x0]
            layer, outer = layers.get(solid.material), layers.get(solid.replaces or "")
            uneven = part
            if solid.texture_amplitude:
                uneven = part * modulation(solid, texture, (x0, x1, y0, y1), geometry)
            if layer is not None:
                thickness[layer, y0:y1, x0:x1] += uneven
            if outer is not None:
                # A hollow takes away as unevenly as its wall was added, where both say so.
                thickness[outer, y0:y1, x0:x1] -= uneven if layer is None else part
            # An item's wrapping film is not seen on a scan, so it must not widen the item's box.
            seen_mm = least_seen_mm[solid.material]
            for is_item, mask in owners[scene.object_of[k]]:
                mask[y0:y1, x0:x1] |= part > (seen_mm if is_item else 0.0)
    boxes = {index: box for index, mask in masks.items() if (box := _box(mask)) is not None}
    return Projection(materials=materials, thickness_mm=thickness, masks=masks, boxes_xyxy=boxes)


def _lineage(scene: Scene, index: int) -> list[int]:
    """An object and the inner parcels around it."""
    line = [index]
    while (parent := scene.objects[line[-1]].parent) is not None:
        line.append(parent)
    return line


def _box(mask: Mask) -> tuple[int, int, int, int] | None:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
