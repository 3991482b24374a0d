"""`parcelscope report outcomes`: what came of runs."""

import json
import re
from pathlib import Path

import polars as pl
import pytest
from tests.pipelines.decided_runs import Made, make_runs
from typer.testing import CliRunner

from parcelscope.datasets.errors import ConfigError, FeedError, RunError
from parcelscope.pipelines.cli import app
from parcelscope.pipelines.outcomes import Outcomes, judge_outcomes
from parcelscope.pipelines.outcomes_decisions import read_decided
from parcelscope.pipelines.outcomes_json import as_json
from parcelscope.pipelines.outcomes_page import render


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("outcomes")
    return make_runs(folder, days=6, parcels=1200, cartons=40, lazy="ORD")


def judge(made: Made, folder: Path, decisions: pl.DataFrame) -> Outcomes:
    decisions.write_csv(folder / "decisions.csv")
    return judge_outcomes(read_decided(made.runs, folder / "decisions.csv"))


@pytest.fixture(scope="module")
def judged(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Outcomes:
    return judge(made, tmp_path_factory.mktemp("judged"), made.decisions)


def test_the_rates_of_the_arms_and_of_all_are_those_of_the_truth(
    made: Made, judged: Outcomes
) -> None:
    truth = made.truth.filter(pl.col("owner_kind") == "parcel")
    parcels = judged.kinds[0]
    # A facility finds half of what is there: what counts is what was found.
    low, high = parcels.prevalence.intervals[1]
    assert low <= float(truth["violation"].mean()) * 0.9 <= high
    arms = {one.arm: one for one in parcels.arms}
    assert set(arms) == {"targeted", "uncertain", "random", "with_carton"}
    assert arms["targeted"].precision.value > 2 * arms["random"].precision.value
    assert sum(one.referred for one in parcels.arms) == parcels.together.referred
    recalls = [one.recall.value for one in parcels.arms]
    assert sum(recalls) == pytest.approx(parcels.together.recall.value)


def test_calibrated_risks_lie_on_the_diagonal(judged: Outcomes) -> None:
    bins = judged.kinds[0].calibration
    assert len(bins) >= 4
    assert [one.low for one in bins[1:]] == [one.high for one in bins[:-1]]
    assert bins[-1].found.value > 2 * bins[1].found.value


def test_the_facility_that_finds_less_is_told_from_the_others(judged: Outcomes) -> None:
    facilities = next(one for one in judged.compared if one.by == "facility")
    ratios = {group.name: group.ratio for group in facilities.groups}
    assert min(ratios, key=lambda name: ratios[name]) == "ORD"
    assert next(one for one in judged.compared if one.by == "officer").alike > 0.001


def test_delay_is_told_of_what_was_compliant(judged: Outcomes) -> None:
    assert judged.delay is not None
    assert 1 < judged.delay.median < judged.delay.ninetieth < judged.delay.longest
    assert judged.delay.count < judged.kinds[0].together.examined + 300


def test_scores_of_periods_and_facilities_are_compared(judged: Outcomes) -> None:
    named = [one.what for one in judged.drift]
    assert named[:5] == [f"run day-0{n}" for n in range(1, 6)]
    assert "facility LAX" in named
    assert all(one.shift.words == "alike" for one in judged.drift)


def test_what_has_too_few_exams_is_not_assessed(judged: Outcomes) -> None:
    told = {one.what: one.why for one in judged.unjudged}
    assert re.fullmatch(
        r"\d+ exams, at least 30 needed", told["Precision of random, master cartons"]
    )
    assert told["Agreement of officers on the same parcels"] == (
        "0 exams by two officers, at least 20 needed"
    )


def test_rows_that_fit_nothing_are_left_out_and_told(made: Made, tmp_path: Path) -> None:
    good = made.decisions
    first = good.filter(pl.col("parcel_id").is_not_null()).head(1)
    odd = pl.concat(
        [
            first.with_columns(pl.lit("nobody").alias("parcel_id")),
            first.with_columns(pl.lit("c00-01200").alias("carton_id")),
            first.with_columns(pl.lit("elsewhere").alias("run_id")),
            first.with_columns(pl.col("exam_started_at").alias("exam_ended_at"),
                               pl.col("exam_ended_at").alias("exam_started_at")),
            first.with_columns(pl.lit("seized").alias("outcome")),
            first.with_columns(pl.lit(None, pl.String()).alias("officer")),
        ]
    )  # fmt: skip
    told = judge(made, tmp_path, pl.concat([good, odd])).decided
    assert told.rows == good.height + 6
    assert {one.reason: one.rows for one in told.left_out} == {
        "outcome must be one of violation, compliant, not_examined": 1,
        "no run that was named has this parcel or carton": 1,
        "either parcel_id or carton_id must be given, and not both": 1,
        "the run that it names does not have it, or was not named": 1,
        "exam_ended_at lies before exam_started_at": 1,
        "another row decides on the same": 1,
    }


def test_two_officers_on_the_same_are_compared(made: Made, tmp_path: Path) -> None:
    again = made.decisions.head(60).with_columns(pl.lit("officer 9").alias("officer"))
    pairs = judge(made, tmp_path, pl.concat([made.decisions, again])).agreement
    assert pairs is not None
    assert (pairs.pairs, pairs.agreed, pairs.kappa) == (60, 1.0, 1.0)


def test_the_page_holds_all_it_shows_and_escapes_what_it_is_told(
    made: Made, tmp_path: Path
) -> None:
    hostile = made.decisions.with_columns(pl.lit("<script>alert(1)</script>").alias("officer"))
    page = render(judge(made, tmp_path, hostile))
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")
    assert page.count('src="data:image/svg+xml;base64,') >= 4
    assert "Not assessed" in page


def test_the_json_has_no_figure_where_there_is_none(judged: Outcomes) -> None:
    told = json.loads(json.dumps(as_json(judged), allow_nan=False))
    parcels = told["kinds"]["parcels"]
    assert set(parcels["prevalence"]) == {"value", "exams", "interval_90", "interval_95"}
    assert set(told["kinds"]["cartons"]["arms"]["random"]["precision"]) == {
        "not_assessed", "exams", "needed",
    }  # fmt: skip
    assert told["uniformity"]["facility"]["groups"][0]["name"] == "EWR"


def test_the_command_writes_the_page_and_prints_the_result(made: Made, tmp_path: Path) -> None:
    made.decisions.write_parquet(tmp_path / "decisions.parquet")
    told = ["report", "outcomes", *map(str, made.runs), "--decisions"]
    done = CliRunner().invoke(
        app,
        [*told, str(tmp_path / "decisions.parquet"), "--out", str(tmp_path / "page.html")],
        catch_exceptions=False,
    )
    assert done.exit_code == 0
    assert "By the weighted exams the flags caught" in done.stdout
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_decisions_on_other_parcels_are_one_sentence(made: Made, tmp_path: Path) -> None:
    pl.DataFrame({"parcel_id": ["x"], "outcome": ["compliant"]}).write_csv(tmp_path / "d.csv")
    with pytest.raises(FeedError, match=r"got none: no run that was named has this parcel"):
        CliRunner().invoke(
            app,
            ["report", "outcomes", str(made.runs[0]), "--decisions", str(tmp_path / "d.csv")],
            catch_exceptions=False,
        )


def test_a_run_named_twice_or_without_propensities_is_refused(made: Made, tmp_path: Path) -> None:
    made.decisions.write_csv(tmp_path / "d.csv")
    with pytest.raises(RunError, match="run day-00 was named twice"):
        read_decided([made.runs[0], made.runs[0]], tmp_path / "d.csv")


def test_a_folder_is_no_page(made: Made, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected the name of a page to write, got a folder"):
        CliRunner().invoke(
            app,
            ["report", "outcomes", str(made.runs[0]), "--decisions", "d.csv", "--out",
             str(tmp_path)],
            catch_exceptions=False,
        )  # fmt: skip
