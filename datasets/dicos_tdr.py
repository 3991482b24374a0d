"""DICOS threat detection reports (TDR): what is told of a scan in the words of its own format.

Attributes and values follow files written by an independent toolkit (SDICOS v3). The format has
words for what software must not say; those that are used here say that something differs, where,
and how, or that nothing was decided.
"""

import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from parcelscope.datasets.dicos import derived_uid
from parcelscope.datasets.dicos_header import dicos_header, parse_dicos, quiet_pydicom
from parcelscope.datasets.errors import ImageError

Decision = Literal["ALARM", "CLEAR", "UNKNOWN"]
"""`UNKNOWN`: nothing was decided; never `CLEAR` for what was not looked at."""
AbortReason = Literal["TIMEOUT", "UNKNOWN_DATATYPE", "NOT_REVIEWED"]
"""Those of the format's reasons for having no result that can apply here."""

_TDR: Final = UID("1.2.840.10008.5.1.4.1.1.501.3")
_TOLD: Final = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID", "StudyID",
    "StudyDate", "StudyTime", "DateOfLastCalibration", "TimeOfLastCalibration", "PatientID",
    "IssuerOfPatientID", "TypeOfPatientID", "InstitutionName", "StationName",
)  # fmt: skip
"""What of a scan is repeated in the report on it."""
_NAMED: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")
_FORM: Final = ("Rows", "Columns", "BitsAllocated")
_UID: Final = re.compile(r"[0-9][0-9.]{0,63}")
_DATE: Final = re.compile(r"[0-9]{8}")
_TIME: Final = re.compile(r"[0-9]{6}(\.[0-9]{1,6})?")
_LONGEST: Final = {"StudyID": 16, "StationName": 16, "TypeOfPatientID": 16}
_UNKNOWN_TEXT: Final = {"StudyID": "1", "TypeOfPatientID": "TEXT"}
_MOST_REGIONS: Final = 65535  # their number is 16 bits wide
# Attributes of TDR-V03 that are the same in every file of ours.
_CONSTANT: Final[dict[str, str | int]] = {
    "SpecificCharacterSet": "ISO_IR 192",
    "Modality": "TDR",
    "Manufacturer": "parcelscope",
    "ManufacturerModelName": "parcelscope",
    "InstitutionAddress": "unknown",
    "InstitutionalDepartmentName": "",
    "DeviceSerialNumber": "0",
    "PatientSex": "U",
    "InstanceNumber": 1,
    "PositionReferenceIndicator": "",
    "TDRType": "MACHINE",
    "AdditionalScreeningPerformed": "NO",
    "DICOSVersion": "V03",
    "OOIType": "BAGGAGE",  # with CARGO, SDICOS reads every region of a report as zero
    "AcquisitionStatus": "SUCCESSFUL",
    "ScanType": "OPERATIONAL",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class DicosInstance:
    """Which DX image a file is, as far as a report on it must say."""

    sop_class: str
    sop_uid: str
    study_uid: str
    size_wh: tuple[int, int]
    """Width and height in pixels."""
    told: dict[str, str]
    """Other attributes by keyword, those alone that are as the format asks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A place of an image where it differs, and how."""

    instance: DicosInstance
    box_xyxy: tuple[float, float, float, float]
    """(x0, y0, x1, y1) in pixels of the image."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is told of the DX images of one scan."""

    instances: Sequence[DicosInstance]
    """At least one; all of one study."""
    decision: Decision
    abort: AbortReason | None
    """Why there is no result; None where there is one."""
    regions: Sequence[Region]
    software: tuple[str, ...]
    """Who decided: maker, version, then what else tells one decision from another."""
    decided_at: datetime
    """With its time zone."""
    took_ms: float


def read_dicos_instance(data: bytes) -> DicosInstance:
    """Which DX image the DICOS file `data` is; its pixels are not looked at.

    Raises:
        ImageError: `corrupt`, or `unsupported` for what is no DX image.
    """
    values = parse_dicos(data, with_pixels=False, wanted=(*_TOLD, *_FORM))
    header = dicos_header(values)
    uids = {name: str(values.get(name, "")) for name in _NAMED}
    for name, uid in uids.items():
        if not _UID.fullmatch(uid):
            raise ImageError("corrupt", f"DICOS attribute {name} must be a UID, got {uid[:80]!r}")
    told = {name: _fitting(name, values.get(name)) for name in _TOLD[3:]}
    return DicosInstance(
        sop_class=uids["SOPClassUID"],
        sop_uid=uids["SOPInstanceUID"],
        study_uid=uids["StudyInstanceUID"],
        size_wh=(header.width, header.height),
        told={name: value for name, value in told.items() if value},
    )


def report_bytes(report: Report, *, owner_id: str) -> bytes:
    """The DICOS file of `report`; equal arguments give equal bytes.

    Each region is an object of category `ANOMALY` whose assessment is `UNKNOWN`: that it differs is
    known, what it is is not. No object counts as an alarm of its own, as the decision is about the
    parcel with all that was declared of it.

    Args:
        report: What to tell.
        owner_id: Name of the parcel where the scan has none.

    Raises:
        ValueError: If there is no image, the images are of several studies, or an alarm has no
            region: SDICOS refuses such a report.
    """
    if len({instance.study_uid for instance in report.instances}) != 1:
        raise ValueError("a report must be on images of one study")
    if report.decision == "ALARM" and not report.regions:
        raise ValueError("an alarm must have a region, if only that of the whole image")
    with quiet_pydicom():
        stream = io.BytesIO()
        _dataset(report, owner_id).save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def _dataset(report: Report, owner_id: str) -> Dataset:
    dataset = _frame(report, owner_id)
    dataset.ReferencedStudySequence = [_reference(one) for one in report.instances]
    dataset.ThreatDetectionAlgorithmAndVersion = [_line(word, 64) for word in report.software]
    dataset.AlarmDecision = report.decision
    dataset.AlarmDecisionTime = _moment(report.decided_at)
    dataset.AbortFlag = "SUCCESS" if report.abort is None else "ABORT"
    if report.abort is not None:
        dataset.AbortReason = report.abort
    regions = report.regions[:_MOST_REGIONS]
    dataset.ThreatSequence = [
        _object(number, region, report) for number, region in enumerate(regions, start=1)
    ]
    dataset.NumberOfTotalObjects = len(regions)
    dataset.NumberOfAlarmObjects = 0
    dataset.TotalProcessingTime = report.took_ms
    dataset.AlgorithmRoutingCodeSequence = []
    dataset.add_new(0x40101075, "FD", 1.0)  # ImageScaleRepresentation: DS in pydicom, FD in V03
    return dataset


def _frame(report: Report, owner_id: str) -> Dataset:
    """All that does not depend on what was decided."""
    first = report.instances[0]
    moment = report.decided_at.astimezone(UTC)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _TDR
    meta.MediaStorageSOPInstanceUID = UID(derived_uid(first.sop_uid, "tdr", moment.isoformat()))
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(derived_uid("parcelscope"))
    meta.add_new(0x00020004, "CS", "V03")
    dataset = Dataset()
    dataset.file_meta = meta
    for name, value in _CONSTANT.items():
        setattr(dataset, name, value)
    today, now = moment.strftime("%Y%m%d"), moment.strftime("%H%M%S.%f")
    for name in ("InstanceCreation", "Series", "Content", "Study"):
        setattr(dataset, f"{name}Date", today)
        setattr(dataset, f"{name}Time", now)
    dataset.SOPClassUID = _TDR
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    dataset.StudyInstanceUID = first.study_uid
    dataset.SeriesInstanceUID = derived_uid(first.study_uid, "tdr")
    dataset.FrameOfReferenceUID = derived_uid(first.study_uid, "frame")
    dataset.DateOfLastCalibration, dataset.TimeOfLastCalibration = today, now
    dataset.PatientID = _line(owner_id, 64) or "unknown"
    for name in ("IssuerOfPatientID", "InstitutionName", "StationName", *_UNKNOWN_TEXT):
        setattr(dataset, name, _UNKNOWN_TEXT.get(name, "unknown"))
    for name, value in first.told.items():
        setattr(dataset, name, value)
    dataset.OtherPatientIDsSequence = []
    dataset.SoftwareVersions = _line(report.software[1], 64)
    return dataset


def _object(number: int, region: Region, report: Report) -> Dataset:
    x0, y0, x1, y1 = region.box_xyxy
    base = [float(math.floor(max(0.0, x0))), float(math.floor(max(0.0, y0))), 0.0]
    place = Dataset()
    place.ThreatROIBase = base
    place.ThreatROIExtents = [
        max(1.0, math.ceil(x1) - base[0]), max(1.0, math.ceil(y1) - base[1]), 1.0,
    ]  # fmt: skip
    place.ThreatROIBitmap = b""
    shown = Dataset()
    shown.ReferencedInstanceSequence = [_reference(region.instance)]
    shown.ThreatROIVoxelSequence = [place]
    said = Dataset()
    said.ThreatCategory = "ANOMALY"
    said.ThreatCategoryDescription = _line(region.sentence, 1024)
    said.ATDAbilityAssessment = "NO_INTERFERENCE"
    said.ATDAssessmentFlag = "UNKNOWN"
    item = Dataset()
    item.PotentialThreatObjectID = number
    item.PTORepresentationSequence = [shown]
    item.ATDAssessmentSequence = [said]
    # Start, end and milliseconds of the work on it; in V03, not in pydicom's dictionary.
    item.add_new(0x40101080, "DT", _moment(report.decided_at))
    item.add_new(0x40101081, "DT", _moment(report.decided_at))
    item.add_new(0x40101082, "FL", 0.0)
    return item


def _reference(instance: DicosInstance) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = instance.sop_class
    item.ReferencedSOPInstanceUID = instance.sop_uid
    return item


def _fitting(name: str, value: Any) -> str:
    """`value` where it is what attribute `name` asks for, or nothing: it comes from outside."""
    text = "" if value is None else str(value)
    forms = {"UID": _UID, "Date": _DATE, "Time": _TIME}
    for kind, form in forms.items():
        if name.endswith(kind) or name.startswith(f"{kind}Of"):
            return text if form.fullmatch(text) else ""
    return _line(text, _LONGEST.get(name, 64))


def _line(text: str, longest: int) -> str:
    """`text` without what would end a value, and of at most `longest` bytes: readers count both."""
    kept = "".join(c if c.isprintable() and c != "\\" else " " for c in text).strip()
    return kept.encode(errors="replace")[:longest].decode(errors="ignore").strip()


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y%m%d%H%M%S.%f+0000")
