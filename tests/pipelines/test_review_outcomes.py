"""`parcelscope review outcomes`: what officers logged comes back as the report of outcomes."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy import Engine
from tests.pipelines.decided_runs import Made, make_runs
from tests.review import case_world as w
from typer.testing import CliRunner

from parcelscope.datasets.errors import ConfigError
from parcelscope.pipelines.cli import app
from parcelscope.pipelines.outcomes import judge_outcomes
from parcelscope.pipelines.outcomes_decisions import read_decided, require_some
from parcelscope.pipelines.review_outcomes import write_outcomes
from parcelscope.pipelines.run_folder import read_run
from parcelscope.review.exams import Exam, log_exam
from parcelscope.review.items import NewItem, enrol
from parcelscope.review.roles import Person

BO = Person(name="bo", role="analyst")
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make_runs(tmp_path_factory.mktemp("runs"), days=2, parcels=300, cartons=20, lazy="ORD")


def enrolled(engine: Engine, made: Made) -> dict[str, list[NewItem]]:
    """The flags of each run, in the queue."""
    told: dict[str, list[NewItem]] = {}
    for folder in made.runs:
        run = read_run(folder)
        items = [
            NewItem(
                owner_kind=row["owner_kind"],
                owner_id=row["owner_id"],
                risk=row["risk"],
                dossier={},
            )
            for row in run.flags.iter_rows(named=True)
        ]
        enrol(engine, items, run.card.run_id)
        told[run.card.run_id] = items
    return told


def test_what_officers_log_comes_back_in_the_report_of_outcomes(made: Made, tmp_path: Path) -> None:
    with w.sqlite_review(tmp_path) as engine:
        items = enrolled(engine, made)
        for number, item in enumerate(one for some in items.values() for one in some):
            outcome = ("violation", "no_violation", "no_violation", "not_examined")[number % 4]
            ended = NOW - timedelta(hours=1)
            exam = Exam(
                outcome=outcome,  # type: ignore[arg-type]
                started_at=ended - timedelta(minutes=7),
                ended_at=ended,
            )
            person = (w.ANA, BO)[number % 2]
            log_exam(engine, person, w.US, item.item_id, exam, now=NOW.timestamp())
        counts = write_outcomes(engine, tmp_path / "decisions.csv")
    decided = read_decided(made.runs, tmp_path / "decisions.csv")
    require_some(decided, tmp_path / "decisions.csv")
    assert decided.left_out == ()
    assert decided.rows == sum(counts.values()) == sum(len(some) for some in items.values())
    told = decided.population.drop_nulls("outcome")
    assert dict(told.group_by("outcome").len().iter_rows()) == dict(counts)
    examined = told.filter(pl.col("outcome") != "not_examined")
    minutes = (examined["exam_ended_at"] - examined["exam_started_at"]).dt.total_minutes()
    assert set(minutes) == {7}
    # Names stay in the log: what is handed on says which officer, not who.
    assert set(told["officer"]) == {"officer-1", "officer-2"}
    judged = judge_outcomes(decided)
    assert sum(one.examined for one in judged.kinds[0].arms) > 30


def test_the_last_word_of_each_officer_counts_and_two_are_compared(
    made: Made, tmp_path: Path
) -> None:
    with w.sqlite_review(tmp_path) as engine:
        items = enrolled(engine, made)
        one = next(iter(items.values()))[0]
        for person, outcome in (
            (w.ANA, "no_violation"),
            (w.ANA, "violation"),
            (BO, "no_violation"),
        ):
            log_exam(engine, person, w.US, one.item_id, Exam(outcome=outcome))  # type: ignore[arg-type]
        write_outcomes(engine, tmp_path / "decisions.csv")
    rows = pl.read_csv(tmp_path / "decisions.csv")
    assert rows.select("officer", "outcome").rows() == [
        ("officer-1", "violation"),
        ("officer-2", "compliant"),
    ]
    decided = read_decided(made.runs, tmp_path / "decisions.csv")
    assert decided.second.height == 1


def test_the_exam_answers_for_the_run_that_sent_it_there(made: Made, tmp_path: Path) -> None:
    parcel = w.parcel()
    with w.sqlite_review(tmp_path) as engine:
        w.inspected(engine, parcel)
        log_exam(engine, w.ANA, w.US, parcel.item_id, Exam(outcome="violation"))
        enrol(engine, [parcel], "run-2")
        write_outcomes(engine, tmp_path / "decisions.csv")
    (row,) = pl.read_csv(tmp_path / "decisions.csv").to_dicts()
    assert (row["run_id"], row["facility"]) == ("run-1", "JFK")
    assert row["referred_at"] == "2026-11-23T15:00:00.000Z"


def test_the_command_says_what_it_wrote_and_refuses_what_it_cannot(tmp_path: Path) -> None:
    out = tmp_path / "decisions.csv"
    with w.sqlite_review(tmp_path) as engine:
        w.references(engine, w.parcel())
        log_exam(engine, w.ANA, w.US, w.parcel().item_id, Exam(outcome="not_examined"))
    database = str(tmp_path / "review.sqlite")
    runner = CliRunner()
    told = runner.invoke(app, ["review", "outcomes", "--out", str(out), "--database", database])
    assert told.exit_code == 0, told.output
    assert told.stdout == f"{out}: 1 exam logged: 1 not_examined\n"
    wrong = ["review", "outcomes", "--out", str(tmp_path / "x.json"), "--database", database]
    assert isinstance(runner.invoke(app, wrong).exception, ConfigError)
    gone = ["review", "outcomes", "--out", str(out), "--database", str(tmp_path / "none.sqlite")]
    assert isinstance(runner.invoke(app, gone).exception, ConfigError)
    assert not (tmp_path / "none.sqlite").exists()
