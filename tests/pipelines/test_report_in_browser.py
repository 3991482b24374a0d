"""The report in a real browser, at the size of a small laptop and of a phone."""

import shutil
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.pipelines.facility_feed import write_facility_feed

from parcelscope.pipelines.screen import screen

CHROMIUM = shutil.which("chromium")
QUIET = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser")
    write_tiny_bundle(folder / "bundle")
    write_facility_feed(folder / "feed")
    screen(folder / "feed", folder / "run", bundle_folder=folder / "bundle", budget=0.4, workers=1)
    return folder / "run" / "report.html"


@pytest.mark.parametrize("size", [(1366, 768), (390, 844)], ids=["laptop", "phone"])
def test_it_is_drawn(report: Path, tmp_path: Path, size: tuple[int, int]) -> None:
    shot = tmp_path / "shot.png"
    subprocess.run(
        [
            str(CHROMIUM),
            *QUIET,
            f"--user-data-dir={tmp_path / 'profile'}",
            f"--window-size={size[0]},{size[1]}",
            f"--screenshot={shot}",
            report.as_uri(),
        ],
        check=True,
        capture_output=True,
        timeout=120,
    )
    picture = cv2.imread(str(shot))
    assert picture is not None
    assert picture.shape[:2] == (size[1], size[0])
    # Words, panels and pictures: a blank or broken page has a handful of colours.
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 200
