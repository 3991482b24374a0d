"""The contents detector in the engine: measurements for screening, and silence without a model."""

from pathlib import Path

import pytest
from tests.inference.tiny_bundle import FAMILIES, write_tiny_bundle
from tests.inference.tiny_feed import (
    colour_pixels,
    dual_counts,
    scan_row,
    write_tables,
)

from parcelscope.datasets.scan_writing import write_colour_jpeg, write_dual_tiff
from parcelscope.inference.detectors import load_detectors
from parcelscope.inference.engine import ShardResult, score_feed
from parcelscope.models.bundle import DetectorName


def scored(folder: Path, detectors: tuple[DetectorName, ...], energy: str = "dual") -> ShardResult:
    bundle = write_tiny_bundle(folder / "bundle", detectors=detectors)
    if energy == "dual":
        path = "p.tif"
        write_dual_tiff(folder / path, *dual_counts((60, 40)))
    else:
        path = "p.jpg"
        write_colour_jpeg(folder / path, colour_pixels((60, 40)))
    feed = write_tables(folder, parcels=["P", "Q"], images=[scan_row("P", path, energy)])
    sessions = load_detectors(bundle, folder / "bundle")
    (result,) = score_feed(feed, sessions, workers=1)
    return result


@pytest.mark.parametrize("energy", ["dual", "colour"])
def test_each_family_and_material_of_a_scan_is_a_measurement(tmp_path: Path, energy: str) -> None:
    result = scored(tmp_path, ("xray.contents",), energy)
    found = {f.text: f for f in result.findings if f.source == "xray.contents"}
    assert set(found) == {*FAMILIES, "organic", "mixed", "metal-like", "opaque"}
    assert all(f.p_value is None and f.likelihood_ratio is None for f in found.values())
    shares = [found[family].observed for family in FAMILIES]
    # The tiny model sees metal in what is dark: the same darkness speaks against cloth.
    assert shares == [pytest.approx(0.04), pytest.approx(0.01)]


def test_a_parcel_without_a_scan_is_not_assessed(tmp_path: Path) -> None:
    result = scored(tmp_path, ("xray.contents",))
    checks = {row.check for row in result.not_assessed if row.owner_id == "Q"}
    assert "xray.contents" in checks


def test_a_bundle_of_an_earlier_release_is_not_blamed_for_each_scan(tmp_path: Path) -> None:
    result = scored(tmp_path, ("xray.items", "xray.anomaly", "xray.pieces"))
    assert "xray.contents" not in {row.check for row in result.not_assessed}
