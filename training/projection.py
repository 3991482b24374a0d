"""Threat image projection: items put into scans of parcels that hold none, as physics would.

Both scan and item are read as thicknesses of two materials, which add; the sum goes back through
the beam. Multiplying transmissions instead makes metal behind anything too dark, and blending
pictures makes it transparent: a detector would learn such marks and find them nowhere else.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.xray.acquisition import Scanner
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.training.basis import Beam, basis_beam
from parcelscope.training.cutouts import Cutout, draw_cutout, resized, turned_cutout

Array = npt.NDArray[np.float64]
Counts = npt.NDArray[np.uint16]
Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

USUAL_BEAM = "160kv_al3"
"""Taken where nobody knows the tube; another of 120 to 180 kV changes the sum by a few per cent."""
LEAST_TRANSMISSION = 2e-4
CONTENT = 0.96
"""Low-energy transmission below which something lies on the belt; an envelope takes 4 %."""
TURNS = 8
"""Angles that are tried before an item is said not to fit."""
ELECTRONIC_SHARE = 0.02
"""Electronic noise over that of the photons in air, as a share of the spread squared: line
detectors have a spread of 12 to 45 photons beside one of about 160."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Variance of a transmission T: `quantum` T + `electronic`, for the low and the high energy."""

    quantum: tuple[float, float]
    electronic: tuple[float, float]

    def variance(self, transmission: Array) -> Array:
        """(2, N) variance of (2, N) transmissions."""
        quantum, electronic = (np.array(v)[:, None] for v in (self.quantum, self.electronic))
        return np.asarray(quantum * np.maximum(transmission, 0) + electronic, np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedItem:
    """An item that was projected into a scan."""

    label: str
    box_xyxy: tuple[float, float, float, float]
    """Around the pixels that show it, ends exclusive."""


def project_items(
    scan: Counts,
    cutouts: Sequence[Cutout],
    rng: np.random.Generator,
    *,
    beam: Beam | None = None,
    pixel_pitch_mm: float | None = None,
) -> tuple[Counts, tuple[PlacedItem, ...]]:
    """`scan` with the items of `cutouts` in its parcel, turned and placed by chance.

    Args:
        scan: (2, H, W), low and high energy, air at 60000.
        cutouts: What to put in. One that nowhere fits inside the parcel's outline is left out,
            since an item that sticks out of its parcel would teach nothing.
        rng: Source of chance.
        beam: That of the scanner; the usual one where None.
        pixel_pitch_mm: Width of the scan's pixels; cut-outs are resized to it. None takes them as
            they are.

    Returns:
        A scan of the same shape, and the items that found a place, in the order of `cutouts`.
    """
    beam = beam or basis_beam(USUAL_BEAM)
    noise, content = measured_noise(scan), outline(scan)
    placed = []
    for cutout in cutouts:
        if pixel_pitch_mm is not None and cutout.pixel_pitch_mm is not None:
            cutout = resized(cutout, cutout.pixel_pitch_mm / pixel_pitch_mm)
        found = _placed(cutout, content, rng)
        if found is None:
            continue
        cutout, x, y = found
        scan = insert(scan, cutout, (x, y), rng, beam=beam, noise=noise)
        rows, columns = np.flatnonzero(cutout.mask.any(1)), np.flatnonzero(cutout.mask.any(0))
        box = (x + columns[0], y + rows[0], x + columns[-1] + 1, y + rows[-1] + 1)
        x0, y0, x1, y1 = (float(value) for value in box)
        placed.append(PlacedItem(label=cutout.label, box_xyxy=(x0, y0, x1, y1)))
    return scan, tuple(placed)


def insert(
    scan: Counts,
    cutout: Cutout,
    at_xy: tuple[int, int],
    rng: np.random.Generator,
    *,
    beam: Beam,
    noise: Noise,
) -> Counts:
    """`scan` with `cutout` at one place, as it is.

    Args:
        scan: (2, H, W), air at 60000.
        cutout: Already turned and to scale.
        at_xy: Where its upper left corner goes; all of it must lie in the scan.
        rng: Source of the noise that is missing.
        beam: That of the scanner.
        noise: That of the scan.
    """
    (x, y), (height, width) = at_xy, cutout.mask.shape
    window = np.s_[:, y : y + height, x : x + width]
    before = scan[window].reshape(2, -1).astype(np.float64) / AIR_LEVEL
    if before.shape[1] != height * width:
        raise ValueError(f"the cut-out of {height} x {width} at {at_xy} must lie in {scan.shape}")
    added = cutout.thickness_mm.reshape(2, -1).astype(np.float64)
    changed = np.abs(added).max(axis=0) > 0
    before, added = before[:, changed], added[:, changed]
    # What lies behind says how hard the beam is; its noise would come in twice. So neighbours tell
    # it, wherever they differ by no more than noise.
    smooth = np.stack([cv2.medianBlur(picture, 3) for picture in scan[window]]).reshape(2, -1)
    level = smooth[:, changed].astype(np.float64) / AIR_LEVEL
    level = np.where(np.abs(level - before) < 4 * np.sqrt(noise.variance(level)), level, before)
    behind = beam.thickness(-np.log(np.clip(level, LEAST_TRANSMISSION, 1.1)))
    # As a factor on what was there: nothing added changes nothing, however well it was inverted.
    factor = np.exp(beam.attenuation(behind) - beam.attenuation(behind + added))
    after = before * factor
    # What was there brings its own noise along, but weakened by the factor squared, while that of
    # photons only falls with the signal: the rest of it is drawn.
    missing = noise.variance(after) - factor**2 * noise.variance(before)
    after += np.sqrt(np.maximum(missing, 0)) * rng.standard_normal(after.shape)
    counts = np.clip(np.rint(after * AIR_LEVEL), 0, 65535).astype(np.uint16)
    result = scan.copy()
    patch = result[window].reshape(2, -1)
    patch[:, changed] = counts
    result[window] = patch.reshape(2, height, width)
    return result


def measured_noise(scan: Counts) -> Noise:
    """The noise of `scan` (2, H, W), from its air; where it has none, from all of it.

    Neighbours along the belt are compared, which leaves out the fixed pattern of the detector.
    """
    transmission = scan.astype(np.float32) / AIR_LEVEL
    bend = (
        transmission[:, :, :-2] - 2 * transmission[:, :, 1:-1] + transmission[:, :, 2:]
    ) / 6**0.5
    level = np.maximum(transmission[:, :, 1:-1], 0.02)
    air = ~outline(scan)[:, 1:-1]
    if air.sum() < 200:
        air = np.ones_like(air)
    quantum = []
    for energy in (0, 1):
        scaled = np.abs(bend[energy][air]) / np.sqrt(level[energy][air])
        quantum.append(float(1.4826 * np.median(scaled)) ** 2)
    low, high = quantum
    return Noise(
        quantum=(low * (1 - ELECTRONIC_SHARE), high * (1 - ELECTRONIC_SHARE)),
        electronic=(low * ELECTRONIC_SHARE, high * ELECTRONIC_SHARE),
    )


def outline(scan: Counts) -> Mask:
    """(H, W) pixels within the outline of what lies on the belt, gaps between its parts closed."""
    smooth = cv2.blur(scan[0].astype(np.float32) / AIR_LEVEL, (5, 5))
    covered = (smooth < CONTENT).astype(np.uint8)
    side = max(3, min(covered.shape) // 12) | 1
    closed = cv2.morphologyEx(covered, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    count, parts, stats, _ = cv2.connectedComponentsWithStats(closed)
    if count < 2:
        return np.zeros(covered.shape, np.bool_)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    return np.asarray(parts == largest)


def _placed(
    cutout: Cutout, content: Mask, rng: np.random.Generator
) -> tuple[Cutout, int, int] | None:
    """`cutout`, turned, and a corner at which all of its item lies within `content`."""
    for _ in range(TURNS):
        turned = turned_cutout(
            cutout, float(rng.uniform(0, 2 * np.pi)), mirrored=bool(rng.random() < 0.5)
        )
        height, width = turned.mask.shape
        if height > content.shape[0] or width > content.shape[1] or not turned.mask.any():
            continue
        # How many of the item's pixels would lie outside, for every corner at once.
        outside = cv2.filter2D(
            (~content).astype(np.float32),
            -1,
            turned.mask.astype(np.float32),
            anchor=(0, 0),
            borderType=cv2.BORDER_CONSTANT,
        )[: content.shape[0] - height + 1, : content.shape[1] - width + 1]
        rows, columns = np.nonzero(outside < 0.5)
        if len(rows):
            pick = int(rng.integers(len(rows)))
            return turned, int(columns[pick]), int(rows[pick])
    return None


def draw_cutouts(
    scanner: Scanner, each: int, *, seed: int, labels: Sequence[str] = ITEM_LABELS
) -> tuple[Cutout, ...]:
    """`each` specimens of every item of `labels`, as `scanner` sees them."""
    return tuple(
        draw_cutout(label, np.random.default_rng([seed, at, index]), scanner)
        for at, label in enumerate(labels)
        for index in range(each)
    )


def with_projected(
    pixels: Counts,
    box_xyxy: Floats,
    label: Labels,
    *,
    cutouts: Sequence[Cutout],
    classes: Sequence[str],
    most: int,
    rng: np.random.Generator,
    pixel_pitch_mm: float | None = None,
) -> tuple[Counts, Floats, Labels]:
    """One training sample with 1 to `most` items more than it had; call it before `augment`.

    Args:
        pixels: (2, H, W) uint16 of a dual-energy canvas.
        box_xyxy: (N, 4) in canvas pixels.
        label: (N,) index of each box's class.
        cutouts: What to choose from.
        classes: The class that each index stands for; holds the labels of `cutouts`.
        most: Most items to put in.
        rng: Source of chance.
        pixel_pitch_mm: Scale of the canvas; None takes cut-outs as they are.
    """
    chosen = [cutouts[int(at)] for at in rng.integers(len(cutouts), size=rng.integers(1, most + 1))]
    pixels, placed = project_items(pixels, chosen, rng, pixel_pitch_mm=pixel_pitch_mm)
    boxes = np.array([item.box_xyxy for item in placed], np.float32).reshape(-1, 4)
    added = np.array([list(classes).index(item.label) for item in placed], np.int64)
    return pixels, np.concatenate([box_xyxy, boxes]), np.concatenate([label, added])
