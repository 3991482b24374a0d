"""What is wrong with a set of annotated images, found before a training stumbles over it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet, file_digest
from parcelscope.datasets.annotated_pictures import read_picture, size_wh
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import read_bytes, read_header
from parcelscope.datasets.near_duplicates import SEEN_PX, Thumb, grey_of, looks, near_duplicates
from parcelscope.datasets.photos import read_photo

FaultKind = Literal[
    "unreadable", "altered", "wrong size", "empty box", "box outside", "alike across splits",
    "group across splits", "alike with other boxes",
]  # fmt: skip
SLACK_PX = 0.01
"""By how much a box may stick out for rounding."""
SAME_BOX_SHARE = 0.02
"""Of the longer side of a picture: boxes of two copies may be apart by so much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong."""

    kind: FaultKind
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """All that was found."""

    faults: tuple[Fault, ...]
    notes: tuple[str, ...]
    """What is worth knowing but does no harm: pictures alike within one split."""


def check_set(
    annotated: AnnotatedSet, *, progress: Callable[[int, int], None] = lambda done, total: None
) -> Checked:
    """The faults of `annotated`, every picture opened."""
    faults: list[Fault] = []
    seen: list[AnnotatedImage] = []
    thumbs: list[Thumb] = []
    for done, image in enumerate(annotated.images, start=1):
        progress(done, len(annotated.images))
        faults += _box_faults(image)
        try:
            thumbs.append(grey_of(read_picture(annotated.root, image, wanted_px=SEEN_PX)))
            seen.append(image)
            faults += _file_faults(annotated.root, image)
        except (ImageError, OSError) as error:
            faults.append(Fault(kind="unreadable", message=f"{image.path}: {error}"))
    faults += _straddling_groups(annotated.images)
    notes: list[str] = []
    for one, other in near_duplicates(looks(thumbs)):
        fault = _alike(seen[one], seen[other])
        if fault is not None:
            faults.append(fault)
        else:
            notes.append(f"{seen[one].path} and {seen[other].path} look the same")
    return Checked(faults=tuple(faults), notes=tuple(notes))


def _box_faults(image: AnnotatedImage) -> Iterator[Fault]:
    for (x0, y0, x1, y1), label in zip(image.box_xyxy.tolist(), image.labels, strict=True):
        words = f"{image.path}: the box {label} ({x0:g}, {y0:g}, {x1:g}, {y1:g})"
        if not (x1 > x0 and y1 > y0):  # also where a corner is no number
            yield Fault(kind="empty box", message=f"{words} has no area")
        elif (
            min(x0, y0) < -SLACK_PX
            or x1 > image.width_px + SLACK_PX
            or y1 > image.height_px + SLACK_PX
        ):
            size = f"{image.width_px} x {image.height_px}"
            yield Fault(kind="box outside", message=f"{words} leaves the {size} pixels")


def _file_faults(root: Path, image: AnnotatedImage) -> Iterator[Fault]:
    data = read_bytes(root / image.path)
    size = size_wh(read_header(data))
    if size != (image.width_px, image.height_px):
        said = f"{image.width_px} x {image.height_px}"
        message = f"{image.path}: has {size[0]} x {size[1]} pixels, the table says {said}"
        yield Fault(kind="wrong size", message=message)
    if image.mask_path is not None:
        mask = read_photo(root / image.mask_path)
        if mask.shape[:2] != (image.height_px, image.width_px):
            of = f"{mask.shape[1]} x {mask.shape[0]}"
            message = f"{image.mask_path}: has {of} pixels, its picture {size[0]} x {size[1]}"
            yield Fault(kind="wrong size", message=message)
    if file_digest(root, image) != image.sha256:
        message = f"{image.path}: is not the file that was written"
        yield Fault(kind="altered", message=message)


def _straddling_groups(images: Sequence[AnnotatedImage]) -> Iterator[Fault]:
    sides: dict[str, Mapping[str, AnnotatedImage]] = {}
    for image in images:
        sides[image.group] = {image.split: image, **sides.get(image.group, {})}
    for group, found in sides.items():
        if len(found) > 1:
            places = " and ".join(f"{split} ({image.path})" for split, image in found.items())
            yield Fault(kind="group across splits", message=f"group {group!r} is in {places}")


def _alike(one: AnnotatedImage, other: AnnotatedImage) -> Fault | None:
    pair = f"{one.path} and {other.path} look the same"
    if one.split != other.split:
        return Fault(kind="alike across splits", message=pair)
    if not _same_boxes(one, other):
        return Fault(kind="alike with other boxes", message=f"{pair} but have different boxes")
    return None


def _same_boxes(one: AnnotatedImage, other: AnnotatedImage) -> bool:
    if sorted(one.labels) != sorted(other.labels):
        return False
    shares = [_shares(image) for image in (one, other)]
    return all(bool(np.abs(a - b).max() <= SAME_BOX_SHARE) for a, b in zip(*shares, strict=True))


def _shares(image: AnnotatedImage) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]]:
    """Boxes as shares of the picture, by label and then place."""
    size = np.array([image.width_px, image.height_px] * 2, np.float64)
    rows = zip(image.labels, (image.box_xyxy / size).round(2).tolist(), strict=True)
    return [np.array(corners) for _, corners in sorted(rows)]
