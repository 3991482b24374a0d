"""`parcelscope audit`: the log checked and taken away at the command line."""

import csv
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.review.queue_world import ANA, NOON, new_url, parcel, review_with

from parcelscope.pipelines.cli import main
from parcelscope.review import queue
from parcelscope.review.queue import Decision


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with one decision."""
    with review_with(new_url(tmp_path, None), parcel(1), parcel(2)) as engine:
        queue.take(engine, ANA, now=NOON)
        queue.decide(engine, ANA, parcel(1).item_id, Decision(decision="clear"), now=NOON)
    return tmp_path / "review.sqlite"


def call(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, str, str]:
    """Exit code, output and errors of a command."""
    code = 0
    try:
        main([str(word) for word in words])
    except SystemExit as stop:
        code = int(stop.code or 0)
    said = capsys.readouterr()
    return code, said.out, said.err


def behind_the_back(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection:
        for name in ("no_update", "no_delete"):
            connection.execute(f"DROP TRIGGER review_events_{name}")
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def test_a_whole_log(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "audit", "verify", "--database", database)
    assert (code, err) == (0, "")
    first, second = out.splitlines()
    assert first == (
        f"{database}: 2 events, none changed or missing, 2 parcels and cartons stand as it says"
    )
    assert len(second.removeprefix("head: ")) == 64


def test_it_lies_beside_the_runs(
    database: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(database.parent)
    (database.parent / "runs").mkdir()
    database.rename(database.parent / "runs" / "review.sqlite")
    assert call(capsys, "audit", "verify")[0] == 0


def test_a_changed_event_is_exit_code_2(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    behind_the_back(database, "UPDATE review_events SET who = 'bo' WHERE seq = 2")
    code, out, err = call(capsys, "audit", "verify", "--database", database)
    assert (code, out) == (2, "")
    # The chain breaks, and the parcel does not stand where the changed event would put it.
    assert "decided_by is 'ana', by its events 'bo'" in err
    assert "the log is not whole: event 2 of 2026-11-18T11:06:40.000Z was changed" in err
    assert err.endswith("(and 1 more)\n")


def test_for_programs(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = call(capsys, "audit", "verify", "--database", database, "--json")
    told = json.loads(out)
    assert (code, told["events"], told["items"], told["problems"]) == (0, 2, 2, [])
    behind_the_back(database, "DELETE FROM review_events WHERE seq = 1")
    code, out, _ = call(capsys, "audit", "verify", "--database", database, "--json")
    assert code == 2
    assert json.loads(out)["problems"] == ["event 1 is missing: behind it comes event 2"]


def test_what_was_cut_off_is_found_by_the_head(
    database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = call(capsys, "audit", "verify", "--database", database)
    head = out.split()[-1]
    assert call(capsys, "audit", "verify", "--database", database, "--head", head.upper())[0] == 0
    undone = "state = 'open', decision = NULL, decided_by = NULL, decided_at = NULL"
    behind_the_back(
        database,
        "DELETE FROM review_events WHERE seq = 2",
        f"UPDATE review_items SET {undone}, decision_event = NULL",
    )
    assert call(capsys, "audit", "verify", "--database", database)[0] == 0
    code, _, err = call(capsys, "audit", "verify", "--database", database, "--head", head)
    assert code == 2
    assert f"no event has the hash {head}: the last ones are missing" in err


def test_a_log_taken_away_is_checked_there(
    database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.jsonl"
    code, out, _ = call(
        capsys, "audit", "export", "--database", database, "--out", log, "--format", "jsonl"
    )
    assert (code, out) == (0, f"{log}: 2 events\n")
    code, out, _ = call(capsys, "audit", "verify", "--log", log)
    assert (code, out.splitlines()[0]) == (0, f"{log}: 2 events, none changed or missing")
    log.write_text(log.read_text().replace("clear", "inspect"))
    code, _, err = call(capsys, "audit", "verify", "--log", log)
    assert code == 2
    assert "event 2 of" in err


def test_a_table(database: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "log.csv"
    assert call(capsys, "audit", "export", "--database", database, "--out", out)[0] == 0
    with out.open(newline="") as file:
        assert [row["kind"] for row in csv.DictReader(file)] == ["enrol", "decide"]
    code, _, _ = call(
        capsys, "audit", "export", "--database", database, "--out", out, "--kind", "decide",
        "--since", "2026-11-18T12:06:40+01:00", "--until", "2026-11-19", "--who", "ana",
    )  # fmt: skip
    assert code == 0
    with out.open(newline="") as file:
        assert [row["who"] for row in csv.DictReader(file)] == ["ana"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        pytest.param(["verify", "--head", "abc"], "--head: expected a hash of 64", id="head"),
        pytest.param(["verify", "--database", "nix.sqlite"], "got no such file", id="no file"),
        pytest.param(["verify", "--database", "mysql://h/x"], "got one of mysql", id="mysql"),
        pytest.param(
            ["verify", "--log", "x", "--database", "y"], "--database or --log, got both", id="both"
        ),
        pytest.param(["verify", "--log", "nix.jsonl"], "No such file", id="no log"),
        pytest.param(["export", "--since", "soon"], "--since: expected a time like", id="since"),
        pytest.param(["export", "--until", "9999999-1-1"], "--until: expected a time", id="until"),
        pytest.param(["export", "--out", "no/where.csv"], "--out no/where.csv: expected", id="out"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    words: list[str],
    says: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = call(capsys, "audit", *words)
    assert (code, out) == (2, "")
    assert says in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []
