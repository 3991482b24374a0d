"""How review goes, in figures: counted from the log of a real database."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.review import case_world as w

from parcelscope.review.breaks import PAUSE_S, began, minutes_on_end
from parcelscope.review.database import reading
from parcelscope.review.items import enrol
from parcelscope.review.queue import Decision, ask_second, decide, release, reopen, take, undo
from parcelscope.review.roles import Person
from parcelscope.review.statistics import LEAST, Statistics, statistics

BO = Person(name="bo", role="analyst")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with w.sqlite_review(tmp_path) as engine:
        yield engine


def decided(engine: Engine, person: Person, item_id: str, **told: object) -> None:
    take(engine, person, ahead=100)
    usual = {"decision": "clear", "reason_code": "other", "ms_on_screen": 4000}
    decide(engine, person, item_id, Decision(**(usual | told)))  # type: ignore[arg-type]
    held = take(engine, person, ahead=100)
    release(engine, person, {one.item_id: one.lease_number for one in held})


def figures(engine: Engine, *, each_person: bool = True) -> Statistics:
    with reading(engine) as connection:
        return statistics(connection, since="2000-01-01", each_person=each_person)


def test_without_decisions_nothing_is_told(engine: Engine) -> None:
    told = figures(engine)
    assert told.total.decisions == 0
    assert told.total.p50_s is None
    assert (told.days, told.people, told.too_few, told.functions) == ((), (), 0, ())


def test_each_figure_counts_what_it_says(engine: Engine) -> None:
    items = [w.parcel(n) for n in range(1, 6)]
    enrol(engine, items, "run-1")
    ids = [one.item_id for one in items]
    decided(engine, w.ANA, ids[0], ms_on_screen=1000, marks_shown=True, functions_used=("grey",))
    decided(engine, w.ANA, ids[1], ms_on_screen=3000, marks_shown=False)
    decided(
        engine,
        w.ANA,
        ids[2],
        decision="inspect",
        ms_on_screen=5000,
        functions_used=("grey", "edges"),
    )
    undo(engine, w.ANA)
    decided(engine, w.ANA, ids[2], ms_on_screen=None)
    reopen(engine, w.SUE, ids[0], "scored otherwise")
    take(engine, w.ANA, ahead=100)
    ask_second(engine, w.ANA, ids[3], "other", leans_to="inspect")
    ask_second(engine, w.ANA, ids[4], "other", leans_to="clear")
    decided(engine, BO, ids[3], decision="inspect", ms_on_screen=7000)
    decided(engine, BO, ids[4], decision="inspect", ms_on_screen=9000)
    total = figures(engine).total
    assert (total.decisions, total.inspect) == (6, 3)
    assert (total.p50_s, total.reversed) == (5.0, 2)
    assert (total.against_model, total.model_inspect) == (3, 6)
    assert (total.marks_shown, total.marks_known) == (1, 2)
    assert (total.opinions, total.agreed) == (2, 1)
    assert figures(engine).functions == (("grey", 2), ("edges", 1))
    (day,) = figures(engine).days
    assert (day.decisions, len(day.name)) == (6, 10)


def test_whoever_settles_otherwise_overrules(engine: Engine) -> None:
    item = w.parcel()
    enrol(engine, [item], "run-1")
    take(engine, w.ANA)
    ask_second(engine, w.ANA, item.item_id, "other", leans_to="clear")
    decided(engine, BO, item.item_id, decision="inspect")
    decided(engine, w.SUE, item.item_id, decision="clear")
    told = figures(engine).total
    assert (told.decisions, told.reversed, told.opinions, told.agreed) == (2, 1, 1, 0)


def test_of_single_people_little_is_told_and_only_to_supervisors(engine: Engine) -> None:
    items = [w.parcel(n) for n in range(1, LEAST + 3)]
    enrol(engine, items, "run-1")
    for one in items[:LEAST]:
        decided(engine, w.ANA, one.item_id)
    decided(engine, BO, items[-1].item_id)
    told = figures(engine)
    assert told.people is not None
    assert [(one.name, one.decisions) for one in told.people] == [("ana", LEAST)]
    assert told.too_few == 1
    assert figures(engine, each_person=False).people is None


def test_a_stretch_of_work_ends_with_a_pause(engine: Engine) -> None:
    items = [w.parcel(n) for n in range(1, 4)]
    enrol(engine, items, "run-1", now=w.MONDAY)
    for one, minute in zip(items, (0, 10, 12), strict=True):
        w.decided(engine, one, "clear", now=w.MONDAY + 60 * minute)
    with reading(engine) as connection:
        assert minutes_on_end(connection, "ana", w.MONDAY + 60 * 13) == 3
        assert minutes_on_end(connection, "ana", w.MONDAY + 60 * 20) == 0
        assert minutes_on_end(connection, "bo", w.MONDAY + 60 * 13) == 0


@given(st.lists(st.floats(0, 10_000), max_size=30), st.floats(10_000, 10_500))
def test_no_gap_within_a_stretch_is_a_pause(acts: list[float], now: float) -> None:
    newest_first = sorted(acts, reverse=True)
    start = began(newest_first, now)
    within = [now, *(at for at in newest_first if at >= start)]
    gaps = [a - b for a, b in itertools.pairwise(within)]
    assert all(gap <= PAUSE_S for gap in gaps)
    before = [at for at in newest_first if at < start]
    assert not before or start - before[0] > PAUSE_S
