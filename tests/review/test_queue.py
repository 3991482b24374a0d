"""The queue: nobody waits for anybody's parcel, and no parcel is decided twice."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event
from tests.review.case_world import US
from tests.review.queue_world import (
    ANA,
    BO,
    CLEAR,
    FIVE_PARCELS,
    INSPECT,
    NOON,
    OLA,
    VIC,
    VIOLATION,
    leases,
    log,
    look,
    new_url,
    parcel,
    review_with,
    took,
)

from parcelscope.review import queue
from parcelscope.review.errors import (
    LostLease,
    NeedsReason,
    NoSuchItem,
    NotAllowed,
)
from parcelscope.review.exams import log_exam
from parcelscope.review.filters import Filters
from parcelscope.review.items import enrol
from parcelscope.review.roles import Person

ONE, TWO, THREE, *_ = FIVE_PARCELS


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
