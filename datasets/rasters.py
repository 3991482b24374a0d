"""Pixels of one PNG, JPEG or TIFF file, by decoders that refuse damaged data.

A decoder must raise on damage, since wrong pixels would be scored as if they were the parcel.
simplejpeg (strict) and libpng do; Pillow and OpenCV return most bit-flipped JPEG files as pictures.
Every call takes the header that `read_header` approved, so that what is allocated is known before.
"""

import io
import math
import struct
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
import simplejpeg
import tifffile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import Header
from parcelscope.datasets.quiet import quiet_warnings

Pixels = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

# Codecs without loss. Others (JPEG, JPEG 2000 in TIFF) decode damaged data silently.
_TIFF_CODECS = {1: "none", 5: "LZW", 8: "deflate", 32946: "deflate", 32773: "PackBits",
                50000: "zstd"}  # fmt: skip
_BY_LIBTIFF = (5, 32773)
"""Decoded by Pillow's libtiff: damaged LZW crashed the process in imagecodecs."""

# What tifffile and the codecs raise on damaged files, found by fuzzing; it has no common root.
_DECODER_ERRORS = (
    ArithmeticError, AssertionError, AttributeError, EOFError, LookupError, MemoryError, OSError,
    RuntimeError, struct.error, SyntaxError, TypeError, ValueError,
)  # fmt: skip


