"""One scan read and placed on the canvases of the detectors that will look at it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.canvas import Canvas, CanvasSpec, place_colour, place_dual
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.scans import Scan, ScanFile, ScanKind, read_scan
from parcelscope.inference.detectors import Canvases, Detectors
from parcelscope.inference.owners import Owner, ScanGroup, check_pair
from parcelscope.models.bundle import DetectorCard, DetectorName, InputKind

Known = TypeVar("Known", float, str)

# A carton shows parcels, not articles: the item and anomaly detectors learned single parcels.
DETECTORS_OF: Final[dict[OwnerKind, tuple[DetectorName, ...]]] = {
    "parcel": ("xray.items", "xray.anomaly", "xray.contents"),
    "carton": ("xray.pieces",),
}
MODEL_FOR: Final[dict[ScanKind, InputKind | None]] = {
    "dual": "dual",
    "colour": "colour",
    "grey16": None,
    "grey8": None,
}
"""Which of a detector's models reads a scan; a single grey channel shows no material."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PlacedScan:
    """One scan of one owner, small enough to wait for its batch."""

    owner: Owner
    group: ScanGroup
    kind: ScanKind
    size_wh: tuple[int, int]
    """Of the full-size scan, in pixels."""
    canvases: Mapping[DetectorName, Canvas]
    """For the detectors that can look at it; equal canvases are one object."""

    @property
    def size_bytes(self) -> int:
        """Of its canvases."""
        return sum({id(one): one.pixels.nbytes for one in self.canvases.values()}.values())

    @property
    def path(self) -> str:
        """The image that boxes are drawn on."""
        return self.group.images[0].path

    @property
    def scanner(self) -> tuple[str | None, str | None]:
        """Model and software version, as far as the feed names them."""
        images = self.group.images
        return (
            first_known([image.scanner_model for image in images]),
            first_known([image.scanner_software for image in images]),
        )


def read_group(
    group: ScanGroup,
    content: Sequence[bytes],
    root: Path,
    *,
    read: Callable[..., Scan] = read_scan,
) -> Scan:
    """The scan that the files of `group` make up.

    Args:
        group: The rows.
        content: Bytes of each of `group.images`.
        root: Folder of the feed, for messages.
        read: How; `Decoding.scan` of a run.

    Raises:
        ImageError: If the files cannot be decoded, or are not one acquisition.
    """
    check_pair(group.images)
    files = [
        ScanFile(path=root / image.path, energy=image.energy, data=data)
        for image, data in zip(group.images, content, strict=True)
    ]
    return read(
        files,
        air_level=first_known([image.air_level for image in group.images]),
        pixel_pitch_mm=first_known([image.pixel_pitch_mm for image in group.images]),
    )


def place_scan(owner: Owner, group: ScanGroup, scan: Scan, detectors: Detectors) -> PlacedScan:
    """`scan` on one canvas for each detector that looks at scans of its kind and owner."""
    kind = MODEL_FOR[scan.kind]
    canvases: dict[DetectorName, Canvas] = {}
    placed: dict[CanvasSpec, Canvas] = {}
    for name in DETECTORS_OF[owner.owner_kind]:
        detector = None if kind is None else detectors.find(name, kind)
        if detector is None:
            continue
        spec = canvas_spec(detector.card)
        if spec not in placed:
            placed[spec] = place(scan, spec)
        canvases[name] = placed[spec]
    return PlacedScan(
        owner=owner, group=group, kind=scan.kind, size_wh=scan.size_wh, canvases=canvases
    )


def place(scan: Scan, spec: CanvasSpec) -> Canvas:
    """A dual-energy or colour `scan` on the canvas of `spec`.

    Raises:
        ValueError: If the scan has neither both energies nor colour.
    """
    if scan.low is not None and scan.high is not None:
        return place_dual(scan.low, scan.high, scan.air_level, scan.pixel_pitch_mm, spec)
    if scan.rgb is None:
        raise ValueError(f"scan must have both energies or colour, got {scan.kind}")
    return place_colour(scan.rgb, scan.pixel_pitch_mm, spec)


def stretched(
    photo: npt.NDArray[np.uint8], *, width_px: int, height_px: int
) -> npt.NDArray[np.uint8]:
    """(3, H, W) of a photo (h, w, 3), stretched: photos of one product are all framed alike."""
    size = cv2.resize(photo, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(size.transpose(2, 0, 1))


def stack(canvases: Sequence[Canvas]) -> Canvases:
    """One batch (N, C, H, W) of `canvases` of one spec and kind."""
    batch: Canvases = np.array([canvas.pixels for canvas in canvases])
    return batch


def canvas_spec(card: DetectorCard) -> CanvasSpec:
    """The canvas that the model of `card` takes."""
    return CanvasSpec(width_px=card.width_px, height_px=card.height_px, mm_per_px=card.mm_per_px)


def first_known(values: Sequence[Known | None]) -> Known | None:
    """The first of `values` that is given."""
    return next((value for value in values if value is not None), None)
