"""What the comparison of origin and arrival scans finds, and what it says of parcels left alone.

    python benchmarks/origin_arrival.py [--parcels 80] [--seed 1] [--owner parcel|carton]
        [--measure areal|attenuation] [--same-scanner]

Draws parcels, scans each at origin on one scanner and on arrival on another, set down anew: turned,
now and then upside down, the contents having slipped by 2 mm. Then with 20 to 500 g put in, with
an article taken out, and packed anew. About one second of one core for a parcel.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.scans import Scan
from parcelscope.datasets.xray.acquisition import SCANNERS, acquire
from parcelscope.datasets.xray.carton import make_carton
from parcelscope.datasets.xray.carton_layout import CARTON_LIMIT_MM
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.items import make_item
from parcelscope.datasets.xray.parcel import PARCEL_LIMIT_MM, make_parcel
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.rescans import carried, of_about, of_mass, put_in, repacked
from parcelscope.datasets.xray.scan import object_masses_g
from parcelscope.datasets.xray.scene import Scene
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.datasets.xray.wedge import step_wedge
from parcelscope.inference.mass import MassGauge
from parcelscope.inference.scan_comparison import Comparison, StationMap, compare, station_map
from parcelscope.inference.weighing import Gauges
from parcelscope.training.metrics import auroc, recall_at_false_alarms

Floats = npt.NDArray[np.float64]
ADDED_G = (20, 50, 100, 200, 500)
TAKEN_G = (50, 100, 200, 500)
ADDED = ("powder_bag", "loose_pills", "blister_pack", "battery_pack")
PITCH_MM = 2.0
FALSE_ALARMS = 0.02


class Pairs:
    """Scans the same parcel again and again."""

    def __init__(self, owner: str, measure: str, *, same_scanner: bool) -> None:
        self.make: Callable[[np.random.Generator], Scene] = make_parcel
        self.limit_mm, self.geometry = PARCEL_LIMIT_MM, Geometry.square(256, 200, PITCH_MM)
        if owner == "carton":
            self.make = lambda rng: make_carton(rng, pieces=int(rng.integers(2, 13)))
            self.limit_mm = CARTON_LIMIT_MM
            self.geometry = Geometry.square(340, 265, PITCH_MM)
        self.texture = texture_field(np.random.default_rng(7))
        self.same_scanner = same_scanner
        by_scanner = {}
        for name, scanner in SCANNERS.items():
            wedge = step_wedge(scanner, np.random.default_rng(1))
            by_scanner[name, None] = (
                MassGauge.from_wedge(wedge.pe_mm, wedge.steel_mm, wedge.le, wedge.he, AIR_LEVEL)
                if measure == "areal"
                else "no step wedge"
            )
        self.gauges = Gauges(by_scanner=by_scanner)

    def scanned(self, scene: Scene, name: str, rng: np.random.Generator) -> StationMap:
        """The map of one scan of `scene`."""
        scanner = replace(SCANNERS[name], geometry=self.geometry)
        low, high = acquire(render(scene, self.geometry, texture=self.texture), scanner, rng)
        scan = Scan(
            kind="dual", low=low, high=high, air_level=float(AIR_LEVEL), pixel_pitch_mm=PITCH_MM
        )
        found = station_map(scan, "scan.tiff", (name, None), self.gauges)
        if isinstance(found, str):
            raise SystemExit(found)
        return found

    def drawn(self, rng: np.random.Generator) -> dict[str, tuple[Comparison, float]]:
        """By what was done to it: the comparison, and the grams put in or taken out."""
        scene = self.make(rng)
        names = sorted(SCANNERS)
        first, second = (names[int(k)] for k in rng.integers(len(names), size=2))
        origin = self.scanned(scene, first, rng)
        arrivals: dict[str, tuple[Scene, float]] = {
            "untouched": (carried(scene, rng, self.limit_mm), 0.0)
        }
        for grams in ADDED_G:
            article = of_mass(make_item(str(rng.choice(ADDED)), rng), grams)
            more = carried(scene, rng, self.limit_mm, added=put_in(scene, article, rng))
            arrivals[f"{grams} g put in"] = (more, float(grams))
        for grams in TAKEN_G:
            index = of_about(scene, grams)
            if index is not None:
                less = carried(scene, rng, self.limit_mm, without=index)
                mass_g = float(object_masses_g(scene)[index])
                arrivals[f"about {grams} g taken out"] = (less, -mass_g)
        if self.limit_mm is PARCEL_LIMIT_MM:
            arrivals["packed anew"] = (repacked(scene, rng, self.limit_mm), 0.0)
        told = {}
        for what, (arrival, grams) in arrivals.items():
            found = compare(
                origin, self.scanned(arrival, first if self.same_scanner else second, rng)
            )
            if isinstance(found, Comparison):
                told[what] = (found, grams)
        return told


def main() -> None:
    """Print one line for each thing that was done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--owner", choices=["parcel", "carton"], default="parcel")
    parser.add_argument("--measure", choices=["areal", "attenuation"], default="areal")
    parser.add_argument("--same-scanner", action="store_true")
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    pairs = Pairs(chosen.owner, chosen.measure, same_scanner=chosen.same_scanner)
    drawn = [pairs.drawn(np.random.default_rng([chosen.seed, k])) for k in range(chosen.parcels)]
    report(drawn)


def report(drawn: list[dict[str, tuple[Comparison, float]]]) -> None:
    """Print strengths against those of the untouched, and how the grams come out."""
    plain = [one["untouched"][0] for one in drawn if "untouched" in one]
    untouched = np.array([one.strength for one in plain])
    at = [f"{np.quantile(untouched, q):.2f}" for q in (0.5, 0.9, 0.95, 0.98)]
    unlaid = sum(one.not_aligned is not None for one in plain)
    print(
        f"untouched: {len(plain)}, of which {unlaid} could not be laid over; beyond the limit"
        f" {(untouched >= 1).mean():.3f}; strength at 50, 90, 95, 98 %: {', '.join(at)};"
        f" change inside its band {inside(plain, 0.0):.2f}"
    )
    print("| what was done | on | AUROC | recall at 2 % | fires | laid over | region, g of g |")
    print("|---|---|---|---|---|---|---|")
    kinds = sorted(
        {what for one in drawn for what in one} - {"untouched"},
        key=lambda what: ("put" not in what, "taken" not in what, len(what), what),
    )
    for what in kinds:
        told = [one[what] for one in drawn if what in one]
        strength = np.array([found.strength for found, _ in told])
        both = np.concatenate([untouched, strength])
        positive = np.arange(len(both)) >= len(untouched)
        recall = recall_at_false_alarms(both, positive, false_alarms=FALSE_ALARMS)
        print(
            f"| {what} | {len(told)} | {auroc(both, positive).value:.2f} |"
            f" {recall.value:.2f} ({recall.low:.2f} to {recall.high:.2f}) |"
            f" {(strength >= 1).mean():.2f} |"
            f" {np.mean([found.not_aligned is None for found, _ in told]):.2f} |"
            f" {grams_of(told)} |"
        )


def inside(found: list[Comparison], grams: float) -> float:
    """Share whose band holds `grams`."""
    return float(np.mean([one.net_low <= grams <= one.net_high for one in found]))


def grams_of(told: list[tuple[Comparison, float]]) -> str:
    """Median of the strongest region's grams over the true ones, and of how many."""
    shares = [
        found.regions[0].amount / grams
        for found, grams in told
        if grams and found.regions and found.regions[0].strength >= 1
    ]
    return f"{np.median(shares):.2f} ({len(shares)})" if shares else ""


if __name__ == "__main__":
    main()
