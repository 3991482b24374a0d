"""What items of interest of every class share: their own packaging and repeats. Lengths in mm."""

from collections.abc import Callable, Sequence

import numpy as np

from parcelscope.datasets.xray.scene import Model, Solid
from parcelscope.datasets.xray.solids import (
    about_z,
    block,
    bounds,
    hollow,
    model,
    pick,
    turned,
)

Form = Callable[[np.random.Generator], list[Solid]]
LARGEST_MM = np.array([330.0, 230.0, 120.0])
MOST_SOLIDS = 110
"""Each solid costs rendering time."""


def one_of(
    rng: np.random.Generator, name: str, forms: Sequence[Form], weights: Sequence[float]
) -> Model:
    """A specimen of one of `forms`, sometimes in packaging of its own, no larger than a parcel.

    Raises:
        ValueError: If none of many draws is small enough, so the forms are at fault.
    """
    share = np.asarray(weights, float) / np.sum(weights)
    for _ in range(200):
        solids = forms[int(rng.choice(len(forms), p=share))](rng)
        if rng.random() < 0.35:
            solids = wrapped(rng, solids)
        article = model(name, solids)
        if len(solids) <= MOST_SOLIDS and (article.size_mm <= LARGEST_MM).all():
            return article
    raise ValueError(f"{name} must fit into {LARGEST_MM} mm, none of 200 draws did")


def wrapped(rng: np.random.Generator, solids: list[Solid]) -> list[Solid]:
    """`solids` in a bag, foil, cloth, foam, a carton, a tin or a hard case."""
    low, high = bounds(solids)
    lowest, highest = low.min(axis=0), high.max(axis=0)
    middle, half = (lowest + highest) / 2, (highest - lowest) / 2
    material, wall, room = (
        ("pe", 0.08, 1.0),
        ("pe", 0.08, 1.0),
        ("al", rng.uniform(0.03, 0.15), 0.5),
        ("textile_cotton", rng.uniform(1.0, 6.0), 0.3),
        ("pe_foam", rng.uniform(2.0, 8.0), 0.3),
        ("paper", rng.uniform(0.2, 0.6), 1.0),
        ("cardboard", rng.uniform(1.0, 3.0), rng.uniform(0.5, 4.0)),
        ("pvc", rng.uniform(0.1, 0.4), 0.6),
        ("steel", rng.uniform(0.2, 0.3), 2.0),
        ("pp", rng.uniform(0.8, 1.8), 2.0),
    )[int(rng.choice(10, p=[0.14, 0.12, 0.1, 0.12, 0.12, 0.12, 0.14, 0.08, 0.02, 0.04]))]
    uneven = {"al": 0.4, "textile_cotton": 0.5, "pe": 0.5}.get(material, 0.1)
    shell = block(
        middle, half + wall + room, material, texture=int(rng.integers(64)), amplitude=uneven
    )
    extra: list[Solid] = []
    if material == "paper" and rng.random() < 0.5:  # a folded leaflet
        leaflet = half[:2] * rng.uniform(0.5, 0.9, 2)
        extra.append(block((*middle[:2], highest[2] + room * 0.5), (*leaflet, 0.3), "paper"))
    return [*solids, *hollow(shell, wall), *extra]


def repeated(
    rng: np.random.Generator, make: Callable[[], list[Solid]], count: int, *, alike: bool = True
) -> list[Solid]:
    """`count` specimens side by side, in one or two rows or layers, or thrown together."""
    single = model("", make())
    manner = pick(rng, "rows", "rows", "layers", "loose")
    rows = 2 if count > 3 and rng.random() < 0.5 else 1
    gap = rng.uniform(0.3, 5.0)
    flips = rng.random() < 0.3
    solids: list[Solid] = []
    for k in range(count):
        unit = single if alike or k == 0 else model("", make())
        size = single.size_mm
        row, place = k % rows, k // rows
        step = (size[0] + gap) * row, (size[1] + gap) * place, 0.0
        if manner == "layers":
            step = 0.0, (size[1] + gap) * (k % 2), (size[2] + 0.3) * (k // 2)
        angle = rng.normal(0, 0.02) + np.pi * (flips and k % 2)
        if manner == "loose":
            angle = rng.normal(0, 0.35)
            step = step[0], step[1] * 1.1, step[2]
        solids += turned(unit.solids, about_z(angle), step)
    return solids