def decode_jpeg(data: bytes, header: Header, *, divisor: int = 1) -> npt.NDArray[np.uint8]:
    """Pixels of a JPEG file, at 1/`divisor` of its size, rounded up.

    Args:
        data: The file.
        header: Its approved header.
        divisor: 1, 2, 4 or 8. Others, such as 8/5, are slower than the full size.

    Returns:
        uint8, shape (H, W) for grey and (H, W, 3) RGB otherwise; CMYK is converted.

    Raises:
        ImageError: `truncated` or `corrupt`.
    """
    height, width = -(-header.height // divisor), -(-header.width // divisor)
    grey = header.channels == 1
    if header.channels == 4:  # simplejpeg does not undo the inversion that Adobe writes
        pixels = _pillow_jpeg(data, divisor, "RGB")
    else:
        try:
            pixels = simplejpeg.decode_jpeg(
                data, colorspace="GRAY" if grey else "RGB", min_height=height, min_width=width
            )
        except ValueError as error:
            pixels = _second_opinion(data, divisor, "L" if grey else "RGB", str(error))
    if grey:
        pixels = pixels.reshape(pixels.shape[:2])
    shape = (height, width) if grey else (height, width, 3)
    return _checked(pixels, shape, np.uint8).astype(np.uint8, copy=False)


def _second_opinion(data: bytes, divisor: int, mode: str, complaint: str) -> npt.NDArray[np.uint8]:
    """What Pillow decodes where simplejpeg's complaint is not about damage.

    Pillow is not asked about damage: it returned wrong pixels for 116 of the 120 bit-flipped
    files that simplejpeg refused.
    """
    if "premature end of jpeg" in complaint.lower():
        raise ImageError("truncated", f"the JPEG ends before its pixels: {complaint}")
    if complaint.startswith("Corrupt JPEG data"):
        raise ImageError("corrupt", f"the JPEG is damaged: {complaint}")
    return _pillow_jpeg(data, divisor, mode)


def _pillow_jpeg(data: bytes, divisor: int, mode: str) -> npt.NDArray[np.uint8]:
    try:
        with JpegImageFile(io.BytesIO(data)) as image:
            if divisor > 1:
                width, height = image.size
                image.draft(None, (width // divisor, height // divisor))
            image.load()
            return np.asarray(image.convert(mode))
    except _DECODER_ERRORS as error:
        code = "truncated" if "truncated" in str(error) else "corrupt"
        raise ImageError(code, f"the JPEG cannot be decoded: {error}") from None


def decode_png(data: bytes, header: Header) -> Pixels:
    """Pixels of a PNG file; palettes are expanded, 1, 2 and 4 bits widened to 8.

    Returns:
        uint8 or uint16, shape (H, W), or (H, W, C) with 2 (grey, alpha), 3 or 4 channels.

    Raises:
        ImageError: `truncated` or `corrupt`.
    """
    try:
        pixels: Pixels = imagecodecs.png_decode(data)
    except _DECODER_ERRORS as error:
        code = "truncated" if "too small" in str(error) else "corrupt"
        raise ImageError(code, f"the PNG cannot be decoded: {error}") from None
    return _checked(pixels, _shape(header), np.uint16 if header.bits == 16 else np.uint8)


def decode_tiff(data: bytes, header: Header) -> tuple[Pixels, ...]:
    """Pixels of every page of a TIFF file, thumbnails left out.

    Returns:
        For each page uint8 or uint16 of shape (H, W) or (H, W, C), all alike.

    Raises:
        ImageError: `truncated`, `corrupt`, `wrong_depth` or `unsupported`.
    """
    if header.sample != "unsigned" or header.bits not in (8, 16):
        message = f"a TIFF must hold 8 or 16 unsigned bits, got {header.bits} {header.sample}"
        raise ImageError("wrong_depth", message)
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as tiff:
            found = (tiff.pages.get(index) for index in range(len(tiff.pages)))
            pages = [page for page in found if isinstance(page, tifffile.TiffPage)]
            pages = [page for page in pages if not page.subfiletype & 1]  # 1: a thumbnail
            for page in pages:
                _check_tiff_page(page, header, len(data))
            decoded = [
                _by_libtiff(data, page.index)
                if page.compression in _BY_LIBTIFF
                else page.asarray(maxworkers=1)
                for page in pages
            ]
    except ImageError:
        raise
    except _DECODER_ERRORS as error:
        raise ImageError("corrupt", f"the TIFF cannot be decoded: {error}") from None
    dtype = np.uint16 if header.bits == 16 else np.uint8
    return tuple(_checked(_channels_last(p, header), _shape(header), dtype) for p in decoded)


def _check_tiff_page(page: Any, header: Header, size_bytes: int) -> None:
    """Refuse what tifffile would decode without a word, or allocate more for than the header says.

    Raises:
        ImageError: `truncated`, `corrupt` or `unsupported`.
    """
    if page.compression not in _TIFF_CODECS:
        known = ", ".join(sorted(set(_TIFF_CODECS.values())))
        raise ImageError("unsupported", f"TIFF codec {page.compression} is not one of {known}")
    if page.photometric not in (1, 2):
        raise ImageError("unsupported", f"a TIFF must be grey or RGB, got {page.photometric}")
    samples = math.prod(_shape(header))
    form = (page.imagelength, page.imagewidth, page.samplesperpixel, page.bitspersample)
    if form != (header.height, header.width, header.channels, header.bits) or page.size != samples:
        raise ImageError("corrupt", "the pages of the TIFF differ in size, channels or depth")
    # A tile may stick out of a small image, but not by orders of magnitude.
    if math.prod(page.chunks) > max(4 * samples, 1 << 22):
        raise ImageError("corrupt", f"TIFF tiles of {page.chunks} in an image of {form[:2]}")
    if page.compression in _BY_LIBTIFF and header.bits == 16 and header.channels > 1:
        message = (
            f"16-bit TIFF of {header.channels} channels is read with deflate, zstd or no codec"
        )
        raise ImageError("unsupported", message)
    parts = math.prod(page.chunked)
    if not len(page.dataoffsets) == len(page.databytecounts) == parts:
        message = f"the TIFF has {len(page.dataoffsets)} parts, its size asks for {parts}"
        raise ImageError("corrupt", message)
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=True):
        if count == 0:  # would become a block of zeros: the densest metal there is
            raise ImageError("corrupt", "a part of the TIFF's pixels is missing")
        if offset + count > size_bytes:
            raise ImageError("truncated", f"the TIFF ends before byte {offset + count}")


def _by_libtiff(data: bytes, index: int) -> Pixels:
    """Pixels of page `index`, in the machine's byte order."""
    with quiet_warnings():
        image = TiffImageFile(io.BytesIO(data))
        image.seek(index)
    with image:
        pixels = np.asarray(image)
    return pixels.astype(pixels.dtype.newbyteorder("="), copy=False)


def _channels_last(pixels: Pixels, header: Header) -> Pixels:
    """Separate planes (C, H, W) as (H, W, C)."""
    if header.channels > 1 and pixels.shape == (header.channels, header.height, header.width):
        return np.moveaxis(pixels, 0, -1)
    return pixels


def _shape(header: Header) -> tuple[int, ...]:
    size = header.height, header.width
    return size if header.channels == 1 else (*size, header.channels)


def _checked(pixels: Pixels, shape: tuple[int, ...], dtype: type[np.generic]) -> Pixels:
    """`pixels`, after a look at what the decoder really returned."""
    if pixels.shape != shape or pixels.dtype != dtype:
        message = f"expected {dtype.__name__} {shape}, decoded {pixels.dtype} {pixels.shape}"
        raise ImageError("corrupt", message)
    return pixels


def on_white(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Grey or colour picture with its alpha, if any, composited on white.

    Args:
        pixels: Shape (H, W) or (H, W, C) with 1 to 4 channels; 2 and 4 end in alpha.

    Returns:
        Shape (H, W) or (H, W, 3).
    """
    if pixels.ndim == 3 and pixels.shape[2] in (2, 4):
        alpha = pixels[..., -1:].astype(np.uint16)
        if not (alpha == 255).all():
            colour = pixels[..., :-1].astype(np.uint16)
            mixed = (colour * alpha + 255 * (255 - alpha) + 127) // 255  # at most 65152
            pixels = np.concatenate([mixed.astype(np.uint8), pixels[..., -1:]], axis=2)
        pixels = pixels[..., :-1]
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    return np.ascontiguousarray(pixels)


def as_rgb(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Picture (H, W) or (H, W, 3) as RGB (H, W, 3)."""
    return np.repeat(pixels[:, :, None], 3, axis=2) if pixels.ndim == 2 else pixels
