"""What may become of a case: a table, and what its events come to."""

import json
from datetime import date
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.review.case_states import (
    EVENT_WORDS,
    MOVES,
    RECORDED,
    STATE_WORDS,
    STATES,
    SUBJECT_WORDS,
    CaseStanding,
    CaseState,
    MoveKey,
    move_to,
    moves_from,
    refusal,
    replay,
)
from parcelscope.review.events import Event
from parcelscope.screening.policy_rules import CaseSubject

NEW_YORK = ZoneInfo("America/New_York")
LEGAL = {
    ("open", "refer"): "exam",
    ("open", "release"): "released",
    ("exam", "detain"): "detained",
    ("exam", "release_conditionally"): "conditionally_released",
    ("exam", "seize"): "seized",
    ("exam", "release"): "released",
    ("detained", "release_conditionally"): "conditionally_released",
    ("detained", "seize"): "seized",
    ("detained", "release"): "released",
    ("conditionally_released", "call_back"): "exam",
    ("conditionally_released", "release"): "released",
    ("seized", "release"): "released",
    ("released", "reopen"): "exam",
}


def test_the_table_of_moves_is_the_one_that_was_agreed() -> None:
    table = {
        (state, move.key): move.target
        for move in MOVES
        for state in STATES
        if state in move.sources
    }
    assert table == LEGAL
    assert {one.key for one in MOVES} == set(get_args(MoveKey))
    assert set(STATE_WORDS) == set(STATES)
    assert set(SUBJECT_WORDS) == set(get_args(CaseSubject))
    assert {one.event for one in MOVES if one.event} | set(RECORDED) == set(EVENT_WORDS)


@given(st.sampled_from(STATES), st.sampled_from(get_args(MoveKey)))
def test_what_is_not_in_the_table_is_refused_with_a_sentence(
    state: CaseState, key: MoveKey
) -> None:
    move = move_to(state, key)
    assert (move is not None) == ((state, key) in LEGAL)
    if move is None:
        told = refusal(state, key)
        assert told.startswith(f"is {STATE_WORDS[state]}: expected ")
        assert all(one.words.lower() in told for one in moves_from(state))


def test_a_refusal_reads_as_a_sentence() -> None:
    assert refusal("open", "seize") == "is open: expected send to exam or release, got seize"
    assert refusal("seized", "x" * 99).endswith(f"got {'x' * 40!r}")


def event(seq: int, kind: str, at: str = "2026-11-23T15:00:00.000Z", **body: Any) -> Event:
    return Event(
        seq=seq,
        at=at,
        who="ana",
        kind=kind,
        item_id="0" * 16,
        reference="PSC-2026-7K3M9QXA-2",
        body=json.dumps(body),
        prev_hash="",
        hash="",
    )


def moved(seq: int, key: str, day: str = "2026-11-23", **body: Any) -> Event:
    return event(seq, "case_move", move=key, day=day, **body)


INSPECT = event(1, "decide", settles=True, decision="inspect")


@pytest.mark.parametrize(
    ("events", "state", "is_case"),
    [
        pytest.param([], "open", False, id="nothing"),
        pytest.param([event(1, "enrol"), event(2, "note")], "open", False, id="others' events"),
        pytest.param([INSPECT], "exam", True, id="inspect"),
        pytest.param(
            [event(1, "decide", settles=True, decision="clear")], "released", False, id="clear"
        ),
        pytest.param(
            [event(1, "decide", settles=False, decision="inspect")], "open", False, id="disputed"
        ),
        pytest.param([INSPECT, event(2, "undo", undoes=1)], "open", False, id="undone"),
        pytest.param([event(1, "release")], "released", False, id="with its carton"),
        pytest.param([INSPECT, event(2, "reopen")], "open", True, id="back into the queue"),
        pytest.param(
            [INSPECT, event(2, "outcome", outcome="violation")], "exam", True, id="violation"
        ),
        pytest.param(
            [INSPECT, event(2, "outcome", outcome="no_violation", then="release")],
            "released",
            True,
            id="nothing found",
        ),
        pytest.param(
            [INSPECT, event(2, "outcome", outcome="no_violation", then="keep")],
            "exam",
            True,
            id="nothing found, but kept",
        ),
        pytest.param(
            [event(1, "outcome", outcome="not_examined")], "open", True, id="not examined"
        ),
        pytest.param(
            [event(1, "outcome", outcome="violation")], "exam", True, id="without a decision"
        ),
        pytest.param([INSPECT, moved(2, "detain", about=["mark"])], "detained", True, id="detain"),
        pytest.param(
            [INSPECT, moved(2, "detain"), moved(3, "seize"), moved(4, "release")],
            "released",
            True,
            id="seized and remitted",
        ),
    ],
)
def test_what_events_come_to(events: list[Event], state: CaseState, is_case: bool) -> None:
    standing = replay(events, NEW_YORK)
    assert (standing.state, standing.is_case) == (state, is_case)


def test_an_exam_presents_the_goods_on_the_day_where_the_law_is() -> None:
    examined = event(
        2,
        "outcome",
        at="2026-11-25T01:00:00.000Z",
        outcome="violation",
        exam_started_at="2026-11-24T04:30:00.000Z",
        exam_ended_at="2026-11-24T04:40:00.000Z",
    )
    again = event(3, "outcome", at="2026-11-26T15:00:00.000Z", outcome="violation")
    (presented,) = replay([INSPECT, examined, again], NEW_YORK).dates
    # 04:30 in London is the evening before in New York.
    assert (presented.event, presented.day, presented.seq) == (
        "presentation",
        date(2026, 11, 23),
        2,
    )


def test_the_agency_counts_while_its_word_is_waited_for() -> None:
    waits = [INSPECT, moved(2, "release_conditionally", agency="FDA", about=["other_agency"])]
    assert replay(waits, NEW_YORK).agency == "FDA"
    called = replay([*waits, moved(3, "call_back")], NEW_YORK)
    assert (called.state, called.agency, called.about) == ("exam", None, ("other_agency",))


def test_a_day_that_was_taken_back_counts_for_nothing() -> None:
    written = event(2, "case_date", event="notice-of-detention", day="2026-11-24")
    taken = event(3, "case_withdraw", withdraws=2, reason="wrong case")
    assert [one.event for one in replay([INSPECT, written], NEW_YORK).dates] == [
        "notice-of-detention"
    ]
    assert replay([INSPECT, written, taken], NEW_YORK).dates == ()


@given(st.lists(st.sampled_from(get_args(MoveKey)), max_size=12))
def test_any_legal_way_through_the_table_is_replayed_as_it_was_walked(keys: list[MoveKey]) -> None:
    state: CaseState = "open"
    events: list[Event] = []
    for key in keys:
        move = move_to(state, key)
        if move is None:
            continue
        state = move.target
        events.append(moved(len(events) + 1, key, about=["mark"], agency="FDA"))
    standing = replay(events, NEW_YORK)
    assert standing.state == state
    assert standing == CaseStanding() if not events else standing.is_case
    assert (standing.agency is None) == (state != "conditionally_released")
