"""Items projected into a parcel, beside parcel and item scanned together by the simulator.

    python benchmarks/projection.py

Median relative error in attenuation over the item's pixels, of the worse of both energies: added as
thicknesses (`training/projection.py`), transmissions multiplied, and blended half and half.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.acquisition import TRAINING_SCANNERS, Scanner
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.datasets.xray.scan import SyntheticScan, simulate
from parcelscope.datasets.xray.scene import Scene, Solid
from parcelscope.datasets.xray.solids import ball, block
from parcelscope.training.basis import basis_beam
from parcelscope.training.cutouts import cut_out
from parcelscope.training.projection import insert, measured_noise

USUAL = replace(
    TRAINING_SCANNERS["PS-160"],
    geometry=Geometry.square(96, 80, 2.0),
    dead_rows=0,
    dropped_lines=0,
    scatter_range=(0, 0),
)
STILL = replace(
    USUAL,
    mas_per_line=1e6,
    electronic_noise_photons=0.0,
    flicker=0.0,
    drift=0.0,
    blur_px=0.0,
    motion_share=0.0,
)
GOODS = [
    block((0, 0, 40), (60, 50, 40), "cardboard"),
    block((-15, 0, 20), (25, 30, 15), "water"),
    block((20, 15, 25), (20, 15, 10), "textile_cotton"),
    block((25, -20, 20), (15, 10, 1.5), "steel"),
]
ITEMS = {
    "steel blade, 2.4 mm": [block((0, 0, 60), (30, 5, 1.2), "steel")],
    "tablets, 16 mm": [ball((0, 0, 60), (15, 15, 8), "tablet")],
    "lithium cell, 6 mm": [block((0, 0, 60), (20, 12, 3), "liion")],
    "aluminium, 8 mm": [block((0, 0, 60), (20, 12, 4), "al")],
}


def main() -> None:
    for told, scanner in (("without noise", STILL), ("with usual noise", USUAL)):
        for name, item in ITEMS.items():
            errors = compared(item, scanner)
            print(f"{name}, {told}: " + ", ".join(f"{how} {e:.2%}" for how, e in errors.items()))


def compared(item: list[Solid], scanner: Scanner) -> dict[str, float]:
    alone, parcel, joint = (
        scanned(solids, scanner, seed)
        for seed, solids in enumerate((item, GOODS, GOODS + item), start=5)
    )
    pictures = np.stack([parcel.le, parcel.he])
    cutout = cut_out(alone.le, alone.he, "item", basis_beam(scanner.spectrum))
    height, width = cutout.mask.shape
    rows, columns = np.flatnonzero(cutout.mask.any(1)), np.flatnonzero(cutout.mask.any(0))
    x0, y0, _, _ = alone.objects[0].box_xyxy
    x, y = x0 - int(columns[0]), y0 - int(rows[0])
    made = insert(
        pictures,
        cutout,
        (x, y),
        np.random.default_rng(1),
        beam=basis_beam(scanner.spectrum),
        noise=measured_noise(pictures),
    )
    seen = np.stack([alone.le, alone.he]).astype(np.float64)
    ways = {
        "thicknesses": made,
        "multiplied": pictures * seen / AIR_LEVEL,
        "blended": 0.5 * pictures + 0.5 * seen,
    }
    true = depth(np.stack([joint.le, joint.he])[:, y : y + height, x : x + width][:, cutout.mask])
    found = {
        how: depth(scan[:, y : y + height, x : x + width][:, cutout.mask])
        for how, scan in ways.items()
    }
    return {
        how: float(np.median(np.abs(ours / true - 1), axis=1).max()) for how, ours in found.items()
    }


def scanned(solids: list[Solid], scanner: Scanner, seed: int) -> SyntheticScan:
    scene = Scene()
    scene.add(scene.begin("thing", "item"), solids)
    texture = np.zeros((16, 16), np.float32)
    return simulate(scene, scanner, np.random.default_rng(seed), texture)


def depth(counts: npt.NDArray[np.generic]) -> npt.NDArray[np.float64]:
    return np.asarray(-np.log(np.maximum(counts.astype(np.float64), 12) / AIR_LEVEL))


if __name__ == "__main__":
    main()
