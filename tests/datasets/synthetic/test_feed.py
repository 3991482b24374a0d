"""A synthetic feed reads back, adds up, repeats itself, and shows what its truth says."""

import hashlib
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import zxingcpp

from parcelscope.datasets.errors import FeedError, ImageError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.photos import read_photo
from parcelscope.datasets.scans import ScanFile, read_scan
from parcelscope.datasets.synthetic.config import SynthConfig, load_synth_config
from parcelscope.datasets.synthetic.feed import TRUTH_FOLDER, synth_feed
from parcelscope.datasets.synthetic.plan import make_plan

# Coarse pixels draw six times faster; many violations and losses show each kind in a small feed.
SMALL = {"parcel_pitch_mm": 2.5, "carton_pitch_mm": 2.6, "pieces": (2, 4)}
BUSY: SynthConfig = load_synth_config(None).model_copy(
    update=SMALL
    | {"violative": 0.7, "photos": 0.5, "missing_scan": 0.1, "corrupt_image": 0.1, "pieces": (2, 3)}
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("synthetic") / "feed"
    synth_feed(out, parcels=24, seed=4, config=BUSY, workers=1)
    return out


@pytest.fixture(scope="module")
def feed(folder: Path) -> Feed:
    return read_feed(folder)


def truth(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / TRUTH_FOLDER / f"{name}.parquet")


def bytes_of(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def opens(feed: Feed, rows: pl.DataFrame) -> bool:
    """Whether the files of one scan or photo are there, whole, and decode."""
    try:
        for row in rows.iter_rows(named=True):
            content = (feed.root / row["path"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != row["sha256"]:
                return False
            if row["kind"] == "photo":
                read_photo(feed.root / row["path"])
        if rows["kind"][0] == "scan":
            read_scan([ScanFile(path=feed.root / p, energy=e)
                       for p, e in rows.select("path", "energy").iter_rows()])  # fmt: skip
    except (FileNotFoundError, ImageError):
        return False
    return True


def test_mail_travels_in_bags_for_its_own_service(feed: Feed) -> None:
    bags = feed.parcels.filter(pl.col("receptacle_id").str.len_chars() == 29)
    assert bags.height > 5
    for tracking, bag in bags.select("tracking_number", "receptacle_id").iter_rows():
        expected = {"C": "CN", "E": "EN"}.get(tracking[0], "UN")
        assert bag[13:15] == expected


def test_every_row_of_every_table_is_taken(feed: Feed) -> None:
    assert feed.rejected.is_empty()
    assert feed.notes.is_empty()
    assert feed.parcels.height == 24
    assert feed.step_wedges["scanner_model"].n_unique() == 4


def test_exactly_the_scans_that_truth_calls_scanned_can_be_read(folder: Path, feed: Feed) -> None:
    scanned = {
        owner
        for name in ("parcels", "cartons")
        for owner in truth(folder, name).filter("scanned")[f"{name[:-1]}_id"]
    }
    scans = feed.images.filter(pl.col("kind") == "scan")
    readable = {str(owner) for (owner,), rows in scans.group_by("owner_id") if opens(feed, rows)}
    assert readable == scanned
    assert len(readable) < scans["owner_id"].n_unique(), "some were to be lost or damaged"


def test_most_photos_open(feed: Feed) -> None:
    photos = feed.images.filter(pl.col("kind") == "photo")
    opening = [opens(feed, rows) for _, rows in photos.group_by("path")]
    assert 0.6 * len(opening) < sum(opening)


def test_the_truth_covers_the_feed_and_adds_up(folder: Path, feed: Feed) -> None:
    parcels, cartons = truth(folder, "parcels"), truth(folder, "cartons")
    assert parcels["parcel_id"].sort().to_list() == feed.parcels["parcel_id"].sort().to_list()
    assert cartons["carton_id"].sort().to_list() == feed.cartons["carton_id"].sort().to_list()
    assert (parcels["violative"] == (parcels["violations"].list.len() > 0)).all()
    assert (cartons["pieces_true"] - cartons["pieces_manifested"] == cartons["extra"]).all()
    assert (cartons["violative"] == (cartons["extra"] > 0)).all()
    rows = feed.parcels.group_by("carton_id").len().drop_nulls("carton_id")
    joined = feed.cartons.join(rows, on="carton_id", validate="1:1")
    assert (joined["pieces_manifested"] == joined["len"]).all()
    assert joined.height == feed.cartons.height


def test_boxes_lie_inside_their_images_and_count_the_pieces(folder: Path, feed: Feed) -> None:
    objects, cartons = truth(folder, "objects"), truth(folder, "cartons").filter("scanned")
    files = feed.images.filter(pl.col("kind") == "scan")
    for (path,), boxes in objects.group_by("image_path"):
        energy = files.row(by_predicate=pl.col("path") == path, named=True)["energy"]
        scan = read_scan([ScanFile(path=folder / str(path), energy=energy)])
        width, height = scan.size_wh
        assert ((boxes["x0"] >= 0) & (boxes["x0"] < boxes["x1"]) & (boxes["x1"] <= width)).all()
        assert ((boxes["y0"] >= 0) & (boxes["y0"] < boxes["y1"]) & (boxes["y1"] <= height)).all()
    pieces = objects.filter(pl.col("kind") == "inner_parcel").group_by("owner_id").len()
    counted = cartons.join(pieces, left_on="carton_id", right_on="owner_id")
    assert counted.height == cartons.height
    assert (counted["len"] == counted["pieces_true"]).all()
    with_items = truth(folder, "parcels").filter(
        "scanned", pl.col("violations").list.contains("item")
    )
    found = objects.filter(pl.col("kind") == "item")["owner_id"].unique()
    assert set(found) == set(with_items["parcel_id"])


def test_weights_follow_from_what_is_inside(folder: Path, feed: Feed) -> None:
    loose = feed.parcels.filter(pl.col("carton_id").is_null()).join(
        truth(folder, "parcels"), on="parcel_id"
    )
    wrong = pl.col("violations").list.contains("wrong_weight")
    step, error = BUSY.declared_weight_rounding_g, 5 * BUSY.weight_error
    for row in loose.with_columns(wrong.alias("wrong")).iter_rows(named=True):
        assert row["measured_weight_g"] == pytest.approx(row["mass_g"], rel=error, abs=1)
        off = abs(row["declared_weight_g"] - row["mass_g"])
        least = 0.2 * row["mass_g"] - step
        assert off > least if row["wrong"] else off <= error * row["mass_g"] + step
    cartons = feed.cartons.join(truth(folder, "cartons"), on="carton_id")
    for row in cartons.iter_rows(named=True):
        assert row["measured_weight_g"] == pytest.approx(row["mass_g"], rel=error, abs=1)
        if row["true_weight_declared"]:
            assert row["declared_weight_g"] == pytest.approx(row["mass_g"], rel=error, abs=step)


def test_labels_show_the_codes_of_the_manifest_and_foreign_ones_where_planned(
    folder: Path, feed: Feed
) -> None:
    violations = dict(truth(folder, "parcels").select("parcel_id", "violations").iter_rows())
    rows = {row["parcel_id"]: row for row in feed.parcels.iter_rows(named=True)}
    intact = {
        str(path)
        for (path,), image in feed.images.filter(pl.col("view") == "label").group_by("path")
        if opens(feed, image)
    }
    read = clear = 0
    for photo in truth(folder, "photos").filter(pl.col("view") == "label").iter_rows(named=True):
        owner = photo["owner_id"]
        listed = {rows[owner]["tracking_number"], rows[owner]["house_bill"]}
        assert rows[owner]["tracking_number"] in photo["codes"]
        strangers = set(photo["codes"]) - listed
        assert len(strangers) == ("foreign_label" in violations[owner])
        if photo["image_path"] in intact:
            seen = {code.text for code in zxingcpp.read_barcodes(
                np.ascontiguousarray(read_photo(folder / photo["image_path"])))}  # fmt: skip
            assert seen <= set(photo["codes"])
            if photo["degrade"] is None:
                clear, read = clear + 1, read + (seen == set(photo["codes"]))
    assert clear > 5
    assert read >= 0.8 * clear


def test_altered_packaging_is_photographed_with_its_defects(folder: Path) -> None:
    photos = truth(folder, "photos").filter(pl.col("view") == "product")
    altered = photos.filter(pl.col("defects").list.len() > 0)["owner_id"]
    planned = truth(folder, "parcels").filter(
        pl.col("violations").list.contains("altered_packaging")
    )
    assert set(altered) == set(planned["parcel_id"])


def test_the_same_seed_gives_the_same_bytes_whatever_the_number_of_processes(
    tmp_path: Path,
) -> None:
    for workers in (1, 2):
        synth_feed(tmp_path / f"{workers}", parcels=7, seed=11, config=BUSY, workers=workers)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "2")
    assert make_plan(7, 11, BUSY) != make_plan(7, 12, BUSY)


def test_an_evaluation_feed_has_its_own_scanners_and_says_how_it_was_made(tmp_path: Path) -> None:
    hard = load_synth_config(Path("hard")).model_copy(update=SMALL | {"cartons": 2})
    seen: list[tuple[int, int]] = []
    synth_feed(tmp_path / "feed", parcels=3, seed=0, config=hard, workers=1,
               progress=lambda done, total: seen.append((done, total)))  # fmt: skip
    feed = read_feed(tmp_path / "feed")
    assert feed.cartons.height == 2
    assert set(feed.images["scanner_model"].drop_nulls()) <= {"EV-140C", "EV-180"}
    assert set(feed.step_wedges["scanner_model"]) == {"EV-140C", "EV-180"}
    assert seen == [(k, 5) for k in range(1, 6)]
    card = json.loads((tmp_path / "feed" / "feed.json").read_text())
    assert (card["seed"], card["parcels"]) == (0, 3)
    assert SynthConfig.model_validate(card["config"]) == hard


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "feed").mkdir()
    (tmp_path / "feed" / "mine.txt").write_text("keep")
    with pytest.raises(FeedError, match="expected a new or empty folder"):
        synth_feed(tmp_path / "feed", parcels=2, seed=0, config=BUSY, workers=1)
    assert (tmp_path / "feed" / "mine.txt").read_text() == "keep"


def test_an_interrupted_feed_leaves_nothing_behind(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        synth_feed(tmp_path / "feed", parcels=2, seed=0, config=BUSY, workers=1,
                   progress=interrupt)  # fmt: skip
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("parcels", "seed"), [(0, 0), (-1, 0), (2, -1)])
def test_a_feed_of_nothing_is_refused(tmp_path: Path, parcels: int, seed: int) -> None:
    with pytest.raises(FeedError, match=rf"got {parcels} parcels and seed {seed}"):
        synth_feed(tmp_path / "feed", parcels=parcels, seed=seed, config=BUSY, workers=1)
