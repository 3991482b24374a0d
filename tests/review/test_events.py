"""The log: whatever is done to it behind its back is found."""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from tests.inference.postgres_server import Server
from tests.review.queue_world import log, new_url

from parcelscope.review.database import open_review, reading, writing
from parcelscope.review.events import NO_HASH, Event, append, canonical, chained, digest, verify

COPY = (
    "INSERT INTO review_events SELECT {seq}, at, who, kind, item_id, reference, body, prev_hash,"
    " hash FROM review_events WHERE seq = 5"
)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    of = request.getfixturevalue("server") if request.param == "postgresql" else None
    opened = open_review(new_url(tmp_path, of))
    yield opened
    opened.dispose()


@pytest.fixture
def written(engine: Engine) -> list[Event]:
    """Five events."""
    for number in range(5):
        write(engine, who="ana", kind="note", body={"note": f"no {number}"}, item_id=f"i{number}")
    return log(engine)


def write(engine: Engine, **event: Any) -> Event:
    with writing(engine) as connection:
        return append(connection, **event)


def behind_the_back(engine: Engine, statement: str) -> None:
    """Do `statement` as whoever owns the database can, without a trigger."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            names = connection.execute(
                text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            ).scalars()
            for name in list(names):
                connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(text(statement))


def problem(engine: Engine, head: str | None = None) -> str | None:
    with reading(engine) as connection:
        return verify(connection, head).problem


def test_an_empty_log_is_whole(engine: Engine) -> None:
    with reading(engine) as connection:
        verdict = verify(connection)
    assert (verdict.events, verdict.head, verdict.problem) == (0, NO_HASH, None)


def test_each_event_is_chained_to_the_one_before(engine: Engine, written: list[Event]) -> None:
    assert [event.seq for event in written] == [1, 2, 3, 4, 5]
    hashes = [NO_HASH, *(event.hash for event in written)]
    assert [event.prev_hash for event in written] == hashes[:-1]
    with reading(engine) as connection:
        verdict = verify(connection)
    assert (verdict.events, verdict.head, verdict.problem) == (5, hashes[-1], None)


def test_the_hash_is_that_of_the_documentation() -> None:
    event = Event(
        seq=1, at="2026-11-22T18:00:00.000Z", who="ana", kind="note", item_id=None, reference=None,
        body='{"note":"x"}', prev_hash=NO_HASH, hash="",
    )  # fmt: skip
    # printf '1\n2026-11-22T18:00:00.000Z\nana\nnote\n\n\n{"note":"x"}\n%064d' 0 | sha256sum
    assert digest(event) == HASH_BY_SHA256SUM


HASH_BY_SHA256SUM = "f4d32c0e2e44ff4e683468ac3138a4b79a68d5a30f21e1d34cc9bf9cded7e2af"


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        pytest.param(
            'UPDATE review_events SET body = \'{"note":"no 9"}\' WHERE seq = 3',
            "event 3 of .* was changed: its fields do not give its hash",
            id="another body",
        ),
        pytest.param(
            "UPDATE review_events SET who = 'bo' WHERE seq = 5",
            "event 5 of .* was changed",
            id="another person",
        ),
        pytest.param(
            "UPDATE review_events SET at = '2026-01-01T00:00:00.000Z' WHERE seq = 1",
            "event 1 of .* was changed",
            id="another time",
        ),
        pytest.param(
            "UPDATE review_events SET reference = '' WHERE seq = 2",
            "event 2 of .* was changed",
            id="empty for none",
        ),
        pytest.param(
            "UPDATE review_events SET who = 'ana\nnote', kind = 'i1' WHERE seq = 2",
            "event 2 of .* was changed",
            id="fields moved",
        ),
        pytest.param(
            "DELETE FROM review_events WHERE seq = 3",
            "event 3 is missing: behind it comes event 4",
            id="one deleted",
        ),
        pytest.param(
            "DELETE FROM review_events WHERE seq = 1",
            "event 1 is missing: behind it comes event 2",
            id="the first deleted",
        ),
        pytest.param(
            "UPDATE review_events SET hash = 'x', prev_hash = 'y' WHERE seq = 4",
            "event 4 is not chained to the event before it",
            id="chained to something else",
        ),
    ],
)
def test_tampering_is_found_where_it_is(
    engine: Engine, written: list[Event], statement: str, says: str
) -> None:
    behind_the_back(engine, statement)
    found = problem(engine)
    assert found is not None
    assert re.match(says, found)


def test_a_deleted_event_is_found_though_the_others_moved_up(
    engine: Engine, written: list[Event]
) -> None:
    behind_the_back(engine, "DELETE FROM review_events WHERE seq = 3")
    behind_the_back(engine, "UPDATE review_events SET seq = 3 WHERE seq = 4")
    behind_the_back(engine, "UPDATE review_events SET seq = 4 WHERE seq = 5")
    assert problem(engine) == (
        "event 3 is not chained to the event before it: one of the two was replaced"
    )


def test_two_events_in_each_others_place_are_found(engine: Engine, written: list[Event]) -> None:
    for old, new in ((2, 9), (3, 2), (9, 3)):
        behind_the_back(engine, f"UPDATE review_events SET seq = {new} WHERE seq = {old}")
    assert (problem(engine) or "").startswith("event 2 is not chained")


def test_events_missing_at_the_end_are_found_by_the_head(
    engine: Engine, written: list[Event]
) -> None:
    head = written[-1].hash
    assert problem(engine, head) is None
    behind_the_back(engine, "DELETE FROM review_events WHERE seq = 5")
    assert problem(engine) is None
    assert problem(engine, written[3].hash) is None
    assert problem(engine, head) == (
        f"no event has the hash {head}: the last ones are missing, or all were chained anew"
    )


def test_a_log_that_was_chained_anew_is_found_by_the_head(
    engine: Engine, written: list[Event]
) -> None:
    head = written[-1].hash
    behind_the_back(engine, "DELETE FROM review_events")
    for event in written:
        told = {**event.told(), "note": "nothing"}
        write(engine, who=event.who, kind=event.kind, body=told, item_id=event.item_id)
    assert problem(engine) is None
    assert "chained anew" in (problem(engine, head) or "")


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE review_events SET who = 'bo'", id="change all"),
        pytest.param("UPDATE review_events SET body = body WHERE seq = 1", id="change nothing"),
        pytest.param("DELETE FROM review_events WHERE seq = 5", id="delete"),
        pytest.param("DELETE FROM review_events", id="delete all"),
        pytest.param(
            COPY.format(seq=7),
            id="leave a gap",
        ),
        pytest.param(
            COPY.format(seq=0),
            id="before the first",
        ),
    ],
)
def test_the_database_itself_refuses(engine: Engine, written: list[Event], statement: str) -> None:
    with pytest.raises(DBAPIError, match="review_events: an event"), engine.begin() as connection:
        connection.execute(text(statement))
    assert log(engine) == written


def test_sqlite_refuses_to_replace_an_event(tmp_path: Path) -> None:
    engine = open_review(new_url(tmp_path, None))
    write(engine, who="ana", kind="note", body={})
    with pytest.raises(DBAPIError, match="follows the last one"), engine.begin() as connection:
        connection.execute(text("INSERT OR REPLACE INTO review_events SELECT * FROM review_events"))
    engine.dispose()


def test_postgresql_refuses_to_empty_the_log(server: Server, tmp_path: Path) -> None:
    engine = open_review(new_url(tmp_path, server))
    with pytest.raises(DBAPIError, match="never changed or deleted"), engine.begin() as connection:
        connection.execute(text("TRUNCATE review_events"))
    engine.dispose()


def test_an_event_goes_with_its_transaction(engine: Engine) -> None:
    def fail() -> None:
        with writing(engine) as connection:
            append(connection, who="ana", kind="note", body={})
            raise RuntimeError("the plug was pulled")

    with pytest.raises(RuntimeError):
        fail()
    assert log(engine) == []
    assert write(engine, who="ana", kind="note", body={}).seq == 1


def test_many_who_append_at_once_make_one_chain(engine: Engine) -> None:
    def work(name: str) -> None:
        for number in range(10):
            write(engine, who=name, kind="note", body={"n": number})

    threads = [threading.Thread(target=work, args=(f"p{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problem(engine) is None
    told = [(event.who, event.told()["n"]) for event in log(engine)]
    assert sorted(told) == [(f"p{one}", number) for one in range(8) for number in range(10)]
    times = [event.at for event in log(engine)]
    assert times == sorted(times)


@pytest.mark.parametrize("who", ["", "ana\nbo", "a\x00", "a\u2028b"])
def test_a_name_that_could_be_two_fields_is_refused(engine: Engine, who: str) -> None:
    with pytest.raises(ValueError, match="who of an event must be printable text"):
        write(engine, who=who, kind="note", body={})


@pytest.mark.parametrize(
    "body", [{"n": float("nan")}, {"n": {1, 2}}], ids=["not a number", "a set"]
)
def test_a_body_that_is_no_json_is_refused(engine: Engine, body: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        write(engine, who="ana", kind="note", body=body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4).filter(lambda one: "inf" not in repr(one)))
def test_any_text_that_people_type_is_kept_and_hashed(body: dict[str, Any]) -> None:
    text_of_body = canonical(body)
    assert text_of_body.isascii()
    assert "\n" not in text_of_body
    assert canonical(json.loads(text_of_body)) == text_of_body


def test_the_chain_of_no_events_and_of_one() -> None:
    assert chained([]).problem is None
    event = Event(
        seq=2, at="t", who="a", kind="k", item_id=None, reference=None, body="{}",
        prev_hash=NO_HASH, hash="",
    )  # fmt: skip
    assert chained([event]).problem == "event 1 is missing: behind it comes event 2"
