import os
import re
from pathlib import Path

import polars as pl
import pytest

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import find_table, read_feed
from parcelscope.datasets.schema import CARTONS, IMAGES, STEP_WEDGES
from parcelscope.datasets.tables import empty_table


def write(folder: Path, **tables: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in tables.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def with_image(folder: Path, path: str) -> Path:
    """A feed with one parcel, and images on rows 1 (harmless) and 2 (`path`)."""
    quoted = '"' + path.replace('"', '""') + '"'
    return write(
        folder,
        parcels="parcel_id\nP1\n",
        images=f"owner_id,kind,path\nP1,scan,scans/ok.png\nP1,photo,{quoted}\n",
    )


def ids(frame: pl.DataFrame, name: str) -> list[str]:
    return frame.get_column(name).to_list()


def test_parcels_alone_are_a_feed(tmp_path: Path) -> None:
    feed = read_feed(write(tmp_path, parcels="parcel_id\nP1\nP2\n"))
    assert ids(feed.parcels, "parcel_id") == ["P1", "P2"]
    assert feed.cartons.equals(empty_table(CARTONS))
    assert feed.images.drop("owner_kind").equals(empty_table(IMAGES))
    assert feed.step_wedges.equals(empty_table(STEP_WEDGES))
    assert (feed.rejected.height, feed.notes.height) == (0, 0)
    assert feed.rows == {"parcels": 2}


def test_images_know_whether_they_show_a_parcel_or_a_carton(tmp_path: Path) -> None:
    feed = read_feed(
        write(
            tmp_path,
            parcels="parcel_id,carton_id\nP1,C1\n",
            cartons="carton_id,pieces_manifested\nC1,40\n",
            images="owner_id,kind,path\nC1,scan,c1.tif\nP1,photo,p1.jpg\n",
            step_wedges="scanner_model,pe_mm,steel_mm,le,air_level\nX,10,0,42000,60000\n",
        )
    )
    assert ids(feed.images, "owner_kind") == ["carton", "parcel"]
    assert feed.rows == {"parcels": 1, "cartons": 1, "images": 2, "step_wedges": 1}


def test_tables_may_have_different_formats(tmp_path: Path) -> None:
    write(tmp_path, parcels="parcel_id\nP1\n")
    images = pl.DataFrame({"owner_id": ["P1"], "kind": ["scan"], "path": ["a.png"]})
    images.write_parquet(tmp_path / "images.parquet")
    assert read_feed(tmp_path).images.height == 1


def test_images_of_unknown_owners_are_rejected_with_the_reason(tmp_path: Path) -> None:
    feed = read_feed(
        write(
            tmp_path,
            parcels="parcel_id,value\nP1,1\nP2,none\nX,1\n",
            cartons="carton_id\nX\n",
            images="owner_id,kind,path\nP1,scan,a\nP9,scan,b\nP2,scan,c\nX,scan,d\nP1,film,e\n",
        )
    )
    assert ids(feed.images, "path") == ["a"]
    rejected = feed.rejected.filter(pl.col("table") == "images").sort("row")
    assert rejected.select("row", "column", "got", "key").rows() == [
        (2, "owner_id", "unknown owner", "P9 b"),
        (3, "owner_id", "owner whose own row was rejected", "P2 c"),
        (4, "owner_id", "ambiguous owner: both a parcel and a carton", "X d"),
        (5, "kind", "film", "P1 e"),
    ]


def test_the_rows_of_every_table_add_up(tmp_path: Path) -> None:
    feed = read_feed(
        write(
            tmp_path,
            parcels="parcel_id,value\nP1,1\nP2,-1\n,3\n",
            cartons="carton_id,pieces_manifested\nC1,few\nC2,3\n",
            images="owner_id,kind,path\nP1,scan,a\nP9,scan,b\n",
        )
    )
    tables = {"parcels": feed.parcels, "cartons": feed.cartons, "images": feed.images}
    for name, kept in tables.items():
        rejected = feed.rejected.filter(pl.col("table") == name)
        assert kept.height + rejected.height == feed.rows[name], name
    assert sum(feed.rows.values()) == 7


def test_a_carton_that_nobody_listed_keeps_its_parcel_and_is_noted(tmp_path: Path) -> None:
    feed = read_feed(
        write(
            tmp_path, parcels="parcel_id,carton_id\nP1,C1\nP2,C7\nP3,\n", cartons="carton_id\nC1\n"
        )
    )
    assert feed.parcels.height == 3
    assert feed.rejected.is_empty()
    assert feed.notes.select("row", "column", "got", "key").rows() == [(2, "carton_id", "C7", "P2")]


def test_without_a_cartons_table_no_carton_is_noted(tmp_path: Path) -> None:
    assert read_feed(write(tmp_path, parcels="parcel_id,carton_id\nP1,C1\n")).notes.is_empty()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("/etc/passwd", "relative to the feed folder", id="absolute"),
        pytest.param("~/a.png", "relative to the feed folder", id="home"),
        pytest.param("C:/a.png", "relative to the feed folder", id="drive"),
        pytest.param("file:///a.png", "relative to the feed folder", id="address"),
        pytest.param("../a.png", r"without '\.\.'", id="parent"),
        pytest.param("scans/../../a.png", r"without '\.\.'", id="parent in the middle"),
        pytest.param("scans/..", r"without '\.\.'", id="parent at the end"),
        pytest.param("scans\\a.png", "forward slashes", id="backslash"),
        pytest.param("..\\a.png", "forward slashes", id="parent by backslash"),
        pytest.param("a\x00.png", "without control characters", id="nul"),
        pytest.param("a\n.png", "without control characters", id="newline"),
    ],
)
def test_a_path_that_could_leave_the_feed_costs_its_row(
    tmp_path: Path, path: str, expected: str
) -> None:
    feed = read_feed(with_image(tmp_path, path))
    assert feed.images.height == 1
    (row,) = feed.rejected.rows(named=True)
    assert (row["table"], row["row"], row["column"], row["got"]) == (
        "images",
        2,
        "path",
        repr(path),
    )
    assert re.search(expected, row["expected"])


