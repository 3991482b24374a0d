"""What the engine and the naive loop are compared over: a part of the work, or all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from parcelscope.datasets.photos import Photo
from parcelscope.datasets.scans import Scan, ScanFile
from parcelscope.datasets.text_lines import TextLine
from parcelscope.inference.code_reading import Luma, ReadCode
from parcelscope.inference.decoding import Decoding
from parcelscope.inference.detectors import Detectors
from parcelscope.inference.owners import ImageRow

SCANS_AND_QUALITY: Final = "scan detectors + photo.quality"
"""All that looks at scans, and the judgement of photos; no codes, no genuine references."""
EVERYTHING: Final = "everything"


@dataclass(frozen=True, slots=True)
class WithoutCodes:
    """Decodes as `inner` does, and reads no codes."""

    inner: Decoding

    def file(self, image: ImageRow, root: Path) -> bytes:
        """As `owners.read_file`."""
        return self.inner.file(image, root)

    def scan(
        self,
        files: Sequence[ScanFile],
        *,
        air_level: float | None = None,
        pixel_pitch_mm: float | None = None,
    ) -> Scan:
        """As `scans.read_scan`."""
        return self.inner.scan(files, air_level=air_level, pixel_pitch_mm=pixel_pitch_mm)

    def photo(self, data: bytes, *, wanted_px: int | None = None) -> Photo:
        """As `photos.decode_photo`."""
        return self.inner.photo(data, wanted_px=wanted_px)

    def codes(self, luma: Luma, *, thorough: bool = True) -> tuple[ReadCode, ...]:
        """None, whatever the photo shows."""
        return ()

    def text(self, luma: Luma) -> tuple[TextLine, ...]:
        """None, whatever the photo shows."""
        return ()


def without_references(detectors: Detectors) -> Detectors:
    """The same detectors, none of which compares photos with genuine packages."""
    return replace(detectors, references=None)
