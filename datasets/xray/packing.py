"""Packing: articles dropped into a container, one by one, onto what already lies there. In mm."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid, Vector, moved
from parcelscope.datasets.xray.solids import about_x, about_y, about_z, bounds

Freedom = Literal["flat", "any"]
"""`flat`: only turned about the vertical, with a slight tilt; `any`: may rest on any face."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Where an article ends up: turned by `rotation` (3, 3), then shifted by `shift_mm` (3,)."""

    rotation: Vector
    shift_mm: Vector


@dataclass(slots=True)
class HeightMap:
    """How high the contents of a container reach, cell by cell.

    The container's frame has its origin at the centre of its floor.
    """

    size_xy_mm: tuple[float, float]
    ceiling_mm: float
    cell_mm: float = 4.0
    heights_mm: Vector = field(init=False)

    def __post_init__(self) -> None:
        cells = [max(1, int(size // self.cell_mm)) for size in self.size_xy_mm]
        self.heights_mm = np.zeros(cells)

    @property
    def top_mm(self) -> float:
        """The highest point of the contents."""
        return float(self.heights_mm.max())


@dataclass(frozen=True, slots=True)
class Profile:
    """The underside and the upper side of an article over the cells of its footprint."""

    low_corner_mm: Vector
    """(3,) lowest corner of the turned article, in its own frame."""
    height_mm: float
    under_mm: Vector
    """(nx, ny) above the low corner, infinite where nothing is."""
    over_mm: Vector
    """(nx, ny) above the low corner, zero where nothing is."""


def profile(article: Model, rotation: Vector, cell_mm: float) -> Profile:
    """The profile of `article` turned by `rotation`."""
    low, high = bounds(article.solids, rotation)
    corner = low.min(axis=0)
    low, high = low - corner, high - corner
    size = high.max(axis=0)
    cells = np.maximum(1, np.ceil(size[:2] / cell_mm).astype(int))
    under, over = np.full(cells, np.inf), np.zeros(cells)
    first = np.floor(low[:, :2] / cell_mm).astype(int)
    last = np.maximum(first + 1, np.ceil(high[:, :2] / cell_mm).astype(int))
    for k in range(len(low)):
        window = (slice(first[k, 0], last[k, 0]), slice(first[k, 1], last[k, 1]))
        np.minimum(under[window], low[k, 2], out=under[window])
        np.maximum(over[window], high[k, 2], out=over[window])
    return Profile(corner, float(size[2]), under, over)


def orientation(rng: np.random.Generator, freedom: Freedom) -> Vector:
    """A random way (3, 3) for an article to lie."""
    yaw = about_z(rng.choice([0, np.pi / 2, np.pi, -np.pi / 2]) + rng.normal(0, 0.3))
    if freedom == "flat":
        return yaw @ about_x(rng.normal(0, 0.04)) @ about_y(rng.normal(0, 0.04))
    face = int(rng.integers(6))
    turn = about_x(face * np.pi / 2) if face < 4 else about_y((2 * face - 9) * np.pi / 2)
    tilt = about_x(rng.normal(0, 0.15)) @ about_y(rng.normal(0, 0.15))
    return yaw @ tilt @ turn


def place(
    article: Model,
    heights: HeightMap,
    rng: np.random.Generator,
    *,
    freedom: Freedom = "flat",
    orientations: int = 4,
    spots: int = 10,
    square: bool = False,
) -> Pose | None:
    """Drop `article` where it comes to rest lowest among some random spots.

    Args:
        article: What to place.
        heights: The container; updated when a place is found.
        rng: Source of chance.
        freedom: Which ways the article may lie.
        orientations: How many of them are tried.
        spots: How many places are tried for each.
        square: Keep the sides parallel to the container's.

    Returns:
        The pose in the container's frame, or None where nothing fitted under the ceiling.
    """
    best: tuple[float, Profile, Vector, int, int, float] | None = None
    for attempt in range(orientations):
        if square:
            turn = about_z(attempt % 2 * np.pi / 2 + rng.normal(0, 0.015))
        else:
            turn = orientation(rng, freedom)
        outline = profile(article, turn, heights.cell_mm)
        room = np.array(heights.heights_mm.shape) - np.array(outline.under_mm.shape)
        if room.min() < 0 or outline.height_mm > heights.ceiling_mm:
            continue
        for i, j in rng.integers(0, room + 1, size=(spots, 2)):
            base = _rest(heights, outline, int(i), int(j))
            top = base + outline.height_mm
            if top <= heights.ceiling_mm and (best is None or top < best[0]):
                best = (top, outline, turn, int(i), int(j), base)
    if best is None:
        return None
    _, outline, turn, i, j, base = best
    window = _window(outline, i, j)
    lifted = np.where(outline.over_mm > 0, base + outline.over_mm, 0)
    np.maximum(heights.heights_mm[window], lifted, out=heights.heights_mm[window])
    cells = np.array(heights.heights_mm.shape)
    corner = (np.array([i, j]) - cells / 2) * heights.cell_mm
    return Pose(turn, np.array([*corner, base]) - outline.low_corner_mm)


def _window(outline: Profile, i: int, j: int) -> tuple[slice, slice]:
    nx, ny = outline.under_mm.shape
    return slice(i, i + nx), slice(j, j + ny)


def _rest(heights: HeightMap, outline: Profile, i: int, j: int) -> float:
    """Height at which the article's low corner comes to rest."""
    gap = heights.heights_mm[_window(outline, i, j)] - outline.under_mm
    return max(0.0, float(gap.max()))


def posed(article: Model, pose: Pose) -> list[Solid]:
    """The solids of `article` in the container's frame."""
    return [moved(s, rotation=pose.rotation, shift_mm=pose.shift_mm) for s in article.solids]
