"""`parcelscope manifest`: conversions, checks, and what a run says of the feed they make."""

import json
import os
from pathlib import Path

import polars as pl
import pytest
from tests.datasets.manifests.messages import (
    ITEM,
    MASTER,
    OTHER_ITEM,
    POSTAL_ROW,
    edifact,
    postal_csv,
    postal_json,
    xfhl,
    xfwb,
    xfzb,
)

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import read_feed
from parcelscope.pipelines.cli import main
from parcelscope.pipelines.manifest_convert import convert
from parcelscope.pipelines.screen import screen

SAMPLES = "manifests/cargo_xml"
MISMATCH = "888-11111111_XFWB_pieceQuantityItemCountMismatch.xml"


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of `parcelscope manifest words`."""
    try:
        main(["manifest", *map(str, words)])
    except SystemExit as leaving:
        said = capsys.readouterr()
        return int(leaving.code or 0), said.out, said.err
    raise AssertionError("main returns only by leaving")


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """A folder with one manifest of each form."""
    folder = tmp_path / "sources"
    folder.mkdir()
    contents = {
        "wb.xml": xfwb(), "hl.xml": xfhl(), "zb.xml": xfzb(), "post.json": postal_json(),
        "post.csv": postal_csv(POSTAL_ROW.replace(ITEM, OTHER_ITEM)),
        "cuscar.edi": edifact().replace(b"17612345675", b"17612345686"), "notes.md": b"not one",
    }  # fmt: skip
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_every_form_becomes_one_feed_that_is_read_whole(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "feed"
    code, said, _ = call(capsys, "convert", sources, out)
    assert code == 0
    assert f"{out}: 6 parcels and 3 cartons of 6 files" in said
    assert "1 other files passed over" in said
    feed = read_feed(out)
    assert (feed.parcels.height, feed.rejected.height, feed.notes.height) == (6, 0, 0)
    origins = pl.read_parquet(out / "provenance" / "*.parquet")
    assert set(origins["format"]) == {"cargo-xml", "postal-json", "postal-csv", "edifact"}
    about = json.loads((out / "conversion.json").read_text())
    assert [file["name"] for file in about["files"]][:2] == ["cuscar.edi", "hl.xml"]
    assert not list(tmp_path.glob(".*"))  # nothing is left aside


def test_a_piece_count_that_does_not_add_up_fires_in_a_run(tmp_path: Path) -> None:
    root = os.environ.get("PARCELSCOPE_REAL_DATA")
    if root is None:
        pytest.skip("PARCELSCOPE_REAL_DATA names no folder with manifests/cargo_xml")
    convert([Path(root) / SAMPLES / MISMATCH], tmp_path / "feed")
    screen(tmp_path / "feed", tmp_path / "run")
    findings = pl.read_parquet(tmp_path / "run" / "findings" / "*.parquet")
    found = findings.filter(pl.col("code") == "U2.pieces")
    assert found.select("owner_id", "observed", "expected").rows() == [("888-11111111", 3, 5)]


def test_houses_that_do_not_add_up_to_their_waybill_fire_in_a_run(tmp_path: Path) -> None:
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / "wb.xml").write_bytes(xfwb(pieces=7))
    (sources / "hl.xml").write_bytes(xfhl())
    convert([sources], tmp_path / "feed")
    screen(tmp_path / "feed", tmp_path / "run")
    findings = pl.read_parquet(tmp_path / "run" / "findings" / "*.parquet")
    found = findings.filter(pl.col("code") == "U2.pieces")
    assert found.select("owner_id", "observed", "expected").rows() == [(MASTER, 3, 7)]


def test_a_folder_in_use_stays_as_it_is(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "feed"
    out.mkdir()
    (out / "mine.txt").write_text("kept")
    code, _, said = call(capsys, "convert", sources, out)
    assert code == 2
    assert "expected a new or empty folder" in said
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_strict_makes_no_feed_of_manifests_with_a_fault(
    sources: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (sources / "bad.xml").write_bytes(b"<Waybill>")
    code, _, said = call(capsys, "convert", sources, tmp_path / "feed", "--strict")
    assert code == 2
    assert "1 faults in the manifests, so no feed was made; the first: rejected: bad.xml" in said
    assert not (tmp_path / "feed").exists()
    assert call(capsys, "convert", sources, tmp_path / "feed")[0] == 0


def test_manifests_without_a_parcel_make_no_feed(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_bytes(xfwb(packages=()))
    with pytest.raises(FeedError, match=r"expected a parcel in .*a\.xml, got none; the first"):
        convert([tmp_path / "a.xml"], tmp_path / "feed")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        pytest.param(("convert", "only"), "expected one or more sources and then", id="one-path"),
        pytest.param(("convert", "nowhere", "out"), "got no such file", id="no-source"),
        pytest.param(("check", "nowhere"), "got no such file", id="check"),
        pytest.param(("scorecard", "nowhere"), "got no such file", id="scorecard"),
        pytest.param(("convert", "a", "b", "--received", "soon"), "--received must be a date",
                     id="time"),
        pytest.param(("scorecard", "a", "--on", "soon"), "--on must be a date", id="day"),
    ],
)  # fmt: skip
def test_wrong_options_are_one_sentence(
    words: tuple[str, ...], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, said = call(capsys, *words)
    assert code == 2
    assert told in said
    assert said.count("\n") == 1


def test_check_tells_verdicts_and_leaves_with_2_for_a_fault(
    sources: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(capsys, "check", sources)[0] == 0
    (sources / "bad.csv").write_bytes(postal_csv(POSTAL_ROW.replace("1.5,KGM", "-1.5,KGM")))
    code, said, trouble = call(capsys, "check", sources)
    assert code == 2
    assert "taken without a value: bad.csv row 1" in said
    assert "1 rows, consignments or values could not be taken" in trouble
    code, said, _ = call(capsys, "check", sources, "--json")
    verdicts = [json.loads(line) for line in said.splitlines()]
    assert {"verdict", "file", "place", "field", "expected", "got"} <= set(verdicts[0])


def test_the_schema_of_declarations_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = call(capsys, "schema")
    assert code == 0
    assert json.loads(said)["required"] == ["item_id"]
