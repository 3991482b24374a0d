"""Images of a feed: loose, in shards, or behind a URL, and never from anywhere else."""

import io
import os
import tarfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import polars as pl
import pytest

from parcelscope.datasets import feed_urls, image_stores
from parcelscope.datasets.errors import FeedError, ImageError
from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.feed_images import read_image, store_at
from parcelscope.datasets.feed_urls import feed_url, source_of, stand_ins
from parcelscope.datasets.shard_index import INDEX, PARQUET_SCHEMA, SHARDS
from parcelscope.pipelines.feed_pack import Form, pack_feed

IMAGES = {f"scans/{n:03d}.bin": bytes([n]) * (1 + 37 * n) for n in range(40)}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def write_feed(folder: Path, images: dict[str, bytes], **more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parcels.csv").write_text("parcel_id\np0\np1\n")
    rows = [f"p{n % 2},scan,{path}" for n, path in enumerate([*images, *more.values()])]
    (folder / "images.csv").write_text("\n".join(["owner_id,kind,path", *rows]) + "\n")
    for name, data in images.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


@pytest.fixture
def feed(tmp_path: Path) -> Path:
    return write_feed(tmp_path / "feed", IMAGES)


def code_of(root: Path, path: str) -> str:
    with pytest.raises(ImageError) as refused:
        read_image(root, path)
    return refused.value.code


@pytest.mark.parametrize("form", ["tar", "parquet"])
def test_a_packed_feed_gives_every_image_as_the_loose_one_does(
    feed: Path, tmp_path: Path, form: Form
) -> None:
    packed = pack_feed(feed, tmp_path / "packed", form=form, shard_bytes=5000)
    assert (packed.images, packed.unread) == (40, 0)
    assert packed.shards > 3
    root = read_feed(tmp_path / "packed").root
    assert {path: read_image(root, path) for path in IMAGES} == IMAGES
    assert not (root / "scans").exists()


@pytest.mark.parametrize("form", ["tar", "parquet"])
def test_the_same_feed_gives_the_same_shards(feed: Path, tmp_path: Path, form: Form) -> None:
    for name in ("one", "two"):
        pack_feed(feed, tmp_path / name, form=form, shard_bytes=5000)
    names = sorted(entry.name for entry in (tmp_path / "one" / SHARDS).iterdir())
    assert INDEX in names
    for name in names:
        one, two = ((tmp_path / which / SHARDS / name).read_bytes() for which in ("one", "two"))
        assert one == two


@pytest.mark.parametrize("form", ["tar", "parquet"])
def test_several_threads_read_shards_at_once(feed: Path, tmp_path: Path, form: Form) -> None:
    pack_feed(feed, tmp_path / "packed", form=form, shard_bytes=5000)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: read_image(tmp_path / "packed", path), [*IMAGES] * 5))
    assert found == [*IMAGES.values()] * 5


def test_an_image_that_is_not_there_is_left_out_of_shards_and_counted(tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed", {"a.bin": b"1"}, gone="gone.bin")
    assert pack_feed(feed, tmp_path / "packed", form="tar", shard_bytes=99).unread == 1
    assert code_of(tmp_path / "packed", "gone.bin") == "missing"


def test_what_is_in_no_shard_is_looked_for_as_a_loose_file(feed: Path, tmp_path: Path) -> None:
    pack_feed(feed, tmp_path / "packed", form="tar", shard_bytes=5000)
    (tmp_path / "packed" / "late.bin").write_bytes(b"late")
    assert read_image(tmp_path / "packed", "late.bin") == b"late"


def test_a_shard_that_is_added_while_the_process_runs_is_seen(feed: Path, tmp_path: Path) -> None:
    packed = tmp_path / "packed"
    pack_feed(feed, packed, form="tar", shard_bytes=5000)
    assert code_of(packed, "new.bin") == "missing"
    with tarfile.open(packed / SHARDS / "new.tar", "w") as archive:
        member = tarfile.TarInfo("new.bin")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"new"))
    os.utime(packed / SHARDS, (1, 1))
    assert read_image(packed, "new.bin") == b"new"


