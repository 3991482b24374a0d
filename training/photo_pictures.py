"""Plain photos as an anomaly detector takes them: one size, whatever the photo's own."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.annotated import AnnotatedImage, AnnotatedSet
from parcelscope.datasets.errors import DatasetError, ImageError
from parcelscope.datasets.photos import read_photo
from parcelscope.inference.placing import stretched

Colour = npt.NDArray[np.uint8]


def photo_pictures(
    annotated: AnnotatedSet, images: Sequence[AnnotatedImage], *, width_px: int, height_px: int
) -> Colour:
    """(N, 3, H, W) of `images`, as `inference.placing.stretched` gives them.

    Raises:
        DatasetError: If an image cannot be read, or is a dual-energy scan.
    """
    pictures = np.empty((len(images), 3, height_px, width_px), np.uint8)
    for index, image in enumerate(images):
        if image.kind == "dual":
            raise DatasetError(
                f"{annotated.root}: {image.image_id} is a dual-energy scan, expected a photo;"
                " input=dual takes scans"
            )
        path: Path = annotated.file(image.path)
        try:
            photo = read_photo(path)
        except (ImageError, OSError) as error:
            raise DatasetError(f"{path}: {error}") from None
        pictures[index] = stretched(photo, width_px=width_px, height_px=height_px)
    return pictures


def masks_of(
    annotated: AnnotatedSet, images: Sequence[AnnotatedImage], *, width_px: int, height_px: int
) -> npt.NDArray[np.bool_]:
    """(N, h, w) where `images` are defective, by their masks; nowhere where they have none."""
    masks = np.zeros((len(images), height_px, width_px), np.bool_)
    for index, image in enumerate(images):
        if image.mask_path is None:
            continue
        path = annotated.file(image.mask_path)
        mask = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise DatasetError(f"{path}: expected a mask, got no picture")
        share = cv2.resize((mask > 0).astype(np.float32), (width_px, height_px),
                           interpolation=cv2.INTER_AREA)  # fmt: skip
        masks[index] = share >= 0.5
    return masks
