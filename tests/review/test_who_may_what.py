"""Every route against every role, over the wire."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import httpx
import pytest
from fastapi import APIRouter
from tests.review.live_review import LiveReview, add_people, live_review, put, some_parcel

from parcelscope.review.app import needed_actions
from parcelscope.review.database import reading
from parcelscope.review.items import find
from parcelscope.review.roles import ACTIONS, ROLES, Role, may

EVERYBODY = frozenset(ROLES)
WORKING = frozenset({"analyst", "supervisor", "admin"})
LEADING = frozenset({"supervisor", "admin"})
READING_THE_LOG = frozenset({"auditor", "admin"})
ADMIN = frozenset({"admin"})

WHO_MAY: dict[tuple[str, str], frozenset[str]] = {
    ("GET", "/"): EVERYBODY,
    ("GET", "/help"): EVERYBODY,
    ("GET", "/items/{item_id}"): EVERYBODY,
    ("GET", "/queue"): EVERYBODY,
    ("POST", "/queue/views"): EVERYBODY,
    ("POST", "/queue/views/{view_id}/remove"): EVERYBODY,
    ("POST", "/queue/put-back"): LEADING,
    ("POST", "/queue/ask-no-more"): LEADING,
    ("GET", "/api/settings"): EVERYBODY,
    ("GET", "/api/renderer"): EVERYBODY,
    ("GET", "/api/items/{item_id}"): EVERYBODY,
    ("GET", "/api/items/{item_id}/images/{n}/heat"): EVERYBODY,
    ("GET", "/api/items/{item_id}/images/{n}/picture"): EVERYBODY,
    ("GET", "/api/items/{item_id}/images/{n}/pixels"): EVERYBODY,
    ("GET", "/api/items/{item_id}/images/{n}/reference/{k}"): EVERYBODY,
    ("POST", "/api/queue/take"): WORKING,
    ("POST", "/api/queue/renew"): WORKING,
    ("POST", "/api/queue/release"): WORKING,
    ("POST", "/api/items/{item_id}/decide"): WORKING,
    ("POST", "/api/items/{item_id}/second"): WORKING,
    ("POST", "/api/items/{item_id}/note"): WORKING,
    ("POST", "/api/undo"): WORKING,
    ("POST", "/api/items/{item_id}/reassign"): LEADING,
    ("POST", "/api/items/{item_id}/release-carton"): LEADING,
    ("POST", "/api/items/{item_id}/reopen"): LEADING,
    ("GET", "/cases"): EVERYBODY,
    ("GET", "/cases/{reference}"): EVERYBODY,
    ("GET", "/calendar"): EVERYBODY,
    ("GET", "/calendar.ics"): EVERYBODY,
    ("POST", "/cases/{reference}/about"): WORKING,
    ("POST", "/cases/{reference}/aliases"): WORKING,
    ("POST", "/cases/{reference}/dates"): WORKING,
    ("POST", "/cases/{reference}/dates/{seq}/withdraw"): WORKING,
    ("POST", "/cases/{reference}/move"): WORKING,
    ("GET", "/officer"): WORKING,
    ("GET", "/officer-worker.js"): WORKING,
    ("GET", "/api/exams"): WORKING,
    ("POST", "/api/exams"): WORKING,
    ("POST", "/api/frames"): WORKING,
    ("GET", "/api/lookup"): WORKING,
    ("GET", "/statistics"): LEADING,
    ("GET", "/audit"): READING_THE_LOG,
    ("POST", "/audit/verify"): READING_THE_LOG,
    ("GET", "/audit/export/{form}"): READING_THE_LOG,
    ("GET", "/people"): ADMIN,
    ("POST", "/people"): ADMIN,
    ("POST", "/people/role"): ADMIN,
    ("POST", "/people/password"): ADMIN,
    ("POST", "/people/disabled"): ADMIN,
}
"""Written out once more, so that a route which is opened too far does not go unnoticed."""


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReview]:
    with live_review(tmp_path_factory.mktemp("review")) as review:
        add_people(review.engine, *((role, role) for role in ROLES if role != "admin"))
        add_people(review.engine, ("root", "admin"))
        put(review.engine, some_parcel("P-1"))
        yield review


@pytest.fixture(scope="module")
def browsers(live: LiveReview) -> Iterator[dict[str, httpx.Client]]:
    names: dict[str, str] = {role: role for role in ROLES} | {"admin": "root"}
    clients = {role: live.browser() for role in names}
    for role, name in names.items():
        answer = clients[role].post(
            "/sign-in", data={"name": name, "password": "correct horse battery staple"}
        )
        assert answer.status_code == 303
    yield clients
    for client in clients.values():
        client.close()


def test_every_route_stands_in_the_table() -> None:
    assert {(method, path) for method, path, _ in needed_actions()} == set(WHO_MAY)


def test_a_route_that_says_nothing_keeps_the_application_from_starting() -> None:
    router = APIRouter()
    router.add_api_route("/new", lambda: {})
    with pytest.raises(ValueError, match="/new does not say what whoever asks must be allowed"):
        list(needed_actions([router]))


@pytest.mark.parametrize(
    ("method", "path"), sorted(WHO_MAY), ids=lambda value: str(value).replace("/", "_")
)
def test_a_route_lets_in_whom_the_table_names(
    live: LiveReview, browsers: dict[str, httpx.Client], method: str, path: str
) -> None:
    item_id = some_parcel("P-1").item_id
    with reading(live.engine) as connection:
        reference = str(find(connection, item_id).reference)
    address = path.format(
        item_id=item_id, n=0, k=0, form="csv", view_id="0", reference=reference, seq=1
    )
    for role, browser in browsers.items():
        status = browser.request(method, address).status_code
        if role in WHO_MAY[method, path]:
            assert status not in (401, 403), f"{role}: {status}"
            assert status < 500, f"{role}: {status}"
        else:
            assert status == 403, f"{role}: {status}"
    with live.browser() as nobody:
        assert nobody.request(method, address).status_code == 401
        page = nobody.request(method, address, headers={"accept": "text/html"})
        if path.startswith("/api/"):
            assert page.status_code == 401
        else:
            assert page.status_code == 303
            assert page.headers["location"].startswith("/sign-in")


@pytest.mark.parametrize("role", ROLES)
def test_roles_and_actions_fit_each_other(role: Role) -> None:
    assert may(role, "see")
    assert may(role, "manage_people") == (role == "admin")
    if may(role, "supervise"):
        assert may(role, "decide")
    if role == "auditor":
        assert [action for action in ACTIONS if may(role, action)] == ["see", "audit"]
    assert role in get_args(Role)


def test_nobody_climbs_to_a_role_by_asking(
    live: LiveReview, browsers: dict[str, httpx.Client]
) -> None:
    """A role stands in the database; no header, cookie or field of a form changes it."""
    analyst = browsers["analyst"]
    for attempt in (
        {"headers": {"x-remote-user": "root", "x-forwarded-user": "root"}},
        {"headers": {"x-role": "admin", "authorization": "Basic cm9vdDpyb290"}},
        {"params": {"role": "admin", "user": "root"}},
    ):
        assert analyst.get("/people", **attempt).status_code == 403  # type: ignore[arg-type]
    for name in ("role", "user"):
        analyst.cookies.set(name, "admin")
    assert analyst.get("/people").status_code == 403
    climbed = analyst.post("/people/role", data={"name": "analyst", "role": "admin"})
    assert climbed.status_code == 403
    assert analyst.get("/api/settings").json()["person"]["role"] == "analyst"


def test_a_method_that_a_route_does_not_have_is_refused(
    browsers: dict[str, httpx.Client],
) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert browsers["admin"].request(method, "/people").status_code == 405
    assert browsers["admin"].request("TRACE", "/people").status_code == 405


def test_what_happened_at_a_route_is_told_to_no_stranger(live: LiveReview, tmp_path: Path) -> None:
    with live.browser() as nobody:
        for path in ("/docs", "/redoc", "/openapi.json", "/metrics"):
            assert nobody.get(path).status_code == 404