def tar_of(*members: tuple[str, bytes, str]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind, text in members:
            member = tarfile.TarInfo(name)
            member.type = kind
            if kind == tarfile.REGTYPE:
                member.size = len(text)
                archive.addfile(member, io.BytesIO(text.encode()))
            else:
                member.linkname = text
                archive.addfile(member)
    return file.getvalue()


OUTSIDE = "the secret of another folder"


@pytest.mark.parametrize(
    "path",
    ["/etc/hostname", "../secret.txt", "scans/../../secret.txt", "link", "soft", "hard", ".", "",
     "file:///etc/hostname", "memory://secret", "s3://bucket/key", "~/x", "a\x00b", "a\\..\\b"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["loose", "tar", "parquet"])
def test_nothing_outside_the_feed_is_read_whatever_a_path_or_an_archive_says(
    tmp_path: Path, kind: str, path: str
) -> None:
    (tmp_path / "secret.txt").write_text(OUTSIDE)
    feed = write_feed(tmp_path / "feed", {"scans/a.bin": b"1"})
    (feed / "link").symlink_to(tmp_path / "secret.txt")
    shards = feed / SHARDS
    if kind != "loose":
        shards.mkdir()
    if kind == "tar":
        (shards / "a.tar").write_bytes(
            tar_of(
                ("soft", tarfile.SYMTYPE, str(tmp_path / "secret.txt")),
                ("hard", tarfile.LNKTYPE, "../../secret.txt"),
                ("fine.bin", tarfile.REGTYPE, "fine"),
            )
        )
    if kind == "parquet":
        rows = {"path": ["fine.bin"], "content": [b"fine"]}
        pl.DataFrame(rows, schema=PARQUET_SCHEMA).write_parquet(shards / "a.parquet")
    assert code_of(feed, path) in {"missing", "outside_feed", "not_an_image"}


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "../secret.txt", "s3://bucket/key", "file:///etc/hostname"]
)
def test_an_archive_cannot_lend_its_content_to_a_path_outside(tmp_path: Path, path: str) -> None:
    feed = write_feed(tmp_path / "feed", {}, bad=path)
    (feed / SHARDS).mkdir()
    (feed / SHARDS / "a.tar").write_bytes(tar_of((path, tarfile.REGTYPE, "x")))
    assert code_of(feed, path) == "outside_feed"


def test_a_link_beside_shards_is_not_followed_out_of_the_feed(tmp_path: Path) -> None:
    feed = write_feed(tmp_path / "feed", {})
    (feed / "link").symlink_to("/etc/hostname")
    (feed / SHARDS).mkdir()
    assert code_of(feed, "link") == "outside_feed"


@pytest.mark.parametrize("what", ["shard", "folder"])
def test_a_link_in_the_place_of_shards_is_refused(feed: Path, tmp_path: Path, what: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.tar").write_bytes(tar_of(("x", tarfile.REGTYPE, OUTSIDE)))
    if what == "folder":
        (feed / SHARDS).symlink_to(elsewhere)
    else:
        (feed / SHARDS).mkdir()
        (feed / SHARDS / "a.tar").symlink_to(elsewhere / "a.tar")
    with pytest.raises(FeedError, match="inside the feed, got"):
        read_image(feed, "x")


def test_one_path_in_two_shards_is_refused(feed: Path) -> None:
    (feed / SHARDS).mkdir()
    for name in ("a.tar", "b.tar"):
        (feed / SHARDS / name).write_bytes(tar_of(("x", tarfile.REGTYPE, name)))
    with pytest.raises(FeedError, match=r"'x' must be in one place, got it in a.tar and b.tar"):
        read_image(feed, "x")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.tar", b"<html>not found</html>" * 40, "shard a.tar holds no tar header at byte 0"),
        ("a.parquet", b"PAR1 nothing PAR1", "shard a.parquet cannot be read"),
        ("a.tar", b"", "shard a.tar ends at byte 0"),
    ],
    ids=["HTML for tar", "broken Parquet", "empty"],
)
def test_a_damaged_shard_stops_nothing_but_is_named_by_what_is_missed(
    feed: Path, name: str, content: bytes, sentence: str
) -> None:
    (feed / SHARDS).mkdir()
    (feed / SHARDS / name).write_bytes(content)
    assert read_image(feed, "scans/003.bin") == IMAGES["scans/003.bin"]
    with pytest.raises(ImageError, match=sentence):
        read_image(feed, "gone.bin")


def test_a_parquet_shard_without_the_columns_is_refused(feed: Path) -> None:
    (feed / SHARDS).mkdir()
    pl.DataFrame({"name": ["x"]}).write_parquet(feed / SHARDS / "a.parquet")
    with pytest.raises(FeedError, match=r"must have the columns path \(text\) and content"):
        read_image(feed, "x")


def test_the_content_of_an_image_in_a_shard_is_limited(
    feed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack_feed(feed, tmp_path / "packed", form="tar", shard_bytes=5000)
    monkeypatch.setattr(image_stores, "BYTES_CAP", 100)
    assert read_image(tmp_path / "packed", "scans/001.bin") == IMAGES["scans/001.bin"]
    assert code_of(tmp_path / "packed", "scans/030.bin") == "too_large"


def test_a_replaced_image_has_another_stamp(feed: Path, tmp_path: Path) -> None:
    before = store_at(feed).stamp("scans/001.bin")
    (feed / "scans/001.bin").write_bytes(b"another")
    assert before != store_at(feed).stamp("scans/001.bin") != "missing"
    assert store_at(feed).stamp("gone.bin") == "missing"
    pack_feed(feed, tmp_path / "packed", form="tar", shard_bytes=5000)
    assert ".tar:" in store_at(tmp_path / "packed").stamp("scans/001.bin")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("feed", None),
        ("/data/feed", None),
        ("C:/feed", None),
        ("file:/data/feed", None),
        ("s3:/bucket/feed", "s3://bucket/feed"),
        ("s3://bucket/feed/", "s3://bucket/feed"),
        ("memory:/feed", "memory://feed"),
    ],
)
def test_a_url_is_told_from_a_path_even_without_its_second_slash(
    text: str, url: str | None
) -> None:
    assert feed_url(text) == url


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("https://host/feed", "must begin with abfs, gs, memory, s3, got https"),
        ("simplecache::s3://bucket/feed", "got no such folder"),
        ("s3://key:password@bucket/feed", "must not hold a password"),
        ("memory://nowhere", "got no such folder"),
    ],
)
def test_a_url_that_is_not_read_is_refused_in_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(FeedError, match=sentence) as refused:
        read_feed(Path(text))
    assert "password@" not in str(refused.value)


