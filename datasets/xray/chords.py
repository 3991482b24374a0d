"""Chords of the rays of a scan with ellipsoids, boxes and cylinders, many solids at a time.

In a solid's own frame, the ray of pixel (row, column) passes `u * r0 + v(row) * r1` and runs along
the unit vector `d(row)`: r0 and r1 are the local directions of the world's x and y axes, u is the
column's x and v(row) the y at which the ray crosses the height of the solid's centre, both taken
from the centre. Only u depends on the column. All the costly algebra is therefore per row, in
double precision, and a pixel takes a handful of single-precision operations.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.scene import Shape, Solid

Array = npt.NDArray[np.float64]
Image = npt.NDArray[np.float32]
Window = npt.NDArray[np.intp]
"""(N, 4) first column, end column, first row, end row."""

BATCH_PX = 64
"""Solids that project to no more than this many rows and columns are computed in batches."""
BATCH_ELEMENTS = 1 << 15
"""Pixels per batch: intermediate results stay in the second-level cache."""
LEAST_SLOPE = 1e-7
"""A ray is never exactly parallel to a face: it is turned by this, far below a pixel."""
CORNERS = np.array([[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)], np.float64)


def windows(solids: list[Solid], geometry: Geometry) -> Window:
    """Pixels that each solid can project to, from the corners of its oriented box."""
    if not solids:
        return np.zeros((0, 4), np.intp)
    half = np.stack([solid.half_mm for solid in solids])
    rotation = np.stack([solid.rotation for solid in solids])
    centre = np.stack([solid.centre_mm for solid in solids])
    corners = centre[:, None] + np.einsum("nij,nkj->nki", rotation, CORNERS * half[:, None])
    column = geometry.column_of(corners[..., 0])
    row = geometry.row_of(corners[..., 1], corners[..., 2])
    first_column, first_row = np.ceil(column.min(1)), np.ceil(row.min(1))
    end_column, end_row = np.floor(column.max(1)) + 1, np.floor(row.max(1)) + 1
    edges = np.stack([first_column, end_column, first_row, end_row], 1)
    limit = [geometry.columns, geometry.columns, geometry.rows, geometry.rows]
    clipped: Window = np.clip(edges, 0, limit).astype(np.intp)
    return clipped


def chords(
    solids: list[Solid], window: Window, geometry: Geometry
) -> Iterator[tuple[list[int], Image]]:
    """Chord lengths of all solids in their windows, in batches of one shape and similar size.

    Yields:
        Indices of some solids, and (n, h, w) chords in mm whose first row and column are those of
        each solid's window; h and w are at least the window's, beyond it the chords mean nothing.
    """
    width, height = window[:, 1] - window[:, 0], window[:, 3] - window[:, 2]
    groups: dict[tuple[Shape, int, int], list[int]] = {}
    for k in np.flatnonzero((width > 0) & (height > 0)).tolist():
        w, h = int(width[k]), int(height[k])
        if max(w, h) > BATCH_PX:
            yield [k], _chords_of([solids[k]], window[k : k + 1], h, w, geometry)
        else:
            # Sizes rounded up to 2, 4, 6, 8, 12, 16, 24 ...: few batches, little waste.
            groups.setdefault((solids[k].shape, _rounded(h), _rounded(w)), []).append(k)
    for (_, h, w), members in groups.items():
        step = max(1, BATCH_ELEMENTS // (h * w))
        for start in range(0, len(members), step):
            batch = members[start : start + step]
            yield batch, _chords_of([solids[k] for k in batch], window[batch], h, w, geometry)


def _rounded(size: int) -> int:
    unit = 1 << max(1, size.bit_length() - 2)
    return -(-size // unit) * unit


def _chords_of(solids: list[Solid], window: Window, h: int, w: int, geometry: Geometry) -> Image:
    """(n, h, w) chords of n solids of one shape."""
    half = np.stack([solid.half_mm for solid in solids])  # (n, 3)
    rotation = np.stack([solid.rotation for solid in solids])  # (n, 3, 3), local to world
    centre = np.stack([solid.centre_mm for solid in solids])  # (n, 3)
    u = geometry.x_of(window[:, :1] + np.arange(w)) - centre[:, :1]  # (n, w)
    slope = geometry.slope_of(window[:, 2:3] + np.arange(h))  # (n, h)
    v = slope * (centre[:, 2:] - geometry.source_z_mm) - centre[:, 1:2]  # (n, h)
    length = np.sqrt(1 + slope**2)[..., None]
    direction = (slope[..., None] * rotation[:, None, 1] + rotation[:, None, 2]) / length
    column = u[:, None].astype(np.float32)  # (n, 1, w)
    start = v[..., None] * rotation[:, None, 1]  # (n, h, 3): the ray's point at u = 0
    if solids[0].shape == "ellipsoid":
        return _ellipsoid(column, rotation[:, 0], start, direction, half)
    if solids[0].shape == "box":
        near, far = _slab(column, rotation[:, 0, 0], start[..., 0], direction[..., 0], half[:, 0])
        rest = [1, 2]
    else:
        near, far = _tube(column, rotation[:, 0], start, direction, half)
        rest = [2]
    for axis in rest:
        other_near, other_far = _slab(
            column, rotation[:, 0, axis], start[..., axis], direction[..., axis], half[:, axis]
        )
        near, far = np.maximum(near, other_near), np.minimum(far, other_far)
    far -= near
    return np.maximum(far, np.float32(0), out=far)


def _ellipsoid(column: Image, r0: Array, start: Array, direction: Array, half: Array) -> Image:
    """Chord 2 sqrt(D) / a with D = a - |p x q|^2, a = |q|^2, in units of the half axes.

    As p is linear in u, D is a parabola in u: D = top - |U|^2 (u - u0)^2 with U = r0 x q.
    """
    q = direction / half[:, None]  # (n, h, 3)
    per_u = np.cross((r0 / half)[:, None], q)
    fixed = np.cross(start / half[:, None], q)
    # Never zero: a ray has no part along x, so it cannot be parallel to r0.
    steep = np.einsum("nhi,nhi->nh", per_u, per_u)
    offset = np.einsum("nhi,nhi->nh", per_u, fixed) / steep
    apart = np.cross(per_u, fixed)
    square = np.einsum("nhi,nhi->nh", q, q)
    top = square - np.einsum("nhi,nhi->nh", apart, apart) / steep
    # Scaled so that the square root is the chord itself.
    chord: Image = column + _rows(offset)
    chord *= chord
    chord *= _rows(-4 * steep / square**2)
    chord += _rows(4 * top / square**2)
    np.maximum(chord, np.float32(0), out=chord)
    return np.sqrt(chord, out=chord)


def _slab(
    column: Image, r0: Array, start: Array, direction: Array, half: Array
) -> tuple[Image, Image]:
    """Ray parameters at which rays enter and leave |coordinate| <= half, along one local axis."""
    steep = np.where(np.abs(direction) < LEAST_SLOPE, LEAST_SLOPE, direction)
    middle: Image = column * _rows(-r0[:, None] / steep)
    reach = half[:, None] / np.abs(steep)
    return middle + _rows(-start / steep - reach), middle + _rows(-start / steep + reach)


def _tube(
    column: Image, r0: Array, start: Array, direction: Array, half: Array
) -> tuple[Image, Image]:
    """Ray parameters at which rays enter and leave an endless elliptic tube along local z."""
    radii = half[:, None, :2]
    q = direction[..., :2] / radii
    along = np.abs(q).max(-1, keepdims=True) < LEAST_SLOPE
    q = np.where(along, LEAST_SLOPE * np.array([0.6, 0.8]), q)
    p0, p1 = (r0[:, None, :2] / radii), start[..., :2] / radii
    square = (q**2).sum(-1)
    side: Image = column * _rows(p0[..., 0] * q[..., 1] - p0[..., 1] * q[..., 0])
    side += _rows(p1[..., 0] * q[..., 1] - p1[..., 1] * q[..., 0])
    side *= side
    np.subtract(_rows(square), side, out=side)
    miss = side <= 0
    np.maximum(side, np.float32(0), out=side)
    np.sqrt(side, out=side)
    side *= _rows(1 / square)
    middle: Image = column * _rows(-(p0 * q).sum(-1) / square)
    middle += _rows(-(p1 * q).sum(-1) / square)
    far = middle + side
    far[miss] = -np.inf
    return middle - side, far


def _rows(values: Array) -> Image:
    """(n, h) as (n, h, 1) in single precision."""
    return values.astype(np.float32)[..., None]
