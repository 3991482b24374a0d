"""Scan sets kept on disk, so that an interrupted build goes on where it stopped."""

from pathlib import Path

import numpy as np

from parcelscope.training.scan_sets import ScanSet


def save_set(scans: ScanSet, path: Path) -> None:
    """Write `scans` to `path` (.npz), whole or not at all."""
    counts = np.array([len(label) for label in scans.label])
    aside = path.with_suffix(".part.npz")
    np.savez(
        aside,
        dual=scans.dual,
        colour=scans.colour,
        dual_box_xyxy=np.concatenate(scans.dual_box_xyxy),
        colour_box_xyxy=np.concatenate(scans.colour_box_xyxy),
        label=np.concatenate(scans.label),
        counts=counts,
    )
    aside.replace(path)


def load_set(path: Path) -> ScanSet:
    """The scans that `save_set` wrote to `path`."""
    with np.load(path) as stored:
        cuts = np.cumsum(stored["counts"])[:-1]
        return ScanSet(
            dual=stored["dual"],
            colour=stored["colour"],
            dual_box_xyxy=np.split(stored["dual_box_xyxy"], cuts),
            colour_box_xyxy=np.split(stored["colour_box_xyxy"], cuts),
            label=np.split(stored["label"], cuts),
        )
