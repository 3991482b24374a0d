"""Undo: an event of its own, for as long as nobody went on from the decision."""

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
    log,
    look,
    took,
)

from parcelscope.review import queue
from parcelscope.review.errors import (
    TooLate,
)
from parcelscope.review.exams import log_exam

ONE, TWO, *_ = FIVE_PARCELS


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
