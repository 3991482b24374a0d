"""Pixels of review: the very counts of the scan, from inside the feed, and nothing but pixels."""

import gzip
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from PIL import Image
from tests.review.enrolled_run import (
    DICOS_ID,
    GREY_ID,
    TURNED_ID,
    EnrolledRun,
    enrolled_run,
)

from parcelscope.datasets.errors import BundleError, FeedError, ImageError
from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.scans import ScanFile, read_scan
from parcelscope.pipelines.feed_pack import pack_feed
from parcelscope.pipelines.review_tables import read_review_tables
from parcelscope.review.dossier import Dossier, ImageFile
from parcelscope.review.pictures import WIDTHS, Encoded, Pictures


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> EnrolledRun:
    return enrolled_run(tmp_path_factory.mktemp("pictures"))


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    made = Pictures()
    yield made
    made.close()


def counts_of(made: Encoded) -> np.ndarray[Any, Any]:
    flat = np.frombuffer(gzip.decompress(made.data), "<u2")
    return flat.reshape(made.height_px, made.width_px, made.channels)


def image_of(made: Encoded) -> Image.Image:
    return Image.open(io.BytesIO(made.data))


def with_image(dossier: Dossier, n: int, **files: Any) -> Dossier:
    """`dossier` with something else in the first file of image `n`."""
    images = list(dossier.images)
    first = images[n].files[0]
    changed = ImageFile.model_validate(first.model_dump() | files)
    images[n] = images[n].model_copy(update={"files": (changed, *images[n].files[1:])})
    return dossier.model_copy(update={"images": tuple(images)})


@pytest.mark.parametrize(
    ("owner_id", "n", "energies"),
    [
        ("P-002", 0, ("dual",)),
        ("P-001", 0, ("low", "high")),
        (DICOS_ID, 0, ("low", "high")),
        (DICOS_ID, 1, ("low", "high")),
        (GREY_ID, 1, ("low",)),
    ],
    ids=["tiff with both", "png pair", "dicos", "dicos at origin", "one energy"],
)
def test_pixels_are_the_counts_that_the_detectors_read(
    run: EnrolledRun, pictures: Pictures, owner_id: str, n: int, energies: tuple[str, ...]
) -> None:
    dossier = run.dossier(owner_id)
    image = dossier.image(n)
    assert tuple(file.energy for file in image.files) == energies
    scan = read_scan(
        [ScanFile(path=run.feed / file.path, energy=file.energy) for file in image.files],
        air_level=image.files[0].air_level,
    )
    made = pictures.pixels(dossier, n)
    expected = [plane for plane in (scan.low, scan.high) if plane is not None]
    assert np.array_equal(counts_of(made), np.stack(expected, axis=-1))
    assert made.air_level == 60000
    assert (made.width_px, made.height_px) == scan.size_wh
    facts = pictures.facts(dossier, n)
    assert (facts.width_px, facts.height_px, facts.problem) == (*scan.size_wh, None)


def test_scans_on_arrival_come_before_those_at_origin(run: EnrolledRun) -> None:
    stations = [image.station or "arrival" for image in run.dossier(DICOS_ID).images]
    assert stations == ["arrival", "origin"]


def test_a_rendering_has_a_picture_and_no_counts(run: EnrolledRun, pictures: Pictures) -> None:
    dossier = run.dossier("P-007")
    assert dossier.image(0).form == "colour"
    with pytest.raises(ImageError, match="no counts"):
        pictures.pixels(dossier, 0)
    made = pictures.picture(dossier, 0)
    assert made.media_type == "image/png"
    scan = read_scan([ScanFile(path=run.feed / "P-007.jpg", energy="colour")])
    assert np.array_equal(np.asarray(image_of(made)), scan.rgb)


def test_a_scan_of_one_energy_has_a_grey_picture_with_white_air(
    run: EnrolledRun, pictures: Pictures
) -> None:
    grey = np.asarray(image_of(pictures.picture(run.dossier(GREY_ID), 1)))
    assert grey.ndim == 2
    assert grey[2, 2] >= 253  # air with its noise
    assert grey[40, 40] < 100


