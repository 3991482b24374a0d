"""One parcel as a scene: outer packaging, goods, hidden items of interest, filler."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parcelscope.datasets.xray.goods import goods_names, make_goods
from parcelscope.datasets.xray.items import make_item
from parcelscope.datasets.xray.packing import Freedom, HeightMap, place, posed
from parcelscope.datasets.xray.scene import Kind, Model, Scene, Solid, Vector
from parcelscope.datasets.xray.solids import Variety, about_z, bounds, scaled, turned, vector
from parcelscope.datasets.xray.wrapping import carton_walls, filler, loose_bits, mailer_walls

PARCEL_LIMIT_MM = np.array([500.0, 380.0, 250.0])
"""What fits through the scanner: length along the belt, width, height."""
SOLIDS_MEANT = 400
"""Goods are added only up to here, since the time to render grows with the number of solids."""
ATTEMPTS = 24


@dataclass(frozen=True, slots=True)
class Content:
    """One article of a parcel."""

    article: Model
    kind: Kind
    freedom: Freedom


@dataclass(frozen=True, slots=True)
class Packed:
    """An article with its solids in the container's frame."""

    content: Content
    solids: list[Solid]


def make_parcel(
    rng: np.random.Generator,
    *,
    items: Sequence[str] = (),
    variety: Variety = "familiar",
    clutter: float = 1.0,
) -> Scene:
    """A parcel on the belt, within `PARCEL_LIMIT_MM` about the origin.

    Args:
        rng: Source of chance; the same state gives the same parcel.
        items: Labels of the items of interest to hide in it, from `ITEM_LABELS`.
        variety: Which designs its articles are drawn from.
        clutter: How much lies about in it: 0 tidy, 1 usual, 2 messy.

    Raises:
        ValueError: If an item is unknown, or the items cannot all be packed.
    """
    hidden = [make_item(label, rng, variety) for label in items]
    style = str(rng.choice(["carton", "poly", "bubble", "kraft"], p=[0.66, 0.14, 0.12, 0.08]))
    wall = rng.uniform(3.0, 6.5) if style == "carton" else 3.0
    contents = _choose(rng, hidden, variety, flat=style != "carton", clutter=clutter)
    # What is too thick for an envelope is sent in a carton.
    for container in dict.fromkeys([style, "carton"]):
        for attempt in range(ATTEMPTS):
            room, packed = _pack(rng, contents, wall, container, grown=attempt / ATTEMPTS)
            if packed is not None:
                return _assemble(rng, packed, room, wall, container, clutter)
    raise ValueError(
        f"{len(hidden)} items must fit into one parcel of {PARCEL_LIMIT_MM.round()} mm, "
        f"got {', '.join(items)}"
    )


def _choose(
    rng: np.random.Generator, hidden: list[Model], variety: Variety, *, flat: bool, clutter: float
) -> list[Content]:
    """Goods and items in the order in which they go in."""
    wanted = int(np.clip(round(rng.integers(4, 15) * (0.5 + 0.5 * clutter)), 3, 15))
    if flat:
        wanted = min(wanted, 6)
    names = goods_names(variety)
    solids = sum(len(article.solids) for article in hidden)
    contents: list[Content] = []
    for _ in range(3 * wanted):
        if len(contents) == wanted:
            break
        name = names[int(rng.integers(len(names)))]
        # Small loose parts are what real parcels have most of.
        name = "small_parts" if rng.random() < 0.08 * clutter else name
        article = make_goods(name, rng, variety)
        too_thick = flat and article.size_mm[2] > 45
        if too_thick or solids + len(article.solids) > SOLIDS_MEANT:
            continue
        solids += len(article.solids)
        free = article.size_mm.max() < 150 and rng.random() < 0.5 and not flat
        contents.append(Content(article, "goods", "any" if free else "flat"))
    for article in hidden:
        free = rng.random() < 0.3
        spot = int(rng.integers(0, len(contents) + 1))
        contents.insert(spot, Content(article, "item", "any" if free else "flat"))
    return contents


