"""X-ray scans as scanners hand them over: counts at one or two energies, or a rendering."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import PIXEL_CAP, read_bytes
from parcelscope.datasets.scan_plugins import read_content

Counts = npt.NDArray[np.uint16]
Colour = npt.NDArray[np.uint8]
Energy = Literal["low", "high", "dual", "colour", "grey"]
ScanKind = Literal["dual", "colour", "grey16", "grey8"]

CONTENT_LEVEL = 0.95
"""Share of the air level below which a block of 4x4 pixels surely shows something.

Air noise is 1.5 % of a pixel, 0.4 % of a block.
"""
SWAP_MARGIN = 0.02
"""By how much of the air level low energy may exceed high on average over the content.

80 mm of water put low 8 % of air *below* high; drift and unequal gains stay within 1 %.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFile:
    """One file of a scan."""

    path: Path
    energy: Energy | None = None
    """What the feed says it holds; None lets the file decide."""
    data: bytes | None = None
    """Content where it is already in memory; `path` then only names it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scan:
    """One X-ray view of a parcel or master carton."""

    kind: ScanKind
    """`dual` has low and high, `grey16` exactly one of them, `colour` and `grey8` have rgb."""
    low: Counts | None = None
    """Low-energy counts, shape (H, W); also those of an unnamed single energy."""
    high: Counts | None = None
    """High-energy counts, shape (H, W)."""
    rgb: Colour | None = None
    """Rendering, shape (H, W, 3); of `grey8` the three channels are equal."""
    air_level: float | None = None
    """Counts behind nothing but air; None where unknown."""
    pixel_pitch_mm: float | None = None
    energies_swapped: bool = False
    """Low energy got through slightly better than high, which no material does. Not mended."""

    @property
    def size_wh(self) -> tuple[int, int]:
        """Width and height in pixels."""
        pixels = next(p for p in (self.low, self.high, self.rgb) if p is not None)
        return pixels.shape[1], pixels.shape[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Part:
    """What one file holds."""

    path: Path
    energy: Energy | None
    planes: tuple[Counts, ...] = ()
    rgb: Colour | None = None
    grey: bool = False
    pixel_pitch_mm: float | None = None


def read_scan(
    files: Sequence[ScanFile],
    *,
    air_level: float | None = None,
    pixel_pitch_mm: float | None = None,
    pixel_cap: int = PIXEL_CAP,
) -> Scan:
    """The scan that `files` make up.

    One file holds both energies (two TIFF pages, or two channels), one energy, or a rendering;
    two hold low and high. A rendering beside both energies is derived from them, and is not read.

    Args:
        files: PNG, JPEG, TIFF or DICOS DX files of one view, or of a format that a plug-in adds.
        air_level: Counts behind air, if the feed says.
        pixel_pitch_mm: Size of a pixel; without it, what the file says.
        pixel_cap: Most pixels of one file.

    Raises:
        ImageError: A file cannot be read, or the files do not make up one scan; the message
            names the file.
    """
    scan = _assembled(
        [_read_part(file, pixel_cap) for file in _chosen(files)], air_level, pixel_pitch_mm
    )
    check_scan(scan)
    return scan


def check_scan(scan: Scan) -> None:
    """Look at what the decoders really returned.

    Raises:
        ImageError: `corrupt` if the pixels are not those of a scan of its kind.
    """
    planes = {"low": scan.low, "high": scan.high, "rgb": scan.rgb}
    held = {name: pixels for name, pixels in planes.items() if pixels is not None}
    for name, pixels in held.items():
        dtype = np.uint8 if name == "rgb" else np.uint16
        channels = (3,) if name == "rgb" else ()
        if pixels.dtype != dtype or pixels.shape[2:] != channels or pixels.size == 0:
            message = f"expected {np.dtype(dtype)} {name}, decoded {pixels.dtype} {pixels.shape}"
            raise ImageError("corrupt", message)
    wanted = {"dual": [{"low", "high"}], "grey16": [{"low"}, {"high"}]}.get(scan.kind, [{"rgb"}])
    if set(held) not in wanted or len({pixels.shape[:2] for pixels in held.values()}) != 1:
        shapes = {name: pixels.shape for name, pixels in held.items()}
        raise ImageError("corrupt", f"a scan of kind {scan.kind} cannot hold {shapes}")


def _assembled(
    parts: Sequence[_Part], air_level: float | None, pixel_pitch_mm: float | None
) -> Scan:
    """The scan of one or two files."""
    if pixel_pitch_mm is None:
        pixel_pitch_mm = next((p.pixel_pitch_mm for p in parts if p.pixel_pitch_mm), None)
    if len(parts) == 2:
        return _dual(*_ordered(*parts), air_level, pixel_pitch_mm)
    part = parts[0]
    if part.rgb is not None:
        return Scan(
            kind="grey8" if part.grey else "colour", rgb=part.rgb, pixel_pitch_mm=pixel_pitch_mm
        )
    if len(part.planes) == 2:
        return _dual(part, part, air_level, pixel_pitch_mm)
    is_high = part.energy == "high"
    return Scan(
        kind="grey16",
        low=None if is_high else part.planes[0],
        high=part.planes[0] if is_high else None,
        air_level=air_level,
        pixel_pitch_mm=pixel_pitch_mm,
    )


def _chosen(files: Sequence[ScanFile]) -> Sequence[ScanFile]:
    """The one or two files to read."""
    if not files:
        raise ImageError("missing", "the scan has no file")
    by_energy = {file.energy: file for file in files}
    if len(by_energy) == len(files) > 1:
        if "dual" in by_energy:
            return [by_energy["dual"]]
        if "low" in by_energy and "high" in by_energy:
            return [by_energy["low"], by_energy["high"]]
        rendering = by_energy.get("colour") or by_energy.get("grey")
        if rendering is not None and None not in by_energy:
            return [rendering]
    if len(files) > 2 or (len(files) == 2 and len({f.energy for f in files} - {None}) == 1):
        energies = ", ".join(f"{file.path} {file.energy or 'unnamed'}" for file in files)
        message = f"a scan is one file, or one low and one high; got {energies}"
        raise ImageError("unsupported", message)
    return files


def _ordered(first: _Part, second: _Part) -> tuple[_Part, _Part]:
    """Low, then high."""
    found = {first.energy: first, second.energy: second}
    if set(found) != {"low", "high"}:
        message = (
            f"two files of a scan are one low and one high; got {first.path} "
            f"{first.energy or 'unnamed'}, {second.path} {second.energy or 'unnamed'}"
        )
        raise ImageError("unsupported", message)
    return found["low"], found["high"]


def _dual(low: _Part, high: _Part, air_level: float | None, pixel_pitch_mm: float | None) -> Scan:
    low_counts, high_counts = low.planes[0], high.planes[-1]
    if low_counts.shape != high_counts.shape:
        message = (
            f"low and high must have one shape: {low.path} has {low_counts.shape}, "
            f"{high.path} {high_counts.shape}"
        )
        raise ImageError("corrupt", message)
    excess = energy_excess(low_counts, high_counts, air_level)
    if excess > SWAP_MARGIN:
        message = (
            f"{low.path}: low energy exceeds high by {excess:.1%} of air on average, "
            "which no material does; the energies seem swapped"
        )
        raise ImageError("corrupt", message)
    return Scan(
        kind="dual",
        low=low_counts,
        high=high_counts,
        air_level=air_level,
        pixel_pitch_mm=pixel_pitch_mm,
        energies_swapped=excess > 0,
    )


def energy_excess(low: Counts, high: Counts, air_level: float | None = None) -> float:
    """Mean of low minus high over the content, as a share of the air level.

    Negative for every material, since it weakens the low energy more. Zero for an empty belt.
    """
    if low.size == 0:
        return 0.0
    # Blocks, not pixels: the noisier energy would otherwise choose the pixels it is darkest in.
    size_wh = max(low.shape[1] // 4, 1), max(low.shape[0] // 4, 1)
    blocks = [cv2.resize(e, size_wh, interpolation=cv2.INTER_AREA) for e in (low, high)]
    # Each against its own air: two detectors rarely have the same gain.
    airs = [air_level or max(float(np.percentile(block, 95)), 1.0) for block in blocks]
    a, b = (block / air for block, air in zip(blocks, airs, strict=True))
    content = (a < CONTENT_LEVEL) | (b < CONTENT_LEVEL)
    return float((a[content] - b[content]).mean()) if content.any() else 0.0


def _read_part(file: ScanFile, pixel_cap: int) -> _Part:
    try:
        data = read_bytes(file.path) if file.data is None else file.data
        part = _decode(file, data, pixel_cap)
        _check_energy(file, part)
    except ImageError as error:
        if str(file.path) in str(error):
            raise
        raise ImageError(error.code, f"{file.path}: {error}") from None
    return part


def _decode(file: ScanFile, data: bytes, pixel_cap: int) -> _Part:
    content = read_content(data, pixel_cap)
    if content.energy and file.energy in ("low", "high") and file.energy != content.energy:
        message = f"the feed says {file.energy} energy, the file itself {content.energy}"
        raise ImageError("corrupt", message)
    return _Part(
        path=file.path,
        energy=content.energy or file.energy,
        planes=content.planes,
        rgb=content.rgb,
        grey=content.is_grey,
        pixel_pitch_mm=content.pixel_pitch_mm,
    )


def _check_energy(file: ScanFile, part: _Part) -> None:
    """Refuse a file that holds something else than the feed says."""
    if part.rgb is not None and file.energy in ("low", "high", "dual"):
        message = f"expected 16-bit {file.energy}-energy counts, got an 8-bit picture"
        raise ImageError("wrong_depth", message)
    if part.rgb is None and file.energy == "colour":
        raise ImageError("wrong_depth", "expected an 8-bit colour rendering, got 16-bit counts")
    expected = {"low": 1, "high": 1, "grey": 1, "dual": 2}.get(file.energy or "")
    if part.rgb is None and expected not in (None, len(part.planes)):
        message = f"expected {expected} energy ({file.energy}), got {len(part.planes)}"
        raise ImageError("wrong_channels", message)
