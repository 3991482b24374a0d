"""The pictures of a set of annotated images, opened."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.annotated import AnnotatedImage
from parcelscope.datasets.headers import Header
from parcelscope.datasets.photos import read_photo
from parcelscope.datasets.scans import Scan, ScanFile, read_scan

Rgb = npt.NDArray[np.uint8]


def read_picture(root: Path, image: AnnotatedImage, *, wanted_px: int | None = None) -> Rgb:
    """An image of the set in `root` as RGB (H, W, 3); a dual scan as greys of its low energy.

    Args:
        root: Folder of the set.
        image: One of its images.
        wanted_px: Long side that is enough; a JPEG is then decoded at a half, quarter or eighth.

    Raises:
        ImageError: If it cannot be read.
    """
    if image.kind != "dual":
        return read_photo(root / image.path, wanted_px=wanted_px)
    low = read_dual(root, image).low
    if low is None:  # read_dual gives both
        raise ValueError(f"{image.path} has no low energy")
    air = max(float(np.percentile(low, 99)), 1.0)
    grey = np.clip(low * (255 / air), 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def read_dual(root: Path, image: AnnotatedImage) -> Scan:
    """An image of kind `dual` of the set in `root`, as counts at both energies.

    Raises:
        ImageError: If it cannot be read, or is no such pair.
    """
    files = [ScanFile(path=root / image.path, energy="low" if image.high_path else "dual")]
    if image.high_path is not None:
        files.append(ScanFile(path=root / image.high_path, energy="high"))
    return read_scan(files)


def size_wh(header: Header) -> tuple[int, int]:
    """Width and height of the upright picture."""
    stored = header.width, header.height
    return stored if header.orientation < 5 else stored[::-1]
