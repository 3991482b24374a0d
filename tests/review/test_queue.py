"""The queue: nobody waits for anybody's parcel, and no parcel is decided twice."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event
from tests.inference.postgres_server import Server, postgres_server
from tests.review.case_world import US
from tests.review.queue_world import (
    ANA,
    BO,
    NOON,
    OLA,
    SUE,
    VIC,
    carton,
    leases,
    log,
    look,
    new_url,
    parcel,
    review_with,
)

from parcelscope.review import queue
from parcelscope.review.database import reading
from parcelscope.review.errors import (
    LostLease,
    NeedsReason,
    NoSuchItem,
    NotAllowed,
    ReviewError,
    TooLate,
)
from parcelscope.review.exams import Exam, log_exam
from parcelscope.review.filters import Filters
from parcelscope.review.items import enrol
from parcelscope.review.queue import Decision
from parcelscope.review.roles import Person

CLEAR = Decision(decision="clear", reason_code="repacked")
INSPECT = Decision(decision="inspect")
VIOLATION = Exam(outcome="violation", kind="undeclared")
ONE, TWO, THREE, FOUR, FIVE = (parcel(number) for number in range(1, 6))


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    of = request.getfixturevalue("server") if request.param == "postgresql" else None
    with review_with(new_url(tmp_path, of), ONE, TWO, THREE, FOUR, FIVE) as opened:
        yield opened


def took(engine: Engine, person: Person, *, now: float = NOON, **options: object) -> list[str]:
    return [one.owner_id for one in queue.take(engine, person, now=now, **options)]  # type: ignore[arg-type]


def test_two_who_take_get_different_parcels_the_most_urgent_first(engine: Engine) -> None:
    assert took(engine, ANA) == ["CN-1", "CN-2"]
    assert took(engine, BO) == ["CN-3", "CN-4"]
    assert took(engine, ANA) == ["CN-1", "CN-2"]


def test_an_empty_queue_gives_nothing(engine: Engine) -> None:
    assert took(engine, ANA, ahead=5) == ["CN-1", "CN-2", "CN-3", "CN-4", "CN-5"]
    assert took(engine, BO) == []


def test_a_lease_that_ran_out_goes_to_whoever_comes_next(engine: Engine) -> None:
    took(engine, ANA)
    assert took(engine, BO, now=NOON + queue.LEASE_S + 1) == ["CN-1", "CN-2"]
    with pytest.raises(LostLease, match="parcel CN-1 is now with bo"):
        queue.decide(engine, ANA, ONE.item_id, CLEAR)


def test_a_lease_that_ran_out_is_still_theirs_while_nobody_took_it(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, CLEAR, now=NOON + 1000)
    assert look(engine, ONE).decided_by == "ana"


def test_a_heartbeat_keeps_a_parcel(engine: Engine) -> None:
    took(engine, ANA, ahead=1)
    assert queue.renew(engine, ANA, [ONE.item_id, TWO.item_id], now=NOON + 60) == [ONE.item_id]
    assert took(engine, BO, now=NOON + 100, ahead=1) == ["CN-2"]
    assert queue.renew(engine, BO, [ONE.item_id]) == []


def test_a_parcel_given_back_goes_to_the_next(engine: Engine) -> None:
    took(engine, ANA)
    assert queue.release(engine, ANA, leases(engine, ONE, THREE)) == [ONE.item_id]
    with pytest.raises(LostLease, match="parcel CN-1 went back to the queue; take it again"):
        queue.decide(engine, ANA, ONE.item_id, CLEAR)
    assert took(engine, BO, ahead=1) == ["CN-1"]


def test_a_decision_is_an_event_with_all_that_led_to_it(engine: Engine) -> None:
    took(engine, ANA)
    made = replace(
        INSPECT, note="wire", ms_on_screen=4200, functions_used=("metal",), marks_shown=True,
        presentation="marks_after", model_version="b1", threshold_version="t1",
    )  # fmt: skip
    event = queue.decide(engine, ANA, ONE.item_id, made, now=NOON)
    item = look(engine, ONE)
    assert (event.who, event.kind, event.item_id) == ("ana", "decide", ONE.item_id)
    assert event.reference == item.reference
    assert event.told() == {
        "decision": "inspect", "reason_code": None, "note": "wire", "ms_on_screen": 4200,
        "functions_used": ["metal"], "marks_shown": True, "presentation": "marks_after",
        "model_version": "b1", "threshold_version": "t1", "key": None, "role": "analyst",
        "band": "look", "risk": 0.5, "opinion": "first", "settles": True,
    }  # fmt: skip
    assert (item.state, item.decision, item.decided_by) == ("decided", "inspect", "ana")
    assert (item.decided_at, item.decision_event) == (event.at, event.seq)
    assert (item.holder, item.lease_until) == (None, 0.0)


def test_a_decided_parcel_comes_to_nobody_again(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, CLEAR)
    assert took(engine, ANA) == ["CN-2", "CN-3"]
    with pytest.raises(LostLease, match="parcel CN-1 was decided by ana already"):
        queue.decide(engine, BO, ONE.item_id, INSPECT)


def test_the_same_key_again_is_the_same_decision(engine: Engine) -> None:
    took(engine, ANA)
    once = queue.decide(engine, ANA, ONE.item_id, replace(CLEAR, idempotency_key="k1"))
    again = queue.decide(engine, ANA, ONE.item_id, replace(CLEAR, idempotency_key="k1"))
    assert again == once
    assert len(log(engine, "decide")) == 1


def test_somebody_elses_key_is_no_way_in(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, replace(CLEAR, idempotency_key="k1"))
    with pytest.raises(LostLease, match="was decided by ana already"):
        queue.decide(engine, BO, ONE.item_id, replace(CLEAR, idempotency_key="k1"))


def test_clearing_against_the_model_needs_a_reason(engine: Engine) -> None:
    risky = parcel(0, band="inspect")
    enrol(engine, [risky], "run-2")
    took(engine, ANA)
    with pytest.raises(NeedsReason, match="parcel CN-0 is in band inspect: clearing it needs a"):
        queue.decide(engine, ANA, risky.item_id, replace(CLEAR, reason_code=None))
    queue.decide(engine, ANA, ONE.item_id, replace(CLEAR, reason_code=None))
    queue.decide(engine, ANA, risky.item_id, CLEAR)


def test_what_needs_a_reason_is_configurable(engine: Engine) -> None:
    took(engine, ANA)
    with pytest.raises(NeedsReason, match="band look"):
        queue.decide(
            engine, ANA, ONE.item_id, replace(CLEAR, reason_code=None), reason_bands={"look"}
        )
    assert look(engine, ONE).state == "open"


@pytest.mark.parametrize("person", [VIC, OLA], ids=lambda one: one.role)
def test_whoever_may_not_decide_does_nothing_here(engine: Engine, person: Person) -> None:
    for attempt in (
        lambda: queue.take(engine, person),
        lambda: queue.decide(engine, person, ONE.item_id, CLEAR),
        lambda: queue.ask_second(engine, person, ONE.item_id, "unsure"),
        lambda: queue.undo(engine, person),
        lambda: queue.note(engine, person, ONE.item_id, "hm"),
        lambda: log_exam(engine, person, US, ONE.item_id, VIOLATION),
    ):
        with pytest.raises(NotAllowed, match=f"{person.name} is {person.role} here"):
            attempt()


def test_analysts_do_not_supervise(engine: Engine) -> None:
    for attempt in (
        lambda: queue.release_carton(engine, ANA, ONE.item_id, "all toys"),
        lambda: queue.reassign(engine, ANA, ONE.item_id, "bo"),
        lambda: queue.reopen(engine, ANA, ONE.item_id, "new score"),
    ):
        with pytest.raises(NotAllowed, match="ana is analyst here"):
            attempt()


def test_what_is_not_there_is_said(engine: Engine) -> None:
    with pytest.raises(NoSuchItem, match="no parcel or carton 'nix'"):
        queue.decide(engine, ANA, "nix", CLEAR)


def test_the_next_parcel_is_found_without_sorting_the_queue(tmp_path: Path) -> None:
    plans: list[str] = []

    def explain(connection: Connection, _: object, sql: str, values: object, *rest: object) -> None:
        if sql.startswith("SELECT") and "lease_until <" in sql:
            asked = connection.connection.cursor().execute(f"EXPLAIN QUERY PLAN {sql}", values)
            plans.extend(row[-1] for row in asked)

    with review_with(new_url(tmp_path, None), ONE, TWO) as engine:
        event.listen(engine, "before_cursor_execute", explain)
        for filters in (Filters(), Filters(facility="JFK", text="CN", state="open")):
            took(engine, ANA, filters=filters)
        event.remove(engine, "before_cursor_execute", explain)
    assert plans == ["SCAN review_items USING INDEX review_items_waiting"] * 2


# A second opinion.


def test_whoever_asks_for_a_second_opinion_never_gets_the_parcel_again(engine: Engine) -> None:
    took(engine, ANA, ahead=1)
    queue.ask_second(engine, ANA, ONE.item_id, "unsure", "odd wire")
    assert "CN-1" not in took(engine, ANA, ahead=9)
    queue.release(engine, ANA, leases(engine, TWO))
    assert took(engine, BO) == ["CN-1", "CN-2"]
    with pytest.raises(LostLease, match="parcel CN-1 waits for somebody else's opinion, as you"):
        queue.decide(engine, ANA, ONE.item_id, CLEAR)


def test_a_second_opinion_on_a_mere_question_settles_it(engine: Engine) -> None:
    took(engine, ANA, ahead=1)
    queue.ask_second(engine, ANA, ONE.item_id, "unsure")
    took(engine, BO, ahead=1)
    event = queue.decide(engine, BO, ONE.item_id, INSPECT)
    assert (event.told()["opinion"], event.told()["settles"]) == ("second", True)
    assert look(engine, ONE).decision == "inspect"


def test_two_who_agree_settle_it(engine: Engine) -> None:
    took(engine, ANA, ahead=1)
    queue.ask_second(engine, ANA, ONE.item_id, "unsure", leans_to="clear")
    took(engine, BO, ahead=1)
    queue.decide(engine, BO, ONE.item_id, CLEAR)
    assert look(engine, ONE).state == "decided"


def test_two_who_differ_leave_it_to_a_supervisor(engine: Engine) -> None:
    took(engine, ANA, ahead=1)
    queue.ask_second(engine, ANA, ONE.item_id, "unsure", leans_to="clear")
    took(engine, BO, ahead=1)
    assert not queue.decide(engine, BO, ONE.item_id, INSPECT).told()["settles"]
    item = look(engine, ONE)
    assert (item.state, item.decision, item.holder) == ("disputed", None, None)
    assert "CN-1" not in took(engine, BO)
    assert took(engine, SUE, ahead=1) == ["CN-1"]
    with pytest.raises(NotAllowed, match="it is yours to settle"):
        queue.ask_second(engine, SUE, ONE.item_id, "unsure")
    assert queue.decide(engine, SUE, ONE.item_id, CLEAR).told()["opinion"] == "settling"
    assert look(engine, ONE).decided_by == "sue"


def test_a_supervisor_who_differs_settles_it(engine: Engine) -> None:
    took(engine, ANA, ahead=1)
    queue.ask_second(engine, ANA, ONE.item_id, "unsure", leans_to="clear")
    took(engine, SUE, ahead=1)
    queue.decide(engine, SUE, ONE.item_id, INSPECT)
    assert look(engine, ONE).decision == "inspect"


def test_two_who_are_unsure_leave_it_to_a_supervisor(engine: Engine) -> None:
    for person in (ANA, BO):
        took(engine, person, ahead=1)
        queue.ask_second(engine, person, ONE.item_id, "unsure", key="k")
        queue.ask_second(engine, person, ONE.item_id, "unsure", key="k")
    assert look(engine, ONE).state == "disputed"
    assert len(log(engine, "second")) == 2


# Undo.


def test_a_decision_taken_back_is_one_more_event_and_the_parcel_comes_back(engine: Engine) -> None:
    took(engine, ANA)
    event = queue.decide(engine, ANA, ONE.item_id, CLEAR, now=NOON)
    item = queue.undo(engine, ANA, now=NOON + 29)
    assert (item.item_id, item.state, item.holder) == (ONE.item_id, "open", "ana")
    assert item.decision is None
    assert [one.kind for one in log(engine)] == ["enrol", "decide", "undo"]
    assert log(engine, "undo")[0].told()["undoes"] == event.seq
    queue.decide(engine, ANA, ONE.item_id, INSPECT, now=NOON + 30)
    assert look(engine, ONE).decision == "inspect"


def test_undo_has_its_time(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, CLEAR, now=NOON)
    with pytest.raises(TooLate, match="nothing to undo: ana decided nothing in 30 s"):
        queue.undo(engine, ANA, now=NOON + 31)
    assert queue.undo(engine, ANA, now=NOON + 31, within_s=60).item_id == ONE.item_id


def test_undo_again_takes_back_the_decision_before(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, CLEAR, now=NOON)
    queue.decide(engine, ANA, TWO.item_id, CLEAR, now=NOON + 1)
    assert queue.undo(engine, ANA, now=NOON + 2).item_id == TWO.item_id
    assert queue.undo(engine, ANA, now=NOON + 2).item_id == ONE.item_id
    with pytest.raises(TooLate):
        queue.undo(engine, ANA, now=NOON + 2)


def test_undo_sent_twice_takes_back_one_decision(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, CLEAR, now=NOON)
    queue.decide(engine, ANA, TWO.item_id, CLEAR, now=NOON)
    for _ in range(2):
        assert queue.undo(engine, ANA, key="u1", now=NOON).item_id == TWO.item_id
    assert look(engine, ONE).state == "decided"


def test_nobody_undoes_what_somebody_else_decided(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, CLEAR, now=NOON)
    with pytest.raises(TooLate):
        queue.undo(engine, BO, now=NOON)


def test_a_decision_that_somebody_went_on_from_stays(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, INSPECT, now=NOON)
    queue.note(engine, SUE, ONE.item_id, "on belt 3", now=NOON + 1)
    log_exam(engine, BO, US, ONE.item_id, VIOLATION, now=NOON + 2)
    with pytest.raises(TooLate, match=r"bo went on with parcel CN-1 \(outcome\)"):
        queue.undo(engine, ANA, now=NOON + 3)


def test_a_question_that_somebody_looks_at_already_stays(engine: Engine) -> None:
    took(engine, ANA, ahead=1)
    queue.ask_second(engine, ANA, ONE.item_id, "unsure", now=NOON)
    took(engine, BO, ahead=1)
    with pytest.raises(TooLate, match="parcel CN-1 is now with bo"):
        queue.undo(engine, ANA, now=NOON + 1)


def test_a_second_opinion_taken_back_is_still_a_second_opinion(engine: Engine) -> None:
    took(engine, ANA, ahead=1)
    queue.ask_second(engine, ANA, ONE.item_id, "unsure", leans_to="clear")
    took(engine, BO, ahead=1)
    queue.decide(engine, BO, ONE.item_id, INSPECT, now=NOON)
    item = queue.undo(engine, BO, now=NOON)
    assert (item.state, item.first_by, item.first_decision) == ("second", "ana", "clear")


# Notes, outcomes, supervisors.


def test_a_note_moves_nothing(engine: Engine) -> None:
    took(engine, ANA)
    before = look(engine, ONE)
    for _ in range(2):
        queue.note(engine, BO, ONE.item_id, "seen before", key="n1")
    assert look(engine, ONE) == before
    assert [one.told()["note"] for one in log(engine, "note")] == ["seen before"]


def test_of_several_outcomes_the_last_stands(engine: Engine) -> None:
    gone = Exam(outcome="not_examined", kind="gone", idempotency_key="a")
    found = replace(VIOLATION, idempotency_key="b")
    for after_s, exam in ((0, gone), (5, found), (9, gone)):
        log_exam(engine, ANA, US, ONE.item_id, exam, now=NOON + after_s)
    item = look(engine, ONE)
    assert (item.outcome, item.outcome_at) == ("violation", "2026-11-18T11:06:45.000Z")
    assert len(log(engine, "outcome")) == 2


def test_a_supervisor_hands_parcels_on(engine: Engine) -> None:
    took(engine, ANA)
    queue.reassign(engine, SUE, ONE.item_id, "bo", now=NOON)
    with pytest.raises(LostLease, match="parcel CN-1 is now with bo"):
        queue.decide(engine, ANA, ONE.item_id, CLEAR)
    queue.reassign(engine, SUE, TWO.item_id, None, now=NOON)
    assert took(engine, BO) == ["CN-1", "CN-2"]
    queue.ask_second(engine, BO, ONE.item_id, "unsure")
    with pytest.raises(NotAllowed, match="waits for the opinion of somebody else than bo"):
        queue.reassign(engine, SUE, ONE.item_id, "bo")


def test_a_supervisor_opens_a_decided_parcel_again(engine: Engine) -> None:
    took(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, CLEAR)
    for reason, error in (("", NeedsReason), ("scored again", None)):
        if error:
            with pytest.raises(error, match="needs a reason"):
                queue.reopen(engine, SUE, ONE.item_id, reason)
        else:
            queue.reopen(engine, SUE, ONE.item_id, reason)
    assert look(engine, ONE).decision is None
    assert took(engine, BO, ahead=1) == ["CN-1"]
    with pytest.raises(ReviewError, match="is not decided"):
        queue.reopen(engine, SUE, ONE.item_id, "again")


# Cartons.


@pytest.fixture
def loaded(engine: Engine) -> Engine:
    """The queue with one carton of four parcels, and one parcel of another facility's."""
    inside = [parcel(number, carton_id="MC-1") for number in range(11, 15)]
    elsewhere = parcel(15, carton_id="MC-1", facility="LAX")
    enrol(engine, [carton(1), *inside, elsewhere], "run-2")
    return engine


