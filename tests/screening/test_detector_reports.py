"""Which findings of the item and anomaly detectors reach the analyst."""

from tests.screening import windows as w

from parcelscope.datasets.records import Finding, NotAssessed
from parcelscope.models.bundle import Bundle, ScannerCalibration
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.indicators.anomaly import reported_anomalies
from parcelscope.screening.indicators.items import ITEMS, reported_items, unscanned

CONFIG = load_screening_config()


def test_shapes_at_their_class_threshold_are_reported() -> None:
    seen = [
        w.item("P", "handgun", score=0.60, p_value=0.001),
        w.item("P", "handgun", score=0.59, p_value=0.002),
        w.item("P", "knife", score=0.45, p_value=0.01),
        w.item("P", "battery", score=0.45, p_value=0.01),
        w.item("P", "battery", score=0.55, p_value=0.01),
    ]
    reported = reported_items(w.evidence(w.feed([{"parcel_id": "P"}]), seen), w.bundle(), CONFIG)
    assert sorted(zip(reported["code"], reported["score"], strict=True)) == [
        ("item.battery", 0.55),
        ("item.handgun", 0.60),
        ("item.knife", 0.45),
    ]


def test_each_kind_of_scan_has_its_own_threshold() -> None:
    plain = w.bundle()
    colour = plain.detectors[0].model_copy(
        update={"input": "colour", "thresholds": {"handgun": 0.9}}
    )
    both = Bundle.model_validate(
        {**plain.model_dump(), "detectors": [plain.detectors[0].model_dump(), colour.model_dump()]}
    )
    images = [
        {"owner_id": "P", "kind": "scan", "path": "dual.tif", "energy": "dual"},
        {"owner_id": "P", "kind": "scan", "path": "colour.png", "energy": "colour"},
    ]
    seen = [
        w.item("P", "handgun", score=0.7, p_value=0.001, image=str(row["path"])) for row in images
    ]
    of = w.feed([{"parcel_id": "P"}], images=images)
    reported = reported_items(w.evidence(of, seen), both, CONFIG)
    assert reported["image_path"].to_list() == ["dual.tif"]


def test_a_scanner_with_a_calibration_has_its_own_threshold() -> None:
    plain = w.bundle()
    own = ScannerCalibration(
        scanner_model="A", scanner_software="1", scans=300, source="feed",
        thresholds={"handgun": 0.9},
    )  # fmt: skip
    card = plain.detectors[0].model_copy(update={"calibrations": (own,)})
    bundle = plain.model_copy(update={"detectors": (card,)})
    images = [
        {"owner_id": "P", "kind": "scan", "path": f"{n}.tif", "energy": "dual",
         "scanner_model": model, "scanner_software": software}
        for n, (model, software) in enumerate([("A", "1"), ("A", "2"), ("A", None), (None, None)])
    ]  # fmt: skip
    seen = [
        w.item("P", name, score=0.7, p_value=0.001, image=str(row["path"]))
        for row in images
        for name in ("handgun", "knife")
    ]
    of = w.feed([{"parcel_id": "P"}], images=images)
    reported = reported_items(w.evidence(of, seen), bundle, CONFIG)
    assert sorted(reported.select("code", "image_path").rows()) == [
        *[("item.handgun", f"{n}.tif") for n in (1, 2, 3)],
        *[("item.knife", f"{n}.tif") for n in (0, 1, 2, 3)],
    ]


def test_only_scans_that_few_compliant_ones_resemble_are_reported() -> None:
    seen = [
        Finding(
            owner_id=owner,
            owner_kind="parcel",
            source="xray.anomaly",
            code="anomaly.scan",
            sentence="Unlike compliant scans.",
            score=0.5,
            p_value=p_value,
        )
        for owner, p_value in (("A", 0.02), ("B", 0.021))
    ]
    of = w.feed([{"parcel_id": "A"}, {"parcel_id": "B"}])
    reported = reported_anomalies(w.evidence(of, seen), CONFIG)
    assert reported["owner_id"].to_list() == ["A"]


def test_a_parcel_without_a_scan_is_not_assessed_once() -> None:
    of = w.feed(
        [{"parcel_id": "scanned"}, {"parcel_id": "said"}, {"parcel_id": "silent"}],
        images=[{"owner_id": "scanned", "kind": "scan", "path": "a.tif"}],
    )
    said = NotAssessed(
        owner_id="said", owner_kind="parcel", check=ITEMS, reason="the file is missing"
    )
    rows = unscanned(w.evidence(of, [], [said]), ITEMS)
    assert rows.select("owner_id", "reason").rows() == [("silent", "no scan")]
