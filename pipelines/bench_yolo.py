"""The detector of items against `ultralytics predict` with a network of about its size."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2

from parcelscope.datasets.errors import ConfigError, ImageError
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.scan_writing import write_colour_jpeg
from parcelscope.inference.detectors import Detector, Detectors
from parcelscope.inference.owners import owner_shards, read_file, scan_groups
from parcelscope.inference.placing import DETECTORS_OF, read_group
from parcelscope.pipelines.pictures import coloured

MOST_PICTURES: Final = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class YoloRun:
    """What `ultralytics predict` took for the scans of a feed."""

    parameters: int
    our_parameters: int
    """Of our detector of items."""
    size_hw: tuple[int, int]
    pictures: int
    cpu_s: float
    wall_s: float


def run_yolo(
    feed: Feed, detectors: Detectors, bundle_folder: Path, work: Path, *, seconds: float
) -> YoloRun:
    """Search the scans of `feed`, as pictures in a folder, the way of ultralytics.

    Args:
        feed: Its first scans are taken, of parcels alone.
        detectors: Ours, for the size of network and picture.
        bundle_folder: Where its files lie.
        work: New folder for the pictures.
        seconds: Least wall-clock time to measure for.

    Raises:
        ConfigError: The extra `yolo` is not installed, or there is nothing to compare.
    """
    try:
        from parcelscope.training.yolo_adapter import predict_speed
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--yolo needs the yolo extra, but {error.name} is not installed;"
            " install parcelscope[cpu,train,yolo]"
        ) from None
    items = _items(detectors)
    pictures = _write_pictures(feed, work)
    if items is None or pictures == 0:
        missing = "an xray.items model in the bundle" if items is None else "scans of parcels"
        raise ConfigError(f"--yolo: expected {missing}, got none")
    size_hw = _padded(items.card.height_px), _padded(items.card.width_px)
    threads = cv2.getNumThreads()
    speed = predict_speed(
        work,
        like=bundle_folder / items.card.file,
        size_hw=size_hw,
        classes=len(items.card.classes),
        seconds=seconds,
    )
    cv2.setNumThreads(threads)
    return YoloRun(
        parameters=speed.parameters,
        our_parameters=speed.like_parameters,
        size_hw=size_hw,
        pictures=speed.pictures,
        cpu_s=speed.cpu_s,
        wall_s=speed.wall_s,
    )


def _items(detectors: Detectors) -> Detector | None:
    return detectors.find("xray.items", "dual") or detectors.find("xray.items", "colour")


def _write_pictures(feed: Feed, work: Path) -> int:
    """Write the scans of the first parcels in the colours that analysts know; how many."""
    written = 0
    for owner in next(owner_shards(feed, shard_size=MOST_PICTURES)):
        if "xray.items" not in DETECTORS_OF[owner.owner_kind]:
            continue
        for group in scan_groups(owner):
            try:
                scan = read_group(group, [read_file(i, feed.root) for i in group.images], feed.root)
            except ImageError:
                continue
            write_colour_jpeg(work / f"{written:04d}.jpg", coloured(scan), 90)
            written += 1
    return written


def _padded(side_px: int) -> int:
    """`side_px` up to a multiple of 32, as YOLO asks."""
    return -(-side_px // 32) * 32
