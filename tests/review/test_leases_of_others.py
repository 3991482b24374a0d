"""What one analyst cannot do to another's parcel."""

from collections.abc import Iterator

import httpx
import pytest
from tests.review.live_review import LiveReview, add_people, live_review, put, some_parcel


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReview]:
    with live_review(tmp_path_factory.mktemp("review")) as review:
        add_people(review.engine, ("ana", "analyst"), ("bo", "analyst"), ("sam", "supervisor"))
        put(review.engine, *(some_parcel(f"P-{n}", risk=0.9 - n / 100) for n in range(6)))
        yield review


@pytest.fixture
def ana(live: LiveReview) -> Iterator[httpx.Client]:
    with live.signed_in("ana") as browser:
        yield browser


@pytest.fixture
def bo(live: LiveReview) -> Iterator[httpx.Client]:
    with live.signed_in("bo") as browser:
        yield browser


def take(browser: httpx.Client) -> list[str]:
    items = browser.post("/api/queue/take", json={"filters": {}}).json()["items"]
    return [item["item_id"] for item in items]


def test_nobody_is_given_what_somebody_else_has(ana: httpx.Client, bo: httpx.Client) -> None:
    assert not set(take(ana)) & set(take(bo))


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("decide", {"decision": "inspect"}),
        ("decide", {"decision": "clear", "reason_code": "seen_before"}),
        ("second", {"reason_code": "x"}),
    ],
)
def test_what_somebody_else_has_is_not_for_me_to_decide(
    ana: httpx.Client, bo: httpx.Client, path: str, body: dict[str, str]
) -> None:
    theirs = take(ana)[0]
    answer = bo.post(f"/api/items/{theirs}/{path}", json=body)
    assert answer.status_code == 409
    assert "is now with ana" in answer.json()["detail"]
    assert ana.get(f"/api/items/{theirs}").json()["state"] == "open"


def test_a_lease_of_somebody_else_is_neither_renewed_nor_ended(
    ana: httpx.Client, bo: httpx.Client
) -> None:
    theirs = take(ana)
    assert bo.post("/api/queue/renew", json={"item_ids": theirs}).json() == {"held": []}
    leases = {one: ana.get(f"/api/items/{one}").json()["lease"] for one in theirs}
    assert bo.post("/api/queue/release", json={"leases": leases}).json() == {"released": []}
    assert set(take(ana)) == set(theirs)


def test_only_a_supervisor_takes_something_from_somebody(
    live: LiveReview, ana: httpx.Client, bo: httpx.Client
) -> None:
    theirs = take(ana)[0]
    form = {"item_id": theirs}
    assert bo.post("/queue/put-back", data=form).status_code == 403
    assert bo.post(f"/api/items/{theirs}/reassign", json={"to": "bo"}).status_code == 403
    with live.signed_in("sam") as sam:
        assert "With somebody now" in sam.get("/queue").text
        assert sam.post("/queue/put-back", data=form).status_code == 303
    late = ana.post(f"/api/items/{theirs}/decide", json={"decision": "inspect"})
    assert late.status_code == 409
    assert "went back to the queue" in late.json()["detail"]


def test_nobody_undoes_what_somebody_else_decided(ana: httpx.Client, bo: httpx.Client) -> None:
    mine = take(ana)[0]
    assert ana.post(f"/api/items/{mine}/decide", json={"decision": "inspect"}).status_code == 200
    assert bo.post("/api/undo").status_code == 409
    assert ana.get(f"/api/items/{mine}").json()["state"] == "decided"


def test_a_key_of_somebody_else_gives_nobody_their_event(
    ana: httpx.Client, bo: httpx.Client
) -> None:
    mine = take(ana)[0]
    body = {"decision": "inspect", "key": "a-key-of-ana"}
    ana.post(f"/api/items/{mine}/decide", json=body)
    assert bo.post(f"/api/items/{mine}/decide", json=body).status_code == 409
