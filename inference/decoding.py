"""From bytes to pixels and texts: the steps in which other people's C meets data from outside.

Whoever scores asks a `Decoding` and does not see how it is done: `Direct` does it at once,
`time_limit.Limited` gives up what takes too long, and `isolation.Isolated` also outlives what
crashes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from parcelscope.datasets.errors import ParcelscopeError
from parcelscope.datasets.photos import Photo, decode_photo
from parcelscope.datasets.scans import Scan, ScanFile, read_scan
from parcelscope.datasets.text_lines import TextLine
from parcelscope.inference.code_reading import Luma, ReadCode
from parcelscope.inference.codes import read_codes
from parcelscope.inference.label_reading import read_text
from parcelscope.inference.owners import ImageRow, read_file


class Decoding(Protocol):
    """How files are opened and decoded; safe to call from several threads."""

    def file(self, image: ImageRow, root: Path) -> bytes:
        """As `owners.read_file`."""
        ...

    def scan(
        self,
        files: Sequence[ScanFile],
        *,
        air_level: float | None = None,
        pixel_pitch_mm: float | None = None,
    ) -> Scan:
        """As `scans.read_scan`, of files whose content is in memory."""
        ...

    def photo(self, data: bytes, *, wanted_px: int | None = None) -> Photo:
        """As `photos.decode_photo`."""
        ...

    def codes(self, luma: Luma, *, thorough: bool = True) -> tuple[ReadCode, ...]:
        """As `codes.read_codes`."""
        ...

    def text(self, luma: Luma) -> tuple[TextLine, ...]:
        """As `label_reading.read_text`."""
        ...


class UnforeseenError(ParcelscopeError):
    """What a decoder raised in another process and nobody foresaw."""

    def __init__(self, error_class: str, message: str) -> None:
        super().__init__(message)
        self.error_class = error_class


@dataclass(frozen=True, slots=True)
class Direct:
    """Decodes in the calling thread, for as long as it takes."""

    def file(self, image: ImageRow, root: Path) -> bytes:
        """As `owners.read_file`."""
        return read_file(image, root)

    def scan(
        self,
        files: Sequence[ScanFile],
        *,
        air_level: float | None = None,
        pixel_pitch_mm: float | None = None,
    ) -> Scan:
        """As `scans.read_scan`."""
        return read_scan(files, air_level=air_level, pixel_pitch_mm=pixel_pitch_mm)

    def photo(self, data: bytes, *, wanted_px: int | None = None) -> Photo:
        """As `photos.decode_photo`."""
        return decode_photo(data, wanted_px=wanted_px)

    def codes(self, luma: Luma, *, thorough: bool = True) -> tuple[ReadCode, ...]:
        """As `codes.read_codes`."""
        return read_codes(luma, thorough=thorough)

    def text(self, luma: Luma) -> tuple[TextLine, ...]:
        """As `label_reading.read_text`."""
        return read_text(luma)


DIRECT: Final = Direct()
