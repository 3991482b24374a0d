"""A sheet of sample pictures: what a detector found beside what is there."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.canvas import AIR
from parcelscope.datasets.writing import write_whole
from parcelscope.models.bundle import InputKind
from parcelscope.models.heatmap import Boxes
from parcelscope.training.scan_sets import ScanSet

COLUMNS = 4
MOST = 12
TRUE_RGB, FOUND_RGB = (0, 130, 60), (200, 40, 0)
Colour = npt.NDArray[np.uint8]


def write_sheet(
    path: Path,
    scans: ScanSet,
    found: Sequence[Boxes],
    *,
    kind: InputKind,
    classes: tuple[str, ...],
    thresholds: dict[str, float],
) -> None:
    """Write a PNG of up to 12 scans: true boxes green, found ones red with class and score.

    Args:
        path: The file.
        scans: Scans of known content; those with boxes come first.
        found: What the detector found in each.
        kind: Which picture of each scan it looked at.
        classes: Names of the classes.
        thresholds: Score from which a class is drawn.
    """
    order = sorted(range(len(scans)), key=lambda row: (len(scans.label[row]) == 0, row))[:MOST]
    tiles = []
    for row in order:
        tile = as_picture(scans.pictures(kind)[row], kind)
        for box in scans.boxes_for(kind)[row]:
            _draw(tile, box, TRUE_RGB, "")
        boxes = found[row]
        for box, score, label in zip(boxes.box_xyxy, boxes.score, boxes.label, strict=True):
            name = classes[int(label)]
            if score >= thresholds.get(name, 0.5):
                _draw(tile, box, FOUND_RGB, f"{name} {score:.2f}")
        tiles.append(tile)
    write_tiles(path, tiles)


def write_tiles(path: Path, tiles: Sequence[Colour]) -> None:
    """Write a PNG of `tiles`, RGB of one size (H, W, 3), in rows of four."""
    blank = np.full_like(tiles[0], 255)
    tiles = [*tiles, *[blank] * (-len(tiles) % COLUMNS)]
    rows = [np.hstack(tiles[start : start + COLUMNS]) for start in range(0, len(tiles), COLUMNS)]
    done, encoded = cv2.imencode(".png", cv2.cvtColor(np.vstack(rows), cv2.COLOR_RGB2BGR))
    if not done:
        raise OSError(f"{path}: the sheet of sample pictures could not be encoded")
    write_whole(path, encoded.tobytes())


def captioned(tile: Colour, *lines: str) -> Colour:
    """`tile` (H, W, 3) with `lines` on white below it."""
    height_px = 13 * len(lines) + 5
    strip = np.full((height_px, tile.shape[1], 3), 255, np.uint8)
    for number, line in enumerate(lines):
        place = (3, 12 + 13 * number)
        cv2.putText(strip, line, place, cv2.FONT_HERSHEY_SIMPLEX, 0.36, (30, 30, 30), 1)
    return np.vstack([tile, strip])


def as_picture(pixels: npt.NDArray[np.generic], kind: InputKind) -> Colour:
    """One scan (2 or 3, H, W) as RGB (H, W, 3); of two energies the low one, in grey."""
    if kind == "colour":
        return np.ascontiguousarray(pixels.transpose(1, 2, 0)).astype(np.uint8)
    # The root lifts the dark parts, which hold most of what is looked for.
    level = np.sqrt(np.clip(pixels[0].astype(np.float32) / AIR, 0, 1))
    grey = (level * 255).astype(np.uint8)
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=2))


def _draw(
    tile: Colour, box: npt.NDArray[np.float32], rgb: tuple[int, int, int], words: str
) -> None:
    x0, y0, x1, y1 = (int(value) for value in box.round())
    cv2.rectangle(tile, (x0, y0), (x1, y1), rgb, 1)
    if words:
        cv2.putText(tile, words, (x0, max(y0 - 2, 8)), cv2.FONT_HERSHEY_SIMPLEX, 0.3, rgb, 1)
