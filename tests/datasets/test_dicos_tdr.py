import importlib.util
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parcelscope.datasets.dicos import derived_uid, write_dicos_dx
from parcelscope.datasets.dicos_header import quiet_pydicom
from parcelscope.datasets.dicos_tdr import (
    AbortReason,
    Decision,
    DicosInstance,
    Region,
    Report,
    read_dicos_instance,
    report_bytes,
)
from parcelscope.datasets.errors import ImageError

AT = datetime(2026, 11, 22, 16, 5, 7, 250000, tzinfo=UTC)
SENTENCE = "Shape like a knife at the upper left; 0.4 % of compliant scans score as high."
ON_V03 = {0x40101075: "FD", 0x40101080: "DT", 0x40101081: "DT", 0x40101082: "FL"}


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> tuple[DicosInstance, DicosInstance]:
    """Both energies of one scan, as their files name them."""
    folder = tmp_path_factory.mktemp("scan")
    pixels = np.full((480, 640), 60000, np.uint16)
    for energy in ("LOW ENERGY", "HIGH ENERGY"):
        path = folder / f"{energy}.dcs"
        write_dicos_dx(path, pixels, energy, derived_uid("seed", "P1"), owner_id="P-0001")  # type: ignore[arg-type]
    low, high = (
        read_dicos_instance((folder / f"{energy}.dcs").read_bytes())
        for energy in ("LOW ENERGY", "HIGH ENERGY")
    )
    return low, high


def a_report(
    scan: tuple[DicosInstance, ...],
    decision: Decision = "ALARM",
    abort: AbortReason | None = None,
    regions: int = 2,
) -> Report:
    boxes = [(100.4, 50.0, 180.2, 90.9), (300.0, 200.0, 330.0, 260.0)][:regions]
    return Report(
        instances=scan,
        decision=decision,
        abort=abort,
        regions=[Region(instance=scan[0], box_xyxy=box, sentence=SENTENCE) for box in boxes],
        software=("parcelscope", "0.1.0", "bundle=tiny 1", "band=inspect"),
        decided_at=AT,
        took_ms=123.5,
    )


def read_back(data: bytes) -> Any:
    with quiet_pydicom():
        return pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))


def test_what_is_written_comes_back(scan: tuple[DicosInstance, DicosInstance]) -> None:
    found = read_back(report_bytes(a_report(scan), owner_id="P1"))
    assert found.SOPClassUID == "1.2.840.10008.5.1.4.1.1.501.3"
    assert (found.Modality, found.TDRType, found.AlarmDecision) == ("TDR", "MACHINE", "ALARM")
    assert found.StudyInstanceUID == derived_uid("seed", "P1")
    assert found.PatientID == "P-0001"
    assert [one.ReferencedSOPInstanceUID for one in found.ReferencedStudySequence] == [
        one.sop_uid for one in scan
    ]
    assert found.AlarmDecisionTime == "20261122160507.250000+0000"
    first = found.ThreatSequence[0]
    (place,) = first.PTORepresentationSequence[0].ThreatROIVoxelSequence
    assert (list(place.ThreatROIBase), list(place.ThreatROIExtents)) == ([100, 50, 0], [81, 41, 1])
    (said,) = first.ATDAssessmentSequence
    assert said.ThreatCategoryDescription == SENTENCE
    assert {element.tag: element.VR for element in found.iterall() if element.tag in ON_V03} == {
        pydicom.tag.Tag(tag): vr for tag, vr in ON_V03.items()
    }


def test_no_report_says_what_a_parcel_holds(scan: tuple[DicosInstance, DicosInstance]) -> None:
    found = read_back(report_bytes(a_report(scan), owner_id="P1"))
    for item in found.ThreatSequence:
        (said,) = item.ATDAssessmentSequence
        assert (said.ThreatCategory, said.ATDAssessmentFlag) == ("ANOMALY", "UNKNOWN")
        assert "ATDAssessmentProbability" not in said
    assert (found.NumberOfTotalObjects, found.NumberOfAlarmObjects) == (2, 0)


def test_equal_reports_are_equal_bytes(scan: tuple[DicosInstance, DicosInstance]) -> None:
    assert report_bytes(a_report(scan), owner_id="P1") == report_bytes(
        a_report(scan), owner_id="P1"
    )


def test_a_report_is_on_one_study(scan: tuple[DicosInstance, DicosInstance]) -> None:
    other = replace(scan[1], study_uid="1.2.3")
    for instances in ((), (scan[0], other)):
        with pytest.raises(ValueError, match="one study"):
            report_bytes(replace(a_report(scan), instances=instances), owner_id="P1")


