"""What a second scan of a master carton adds to its count (U1).

    python benchmarks/two_views.py [--cartons 60] [--seed 1] [--bundle FOLDER]

Draws cartons, scans each from the top and again on its side, on the same scanner, and counts the
inner parcels in both by the bundle. Prints error and coverage of the interval of one scan, of the
part that both have in common, and of the pooled band that U1 uses, by overlap; and how the errors
of the two hang together. About a second and a half of one core for a carton.
"""

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from parcelscope.datasets.records import Finding, findings_frame
from parcelscope.datasets.scans import Scan
from parcelscope.datasets.xray.acquisition import EVALUATION_SCANNERS, acquire
from parcelscope.datasets.xray.carton import make_carton
from parcelscope.datasets.xray.carton_layout import CARTON_LIMIT_MM
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.render import render
from parcelscope.datasets.xray.rescans import on_its_side
from parcelscope.datasets.xray.texture import texture_field
from parcelscope.inference.detectors import count_pieces, load_detectors
from parcelscope.inference.placing import canvas_spec, place, stack
from parcelscope.models.bundle import builtin_bundle_folder
from parcelscope.models.signature import load_trusted_bundle
from parcelscope.screening.indicators.bands import pooled_bands, scan_bands

PITCH_MM = 1.3
GEOMETRY = Geometry.square(524, 408, PITCH_MM)
OVERLAPS = (0.0, 0.25, 0.5, 0.75, 1.0)
VIEWS = ("top", "side")
CODE = "pieces.count"


@dataclass(frozen=True, slots=True)
class Counted:
    """One carton: what is in it, and what each scan shows."""

    pieces: int
    overlap: float
    views: tuple[Finding, ...]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cartons", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--bundle", type=Path, default=None)
    chosen = parser.parse_args()
    cv2.setNumThreads(1)
    folder = chosen.bundle or builtin_bundle_folder()
    bundle, _ = load_trusted_bundle(folder, public_key=None)
    detector = load_detectors(bundle, folder).find("xray.pieces", "dual")
    if detector is None or detector.card.count is None:
        raise SystemExit(f"{folder}: the bundle does not count pieces in dual-energy scans")
    texture = texture_field(np.random.default_rng([1007, 0]))
    names = sorted(EVALUATION_SCANNERS)
    cartons = []
    for k in range(chosen.cartons):
        rng = np.random.default_rng([chosen.seed, k])
        overlap = OVERLAPS[k % len(OVERLAPS)]
        pieces = int(rng.integers(2, 25))
        top = make_carton(rng, pieces=pieces, variety="unseen", overlap=overlap)
        scanner = replace(EVALUATION_SCANNERS[names[k % len(names)]], geometry=GEOMETRY)
        views = []
        scenes = (top, on_its_side(top, rng, CARTON_LIMIT_MM))
        for view, scene in zip(VIEWS, scenes, strict=True):
            low, high = acquire(render(scene, GEOMETRY, texture=texture), scanner, rng)
            scan = Scan(
                kind="dual",
                low=low,
                high=high,
                air_level=float(AIR_LEVEL),
                pixel_pitch_mm=PITCH_MM,
            )
            canvas = place(scan, canvas_spec(detector.card))
            card = detector.card.for_scanner(scanner.model, scanner.software)
            counted = count_pieces(detector, stack([canvas]))[0]
            if card.count is None:
                raise SystemExit(f"{folder}: no interval for scanner {scanner.model}")
            middle, least, most = card.count.interval(counted.raw)
            views.append(found(f"C{k:04}", view, middle, least, most))
        cartons.append(Counted(pieces, overlap, tuple(views)))
    report(cartons)


def found(carton: str, view: str, middle: float, low: float, high: float) -> Finding:
    """The count of one scan, as the engine tells it."""
    return Finding(
        owner_id=carton,
        owner_kind="carton",
        source="xray.pieces",
        code=CODE,
        sentence="counted",
        observed=middle,
        observed_low=low,
        observed_high=high,
        image_path=f"{view}.tiff",
    )


def report(cartons: list[Counted]) -> None:
    """Print error, coverage and width by overlap, then all together."""
    print("| cartons | on | band | error of the middle | coverage | width | sure of one more |")
    print("|---|---|---|---|---|---|---|")
    groups = [(f"overlap {o:.2f}", [c for c in cartons if c.overlap == o]) for o in OVERLAPS]
    for name, some in [*groups, ("all", cartons)]:
        if not some:
            continue
        truth = np.array([one.pieces for one in some])
        for what, low, high in bands_of(some):
            inside = (truth >= np.ceil(low)) & (truth <= np.floor(high))
            wrongly = np.ceil(low) > truth
            error = np.abs((low + high) / 2 - truth).mean()
            print(
                f"| {name} | {len(some)} | {what} | {error:.2f} | {inside.mean():.2f} |"
                f" {(high - low).mean():.1f} | {wrongly.mean():.3f} |"
            )
    errors = np.array([[view.observed or 0.0 for view in one.views] for one in cartons])
    errors -= np.array([one.pieces for one in cartons])[:, None]
    print(f"correlation of the errors of top and side: {np.corrcoef(errors.T)[0, 1]:.2f}")


def bands_of(cartons: list[Counted]) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, low (N,), high (N,)) of one scan, of the common part and of the pooled band."""
    findings = findings_frame([view for one in cartons for view in one.views])
    top, side = (findings.filter(pl.col("image_path") == f"{view}.tiff") for view in VIEWS)
    return [
        (name, *(bands.sort("owner_id")[edge].to_numpy() for edge in ("low", "high")))
        for name, bands in (
            ("top alone", scan_bands(top, CODE)),
            ("side alone", scan_bands(side, CODE)),
            ("common to both", scan_bands(findings, CODE)),
            ("pooled", pooled_bands(findings, CODE)),
        )
    ]


if __name__ == "__main__":
    main()
