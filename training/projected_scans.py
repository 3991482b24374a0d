"""More scans to learn from: those at hand, with generated items projected into them.

What a facility has most of is compliant parcels. With items projected into them a detector learns
what the facility's own parcels and scanners look like around an item, before one was ever found.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from parcelscope.datasets.canvas import CanvasSpec
from parcelscope.datasets.xray.acquisition import TRAINING_SCANNERS
from parcelscope.datasets.xray.items import ITEM_LABELS
from parcelscope.training.projection import USUAL_BEAM, draw_cutouts, with_projected
from parcelscope.training.scan_sets import ScanSet, at_pitch

SCANNER = next(s for s in TRAINING_SCANNERS.values() if s.spectrum == USUAL_BEAM)
"""Whose beam cut-outs are drawn with; their thicknesses then go through that of the scans."""
UNKNOWN_PITCH_MM = 2.0
"""Taken for scans that fill the canvas whatever their size."""


def classes_with_items(classes: tuple[str, ...]) -> tuple[str, ...]:
    """`classes`, and after them the generated items that are not among them."""
    return (*classes, *(name for name in ITEM_LABELS if name not in classes))


def with_projections(
    scans: ScanSet,
    count: int,
    *,
    classes: tuple[str, ...],
    spec: CanvasSpec,
    specimens: int,
    most: int,
    seed: int,
    store: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> ScanSet:
    """`scans`, and `count` of them again with items in them; without colour pixels.

    Args:
        scans: Dual-energy scans on the canvas of `spec`, at least one.
        count: Scans to add.
        classes: What each label index stands for; holds all generated items.
        spec: The canvas.
        specimens: Different specimens of every item.
        most: Most items put into one scan.
        seed: Fixes which items go where.
        store: File (.npy) that the pixels are kept in instead of memory, overwritten.
        progress: Called with the number done.
    """
    pitch_mm = spec.mm_per_px or UNKNOWN_PITCH_MM
    cutouts = draw_cutouts(at_pitch(SCANNER, "parcel", pitch_mm), specimens, seed=seed)
    shape = (len(scans) + count, *scans.dual.shape[1:])
    dual = (
        np.empty(shape, np.uint16)
        if store is None
        else np.lib.format.open_memmap(store, mode="w+", dtype=np.uint16, shape=shape)
    )
    dual[: len(scans)] = scans.dual
    boxes, labels = list(scans.dual_box_xyxy), list(scans.label)
    for index in range(count):
        rng = np.random.default_rng([seed, 7, index])
        row = int(rng.integers(len(scans)))
        pixels, box_xyxy, label = with_projected(
            np.array(scans.dual[row]),
            scans.dual_box_xyxy[row],
            scans.label[row],
            cutouts=cutouts,
            classes=classes,
            most=most,
            rng=rng,
            pixel_pitch_mm=pitch_mm,
        )
        dual[len(scans) + index] = pixels
        boxes.append(box_xyxy)
        labels.append(label)
        if progress is not None:
            progress(index + 1)
    return ScanSet(
        dual=dual,
        colour=np.empty((len(dual), 3, 0, 0), np.uint8),
        dual_box_xyxy=boxes,
        colour_box_xyxy=boxes,
        label=labels,
    )