def state(engine: Engine, number: int) -> str:
    return look(engine, parcel(number)).state


def test_a_carton_is_released_with_its_open_parcels(loaded: Engine) -> None:
    only = Filters(text="CN-1")
    queue.take(loaded, ANA, ahead=9, filters=only, now=NOON)
    queue.release(loaded, ANA, leases(loaded, parcel(12), parcel(13), parcel(14)))
    queue.take(loaded, BO, ahead=1, filters=Filters(text="CN-12"), now=NOON)
    queue.decide(loaded, BO, parcel(12).item_id, INSPECT, now=NOON)
    done = queue.release_carton(loaded, SUE, carton(1).item_id, "one sender, all toys", now=NOON)
    assert set(done.item_ids) == {carton(1).item_id, parcel(13).item_id, parcel(14).item_id}
    assert done.left_ids == (parcel(11).item_id,)
    assert [state(loaded, n) for n in range(11, 15)] == ["open", "decided", "released", "released"]
    assert look(loaded, parcel(15, facility="LAX")).state == "open"
    assert look(loaded, carton(1)).decision == "clear"
    assert done.event.told()["parcels"] == 2
    assert len(log(loaded, "release")) == 3


def test_the_release_of_a_carton_is_taken_back_whole(loaded: Engine) -> None:
    queue.release_carton(loaded, SUE, carton(1).item_id, "all toys", now=NOON)
    item = queue.undo(loaded, SUE, now=NOON + 5)
    assert (item.owner_id, item.holder) == ("MC-1", "sue")
    assert [state(loaded, number) for number in range(11, 15)] == ["open"] * 4
    assert len(log(loaded, "undo")) == 5


