"""A parcel that is scanned a second time: carried about, and perhaps opened on its way. In mm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from parcelscope.datasets.xray.packing import HeightMap, place, posed
from parcelscope.datasets.xray.parcel import PARCEL_LIMIT_MM, on_belt
from parcelscope.datasets.xray.scan import object_masses_g, solid_mass_g
from parcelscope.datasets.xray.scene import Kind, Model, Scene, Solid, Vector
from parcelscope.datasets.xray.solids import (
    about_x,
    about_y,
    about_z,
    bounds,
    scaled,
    turned,
    vector,
)

SLIP_MM = 2.0
"""How far an article slides on its way, one standard deviation each way."""
SLIP_TURN = 0.03
"""How far it turns, in radians, one standard deviation."""


@dataclass(frozen=True, slots=True)
class Article:
    """One object of a scene with its solids, in the scene's frame."""

    name: str
    kind: Kind
    parent: int | None
    solids: tuple[Solid, ...]


def articles_of(scene: Scene) -> list[Article]:
    """The objects of `scene` in their order."""
    held: list[list[Solid]] = [[] for _ in scene.objects]
    for solid, owner in zip(scene.solids, scene.object_of, strict=True):
        held[owner].append(solid)
    return [
        Article(placed.name, placed.kind, placed.parent, tuple(solids))
        for placed, solids in zip(scene.objects, held, strict=True)
    ]


def carried(
    scene: Scene,
    rng: np.random.Generator,
    limit_mm: Vector,
    *,
    slip_mm: float = SLIP_MM,
    without: int | None = None,
    added: Article | None = None,
) -> Scene:
    """`scene` set down on another belt, on any side up or down, its contents having slipped.

    Args:
        scene: The parcel or carton as it was scanned first.
        rng: Source of chance.
        limit_mm: (3,) what the second scanner takes.
        slip_mm: Standard deviation of how far each article slides.
        without: Index of the object that was taken out, if any; with all that it holds.
        added: What was put in, in the frame of `scene`, if anything.
    """
    articles = articles_of(scene)
    slips = [_slip(rng, article, slip_mm) for article in articles]
    # What lies in an inner parcel goes with it.
    moved = [
        turned(one.solids, *(slips[k if one.parent is None else one.parent]))
        for k, one in enumerate(articles)
    ]
    groups: list[tuple[str, Kind, list[Solid]]] = []
    parents: list[int | None] = []
    number: dict[int, int] = {}
    for k, (one, solids) in enumerate(zip(articles, moved, strict=True)):
        if without is not None and without in (k, one.parent):
            continue
        number[k] = len(groups)
        groups.append((one.name, one.kind, solids))
        parents.append(None if one.parent is None else number[one.parent])
    if added is not None:
        groups.append((added.name, added.kind, list(added.solids)))
        parents.append(None)
    return _set_down(rng, groups, parents, limit_mm)


def repacked(scene: Scene, rng: np.random.Generator, limit_mm: Vector) -> Scene:
    """The same contents, taken out of the same packaging and put back another way."""
    articles = articles_of(scene)
    low, high = _extent([s for one in articles if one.kind != "packaging" for s in one.solids])
    # A little more room than the contents took: they never go back as well as they came.
    size = (high - low) + (10, 10, 60)
    heights = HeightMap((float(size[0]), float(size[1])), float(size[2]))
    middle = np.array([*((low + high)[:2] / 2), low[2]])
    groups: list[tuple[str, Kind, list[Solid]]] = []
    for one in articles:
        solids = list(one.solids)
        if one.kind != "packaging":
            model = as_model(one)
            pose = place(model, heights, rng, freedom="flat", orientations=6, spots=20)
            solids = list(one.solids) if pose is None else turned(posed(model, pose), shift=middle)
        groups.append((one.name, one.kind, solids))
    return _set_down(rng, groups, [one.parent for one in articles], limit_mm)


