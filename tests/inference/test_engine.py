"""The engine: every owner and image is accounted for, whatever the files and the workers."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import (
    SIZE_WH,
    colour_pixels,
    dual_counts,
    photo_pixels,
    photo_row,
    scan_row,
    write_mixed_feed,
    write_tables,
)

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import Finding, NotAssessed
from parcelscope.datasets.scan_writing import write_colour_jpeg, write_dual_tiff
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import ShardResult, score_feed
from parcelscope.inference.verdicts import ImageVerdict


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Detectors:
    folder = tmp_path_factory.mktemp("bundle")
    return load_detectors(write_tiny_bundle(folder), folder)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Feed:
    return write_mixed_feed(tmp_path_factory.mktemp("feed"))


def score(feed: Feed, detectors: Detectors) -> ShardResult:
    """The result for a feed that fits one shard."""
    (result,) = score_feed(feed, detectors, workers=1)
    return result


def codes_of(result: ShardResult, owner_id: str) -> set[str]:
    return {finding.code for finding in result.findings if finding.owner_id == owner_id}


def reasons(result: ShardResult, owner_id: str) -> dict[str, str]:
    return {row.check: row.reason for row in result.not_assessed if row.owner_id == owner_id}


def verdicts(result: ShardResult) -> dict[str, ImageVerdict]:
    return {verdict.path: verdict for verdict in result.image_verdicts}


def test_three_workers_say_the_same_in_the_same_order_as_one(
    mixed: Feed, detectors: Detectors
) -> None:
    one = list(score_feed(mixed, detectors, workers=1, shard_size=10))
    three = list(score_feed(mixed, detectors, workers=3, shard_size=10))
    assert one == three
    assert [(result.index, result.owners) for result in one] == [(0, 10), (1, 10), (2, 4)]


def test_the_order_of_the_rows_changes_nothing(mixed: Feed, detectors: Detectors) -> None:
    shuffled = replace(
        mixed,
        parcels=mixed.parcels.sample(fraction=1, shuffle=True, seed=1),
        images=mixed.images.sample(fraction=1, shuffle=True, seed=2),
    )
    assert list(score_feed(shuffled, detectors, workers=2)) == list(
        score_feed(mixed, detectors, workers=2)
    )


def test_the_size_of_the_shards_changes_nothing_that_is_said(
    mixed: Feed, detectors: Detectors
) -> None:
    def said(shard_size: int) -> tuple[Sequence[object], ...]:
        results = list(score_feed(mixed, detectors, workers=2, shard_size=shard_size))
        return (
            [finding for result in results for finding in result.findings],
            [row for result in results for row in result.not_assessed],
            [verdict for result in results for verdict in result.image_verdicts],
        )

    assert said(5) == said(256)


def test_every_image_row_has_exactly_one_verdict(mixed: Feed, detectors: Detectors) -> None:
    results = list(score_feed(mixed, detectors, workers=2, shard_size=7))
    rows = Counter(verdict.row for result in results for verdict in result.image_verdicts)
    assert rows == Counter(mixed.images["row"].to_list())
    assert sum(result.owners for result in results) == mixed.parcels.height + mixed.cartons.height


def test_progress_counts_owners_up_to_all_of_them(mixed: Feed, detectors: Detectors) -> None:
    seen: list[int] = []
    list(score_feed(mixed, detectors, workers=2, shard_size=7, progress=seen.append))
    assert seen == sorted(seen)
    assert seen[-1] == mixed.parcels.height + mixed.cartons.height


def test_stopping_early_leaves_no_worker_behind(mixed: Feed, detectors: Detectors) -> None:
    run = score_feed(mixed, detectors, workers=2, shard_size=3)
    first = next(run)
    run.close()
    assert first.index == 0


@pytest.mark.parametrize("option", ["workers", "shard_size"])
def test_nothing_below_one_is_accepted(mixed: Feed, detectors: Detectors, option: str) -> None:
    options = {"workers": 1, "shard_size": 1} | {option: 0}
    with pytest.raises(ValueError, match=f"{option} must be 1 or more, got 0"):
        score_feed(mixed, detectors, **options)


def test_opencv_keeps_to_one_thread(mixed: Feed, detectors: Detectors) -> None:
    before = cv2.getNumThreads()
    try:
        next(score_feed(mixed, detectors, workers=1))
        assert cv2.getNumThreads() == 1
    finally:
        cv2.setNumThreads(before)


def test_a_parcel_is_searched_and_weighed_and_a_carton_is_counted_and_weighed(
    tmp_path: Path, detectors: Detectors
) -> None:
    low, high = dual_counts((60, 40))
    for name in ("p.tif", "c.tif"):
        write_dual_tiff(tmp_path / name, low, high)
    rows = [scan_row("P", "p.tif"), scan_row("C", "c.tif")]
    feed = write_tables(tmp_path, parcels=["P"], cartons=["C"], images=rows, wedge=True)
    result = score(feed, detectors)
    assert {"item.handgun", "anomaly.scan", "mass.total"} <= codes_of(result, "P")
    assert codes_of(result, "C") == {"pieces.count", "pieces.piece", "mass.total", "fill.share"}
    assert (
        set(reasons(result, "P")) == set(reasons(result, "C")) == {"photo.quality", "photo.codes"}
    )


def test_boxes_are_in_pixels_of_the_full_size_scan(tmp_path: Path, detectors: Detectors) -> None:
    x, y = 100, 60
    write_dual_tiff(tmp_path / "p.tif", *dual_counts((x, y)))
    result = score(
        write_tables(tmp_path, parcels=["P"], images=[scan_row("P", "p.tif")]), detectors
    )
    best = max(
        (finding for finding in result.findings if finding.code == "item.handgun"),
        key=lambda finding: finding.score or 0,
    )
    assert best.box_xyxy is not None
    x0, y0, x1, y1 = best.box_xyxy
    assert x0 < x + 12 < x1 <= SIZE_WH[0]
    assert y0 < y + 12 < y1 <= SIZE_WH[1]
    assert best.p_value == pytest.approx(1 / 100)
    assert best.image_path == "p.tif"
    assert best.sentence.startswith("Shape like a handgun at x ")


def test_a_colour_scan_is_searched_but_not_weighed(tmp_path: Path, detectors: Detectors) -> None:
    write_colour_jpeg(tmp_path / "p.jpg", colour_pixels((60, 40)))
    feed = write_tables(tmp_path, parcels=["P"], images=[scan_row("P", "p.jpg", "colour")])
    result = score(feed, detectors)
    assert {"item.handgun", "anomaly.scan"} <= codes_of(result, "P")
    assert reasons(result, "P")["xray.mass"] == (
        "p.jpg: mass needs both energies, the scan is colour"
    )


def test_a_grey_scan_is_read_but_not_assessed(tmp_path: Path, detectors: Detectors) -> None:
    low, _ = dual_counts((60, 40))
    (tmp_path / "p.png").write_bytes(imagecodecs.png_encode(low))
    feed = write_tables(tmp_path, parcels=["P"], images=[scan_row("P", "p.png", "grey")])
    result = score(feed, detectors)
    assert codes_of(result, "P") == {"fill.share"}
    assert {"xray.items", "xray.anomaly", "xray.mass"} <= set(reasons(result, "P"))
    assert "a single grey channel" in reasons(result, "P")["xray.items"]
    assert verdicts(result)["p.png"].verdict == "assessed"


@pytest.mark.parametrize(
    ("facts", "wedge", "reason"),
    [
        pytest.param({"pixel_pitch_mm": None}, True, "pixel pitch is not known", id="pitch"),
        pytest.param({}, False, "no step wedge of scanner Tiny 1", id="wedge"),
        pytest.param({"scanner_model": None}, True, "names no scanner_model", id="scanner"),
        pytest.param(
            {"scanner_model": "Other"}, True, "no step wedge of scanner Other", id="other"
        ),
    ],
)
def test_without_a_scale_or_a_gauge_the_mass_is_not_assessed(
    tmp_path: Path, detectors: Detectors, facts: dict[str, object], wedge: bool, reason: str
) -> None:
    write_dual_tiff(tmp_path / "p.tif", *dual_counts((60, 40)))
    rows = [scan_row("P", "p.tif", **facts)]
    result = score(write_tables(tmp_path, parcels=["P"], images=rows, wedge=wedge), detectors)
    assert reason in reasons(result, "P")["xray.mass"]
    assert "anomaly.scan" in codes_of(result, "P")


def test_an_owner_without_images_is_not_assessed_and_not_zero(
    tmp_path: Path, detectors: Detectors
) -> None:
    result = score(write_tables(tmp_path, parcels=["P"], cartons=["C"]), detectors)
    assert result.findings == ()
    assert reasons(result, "P") == {
        "xray.items": "no scan in the feed",
        "xray.anomaly": "no scan in the feed",
        "xray.mass": "no scan in the feed",
        "photo.quality": "no photo in the feed",
        "photo.codes": "no photo in the feed",
    }
    assert "xray.pieces" in reasons(result, "C")


def test_broken_files_cost_their_own_parcels_their_checks_and_nobody_else(
    tmp_path: Path, detectors: Detectors
) -> None:
    good = dual_counts((60, 40))
    for n in range(5):
        write_dual_tiff(tmp_path / f"{n}.tif", *good)
    whole = (tmp_path / "0.tif").read_bytes()
    (tmp_path / "1.tif").unlink()
    (tmp_path / "2.tif").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "3.tif").write_bytes(b"<html>not found</html>")
    rows = [scan_row(f"P{n}", f"{n}.tif") for n in range(4)]
    rows.append(scan_row("P4", "4.tif", sha256=hashlib.sha256(b"another file").hexdigest()))
    rows[0]["sha256"] = hashlib.sha256(whole).hexdigest().upper()
    result = score(
        write_tables(tmp_path, parcels=[f"P{n}" for n in range(5)], images=rows), detectors
    )
    found = verdicts(result)
    assert {path: (v.verdict, v.code) for path, v in found.items()} == {
        "0.tif": ("assessed", None),
        "1.tif": ("missing", "missing"),
        "2.tif": ("quarantined", found["2.tif"].code),
        "3.tif": ("quarantined", "not_an_image"),
        "4.tif": ("quarantined", "altered"),
    }
    assert found["2.tif"].code in {"truncated", "corrupt"}
    assert found["4.tif"].stage == "read"
    assert found["4.tif"].message is not None
    assert found["4.tif"].message.startswith("4.tif: expected SHA-256 ")
    assert "anomaly.scan" in codes_of(result, "P0")
    for n in range(1, 5):
        assert codes_of(result, f"P{n}") == set()
        assert {"xray.items", "xray.anomaly", "xray.mass"} <= set(reasons(result, f"P{n}"))


def test_a_bad_photo_does_not_lose_the_scan(tmp_path: Path, detectors: Detectors) -> None:
    write_dual_tiff(tmp_path / "p.tif", *dual_counts((60, 40)))
    (tmp_path / "p.jpg").write_bytes(b"\xff\xd8\xff\xe0 cut")
    rows = [scan_row("P", "p.tif"), photo_row("P", "p.jpg")]
    result = score(write_tables(tmp_path, parcels=["P"], images=rows), detectors)
    assert "anomaly.scan" in codes_of(result, "P")
    assert {"photo.quality", "photo.codes"} <= set(reasons(result, "P"))
    assert verdicts(result)["p.jpg"].verdict == "quarantined"


def test_a_scan_that_a_model_fails_on_costs_only_its_own_row(tmp_path: Path) -> None:
    bundle_folder = tmp_path / "bundle"
    bundle = write_tiny_bundle(bundle_folder, nan_above=0.25)
    write_dual_tiff(tmp_path / "a.tif", *dual_counts((60, 40)))
    dark = np.full((120, 160), 6000, np.uint16)
    write_dual_tiff(tmp_path / "b.tif", dark, dark)
    write_dual_tiff(tmp_path / "c.tif", *dual_counts((60, 40)))
    rows = [scan_row(owner, f"{owner}.tif") for owner in "abc"]
    feed = write_tables(tmp_path, parcels=list("abc"), images=rows)
    result = score(feed, load_detectors(bundle, bundle_folder))
    assert "item.handgun" in codes_of(result, "a") & codes_of(result, "c")
    assert "anomaly.scan" in codes_of(result, "b")
    assert "'peaks' is not finite" in reasons(result, "b")["xray.items"]
    verdict = verdicts(result)["b.tif"]
    assert (verdict.verdict, verdict.stage, verdict.code) == (
        "degraded",
        "xray.items",
        "not_finite",
    )


def test_a_pair_that_lacks_a_half_is_not_assessed(tmp_path: Path, detectors: Detectors) -> None:
    low, _ = dual_counts((60, 40))
    (tmp_path / "l.png").write_bytes(imagecodecs.png_encode(low))
    rows = [scan_row("P", "l.png", "low"), scan_row("P", "h.png", "high")]
    result = score(write_tables(tmp_path, parcels=["P"], images=rows), detectors)
    found = verdicts(result)
    assert (found["h.png"].verdict, found["l.png"].verdict) == ("missing", "quarantined")
    assert found["l.png"].code == "other_half"
    assert codes_of(result, "P") == set()


def test_halves_of_two_acquisitions_are_never_mixed(tmp_path: Path, detectors: Detectors) -> None:
    low, high = dual_counts((60, 40))
    for name, counts in (("l1", low), ("l2", low), ("h1", high)):
        (tmp_path / f"{name}.png").write_bytes(imagecodecs.png_encode(counts))
    rows = [
        scan_row("P", "l1.png", "low"),
        scan_row("P", "l2.png", "low"),
        scan_row("P", "h1.png", "high"),
    ]
    result = score(write_tables(tmp_path, parcels=["P"], images=rows), detectors)
    assert {v.code for v in result.image_verdicts} == {"ambiguous_pair"}
    assert codes_of(result, "P") == set()


def test_views_and_stations_are_scans_of_their_own(tmp_path: Path, detectors: Detectors) -> None:
    rows = []
    for name in ("top", "side", "origin"):
        write_dual_tiff(tmp_path / f"{name}.tif", *dual_counts((60, 40)))
    rows = [
        scan_row("P", "top.tif"),
        scan_row("P", "side.tif", view="side"),
        scan_row("P", "origin.tif", station="origin"),
    ]
    result = score(write_tables(tmp_path, parcels=["P"], images=rows), detectors)
    scored = [finding.image_path for finding in result.findings if finding.code == "anomaly.scan"]
    assert sorted(scored, key=str) == ["origin.tif", "side.tif", "top.tif"]


def test_a_rendering_beside_its_dual_scan_is_not_scored_twice(
    tmp_path: Path, detectors: Detectors
) -> None:
    write_dual_tiff(tmp_path / "p.tif", *dual_counts((60, 40)))
    write_colour_jpeg(tmp_path / "p.jpg", colour_pixels((60, 40)))
    rows = [scan_row("P", "p.tif"), scan_row("P", "p.jpg", "colour")]
    result = score(write_tables(tmp_path, parcels=["P"], images=rows), detectors)
    assert sum(finding.code == "anomaly.scan" for finding in result.findings) == 1
    assert {v.verdict for v in result.image_verdicts} == {"assessed"}


def test_a_bundle_without_a_model_says_so(tmp_path: Path) -> None:
    bundle_folder = tmp_path / "bundle"
    bundle = write_tiny_bundle(bundle_folder, kinds=("dual",), detectors=("xray.items",))
    write_dual_tiff(tmp_path / "p.tif", *dual_counts((60, 40)))
    feed = write_tables(tmp_path, parcels=["P"], images=[scan_row("P", "p.tif")])
    result = score(feed, load_detectors(bundle, bundle_folder))
    assert reasons(result, "P")["xray.anomaly"] == (
        "p.tif: the bundle has no xray.anomaly model for dual scans"
    )


def test_what_nobody_foresaw_is_quarantined_with_its_class(
    tmp_path: Path, detectors: Detectors
) -> None:
    folder = tmp_path / "p.tif"
    folder.mkdir()
    write_colour_jpeg(tmp_path / "q.jpg", photo_pixels())
    rows = [scan_row("P", "p.tif"), photo_row("P", "q.jpg")]
    result = score(write_tables(tmp_path, parcels=["P"], images=rows), detectors)
    assert verdicts(result)["p.tif"].verdict == "quarantined"
    assert verdicts(result)["q.jpg"].verdict == "assessed"


def test_findings_and_not_assessed_are_records(mixed: Feed, detectors: Detectors) -> None:
    result = score(mixed, detectors)
    assert all(isinstance(finding, Finding) for finding in result.findings)
    assert all(isinstance(row, NotAssessed) for row in result.not_assessed)
