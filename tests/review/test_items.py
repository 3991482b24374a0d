"""Enrolling: a newer run changes what the model says, and never what people did."""

import math
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.review.queue_world import ANA, BO, NOON, log, look, new_url, parcel, review_with

from parcelscope.review import queue
from parcelscope.review.case_reference import read_reference
from parcelscope.review.errors import NoSuchItem, ReviewError
from parcelscope.review.items import Enrolled, enrol, item_id_of
from parcelscope.review.queue import Decision
from parcelscope.review.roles import Person

ONE, TWO = parcel(1), parcel(2)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    of = request.getfixturevalue("server") if request.param == "postgresql" else None
    with review_with(new_url(tmp_path, of)) as opened:
        yield opened


def test_what_a_run_flagged_stands_in_the_queue(engine: Engine) -> None:
    told = replace(
        ONE, lane="CN-US", carton_id="MC-1", arm="random", propensity=0.05,
        reason_codes=("U3.mass", "U2"), dossier={"b": [1, None], "a": "é\x00\ud800"},
    )  # fmt: skip
    assert enrol(engine, [told], "run-1", now=NOON) == Enrolled(new=1, changed=0, same=0)
    item = look(engine, told)
    assert (item.run_id, item.facility, item.lane, item.carton_id) == (
        "run-1", "JFK", "CN-US", "MC-1",
    )  # fmt: skip
    assert (item.arm, item.propensity, item.risk, item.band) == ("random", 0.05, 0.5, "look")
    assert item.reason_codes == ("U3.mass", "U2")
    assert item.dossier == {"a": "é\x00\ud800", "b": [1, None]}
    assert (item.state, item.holder, item.decision) == ("open", None, None)
    assert item.words == "parcel CN-1"


def test_each_has_a_case_number_of_its_own_and_keeps_it(engine: Engine) -> None:
    enrol(engine, [parcel(number) for number in range(50)], "run-1", now=NOON)
    references = [look(engine, parcel(number)).reference or "" for number in range(50)]
    assert len(set(references)) == 50
    assert all(read_reference(one) == one for one in references)
    assert references[0].startswith("PSC-2026-")
    enrol(engine, [parcel(number, risk=0.9) for number in range(50)], "run-2")
    assert [look(engine, parcel(number)).reference for number in range(50)] == references


def test_enrolling_twice_is_as_once(engine: Engine) -> None:
    enrol(engine, [ONE, TWO], "run-1")
    assert enrol(engine, [TWO, ONE], "run-1") == Enrolled(new=0, changed=0, same=2)
    assert enrol(engine, [], "run-1") == Enrolled(new=0, changed=0, same=0)
    assert [one.told() for one in log(engine)] == [{"run": "run-1", "new": 2, "changed": 0}]


def test_a_newer_run_changes_the_score_and_nothing_that_people_did(engine: Engine) -> None:
    enrol(engine, [ONE, TWO], "run-1", now=NOON)
    queue.take(engine, ANA, ahead=2, now=NOON)
    queue.decide(engine, ANA, ONE.item_id, Decision(decision="clear"), now=NOON)
    before = look(engine, ONE), look(engine, TWO)
    newer = [replace(one, risk=0.9, band="inspect", dossier={"new": 1}) for one in (ONE, TWO)]
    assert enrol(engine, newer, "run-2", now=NOON + 60) == Enrolled(new=0, changed=2, same=0)
    model = {"risk": 0.9, "band": "inspect", "run_id": "run-2", "dossier_json": '{"new":1}'}
    assert look(engine, TWO) == replace(before[1], **model)
    assert look(engine, ONE) == replace(before[0], **model, scored_again="2026-11-18T11:07:40.000Z")
    assert [one.told() for one in log(engine, "scored_again")] == [
        {"run": "run-2", "risk": [0.5, 0.9], "band": ["look", "inspect"]}
    ]