def test_a_carton_is_released_once(loaded: Engine) -> None:
    once = queue.release_carton(loaded, SUE, carton(1).item_id, "all toys", key="r")
    again = queue.release_carton(loaded, SUE, carton(1).item_id, "all toys", key="r")
    assert again.event == once.event
    assert set(again.item_ids) == set(once.item_ids)
    with pytest.raises(LostLease, match="carton MC-1 is released"):
        queue.release_carton(loaded, SUE, carton(1).item_id, "all toys")


def test_a_carton_is_released_only_by_who_may_and_says_why(loaded: Engine) -> None:
    with pytest.raises(NeedsReason):
        queue.release_carton(loaded, SUE, carton(1).item_id, " ")
    with pytest.raises(ReviewError, match="expected a master carton to release, got parcel CN-1"):
        queue.release_carton(loaded, SUE, ONE.item_id, "all toys")
    queue.take(loaded, ANA, ahead=1, filters=Filters(kind="carton"))
    with pytest.raises(LostLease, match="carton MC-1 is now with ana"):
        queue.release_carton(loaded, SUE, carton(1).item_id, "all toys")


# What is to be seen of it.


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        pytest.param({}, [1, 2, 3, 4, 5, 6, 7], id="anything"),
        pytest.param({"facility": "LAX"}, [6], id="facility"),
        pytest.param({"lane": "CN-US"}, [7], id="lane"),
        pytest.param({"band": "inspect"}, [7], id="band"),
        pytest.param({"band": "not assessed"}, [6], id="no band"),
        pytest.param({"kind": "carton"}, [], id="kind"),
        pytest.param({"state": "decided"}, [2], id="state"),
        pytest.param({"reason_code": "U2"}, [7], id="reason"),
        pytest.param({"reason_code": "U3"}, [], id="half a reason"),
        pytest.param({"text": "KNIFE"}, [7], id="description"),
        pytest.param({"text": "cn-3"}, [3], id="number"),
        pytest.param({"text": "%"}, [], id="no wildcard"),
        pytest.param({"text": "_nife"}, [], id="no single wildcard"),
        pytest.param({"text": "'; DROP TABLE review_items; --"}, [], id="no SQL"),
    ],
)
def test_filters(engine: Engine, asked: dict[str, str], numbers: list[int]) -> None:
    other = parcel(6, facility="LAX", band=None, risk=None)
    knife = parcel(
        7, lane="CN-US", band="inspect", reason_codes=("U3.mass", "U2"), description="knife"
    )
    enrol(engine, [other, knife], "run-2")
    took(engine, ANA)
    queue.decide(engine, ANA, TWO.item_id, CLEAR)
    filters = Filters(**asked)
    with reading(engine) as connection:
        found = queue.page(connection, filters)
        counted = queue.counts(connection, filters, now=NOON)
    assert [one.owner_id for one in found.items] == [f"CN-{number}" for number in numbers]
    assert counted.total == len(numbers)
    wanted = [f"CN-{n}" for n in numbers if n not in (1, 2)]
    assert took(engine, BO, ahead=9, filters=filters) == (
        [] if asked.get("state") == "decided" else wanted
    )


