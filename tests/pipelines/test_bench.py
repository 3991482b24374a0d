"""`parcelscope bench`: its sums, its comparison, and what it prints."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import polars as pl
import pytest
from tests.inference.tiny_bundle import write_tiny_bundle
from tests.inference.tiny_feed import write_mixed_feed, write_tables

from parcelscope.datasets.errors import FeedError, RunError
from parcelscope.datasets.feed import read_feed
from parcelscope.datasets.records import Finding
from parcelscope.inference.detectors import load_detectors
from parcelscope.inference.owners import Owner
from parcelscope.inference.verdicts import Outcome
from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.bench import Bench, bench
from parcelscope.pipelines.bench_card import BenchCard
from parcelscope.pipelines.bench_clock import Spent, machine_busy_s, now, since
from parcelscope.pipelines.bench_feed import first_owners, light_feed
from parcelscope.pipelines.bench_naive import NaiveRun, require_same_findings
from parcelscope.pipelines.bench_yolo import run_yolo
from parcelscope.pipelines.cli import main


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    write_tiny_bundle(folder)
    return folder


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feed")
    write_mixed_feed(folder)
    return folder


@pytest.fixture(scope="module")
def card(bundle: Path, mixed: Path) -> BenchCard:
    return bench(Bench(feed=mixed, bundle_folder=bundle, owners=12, seconds=0.2, workers=1))


def test_the_components_add_up_to_the_bound(card: BenchCard) -> None:
    total_ms = sum(one.cpu_ms_per_parcel for one in card.components)
    assert card.cpu_ms_per_parcel == pytest.approx(total_ms)
    assert card.bound_parcels_per_s == pytest.approx(1e3 / total_ms)  # one worker
    assert sum(one.share for one in card.components) == pytest.approx(1)
    assert card.binding_stage == card.components[0].name
    costs = [one.cpu_ms_per_parcel for one in card.components]
    assert costs == sorted(costs, reverse=True)


def test_every_stage_that_the_feed_needs_is_a_component(card: BenchCard) -> None:
    names = {one.name for one in card.components}
    assert {"decode scans", "place scans", "decode photos", "photo.quality", "photo.codes"} <= names
    assert {"xray.items dual", "xray.anomaly colour", "xray.mass", "writing"} <= names


def test_fractions_and_ratios_follow_from_the_rates(card: BenchCard) -> None:
    assert card.bound_fraction == pytest.approx(card.parcels_per_s / card.bound_parcels_per_s)
    assert card.cpu_bound_fraction == pytest.approx(
        card.cpu_ms_per_parcel / card.engine.cpu_ms_per_parcel
    )
    assert card.naive is not None
    ratio = card.naive.cpu_ms_per_parcel / card.engine.cpu_ms_per_parcel
    assert card.cpu_speedup_over_naive == pytest.approx(ratio)
    assert [line.components for line in card.lines] == [
        "scan detectors + photo.quality",
        "everything",
    ]


def test_the_naive_loop_scores_and_flags_the_same(card: BenchCard) -> None:
    assert card.naive is not None
    assert card.naive.parcels >= 8
    assert card.naive.largest_score_difference <= 0.01
    assert card.naive.flags > 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        pytest.param({"score": 0.72}, "every score .* item.knife on P1 is 0.0200 off", id="score"),
        pytest.param({"observed": 120.0}, "every observed .* is 0.1667 off", id="measurement"),
        pytest.param({"code": "item.saw"}, "only the engine found item.knife", id="other code"),
        pytest.param({"text": "x"}, "only the engine found item.knife on parcel P1", id="text"),
    ],
)
def test_a_loop_that_scores_otherwise_is_an_error(changed: dict[str, object], said: str) -> None:
    found = Finding(
        owner_id="P1",
        owner_kind="parcel",
        source="xray.items",
        code="item.knife",
        sentence="A shape.",
        score=0.7,
        observed=100.0,
    )
    naive = naive_run(replace(found, **changed))  # type: ignore[arg-type]
    with pytest.raises(RunError, match=said):
        require_same_findings([found], naive)


def test_a_faint_shape_that_one_of_them_keeps_is_no_difference() -> None:
    faint = Finding(
        owner_id="P1",
        owner_kind="parcel",
        source="xray.items",
        code="item.knife",
        sentence="A shape.",
        score=0.055,
    )
    assert require_same_findings([faint], naive_run()) == 0
    assert require_same_findings([], naive_run(faint)) == 0


def naive_run(*findings: Finding) -> NaiveRun:
    return NaiveRun(
        owners=(Owner(owner_id="P1", owner_kind="parcel"),),
        outcome=Outcome(findings=list(findings)),
        spent=Spent(wall_s=1.0, cpu_s=1.0, others_cores=0.0),
    )


def test_a_light_feed_repeats_the_images_of_a_few_parcels(tmp_path: Path) -> None:
    feed = light_feed(tmp_path / "feed", parcels=5, drawn=2)
    assert feed.parcels.height == 5
    assert feed.rejected.is_empty()
    assert feed.images.height == 15
    per_parcel = feed.images.group_by("owner_id").agg(
        pl.col("kind").sort(), pl.col("path").n_unique().alias("paths")
    )
    assert per_parcel["kind"].to_list() == [["photo", "photo", "scan"]] * 5
    assert feed.images["path"].n_unique() == 6
    assert all((feed.root / path).is_file() for path in feed.images["path"])


def test_only_owners_with_images_are_scored(tmp_path: Path) -> None:
    feed = first_owners(write_mixed_feed(tmp_path), 3)
    owners = feed.parcels.height + feed.cartons.height
    assert owners == feed.images.select("owner_id", "owner_kind").n_unique() == 3


def test_a_feed_without_images_is_refused(tmp_path: Path, bundle: Path) -> None:
    write_tables(tmp_path, parcels=["P"], images=[])
    with pytest.raises(FeedError, match="expected a feed with images to score, got none"):
        bench(Bench(feed=tmp_path, bundle_folder=bundle))


def test_the_command_prints_json_that_a_program_can_read(
    bundle: Path, mixed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", str(mixed), "--bundle", str(bundle), "--seconds", "0.1", "--owners", "8"]
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--json"])
    assert stopped.value.code == 0
    said = json.loads(capsys.readouterr().out)
    wanted = {"bound_fraction", "parcels_per_s", "speedup_over_naive", "binding_stage"}
    assert wanted <= said.keys()


def test_the_command_prints_tables_that_people_can_read(
    bundle: Path, mixed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["bench", str(mixed), "--bundle", str(bundle), "--seconds", "0.1", "--owners", "8"]
    with pytest.raises(SystemExit) as stopped:
        main([*words, "--no-naive"])
    assert stopped.value.code == 0
    said = capsys.readouterr().out
    for line in ("photo.codes", "Bound:", "Achieved:", "CPU:"):
        assert line in said
    assert "naive" not in said
    assert max(map(len, said.splitlines())) <= 80


def test_ultralytics_searches_the_same_scans_with_a_network_of_about_the_size(
    mixed: Path, bundle: Path, tmp_path: Path
) -> None:
    # Looked for, not imported: outside of its adapter it writes settings into the home folder.
    if find_spec("ultralytics") is None:
        pytest.skip("ultralytics is not installed")
    detectors = load_detectors(load_bundle(bundle)[0], bundle)
    run = run_yolo(read_feed(mixed), detectors, bundle, tmp_path / "pictures", seconds=0.1)
    assert run.pictures >= len(list((tmp_path / "pictures").iterdir())) > 0
    assert run.size_hw == (64, 64)
    assert run.parameters > run.our_parameters > 0
    assert run.cpu_s > 0


def test_what_other_processes_take_is_told_apart() -> None:
    begin = now()
    sum(range(2_000_000))
    spent = since(begin)
    assert spent.cpu_s == pytest.approx(spent.wall_s * spent.cores)
    assert spent.others_cores is None or spent.others_cores >= 0
    twice = spent + spent
    assert twice.cpu_s == pytest.approx(2 * spent.cpu_s)
    assert twice.cores == pytest.approx(spent.cores)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(None, id="no file"),
        pytest.param("", id="empty"),
        pytest.param("cpu a b c d e f g h\n", id="no numbers"),
        pytest.param("intr 1 2 3 4 5 6 7 8 9\n", id="another line"),
    ],
)
def test_a_system_that_does_not_say_is_not_asked_further(text: str | None, tmp_path: Path) -> None:
    stat = tmp_path / "stat"
    if text is not None:
        stat.write_text(text)
    assert machine_busy_s(stat) is None
