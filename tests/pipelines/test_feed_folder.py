import hashlib
import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import read_feed
from parcelscope.pipelines.feed_folder import FolderCounts, feed_from_folder

REAL_DATA = os.environ.get("PARCELSCOPE_REAL_DATA")


def image(path: Path, shade: int = 128) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8), shade, np.uint8)).save(path)
    return path


@pytest.fixture
def loose(tmp_path: Path) -> Path:
    """Two scans of the same name in two folders, one other, and photos."""
    image(tmp_path / "scans" / "monday" / "a.png", 1)
    image(tmp_path / "scans" / "tuesday" / "a.png", 2)
    image(tmp_path / "scans" / "b 1.PNG", 3)
    (tmp_path / "scans" / "notes.txt").write_text("no image")
    image(tmp_path / "photos" / "b 1.jpg", 4)
    image(tmp_path / "photos" / "more" / "b 1.png", 5)
    image(tmp_path / "photos" / "a.jpg", 6)
    image(tmp_path / "photos" / "c.jpg", 7)
    return tmp_path


def test_scans_and_photos_become_a_feed_that_reads_back(loose: Path) -> None:
    counts = feed_from_folder(
        loose / "feed",
        scans=loose / "scans",
        photos=loose / "photos",
        pixel_pitch_mm=0.8,
        energy="grey",
    )
    assert counts == FolderCounts(parcels=5, scans=3, photos=4, attached_photos=2, skipped=1)
    assert str(counts) == (
        "5 parcels of 3 scans and 4 photos, 2 of them beside a scan; 1 other files passed over"
    )
    feed = read_feed(loose / "feed")
    assert feed.rejected.is_empty()
    # The photo `a` could belong to either scan `a`, so it stands alone.
    assert feed.parcels.get_column("parcel_id").to_list() == ["b_1", "a", "a-2", "a-3", "c"]
    assert feed.images.select("owner_id", "kind", "path").rows() == [
        ("b_1", "scan", "scans/b_1.png"),
        ("a", "scan", "scans/a.png"),
        ("a-2", "scan", "scans/a-2.png"),
        ("a-3", "photo", "photos/a-3.jpg"),
        ("b_1", "photo", "photos/b_1.jpg"),
        ("c", "photo", "photos/c.jpg"),
        ("b_1", "photo", "photos/b_1-2.png"),
    ]


def test_scans_carry_what_is_known_of_the_scanner_and_photos_do_not(loose: Path) -> None:
    feed_from_folder(loose / "feed", scans=loose / "scans", photos=loose / "photos", energy="low")
    images = read_feed(loose / "feed").images
    scans = images.filter(pl.col("kind") == "scan")
    photos = images.filter(pl.col("kind") == "photo")
    assert set(scans.get_column("energy")) == {"low"}
    assert set(photos.get_column("energy")) == {None}
    assert set(photos.get_column("view")) == {"exterior"}
    assert set(images.get_column("pixel_pitch_mm")) == {None}


@pytest.mark.parametrize("copy", [False, True], ids=["linked", "copied"])
def test_the_digest_is_that_of_the_file_in_the_feed(loose: Path, copy: bool) -> None:
    feed_from_folder(loose / "feed", photos=loose / "photos", copy=copy)
    for row in read_feed(loose / "feed").images.iter_rows(named=True):
        path = loose / "feed" / row["path"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
        assert not path.is_symlink()
        assert (path.stat().st_nlink == 1) == copy


def test_progress_counts_up_to_all_images(loose: Path) -> None:
    seen: list[tuple[int, int]] = []
    feed_from_folder(
        loose / "feed",
        scans=loose / "scans",
        limit=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 2), (2, 2)]
    assert read_feed(loose / "feed").images.height == 2


def test_a_feed_within_its_own_source_does_not_take_itself(loose: Path) -> None:
    counts = feed_from_folder(loose / "scans" / "feed", scans=loose / "scans")
    assert counts.scans == 3


@pytest.mark.skipif(os.name != "posix", reason="links need rights on Windows")
def test_links_are_passed_over(loose: Path) -> None:
    (loose / "photos" / "link.jpg").symlink_to(loose / "photos" / "c.jpg")
    counts = feed_from_folder(loose / "feed", photos=loose / "photos")
    assert (counts.photos, counts.skipped) == (4, 1)


@pytest.mark.parametrize("name", ["ÄÖ.png", "_..png", "#.png", "-.png", "x" * 200 + ".png"])
def test_any_file_name_gives_a_usable_id(tmp_path: Path, name: str) -> None:
    image(tmp_path / "scans" / "sub" / "seed.png").rename(tmp_path / "scans" / name)
    feed_from_folder(tmp_path / "feed", scans=tmp_path / "scans")
    (row,) = read_feed(tmp_path / "feed").images.iter_rows(named=True)
    assert row["owner_id"].isascii()
    assert (tmp_path / "feed" / row["path"]).is_file()


def test_names_that_differ_in_case_only_stay_apart(tmp_path: Path) -> None:
    image(tmp_path / "scans" / "one" / "A.png")
    image(tmp_path / "scans" / "two" / "a.png")
    feed_from_folder(tmp_path / "feed", scans=tmp_path / "scans")
    assert read_feed(tmp_path / "feed").parcels.get_column("parcel_id").to_list() == ["A", "a-2"]


def test_what_cannot_be_made_a_feed_is_said_in_one_sentence(loose: Path) -> None:
    with pytest.raises(FeedError, match="expected a folder with images, got no such folder"):
        feed_from_folder(loose / "feed", scans=loose / "none")
    with pytest.raises(FeedError, match="nothing to make a feed of"):
        feed_from_folder(loose / "feed")
    with pytest.raises(FeedError, match="expected a new or empty folder"):
        feed_from_folder(loose / "photos", scans=loose / "scans")
    with pytest.raises(FeedError, match=r"pixel_pitch_mm must be a number, 0.001 to 100, got nan"):
        feed_from_folder(loose / "feed", scans=loose / "scans", pixel_pitch_mm=float("nan"))
    with pytest.raises(FeedError, match=r"energy must be one of low, high, .*, got 'medium'"):
        feed_from_folder(loose / "feed", scans=loose / "scans", energy="medium")
    with pytest.raises(FeedError, match="limit must be 1 or more, got 0"):
        feed_from_folder(loose / "feed", scans=loose / "scans", limit=0)


@pytest.mark.skipif(REAL_DATA is None, reason="PARCELSCOPE_REAL_DATA names no folder of real data")
def test_real_scans_and_photos_make_a_feed_that_reads_back(tmp_path: Path) -> None:
    real = Path(REAL_DATA or "")
    counts = feed_from_folder(
        tmp_path / "feed", scans=real / "opixray" / "images" / "val", photos=real / "photos"
    )
    feed = read_feed(tmp_path / "feed")
    assert (counts.scans, counts.photos) == (300, 26)
    assert feed.parcels.height == counts.parcels == 326
    assert feed.images.height == 326
    assert feed.rejected.is_empty()
    for row in feed.images.iter_rows(named=True):
        with Image.open(feed.root / row["path"]) as opened:
            opened.verify()