def test_a_file_url_is_its_folder(feed: Path) -> None:
    assert read_feed(Path(f"file://{feed}")).root == feed


@pytest.fixture
def remote() -> Iterator[str]:
    system = fsspec.filesystem("memory")
    yield "memory://bucket/feed"
    system.rm("/bucket", recursive=True)


def upload(folder: Path, url: str) -> None:
    system, base = fsspec.core.url_to_fs(url)
    for path in folder.rglob("*"):
        if path.is_file():
            system.pipe_file(f"{base}/{path.relative_to(folder)}", path.read_bytes())


@pytest.mark.parametrize("form", [None, "tar", "parquet"])
def test_a_feed_behind_a_url_gives_the_same_as_the_folder(
    feed: Path, tmp_path: Path, remote: str, form: Form | None
) -> None:
    folder = feed
    if form is not None:
        folder = tmp_path / "packed"
        pack_feed(feed, folder, form=form, shard_bytes=5000)
    upload(folder, remote)
    read = read_feed(Path(remote))
    assert read.parcels.equals(read_feed(folder).parcels)
    assert {path: read_image(read.root, path) for path in IMAGES} == IMAGES
    kept = list((read.root / SHARDS).glob("part-*")) if form else []
    assert len(kept) <= feed_urls.KEPT_SHARDS
    assert code_of(read.root, "gone.bin") == "missing"
    assert code_of(read.root, "../feed/parcels.csv") == "outside_feed"
    assert store_at(read.root).stamp("scans/001.bin") != "missing"


def test_several_threads_share_the_few_shards_that_are_kept(
    feed: Path, tmp_path: Path, remote: str
) -> None:
    pack_feed(feed, tmp_path / "packed", form="tar", shard_bytes=2000)
    upload(tmp_path / "packed", remote)
    root = read_feed(Path(remote)).root
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda path: read_image(root, path), [*IMAGES] * 10))
    assert found == [*IMAGES.values()] * 10


def test_a_feed_that_moved_behind_its_url_is_read_anew(feed: Path, remote: str) -> None:
    upload(feed, remote)
    assert read_feed(Path(remote)).parcels.height == 2
    system, base = fsspec.core.url_to_fs(remote)
    system.pipe_file(f"{base}/parcels.csv", b"parcel_id\np0\n")
    system.rm(f"{base}/images.csv")
    again = read_feed(Path(remote))
    assert (again.parcels.height, again.images.height) == (1, 0)


def test_shards_behind_a_url_need_their_index(feed: Path, tmp_path: Path, remote: str) -> None:
    pack_feed(feed, tmp_path / "packed", form="tar", shard_bytes=5000)
    (tmp_path / "packed" / SHARDS / INDEX).unlink()
    upload(tmp_path / "packed", remote)
    with pytest.raises(FeedError, match="write them with `parcelscope feed pack`"):
        read_feed(Path(remote))


def test_an_index_that_names_a_file_outside_is_refused(
    feed: Path, tmp_path: Path, remote: str
) -> None:
    pack_feed(feed, tmp_path / "packed", form="tar", shard_bytes=5000)
    index = tmp_path / "packed" / SHARDS / INDEX
    pl.read_parquet(index).with_columns(shard=pl.lit("../parcels.csv")).write_parquet(index)
    upload(tmp_path / "packed", remote)
    root = read_feed(Path(remote)).root
    with pytest.raises(FeedError, match="expected names of shards"):
        read_image(root, "scans/001.bin")


def test_a_feed_from_outside_cannot_name_a_url(feed: Path) -> None:
    (feed / feed_urls.SOURCE).write_text("memory://bucket/feed")
    assert source_of(feed) is None
    assert stand_ins() not in feed.parents


def test_no_lock_is_left_behind_by_an_image_that_fails(feed: Path, tmp_path: Path) -> None:
    pack_feed(feed, tmp_path / "packed", form="parquet", shard_bytes=5000)
    store = store_at(tmp_path / "packed")
    (tmp_path / "packed" / SHARDS / "part-00000.parquet").write_bytes(b"broken")
    with pytest.raises(ImageError):
        store.read("scans/000.bin")
    other = threading.Thread(target=lambda: store.read("scans/039.bin"), daemon=True)
    other.start()
    other.join(5)
    assert not other.is_alive()
