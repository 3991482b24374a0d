"""A challenger beside the champion: it is seen, and touches nothing."""

from pathlib import Path

import polars as pl
import pytest
from tests.inference.sound_bundle import write_sound_bundle
from tests.pipelines.facility_feed import write_facility_feed

from parcelscope.datasets.errors import BundleError, ConfigError, RunError
from parcelscope.models.bundle import load_bundle
from parcelscope.pipelines.bundle_compare import (
    Evidence,
    compare_bundles,
    describe_evidence,
    read_evidence,
)
from parcelscope.pipelines.run_folder import read_run
from parcelscope.pipelines.run_summary import RunSummary
from parcelscope.pipelines.screen import screen
from parcelscope.pipelines.shadow import FOLDER, read_shadow
from parcelscope.screening.indicators.registry import CODES


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A feed, a champion that ignores everything, and a challenger that ranks by items."""
    place = tmp_path_factory.mktemp("shadow")
    write_facility_feed(place / "feed")
    write_sound_bundle(place / "champion", version="1", item_weight=0.0, worthless=CODES)
    write_sound_bundle(place / "challenger", version="2", item_weight=1.0, worthless=CODES)
    return place


def run_with(place: Path, name: str, shadow: Path | None) -> RunSummary:
    return screen(
        place / "feed",
        place / name,
        bundle_folder=place / "champion",
        shadow_folder=shadow,
        budget=0.3,
        workers=2,
        seed=7,
    )


@pytest.fixture(scope="module")
def without(place: Path) -> RunSummary:
    return run_with(place, "without", None)


@pytest.fixture(scope="module")
def beside(place: Path) -> RunSummary:
    return run_with(place, "beside", place / "challenger")


def test_flags_assessments_and_counts_are_byte_identical(
    without: RunSummary, beside: RunSummary
) -> None:
    tables = sorted(path.relative_to(without.folder) for path in without.folder.rglob("*.parquet"))
    assert Path("flags.parquet") in tables
    assert Path("parcels/part-00000.parquet") in tables
    for table in tables:
        assert (beside.folder / table).read_bytes() == (without.folder / table).read_bytes(), table
    new = {path.relative_to(beside.folder) for path in beside.folder.rglob("*.parquet")}
    assert all(path.parts[0] == FOLDER for path in new - set(tables))
    cards = [read_run(folder).card for folder in (without.folder, beside.folder)]
    assert cards[0].counts == cards[1].counts
    assert cards[0].bundle == cards[1].bundle


def test_the_challengers_findings_lie_in_parts_of_their_own(
    place: Path, beside: RunSummary
) -> None:
    shadow = read_shadow(beside.folder)
    assert shadow.card.bundle.digest == load_bundle(place / "challenger")[1]
    assert sorted((beside.folder / FOLDER).glob("part-*.parquet"))
    assert shadow.findings.height == shadow.card.findings > 0
    assert (
        shadow.parcels["parcel_id"].to_list()
        == read_run(beside.folder).parcels["parcel_id"].to_list()
    )
    (line,) = [line for line in beside.lines() if line.startswith("shadow")]
    assert line.endswith("findings to shadow/, flagging nothing")


def test_a_challenger_alone_would_decide_as_it_did_in_the_shadow(
    place: Path, beside: RunSummary
) -> None:
    alone = screen(
        place / "feed",
        place / "alone",
        bundle_folder=place / "challenger",
        budget=0.3,
        workers=1,
        seed=7,
    )
    run, shadow = read_run(alone.folder), read_shadow(beside.folder)
    assert run.flags.equals(shadow.flags)
    assert run.parcels.equals(shadow.parcels)
    assert run.findings.equals(shadow.findings)


def test_a_challenger_that_cannot_be_trusted_is_refused_before_anything_runs(
    place: Path, tmp_path: Path
) -> None:
    write_sound_bundle(tmp_path / "altered")
    (tmp_path / "altered" / "items-dual.onnx").write_bytes(b"other")
    with pytest.raises(BundleError, match="expected SHA-256"):
        run_with(place, "refused", tmp_path / "altered")
    assert not (place / "refused").exists()


def test_a_challenger_that_fails_is_recorded_and_the_run_is_whole(
    place: Path, without: RunSummary, monkeypatch: pytest.MonkeyPatch
) -> None:
    from parcelscope.pipelines import shadow as module

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "score_feed", full)
    summary = run_with(place, "full", place / "challenger")
    assert read_run(summary.folder).flags.equals(read_run(without.folder).flags)
    (line,) = [line for line in summary.lines() if line.startswith("shadow")]
    assert "gave no result, the run is whole all the same" in line
    with pytest.raises(RunError, match=r"the challenger gave no result: .*No space left"):
        read_shadow(summary.folder)


def test_a_signature_is_asked_of_champion_and_challenger(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cryptography", reason="signatures need the sign extra")
    from parcelscope.models.signature import PUBLIC_KEY_VARIABLE, generate_keys, sign_bundle
    from parcelscope.screening.config import load_screening_config

    keys = generate_keys(tmp_path / "key")
    write_sound_bundle(tmp_path / "signed")
    sign_bundle(tmp_path / "signed", keys.private_path)
    config = load_screening_config().model_copy(update={"bundle_public_key": str(keys.public_path)})
    signed, unsigned = tmp_path / "signed", place / "challenger"
    feed, out = place / "feed", tmp_path / "run"
    with pytest.raises(BundleError, match=r"challenger: expected a bundle\.sig"):
        screen(feed, out, bundle_folder=unsigned, config=config)
    monkeypatch.setenv(PUBLIC_KEY_VARIABLE, str(keys.public_path))
    with pytest.raises(BundleError, match=r"challenger: expected a bundle\.sig"):
        screen(feed, out, bundle_folder=signed, shadow_folder=unsigned)
    assert not out.exists()
    assert screen(feed, out, bundle_folder=signed, shadow_folder=signed).shadow is not None


def write_truth(folder: Path, run: Path) -> Path:
    """A truth in which the parcels that the challenger finds riskiest are the violative ones."""
    risks = read_shadow(run).parcels.drop_nulls("risk").sort("risk", descending=True)
    ids = risks["parcel_id"].to_list()
    folder.mkdir(parents=True)
    pl.DataFrame(
        {
            "parcel_id": ids,
            "violative": [n < len(ids) // 2 for n in range(len(ids))],
            "scanned": [True] * len(ids),
        }
    ).write_parquet(folder / "parcels.parquet")
    pl.DataFrame({"carton_id": ["C-1", "C-2"], "violative": [False, True]}).write_parquet(
        folder / "cartons.parquet"
    )
    pl.DataFrame({"image_path": ["x"]}).write_parquet(folder / "objects.parquet")
    return folder


@pytest.fixture(scope="module")
def evidence(place: Path, beside: RunSummary) -> Evidence:
    pytest.importorskip("pycocotools", reason="truth needs the eval extra")
    return compare_bundles(beside.folder, write_truth(place / "truth", beside.folder), None)


def test_a_comparison_says_who_would_be_flagged_by_one_only(
    beside: RunSummary, evidence: Evidence
) -> None:
    run, shadow = read_run(beside.folder), read_shadow(beside.folder)
    (parcels,) = [one for one in evidence.agreements if one.owner_kind == "parcel"]
    of_parcels = (pl.col("arm") == "targeted") & (pl.col("owner_kind") == "parcel")
    ours = set(run.flags.filter(of_parcels)["owner_id"])
    theirs = set(shadow.flags.filter(of_parcels)["owner_id"])
    assert set(parcels.only_champion) == ours - theirs
    assert set(parcels.only_challenger) == theirs - ours
    assert parcels.flagged_by_both == len(ours & theirs)
    assert parcels.compared == 23
    assert parcels.risk_shift is not None
    assert parcels.risk_shift[1] > 0


def test_the_same_models_give_the_same_scores(evidence: Evidence) -> None:
    shifts = {shift.code: shift for shift in evidence.shifts}
    assert "anomaly.scan" in shifts
    for shift in shifts.values():
        assert shift.champion == shift.challenger == shift.shared or shift.shared < shift.champion
        assert shift.champion_score == shift.challenger_score


def test_with_truth_the_paired_difference_has_an_interval(evidence: Evidence) -> None:
    (area,) = [one for one in evidence.differences if one.metric == "parcels.auroc"]
    assert area.champion == 0.5  # it ranks all parcels alike
    assert area.challenger is not None
    assert area.challenger > 0.9
    assert area.difference == pytest.approx(area.challenger - 0.5)
    assert area.low is not None
    assert area.low > 0
    assert (area.positives, area.negatives) == (11, 12)
    assert evidence.agreed_metric == "parcels.recall"


def test_a_comparison_reads_back_and_is_told_in_lines(
    beside: RunSummary, evidence: Evidence
) -> None:
    assert read_evidence(beside.folder / "compare.json") == evidence
    lines = list(describe_evidence(evidence))
    assert lines[0].startswith("champion    tiny 1, digest ")
    assert any("recall at 2 % false alarms (agreed): " in line for line in lines)


def test_without_truth_nothing_is_better(beside: RunSummary, tmp_path: Path) -> None:
    bare = compare_bundles(beside.folder, None, tmp_path / "bare.json")
    assert bare.differences == ()
    assert list(describe_evidence(bare))[-1].startswith("no truth given")


def test_a_run_without_a_challenger_cannot_be_compared(without: RunSummary) -> None:
    with pytest.raises(RunError, match="screen the feed again with --shadow"):
        compare_bundles(without.folder, None, None)


def test_a_truth_of_another_feed_is_refused(place: Path, beside: RunSummary) -> None:
    pytest.importorskip("pycocotools", reason="truth needs the eval extra")
    other = write_truth(place / "other-truth", beside.folder)
    pl.DataFrame({"parcel_id": ["X-1"], "violative": [True], "scanned": [True]}).write_parquet(
        other / "parcels.parquet"
    )
    with pytest.raises(RunError, match="expected the truth of the feed of"):
        compare_bundles(beside.folder, other, None)


def test_an_unknown_metric_is_no_metric(place: Path) -> None:
    from parcelscope.screening.config import load_screening_config

    path = place / "odd.yaml"
    default = load_screening_config().model_dump(mode="json")
    import yaml

    path.write_text(yaml.safe_dump(default | {"agreed_metric": "parcels.luck"}))
    with pytest.raises(ConfigError, match="agreed_metric"):
        load_screening_config(path)
