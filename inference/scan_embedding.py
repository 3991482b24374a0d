"""An embedding of a scan: what it is made of, how fine it is, how large, in 77 numbers.

No network and nothing learned: histograms of the coarse scan, so that neither where a parcel lies
on the belt nor how it is turned matters, and the scanner little. Scans of like contents lie close
together by their cosine.
"""

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.inference.scan_sketch import CELL_MM, Floats, ScanSketch, edge_points

Doubles = npt.NDArray[np.float64]

EMBEDDING: Final = "scan.embedding"
"""Name of the step, as in not-assessed rows."""
REVISION: Final = 1
"""Goes up with every change that moves a vector."""
FEWEST_CELLS: Final = 20
"""Covered cells below which a scan shows nothing to describe."""

# Where the bins of the histograms lie; a value between two counts for both by its distance.
ATTENUATION_AT: Final[Doubles] = np.log(np.geomspace(0.03, 4.0, 10))
KIND_AT: Final[Doubles] = np.array([-0.08, 0.08, 0.3, 0.8])
EDGE_AT: Final[Doubles] = np.log(np.geomspace(0.02, 2.0, 6))
AREA_AT: Final[Doubles] = np.log(np.geomspace(20, 3000, 12))
ASPECT_AT: Final[Doubles] = np.linspace(1, 3, 5)
LOAD_AT: Final[Doubles] = np.log(np.geomspace(20, 8000, 14))
# How much each part counts: material and thickness, edges, area, aspect, load.
WEIGHTS: Final = (1.0, 0.6, 0.35, 0.2, 0.5)


def version_of(scan: ScanSketch) -> str:
    """What an embedding of `scan` may be compared with: form, scale and revision."""
    scale = "unscaled" if scan.cell_mm is None else "mm"
    return f"{scan.form}-{scale}-{REVISION}"


def embed(scan: ScanSketch) -> Floats | None:
    """The embedding (77,) of `scan`, of length one; None where it shows next to nothing."""
    covered = scan.covered
    cells = int(covered.sum())
    if cells < FEWEST_CELLS:
        return None
    attenuation = scan.attenuation[covered]
    # Packaging covers most of a parcel; by its root, thickness counts for more than area.
    materials = _joint(
        (np.log(np.maximum(attenuation, 1e-3)), ATTENUATION_AT),
        (scan.kind[covered], KIND_AT),
        np.sqrt(attenuation),
    )
    edges = _histogram(np.log(np.maximum(_edges(scan)[covered], 1e-3)), EDGE_AT)
    cell_cm2 = (scan.cell_mm or CELL_MM) ** 2 / 100
    sides = cv2.minAreaRect(edge_points(covered))[1]
    aspect = max(sides) / max(min(sides), 1.0)
    load = float(attenuation.sum()) * cell_cm2 * 5
    parts = (
        materials,
        edges,
        _histogram(np.log([cells * cell_cm2]), AREA_AT),
        _histogram(np.array([aspect]), ASPECT_AT),
        _histogram(np.log([max(load, 1e-3)]), LOAD_AT),
    )
    vector = np.concatenate(
        [_rooted(part) * weight for part, weight in zip(parts, WEIGHTS, strict=True)]
    )
    return np.asarray(vector / np.sqrt((vector * vector).sum()), np.float32)


def _edges(scan: ScanSketch) -> Floats:
    """(H, W) how fast the attenuation changes, relative to what it is."""
    depth = np.log(np.float32(0.05) + scan.attenuation)
    across = cv2.Sobel(depth, cv2.CV_32F, 1, 0, ksize=1)
    down = cv2.Sobel(depth, cv2.CV_32F, 0, 1, ksize=1)
    # Not cv2.magnitude: its last bit depends on where the arrays lie in memory.
    return np.asarray(np.sqrt(across * across + down * down), np.float32)


def _shares(values: npt.NDArray[np.floating], at: Doubles) -> tuple[npt.NDArray[np.intp], Doubles]:
    """The bin below each of `values` (N,), and the share that goes to the one above."""
    place = np.interp(values, at, np.arange(len(at)))
    below = np.minimum(place.astype(np.intp), len(at) - 2)
    return below, place - below


def _histogram(values: npt.NDArray[np.floating], at: Doubles) -> Doubles:
    """(len(at),) how many of `values` lie at each of `at`."""
    below, share = _shares(values, at)
    count = len(at)
    counted: Doubles = np.bincount(below, 1 - share, count).astype(np.float64)
    counted += np.bincount(below + 1, share, count)
    return counted


def _joint(
    first: tuple[npt.NDArray[np.floating], Doubles],
    second: tuple[npt.NDArray[np.floating], Doubles],
    weights: npt.NDArray[np.floating],
) -> Doubles:
    """Weighted histogram of pairs of values over two rows of places, flattened."""
    (i, f), (j, g) = _shares(*first), _shares(*second)
    columns = len(second[1])
    total = np.zeros(len(first[1]) * columns)
    for di, wi in ((0, 1 - f), (1, f)):
        for dj, wj in ((0, 1 - g), (1, g)):
            total += np.bincount((i + di) * columns + j + dj, weights * wi * wj, len(total))
    return total


def _rooted(histogram: Doubles) -> Doubles:
    """The roots of the shares: the product of two is the Bhattacharyya coefficient."""
    roots: Doubles = np.sqrt(histogram / histogram.sum())
    return roots