def test_counts(engine: Engine) -> None:
    enrol(engine, [parcel(6, facility="LAX", band=None), carton(1)], "run-2")
    took(engine, ANA, ahead=3)
    queue.decide(engine, ANA, ONE.item_id, CLEAR)
    with reading(engine) as connection:
        counted = queue.counts(connection, Filters(), now=NOON)
        later = queue.counts(connection, Filters(), now=NOON + 1000)
        nothing = queue.counts(connection, Filters(text="nix"), now=NOON)
    assert (counted.total, counted.waiting, counted.held, later.held) == (7, 6, 2, 0)
    assert counted.by_state == {"decided": 1, "open": 6}
    assert counted.by_band == {"look": 5, "not assessed": 2}
    assert counted.by_kind == {"carton": 1, "parcel": 6}
    assert counted.by_facility == {"JFK": 6, "LAX": 1}
    assert (nothing.total, nothing.by_state) == (0, {})


def test_pages_neither_repeat_nor_leave_out_what_is_decided_or_enrolled_meanwhile(
    engine: Engine,
) -> None:
    alike = [parcel(number, priority=0.1 + 0.2) for number in range(20, 30)]
    enrol(engine, alike, "run-2")
    seen: list[str] = []
    after: str | None = None
    while True:
        with reading(engine) as connection:
            shown = queue.page(connection, Filters(), after, 4)
        seen += [one.owner_id for one in shown.items]
        if shown.next is None:
            break
        after = shown.next
        # One that belongs on a page that was seen already.
        enrol(engine, [parcel(100 + len(seen), priority=9.0)], "run-3")
        if len(seen) == 4:
            queue.take(engine, ANA, ahead=1, filters=Filters(text=seen[0]))
    assert len(seen) == len(set(seen)) == 15
    assert {one.owner_id for one in alike} < set(seen)


@pytest.mark.parametrize("after", ["", "x~y", "nix"])
def test_a_page_starts_only_where_one_ended(engine: Engine, after: str) -> None:
    with (
        pytest.raises(ReviewError, match="after: expected where a page ended"),
        reading(engine) as connection,
    ):
        queue.page(connection, Filters(), after)