@pytest.mark.parametrize("path", ["a..b.png", ".hidden.png", "./a.png", "é/ß.png", "a b,c.png"])
def test_harmless_paths_pass(tmp_path: Path, path: str) -> None:
    assert read_feed(with_image(tmp_path, path)).images.height == 2


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
@pytest.mark.parametrize("path", ["link.png", "./link.png", "out/a.png", "out/deep/a.png"])
def test_a_link_out_of_the_feed_costs_its_row(tmp_path: Path, path: str) -> None:
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "elsewhere" / "a.png").touch()
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "link.png").symlink_to(tmp_path / "elsewhere" / "a.png")
    (tmp_path / "feed" / "out").symlink_to(tmp_path / "elsewhere")
    feed = read_feed(with_image(tmp_path / "feed", path))
    assert feed.images.height == 1
    assert feed.rejected.get_column("expected").to_list() == [
        "a file inside the feed folder, not a link out"
    ]


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_links_within_the_feed_pass_and_loops_do_not(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read_feed(with_image(tmp_path, "link/a.png")).images.height == 2
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert read_feed(with_image(tmp_path, "loop")).images.height == 1


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_the_feed_folder_itself_may_be_a_link(tmp_path: Path) -> None:
    with_image(tmp_path / "real", "scans/a.png")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert read_feed(tmp_path / "link").images.height == 2


def test_what_is_no_feed_is_said_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(FeedError, match="expected a folder with a feed, got no such folder"):
        read_feed(tmp_path / "none")
    with pytest.raises(
        FeedError, match=r"must have a parcels table \(parcels.csv, parcels.parquet"
    ):
        read_feed(tmp_path)
    with pytest.raises(FeedError, match="table parcels has a header but no rows"):
        read_feed(write(tmp_path, parcels="parcel_id\n"))


def test_a_table_in_two_files_is_refused(tmp_path: Path) -> None:
    write(tmp_path, parcels="parcel_id\nP1\n")
    (tmp_path / "parcels.ndjson").write_text('{"parcel_id":"P1"}\n')
    with pytest.raises(FeedError, match=r"must be one file, got parcels.csv and parcels.ndjson"):
        read_feed(tmp_path)


def test_a_table_is_found_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "cartons.jsonl").write_text('{"carton_id":"C1"}\n')
    assert find_table(tmp_path, "cartons") == tmp_path / "cartons.jsonl"
    assert find_table(tmp_path, "images") is None
