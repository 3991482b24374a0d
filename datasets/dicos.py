"""DICOS scans: DICOM files with security meaning (NEMA IIC 1), one DX file for each energy.

Attributes and values follow files written by an independent toolkit (SDICOS v3).
"""

import hashlib
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

import imagecodecs
import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.uid import UID

from parcelscope.datasets.dicos_header import (
    PYDICOM_ERRORS,
    Attributes,
    DicosHeader,
    dicos_header,
    parse_dicos,
    whole_number,
)
from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.jpeg_header import read_jpeg_frame
from parcelscope.datasets.writing import write_whole

DicosEnergy = Literal["LOW ENERGY", "HIGH ENERGY"]
Counts = npt.NDArray[np.uint16]

_DX_PROCESSING = UID("1.2.840.10008.5.1.4.1.1.501.2.2")
_IMPLICIT, _EXPLICIT = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1"
_LOSSLESS_JPEG = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
# Attributes of DX-V03 that are the same in every file of ours.
_CONSTANT: dict[str, str | int | float | list[int]] = {
    "Modality": "XRAY",
    "Manufacturer": "synthetic",
    "ManufacturerModelName": "synthetic",
    "InstitutionName": "synthetic",
    "InstitutionAddress": "synthetic",
    "InstitutionalDepartmentName": "",
    "StationName": "synthetic",
    "DeviceSerialNumber": "0",
    "SoftwareVersions": "0",
    "IssuerOfPatientID": "synthetic",
    "TypeOfPatientID": "TEXT",
    "PatientSex": "U",
    "StudyID": "1",
    "PresentationIntentType": "FOR PROCESSING",
    "DetectorType": "",
    "XRayTubeCurrentInuA": 500,
    "TableSpeed": 200.0,
    "ImagePositionPatient": [0, 0, 0],
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "BitsAllocated": 16,
    "BitsStored": 16,
    "HighBit": 15,
    "PixelRepresentation": 0,
    "BurnedInAnnotation": "NO",
    "PixelIntensityRelationship": "LIN",
    "PixelIntensityRelationshipSign": 1,
    "RescaleIntercept": "0",
    "RescaleSlope": "1",
    "RescaleType": "US",
    "LossyImageCompression": "00",
    "PresentationLUTShape": "IDENTITY",
    "DICOSVersion": "V03",
    "OOIType": "BAGGAGE",  # with CARGO, SDICOS reads every region of a report as zero
    "AcquisitionStatus": "SUCCESSFUL",
    "ScanType": "OPERATIONAL",
    "BeltHeight": 0.0,
}
_EMPTY_SEQUENCES = (
    "OtherPatientIDsSequence", "AcquisitionContextSequence", "AlgorithmRoutingCodeSequence",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DicosScan:
    """One DX image."""

    pixels: Counts
    """Intensity, shape (H, W), brighter where more got through."""
    energy: DicosEnergy | None
    """None where the file does not say, as in a single-energy `INTENSITY` image."""
    pixel_pitch_mm: float | None
    study_uid: str


def read_dicos_dx(data: bytes) -> DicosScan:
    """The DX image of the DICOS file `data`, whose size `read_header` has approved.

    Raises:
        ImageError: `truncated`, `corrupt`, `wrong_depth`, `wrong_channels` or `unsupported`.
    """
    dataset = parse_dicos(data, with_pixels=True)
    syntax = str(dataset["transfer_syntax"])
    header = dicos_header(dataset)
    _check_meaning(dataset, header)
    content = dataset.get("PixelData")
    if not isinstance(content, bytes) or not content:
        raise ImageError("truncated", "the DICOS file has no pixel data")
    pixels = _decode(content, syntax, header)
    stored = dataset.get("BitsStored", 16)
    if stored < 16 and int(pixels.max(initial=0)) >> stored:
        raise ImageError("corrupt", f"the DICOS pixels exceed their {stored} stored bits")
    return DicosScan(
        pixels=pixels,
        energy=_energy(dataset),
        pixel_pitch_mm=_pitch_mm(dataset),
        study_uid=str(dataset.get("StudyInstanceUID", "")),
    )


def _check_meaning(dataset: Attributes, header: DicosHeader) -> None:
    """Refuse what are no linear 16-bit intensities of one view."""
    if header.frames != 1:
        raise ImageError("unsupported", f"a DX scan has one frame, this file has {header.frames}")
    photometric = str(dataset.get("PhotometricInterpretation", ""))
    if header.channels != 1 or not photometric.startswith("MONOCHROME"):
        message = f"a DX scan must be monochrome, got {photometric} x {header.channels}"
        raise ImageError("wrong_channels", message)
    if header.bits != 16 or header.signed:
        sign = "signed" if header.signed else "unsigned"
        raise ImageError("wrong_depth", f"a DX scan must be 16-bit, got {header.bits}-bit {sign}")
    stored = whole_number(dataset, "BitsStored", default=16)
    if not 1 <= stored <= 16 or whole_number(dataset, "HighBit", default=stored - 1) != stored - 1:
        raise ImageError("corrupt", f"the DICOS file stores {stored} bits in an unknown place")
    expected = {
        "PixelIntensityRelationship": "LIN",
        "PixelIntensityRelationshipSign": 1,
        "RescaleIntercept": 0,
        "RescaleSlope": 1,
    }
    for name, wanted in expected.items():
        value = dataset.get(name, wanted)
        if value not in (wanted, "", None):
            message = f"pixels must be linear intensities: {name} must be {wanted}, got {value}"
            raise ImageError("unsupported", message)


def _energy(dataset: Attributes) -> DicosEnergy | None:
    kinds = dataset.get("ImageType") or []
    values = [kinds] if isinstance(kinds, str) else [str(kind) for kind in kinds]
    if "LOW ENERGY" in values:
        return "LOW ENERGY"
    if "HIGH ENERGY" in values:
        return "HIGH ENERGY"
    if len(values) > 1 and values[1] != "INTENSITY":
        message = f"a scan is LOW ENERGY, HIGH ENERGY or INTENSITY, this image is {values[1]}"
        raise ImageError("unsupported", message)
    return None


def _pitch_mm(dataset: Attributes) -> float | None:
    """Pixel pitch where the file has one that is square within 2 %."""
    spacing = dataset.get("ImagerPixelSpacing") or dataset.get("PixelSpacing")
    if isinstance(spacing, str) or spacing is None or len(spacing) != 2:
        return None
    try:
        row_mm, column_mm = (float(value) for value in spacing)
    except (TypeError, ValueError):
        return None
    if not (0 < row_mm < 100 and abs(row_mm - column_mm) <= 0.02 * row_mm):
        return None
    return row_mm


def _decode(content: bytes, syntax: str, header: DicosHeader) -> Counts:
    """Pixels (H, W) of one frame."""
    shape = header.height, header.width
    if syntax in (_IMPLICIT, _EXPLICIT):
        size = 2 * header.height * header.width
        if len(content) < size:
            message = f"{shape} DICOS pixels need {size} bytes, got {len(content)}"
            raise ImageError("truncated", message)
        return np.frombuffer(content[:size], "<u2").reshape(shape).astype(np.uint16)
    if syntax not in _LOSSLESS_JPEG:
        raise ImageError("unsupported", f"DICOS transfer syntax {syntax} is not read")
    try:
        stream = get_frame(content, 0, number_of_frames=1).rstrip(b"\0")
        frame = read_jpeg_frame(stream)
        # Checked before decoding: the inner size is what the decoder allocates.
        if (frame.process, frame.height, frame.width, frame.components) != (0xC3, *shape, 1):
            raise ImageError("corrupt", "the compressed frame does not fit the DICOS header")
        # libjpeg-turbo fills what is missing with grey, so a cut stream is refused by its end. The
        # stricter decoders of this format are not memory-safe: one crashed on the first fuzzing.
        if not stream.endswith(b"\xff\xd9"):
            raise ImageError("truncated", "the compressed DICOS frame has no end")
        pixels = imagecodecs.jpeg8_decode(stream)
    except PYDICOM_ERRORS as error:
        raise ImageError("corrupt", f"the DICOS frame cannot be decoded: {error}") from None
    if pixels.dtype != np.uint16 or pixels.shape != shape:
        message = f"expected uint16 {shape}, the frame decoded to {pixels.dtype} {pixels.shape}"
        raise ImageError("corrupt", message)
    return pixels


def derived_uid(*parts: str) -> str:
    """A DICOM UID that depends on `parts` alone: 2.25 and 128 bits of their digest."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def write_dicos_dx(
    path: Path,
    pixels: Counts,
    energy: DicosEnergy,
    study_uid: str,
    *,
    owner_id: str = "",
    taken_at: datetime = datetime(2026, 1, 1),
    pixel_pitch_mm: float | None = None,
    tube_kv: float = 160.0,
) -> None:
    """Write one energy of a scan as a DICOS DX-V03 file; equal arguments give equal bytes.

    Both energies of a scan share `study_uid`, as from `derived_uid("feed seed", owner_id)`.

    Args:
        path: File to write, `.dcs` by custom.
        pixels: Intensity, shape (H, W).
        energy: Which of the two.
        study_uid: UID of the scan.
        owner_id: Parcel or carton, at most 64 characters.
        taken_at: When it was scanned.
        pixel_pitch_mm: Written where known.
        tube_kv: Tube voltage.

    Raises:
        ValueError: `pixels` is no uint16 image.
    """
    if pixels.dtype != np.uint16 or pixels.ndim != 2:
        raise ValueError(f"pixels must be uint16 (H, W), got {pixels.dtype} {pixels.shape}")
    dataset = _dx_dataset(energy, study_uid, owner_id, taken_at, tube_kv)
    if pixel_pitch_mm is not None:
        dataset.ImagerPixelSpacing = [f"{pixel_pitch_mm:.6g}"] * 2
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.PixelData = np.ascontiguousarray(pixels, "<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    stream = io.BytesIO()
    dataset.save_as(stream, enforce_file_format=True)
    write_whole(path, stream.getvalue())


def _dx_dataset(
    energy: DicosEnergy, study_uid: str, owner_id: str, taken_at: datetime, tube_kv: float
) -> Dataset:
    """Everything of a DX-V03 file but its pixels: the least that an SDICOS validator accepts."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _DX_PROCESSING
    meta.MediaStorageSOPInstanceUID = UID(derived_uid(study_uid, energy))
    meta.TransferSyntaxUID = UID(_EXPLICIT)
    meta.ImplementationClassUID = UID(derived_uid("parcelscope"))
    meta.add_new(0x00020004, "CS", "V03")
    dataset = Dataset()
    dataset.file_meta = meta
    for name, value in _CONSTANT.items():
        setattr(dataset, name, value)
    for name in _EMPTY_SEQUENCES:
        setattr(dataset, name, [])
    for name in ("InstanceCreation", "Study", "Series", "Content"):
        setattr(dataset, f"{name}Date", taken_at.strftime("%Y%m%d"))
        setattr(dataset, f"{name}Time", taken_at.strftime("%H%M%S.%f"))
    dataset.DateOfLastCalibration = taken_at.strftime("%Y%m%d")
    dataset.TimeOfLastCalibration = taken_at.strftime("%H%M%S.%f")
    dataset.SOPClassUID = _DX_PROCESSING
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = study_uid
    dataset.SeriesInstanceUID = derived_uid(study_uid, "series")
    dataset.InstanceNumber = 1 if energy == "LOW ENERGY" else 2
    dataset.PatientID = owner_id  # DICOS reuses it for the object of inspection
    dataset.ImageType = ["ORIGINAL", energy]  # with a space: validators refuse LOW_ENERGY
    dataset.KVP = f"{tube_kv:g}"
    dataset.add_new(0x00080118, "CS", "MACHINE")  # DICOS differs from DICOM in these two tags
    dataset.add_new(0x00082108, "CS", "LHS")
    dataset.add_new(0x43000902, "FL", 0.0)
    return dataset
