"""What a DICOS file says of itself, read through pydicom without warnings or pixels."""

import io
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pydicom
from pydicom.errors import BytesLengthException, InvalidDicomError

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.quiet import quiet_warnings

Attributes = dict[str, Any]
"""Values by DICOM keyword, and `transfer_syntax`."""

ELEMENT_LIMIT = 20_000
"""Most attributes of one file; a DX image has about 200, and a file of nothing else costs."""

_DX = "1.2.840.10008.5.1.4.1.1.501.2."  # .1 for presentation, .2 for processing
_DEFLATED = b"1.2.840.10008.1.2.1.99"
_KINDS = {
    "1.2.840.10008.5.1.4.1.1.501.1": "a DICOS CT volume",
    "1.2.840.10008.5.1.4.1.1.501.3": "a DICOS threat detection report, which holds no scan",
    "1.2.840.10008.5.1.4.1.1.501.4": "a DICOS AIT 2D body scan",
    "1.2.840.10008.5.1.4.1.1.501.5": "a DICOS AIT 3D body scan",
    "1.2.840.10008.5.1.4.1.1.501.6": "a DICOS quadrupole resonance result",
}
_WANTED = [
    "SOPClassUID", "StudyInstanceUID", "ImageType", "Rows", "Columns", "SamplesPerPixel",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "NumberOfFrames", "PixelIntensityRelationship", "PixelIntensityRelationshipSign",
    "RescaleIntercept", "RescaleSlope", "ImagerPixelSpacing", "PixelSpacing", "PixelData",
]  # fmt: skip

# What pydicom raises on bytes that are no DICOM, found by fuzzing; it has no common root.
PYDICOM_ERRORS = (
    ArithmeticError, AttributeError, BytesLengthException, EOFError, InvalidDicomError,
    LookupError, MemoryError, OSError, RuntimeError, struct.error, TypeError, ValueError,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DicosHeader:
    """Form of a DICOS DX file."""

    sop_class: str
    width: int
    height: int
    frames: int
    channels: int
    bits: int
    signed: bool


def read_dicos_header(data: bytes) -> DicosHeader:
    """Form of the DICOS DX file whose content is `data`, without its pixels.

    Raises:
        ImageError: `corrupt`, or `unsupported` for what is no DX image.
    """
    return dicos_header(parse_dicos(data, with_pixels=False))


class _Counted(io.BytesIO):
    """Bytes that end when more attributes were begun than a file may have."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = ELEMENT_LIMIT

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and 0 < size <= 8:  # the head of an attribute
            self._left -= 1
            if self._left < 0:
                message = f"the DICOS file has more than {ELEMENT_LIMIT} attributes"
                raise ImageError("unsupported", message)
        return super().read(size)


@contextmanager
def quiet_pydicom() -> Iterator[None]:
    """Work without value checks or warnings: scanners write UIDs with leading zeros."""
    # pydicom's validation mode belongs to the process too, hence inside.
    with quiet_warnings(), pydicom.config.disable_value_validation():
        yield


def parse_dicos(data: bytes, *, with_pixels: bool, wanted: Sequence[str] = _WANTED) -> Attributes:
    """Attributes of the DICOS file `data`: those that matter to a scan, or those `wanted`.

    Raises:
        ImageError: `corrupt` or `unsupported`.
    """
    # pydicom would inflate the whole data set before we know its size.
    if _DEFLATED in data:
        raise ImageError("unsupported", "deflated DICOS is not read")
    try:
        with quiet_pydicom():
            dataset = pydicom.dcmread(
                _Counted(data), stop_before_pixels=not with_pixels, specific_tags=list(wanted)
            )
            # Converted inside the quiet block, since pydicom converts on first access.
            values = {name: dataset.get(name) for name in wanted if name in dataset}
            values["transfer_syntax"] = dataset.file_meta.TransferSyntaxUID
    except PYDICOM_ERRORS as error:
        raise ImageError("corrupt", f"the DICOS file cannot be parsed: {error}") from None
    return values


def dicos_header(dataset: Attributes) -> DicosHeader:
    """Form of the DX image that `dataset` describes.

    Raises:
        ImageError: `corrupt`, or `unsupported` for what is no DX image.
    """
    sop_class = str(dataset.get("SOPClassUID", ""))
    if not sop_class.startswith(_DX):
        kind = _KINDS.get(sop_class, f"of SOP class {sop_class!r}")
        raise ImageError("unsupported", f"only DICOS DX is read as a scan; this file is {kind}")
    return DicosHeader(
        sop_class=sop_class,
        width=whole_number(dataset, "Columns"),
        height=whole_number(dataset, "Rows"),
        frames=whole_number(dataset, "NumberOfFrames", default=1),
        channels=whole_number(dataset, "SamplesPerPixel", default=1),
        bits=whole_number(dataset, "BitsAllocated"),
        signed=whole_number(dataset, "PixelRepresentation", default=0) != 0,
    )


def whole_number(dataset: Attributes, name: str, default: int | None = None) -> int:
    """Attribute `name`, 0 or more, or `default` where it is absent or empty.

    Raises:
        ImageError: `corrupt`.
    """
    value = dataset.get(name)
    if value is None or value == "":
        value = default
    if not isinstance(value, int) or value < 0:  # IS values are ints too
        raise ImageError("corrupt", f"DICOS attribute {name} must be a whole number, got {value!r}")
    return int(value)
