"""One parcel by itself comes to what it would come to in a run of its own."""

from pathlib import Path

import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.inference.tiny_feed import (
    colour_pixels,
    photo_pixels,
    photo_row,
    scan_row,
    wedge_table,
    write_tables,
)

from parcelscope.datasets.scan_writing import write_colour_jpeg
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.service.one_parcel import load_scorer, score_parcel
from parcelscope.pipelines.service.parcel import ParcelRequest
from parcelscope.pipelines.service.self_test import require_sound, warm_up


def test_a_parcel_alone_is_scored_as_in_a_run_of_its_own(tmp_path: Path) -> None:
    bundle, feed = tmp_path / "bundle", tmp_path / "feed"
    write_sound_bundle(bundle)
    feed.mkdir()
    write_colour_jpeg(feed / "scan.jpg", colour_pixels((40, 40)))
    write_colour_jpeg(feed / "photo.jpg", photo_pixels(3))
    images = [scan_row("P-1", "scan.jpg", "colour"), photo_row("P-1", "photo.jpg")]
    write_tables(feed, parcels=["P-1"], images=images, wedge=True)
    run = read_run(screen(feed, tmp_path / "run", bundle_folder=bundle, workers=1).folder)
    wedge_table().write_parquet(tmp_path / "wedges.parquet")
    scorer = load_scorer(bundle, None, tmp_path / "wedges.parquet")
    answer = score_parcel(
        ParcelRequest(
            parcel={"parcel_id": "P-1"},
            images=images,
            files={name: (feed / name).read_bytes() for name in ("scan.jpg", "photo.jpg")},
        ),
        scorer,
    )
    (row,) = run.parcels.to_dicts()
    assert answer.verdict == "assessed"
    assert answer.risk == row["risk"]
    assert answer.band == row["band"]
    assert list(answer.reasons) == row["reasons"]
    assert list(answer.not_assessed) == row["not_assessed"]
    assert sorted(finding["code"] for finding in answer.findings) == sorted(
        run.findings["code"].to_list()
    )
    assert answer.bundle is not None
    assert answer.bundle.digest == run.card.bundle.digest


@pytest.mark.parametrize(
    "parcel",
    [{"parcel_id": "P-1", "value": "dear"}, {"parcel_id": ""}, {"parcel_id": None}],
    ids=["value", "id", "no-id"],
)
def test_a_value_that_is_none_is_named(parcel: dict[str, object], tmp_path: Path) -> None:
    write_sound_bundle(tmp_path)
    request = ParcelRequest(parcel=parcel, images=[], files={})
    answer = score_parcel(request, load_scorer(tmp_path, None, None))
    assert (answer.verdict, answer.why) == ("not_assessed", "request")
    assert "must be" in str(answer.reason)


def test_a_sound_bundle_passes_its_self_test(tmp_path: Path) -> None:
    write_sound_bundle(tmp_path)
    scorer = load_scorer(tmp_path, None, None)
    require_sound(tmp_path, scorer.config)
    warm_up(scorer)
