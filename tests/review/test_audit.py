"""The audit: the queue is held against the log, and the log can be taken away and checked there."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from tests.review.queue_world import ANA, BO, NOON, SUE, log, look, new_url, parcel, review_with

from parcelscope.review import queue
from parcelscope.review.audit import audit
from parcelscope.review.audit_export import (
    COLUMNS,
    Wanted,
    exported,
    read_jsonl,
    write_csv,
    write_jsonl,
)
from parcelscope.review.database import reading
from parcelscope.review.errors import ReviewError
from parcelscope.review.events import chained
from parcelscope.review.queue import Decision

ONE, TWO, THREE = (parcel(number) for number in (1, 2, 3))


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    of = request.getfixturevalue("server") if request.param == "postgresql" else None
    url = new_url(tmp_path, of)
    with review_with(url, ONE, TWO, THREE) as opened:
        queue.take(opened, ANA, ahead=3, now=NOON)
        cleared = Decision(
            decision="clear", reason_code="repacked", note='=HYPERLINK("x")', ms_on_screen=900,
            functions_used=("metal", "edges"), marks_shown=False, model_version="b1",
            threshold_version="t1",
        )  # fmt: skip
        queue.decide(opened, ANA, ONE.item_id, cleared, now=NOON)
        queue.ask_second(opened, ANA, TWO.item_id, "unsure", leans_to="clear", now=NOON + 1)
        queue.note(opened, SUE, THREE.item_id, "näh\nzwei", now=NOON + 86_400)
        yield opened
        # What a test broke, it mends: the end of `review_with` looks again.


def test_the_queue_is_what_the_log_says(engine: Engine) -> None:
    with reading(engine) as connection:
        found = audit(connection)
    assert (found.whole, found.items, found.chain.events, found.differ) == (True, 3, 4, ())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            "decision = 'inspect'", "decision is 'inspect', by its events 'clear'", id="decision"
        ),
        pytest.param("decided_by = 'bo'", "decided_by is 'bo', by its events 'ana'", id="who"),
        pytest.param(
            "state = 'open', decided_at = NULL", "state is 'open', by its events 'decided'; dec",
            id="state",
        ),
        pytest.param("outcome = 'violation'", "outcome is 'violation', by its events None", id="o"),
    ],
)  # fmt: skip
def test_a_changed_item_is_found(engine: Engine, change: str, says: str) -> None:
    before = look(engine, ONE)
    with engine.begin() as connection:
        connection.execute(
            text(f"UPDATE review_items SET {change} WHERE item_id = :i"), {"i": ONE.item_id}
        )
    with reading(engine) as connection:
        found = audit(connection)
    with engine.begin() as connection:
        mended = "state = 'decided', decision = 'clear', decided_by = 'ana', outcome = NULL,"
        connection.execute(
            text(f"UPDATE review_items SET {mended} decided_at = :at WHERE item_id = :i"),
            {"at": before.decided_at, "i": ONE.item_id},
        )
    assert not found.whole
    assert found.chain.problem is None
    assert len(found.differ) == 1
    assert found.differ[0].startswith(f"parcel CN-1 ({ONE.item_id}): {says}")


def test_an_item_that_is_gone_is_found(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE review_items SET item_id = 'x' WHERE item_id = :i"), {"i": ONE.item_id}
        )
    with reading(engine) as connection:
        found = audit(connection)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE review_items SET item_id = :i WHERE item_id = 'x'"), {"i": ONE.item_id}
        )
    assert f"item {ONE.item_id} is gone, but event 2 is of it" in found.differ


def test_an_audit_while_people_work_sees_one_moment(engine: Engine) -> None:
    with reading(engine) as connection:
        assert audit(connection).chain.events == 4
        queue.decide(engine, ANA, THREE.item_id, Decision(decision="inspect"))
        found = audit(connection)
        assert (found.whole, found.chain.events) == (True, 4)


def table(engine: Engine, wanted: Wanted) -> list[dict[str, str]]:
    file = io.BytesIO()
    with reading(engine) as connection:
        write_csv(file, exported(connection, wanted))
    return list(csv.DictReader(io.StringIO(file.getvalue().decode(), newline="")))


def test_the_table_says_who_did_what_when_and_how(engine: Engine) -> None:
    rows = table(engine, Wanted())
    assert list(rows[0]) == list(COLUMNS)
    one = rows[1]
    assert {name: one[name] for name in COLUMNS[:3]} == {
        "seq": "2", "at": "2026-11-18T11:06:40.000Z", "who": "ana",
    }  # fmt: skip
    assert (one["role"], one["kind"], one["parcel"]) == ("analyst", "decide", "parcel CN-1")
    assert one["reference"] == look(engine, ONE).reference
    assert (one["decision"], one["settles"], one["reason_code"]) == ("clear", "yes", "repacked")
    assert (one["ms_on_screen"], one["functions_used"]) == ("900", "metal edges")
    assert (one["marks_shown"], one["model_version"], one["threshold_version"]) == (
        "no", "b1", "t1",
    )  # fmt: skip
    assert rows[3]["note"] == "näh\nzwei"


def test_nothing_in_the_table_is_a_formula(engine: Engine) -> None:
    assert table(engine, Wanted())[1]["note"] == '\'=HYPERLINK("x")'
    cells = [cell for row in table(engine, Wanted()) for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        pytest.param(Wanted(since="2026-11-19"), ["4"], id="since a day"),
        pytest.param(Wanted(until="2026-11-19"), ["1", "2", "3"], id="until a day"),
        pytest.param(
            Wanted(since="2026-11-18T11:06:41.000Z", until="2026-11-19"), ["3"], id="both"
        ),
        pytest.param(Wanted(who="sue"), ["4"], id="who"),
        pytest.param(Wanted(kind="second"), ["3"], id="kind"),
        pytest.param(Wanted(reference="PSC-2026-00000000-0"), [], id="no such case"),
    ],
)
def test_a_part_of_the_log(engine: Engine, wanted: Wanted, numbers: list[str]) -> None:
    assert [row["seq"] for row in table(engine, wanted)] == numbers


def test_the_lines_prove_themselves(engine: Engine) -> None:
    file = io.BytesIO()
    with reading(engine) as connection:
        assert write_jsonl(file, exported(connection)) == 4
    lines = file.getvalue().splitlines()
    assert list(read_jsonl(lines)) == log(engine)
    assert chained(read_jsonl(lines), log(engine)[-1].hash).problem is None
    told = json.loads(lines[1])
    assert (told["body"]["decision"], told["owner_kind"], told["owner_id"]) == (
        "clear", "parcel", "CN-1",
    )  # fmt: skip
    told["body"]["decision"] = "inspect"
    problem = chained(read_jsonl([lines[0], json.dumps(told).encode(), *lines[2:]])).problem
    assert problem == f"event 2 of {told['at']} was changed: its fields do not give its hash"
    assert chained(read_jsonl([lines[0], *lines[2:]])).problem == (
        "event 2 is missing: behind it comes event 3"
    )


@pytest.mark.parametrize("line", [b"", b"{}", b"[1]", b"null", b'"x"', b"\xff"])
def test_lines_that_are_no_events(line: bytes) -> None:
    with pytest.raises(ReviewError, match="line 1: expected an event as `audit export` writes it"):
        list(read_jsonl([line]))


def test_a_log_longer_than_a_slice(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        queue.note(engine, BO, TWO.item_id, f"no {number}")
    for module in ("audit_export", "events", "audit"):
        monkeypatch.setattr(f"parcelscope.review.{module}.ROWS_AT_ONCE", 2)
    with reading(engine) as connection:
        assert [one.event.seq for one in exported(connection)] == list(range(1, 10))
        assert (audit(connection).items, audit(connection).chain.events) == (3, 9)
