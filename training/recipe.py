"""How the built-in bundle is made: how much of everything, and which seeds."""

import hashlib
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """One way to build a bundle from generated data alone."""

    name: str
    parcels: int
    """Scans of parcels to learn items of interest from; about a third hold none."""
    genuine: int
    """Scans of compliant parcels to fit the anomaly detector on."""
    calibration_parcels: int
    """Scans of compliant parcels that p-values and thresholds come from."""
    cartons: int
    """Scans of master cartons to learn pieces from."""
    calibration_cartons: int
    item_passes: int
    """Pictures shown to the dual-energy items network."""
    item_colour_passes: int
    """Pictures shown to the colour one, which starts from the dual-energy one's weights."""
    piece_passes: int
    piece_colour_passes: int
    feed_parcels: int
    """Loose parcels in the synthetic feed that the fusion models are fitted on."""
    feed_cartons: int
    """Master cartons in it."""
    seed: int = 20261122

    def digest(self) -> str:
        """Twelve hexadecimal digits that name the recipe."""
        return hashlib.sha256(repr(sorted(asdict(self).items())).encode()).hexdigest()[:12]


FULL = Recipe(
    name="builtin",
    parcels=4500,
    genuine=700,
    calibration_parcels=900,
    cartons=2600,
    calibration_cartons=600,
    item_passes=240_000,
    item_colour_passes=48_000,
    piece_passes=30_000,
    piece_colour_passes=12_000,
    feed_parcels=700,
    feed_cartons=400,
)
QUICK = Recipe(
    name="quick",
    parcels=48,
    genuine=120,
    calibration_parcels=260,
    cartons=32,
    calibration_cartons=64,
    item_passes=64,
    item_colour_passes=32,
    piece_passes=64,
    piece_colour_passes=32,
    feed_parcels=100,
    feed_cartons=90,
)
"""Minutes instead of hours, for tests: every step runs, nothing is learned well."""
RECIPES = {recipe.name: recipe for recipe in (FULL, QUICK)}
