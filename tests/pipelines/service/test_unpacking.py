import gzip
import io
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.pipelines.service.feeds import tarred, write_long_feed, zip_of, zipped

from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import read_feed
from parcelscope.pipelines.service.unpacking import UnpackLimits, unpack_feed

LIMITS = UnpackLimits(size_bytes=1_000_000, files=50)
PARCELS = {"parcels.csv": b"parcel_id\nP-1\n"}


def unpack(folder: Path, content: bytes, limits: UnpackLimits = LIMITS) -> Path:
    archive = folder / "archive"
    archive.write_bytes(content)
    return unpack_feed(archive, folder / "out", limits)


@pytest.mark.parametrize(
    "pack",
    [
        pytest.param(zipped, id="zip"),
        pytest.param(lambda folder: zipped(folder, inside="monday/"), id="zip-with-one-folder"),
        pytest.param(tarred, id="tar-gz"),
        pytest.param(lambda folder: gzip.decompress(tarred(folder)), id="tar"),
    ],
)
def test_a_packed_feed_is_the_same_feed(pack: Callable[[Path], bytes], tmp_path: Path) -> None:
    write_long_feed(tmp_path / "feed", 3)
    place = unpack(tmp_path, pack(tmp_path / "feed"))
    feed = read_feed(place)
    assert feed.parcels["parcel_id"].to_list() == ["L-00000", "L-00001", "L-00002"]
    assert (place / "scan.jpg").read_bytes() == (tmp_path / "feed" / "scan.jpg").read_bytes()


def tar_of(*entries: tarfile.TarInfo) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as opened:
        for entry in entries:
            opened.addfile(entry, io.BytesIO(b"\0" * entry.size))
    return archive.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


def zip_with_link() -> bytes:
    entry = zipfile.ZipInfo("passwords")
    entry.external_attr = 0o120777 << 16
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr(entry, "/etc/passwd")
    return archive.getvalue()


def long_name_bomb() -> bytes:
    """A tar that says that the name of its file is four gigabytes long."""
    entry = tarfile.TarInfo("././@LongLink")
    entry.type, entry.size = tarfile.GNUTYPE_LONGNAME, 4 * 2**30
    return gzip.compress(entry.tobuf() + b"a" * 100_000)


def large_directory() -> bytes:
    """A zip that says that the list of its files is a gigabyte long."""
    return zip_of({"a": b"a"})[:-22] + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, 2**30, 0, 0)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"", "damaged|no such|parcels table", id="empty"),
        pytest.param(b"<html>sign in</html>" * 50, "damaged", id="html"),
        pytest.param(b"PK\3\4 and no more", "damaged", id="zip-cut-off"),
        pytest.param(b"\x1f\x8b and no more", "damaged|cannot", id="gzip-cut-off"),
        pytest.param(zip_of(PARCELS)[:40], "damaged", id="zip-without-directory"),
        pytest.param(zip_of({"../out.csv": b""}), "plain relative", id="zip-up"),
        pytest.param(zip_of({"/etc/cron.d/x": b""}), "plain relative", id="zip-absolute"),
        pytest.param(zip_of({"a/../../x": b""}), "plain relative", id="zip-up-inside"),
        pytest.param(zip_of({"a\\..\\x": b""}), "plain relative", id="zip-backslash"),
        pytest.param(zip_of({"C:/x": b""}), "plain relative", id="zip-drive"),
        pytest.param(zip_of({"a\nb": b""}), "plain relative", id="zip-line-break"),
        pytest.param(zip_of({"a/" * 40 + "b": b""}), "plain relative", id="zip-deep"),
        pytest.param(zip_with_link(), "a link", id="zip-link"),
        pytest.param(large_directory(), "file names", id="zip-large-directory"),
        pytest.param(zip_of({"a": b"", "a/b": b""}), "twice", id="zip-file-as-folder"),
        pytest.param(zip_of({"zeros": bytes(2_000_000)}), "1,000,000 bytes", id="zip-bomb"),
        pytest.param(zip_of({str(n): b"" for n in range(51)}), "50 files", id="zip-many"),
        pytest.param(zip_of({"readme": b"hello"}), "parcels table", id="zip-without-feed"),
        pytest.param(tar_of(tarfile.TarInfo("../x")), "plain relative", id="tar-up"),
        pytest.param(tar_of(tarfile.TarInfo("/x")), "plain relative", id="tar-absolute"),
        pytest.param(tar_of(link("x", "/etc", tarfile.SYMTYPE)), "a link", id="tar-link"),
        pytest.param(tar_of(link("x", "y", tarfile.LNKTYPE)), "a link", id="tar-hard-link"),
        pytest.param(tar_of(link("x", "", tarfile.CHRTYPE)), "a device", id="tar-device"),
        pytest.param(gzip.compress(bytes(50_000_000)), "parcels table|damaged", id="gzip-zeros"),
        pytest.param(long_name_bomb(), "damaged", id="tar-name-bomb"),
    ],
)
def test_an_archive_that_is_no_feed_is_refused_and_leaves_nothing(
    content: bytes, said: str, tmp_path: Path
) -> None:
    with pytest.raises(FeedError, match=said):
        unpack(tmp_path, content)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive"]


def test_a_bomb_in_a_tar_is_refused(tmp_path: Path) -> None:
    entry = tarfile.TarInfo("zeros")
    entry.size = 5_000_000
    with pytest.raises(FeedError, match=r"unpacked, got more|larger than"):
        unpack(tmp_path, gzip.compress(tar_of(entry)))
