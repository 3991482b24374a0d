"""The list of the queue, the log, the figures and the people, as pages."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.inference.postgres_server import Server, postgres_server
from tests.review.live_review import PASSWORD, LiveReview, add_people, live_review, put, some_parcel
from tests.review.queue_world import new_url

from parcelscope.review.audit_export import read_jsonl
from parcelscope.review.database import reading, writing
from parcelscope.review.events import chained, head, read
from parcelscope.review.people import find_member


@pytest.fixture
def live(tmp_path: Path) -> Iterator[LiveReview]:
    with live_review(tmp_path) as review:
        put(
            review.engine,
            some_parcel("P-1", risk=0.9, lane="HK-JFK"),
            some_parcel("P-2", risk=0.5, band="look", lane="DE-JFK"),
            some_parcel("P-3", risk=0.1, band="clear", lane="DE-JFK", description="50 lamps"),
        )
        yield review


@pytest.fixture
def local(live: LiveReview) -> Iterator[httpx.Client]:
    with live.browser() as client:
        yield client


def decide(browser: httpx.Client, decision: str = "inspect") -> str:
    item = browser.post("/api/queue/take", json={"filters": {}}).json()["items"][0]
    answer = browser.post(
        f"/api/items/{item['item_id']}/decide",
        json={"decision": decision, "reason_code": None, "ms_on_screen": 4000},
    )
    assert answer.status_code == 200, answer.text
    return str(item["owner_id"])


def test_the_queue_lists_what_waits_with_counts(local: httpx.Client) -> None:
    page = local.get("/queue").text
    assert "3 waiting, 0 of these with somebody; 3 in all" in page
    for name in ("P-1", "P-2", "P-3"):
        assert f"parcel {name}" in page
    assert page.index("parcel P-1") < page.index("parcel P-2") < page.index("parcel P-3")
    assert "The scale says 2.91 kg; the manifest says 1.32 kg." in page


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        ("band=look", {"P-2"}),
        ("lane=DE-JFK", {"P-2", "P-3"}),
        ("lane=DE-JFK&band=clear", {"P-3"}),
        ("text=LAMPS", {"P-3"}),
        ("text=p-", {"P-1", "P-2", "P-3"}),
        ("state=decided", set()),
        ("state=waiting", {"P-1", "P-2", "P-3"}),
        ("kind=carton", set()),
        ("all=1", {"P-1", "P-2", "P-3"}),
    ],
)
def test_filters_choose_what_is_listed(local: httpx.Client, query: str, shown: set[str]) -> None:
    page = local.get(f"/queue?{query}").text
    assert {name for name in ("P-1", "P-2", "P-3") if f"parcel {name}" in page} == shown


def test_a_filter_that_there_is_not_is_one_sentence(local: httpx.Client) -> None:
    answer = local.get("/queue?colour=red", headers={"accept": "text/html"})
    assert answer.status_code == 422
    assert "expected facility, lane, band" in answer.text


def test_the_list_tells_who_holds_what(live: LiveReview, local: httpx.Client) -> None:
    local.post("/api/queue/take", json={"filters": {}})
    page = local.get("/queue").text
    assert "3 waiting, 2 of these with somebody" in page
    assert "With somebody now" in page


def test_a_view_is_saved_used_and_removed(local: httpx.Client) -> None:
    saved = local.post("/queue/views", data={"name": "Lamps", "query": "text=lamps&band=clear"})
    assert saved.status_code == 303
    page = local.get("/queue").text
    assert "Lamps" in page
    assert "/queue?band=clear&amp;text=lamps" in page
    view_id = page.split("/queue/views/")[1].split("/")[0]
    assert local.post(f"/queue/views/{view_id}/remove").status_code == 303
    assert "Lamps" not in local.get("/queue").text
    assert local.post(f"/queue/views/{view_id}/remove").status_code == 404


def test_pages_of_the_list_leave_nothing_out(live: LiveReview, local: httpx.Client) -> None:
    put(live.engine, *(some_parcel(f"Q-{n:03}", risk=0.3) for n in range(120)))
    seen: list[str] = []
    address = "/queue?lane=HK-JFK"
    while address:
        page = local.get(address).text
        seen += [part.split("<")[0] for part in page.split("parcel Q-")[1:]]
        following = [part for part in page.split('href="') if "Next page" in part[:300]]
        address = following[0].split('"')[0].replace("&amp;", "&") if following else ""
    assert sorted(seen) == [f"{n:03}" for n in range(120)]


def test_the_log_is_shown_filtered_and_checked(live: LiveReview, local: httpx.Client) -> None:
    decide(local)
    page = local.get("/audit").text
    assert "sent to inspection" in page
    assert "run run-1: 3 new, 0 scored anew" in page
    only = local.get("/audit?kind=decide&who=local").text
    assert "sent to inspection" in only
    assert "3 new" not in only
    assert "No events like that" in local.get("/audit?until=2020-01-01").text
    with reading(live.engine) as connection:
        newest = head(connection)
    checked = local.post("/audit/verify", data={"head": newest}).text
    assert "2 events, none changed or missing, and 3 parcels and cartons stand" in checked
    missing = local.post("/audit/verify", data={"head": "0" * 63 + "1"}).text
    assert "The log is not whole" in missing


def test_one_event_is_no_events(tmp_path: Path) -> None:
    with live_review(tmp_path, database=new_url(tmp_path, None)) as live, live.browser() as local:
        put(live.engine, some_parcel("P-1"))
        checked = local.post("/audit/verify", data={}).text
        assert "1 event, none changed or missing, and 1 parcel or carton stands as it" in checked


def test_a_log_that_was_tampered_with_is_told(live: LiveReview, local: httpx.Client) -> None:
    decide(local)
    with writing(live.engine) as connection:
        connection.exec_driver_sql("DROP TRIGGER review_events_no_update")
        connection.exec_driver_sql("UPDATE review_events SET who = 'sam' WHERE kind = 'decide'")
    page = local.post("/audit/verify").text
    assert "The log is not whole" in page
    assert "was changed: its fields do not give its hash" in page


def test_the_log_is_taken_away_and_that_is_noted(live: LiveReview, local: httpx.Client) -> None:
    decide(local)
    table = local.get("/audit/export/csv?kind=decide")
    assert "attachment" in table.headers["content-disposition"]
    (row,) = csv.DictReader(io.StringIO(table.text))
    assert (row["who"], row["parcel"], row["decision"]) == ("local", "parcel P-1", "inspect")
    lines = local.get("/audit/export/jsonl").content.splitlines()
    assert chained(read_jsonl(lines)).problem is None
    assert json.loads(lines[0])["kind"] == "enrol"
    with reading(live.engine) as connection:
        kinds = [event.kind for event in read(connection)]
    assert kinds == ["enrol", "decide", "audit_export", "audit_export"]


@pytest.mark.parametrize("query", ["since=yesterday", "before=0", "before=x", "whom=ana"])
def test_a_question_to_the_log_that_makes_no_sense_is_refused(
    local: httpx.Client, query: str
) -> None:
    assert local.get(f"/audit?{query}").status_code == 422


def test_the_figures_are_of_what_was_decided(local: httpx.Client) -> None:
    assert "No decisions since" in local.get("/statistics").text
    decide(local)
    page = local.get("/statistics?days=7").text
    assert "4.0 s" in page
    assert "100 %" in page
    assert "1 person with fewer than 20 decisions is not told apart" in page


def test_people_are_added_changed_and_shut_out(tmp_path: Path) -> None:
    with live_review(tmp_path) as live:
        add_people(live.engine, ("root", "admin"))
        with live.signed_in("root") as root:
            new = {"name": "Ana", "role": "analyst", "password": PASSWORD}
            assert root.post("/people", data=new).status_code == 303
            again = root.post("/people", data=new)
            assert again.status_code == 422
            assert "there is a person &#39;ana&#39; already" in again.text
            short = root.post("/people", data=new | {"name": "bo", "password": "short"})
            assert "15 to 256 characters" in short.text
            assert 'value="bo"' in short.text
            assert "short" not in short.text.split("15 to 256")[0].split('role="alert"')[0]
            with live.signed_in("ana") as ana:
                root.post("/people/role", data={"name": "ana", "role": "supervisor"})
                assert ana.get("/api/settings").status_code == 401
            other = "another horse battery staple"
            root.post("/people/password", data={"name": "ana", "password": other})
            with live.signed_in("ana", other) as ana:
                assert ana.get("/api/settings").json()["person"]["role"] == "supervisor"
                root.post("/people/disabled", data={"name": "ana", "disabled": "true"})
                assert ana.get("/api/settings").status_code == 401
            last = root.post("/people/role", data={"name": "root", "role": "viewer"})
            assert "is the last admin" in last.text
            out = root.post("/people/disabled", data={"name": "root", "disabled": "true"})
            assert "is the last admin" in out.text
            log = root.get("/audit").text
        for sentence in (
            "added ana, analyst",
            "made ana supervisor, was analyst",
            "set the password of ana",
            "shut out ana",
        ):
            assert sentence in log
        with reading(live.engine) as connection:
            member = find_member(connection, "ANA")
        assert member is not None
        assert member.disabled


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres_server() as running:
        yield running


def test_it_is_all_the_same_on_postgresql(tmp_path: Path, server: Server) -> None:
    with live_review(tmp_path, database=new_url(tmp_path, server)) as live:
        add_people(live.engine, ("root", "admin"), ("ana", "analyst"))
        put(live.engine, some_parcel("P-1"), some_parcel("P-2", risk=0.5))
        with live.signed_in("ana") as ana, live.signed_in("root") as root:
            assert decide(ana) == "P-1"
            assert ana.post("/api/undo").json()["item"]["holder"] == "ana"
            assert decide(ana) == "P-1"
            ana.post("/queue/views", data={"name": "Mine", "query": "band=inspect"})
            listed = root.get("/queue?text=p-&all=1").text
            assert "With somebody now" in listed
            assert "to inspect" in listed
            assert "by ana" in listed
            assert "100 %" in root.get("/statistics").text
            root.post("/people/role", data={"name": "ana", "role": "viewer"})
            assert ana.get("/api/settings").status_code == 401
            log = root.get("/audit?who=root").text
            assert "made ana viewer, was analyst" in log
            assert "none changed or missing" in root.post("/audit/verify").text
            assert len(root.get("/audit/export/jsonl").content.splitlines()) > 8


def test_a_database_that_goes_away_loses_no_decision(tmp_path: Path, server: Server) -> None:
    with live_review(tmp_path, database=new_url(tmp_path, server)) as live:
        add_people(live.engine, ("ana", "analyst"))
        put(live.engine, some_parcel("P-1"))
        with live.signed_in("ana") as ana:
            taken = ana.post("/api/queue/take", json={}).json()["items"][0]["item_id"]
            decision = {"decision": "inspect", "reason_code": None, "key": "key-of-the-first"}
            server.stop()
            try:
                lost = ana.post(f"/api/items/{taken}/decide", json=decision)
                assert (lost.status_code, "try again soon" in lost.json()["detail"]) == (503, True)
                shown = ana.get("/queue", headers={"accept": "text/html"})
                assert shown.status_code == 503
                assert "No database" in shown.text
            finally:
                server.start()
            again = ana.post(f"/api/items/{taken}/decide", json=decision)
            assert again.status_code == 200, again.text
