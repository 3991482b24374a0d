"""Notes and exams beside a decision, and what supervisors do with parcels and cartons."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine
from tests.review.case_world import US
from tests.review.queue_world import (
    ANA,
    BO,
    CLEAR,
    FIVE_PARCELS,
    INSPECT,
    NOON,
    SUE,
    VIOLATION,
    carton,
    leases,
    log,
    look,
    parcel,
    took,
)

from parcelscope.review import queue
from parcelscope.review.errors import (
    LostLease,
    NeedsReason,
    NotAllowed,
    ReviewError,
)
from parcelscope.review.exams import Exam, log_exam
from parcelscope.review.filters import Filters
from parcelscope.review.items import enrol

ONE, TWO, *_ = FIVE_PARCELS


@pytest.fixture
def loaded(engine: Engine) -> Engine:
    """The queue with one carton of four parcels, and one parcel of another facility's."""
    inside = [parcel(number, carton_id="MC-1") for number in range(11, 15)]
    elsewhere = parcel(15, carton_id="MC-1", facility="LAX")
    enrol(engine, [carton(1), *inside, elsewhere], "run-2")
    return engine


def state(engine: Engine, number: int) -> str:
    return look(engine, parcel(number)).state


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
