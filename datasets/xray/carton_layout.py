"""Where the inner parcels of a master carton stand: in rows, or dropped in. Lengths in mm."""

from dataclasses import dataclass

import numpy as np

from parcelscope.datasets.xray.packing import HeightMap, Pose, place
from parcelscope.datasets.xray.scene import Vector
from parcelscope.datasets.xray.solids import about_z, block, model

CARTON_LIMIT_MM = np.array([600.0, 450.0, 400.0])
SMALLEST_MM = np.array([40.0, 30.0, 12.0])
"""No inner parcel is made smaller than this, except to make the last ones fit."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the inner parcels stand in the carton."""

    room_mm: Vector
    """(3,) inside of the carton."""
    sizes_mm: Vector
    """(n, 3) outer sizes of the inner parcels."""
    poses: list[Pose]
    """From the inner parcel's frame (origin at the centre of its box) to the carton's."""


def laid_in_rows(
    rng: np.random.Generator, pieces: int, layers: int, least: Vector, wall: float
) -> Layout | None:
    """Identical parcels in rows, columns and layers; None where that would be too large.

    Args:
        rng: Source of chance.
        pieces: How many parcels.
        layers: How many layers they are to make.
        least: (3,) smallest size that holds what any of them must hide.
        wall: Thickness of the carton's walls.
    """
    limit = CARTON_LIMIT_MM - 2 * wall - (24, 24, 12)
    per_layer = -(-pieces // layers)
    size = np.maximum(rng.uniform((80, 60, 22), (210, 150, 95)), least)
    size[2] = min(size[2], limit[2] / layers - 3)
    columns = max(1, round(np.sqrt(per_layer * size[1] / size[0] * rng.uniform(0.7, 1.9))))
    columns = min(columns, per_layer)
    rows = -(-per_layer // columns)
    gap = rng.uniform(1, 5)
    share = (limit[:2] - gap) / np.array([columns, rows]) - gap
    size[:2] = np.minimum(size[:2], share)
    if (size < np.maximum(least, SMALLEST_MM)).any():
        return None
    pitch = np.array([size[0] + gap, size[1] + gap, size[2] + 1.0])
    cells = [(i, j, k) for k in range(layers) for j in range(rows) for i in range(columns)]
    # Bricks are laid with an offset where there is room for it, so layers do not hide each other.
    spare = np.maximum(limit[:2] - pitch[:2] * (columns, rows), 0)
    offset = np.minimum(pitch[:2] / 2, spare) * rng.uniform(0, 1, 2) if layers > 1 else np.zeros(2)
    room = np.array([*(pitch[:2] * (columns, rows) + offset), pitch[2] * layers + 4])
    poses = []
    for i, j, k in cells[:pieces]:
        jitter = rng.uniform(-0.45, 0.45, 2) * gap
        corner = pitch[:2] * (i + 0.5, j + 0.5) + offset * (k % 2) + jitter - room[:2] / 2
        height = pitch[2] * k + size[2] / 2 + 0.5
        half_turn = np.pi * (rng.random() < 0.25)
        turn = about_z(half_turn + rng.normal(0, 0.004 * gap / 3))
        poses.append(Pose(turn, np.array([*corner, height])))
    return Layout(room, np.tile(size, (pieces, 1)), poses)


def dropped_in(
    rng: np.random.Generator, pieces: int, layers: int, needed: Vector, wall: float
) -> Layout:
    """Parcels of all sizes dropped in one by one; smaller and smaller until all are in.

    Args:
        rng: Source of chance.
        pieces: How many parcels.
        layers: About how many lie above each other; 1 for side by side on the floor.
        needed: (pieces, 3) smallest size that holds what each must hide, kept as long as it can be.
        wall: Thickness of the carton's walls.
    """
    limit = CARTON_LIMIT_MM - 2 * wall - (24, 24, 12)
    drawn = rng.uniform((75, 55, 16), (240, 170, 110), size=(pieces, 3))
    drawn = np.maximum(drawn, needed)
    drawn[:, :2] = np.sort(drawn[:, :2])[:, ::-1]
    drawn[:, 2] = np.minimum(drawn[:, 2], limit[2] / layers - 2)
    share = float((drawn[:, 0] * drawn[:, 1]).sum()) * 1.35 / layers / float(limit[0] * limit[1])
    shrink, slack = min(1.0, share**-0.5), 1.0
    while True:
        sizes = np.maximum(drawn * (shrink, shrink, 1.0), np.minimum(needed, limit))
        if shrink > 0.3:
            sizes = np.maximum(sizes, SMALLEST_MM)
        layout = (
            _side_by_side(rng, sizes, limit)
            if layers == 1
            else _heap(rng, sizes, layers, slack, limit)
        )
        if layout is not None:
            return layout
        # A heap that rose too high gets a larger floor first, then smaller parcels.
        slack *= 1.15
        if layers == 1 or slack > 1.6:
            shrink *= 0.93
            drawn[:, 2] *= 1.0 if layers == 1 else 0.95
        if shrink < 0.35:
            # An item may have to be made smaller too, where many are asked for.
            needed = needed * 0.93
            drawn[:, 2] *= 0.95


def _side_by_side(rng: np.random.Generator, sizes: Vector, limit: Vector) -> Layout | None:
    """Parcels of `sizes` (n, 3) in rows on the floor, or None where the floor is too small."""
    gap = rng.uniform(2, 9)
    width = np.sqrt(float((sizes[:, 0] * sizes[:, 1]).sum()) * rng.uniform(1.3, 2.0))
    width = float(np.clip(width, sizes[:, 0].max() + 2 * gap, max(limit[0], sizes[:, 0].max())))
    places = np.zeros((len(sizes), 2))
    x, y, depth, reach = gap, gap, 0.0, 0.0
    for k in np.argsort(-sizes[:, 1] * rng.uniform(0.6, 1.4, len(sizes))):
        if x + sizes[k, 0] + gap > width:
            x, y, depth = gap, y + depth + gap, 0.0
        depth = max(depth, float(sizes[k, 1]))
        places[k] = x + sizes[k, 0] / 2, y + sizes[k, 1] / 2
        x += float(sizes[k, 0]) + gap
        reach = max(reach, x)
    room = np.array([reach, y + depth + gap, sizes[:, 2].max() + rng.uniform(2, 12)])
    if (room > limit).any():
        return None
    poses = []
    for place_xy, size in zip(places, sizes, strict=True):
        slip = rng.uniform(-0.4, 0.4, 2) * gap
        turn = about_z(rng.normal(0, 0.2 * gap / float(size.max())))
        poses.append(Pose(turn, np.array([*(place_xy + slip - room[:2] / 2), size[2] / 2])))
    return Layout(room, sizes, poses)


def _heap(
    rng: np.random.Generator, sizes: Vector, layers: int, slack: float, limit: Vector
) -> Layout | None:
    """Parcels of `sizes` (n, 3) dropped onto each other, or None where they rise too high."""
    area = float((sizes[:, 0] * sizes[:, 1]).sum()) / layers * 1.35 * slack
    ratio = rng.uniform(1.1, 1.5)
    footprint = np.array([np.sqrt(area * ratio), np.sqrt(area / ratio)])
    largest = np.minimum(sizes[:, :2].max(axis=0) + 12, limit[:2])
    footprint = np.clip(footprint, largest, limit[:2])
    heights = HeightMap((float(footprint[0]), float(footprint[1])), float(limit[2]), cell_mm=5.0)
    poses: list[Pose | None] = [None] * len(sizes)
    for k in np.argsort(-sizes[:, 0] * sizes[:, 1] * rng.uniform(0.7, 1.3, len(sizes))):
        outline = model("", [block((0, 0, 0), sizes[k] / 2, "air")])
        poses[k] = place(outline, heights, rng, orientations=3, spots=24, square=True)
        if poses[k] is None:
            return None
    room = np.array([*footprint, min(heights.top_mm + rng.uniform(2, 12), limit[2])])
    return Layout(room, sizes, [pose for pose in poses if pose is not None])
