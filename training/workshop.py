"""The work folder of a build: every result under a name that holds the recipe's digest."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from parcelscope.models.bundle import InputKind
from parcelscope.training.recipe import Recipe
from parcelscope.training.scan_cache import load_set, save_set
from parcelscope.training.scan_sets import Kind, ScanSet, draw_set

KINDS: tuple[InputKind, ...] = ("dual", "colour")
PIECE_LABELS = ("inner_parcel",)
Report = Callable[[str, int, int], None]
"""Called with a step's name, how much of it is done, and how much there is."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where a build keeps what it has made so far."""

    recipe: Recipe
    folder: Path
    report: Report

    def path(self, name: str) -> Path:
        """Path of one result of this recipe."""
        return self.folder / f"{self.recipe.name}-{self.recipe.digest()}-{name}"

    def scans(
        self,
        name: str,
        kind: Kind,
        count: int,
        *,
        seed: int,
        benign: bool = False,
        as_in_feeds: bool = False,
    ) -> ScanSet:
        """A drawn set, from disk if it was drawn before."""
        path = self.path(f"{name}.npz")
        if not path.exists():
            save_set(
                draw_set(
                    kind,
                    count,
                    seed=self.recipe.seed + seed,
                    benign=benign,
                    as_in_feeds=as_in_feeds,
                    progress=lambda done: self.report(f"draw {name}", done, count),
                ),
                path,
            )
        return load_set(path)

    def parcels(self) -> ScanSet:
        """Parcels to learn items from."""
        return self.scans("parcels", "parcel", self.recipe.parcels, seed=1)

    def genuine(self) -> ScanSet:
        """Compliant parcels to fit the anomaly detector on."""
        return self.scans("genuine", "parcel", self.recipe.genuine, seed=2, benign=True)

    def calibration_parcels(self) -> ScanSet:
        """Compliant parcels, scanned as in feeds, that p-values and thresholds come from."""
        count = self.recipe.calibration_parcels
        return self.scans(
            "calibration-parcels", "parcel", count, seed=5, benign=True, as_in_feeds=True
        )

    def cartons(self) -> ScanSet:
        """Master cartons to learn pieces from."""
        return self.scans("cartons", "carton", self.recipe.cartons, seed=3)

    def calibration_cartons(self) -> ScanSet:
        """Master cartons, scanned as in feeds, to calibrate the count on."""
        count = self.recipe.calibration_cartons
        return self.scans("calibration-cartons", "carton", count, seed=4, as_in_feeds=True)
