"""`parcelscope feed pack`, and that a packed feed is scored like the loose one."""

from pathlib import Path

import fsspec
import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import write_mixed_feed
from tests.pipelines.test_warmup import command

from parcelscope.datasets.shard_index import SHARDS
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.screen import screen


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feed")
    write_mixed_feed(folder, parcels=6, cartons=1)
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder)
    return folder


@pytest.mark.parametrize("form", ["tar", "parquet"])
def test_a_packed_feed_is_scored_like_the_loose_one(
    feed: Path, bundle: Path, tmp_path: Path, form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    packed = tmp_path / "packed"
    assert command("feed", "pack", str(feed), str(packed), "--as", form, "--shard-mb", "1") == 0
    assert "images" in capsys.readouterr().out
    assert any((packed / SHARDS).glob(f"part-*.{form}"))
    for name, folder in (("loose", feed), ("shards", packed)):
        screen(folder, tmp_path / name, bundle_folder=bundle, workers=1)
    one, two = (read_run(tmp_path / name) for name in ("loose", "shards"))
    assert one.card.counts == two.card.counts
    assert one.card.counts.images.assessed >= 6
    for table in ("findings", "not_assessed", "images", "parcels", "flags"):
        left, right = (getattr(run, table) for run in (one, two))
        assert isinstance(left, pl.DataFrame)
        assert left.equals(right), table


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("nowhere", "OUT"), "expected a folder with a feed, got no such folder"),
        (("FEED", "FEED"), "expected a new or empty folder"),
        (("https://host/feed", "OUT"), "the URL of a feed must begin with"),
    ],
    ids=["no feed", "a folder in use", "a URL that is not read"],
)
def test_what_cannot_be_packed_is_refused_in_one_sentence(
    feed: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    told = {"FEED": str(feed), "OUT": str(tmp_path / "out")}
    assert command("feed", "pack", *(told.get(word, word) for word in words)) == 2
    said = capsys.readouterr().err
    assert sentence in said
    assert said.count("\n") == 1


def test_a_feed_behind_a_url_is_scored_like_the_folder_and_named_by_its_url(
    feed: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    system = fsspec.filesystem("memory")
    for path in feed.iterdir():
        system.pipe_file(f"/facility/{path.name}", path.read_bytes())
    words = ("--bundle", str(bundle), "--workers", "1", "--provider", "cpu")
    for name, where in (("local", str(feed)), ("remote", "memory://facility")):
        assert command("screen", where, "--out", str(tmp_path / name), *words) == 0
    one, two = (read_run(tmp_path / name) for name in ("local", "remote"))
    assert two.card.feed == "memory://facility"
    assert one.card.counts == two.card.counts
    assert one.findings.equals(two.findings)
    assert one.flags.equals(two.flags)
    # The same again is the same run, and another feed is not.
    assert command("screen", "memory://facility", "--out", str(tmp_path / "remote"), *words) == 0
    system.pipe_file("/facility/cartons.parquet", b"PAR1 broken")
    assert command("screen", "memory://facility", "--out", str(tmp_path / "other"), *words) == 2
    system.rm("/facility", recursive=True)
