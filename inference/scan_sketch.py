"""A scan on a coarse grid: how much each cell weakens the beam, and of what kind it is.

A cell is 4 mm wide where the pixel pitch is known. What embeddings and the fill ratio are computed
from: a thousandth of the pixels tells what lies where.
"""

from dataclasses import dataclass
from typing import Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.canvas import estimate_air, estimate_background
from parcelscope.datasets.scans import Scan

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Form = Literal["dual", "colour", "grey"]

CELL_MM: Final = 4.0
LONG_SIDE_CELLS: Final = 128
"""Cells of the longer side where the pitch is not known."""
MOST_CELLS: Final = 512
"""Of one side, whatever the pitch says."""
COVERED: Final = 0.015
"""Attenuation, averaged over 3 x 3 cells, from which something lies there: air noise of a cell is
0.005, both walls of a thin mailer 0.02."""
LEAST_TRANSMISSION: Final = 1e-3
ORGANIC_RATIO: Final = 1.25
"""Low over high attenuation of packaging where too little of it is in view to be measured."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScanSketch:
    """What a scan shows, cell by cell."""

    attenuation: Floats
    """(H, W) mean of both energies, or that of the one there is; of a rendering, of its luma."""
    kind: Floats
    """(H, W) how unlike packaging the material of a cell is: 0 for paper and plastic, above 0 for
    heavier elements. Zeros where a scan shows no material."""
    covered: Mask
    """(H, W) where something lies."""
    form: Form
    cell_mm: float | None
    """None where the pitch is not known."""
    px_per_cell: tuple[float, float]
    """Pixels of the scan to a cell, across and down."""


def sketch(scan: Scan) -> ScanSketch:
    """`scan` on the coarse grid; a few tenths of a millisecond."""
    size_wh = _cells(scan)
    per_cell = (scan.size_wh[0] / size_wh[0], scan.size_wh[1] / size_wh[1])
    cell_mm = None if scan.pixel_pitch_mm is None else scan.pixel_pitch_mm * per_cell[0]
    form: Form = "grey"
    attenuation: Floats
    ratio: Floats
    if scan.low is not None and scan.high is not None:
        low, high = (
            _depth(_reduced(counts, size_wh) / np.float32(scan.air_level or estimate_air(counts)))
            for counts in (scan.low, scan.high)
        )
        attenuation, form = np.asarray((low + high) / 2, np.float32), "dual"
        ratio = np.asarray(low / np.maximum(high, np.float32(0.01)), np.float32)
    elif scan.rgb is not None:
        background = estimate_background(scan.rgb).astype(np.float32)
        rgb = _reduced(scan.rgb, size_wh)
        attenuation = _depth((_luma(rgb) + 1) / (_luma(background) + 1))
        ratio = (rgb[..., 2] - rgb[..., 0]) / (rgb[..., 0] + rgb[..., 1] + rgb[..., 2] + 1)
        form = "colour" if scan.kind == "colour" else "grey"
    else:
        counts = scan.high if scan.low is None else scan.low
        if counts is None:
            raise ValueError(f"a scan must have pixels, got none for kind {scan.kind}")
        air = np.float32(scan.air_level or estimate_air(counts))
        attenuation = _depth(_reduced(counts, size_wh) / air)
        ratio = np.zeros_like(attenuation)
    covered = np.asarray(cv2.blur(attenuation, (3, 3)) > COVERED)
    return ScanSketch(
        attenuation=attenuation,
        kind=_kind(ratio, attenuation, covered, form),
        covered=covered,
        form=form,
        cell_mm=cell_mm,
        px_per_cell=per_cell,
    )


def edge_points(mask: Mask) -> npt.NDArray[np.int32]:
    """(N, 2) first and last cell (x, y) of each row of `mask`: every corner of its hull is one."""
    rows = np.flatnonzero(mask.any(axis=1))
    some = mask[rows]
    first, last = some.argmax(axis=1), mask.shape[1] - 1 - some[:, ::-1].argmax(axis=1)
    return np.concatenate(
        [np.column_stack([first, rows]), np.column_stack([last, rows])], dtype=np.int32
    )


def _luma(rgb: Floats) -> Floats:
    # Written out: the last bit of a matrix product depends on where its operands lie in memory.
    red, green, blue = (np.float32(share) for share in (0.299, 0.587, 0.114))
    luma: Floats = rgb[..., 0] * red + rgb[..., 1] * green + rgb[..., 2] * blue
    return luma


def _kind(ratio: Floats, attenuation: Floats, covered: Mask, form: Form) -> Floats:
    """`ratio` less that of the packaging in view, so that beam and palette matter little.

    Every parcel comes in paper or plastic, and where little attenuates, that is what is seen.
    """
    if form == "grey":
        return np.zeros_like(ratio)
    thin = covered & (attenuation > 0.03) & (attenuation < 0.25)
    usual = 0.0 if form == "colour" else ORGANIC_RATIO
    packaging = np.median(ratio[thin]) if int(thin.sum()) >= 50 else usual
    return np.asarray(ratio - np.float32(packaging), np.float32)


def _cells(scan: Scan) -> tuple[int, int]:
    width, height = scan.size_wh
    if scan.pixel_pitch_mm is None:
        share = min(LONG_SIDE_CELLS / max(width, height), 1.0)
    else:
        share = min(scan.pixel_pitch_mm / CELL_MM, MOST_CELLS / max(width, height), 1.0)
    return max(round(width * share), 1), max(round(height * share), 1)


def _reduced(
    pixels: npt.NDArray[np.uint16] | npt.NDArray[np.uint8], size: tuple[int, int]
) -> Floats:
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)


def _depth(transmission: Floats) -> Floats:
    clipped = np.clip(transmission, np.float32(LEAST_TRANSMISSION), np.float32(1))
    depth: Floats = -np.log(clipped)
    return depth
