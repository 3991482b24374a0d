"""Opening files that somebody else named: inside the folder, and plain."""

import os
import socket
import threading
import time
from pathlib import Path

import pytest

from parcelscope.datasets.errors import ImageError
from parcelscope.datasets.headers import read_bytes


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    """A feed folder beside a file that nobody may read."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a.jpg").write_bytes(b"secret")
    root = tmp_path / "feed"
    (root / "scans").mkdir(parents=True)
    (root / "scans" / "a.jpg").write_bytes(b"picture")
    return root


def code(path: Path, within: Path) -> str:
    with pytest.raises(ImageError) as refusal:
        read_bytes(path, within=within)
    return refusal.value.code


def test_a_plain_file_inside_is_read(feed: Path) -> None:
    assert read_bytes(feed / "scans" / "a.jpg", within=feed) == b"picture"


def test_links_inside_the_folder_are_followed(feed: Path) -> None:
    (feed / "b.jpg").symlink_to("scans/a.jpg")
    (feed / "more").symlink_to("scans", target_is_directory=True)
    assert read_bytes(feed / "b.jpg", within=feed) == b"picture"
    assert read_bytes(feed / "more" / "a.jpg", within=feed) == b"picture"


def test_a_folder_that_is_reached_through_a_link_is_the_folder(feed: Path) -> None:
    (feed.parent / "today").symlink_to(feed, target_is_directory=True)
    assert read_bytes(feed.parent / "today/scans/a.jpg", within=feed.parent / "today") == b"picture"


@pytest.mark.parametrize(
    "name", ["../secret", "scans/../../secret", "/etc/hostname", "link.jpg", "way/a.jpg", "up/x"]
)
def test_nothing_outside_is_read(feed: Path, name: str) -> None:
    (feed / "link.jpg").symlink_to("../secret")
    (feed / "way").symlink_to("../outside", target_is_directory=True)
    (feed / "up").symlink_to("../secret")
    assert code(feed / name, feed) in {"outside_feed", "missing"}


def test_what_is_no_plain_file_is_not_opened(feed: Path) -> None:
    os.mkfifo(feed / "pipe.jpg")
    (feed / "folder.jpg").mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(feed / "socket.jpg"))
        for name in ("pipe.jpg", "folder.jpg", "socket.jpg"):
            assert code(feed / name, feed) == "not_an_image"


def test_a_loop_of_links_and_a_link_to_nothing_are_missing(feed: Path) -> None:
    (feed / "loop.jpg").symlink_to("loop.jpg")
    (feed / "gone.jpg").symlink_to("nothing.jpg")
    for name in ("loop.jpg", "gone.jpg", "n" * 300, "scans/a.jpg/b.jpg", "nul\0"):
        assert code(feed / name, feed) == "missing"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_we_may_not_read_is_not_called_missing(feed: Path) -> None:
    (feed / "scans" / "a.jpg").chmod(0)
    assert code(feed / "scans" / "a.jpg", feed) == "unreadable"


def test_a_link_that_is_swapped_in_between_reads_nothing_outside(feed: Path) -> None:
    """A file that becomes a link and a file again, all the time, while it is read."""
    over = threading.Event()

    def swap() -> None:
        while not over.is_set():
            for make in (
                lambda at: at.symlink_to("../secret"),
                lambda at: at.write_bytes(b"picture"),
            ):
                make(feed / "next")
                (feed / "next").replace(feed / "a.jpg")
                time.sleep(0)  # or the reader would meet links only

    (feed / "a.jpg").write_bytes(b"picture")
    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        seen: set[bytes] = set()
        reads, deadline = 0, time.monotonic() + 20
        while (reads < 1000 or len(seen) < 2) and time.monotonic() < deadline:
            reads += 1
            try:
                seen.add(read_bytes(feed / "a.jpg", within=feed))
            except ImageError as error:
                seen.add(error.code.encode())
    finally:
        over.set()
        swapper.join()
    assert seen <= {b"picture", b"outside_feed", b"missing"}
    assert b"picture" in seen
