"""The browser must show the pictures that Python renders: every function, on the same pixels."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from parcelscope.datasets.synthetic.config import load_synth_config
from parcelscope.datasets.synthetic.scan_files import draw_scanner, draw_texture
from parcelscope.datasets.xray.functions import FUNCTIONS, prepare, shown
from parcelscope.datasets.xray.parcel import make_parcel
from parcelscope.datasets.xray.physics import AIR_LEVEL, Counts
from parcelscope.datasets.xray.scan import simulate
from parcelscope.review.renderer import renderer

TESTS = Path(__file__).parent / "js"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(
    NODE is None, reason="no node on this machine runs the browser's modules"
)


def parcel_scan(seed: int) -> tuple[Counts, Counts]:
    """Low and high energy of a generated parcel with a knife and batteries, about 300 kpx."""
    rng = np.random.default_rng(seed)
    config = load_synth_config(None)
    scanner = draw_scanner(rng, config, "parcel")
    scene = make_parcel(rng, items=["knife", "battery_pack"])
    scan = simulate(scene, scanner, rng, draw_texture(rng, config))
    return scan.le, scan.he


def write_golden(
    folder: Path, name: str, planes: tuple[Counts, ...], *, air_level: float, tolerance: int
) -> None:
    """The scan's pixels as the server sends them, and every picture Python renders of them."""
    prepared = prepare(planes[0], planes[1] if len(planes) > 1 else None, air_level=air_level)
    (folder / f"{name}.u16").write_bytes(np.stack(planes, axis=-1).astype("<u2").tobytes())
    pictures = {}
    for function in FUNCTIONS:
        if len(planes) == 1 and function in ("organic", "metal"):
            continue
        for edges in (False, True):
            key = f"{function}+edges" if edges else function
            picture = shown(prepared, function, edges=edges)
            (folder / f"{name}.{key}.rgb").write_bytes(picture.tobytes())
            pictures[key] = f"{name}.{key}.rgb"
    height, width = planes[0].shape
    about = {
        "name": name, "pixels": f"{name}.u16", "channels": len(planes), "width": width,
        "height": height, "air_level": air_level, "tolerance": tolerance, "pictures": pictures,
    }  # fmt: skip
    (folder / f"{name}.scan.json").write_text(json.dumps(about))


@pytest.fixture(scope="module")
def golden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("golden")
    (folder / "renderer.json").write_text(json.dumps(renderer()))
    low, high = parcel_scan(3)
    write_golden(folder, "parcel", (low, high), air_level=AIR_LEVEL, tolerance=6)
    # A scan from elsewhere: another air level, an odd size smaller than the widest filter.
    dim = tuple((counts[200:231, 300:317] // 3) for counts in (low, high))
    write_golden(folder, "crop", dim, air_level=AIR_LEVEL / 3, tolerance=6)
    write_golden(folder, "one-energy", (low[::2, ::2],), air_level=AIR_LEVEL, tolerance=1)
    rng = np.random.default_rng(0)
    extremes = rng.choice(np.array([0, 1, 30000, 60000, 65535], np.uint16), (24, 40))
    write_golden(folder, "extremes", (extremes,), air_level=AIR_LEVEL, tolerance=1)
    return folder


@needs_node
def test_every_function_shows_what_python_renders(golden: Path) -> None:
    run_node("xray.test.mjs", GOLDEN=str(golden))


@needs_node
def test_where_panes_look_and_what_is_said_of_counts() -> None:
    run_node("view.test.mjs")


def run_node(name: str, **environment: str) -> None:
    done = subprocess.run(
        [str(NODE), "--test", "--test-reporter=tap", str(TESTS / name)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr


def test_stripping_needs_both_energies() -> None:
    one = prepare(np.full((4, 4), 30000, np.uint16))
    with pytest.raises(ValueError, match="'metal' needs both energies of a scan"):
        shown(one, "metal")


def test_an_unknown_function_is_named() -> None:
    counts = np.full((4, 4), 30000, np.uint16)
    with pytest.raises(ValueError, match="no function 'sepia'; known: colour, grey"):
        shown(prepare(counts, counts), "sepia")
