"""One scan of a set as networks are shown it: augmented, upon another, or a window of it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from parcelscope.models.box_scores import inside
from parcelscope.models.bundle import InputKind
from parcelscope.training.augment import augment, stack
from parcelscope.training.scan_sets import ScanSet

LEAST_SEEN = 0.35
"""Share of a box that must lie inside the picture for it to be something to find there."""


def draw_scan(
    scans: ScanSet,
    row: np.int64,
    *,
    kind: InputKind,
    rng: np.random.Generator,
    stacked: float,
    window_px: int | None = None,
) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Pixels (2 or 3, H, W), boxes (N, 4) and labels (N,) of one scan, augmented.

    Boxes end where the picture does; those that hardly lie in it are left out.

    Args:
        scans: Scans with their boxes.
        row: Which of them.
        kind: Which picture of it.
        rng: Source of chance.
        stacked: Share, 0 to 1, that another scan is laid upon.
        window_px: Side of a square window to cut out; None keeps the whole.
    """
    source, boxes = scans.pictures(kind), scans.boxes_for(kind)
    pixels, box_xyxy, label = source[row], boxes[row], scans.label[row]
    if rng.random() < stacked:
        other = int(rng.integers(len(scans)))
        pixels = stack(pixels, source[other], kind=kind)
        box_xyxy = np.concatenate([box_xyxy, boxes[other]])
        label = np.concatenate([label, scans.label[other]])
    pixels, box_xyxy = augment(pixels, box_xyxy, kind=kind, rng=rng, window_px=window_px)
    seen_xyxy = inside(box_xyxy, width_px=pixels.shape[2], height_px=pixels.shape[1])
    seen = _area(seen_xyxy) > LEAST_SEEN * _area(box_xyxy)
    return pixels, seen_xyxy[seen], label[seen]


def as_tensor(pictures: Sequence[npt.NDArray[np.generic]]) -> Tensor:
    """One batch (N, 2 or 3, H, W) of `pictures`."""
    batch = np.stack(pictures)
    if batch.dtype == np.uint16:  # torch has few uint16 kernels on the CPU
        batch = batch.astype(np.int32)
    return torch.from_numpy(batch)


def _area(box_xyxy: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(N,) areas in square pixels."""
    area: npt.NDArray[np.float32] = (box_xyxy[:, 2:] - box_xyxy[:, :2]).prod(axis=1)
    return area
