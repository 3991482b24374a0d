"""A master carton as a scene: an exact number of inner parcels, each with its own contents."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from parcelscope.datasets.xray.carton_layout import (
    CARTON_LIMIT_MM,
    Layout,
    dropped_in,
    laid_in_rows,
)
from parcelscope.datasets.xray.goods import make_goods
from parcelscope.datasets.xray.items import make_item
from parcelscope.datasets.xray.packing import HeightMap, place, posed
from parcelscope.datasets.xray.parcel import on_belt
from parcelscope.datasets.xray.scene import Kind, Model, Scene, Solid, Vector, moved
from parcelscope.datasets.xray.solids import (
    Variety,
    about_z,
    ball,
    block,
    model,
    pick,
    scaled,
    turned,
    vector,
)
from parcelscope.datasets.xray.wrapping import carton_walls, inner_walls

MOST_PIECES = 40
SIMPLE_GOODS = (
    "book", "can", "candle", "charger", "clothing", "cream_tube", "documents", "earphones",
    "glassware", "jar", "light_bulb", "lipstick", "makeup_palette", "mug", "phone",
    "playing_cards", "soft_toy", "tea_pack", "tool", "toy_car", "watch",
)  # fmt: skip
"""Goods of few solids, so that a carton of thirty parcels still renders quickly."""
SIMPLE_UNSEEN_GOODS = (*SIMPLE_GOODS, "figurine", "padlock", "torch", "clock")
Arrangement = Literal["grid", "mixed"]
Contents = list[tuple[str, Kind, list[Solid]]]


def make_carton(
    rng: np.random.Generator,
    *,
    pieces: int,
    variety: Variety = "familiar",
    overlap: float = 0.5,
    items: Sequence[str] = (),
    arrangement: Arrangement | None = None,
) -> Scene:
    """A master carton on the belt with exactly `pieces` inner parcels, within `CARTON_LIMIT_MM`.

    Args:
        rng: Source of chance; the same state gives the same carton.
        pieces: How many inner parcels, 1 to `MOST_PIECES`.
        variety: Which designs the articles are drawn from.
        overlap: 0 for one layer side by side, 1 for high stacks.
        items: Labels of the items of interest to hide in inner parcels.
        arrangement: `grid` for near-identical parcels in rows, `mixed` for parcels of all sizes;
            drawn at random if None.

    Raises:
        ValueError: If `pieces` or `overlap` is out of range, or an item is unknown.
    """
    if not 1 <= pieces <= MOST_PIECES:
        raise ValueError(f"pieces must be from 1 to {MOST_PIECES}, got {pieces}")
    if not 0 <= overlap <= 1:
        raise ValueError(f"overlap must be from 0 to 1, got {overlap}")
    arrangement = arrangement or ("grid" if rng.random() < 0.5 else "mixed")
    wall = rng.uniform(4.5, 7.5)
    hidden = [make_item(label, rng, variety) for label in items]
    # Each item gets a parcel of its own as long as there are enough.
    order = rng.permutation(pieces)
    carriers = [int(order[k % pieces]) for k in range(len(hidden))]
    needed = _room_needed(hidden, carriers, pieces)
    layers = 1 + int(np.ceil(overlap * min(4, pieces - 1) - 1e-9))
    layout = None
    if arrangement == "grid":
        layout = laid_in_rows(rng, pieces, layers, needed.max(axis=0), wall)
    alike = layout is not None
    if layout is None:
        layout = dropped_in(rng, pieces, layers, needed, wall)
    contents = _contents(rng, layout, hidden, carriers, variety, alike=alike)
    return _assemble(rng, layout, contents, wall)


def _room_needed(hidden: list[Model], carriers: list[int], pieces: int) -> Vector:
    """(pieces, 3) least outer size of each inner parcel, zero where it hides nothing."""
    needed = np.zeros((pieces, 3))
    for article, carrier in zip(hidden, carriers, strict=True):
        size = np.sort(article.size_mm[:2])[::-1]
        stacked = needed[carrier, 2] + article.size_mm[2] + 8
        needed[carrier, :2] = np.maximum(needed[carrier, :2], size + 14)
        needed[carrier, 2] = min(stacked, CARTON_LIMIT_MM[2] / 2)
    return needed


def _contents(
    rng: np.random.Generator,
    layout: Layout,
    hidden: list[Model],
    carriers: list[int],
    variety: Variety,
    *,
    alike: bool,
) -> list[Contents]:
    """What each inner parcel holds, in its own frame; the first group is its wrapping."""
    styles = ("box", "box", "poly", "kraft")
    common = pick(rng, *styles)
    assortment = [pick(rng, *_palette(variety)) for _ in range(int(rng.integers(1, 4)))]
    pattern: Contents | None = None
    filled: list[Contents] = []
    for k, size in enumerate(layout.sizes_mm):
        inside = [article for article, at in zip(hidden, carriers, strict=True) if at == k]
        if alike and pattern is not None and not inside and rng.random() < 0.9:
            filled.append(_again(rng, pattern))
            continue
        names = assortment if alike else _palette(variety)
        style = common if alike or rng.random() < 0.4 else pick(rng, *styles)
        contents = _fill(rng, size, style, inside, names, variety)
        if alike and not inside and pattern is None:
            pattern = contents
        filled.append(contents)
    return filled


def _palette(variety: Variety) -> tuple[str, ...]:
    return SIMPLE_GOODS if variety == "familiar" else SIMPLE_UNSEEN_GOODS


def _again(rng: np.random.Generator, pattern: Contents) -> Contents:
    """The same contents in another parcel: each article has slipped and turned a little."""
    again: Contents = [pattern[0]]
    for name, kind, solids in pattern[1:]:
        turn = about_z(rng.normal(0, 0.02))
        slip = np.array([*rng.normal(0, 1.2, 2), 0])
        again.append((name, kind, [moved(s, rotation=turn, shift_mm=slip) for s in solids]))
    return again


def _fill(
    rng: np.random.Generator,
    size: Vector,
    style: str,
    inside: list[Model],
    names: Sequence[str],
    variety: Variety,
) -> Contents:
    wall = float(np.clip(size.min() * 0.04, 1.0, 2.6)) if style == "box" else 1.0
    room = np.maximum(size - 2 * wall - 1, 4.0)
    base = np.array([0, 0, -size[2] / 2])
    walls = turned(inner_walls(rng, size, style), shift=base)
    heights, held = _hide(rng, room, inside)

    def put(article: Model) -> bool:
        pose = place(article, heights, rng, orientations=2, spots=8, square=True)
        if pose is not None:
            held.append((article.name, "goods", posed(article, pose)))
        return pose is not None

    budget = int(rng.integers(10, 40))
    wanted = int(rng.integers(1, 5))
    for _ in range(wanted * 3):
        article = make_goods(pick(rng, *names), rng, variety)
        if len(article.solids) > budget or wanted == 0:
            continue
        shrunk = _shrunk_to(article, room)
        if shrunk.size_mm.max() > 0.5 * article.size_mm.max() and put(shrunk):
            budget -= len(article.solids)
            wanted -= 1
    if not held and not put(_bundle(rng, room)):
        put(scaled(_bundle(rng, room), 0.5))
    floor = base + vector(0, 0, wall + 0.5)
    return [
        (style, "inner_parcel", walls),
        *((name, kind, turned(solids, shift=floor)) for name, kind, solids in held),
    ]


def _hide(
    rng: np.random.Generator, room: Vector, inside: list[Model]
) -> tuple[HeightMap, Contents]:
    """An inner parcel with all items of interest `inside` in it, made smaller until they fit."""
    factor = 1.0
    while True:
        heights = HeightMap((float(room[0]), float(room[1])), float(room[2]), cell_mm=3.0)
        held: Contents = []
        for article in inside:
            fitted = scaled(_shrunk_to(article, room), factor)
            pose = place(fitted, heights, rng, orientations=6, spots=8, square=True)
            if pose is None:
                break
            held.append((article.name, "item", posed(fitted, pose)))
        else:
            return heights, held
        factor *= 0.93


def _shrunk_to(article: Model, room: Vector) -> Model:
    """`article`, made smaller if it is larger than `room` (3,) in every way of lying square."""
    flat = np.sort(article.size_mm[:2])[::-1]
    space = np.sort(room[:2])[::-1] - 7
    factor = float(min((space / flat).min(), (room[2] - 1) / article.size_mm[2], 1.0))
    return scaled(article, factor) if factor < 1 else article


def _bundle(rng: np.random.Generator, room: Vector) -> Model:
    """Folded cloth that fits any room: the goods of parcels in which nothing else fits."""
    half = (room - 8) / 2 * rng.uniform(0.7, 0.95, 3)
    half = np.maximum(half, 2.0)
    cloth = pick(rng, "textile_cotton", "textile_poly")
    solids = [
        block((0, 0, -half[2] / 2), (half[0], half[1], half[2] / 2), cloth, texture=3,
              amplitude=0.4),
        block((0, 0, half[2] / 2), (half[0] * 0.9, half[1] * 0.8, half[2] / 2), cloth, texture=9,
              amplitude=0.4),
        ball((half[0] * 0.2, 0, 0), half * (0.5, 0.6, 0.9), cloth, texture=11, amplitude=0.4),
    ]  # fmt: skip
    return model("clothing", solids)


def _assemble(
    rng: np.random.Generator, layout: Layout, contents: list[Contents], wall: float
) -> Scene:
    room = layout.room_mm
    groups: list[tuple[str, Kind, list[Solid]]] = [
        ("carton", "packaging", carton_walls(rng, room + 2 * wall, wall))
    ]
    parents: list[int | None] = [None]
    lift = np.array([0, 0, wall])
    for pose, inside in zip(layout.poses, contents, strict=True):
        parent = len(groups)
        for k, (name, kind, solids) in enumerate(inside):
            shift = pose.shift_mm + lift
            groups.append(
                (name, kind, [moved(s, rotation=pose.rotation, shift_mm=shift) for s in solids])
            )
            parents.append(None if k == 0 else parent)
    return on_belt(rng, groups, CARTON_LIMIT_MM, parents)