@pytest.mark.parametrize(
    ("change", "again"),
    [
        pytest.param({"risk": 0.5 + 1e-9}, False, id="the last digits"),
        pytest.param({"dossier": {"words": "better"}}, False, id="other words"),
        pytest.param({"priority": 3.0}, False, id="another order"),
        pytest.param({"risk": None, "band": None}, True, id="not assessed any more"),
        pytest.param({"band": "inspect"}, True, id="another band"),
        pytest.param({"reason_codes": ("U2",)}, True, id="another reason"),
    ],
)
def test_only_another_score_counts_as_scored_again(
    engine: Engine, change: dict[str, Any], again: bool
) -> None:
    enrol(engine, [ONE], "run-1")
    queue.take(engine, ANA)
    queue.decide(engine, ANA, ONE.item_id, Decision(decision="clear"))
    enrol(engine, [replace(ONE, **change)], "run-2")
    assert (look(engine, ONE).scored_again is not None) == again


def test_the_same_number_elsewhere_is_another_parcel(engine: Engine) -> None:
    enrol(engine, [ONE, replace(ONE, facility="LAX"), replace(ONE, facility=None)], "run-1")
    assert len(queue.take(engine, ANA, ahead=9)) == 3


def test_identities_do_not_run_into_each_other() -> None:
    assert item_id_of("A", "parcel", "B") == item_id_of("A", "parcel", "B")
    assert item_id_of("", "parcel", "B") == item_id_of(None, "parcel", "B")
    different = {
        item_id_of("A", "parcel", "B"),
        item_id_of("A", "carton", "B"),
        item_id_of("A\nparcel", "parcel", "B"),
        item_id_of("A", "parcel", "parcel\nB"),
    }
    assert len(different) == 4


def test_more_than_one_transaction_of_items(engine: Engine) -> None:
    many = [parcel(number) for number in range(1201)]
    assert enrol(engine, many, "run-1").new == 1201
    assert enrol(engine, many, "run-1").same == 1201
    assert [one.told()["new"] for one in log(engine, "enrol")] == [500, 500, 201]


def test_two_who_enrol_the_same_run_at_once_enrol_it_once(engine: Engine) -> None:
    many = [parcel(number) for number in range(200)]
    failed: list[BaseException] = []

    def work(order: int) -> None:
        try:
            enrol(engine, many[::order], "run-1")
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(queue.take(engine, ANA, ahead=999)) == 200


def test_a_newer_run_while_people_decide_loses_nothing(engine: Engine) -> None:
    enrol(engine, [parcel(number) for number in range(40)], "run-0")
    failed: list[BaseException] = []

    def score() -> None:
        try:
            for run in range(1, 6):
                enrol(engine, [parcel(n, risk=run / 10) for n in range(40)], f"run-{run}")
        except BaseException as error:
            failed.append(error)

    def work(person: Person) -> None:
        try:
            while held := queue.take(engine, person):
                queue.decide(engine, person, held[0].item_id, Decision(decision="inspect"))
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=score)]
    threads += [threading.Thread(target=work, args=(person,)) for person in (ANA, BO)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(log(engine, "decide")) == 40
    assert {look(engine, parcel(n)).risk for n in range(40)} == {0.5}


@pytest.mark.parametrize(
    ("items", "says"),
    [
        pytest.param([ONE, ONE], "parcel CN-1: expected once among what is enrolled", id="twice"),
        pytest.param(
            [parcel(1, priority=math.nan)], "CN-1: priority must be a finite number", id="priority"
        ),
        pytest.param([parcel(1, risk=math.inf)], "CN-1: risk must be a finite", id="risk"),
    ],
)
def test_what_cannot_be_enrolled(engine: Engine, items: list[Any], says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        enrol(engine, items, "run-1")
    assert log(engine) == []


def test_what_is_not_there_is_not_found(engine: Engine) -> None:
    with pytest.raises(NoSuchItem):
        look(engine, ONE)
