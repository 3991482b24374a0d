"""What one image of an annotated set is, and what makes a set consistent."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import DatasetError
from parcelscope.datasets.placing import path_inside

Floats = npt.NDArray[np.float32]
Kind = Literal["colour", "grey", "dual", "photo"]
Split = Literal["train", "val", "test"]

KINDS: tuple[Kind, ...] = get_args(Kind)
SPLITS: tuple[Split, ...] = get_args(Split)


def no_boxes() -> Floats:
    """The boxes of an image without any, shape (0, 4)."""
    return np.empty((0, 4), np.float32)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnnotatedImage:
    """One picture or scan, with its boxes."""

    image_id: str
    """Unique in the set, and a plain file name."""
    path: str
    """From the set's root, with forward slashes; `AnnotatedSet.file` opens it."""
    kind: Kind
    """`dual` is counts at two energies: `path` low and `high_path` high, or `path` both."""
    width_px: int
    height_px: int
    """Of the upright picture, which boxes are measured in."""
    split: Split
    group: str
    """What must never be on both sides of a split: sender, carton, bag, near-duplicates."""
    box_xyxy: Floats = field(default_factory=no_boxes)
    """(N, 4) in pixels, corner (0, 0) at the upper left edge of the first pixel."""
    labels: tuple[str, ...] = ()
    """Class of each box."""
    image_labels: tuple[str, ...] = ()
    """What should be found somewhere in the picture, where the set gives no box: a defect, an
    item. Of a normal picture there is none."""
    anomalous: bool | None = None
    """Whether the whole is other than normal; None where nobody said."""
    high_path: str | None = None
    mask_path: str | None = None
    """Picture of the anomaly's pixels: zero outside it."""
    sha256: str | None = None
    """Of the file at `path`; None before the set was written."""

    def __post_init__(self) -> None:
        shape = self.box_xyxy.shape
        if shape != (len(self.labels), 4):
            raise DatasetError(
                f"{self.image_id}: box_xyxy must have shape ({len(self.labels)}, 4),"
                f" one row per label, got {shape}"
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AnnotatedSet:
    """Pictures that were annotated with one list of classes."""

    name: str
    root: Path
    """Folder that the paths of the images start from."""
    classes: tuple[str, ...]
    """In the order in which a network numbers them."""
    images: tuple[AnnotatedImage, ...]
    licence: str
    source: str
    """Where it came from, in words."""
    digest: str | None = None
    """SHA-256 of every file, box and split; None before the set was written."""

    def file(self, path: str) -> Path:
        """The file that `path`, `high_path` or `mask_path` of one of the images names."""
        return self.root / path

    def of_split(self, split: Split) -> tuple[AnnotatedImage, ...]:
        """The images of one split."""
        return tuple(image for image in self.images if image.split == split)

    def class_indices(self, image: AnnotatedImage) -> npt.NDArray[np.int64]:
        """(N,) place in `classes` of each box's label."""
        place = {name: index for index, name in enumerate(self.classes)}
        return np.array([place[label] for label in image.labels], np.int64)


def check_consistent(annotated: AnnotatedSet) -> None:
    """Refuse a set that contradicts itself.

    Raises:
        DatasetError: On the first thing that is wrong.
    """
    names = {image.image_id.lower() for image in annotated.images}
    where, known, seen = annotated.root, set(annotated.classes), set[str]()
    if len(known) < len(annotated.classes):
        raise DatasetError(f"{where}: a class is named twice in {list(annotated.classes)}")
    for image in annotated.images:
        name = image.image_id
        if not _is_plain(name):
            raise DatasetError(f"{where}: image_id must be a plain file name, got {name!r}")
        if name.lower() in seen:
            raise DatasetError(f"{where}: image {name!r} is there twice")
        seen.add(name.lower())
        if image.high_path is not None and f"{name}.high".lower() in names:
            raise DatasetError(f"{where}: {name}.high must not be an image, its files would clash")
        stranger = next((label for label in image.labels if label not in known), None)
        if stranger is not None:
            raise DatasetError(
                f"{where}: {name} has a box of class {stranger!r}; known: {sorted(known)}"
            )
        if image.kind not in KINDS or image.split not in SPLITS:
            raise DatasetError(
                f"{where}: {name} must have a kind of {KINDS} and a split of {SPLITS},"
                f" got {image.kind!r} and {image.split!r}"
            )
        if image.width_px < 1 or image.height_px < 1:
            size = f"{image.width_px} x {image.height_px}"
            raise DatasetError(f"{where}: {name} must have pixels, got {size}")
        for path in (image.path, image.high_path, image.mask_path):
            if path is not None and path_inside(where, path) is None:
                raise DatasetError(f"{where}: {name} names {path!r}, which leads out of the folder")


def _is_plain(name: str) -> bool:
    plain = all(char.isascii() and (char.isalnum() or char in "._-") for char in name)
    return plain and 0 < len(name) <= 140 and not name.startswith(".")
