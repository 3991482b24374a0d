"""A facility's own annotated scans as a `ScanSet`: read and placed on the canvas as for scoring."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet
from parcelscope.datasets.canvas import CanvasSpec
from parcelscope.datasets.errors import DatasetError, ImageError
from parcelscope.datasets.scans import Scan, read_scan
from parcelscope.inference.annotated_images import scan_files
from parcelscope.inference.placing import place
from parcelscope.models.bundle import InputKind
from parcelscope.training.scan_sets import ScanSet

LEAST_SIDE_PX = 2.0
"""Boxes smaller than this on the canvas are left out: nothing of them is left to learn from."""


def scan_set(
    annotated: AnnotatedSet,
    images: Sequence[AnnotatedImage],
    *,
    kind: InputKind,
    spec: CanvasSpec,
    store: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> ScanSet:
    """`images` of `annotated` on the canvas of `spec`, with their boxes on it.

    The pixels of the other kind are left empty, (S, 2 or 3, 0, 0).

    Args:
        annotated: The set that the images belong to.
        images: Some of its images, in the order wanted.
        kind: What the detector reads: `dual` takes images of kind `dual`; `colour` takes `colour`
            and `grey`, whose three channels are then equal.
        spec: The canvas.
        store: File (.npy) that the pixels are kept in instead of memory, overwritten; a hundred
            thousand scans are 15 to 20 GB.
        progress: Called with the number done.

    Raises:
        DatasetError: If an image cannot be read, or is of a kind that the detector does not take.
    """
    channels, dtype = (2, np.uint16) if kind == "dual" else (3, np.uint8)
    shape = (len(images), channels, spec.height_px, spec.width_px)
    pixels: npt.NDArray[Any] = (
        np.empty(shape, dtype) if store is None else _on_disk(store, shape, dtype)
    )
    boxes, labels = [], []
    for index, image in enumerate(images):
        canvas = place(read_image(annotated, image, kind=kind), spec)
        pixels[index] = canvas.pixels
        on_canvas = canvas.to_canvas(image.box_xyxy).astype(np.float32)
        on_canvas[:, 0::2] = on_canvas[:, 0::2].clip(0, spec.width_px)
        on_canvas[:, 1::2] = on_canvas[:, 1::2].clip(0, spec.height_px)
        large = (on_canvas[:, 2:] - on_canvas[:, :2]).min(axis=1, initial=np.inf) >= LEAST_SIDE_PX
        boxes.append(on_canvas[large])
        labels.append(annotated.class_indices(image)[large])
        if progress is not None:
            progress(index + 1)
    other = np.empty((len(images), 5 - channels, 0, 0), np.uint8 if kind == "dual" else np.uint16)
    return ScanSet(
        dual=pixels if kind == "dual" else other,
        colour=other if kind == "dual" else pixels,
        dual_box_xyxy=boxes,
        colour_box_xyxy=boxes,
        label=labels,
    )


def read_image(annotated: AnnotatedSet, image: AnnotatedImage, *, kind: InputKind) -> Scan:
    """The scan of `image`, as a detector for `kind` takes it.

    Raises:
        DatasetError: If it cannot be read, or is of a kind that the detector does not take.
    """
    wanted = ("dual",) if kind == "dual" else ("colour", "grey")
    if image.kind not in wanted:
        raise DatasetError(
            f"{annotated.root}: {image.image_id} is of kind {image.kind!r}, but the recipe's input"
            f" {kind!r} takes {' and '.join(wanted)}; set input=... or leave such images out"
        )
    try:
        scan = read_scan(scan_files(annotated, image))
    except (ImageError, OSError) as error:
        raise DatasetError(f"{annotated.file(image.path)}: {error}") from None
    if scan.size_wh != (image.width_px, image.height_px):
        raise DatasetError(
            f"{annotated.file(image.path)}: expected {image.width_px} x {image.height_px} pixels,"
            f" as its boxes were drawn on, got {scan.size_wh[0]} x {scan.size_wh[1]}"
        )
    if kind == "dual" and scan.kind != "dual":
        raise DatasetError(
            f"{annotated.file(image.path)}: expected counts at two energies, got {scan.kind}"
        )
    if kind == "colour" and scan.rgb is None:
        raise DatasetError(
            f"{annotated.file(image.path)}: expected a rendering of 8 bits, got {scan.kind}"
        )
    return scan


def is_compliant(image: AnnotatedImage) -> bool:
    """Whether nothing is marked in `image`, and nobody said that the whole is not normal."""
    return not image.labels and not image.image_labels and not image.anomalous


def _on_disk(store: Path, shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
    if 0 in shape:  # an empty file cannot be mapped
        return np.empty(shape, dtype)
    store.parent.mkdir(parents=True, exist_ok=True)
    return np.lib.format.open_memmap(store, mode="w+", dtype=dtype, shape=shape)