def test_photos_stand_upright_without_what_their_files_say_of_people(
    run: EnrolledRun, pictures: Pictures
) -> None:
    dossier = run.dossier(TURNED_ID)
    at = next(i.n for i in dossier.images if i.files[0].path == "turned.jpg")
    assert b"Jane Doe" in (run.feed / "turned.jpg").read_bytes()
    made = pictures.picture(dossier, at)
    assert b"Jane Doe" not in made.data
    assert image_of(made).size == (240, 320)
    assert not image_of(made).getexif()
    assert np.asarray(image_of(made))[20, 120, 0] > 150, "the red half is on top"
    facts = pictures.facts(dossier, at)
    assert (facts.width_px, facts.height_px) == (240, 320)


@pytest.mark.parametrize(("asked", "width"), [(None, 640), (100, 320), (320, 320), (9999, 640)])
def test_photos_come_in_a_few_widths_and_are_never_enlarged(
    run: EnrolledRun, pictures: Pictures, asked: int | None, width: int
) -> None:
    made = pictures.picture(run.dossier("P-001"), 1, asked)
    assert made.width_px == width
    assert width in (*WIDTHS, 640)


def test_a_picture_is_worked_out_once(run: EnrolledRun) -> None:
    pictures = Pictures()
    dossier = run.dossier("P-002")
    assert pictures.pixels(dossier, 0) is pictures.pixels(dossier, 0)
    pictures.close()


def test_a_cache_that_is_too_small_serves_all_the_same(run: EnrolledRun) -> None:
    pictures = Pictures(cache_bytes=10)
    dossier = run.dossier("P-002")
    one, two = pictures.pixels(dossier, 0), pictures.pixels(dossier, 0)
    assert one is not two
    assert one.data == two.data
    pictures.close()


@pytest.mark.parametrize(
    "path",
    [
        "../secret.png",
        "/etc/hostname",
        "..",
        ".",
        "",
        "a/../../secret.png",
        "P-002.tif/../../secret.png",
        "linked.png",
        "linked/secret.png",
        "file:///etc/hostname",
        "memory://secret/secret.png",
        "a\x00b",
        "..\\secret.png",
        "pipe",
    ],
)
def test_nothing_outside_the_feed_is_read_whatever_a_dossier_says(
    run: EnrolledRun, pictures: Pictures, tmp_path: Path, path: str
) -> None:
    feed = tmp_path / "feed"
    shutil.copytree(run.feed, feed)
    outside = tmp_path / "secret.png"
    Image.new("L", (64, 64), 7).save(outside)
    (feed / "linked.png").symlink_to(outside)
    (feed / "linked").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(feed / "pipe")
    dossier = with_image(run.dossier("P-001"), 1, path=path, sha256=None)
    dossier = dossier.model_copy(
        update={"source": dossier.source.model_copy(update={"feed": str(feed)})}
    )
    with pytest.raises(ImageError):
        pictures.picture(dossier, 1)
    facts = pictures.facts(dossier, 1)
    assert facts.problem is not None
    assert str(tmp_path) not in facts.problem


def test_a_file_that_is_not_the_recorded_one_is_refused(
    run: EnrolledRun, pictures: Pictures
) -> None:
    dossier = with_image(run.dossier("P-001"), 1, sha256="ab" * 32)
    with pytest.raises(ImageError, match="SHA-256"):
        pictures.picture(dossier, 1)
    assert pictures.facts(dossier, 1).problem == (
        "The file is not the one that was recorded: its SHA-256 differs."
    )


