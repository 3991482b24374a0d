"""Nobody is asked who is not there, and no parcel waits for ever for an opinion."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.review.live_review import live_review, put, some_parcel
from tests.review.queue_world import ANA, BO, NOON, SUE, log, look, new_url, parcel, review_with

from parcelscope.review import queue
from parcelscope.review.colleagues import Colleagues
from parcelscope.review.errors import NotAllowed, ReviewError
from parcelscope.review.people import LOCAL, add_member, set_disabled
from parcelscope.review.queue import Decision
from parcelscope.review.roles import Action, Person, Role
from parcelscope.review.settings import ReviewSettings
from parcelscope.review.supervising import ask_no_more

ONE = parcel(1)
CLEAR = Decision(decision="clear")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with review_with(new_url(tmp_path, None), ONE) as opened:
        yield opened


def add(engine: Engine, *people: tuple[str, Role]) -> None:
    for name, role in people:
        add_member(engine, by="parcelscope", name=name, role=role)


def ask(engine: Engine, person: Person, **options: Any) -> None:
    queue.take(engine, person, now=NOON)
    queue.ask_second(engine, person, ONE.item_id, None, unlisted=(), now=NOON, **options)


@pytest.mark.parametrize(
    ("listed", "unlisted", "action", "could"),
    [
        pytest.param([], [], "decide", False, id="nobody"),
        pytest.param([BO], [], "decide", True, id="another analyst"),
        pytest.param([BO], [], "supervise", False, id="no supervisor"),
        pytest.param([ANA], [], "decide", False, id="only herself"),
        pytest.param([], ["viewer"], "decide", False, id="strangers who look"),
        pytest.param([ANA], ["analyst"], "decide", True, id="strangers who decide"),
    ],
)
def test_who_could(listed: list[Person], unlisted: list[Role], action: Action, could: bool) -> None:
    there = Colleagues(listed=tuple(listed), unlisted=frozenset(unlisted))
    assert there.could(action, other_than="ana") is could


@pytest.mark.parametrize(
    ("settings", "roles"),
    [
        pytest.param({}, set(), id="this machine alone"),
        pytest.param(
            {"proxy": {"addresses": ["10.0.0.1"], "default_role": "analyst"}},
            {"analyst"},
            id="proxy",
        ),
        pytest.param({"proxy": {"addresses": ["10.0.0.1"]}}, set(), id="proxy of those listed"),
        pytest.param(
            {
                "oidc": {
                    "issuer": "https://id.example",
                    "client_id": "x",
                    "group_roles": {"leads": "supervisor"},
                    "default_role": "viewer",
                }
            },
            {"supervisor", "viewer"},
            id="provider",
        ),
    ],
)
def test_roles_of_people_who_were_not_added(settings: dict[str, Any], roles: set[str]) -> None:
    assert ReviewSettings.model_validate(settings).unlisted_roles == roles


def test_whoever_is_alone_here_is_told_so_and_keeps_the_parcel(tmp_path: Path) -> None:
    with live_review(tmp_path, database=new_url(tmp_path, None)) as live, live.browser() as local:
        (one,) = put(live.engine, some_parcel("P-1", band="look"))
        (taken,) = local.post("/api/queue/take", json={}).json()["items"]
        why = "there is nobody to ask about parcel P-1, since nobody else decides here"
        assert taken["no_second"] == why
        refused = local.post(f"/api/items/{one}/second", json={"leans_to": "clear"})
        assert (refused.status_code, refused.json()["detail"]) == (403, why)
        done = local.post(f"/api/items/{one}/decide", json={"decision": "clear"})
        assert done.status_code == 200
        assert local.get(f"/api/items/{one}").json()["no_second"] is None


def test_a_question_from_before_is_marked_in_the_queue_and_taken_back(tmp_path: Path) -> None:
    with live_review(tmp_path, database=new_url(tmp_path, None)) as live, live.browser() as local:
        (one,) = put(live.engine, some_parcel("P-1"))
        queue.take(live.engine, LOCAL)
        queue.ask_second(live.engine, LOCAL, one, None)
        assert local.post("/api/queue/take", json={}).json() == {"items": []}
        assert "nobody else is here to give it" in local.get("/queue").text
        form = {"item_id": one}
        assert local.post("/queue/ask-no-more", data=form).status_code == 303
        assert "nobody else is here to give it" not in local.get("/queue").text
        assert local.post("/queue/ask-no-more", data=form).status_code == 422
        (taken,) = local.post("/api/queue/take", json={}).json()["items"]
        assert "nobody else is here to give the opinion" in taken["history"][-1]["words"]
        assert local.post(f"/api/items/{one}/decide", json={"decision": "inspect"}).is_success


def test_once_there_is_somebody_the_question_is_theirs(engine: Engine) -> None:
    with pytest.raises(NotAllowed, match="nobody to ask about parcel CN-1"):
        ask(engine, ANA)
    add(engine, ("ana", "analyst"), ("bo", "analyst"))
    ask(engine, ANA)
    with pytest.raises(ReviewError, match="does not wait for an opinion that nobody could give"):
        ask_no_more(engine, SUE, ONE.item_id, unlisted=())
    assert [one.item_id for one in queue.take(engine, BO)] == [ONE.item_id]
    with pytest.raises(NotAllowed, match="since nobody else could settle it"):
        queue.ask_second(engine, BO, ONE.item_id, None, unlisted=())


def test_what_only_somebody_who_left_could_answer_goes_back_to_the_queue(engine: Engine) -> None:
    add(engine, ("sue", "admin"), ("bo", "analyst"))
    ask(engine, SUE)
    queue.take(engine, BO, now=NOON)
    set_disabled(engine, by="sue", name="bo", disabled=True)
    ask_no_more(engine, SUE, ONE.item_id, unlisted=(), now=NOON)
    item = look(engine, ONE)
    assert (item.state, item.holder, item.first_by) == ("open", None, None)
    assert log(engine, "reopen")[0].who == "sue"


def test_two_who_differ_do_not_wait_for_a_second_supervisor_who_is_not_there(
    engine: Engine,
) -> None:
    add(engine, ("sue", "admin"), ("bo", "analyst"))
    ask(engine, SUE, leans_to="inspect")
    queue.take(engine, BO, now=NOON)
    queue.decide(engine, BO, ONE.item_id, CLEAR, now=NOON)
    assert look(engine, ONE).state == "disputed"
    with pytest.raises(NotAllowed, match="bo is analyst here"):
        ask_no_more(engine, BO, ONE.item_id, unlisted=())
    ask_no_more(engine, SUE, ONE.item_id, unlisted=(), now=NOON)
    assert [one.item_id for one in queue.take(engine, SUE, now=NOON)] == [ONE.item_id]