def _pack(
    rng: np.random.Generator, contents: list[Content], wall: float, style: str, *, grown: float
) -> tuple[Vector, list[Packed] | None]:
    """Contents in a container; None for them where an item did not fit.

    `grown`, 0 to 1, moves from the size that suits the contents to the largest allowed.
    """
    limit = PARCEL_LIMIT_MM - 2 * wall - (24, 24, 8)
    volume = sum(float(np.prod(content.article.size_mm)) for content in contents)
    height = rng.uniform(70, 190) if style == "carton" else rng.uniform(25, 70)
    area = max(volume / height * rng.uniform(1.3, 2.0), 180 * 130)
    ratio = rng.uniform(1.05, 1.6)
    footprint = np.clip(np.array([np.sqrt(area * ratio), np.sqrt(area / ratio)]),
                        (170, 120), limit[:2])  # fmt: skip
    footprint = footprint + (limit[:2] - footprint) * grown
    ceiling = limit[2] if style == "carton" else 60 + 60 * grown
    heights = HeightMap((float(footprint[0]), float(footprint[1])), float(ceiling))
    packed: list[Packed] = []
    # In the last attempts the items go in first, so that no goods take their room.
    order = (
        sorted(contents, key=lambda content: content.kind != "item") if grown > 0.5 else contents
    )
    for content in order:
        freedom: Freedom = "flat" if grown > 0.5 else content.freedom
        pose = place(content.article, heights, rng, freedom=freedom, orientations=5, spots=20)
        if pose is not None:
            packed.append(Packed(content, posed(content.article, pose)))
        elif content.kind == "item":
            return footprint, None
    if not packed:
        article = scaled(contents[0].article, 0.6)
        content = Content(article, contents[0].kind, "flat")
        pose = place(article, heights, rng)
        if pose is None:
            return footprint, None
        packed.append(Packed(content, posed(article, pose)))
    top = min(heights.top_mm + rng.uniform(2, 25), float(ceiling))
    return np.array([*footprint, max(top, 12.0)]), packed


def _assemble(
    rng: np.random.Generator,
    packed: list[Packed],
    room: Vector,
    wall: float,
    style: str,
    clutter: float,
) -> Scene:
    size = room + 2 * wall
    if style == "carton":
        walls = carton_walls(rng, size, wall)
    else:
        size = size + vector(14, 14, 0)
        walls = mailer_walls(rng, size, style)
    soft = filler(rng, room, int(rng.integers(0, 9)))
    bits = loose_bits(rng, room, int(rng.poisson(4 * clutter)))
    groups: list[tuple[str, Kind, list[Solid]]] = [(style, "packaging", walls)]
    lift = np.array([0, 0, wall])
    if soft or bits:
        groups.append(("filler", "packaging", turned([*soft, *bits], shift=lift)))
    groups += [
        (one.content.article.name, one.content.kind, turned(one.solids, shift=lift))
        for one in packed
    ]
    return on_belt(rng, groups, PARCEL_LIMIT_MM)


def on_belt(
    rng: np.random.Generator,
    groups: Sequence[tuple[str, Kind, list[Solid]]],
    limit_mm: Vector,
    parents: Sequence[int | None] | None = None,
) -> Scene:
    """A scene of `groups`, set down slightly askew and off centre, but within `limit_mm` (3,)."""
    everything = [solid for _, _, solids in groups for solid in solids]
    yaw = float(rng.uniform(-0.3, 0.3))
    for _ in range(12):
        low, high = bounds(everything, about_z(yaw))
        lowest, highest = low.min(axis=0), high.max(axis=0)
        spare = limit_mm[:2] - (highest - lowest)[:2]
        if spare.min() >= 0:
            break
        yaw *= 0.6
    else:
        yaw = 0.0
        low, high = bounds(everything)
        lowest, highest = low.min(axis=0), high.max(axis=0)
        spare = limit_mm[:2] - (highest - lowest)[:2]
    play = np.clip(spare / 2, 0, (25, 15))
    middle = (lowest + highest)[:2] / 2
    shift = np.array([*(rng.uniform(-1, 1, 2) * play - middle), -lowest[2]])
    scene = Scene()
    for k, (name, kind, solids) in enumerate(groups):
        parent = parents[k] if parents is not None else None
        scene.add(scene.begin(name, kind, parent), turned(solids, about_z(yaw), shift))
    return scene
