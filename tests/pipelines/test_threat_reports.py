"""What `watch` tells of DICOS scans in the words of DICOS."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pydicom
import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.inference.tiny_feed import SIZE_WH, dual_counts, scan_row
from tests.pipelines.spooled import answers, folders

from parcelscope.datasets.dicos import derived_uid, write_dicos_dx
from parcelscope.datasets.dicos_header import quiet_pydicom
from parcelscope.models.bundle import CARD
from parcelscope.pipelines.quiet_files import stamp_of
from parcelscope.pipelines.service.parcel import ImageAnswer, ScoreAnswer, not_assessed
from parcelscope.pipelines.spool import Spool, open_spool
from parcelscope.pipelines.threat_reports import threat_reports
from parcelscope.pipelines.watch import WatchSettings, watch

AT = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    sound = write_sound_bundle(folder)
    fusion = sound.parcel_fusion.model_copy(update={"intercept": -6.0, "weights": {"item.*": 1.0}})
    changed = sound.model_copy(update={"parcel_fusion": fusion})
    (folder / CARD).write_text(changed.model_dump_json())
    return folder


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder


def dicos_pair(folder: Path, parcel_id: str, *spots_xy: tuple[int, int], study: str = "") -> None:
    """Both energies of a scan with a dark square at each spot, in `low.dcs` and `high.dcs`."""
    uid = derived_uid("test", parcel_id, study)
    low, high = dual_counts(*spots_xy)
    if not spots_xy:  # nothing but air
        low[:], high[:] = low[0, 0], high[0, 0]
    write_dicos_dx(folder / f"{study}low.dcs", low, "LOW ENERGY", uid, owner_id=parcel_id)
    write_dicos_dx(folder / f"{study}high.dcs", high, "HIGH ENERGY", uid, owner_id=parcel_id)


def dicos_drop(folder: Path, *spots_xy: tuple[int, int]) -> Path:
    aside = folder.with_name(f".{folder.name}")
    aside.mkdir()
    dicos_pair(aside, folder.name, *spots_xy)
    rows = [scan_row(folder.name, f"{energy}.dcs", energy) for energy in ("low", "high")]
    told = {"parcel": {"parcel_id": folder.name}, "images": rows}
    (aside / "parcel.json").write_text(json.dumps(told))
    return aside.rename(folder)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.dcs"))}


def read(data: bytes) -> Any:
    with quiet_pydicom():
        return pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))


def watch_once(spool: Path, bundle: Path, **changes: Any) -> None:
    settings: dict[str, Any] = {"settle_s": 0.05, "patience_s": 0.3, "latency_budget_s": 60.0}
    settings |= changes
    watch(WatchSettings(folder=spool, bundle=bundle, once=True, **settings), say=str)


def test_each_dicos_drop_ends_with_its_report(spool: Path, bundle: Path) -> None:
    dicos_drop(spool / "dark", (60, 50))
    dicos_drop(spool / "even")
    cut = dicos_drop(spool / "cut", (60, 50))
    (cut / "low.dcs").write_bytes((cut / "low.dcs").read_bytes()[:-2000])
    gone = dicos_drop(spool / "gone", (60, 50))
    (gone / "high.dcs").write_bytes(b"no scan")
    (gone / "low.dcs").unlink()
    watch_once(spool, bundle)

    found = {
        path.name.removesuffix(".tdr.dcs"): read(path.read_bytes())
        for path in spool.glob("*/*.tdr.dcs")
    }
    assert {name: report.AlarmDecision for name, report in found.items()} == {
        "dark": "ALARM",
        "even": "CLEAR",
        "cut": "UNKNOWN",
    }
    told = {outcome: answers(spool, outcome) for outcome in ("done", "failed")}
    everything = told["done"] | told["failed"]
    assert {name: answer["reports"] for name, answer in everything.items()} == {
        **{name: [f"{name}.tdr.dcs"] for name in found},
        "gone": [],
    }
    assert (found["cut"].AbortFlag, found["cut"].AbortReason) == ("ABORT", "UNKNOWN_DATATYPE")
    dark = found["dark"]
    assert dark.PatientID == "dark"
    assert dark.StudyInstanceUID == derived_uid("test", "dark", "")
    assert len(dark.ReferencedStudySequence) == 2
    item = next(iter(dark.ThreatSequence))
    (place,) = item.PTORepresentationSequence[0].ThreatROIVoxelSequence
    x, y, _ = place.ThreatROIBase
    width, height, _ = place.ThreatROIExtents
    assert x < 60 + 12 < x + width
    assert y < 50 + 12 < y + height
    (said,) = item.ATDAssessmentSequence
    assert said.ThreatCategoryDescription in told["done"]["dark"]["reasons"]
    assert any("band=" in word for word in dark.ThreatDetectionAlgorithmAndVersion)


def test_a_late_parcel_is_no_clear_one(spool: Path, bundle: Path) -> None:
    dicos_drop(spool / "even")
    watch_once(spool, bundle, max_wait_s=0.001)
    report = read((spool / "failed" / "even.tdr.dcs").read_bytes())
    assert (report.AlarmDecision, report.AbortReason) == ("UNKNOWN", "TIMEOUT")


def assessed(band: str, **changes: Any) -> ScoreAnswer:
    """An answer for a parcel with `low.dcs` and `high.dcs`."""
    images = [ImageAnswer(path=f"{energy}.dcs", verdict="assessed") for energy in ("low", "high")]
    values: dict[str, Any] = {
        "verdict": "assessed", "parcel_id": "P1", "risk": 0.3, "band": band, "images": images,
    }  # fmt: skip
    return ScoreAnswer(**values | changes)


QUARANTINED = [
    ImageAnswer(path="low.dcs", verdict="quarantined", code="corrupt"),
    ImageAnswer(path="high.dcs", verdict="assessed"),
]


@pytest.mark.parametrize(
    ("answer", "decision", "reason"),
    [
        pytest.param(assessed("inspect"), "ALARM", None, id="inspect"),
        pytest.param(assessed("look"), "ALARM", None, id="look"),
        pytest.param(assessed("clear"), "CLEAR", None, id="clear"),
        pytest.param(
            assessed("clear", not_assessed=("xray.mass: no step wedge",)), "CLEAR", None, id="mass"
        ),
        pytest.param(
            assessed("clear", not_assessed=("xray.items: a single grey channel",)),
            "UNKNOWN", "NOT_REVIEWED", id="no-model",
        ),
        pytest.param(
            assessed("clear", not_assessed=("xray.anomaly: the model failed",)),
            "UNKNOWN", "NOT_REVIEWED", id="model-failed",
        ),
        pytest.param(
            assessed("clear", images=QUARANTINED), "UNKNOWN", "UNKNOWN_DATATYPE", id="unreadable"
        ),
        pytest.param(
            assessed("look", images=QUARANTINED), "ALARM", None, id="alarm-by-the-manifest"
        ),
        pytest.param(assessed("clear", images=[]), "UNKNOWN", "NOT_REVIEWED", id="unseen"),
        pytest.param(assessed("new"), "UNKNOWN", "NOT_REVIEWED", id="unknown-band"),
        *(
            pytest.param(not_assessed(why, "a reason"), "UNKNOWN", reason, id=why)
            for why, reason in (
                ("latency", "TIMEOUT"), ("request", "NOT_REVIEWED"), ("busy", "NOT_REVIEWED"),
                ("restarting", "NOT_REVIEWED"), ("internal", "NOT_REVIEWED"),
            )
        ),
    ],
)  # fmt: skip
def test_only_what_was_looked_at_is_clear(
    answer: ScoreAnswer, decision: str, reason: str | None, tmp_path: Path
) -> None:
    dicos_pair(tmp_path, "P1")
    (report,) = threat_reports(answer, files_of(tmp_path), decided_at=AT)
    found = read(report)
    assert (found.AlarmDecision, found.get("AbortReason")) == (decision, reason)


def test_scans_of_two_studies_have_two_reports(tmp_path: Path) -> None:
    dicos_pair(tmp_path, "P1", study="side-")
    dicos_pair(tmp_path, "P1", study="top-")
    files = files_of(tmp_path) | {"photo.jpg": b"\xff\xd8", "odd.dcs": b"\0" * 128 + b"DICM" * 9}
    finding = {"sentence": "It differs.", "image_path": "top-low.dcs", "box_xyxy": [1, 2, 3, 4]}
    answer = assessed("inspect", findings=[finding, finding], reasons=["It differs."])
    side, top = map(read, threat_reports(answer, files, decided_at=AT))
    assert side.StudyInstanceUID == derived_uid("test", "P1", "side-")
    said = [one.ThreatSequence[0].ATDAssessmentSequence[0] for one in (side, top)]
    assert [one.ThreatCategoryDescription for one in said] == [
        "The parcel as a whole: It differs.", "It differs.",
    ]  # fmt: skip
    named = top.ThreatSequence[0].PTORepresentationSequence[0].ReferencedInstanceSequence[0]
    assert named.ReferencedSOPInstanceUID in {
        one.ReferencedSOPInstanceUID for one in top.ReferencedStudySequence
    }


def test_reasons_that_are_about_no_place_stand_for_the_whole_image(tmp_path: Path) -> None:
    dicos_pair(tmp_path, "P1")
    finding = {"sentence": "A shape.", "image_path": "low.dcs", "box_xyxy": [1, 2, 3, 4]}
    reasons = ["A shape.", "Declared 300 g, weighed 900 g."]

    def told(**changes: Any) -> list[tuple[list[float], str]]:
        answer = assessed(**{"band": "look", "findings": [finding], "reasons": reasons} | changes)
        (report,) = threat_reports(answer, files_of(tmp_path), decided_at=AT)
        return [
            (
                list(item.PTORepresentationSequence[0].ThreatROIVoxelSequence[0].ThreatROIExtents),
                item.ATDAssessmentSequence[0].ThreatCategoryDescription,
            )
            for item in read(report).ThreatSequence
        ]

    whole, place = [*map(float, SIZE_WH), 1.0], [2.0, 2.0, 1.0]
    weight = "The parcel as a whole: Declared 300 g, weighed 900 g."
    assert told() == [(place, "A shape."), (whole, weight)]
    assert told(reasons=["A shape."]) == [(place, "A shape.")]
    assert told(band="clear") == [(place, "A shape.")]
    nothing = "The parcel as a whole: no single reason."
    assert told(reasons=[], findings=[]) == [(whole, nothing)]


def test_pictures_alone_have_no_report() -> None:
    assert threat_reports(assessed("clear"), {"a.png": b"\x89PNG"}, decided_at=AT) == ()


def test_a_report_without_its_answer_does_not_outlive_a_kill(spool: Path) -> None:
    def taken(opened: Spool) -> str:
        opened.complete()
        (drop,) = opened.complete()
        return opened.take(drop)

    drop = dicos_drop(spool / "P-1")
    assert stamp_of(drop)
    with open_spool(spool, settle_s=0, patience_s=0) as opened:
        taken(opened)
        (spool / "done" / "P-1.tdr.dcs").write_bytes(b"of an answer that was never written")
        (spool / "done" / "P-2.tdr.dcs").write_bytes(b"of another drop")
    with open_spool(spool, settle_s=0, patience_s=0) as opened:
        opened.recover()
        assert folders(spool / "done") == {"P-2.tdr.dcs"}
        opened.finish(taken(opened), "done", "{}", [b"one", b"two"])
    assert folders(spool / "done") == {"P-1", "P-1.tdr.dcs", "P-1.tdr-2.dcs", "P-2.tdr.dcs"}
