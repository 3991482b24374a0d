"""A feed on S3, read from a server that speaks its protocol."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from parcelscope.datasets.errors import FeedError, ImageError
from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.feed_images import read_image
from parcelscope.datasets.shard_index import SHARDS
from parcelscope.pipelines.feed_pack import Form, pack_feed

pytest.importorskip("s3fs", reason="needs parcelscope[s3]")
pytest.importorskip("moto", reason="needs moto[server], a development dependency")

IMAGES = {f"scans/{n:03d}.bin": bytes([n]) * (1 + 37 * n) for n in range(12)}
BUCKET = "facility"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    host, port = running.get_host_and_port()
    yield f"http://{host}:{port}"
    running.stop()


@pytest.fixture
def bucket(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    import s3fs

    for name in list(os.environ):
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    s3fs.S3FileSystem.clear_instance_cache()
    system = s3fs.S3FileSystem()
    if system.exists(BUCKET):
        system.rm(BUCKET, recursive=True)
    system.mkdir(BUCKET)
    return f"s3://{BUCKET}/feeds/today"


def write_feed(folder: Path) -> Path:
    (folder / "scans").mkdir(parents=True)
    (folder / "parcels.csv").write_text("parcel_id\np1\n")
    (folder / "images.csv").write_text(
        "\n".join(["owner_id,kind,path", *(f"p1,scan,{path}" for path in IMAGES)])
    )
    for path, data in IMAGES.items():
        (folder / path).write_bytes(data)
    return folder


@pytest.mark.parametrize("form", [None, "tar", "parquet"])
def test_a_feed_on_s3_gives_the_same_as_the_folder(
    bucket: str, tmp_path: Path, form: Form | None
) -> None:
    import s3fs

    folder = write_feed(tmp_path / "feed")
    if form is not None:
        folder = tmp_path / "packed"
        pack_feed(tmp_path / "feed", folder, form=form, shard_bytes=1000)
    s3fs.S3FileSystem().put(f"{folder}/", bucket, recursive=True)
    feed = read_feed(Path(bucket))
    assert feed.parcels.equals(read_feed(folder).parcels)
    assert {path: read_image(feed.root, path) for path in IMAGES} == IMAGES
    assert (feed.root / SHARDS).is_dir() == (form is not None)
    with pytest.raises(ImageError, match="is not there"):
        read_image(feed.root, "gone.bin")


@pytest.mark.parametrize("url", [f"s3://{BUCKET}/nowhere", "s3://no-such-bucket/feed"])
def test_a_feed_that_is_not_on_s3_is_refused_in_one_sentence(bucket: str, url: str) -> None:
    with pytest.raises(FeedError, match="expected a folder with a feed, got no such folder"):
        read_feed(Path(url))


def test_a_server_that_cannot_be_reached_is_named_in_one_sentence(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.setattr(s3fs.core.S3FileSystem, "retries", 1)
    with pytest.raises(FeedError, match=r"s3://facility/feeds/today: cannot be read: ") as refused:
        read_feed(Path(bucket))
    assert "\n" not in str(refused.value)