def test_an_alarm_without_a_region_is_refused_as_readers_refuse_it(
    scan: tuple[DicosInstance, DicosInstance],
) -> None:
    with pytest.raises(ValueError, match="an alarm must have a region"):
        report_bytes(a_report(scan, regions=0), owner_id="P1")


def test_what_comes_from_outside_stays_within_its_attribute(
    scan: tuple[DicosInstance, DicosInstance],
) -> None:
    told = {"StudyDate": "20261122"}
    nameless = replace(scan[0], told=told)
    report = replace(
        a_report((nameless,), regions=1),
        regions=[
            Region(instance=nameless, box_xyxy=(-5.0, -1.0, 0.0, 0.5), sentence="a\\b\n\x00c" * 500)
        ],
        software=("parcelscope", "0.1.0", "bundle=" + "b\\" * 80),
    )
    found = read_back(report_bytes(report, owner_id="Pärcel\\x\x1b" * 30))
    assert found.PatientID.startswith("Pärcel x P")
    assert len(found.PatientID) <= 64
    assert len(found.ThreatDetectionAlgorithmAndVersion) == 3
    (place,) = found.ThreatSequence[0].PTORepresentationSequence[0].ThreatROIVoxelSequence
    assert (list(place.ThreatROIBase), list(place.ThreatROIExtents)) == ([0, 0, 0], [1, 1, 1])


