"""Feeds with scans in a format that another package reads, from the command line to the report."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.datasets.planted_formats import READER, install, tuff_bytes
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import dual_counts, scan_row, write_tables

from parcelscope.datasets.scan_plugins import plugins
from parcelscope.datasets.scan_writing import write_dual_tiff
from parcelscope.inference.intake import Intake
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.screen import screen

CHECK = "    if len(data) < 17:"
POISONED = READER.replace("import struct", "import os\nimport struct", 1).replace(
    CHECK, f"    if b'POISON' in data:\n        os.abort()\n{CHECK}", 1
)


@pytest.fixture(autouse=True)
def plugged_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package that reads `.tuff`, and dies of what holds POISON, for this process and others."""
    plugins.cache_clear()
    site = tmp_path / "site"
    site.mkdir()
    install(site, "tuff_of_runs", POISONED, tuff="tuff")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    yield
    plugins.cache_clear()


def write_feed(folder: Path, *, poison: bool) -> Path:
    """The same two scans as TIFF and in the format of the plug-in, and perhaps a deadly one."""
    folder.mkdir()
    images = []
    for n in range(2):
        low, high = dual_counts((24 + 30 * n, 40), seed=n)
        write_dual_tiff(folder / f"{n}.tif", low, high)
        (folder / f"{n}.tuff").write_bytes(tuff_bytes(low, high))
        images += [scan_row(f"tif-{n}", f"{n}.tif"), scan_row(f"tuff-{n}", f"{n}.tuff")]
    parcels = [f"{kind}-{n}" for kind in ("tif", "tuff") for n in range(2)]
    if poison:
        (folder / "deadly.tuff").write_bytes(tuff_bytes(*dual_counts()) + b"POISON")
        images.append(scan_row("deadly", "deadly.tuff"))
        parcels.append("deadly")
    write_tables(folder, parcels=parcels, images=images)
    return folder


@pytest.mark.parametrize("isolate", [False, True], ids=["threads", "isolated"])
def test_a_feed_in_a_plugged_in_format_is_scored_like_any(isolate: bool, tmp_path: Path) -> None:
    write_tiny_bundle(tmp_path / "bundle")
    out = tmp_path / "run"
    screen(
        write_feed(tmp_path / "feed", poison=isolate),
        out,
        bundle_folder=tmp_path / "bundle",
        intake=Intake(isolate=isolate),
        workers=1,
    )
    run = read_run(out)
    verdicts = dict(run.images.select("path", "verdict").iter_rows())
    expected = {f"{n}.{kind}": "assessed" for n in range(2) for kind in ("tif", "tuff")}
    assert verdicts == expected | ({"deadly.tuff": "quarantined"} if isolate else {})
    risks = dict(run.parcels.select("parcel_id", "risk").iter_rows())
    assert [risks[f"tuff-{n}"] for n in range(2)] == [risks[f"tif-{n}"] for n in range(2)]
    card = json.loads((out / "run.json").read_text())
    assert card["versions"]["scan format tuff"] == "tuff_of_runs 1.2"


def test_loose_files_of_the_format_make_a_feed(tmp_path: Path) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    (scans / "a.tuff").write_bytes(tuff_bytes(*dual_counts((40, 40))))
    (scans / "b.uff").write_bytes(b"of a format that nobody reads")
    words = ["from-folder", str(tmp_path / "feed"), "--scans", str(scans), "--energy", "dual"]
    with pytest.raises(SystemExit) as ended:
        main(["feed", *words])
    assert ended.value.code == 0
    assert [path.name for path in (tmp_path / "feed" / "scans").iterdir()] == ["a.tuff"]
