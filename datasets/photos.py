"""Photos of parcels, cartons and their contents, as upright RGB."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import PIXEL_CAP, Header, read_bytes, read_header
from parcelscope.datasets.rasters import as_rgb, decode_jpeg, decode_png, decode_tiff, on_white

Photo = npt.NDArray[np.uint8]

_DIVISORS = (8, 4, 2)  # reduced JPEG decoding is fast at these; 5/8 costs more than the full size


def read_photo(path: Path, *, wanted_px: int | None = None, pixel_cap: int = PIXEL_CAP) -> Photo:
    """The photo at `path`, upright.

    Args:
        path: PNG, JPEG or TIFF file, 8 or 16 bits.
        wanted_px: Long side that the caller will resize to; a JPEG is decoded at the smallest of
            1/8, 1/4, 1/2 and 1/1 whose long side is at least that, sizes rounded up. None for
            the full size.
        pixel_cap: Most pixels of the full-size photo.

    Returns:
        RGB, shape (H, W, 3), transparency composited on white, EXIF orientation applied.

    Raises:
        ImageError: The file cannot be read; the message names it.
    """
    try:
        return decode_photo(read_bytes(path), wanted_px=wanted_px, pixel_cap=pixel_cap)
    except ImageError as error:
        if str(path) in str(error):
            raise
        raise ImageError(error.code, f"{path}: {error}") from None


def decode_photo(data: bytes, *, wanted_px: int | None = None, pixel_cap: int = PIXEL_CAP) -> Photo:
    """As `read_photo`, of a file already in memory, such as an upload."""
    header = read_header(data, pixel_cap=pixel_cap)
    if header.format == "jpeg":
        pixels = decode_jpeg(data, header, divisor=reduction(header, wanted_px))
    elif header.format == "png":
        pixels = on_white(_eight_bits(decode_png(data, header)))
    elif header.format == "tiff":
        if header.channels > 4:
            message = f"a photo has 1 to 4 channels, this TIFF has {header.channels}"
            raise ImageError("wrong_channels", message)
        pixels = on_white(_eight_bits(decode_tiff(data, header)[0]))
    else:
        raise ImageError("unsupported", f"a photo is a PNG, JPEG or TIFF file, not {header.format}")
    rgb = upright(as_rgb(pixels), header.orientation)
    check_photo(rgb)
    return rgb


def check_photo(rgb: Photo) -> None:
    """Look at what a decoder really returned.

    Raises:
        ImageError: `corrupt` if it is no picture (H, W, 3) of 8 bits.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ImageError("corrupt", f"expected uint8 (H, W, 3), decoded {rgb.dtype} {rgb.shape}")


def reduction(header: Header, wanted_px: int | None) -> int:
    """Divisor 1, 2, 4 or 8 that leaves a long side of at least `wanted_px`."""
    if wanted_px is not None:
        long_px = max(header.width, header.height)
        for divisor in _DIVISORS:
            if -(-long_px // divisor) >= wanted_px:
                return divisor
    return 1


def upright(rgb: Photo, orientation: int) -> Photo:
    """`rgb` (H, W, 3), turned and mirrored as EXIF `orientation` 1 to 8 asks."""
    if orientation == 1:
        return rgb
    if orientation >= 5:  # stored sideways: rows are columns
        rgb = rgb.transpose(1, 0, 2)
    if orientation in (2, 3, 6, 7):
        rgb = rgb[:, ::-1]
    if orientation in (3, 4, 7, 8):
        rgb = rgb[::-1]
    return np.ascontiguousarray(rgb)


def _eight_bits(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> Photo:
    """A 16-bit photo scaled to 8: 65535 becomes 255."""
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return pixels.astype(np.uint8, copy=False)
