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
    """Scans of compliant parcels, half for the anomaly detector, half for calibration."""
    cartons: int
    """Scans of master cartons to learn pieces from at first."""
    more_cartons: int
    """Scans of master cartons that join them afterwards."""
    calibration_cartons: int
    item_passes: int
    """Pictures shown to the dual-energy items network."""
    item_colour_passes: int
    """Pictures shown to the colour one, which starts from the other's weights."""
    piece_passes: int
    """Pictures of the first cartons shown to the dual-energy pieces network."""
    piece_second_passes: int
    """Pictures of all of them shown to it afterwards."""
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
    parcels=5200,
    genuine=1600,
    cartons=3200,
    more_cartons=1500,
    calibration_cartons=700,
    item_passes=60_000,
    item_colour_passes=28_000,
    piece_passes=40_000,
    piece_second_passes=48_000,
    piece_colour_passes=18_000,
    feed_parcels=1000,
    feed_cartons=500,
)
QUICK = Recipe(
    name="quick",
    parcels=48,
    genuine=520,
    cartons=32,
    more_cartons=16,
    calibration_cartons=64,
    item_passes=64,
    item_colour_passes=32,
    piece_passes=64,
    piece_second_passes=64,
    piece_colour_passes=32,
    feed_parcels=100,
    feed_cartons=90,
)
"""Minutes instead of hours, for tests: every step runs, nothing is learned well."""
RECIPES = {recipe.name: recipe for recipe in (FULL, QUICK)}