def test_a_report_is_no_scan(scan: tuple[DicosInstance, DicosInstance]) -> None:
    with pytest.raises(ImageError, match="a DICOS threat detection report, which holds no scan"):
        read_dicos_instance(report_bytes(a_report(scan), owner_id="P1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("SOPInstanceUID", "", id="none"),
        pytest.param("StudyInstanceUID", "1.2.x", id="letters"),
        pytest.param("StudyInstanceUID", "1." * 40, id="long"),
    ],
)
def test_an_image_without_a_name_is_refused(name: str, value: str, tmp_path: Path) -> None:
    pixels = np.full((8, 8), 60000, np.uint16)
    write_dicos_dx(tmp_path / "a.dcs", pixels, "LOW ENERGY", "1.2.3")
    with quiet_pydicom():
        dataset = pydicom.dcmread(tmp_path / "a.dcs")
        setattr(dataset, name, value)
        dataset.save_as(tmp_path / "b.dcs")
    with pytest.raises(ImageError, match=f"{name} must be a UID"):
        read_dicos_instance((tmp_path / "b.dcs").read_bytes())


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_image_is_named_or_refused(data: st.DataObject) -> None:
    whole = bytearray(DAMAGED_FROM)
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(132, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        instance = read_dicos_instance(bytes(whole[:cut]))
    except ImageError:
        return
    assert read_back(report_bytes(a_report((instance,)), owner_id="P1")).TDRType == "MACHINE"


def _some_scan() -> bytes:
    """A small DX file without its pixels."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.dcs"
        write_dicos_dx(path, np.full((2, 2), 60000, np.uint16), "LOW ENERGY", "1.2.3")
        return path.read_bytes()


DAMAGED_FROM = _some_scan()


@pytest.fixture(scope="module")
def sdicos() -> Iterator[Any]:
    """The toolkit that others read DICOS with."""
    if importlib.util.find_spec("pyDICOS") is None:
        pytest.skip("pydicos is not installed; it comes with the dev extra on x86-64 Linux")
    before = os.environ.get("TZ")
    os.environ["TZ"] = "UTC"  # it converts times otherwise
    import pyDICOS

    yield pyDICOS
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before


def by_toolkit(sdicos: Any, path: Path) -> Any:
    """The report at `path` as the toolkit reads it."""
    report, log = sdicos.TDR(), sdicos.ErrorLog()
    assert report.Read(sdicos.Filename(str(path)), log, None), log.GetErrorLog().Get()
    return report


@pytest.mark.parametrize("regions", [0, 2])
@pytest.mark.parametrize(
    ("decision", "abort"),
    [
        pytest.param("ALARM", None, id="alarm"),
        pytest.param("CLEAR", None, id="clear"),
        pytest.param("UNKNOWN", None, id="undecided"),
        pytest.param("UNKNOWN", "TIMEOUT", id="late"),
        pytest.param("UNKNOWN", "UNKNOWN_DATATYPE", id="unreadable"),
        pytest.param("UNKNOWN", "NOT_REVIEWED", id="not-looked-at"),
    ],
)
def test_an_independent_toolkit_reads_the_same(
    decision: Decision,
    abort: AbortReason | None,
    regions: int,
    sdicos: Any,
    scan: tuple[DicosInstance, DicosInstance],
    tmp_path: Path,
) -> None:
    path = tmp_path / "report.dcs"
    count = 1 if decision == "ALARM" and regions == 0 else regions
    path.write_bytes(report_bytes(a_report(scan, decision, abort, count), owner_id="P1"))
    found = by_toolkit(sdicos, path)
    kinds = found.ALARM_DECISION
    expected = {
        "ALARM": kinds.enumAlarm,
        "CLEAR": kinds.enumClear,
        "UNKNOWN": kinds.enumUnknownAlarmDecision,
    }
    assert found.GetAlarmDecision() == expected[decision]
    # Of aborted reports that it wrote itself, too, the toolkit says that they succeeded. That the
    # decision is unknown is what keeps such a report from being taken for one without an alarm.
    told = read_back(path.read_bytes())
    assert (told.AbortFlag, told.get("AbortReason")) == ("ABORT" if abort else "SUCCESS", abort)
    assert (found.GetNumPTOs(), found.GetNumAlarmObjects()) == (count, 0)
    assert found.GetOOIID().Get() == "P-0001"
    assert found.GetTotalProcessingTimeInMS() == 123.5
    assert found.GetTDRType() == found.TDR_TYPE.enumMachine


def test_an_independent_toolkit_reads_regions_and_words(
    sdicos: Any, scan: tuple[DicosInstance, DicosInstance], tmp_path: Path
) -> None:
    from pydicos import TDRLoader

    path = tmp_path / "report.dcs"
    path.write_bytes(report_bytes(a_report(scan), owner_id="P1"))
    data = TDRLoader(path).get_data()
    assert data["ATR"]["manufacturer"] == "parcelscope"
    first = data["PTOs"][0]
    assert first["Base"] == {"x": 100, "y": 50, "z": 0}
    assert first["Extent"] == {"x": 81, "y": 41, "z": 1}
    said = first["Assessment"]
    assert said["description"] == SENTENCE
    assert said["flag"] == sdicos.TDR.ASSESSMENT_FLAG.enumUnknown
    assert said["category"] == sdicos.TDR.THREAT_CATEGORY.enumAnomaly


REAL = Path(os.environ.get("PARCELSCOPE_REAL_DATA", "")) / "dicos" / "toolkit_tests"
needs_real = pytest.mark.skipif(
    not os.environ.get("PARCELSCOPE_REAL_DATA") or not REAL.is_dir(),
    reason="PARCELSCOPE_REAL_DATA names no folder with files of the DICOS toolkit",
)


@needs_real
@pytest.mark.parametrize("name", ["SimpleProcessingDX", "SimplePresentationDX"])
def test_a_report_on_a_scan_of_the_toolkit_is_read_by_it(
    name: str, sdicos: Any, tmp_path: Path
) -> None:
    instance = read_dicos_instance((REAL / f"{name}.dcs").read_bytes())
    path = tmp_path / "report.dcs"
    path.write_bytes(report_bytes(a_report((instance,), regions=1), owner_id="P1"))
    found = by_toolkit(sdicos, path)
    assert found.GetScanInstanceUID().Get() == instance.study_uid
    assert found.GetNumPTOs() == 1


@needs_real
def test_a_report_has_every_attribute_that_those_of_the_toolkit_have(
    scan: tuple[DicosInstance, DicosInstance],
) -> None:
    ours = read_back(report_bytes(a_report(scan), owner_id="P1"))
    for name in ("MultiplePTOsTDR", "SimpleBaggageNoThreatTDR", "SimpleBaggageTDR", "TDR"):
        with quiet_pydicom():
            theirs = pydicom.dcmread(REAL / f"{name}.dcs")
            assert {element.tag for element in theirs} <= {element.tag for element in ours}, name
            kinds = {element.tag: element.VR for element in theirs}
        assert {tag: ours[tag].VR for tag in kinds} == kinds, name


@needs_real
@pytest.mark.parametrize("name", ["SimpleCT0000", "TDR", "SimpleBaggageTDR"])
def test_no_report_is_made_on_what_is_no_dx_image(name: str) -> None:
    with pytest.raises(ImageError, match="only DICOS DX is read as a scan"):
        read_dicos_instance((REAL / f"{name}.dcs").read_bytes())
