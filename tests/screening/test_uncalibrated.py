"""Findings on scanners that nobody calibrated: left out, or counted with caution."""

import dataclasses

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.screening import windows as w

from parcelscope.datasets.records import Finding, findings_frame
from parcelscope.screening.assess import Window, assess_window
from parcelscope.screening.config import TREATMENTS, UncalibratedConfig, load_screening_config
from parcelscope.screening.fusion import strengths
from parcelscope.screening.uncalibrated import believed, left_out, marked

CONFIG = load_screening_config()
SETTINGS = CONFIG.uncalibrated


def anomaly(owner_id: str, *, is_calibrated: bool | None, image: str = "scan.tif") -> Finding:
    return Finding(
        owner_id=owner_id,
        owner_kind="parcel",
        source="xray.anomaly",
        code="anomaly.scan",
        sentence="The scan differs from compliant scans.",
        score=0.9,
        p_value=0.0004,
        image_path=image,
        is_calibrated=is_calibrated,
    )


def knife(owner_id: str, *, is_calibrated: bool | None) -> Finding:
    seen = w.item(owner_id, "knife", score=0.9, p_value=0.0004)
    return dataclasses.replace(seen, is_calibrated=is_calibrated)


def strength(finding: Finding, settings: UncalibratedConfig = SETTINGS) -> float:
    rows = strengths(believed(findings_frame([finding]), settings))
    return float(rows["strength"].sum())


def assessed(*findings: Finding, scanner: tuple[str, str] | None = ("X", "1")) -> Window:
    model, software = scanner or (None, None)
    image = {
        "owner_id": "P",
        "kind": "scan",
        "path": "scan.tif",
        "energy": "dual",
        "scanner_model": model,
        "scanner_software": software,
    }
    feed = w.feed([{"parcel_id": "P"}], images=[image])
    evidence = w.evidence(feed, findings)
    return assess_window(feed, evidence.findings, evidence.not_assessed, w.bundle(), CONFIG, seed=0)


@pytest.mark.parametrize(
    ("finding", "expected"),
    [
        pytest.param(anomaly("P", is_calibrated=True), 3.398, id="calibrated anomaly"),
        pytest.param(anomaly("P", is_calibrated=None), 3.398, id="no matter of scanners"),
        pytest.param(anomaly("P", is_calibrated=False), 0.0, id="uncalibrated anomaly"),
        pytest.param(knife("P", is_calibrated=True), 3.398, id="calibrated shape"),
        pytest.param(knife("P", is_calibrated=False), 1.699, id="uncalibrated shape"),
    ],
)
def test_what_a_finding_counts_for(finding: Finding, expected: float) -> None:
    assert strength(finding) == pytest.approx(expected, abs=1e-3)


def test_caution_raises_no_p_value_that_is_higher_anyway() -> None:
    weak = dataclasses.replace(knife("P", is_calibrated=False), p_value=0.3)
    assert strength(weak) == pytest.approx(0.523, abs=1e-3)


def test_the_configuration_decides() -> None:
    trusting = UncalibratedConfig(detectors={"xray.anomaly": "believe", "xray.items": "leave_out"})
    assert strength(anomaly("P", is_calibrated=False), trusting) > 3
    assert strength(knife("P", is_calibrated=False), trusting) == 0
    assert trusting.detectors["xray.contents"] == "leave_out"  # not named, so as usual


def test_calibrated_findings_come_back_as_they_were() -> None:
    rows = findings_frame([anomaly("P", is_calibrated=True), knife("Q", is_calibrated=None)])
    assert_frame_equal(believed(rows, SETTINGS), rows)
    assert left_out(rows, w.feed(), SETTINGS).is_empty()


def test_an_uncalibrated_anomaly_is_not_assessed_instead_of_reported() -> None:
    unknown = assessed(anomaly("P", is_calibrated=False))
    known = assessed(anomaly("P", is_calibrated=True))
    nothing = assessed()
    assert unknown.parcels["risk"].item() == nothing.parcels["risk"].item()
    assert known.parcels["risk"].item() > nothing.parcels["risk"].item()
    assert "anomaly.scan" not in unknown.parcels["reason_codes"].item().to_list()
    said = unknown.parcels["not_assessed"].item().to_list()
    assert "xray.anomaly: not calibrated for scanner X 1" in said
    rows = unknown.not_assessed.filter(pl.col("check") == "xray.anomaly")
    assert rows["reason"].to_list() == ["not calibrated for scanner X 1"]


def test_a_scanner_without_a_name_is_said_to_have_none() -> None:
    unknown = assessed(anomaly("P", is_calibrated=False), scanner=None)
    rows = unknown.not_assessed.filter(pl.col("check") == "xray.anomaly")
    assert rows["reason"].to_list() == [
        "not calibrated for the scanner, which the feed does not name"
    ]


def test_a_shape_is_still_reported_where_it_counts_for_less() -> None:
    unknown = assessed(knife("P", is_calibrated=False))
    assert unknown.parcels["reason_codes"].item().to_list() == ["item.knife"]
    assert (
        assessed().parcels["risk"].item()
        < unknown.parcels["risk"].item()
        < assessed(knife("P", is_calibrated=True)).parcels["risk"].item()
    )


def test_one_calibrated_scan_speaks_for_a_parcel_with_another_that_is_not() -> None:
    both = assessed(
        anomaly("P", is_calibrated=False, image="side.tif"), anomaly("P", is_calibrated=True)
    )
    assert (
        both.parcels["risk"].item()
        == assessed(anomaly("P", is_calibrated=True)).parcels["risk"].item()
    )


def test_an_indicator_is_marked_by_the_detector_that_it_rests_on() -> None:
    counted = dataclasses.replace(w.band("C", "pieces.count", 8, 9), is_calibrated=False)
    more = Finding(
        owner_id="C",
        owner_kind="carton",
        source="indicator",
        code="U1.count",
        sentence="The X-ray shows 8 to 9 pieces; the manifest says 2.",
        likelihood_ratio=300.0,
    )
    other = dataclasses.replace(more, code="U2.pieces")
    rows = marked(findings_frame([more, other]), findings_frame([counted]))
    assert rows["is_calibrated"].to_list() == [False, None]
    assert believed(rows, SETTINGS)["likelihood_ratio"].to_list() == [50.0, 300.0]


def test_every_scan_detector_has_a_treatment() -> None:
    assert dict(SETTINGS.detectors) == TREATMENTS
