"""Scans of a synthetic feed as files."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from parcelscope.datasets.scans import ScanFile, read_scan
from parcelscope.datasets.synthetic.scan_files import ScanPlace, write_scan
from parcelscope.datasets.xray.acquisition import SCANNERS
from parcelscope.datasets.xray.geometry import Geometry
from parcelscope.datasets.xray.scan import simulate
from parcelscope.datasets.xray.scene import Scene


def test_a_grey_scan_holds_one_energy_without_a_name(tmp_path: Path) -> None:
    scanner = replace(SCANNERS["PS-140"], geometry=Geometry.square(48, 40, 2.0))
    rng = np.random.default_rng(1)
    scan = simulate(Scene(), scanner, rng, np.zeros((8, 8), np.float32))
    place = ScanPlace(
        feed_folder=tmp_path,
        owner_id="P1",
        feed_seed=0,
        scan_format="grey",
        scanner=scanner,
        taken_at=datetime(2026, 1, 1, tzinfo=UTC),
        unseen_palette=False,
    )
    (tmp_path / "scans").mkdir()
    (row,) = write_scan(scan, place, rng)
    assert (row["energy"], row["pixel_pitch_mm"]) == ("grey", 2.0)
    read = read_scan([ScanFile(path=tmp_path / str(row["path"]), energy="grey")])
    assert read.kind == "grey16"
    assert read.low is not None
    assert np.array_equal(read.low, scan.le)
