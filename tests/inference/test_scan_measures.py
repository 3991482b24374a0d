"""What the engine measures on scans beside their mass: fill, embedding, and the other station."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import dual_counts, scan_row, write_mixed_feed, write_tables

from parcelscope.datasets.embeddings import EMBEDDING_SCHEMA, embeddings_frame
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import Finding
from parcelscope.datasets.scan_writing import write_dual_tiff
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import ShardResult, score_feed


@pytest.fixture(scope="module")
def detectors(tmp_path_factory: pytest.TempPathFactory) -> Detectors:
    folder = tmp_path_factory.mktemp("bundle")
    return load_detectors(write_tiny_bundle(folder), folder)


def two_stations(folder: Path, *spots_xy: tuple[int, int], **facts: object) -> Feed:
    """A parcel that left with one dark square and arrived with `spots_xy` beside it."""
    for name, spots in (("out.tif", ()), ("in.tif", spots_xy)):
        write_dual_tiff(folder / name, *dual_counts((60, 40), *spots, seed=len(name)))
    rows = [
        scan_row("P", "out.tif", station="origin"),
        scan_row("P", "in.tif", station="arrival", **facts),
    ]
    return write_tables(folder, parcels=["P"], images=rows, wedge=True)


def score(feed: Feed, detectors: Detectors) -> ShardResult:
    (result,) = score_feed(feed, detectors, workers=1)
    return result


def compared(result: ShardResult) -> list[Finding]:
    return [one for one in result.findings if one.source == "xray.comparison"]


def test_a_parcel_that_is_as_it_left_is_alike(tmp_path: Path, detectors: Detectors) -> None:
    (whole,) = compared(score(two_stations(tmp_path), detectors))
    assert whole.code == "comparison.whole"
    assert whole.text == "alike"
    assert whole.score is not None
    assert whole.score < 0.5
    assert whole.image_path == "in.tif"


def test_a_parcel_with_more_in_it_is_told_where(tmp_path: Path, detectors: Detectors) -> None:
    whole, *places = compared(score(two_stations(tmp_path, (96, 72), (120, 72)), detectors))
    assert whole.text == "more"
    assert whole.observed is not None
    assert whole.observed > 0
    assert [one.code for one in places] == ["comparison.more"]
    box = places[0].box_xyxy
    assert box is not None
    assert box[0] < 120 < box[2]
    assert box[1] < 84 < box[3]


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        pytest.param({"view": "side"}, "no view was scanned both", id="another view"),
        pytest.param({"pixel_pitch_mm": None}, "the scan has no scale", id="no scale"),
    ],
)
def test_what_cannot_be_compared_says_why(
    tmp_path: Path, detectors: Detectors, facts: dict[str, object], reason: str
) -> None:
    result = score(two_stations(tmp_path, **facts), detectors)
    assert compared(result) == []
    told = {row.check: row.reason for row in result.not_assessed}
    assert reason in told["xray.comparison"]


def test_one_station_alone_costs_nothing_and_says_nothing(
    tmp_path: Path, detectors: Detectors
) -> None:
    write_dual_tiff(tmp_path / "in.tif", *dual_counts((60, 40)))
    feed = write_tables(tmp_path, parcels=["P"], images=[scan_row("P", "in.tif")])
    result = score(feed, detectors)
    assert compared(result) == []
    assert "xray.comparison" not in {row.check for row in result.not_assessed}


def test_embeddings_are_the_same_in_any_shards_and_order(
    tmp_path: Path, detectors: Detectors
) -> None:
    feed = write_mixed_feed(tmp_path)
    shuffled = replace(feed, images=feed.images.sample(fraction=1, shuffle=True, seed=1))
    frames = [
        embeddings_frame(
            [
                one
                for result in score_feed(some, detectors, workers=workers, shard_size=size)
                for one in result.embeddings
            ]
        )
        for some, workers, size in ((feed, 1, 256), (feed, 3, 5), (shuffled, 2, 7))
    ]
    assert frames[0].schema == EMBEDDING_SCHEMA
    assert frames[0].height > 15
    assert all(frame.equals(frames[0]) for frame in frames)
