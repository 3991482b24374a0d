"""Annotated folders small enough to train on in seconds: dark blocks in thin parcels."""

from pathlib import Path

import numpy as np

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet, Split, write_annotated
from parcelscope.datasets.scan_writing import write_colour_jpeg, write_dual_tiff

SIZE_WH = (96, 64)


def write_blocks(
    out: Path,
    *,
    kind: str = "dual",
    train: int = 8,
    val: int = 4,
    empty: int = 0,
    empty_train: int = 0,
    classes: tuple[str, ...] = ("block",),
) -> AnnotatedSet:
    """An annotated folder of scans with one to three blocks each, and scans with none.

    Args:
        out: New folder.
        kind: `dual` or `colour`.
        train: Scans with blocks in split train.
        val: Scans with blocks in split val.
        empty: Scans without blocks in split val.
        empty_train: Scans without blocks in split train.
        classes: Classes that the blocks take turns in.
    """
    rng = np.random.default_rng(0)
    raw = out.with_name(f"{out.name}-raw")
    raw.mkdir(parents=True)
    plan: list[tuple[Split, bool]] = [
        *[("train", True)] * train,
        *[("val", True)] * val,
        *[("val", False)] * empty,
        *[("train", False)] * empty_train,
    ]
    images = []
    for number, (split, filled) in enumerate(plan):
        low, boxes = blocks(rng, filled=filled)
        name = f"{number:03d}.{'tif' if kind == 'dual' else 'jpg'}"
        if kind == "dual":
            high = (60000 * (low / 60000) ** 0.6).astype(np.uint16)
            write_dual_tiff(raw / name, low, high)
        else:
            rgb = np.repeat((low >> 8).astype(np.uint8)[..., None], 3, axis=2)
            write_colour_jpeg(raw / name, rgb)
        images.append(
            AnnotatedImage(
                image_id=f"{number:03d}",
                path=name,
                kind="dual" if kind == "dual" else "colour",
                width_px=SIZE_WH[0],
                height_px=SIZE_WH[1],
                split=split,
                group=f"{number:03d}",
                box_xyxy=boxes,
                labels=tuple(classes[i % len(classes)] for i in range(len(boxes))),
            )
        )
    annotated = AnnotatedSet(
        name="blocks",
        root=raw,
        classes=classes,
        images=tuple(images),
        licence="CC0-1.0",
        source="drawn for a test",
    )
    return write_annotated(annotated, out)


def blocks(rng: np.random.Generator, *, filled: bool) -> tuple[np.ndarray, np.ndarray]:
    """Low-energy counts of a thin parcel, and the boxes (N, 4) of the dark blocks in it."""
    low = np.full(SIZE_WH[::-1], 60000.0)
    low[4:-4, 4:-4] = 51000
    boxes = []
    for left in rng.permutation([6, 36, 66])[: rng.integers(1, 4)] if filled else ():
        top, width, height = rng.integers(6, 28), rng.integers(14, 24), rng.integers(14, 28)
        low[top : top + height, left : left + width] = 18000
        boxes.append([left, top, left + width, top + height])
    low *= rng.normal(1, 0.002, low.shape)
    return low.clip(0, 65535).astype(np.uint16), np.array(boxes, np.float32).reshape(-1, 4)
