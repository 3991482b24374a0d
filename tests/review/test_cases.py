"""Cases on a real SQLite file and a real PostgreSQL server: moves, days, exams, copies."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from sqlalchemy import Engine, select
from tests.inference.postgres_server import Server, postgres_server
from tests.review import case_world as w

from parcelscope.review.case_list import case_counts, due_between, list_cases
from parcelscope.review.case_states import MoveKey
from parcelscope.review.case_steps import (
    CaseMove,
    move,
    record_date,
    recordable,
    set_about,
    withdraw_date,
)
from parcelscope.review.case_tables import catch_up
from parcelscope.review.cases import Case, dates_words, find_case, today
from parcelscope.review.database import reading
from parcelscope.review.errors import CannotBe, NeedsReason, NoSuchItem, NotAllowed, ReviewError
from parcelscope.review.exams import Exam, log_exam
from parcelscope.review.items import find
from parcelscope.review.queue import undo
from parcelscope.review.tables import CASES, CLOCKS


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        with w.sqlite_review(tmp_path) as engine:
            yield engine
        return
    server: Server = request.getfixturevalue("server")
    name = f"cases_{abs(hash(request.node.name)) % 10**9}"
    with w.postgres_review(server, name) as engine:
        yield engine


def case(engine: Engine, reference: str) -> Case:
    with reading(engine) as connection:
        return find_case(connection, reference, w.US)


def rows(engine: Engine, table: Any) -> list[dict[str, Any]]:
    with reading(engine) as connection:
        return [dict(row._mapping) for row in connection.execute(select(table))]


def step(key: MoveKey, **told: Any) -> CaseMove:
    return CaseMove(**({"key": key, "reason": "as found"} | told))


def exam(
    outcome: Literal["violation", "no_violation", "not_examined"] = "violation", **told: Any
) -> Exam:
    return Exam(**({"outcome": outcome, "kind": "undeclared"} | told))


def test_a_parcel_goes_from_review_to_seizure_under_one_number(engine: Engine) -> None:
    parcel = w.parcel(1, tracking_number="EE471108151FR")
    reference = w.inspected(engine, parcel)
    assert case(engine, reference).standing.state == "exam"
    log_exam(engine, w.ANA, w.US, parcel.item_id, exam(), now=w.MONDAY + 60)
    move(engine, w.ANA, w.US, reference, step("detain", about=("mark",)), now=w.MONDAY + 120)
    record_date(engine, w.ANA, w.US, reference, "notice-of-detention", None, now=w.MONDAY + w.DAY_S)
    seized = step("seize", seizure_number="2026-4701-1")
    move(engine, w.SUE, w.US, reference, seized, now=w.MONDAY + 3 * w.DAY_S)
    found = case(engine, reference)
    assert found.standing.state == "seized"
    told = [(one["words"], str(one["day"])) for one in dates_words(found)]
    assert told == [
        ("presented, in a condition to be viewed", "2026-11-23"),
        ("decided to detain", "2026-11-23"),
        ("notice of detention sent to the importer", "2026-11-24"),
        ("seized", "2026-11-26"),
    ]
    running = {one.rule.code: (str(one.due), one.ended) for one in found.clocks}
    assert running["mark-notice"] == ("2026-12-01", date(2026, 11, 24))
    assert running["mark-answer"] == ("2026-12-04", date(2026, 11, 26))
    assert running["limited-information"] == ("2026-11-24", None)
    # Every event of it carries the number.
    assert {event.reference for event in found.events} == {reference}
    assert [event.kind for event in found.events] == [
        "decide",
        "outcome",
        "case_move",
        "case_date",
        "case_move",
        "case_alias",
    ]


def test_the_copies_for_lists_are_what_the_events_come_to(engine: Engine) -> None:
    one, other, third = w.parcel(1), w.parcel(2), w.parcel(3)
    first = w.inspected(engine, one)
    w.inspected(engine, other)
    w.references(engine, third)
    w.decided(engine, third, "clear")
    assert rows(engine, CASES) == []  # the queue knows nothing of cases
    assert catch_up(engine, w.US) == 3
    assert catch_up(engine, w.US) == 0
    assert {row["state"] for row in rows(engine, CASES)} == {"exam"}
    log_exam(engine, w.ANA, w.US, one.item_id, exam(), now=w.MONDAY)
    move(engine, w.ANA, w.US, first, step("detain", about=("admissibility",)), now=w.MONDAY)
    copied = {row["reference"]: row for row in rows(engine, CASES)}
    assert copied[first]["state"] == "detained"
    assert copied[first]["about"] == "admissibility"
    due = {row["code"]: row["due"] for row in rows(engine, CLOCKS) if row["reference"] == first}
    assert due == {str(one.rule.code): str(one.due) for one in case(engine, first).clocks}
    assert due["detention-notice"] == "2026-12-01"


def test_a_decision_that_is_undone_takes_its_case_along(engine: Engine) -> None:
    reference = w.inspected(engine, w.parcel())
    catch_up(engine, w.US)
    undo(engine, w.ANA, now=w.MONDAY + 5)
    catch_up(engine, w.US)
    assert rows(engine, CASES) == []
    assert case(engine, reference).standing.state == "open"


def test_a_case_cannot_become_what_the_table_does_not_know(engine: Engine) -> None:
    (reference,) = w.references(engine, w.parcel())
    with pytest.raises(CannotBe, match=r"case PSC-.* is open: expected send to exam or release"):
        move(engine, w.ANA, w.US, reference, step("seize"))
    with pytest.raises(NoSuchItem, match="there is no case PSC-0"):
        move(engine, w.ANA, w.US, "PSC-0", step("seize"))
    assert case(engine, reference).events == ()


@pytest.mark.parametrize(
    ("asked", "match"),
    [
        pytest.param(step("detain", reason=" "), "needs a reason", id="no reason"),
        pytest.param(step("detain"), "must say what it is about", id="about nothing"),
        pytest.param(step("release_conditionally"), "which agency", id="no agency"),
    ],
)
def test_a_step_says_what_it_must(engine: Engine, asked: CaseMove, match: str) -> None:
    reference = w.inspected(engine, w.parcel())
    with pytest.raises(NeedsReason, match=match):
        move(engine, w.ANA, w.US, reference, asked)


def test_only_whoever_may_decide_moves_a_case_and_only_supervisors_open_it_again(
    engine: Engine,
) -> None:
    reference = w.inspected(engine, w.parcel())
    with pytest.raises(NotAllowed, match="vic is viewer"):
        move(engine, w.VIC, w.US, reference, step("release"))
    move(engine, w.ANA, w.US, reference, step("release"))
    with pytest.raises(NotAllowed, match="ana is analyst"):
        move(engine, w.ANA, w.US, reference, step("reopen"))
    move(engine, w.SUE, w.US, reference, step("reopen"))
    assert case(engine, reference).standing.state == "exam"


def test_a_conditional_release_waits_for_its_agency(engine: Engine) -> None:
    reference = w.inspected(engine, w.parcel())
    waits = step("release_conditionally", agency="FDA", about=("other_agency",))
    move(engine, w.ANA, w.US, reference, waits, now=w.MONDAY)
    found = case(engine, reference)
    assert (found.standing.state, found.standing.agency) == ("conditionally_released", "FDA")
    (waiting,) = found.clocks
    assert (waiting.rule.code, str(waiting.due)) == ("conditional-release", "2026-12-23")
    move(engine, w.ANA, w.US, reference, step("call_back"), now=w.MONDAY + w.DAY_S)
    assert case(engine, reference).clocks[0].ended == date(2026, 11, 24)


def test_the_same_request_again_counts_once(engine: Engine) -> None:
    parcel = w.parcel()
    reference = w.inspected(engine, parcel)
    told = exam(idempotency_key="key-12345")
    first = log_exam(engine, w.ANA, w.US, parcel.item_id, told)
    assert log_exam(engine, w.ANA, w.US, parcel.item_id, told) == first
    asked = step("detain", about=("mark",), idempotency_key="key-67890")
    done = move(engine, w.ANA, w.US, reference, asked)
    assert move(engine, w.ANA, w.US, reference, asked) == done


@pytest.mark.parametrize(
    ("told", "state", "outcome"),
    [
        (exam(), "exam", "violation"),
        (exam("no_violation", kind="", then="release"), "released", "no_violation"),
        (exam("no_violation", kind="", then="keep"), "exam", "no_violation"),
        (exam("not_examined", kind="gone"), "exam", "not_examined"),
    ],
)
def test_an_exam_moves_its_case(engine: Engine, told: Exam, state: str, outcome: str) -> None:
    parcel = w.parcel()
    reference = w.inspected(engine, parcel)
    log_exam(engine, w.ANA, w.US, parcel.item_id, told)
    assert case(engine, reference).standing.state == state
    with reading(engine) as connection:
        assert find(connection, parcel.item_id).outcome == outcome


def test_a_detained_case_is_not_released_by_an_exam(engine: Engine) -> None:
    parcel = w.parcel()
    reference = w.inspected(engine, parcel)
    move(engine, w.ANA, w.US, reference, step("detain", about=("mark",)))
    log_exam(engine, w.ANA, w.US, parcel.item_id, exam("no_violation", then="release"))
    assert case(engine, reference).standing.state == "detained"


@pytest.mark.parametrize(
    ("started", "ended", "match"),
    [
        ("2026-11-23T16:00", "2026-11-23T15:30", "cannot end before it begins"),
        ("2026-11-24T16:00", None, r"cannot lie ahead: 2026-11-24T16:00:00\.000Z"),
    ],
)
def test_an_exam_lies_in_the_past(
    engine: Engine, started: str, ended: str | None, match: str
) -> None:
    parcel = w.parcel()
    w.references(engine, parcel)
    times = [
        None if one is None else datetime.fromisoformat(one).replace(tzinfo=UTC)
        for one in (started, ended)
    ]
    told = exam(started_at=times[0], ended_at=times[1])
    with pytest.raises(ReviewError, match=match):
        log_exam(engine, w.ANA, w.US, parcel.item_id, told, now=w.MONDAY + 7200)


def test_days_are_written_down_and_taken_back(engine: Engine) -> None:
    reference = w.inspected(engine, w.parcel())
    with pytest.raises(ReviewError, match=r"expected a day from 2000-01-01 to 2026-11-23, got"):
        record_date(engine, w.ANA, w.US, reference, "arrival", date(2026, 11, 24), now=w.MONDAY)
    with pytest.raises(ReviewError, match=r"expected one of arrival, .* got 'release'"):
        record_date(engine, w.ANA, w.US, reference, "release", None, now=w.MONDAY)
    written = record_date(
        engine, w.ANA, w.US, reference, "presentation", date(2026, 11, 20), now=w.MONDAY
    )
    assert [str(one.started) for one in case(engine, reference).clocks][:1] == ["2026-11-20"]
    with pytest.raises(NeedsReason):
        withdraw_date(engine, w.ANA, w.US, reference, written.seq, "")
    withdraw_date(engine, w.ANA, w.US, reference, written.seq, "another parcel")
    assert case(engine, reference).clocks == ()
    assert rows(engine, CLOCKS) == []
    with pytest.raises(ReviewError, match="is no day that can be taken back"):
        withdraw_date(engine, w.ANA, w.US, reference, written.seq, "again")
    with pytest.raises(ReviewError, match="is no day that can be taken back"):
        withdraw_date(engine, w.ANA, w.US, reference, 1, "of another event")


def test_what_a_case_is_about_can_be_said_later(engine: Engine) -> None:
    parcel = w.parcel()
    reference = w.inspected(engine, parcel)
    log_exam(engine, w.ANA, w.US, parcel.item_id, exam(), now=w.MONDAY)
    assert len(case(engine, reference).clocks) > 2
    set_about(engine, w.ANA, w.US, reference, ["similar_mark"])
    assert [one.rule.code for one in case(engine, reference).clocks] == ["similar-mark-detention"]
    move(engine, w.ANA, w.US, reference, step("detain", about=("mark", "copyright")))
    with pytest.raises(NeedsReason, match="about"):
        set_about(engine, w.ANA, w.US, reference, [])


def test_a_move_that_two_make_at_once_is_made_once(engine: Engine) -> None:
    reference = w.inspected(engine, w.parcel())
    refused: list[str] = []
    at_once = threading.Barrier(4)

    def seize() -> None:
        at_once.wait()
        try:
            move(engine, w.ANA, w.US, reference, step("seize"))
        except CannotBe as error:
            refused.append(str(error))

    threads = [threading.Thread(target=seize) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3
    kinds = [event.kind for event in case(engine, reference).events]
    assert kinds.count("case_move") == 1


def test_events_of_a_pack_of_ones_own_can_be_written_down() -> None:
    assert "last-day-of-the-month-of-arrival" in recordable(w.US)
    assert not {"release", "seizure", "decision-to-detain"} & set(recordable(w.US))


def test_today_is_the_day_where_the_law_is() -> None:
    late = datetime(2026, 11, 24, 3, tzinfo=UTC).timestamp()
    assert today(w.US, late) == date(2026, 11, 23)


def test_lists_page_through_cases_and_tell_what_is_due(engine: Engine) -> None:
    parcels = [w.parcel(number) for number in range(1, 6)]
    told = [w.inspected(engine, one, now=w.MONDAY + 60 * n) for n, one in enumerate(parcels)]
    for one in parcels[:2]:
        log_exam(engine, w.ANA, w.US, one.item_id, exam(), now=w.MONDAY + 900)
    catch_up(engine, w.US)
    seen: list[str] = []
    after = None
    with reading(engine) as connection:
        while True:
            page = list_cases(connection, after=after, limit=2)
            seen += [row.reference for row in page.rows]
            if page.next is None:
                break
            after = page.next
        assert sorted(seen) == sorted(told)
        assert seen == [*sorted(told[:2]), *reversed(told[2:])]  # the last that changed first
        assert [row.due for row in page.rows] == [None]
        assert list_cases(connection, state="seized").rows == ()
        assert case_counts(connection) == {"exam": 5}
        due = due_between(connection, date(2026, 12, 1), date(2026, 12, 23))
        assert [(one.reference, str(one.due), one.rule.code) for one in due][:2] == [
            (reference, "2026-12-01", "detention-decision") for reference in sorted(told[:2])
        ]
        assert due_between(connection, date(2026, 11, 1), date(2026, 11, 30)) == []
        with pytest.raises(ReviewError, match="expected a place in the list, got 'x'"):
            list_cases(connection, after="x")


def test_a_list_of_numbers_has_parcels_that_are_no_cases_yet(engine: Engine) -> None:
    (open_one,) = w.references(engine, w.parcel(1))
    cleared = w.parcel(2)
    (gone,) = w.references(engine, cleared)
    w.decided(engine, cleared, "clear")
    with reading(engine) as connection:
        rows = list_cases(connection, references=[open_one, gone]).rows
        assert {row.reference: row.state for row in rows} == {open_one: "open", gone: "released"}
        assert list_cases(connection).rows == ()
