"""Packages that add scan formats, as `pip` would have installed them."""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

GROUP = "parcelscope.scan_formats"
MAGIC = b"TUFF\x01"
READER = """
import struct
import numpy as np
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import check_size
from parcelscope.datasets.scan_formats import ScanContent, ScanFormat

def read(data, pixel_cap):
    if len(data) < 17:
        raise ImageError("truncated", "the tuff ends inside its header")
    width, height, pitch_mm = struct.unpack_from("<IIf", data, 5)
    check_size(width, height, 2 * width * height, pixel_cap)
    size = width * height
    if len(data) < 17 + 4 * size:
        raise ImageError("truncated", "the tuff ends before its pixels")
    low, high = np.frombuffer(data, "<u2", 2 * size, 17).astype(np.uint16).reshape(2, height, width)
    return ScanContent(planes=(low, high), pixel_pitch_mm=pitch_mm)

def recognises(start):
    return start.startswith(b"TUFF\\x01")

tuff = ScanFormat(name="tuff", suffixes=(".tuff",), recognises=recognises, read=read)
"""


def install(place: Path, package: str, code: str, **points: str) -> Path:
    """Put the package with the module `code` and entry points such as `tuff="tuff"` in `place`."""
    (place / f"{package}.py").write_text(code)
    info = place / f"{package}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
    lines = [f"{name} = {package}:{target}" for name, target in points.items()]
    (info / "entry_points.txt").write_text("\n".join([f"[{GROUP}]", *lines, ""]))
    return place


def install_reader(place: Path) -> Path:
    """A package that reads files of `tuff_bytes`."""
    place.mkdir(parents=True, exist_ok=True)
    return install(place, "tuff_reader", READER, tuff="tuff")


def tuff_bytes(
    low: npt.NDArray[np.uint16], high: npt.NDArray[np.uint16], pitch_mm: float = 1.5
) -> bytes:
    height, width = low.shape
    pixels = np.stack([low, high]).astype("<u2").tobytes()
    return MAGIC + struct.pack("<IIf", width, height, pitch_mm) + pixels