def on_its_side(scene: Scene, rng: np.random.Generator, limit_mm: Vector) -> Scene:
    """`scene` turned onto another face, or left as it lies where it fits on none other."""
    articles = articles_of(scene)
    groups = [(one.name, one.kind, list(one.solids)) for one in articles]
    for turn in (about_x(np.pi / 2), about_y(np.pi / 2)):
        low, high = bounds([s for _, _, solids in groups for s in solids], turn)
        if np.all(high.max(axis=0) - low.min(axis=0) <= limit_mm):
            groups = [(name, kind, turned(solids, turn)) for name, kind, solids in groups]
            break
    return on_belt(rng, groups, limit_mm, [one.parent for one in articles])


def like_parcel(pattern: Scene, rng: np.random.Generator) -> Scene:
    """Another parcel of the same lot: the same articles, packed anew."""
    return repacked(pattern, rng, PARCEL_LIMIT_MM)


def put_in(scene: Scene, model: Model, rng: np.random.Generator) -> Article:
    """`model` somewhere among the contents of `scene`."""
    low, high = _extent(
        [s for one in articles_of(scene) if one.kind != "packaging" for s in one.solids]
    )
    turn = about_z(float(rng.uniform(0, np.pi)))
    half = _half(model.solids, turn)
    room = np.maximum((high - low) / 2 - half, 0)
    centre = (low + high) / 2 + rng.uniform(-1, 1, 3) * room
    return Article(model.name, "item", None, tuple(turned(model.solids, turn, centre)))


def of_mass(model: Model, grams: float) -> Model:
    """`model` larger or smaller, so that it weighs `grams`."""
    return scaled(model, float((grams / mass_g(model.solids)) ** (1 / 3)))


def mass_g(solids: Sequence[Solid]) -> float:
    """Mass of `solids`."""
    return sum(solid_mass_g(solid) for solid in solids)


def of_about(scene: Scene, grams: float) -> int | None:
    """The article of `scene` that weighs closest to `grams`; None where all are off by a half."""
    masses = object_masses_g(scene)
    found = [
        (abs(float(np.log(masses[k] / grams))), k)
        for k, placed in enumerate(scene.objects)
        if placed.kind in ("goods", "item") and placed.parent is None and masses[k] > 0
    ]
    distance, index = min(found, default=(np.inf, 0))
    return index if distance < np.log(1.5) else None


def as_model(article: Article) -> Model:
    """`article` in a frame of its own."""
    low, high = _extent(article.solids)
    solids = turned(article.solids, shift=-(low + high) / 2)
    return Model(name=article.name, size_mm=high - low, solids=tuple(solids))


def _slip(rng: np.random.Generator, article: Article, slip_mm: float) -> tuple[Vector, Vector]:
    """Rotation and shift of `article` about its own middle; packaging stays."""
    turn = about_z(float(rng.normal(0, SLIP_TURN * slip_mm / SLIP_MM)))
    shift = np.array([*rng.normal(0, slip_mm, 2), 0.0])
    if article.kind == "packaging" or not article.solids:
        return np.eye(3), np.zeros(3)
    low, high = _extent(article.solids)
    middle = (low + high) / 2
    return turn, middle - turn @ middle + shift


def _set_down(
    rng: np.random.Generator,
    groups: Sequence[tuple[str, Kind, list[Solid]]],
    parents: Sequence[int | None],
    limit_mm: Vector,
) -> Scene:
    """On the belt, turned by any quarter that fits, now and then upside down."""
    turn = about_z(np.pi * float(rng.integers(2)))
    if rng.random() < 0.5:
        quarter = about_z(np.pi / 2)
        low, high = bounds([s for _, _, solids in groups for s in solids], quarter)
        if np.all((high.max(axis=0) - low.min(axis=0))[:2] <= limit_mm[:2]):
            turn = quarter @ turn
    if rng.random() < 0.3:
        turn = about_x(np.pi) @ turn
    laid = [(name, kind, turned(solids, turn)) for name, kind, solids in groups]
    return on_belt(rng, laid, limit_mm, parents)


def _extent(solids: Sequence[Solid]) -> tuple[Vector, Vector]:
    low, high = bounds(solids)
    return low.min(axis=0), high.max(axis=0)


def _half(solids: Sequence[Solid], turn: Vector) -> Vector:
    low, high = bounds(solids, turn)
    half: Vector = np.maximum((high.max(axis=0) - low.min(axis=0)) / 2, vector(1, 1, 1))
    return half
