"""Take, decide, undo: what the analyst's page asks for, over the wire."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from tests.review.live_review import LiveReview, add_people, live_review, put, some_parcel

from parcelscope.review.database import reading
from parcelscope.review.events import read
from parcelscope.review.tables import ITEMS


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveReview]:
    with live_review(tmp_path) as review:
        yield review


@pytest.fixture
def local(live: LiveReview) -> Iterator[httpx.Client]:
    with live.browser() as client:
        yield client


def three_parcels(live: LiveReview) -> list[str]:
    return put(
        live.engine,
        some_parcel("P-1", risk=0.9),
        some_parcel("P-2", risk=0.8),
        some_parcel("P-3", risk=0.7, band="look"),
    )


def test_an_empty_queue_gives_nothing(local: httpx.Client) -> None:
    assert local.post("/api/queue/take", json={"filters": {}}).json() == {"items": []}


def test_a_parcel_is_taken_decided_and_the_next_one_comes(
    live: LiveReview, local: httpx.Client
) -> None:
    first, second, third = three_parcels(live)
    taken = local.post("/api/queue/take", json={"filters": {}}).json()["items"]
    assert [one["item_id"] for one in taken] == [first, second]
    assert taken[0]["holder"] == "local"
    done = local.post(
        f"/api/items/{first}/decide",
        json={
            "decision": "inspect",
            "reason_code": "count_differs",
            "ms_on_screen": 5200,
            "functions_used": ["colour", "organic"],
            "marks_shown": True,
            "presentation": "marks_after",
            "key": "a-key-of-mine",
        },
    )
    assert done.status_code == 200, done.text
    assert done.json()["next"]["item_id"] == third
    with reading(live.engine) as connection:
        event = next(one for one in read(connection) if one.kind == "decide")
    told = event.told()
    assert (event.who, told["decision"], told["reason_code"]) == (
        "local",
        "inspect",
        "count_differs",
    )
    assert told["ms_on_screen"] == 5200
    assert told["functions_used"] == ["colour", "organic"]
    assert told["marks_shown"] is True
    assert told["model_version"] == "bundle-1"
    assert told["threshold_version"] == "threshold-1"


def test_a_decision_that_is_sent_twice_counts_once(live: LiveReview, local: httpx.Client) -> None:
    first = three_parcels(live)[0]
    local.post("/api/queue/take", json={"filters": {}})
    body = {"decision": "inspect", "key": "the-same-key"}
    events = {local.post(f"/api/items/{first}/decide", json=body).json()["event"] for _ in range(3)}
    assert len(events) == 1


def test_clearing_against_the_model_needs_a_reason(live: LiveReview, local: httpx.Client) -> None:
    first = three_parcels(live)[0]
    local.post("/api/queue/take", json={"filters": {}})
    for body in (
        {"decision": "clear"},
        {"decision": "clear", "reason_code": "because"},
        {"decision": "clear", "reason_code": "other"},
        {"decision": "clear", "reason_code": "count_differs"},
    ):
        answer = local.post(f"/api/items/{first}/decide", json=body)
        assert answer.status_code == 422
        assert "reason" in answer.json()["detail"]
    given = {"decision": "clear", "reason_code": "other", "note": "a sample of ours"}
    assert local.post(f"/api/items/{first}/decide", json=given).status_code == 200


def test_undo_gives_the_parcel_back(live: LiveReview, local: httpx.Client) -> None:
    first = three_parcels(live)[0]
    local.post("/api/queue/take", json={"filters": {}})
    local.post(f"/api/items/{first}/decide", json={"decision": "inspect"})
    back = local.post("/api/undo").json()["item"]
    assert (back["item_id"], back["state"], back["holder"]) == (first, "open", "local")
    assert [one["kind"] for one in back["history"]] == ["decide", "undo"]
    nothing = local.post("/api/undo")
    assert nothing.status_code == 409
    assert "nothing to undo" in nothing.json()["detail"]


def test_what_is_released_can_be_taken_by_somebody_else(
    live: LiveReview, local: httpx.Client
) -> None:
    first, second, _ = three_parcels(live)
    taken = local.post("/api/queue/take", json={"filters": {}}).json()["items"]
    leases = {one["item_id"]: one["lease"] for one in taken}
    held = local.post("/api/queue/renew", json={"item_ids": [first, second]}).json()
    assert sorted(held["held"]) == sorted([first, second])
    # As `navigator.sendBeacon` does when the page is left.
    done = local.post(
        "/api/queue/release",
        content=json.dumps({"leases": leases}),
        headers={"content-type": "application/json"},
    )
    assert sorted(done.json()["released"]) == sorted([first, second])
    with reading(live.engine) as connection:
        holders = select(ITEMS.c.item_id).where(ITEMS.c.holder.is_not(None))
        assert connection.execute(holders).all() == []


def test_a_page_that_was_reloaded_cannot_give_back_what_the_new_one_has(
    live: LiveReview, local: httpx.Client
) -> None:
    first, second, third = three_parcels(live)

    def load() -> dict[str, int]:
        items = local.post("/api/queue/take", json={"filters": {}}).json()["items"]
        return {one["item_id"]: one["lease"] for one in items}

    def give_back(leases: dict[str, int]) -> list[str]:
        answer = local.post("/api/queue/release", json={"leases": leases})
        released: list[str] = answer.json()["released"]
        return released

    old, new = load(), load()
    assert set(old) == set(new) == {first, second}
    assert give_back(old) == [], "late, as of the page that was left"
    decided = local.post(f"/api/items/{first}/decide", json={"decision": "inspect"})
    after = decided.json()["next"]
    assert after["item_id"] == third
    kept = {second: new[second], third: after["lease"]}
    assert local.post("/api/queue/renew", json={"item_ids": [second, third]}).is_success
    assert set(give_back(kept)) == {second, third}, "a lease keeps its number while it is renewed"
    assert give_back(kept) == []


def test_filters_choose_what_is_taken(live: LiveReview, local: httpx.Client) -> None:
    third = three_parcels(live)[2]
    taken = local.post("/api/queue/take", json={"filters": {"band": "look"}}).json()["items"]
    assert [one["item_id"] for one in taken] == [third]
    wrong = local.post("/api/queue/take", json={"filters": {"colour": "red"}})
    assert wrong.status_code == 422
    assert "colour" in wrong.json()["detail"]


def test_a_second_opinion_is_blind(tmp_path: Path) -> None:
    with live_review(tmp_path) as live:
        add_people(live.engine, ("ana", "analyst"), ("bo", "analyst"), ("sam", "supervisor"))
        (parcel,) = put(live.engine, some_parcel("P-1"))
        with live.signed_in("ana") as ana, live.signed_in("bo") as bo, live.signed_in("sam") as sam:
            ana.post("/api/queue/take", json={"filters": {}})
            asked = ana.post(
                f"/api/items/{parcel}/second",
                json={"reason_code": "x", "note": "a blade?", "leans_to": "inspect"},
            )
            assert asked.status_code == 200, asked.text
            assert ana.post("/api/queue/take", json={"filters": {}}).json()["items"] == []
            (seen,) = bo.post("/api/queue/take", json={"filters": {}}).json()["items"]
            assert seen["state"] == "second"
            assert seen["history"] == []
            assert "ana" not in str(seen)
            assert "blade" not in str(seen)
            # Nor by any other page that they can open.
            for path in (f"/cases/{seen['reference']}", "/cases", "/queue?all=1", "/calendar"):
                page = bo.get(path).text
                assert "blade" not in page, path
                assert "ana" not in page.replace("analyst", "").replace("manage", ""), path
            bo.post(
                f"/api/items/{parcel}/decide",
                json={"decision": "clear", "reason_code": "seen_before"},
            )
            (disputed,) = sam.post("/api/queue/take", json={"filters": {}}).json()["items"]
            assert disputed["state"] == "disputed"
            assert [one["who"] for one in disputed["history"]] == ["ana", "bo"]