def test_a_file_that_is_replaced_is_read_anew(
    run: EnrolledRun, pictures: Pictures, tmp_path: Path
) -> None:
    feed = tmp_path / "feed"
    shutil.copytree(run.feed, feed)
    dossier = run.dossier("P-001")
    dossier = dossier.model_copy(
        update={"source": dossier.source.model_copy(update={"feed": str(feed)})}
    )
    first, version = pictures.picture(dossier, 1), pictures.facts(dossier, 1).version
    Image.new("RGB", (40, 30), (1, 2, 3)).save(feed / dossier.image(1).files[0].path, "JPEG")
    assert pictures.picture(dossier, 1).width_px == 40
    assert pictures.facts(dossier, 1).version != version
    assert first.width_px == 640


def test_a_lost_file_and_a_lost_feed_are_sentences(
    run: EnrolledRun, pictures: Pictures, tmp_path: Path
) -> None:
    lost = with_image(run.dossier("P-001"), 1, path="gone.jpg", sha256=None)
    assert pictures.facts(lost, 1).problem == "The file is not there any more."
    dossier = run.dossier("P-001")
    gone = dossier.model_copy(
        update={"source": dossier.source.model_copy(update={"feed": str(tmp_path / "gone")})}
    )
    with pytest.raises(FeedError):
        pictures.picture(gone, 1)
    assert "feed is not there" in (pictures.facts(gone, 1).problem or "")


@pytest.mark.parametrize("form", ["tar", "parquet"])
def test_images_in_shards_are_read_like_loose_files(
    run: EnrolledRun, pictures: Pictures, tmp_path: Path, form: Any
) -> None:
    pack_feed(run.feed, tmp_path / "packed", form=form, shard_bytes=100_000)
    dossier = run.dossier("P-001")
    packed = dossier.model_copy(
        update={"source": dossier.source.model_copy(update={"feed": str(tmp_path / "packed")})}
    )
    assert pictures.pixels(packed, 0).data == pictures.pixels(dossier, 0).data
    assert pictures.picture(packed, 1).data == pictures.picture(dossier, 1).data


def test_a_feed_behind_a_url_is_read_through_its_stand_in_even_on_a_new_machine(
    run: EnrolledRun, pictures: Pictures, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    system = fsspec.filesystem("memory")
    for path in run.feed.iterdir():
        system.pipe_file(f"/reviewed/{path.name}", path.read_bytes())
    dossier = run.dossier("P-001")
    remote = dossier.model_copy(
        update={"source": dossier.source.model_copy(update={"feed": "memory://reviewed"})}
    )
    for cache in ("one", "two"):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / cache))
        made = pictures.pixels(remote, 0)
        assert made.data == pictures.pixels(dossier, 0).data
    system.rm("/reviewed", recursive=True)


def test_a_map_lies_over_its_scan_and_needs_the_very_models(
    run: EnrolledRun, pictures: Pictures
) -> None:
    owner_id = next(
        f"P-{n:03}" for n in range(24)
        if n != 23 and any(image.heat for image in run.dossier(f"P-{n:03}").images)
    )  # fmt: skip
    dossier = run.dossier(owner_id)
    image = next(image for image in dossier.images if image.heat)
    made = pictures.heat(dossier, image.n)
    grey = np.asarray(image_of(made))
    facts = pictures.facts(dossier, image.n)
    assert grey.shape == (facts.height_px, facts.width_px)
    marked = next(mark for mark in image.marks if mark.code == "anomaly.scan")
    row, column = np.unravel_index(int(grey.argmax()), grey.shape)
    x0, y0, x1, y1 = marked.box_xyxy
    assert x0 - 1 <= column <= x1 + 1
    assert y0 - 1 <= row <= y1 + 1
    other = dossier.source.model_copy(update={"bundle_digest": "0" * 64})
    with pytest.raises(BundleError, match="expected the bundle that scored the run"):
        pictures.heat(dossier.model_copy(update={"source": other}), image.n)


def test_the_feed_of_the_fixture_holds_what_it_says(run: EnrolledRun) -> None:
    assert read_feed(run.feed).parcels.height == 23
    assert read_review_tables(run.run).owners.height == 26
