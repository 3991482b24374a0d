"""Formats of scan files: how each is recognised and read. Plug-ins add others to those built in."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.dicos import read_dicos_dx
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import Header, read_header
from parcelscope.datasets.rasters import as_rgb, decode_jpeg, decode_png, decode_tiff, on_white

Counts = npt.NDArray[np.uint16]
Colour = npt.NDArray[np.uint8]

START_BYTES: Final = 4096
"""Of a file, as much as a format is shown to tell whether it is one of its own."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScanContent:
    """What one scan file holds: counts of one or two energies, or a rendering."""

    planes: tuple[Counts, ...] = ()
    """One energy, or low and high; uint16, shape (H, W), brighter where more got through. Empty
    for a rendering."""
    rgb: Colour | None = None
    """A rendering, uint8, shape (H, W, 3); None for counts."""
    is_grey: bool = False
    """Whether the three channels of `rgb` are equal."""
    energy: Literal["low", "high"] | None = None
    """Which energy a single plane is, where the file says so."""
    pixel_pitch_mm: float | None = None
    """Size of a pixel, where the file says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFormat:
    """One format. A plug-in has one for each format that it reads."""

    name: str
    """Short, in lower case, such as `uff`."""
    suffixes: tuple[str, ...]
    """How names of such files end, in lower case with the dot. Only `feed from-folder` goes by
    names; what a file is, its content tells."""
    recognises: Callable[[bytes], bool]
    """Whether a file that begins with these bytes, `START_BYTES` or all of it, is one of these."""
    read: Callable[[bytes, int], ScanContent]
    """What the file with this content holds. Files of more than so many pixels must be refused
    before memory is taken for them. Raises `ImageError` for a file that is damaged or is not
    meant; `headers.check_size` and `ImageError`'s codes are those of the other formats."""


def _png(data: bytes, pixel_cap: int) -> ScanContent:
    header = read_header(data, pixel_cap=pixel_cap)
    return _raster((decode_png(data, header),), header)


def _tiff(data: bytes, pixel_cap: int) -> ScanContent:
    header = read_header(data, pixel_cap=pixel_cap)
    return _raster(decode_tiff(data, header), header)


def _jpeg(data: bytes, pixel_cap: int) -> ScanContent:
    return _rendering(decode_jpeg(data, read_header(data, pixel_cap=pixel_cap)))


def _dicos(data: bytes, pixel_cap: int) -> ScanContent:
    read_header(data, pixel_cap=pixel_cap)
    scan = read_dicos_dx(data)
    energies: dict[str | None, Literal["low", "high"]] = {
        "LOW ENERGY": "low",
        "HIGH ENERGY": "high",
    }
    return ScanContent(
        planes=(scan.pixels,),
        energy=energies.get(scan.energy),
        pixel_pitch_mm=scan.pixel_pitch_mm,
    )


def _raster(pages: tuple[npt.NDArray[np.generic], ...], header: Header) -> ScanContent:
    """Pages of a PNG or TIFF: counts where they have 16 bits, else a rendering."""
    if header.bits == 8:
        if len(pages) > 1 or header.channels > 4:
            message = f"{len(pages)} pages of {header.channels} channels need 16 bits, got 8"
            raise ImageError("wrong_depth", message)
        return _rendering(on_white(pages[0].astype(np.uint8, copy=False)))
    planes = (
        [page[..., c] for page in pages for c in range(header.channels)]
        if header.channels > 1
        else list(pages)
    )
    if len(planes) > 2:
        message = (
            f"16-bit scans have one or two energies, got {len(pages)} pages "
            f"of {header.channels} channels"
        )
        raise ImageError("wrong_channels", message)
    return ScanContent(planes=tuple(np.ascontiguousarray(p, dtype=np.uint16) for p in planes))


def _rendering(pixels: Colour) -> ScanContent:
    return ScanContent(rgb=as_rgb(pixels), is_grey=pixels.ndim == 2)


def _begins(*starts: bytes, at: int = 0) -> Callable[[bytes], bool]:
    return lambda start: start[at:].startswith(starts)


BUILT_IN: Final[tuple[ScanFormat, ...]] = (
    ScanFormat(name="png", suffixes=(".png",), recognises=_begins(b"\x89PNG\r\n\x1a\n"), read=_png),
    ScanFormat(
        name="jpeg", suffixes=(".jpg", ".jpeg"), recognises=_begins(b"\xff\xd8\xff"), read=_jpeg
    ),
    ScanFormat(
        name="tiff",
        suffixes=(".tif", ".tiff"),
        recognises=_begins(b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"),
        read=_tiff,
    ),
    ScanFormat(
        name="dicos",
        suffixes=(".dcs", ".dcm", ".dicos"),
        recognises=_begins(b"DICM", at=128),
        read=_dicos,
    ),
)
"""Asked first, so that no plug-in can take a file of theirs away."""
