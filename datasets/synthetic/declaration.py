"""What the manifest says of a parcel's goods: honestly, vaguely, or of other goods altogether."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.goods_catalog import CATALOG, describe
from parcelscope.datasets.xray.scene import Scene

Honesty = Literal["honest", "vague", "contradicting"]

VAGUE = (
    "gift", "gifts", "goods", "parts", "accessories", "daily necessities", "merchandise",
    "samples", "household goods", "personal effects", "misc items", "general goods", "toys",
    "tools", "supplies", "electronics", "apparel",
)  # fmt: skip
"""Wording that fits almost anything."""
MOST_KINDS = 3
"""Kinds of goods that senders list; the small rest goes unmentioned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """The goods of one manifest row."""

    description: str
    hs_code: str
    quantity: int
    value_usd: float


def goods_by_mass(
    scene: Scene, masses_g: npt.NDArray[np.float64], parent: int | None
) -> list[tuple[str, int]]:
    """Goods in `parent` (an inner parcel, or None for a loose parcel) with counts, heaviest first.

    Args:
        scene: The parcel or carton.
        masses_g: (N,) mass of every object of the scene.
        parent: Scene index of the inner parcel.
    """
    mass: dict[str, float] = {}
    count: Counter[str] = Counter()
    for index, placed in enumerate(scene.objects):
        if placed.kind == "goods" and placed.parent == parent:
            mass[placed.name] = mass.get(placed.name, 0.0) + float(masses_g[index])
            count[placed.name] += 1
    return [(name, count[name]) for name in sorted(mass, key=lambda name: (-mass[name], name))]


def declare(
    goods: Sequence[tuple[str, int]], rng: np.random.Generator, honesty: Honesty
) -> Declaration:
    """How `goods` (kinds and counts, heaviest first) are declared.

    A contradicting declaration names goods of a family that none of `goods` belongs to.
    """
    if honesty == "contradicting":
        inside = {CATALOG[name].family for name, _ in goods}
        others = [name for name, entry in CATALOG.items() if entry.family not in inside]
        goods = [(str(rng.choice(others)), int(rng.integers(1, 4)))]
    lines = [(describe(name, rng), count) for name, count in goods[:MOST_KINDS]]
    honest = Declaration(
        description=", ".join(dict.fromkeys(line.description for line, _ in lines)),
        hs_code=lines[0][0].hs_code,
        quantity=sum(count for _, count in lines),
        value_usd=round(sum(line.unit_value_usd * count for line, count in lines), 2),
    )
    if honesty == "vague":
        return replace(honest, description=str(rng.choice(VAGUE)))
    return honest
