"""Does a graph in 8 or 16 bits pay? Scores, decisions, speed and size beside the full graph.

    python benchmarks/quantised.py [--scans 96] [--parcels FILE] [--cartons FILE]

Scans are drawn, or read from files that `training/scan_cache.py` wrote: the first 32 set the
ranges of int8, the others are the golden set. One thread; processor time, not the clock's.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import BundleError
from parcelscope.models.bundle import DetectorCard, builtin_bundle_folder, load_bundle
from parcelscope.training.calibrate import run_graph
from parcelscope.training.quantise import (
    Precision,
    QuantiseLimits,
    compare,
    write_fp16,
    write_int8,
)
from parcelscope.training.scan_cache import load_set
from parcelscope.training.scan_sets import Kind, draw_set

CALIBRATION = 32
SEED = 11


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scans", type=int, default=96)
    parser.add_argument("--parcels", type=Path)
    parser.add_argument("--cartons", type=Path)
    parser.add_argument("--keep", type=Path, default=Path("runs/quantised"))
    options = parser.parse_args()
    options.keep.mkdir(parents=True, exist_ok=True)
    folder = builtin_bundle_folder()
    bundle, digest = load_bundle(folder)
    print(f"bundle {digest[:12]}, {CALIBRATION} calibration scans, seed {SEED} where drawn")
    files = {"parcel": options.parcels, "carton": options.cartons}
    sets = {kind: scans(kind, options.scans, files[kind]) for kind in ("parcel", "carton")}
    for card in bundle.detectors:
        if card.detector != "xray.anomaly" and card.input == "dual":
            pixels = sets["parcel" if card.detector == "xray.items" else "carton"]
            for precision in ("int8", "fp16"):
                show(card, folder, options.keep, pixels, precision)


def scans(kind: Kind, count: int, file: Path | None) -> npt.NDArray[np.generic]:
    """Dual-energy canvases of parcels or cartons."""
    if file is not None:
        return load_set(file).dual[: CALIBRATION + count]
    return draw_set(kind, CALIBRATION + count, seed=SEED).dual


def show(
    card: DetectorCard,
    folder: Path,
    keep: Path,
    pixels: npt.NDArray[np.generic],
    precision: Precision,
) -> None:
    full, small = folder / card.file, keep / f"{precision}-{card.file}"
    calibration, golden = pixels[:CALIBRATION], pixels[CALIBRATION:]
    try:
        if precision == "int8":
            write_int8(full, small, calibration)
        else:
            write_fp16(full, small)
        thresholds = {name: (card.classes.index(name), at) for name, at in card.thresholds.items()}
        found = compare(full, small, golden, thresholds, output="peaks", precision=precision)
    except BundleError as error:
        print(f"{card.file} {precision}: {error}")
        return
    print(
        f"{card.file} {precision}: {len(golden)} golden scans,"
        f" largest score difference {found.score_difference:.3f},"
        f" {found.flipped} of {found.decisions} decisions flip,"
        f" {found.full_per_s:.0f} -> {found.small_per_s:.0f} scans/s per core"
        f" ({found.speed_up:.2f}x),"
        f" {found.full_bytes / 1e6:.2f} -> {found.small_bytes / 1e6:.2f} MB"
    )
    if card.count is not None:
        counts = [run_graph(path, golden, ("count",))[0] for path in (full, small)]
        middle, alarms = [], []
        for column in counts:
            intervals = np.array([card.count.interval(float(value)) for value in column])
            middle.append(intervals[:, 0])
            alarms.append(np.ceil(intervals[:, 1]))
        print(
            f"  counts differ by {np.abs(middle[0] - middle[1]).mean():.2f} pieces on average,"
            f" {np.abs(middle[0] - middle[1]).max():.2f} at most; the lower bound in whole pieces"
            f" changes for {int((alarms[0] != alarms[1]).sum())} of {len(golden)}"
        )
    print(f"  {found.refusal(QuantiseLimits()) or f'{precision} may be kept'}")


if __name__ == "__main__":
    main()
