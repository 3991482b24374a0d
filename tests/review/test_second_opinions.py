"""Second opinions: given without the first one, and settled by somebody who may."""

import pytest
from sqlalchemy import Engine
from tests.review.queue_world import (
    ANA,
    BO,
    CLEAR,
    FIVE_PARCELS,
    INSPECT,
    SUE,
    leases,
    log,
    look,
    took,
)

from parcelscope.review import queue
from parcelscope.review.errors import (
    LostLease,
    NotAllowed,
)

ONE, TWO, *_ = FIVE_PARCELS


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
