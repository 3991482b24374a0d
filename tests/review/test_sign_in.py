"""Signing in and out: passwords, cookies, sessions that end, tries that are too many."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select
from tests.review.live_review import PASSWORD, LiveReview, add_people, live_review

from parcelscope.datasets.errors import ConfigError
from parcelscope.review.attempts import Attempts
from parcelscope.review.database import open_review, reading
from parcelscope.review.events import read
from parcelscope.review.passwords import hash_password, is_password
from parcelscope.review.people import LOCAL, add_member, set_disabled, set_password, set_role
from parcelscope.review.roles import Person
from parcelscope.review.sessions import Sessions
from parcelscope.review.settings import Limits, ReviewSettings
from parcelscope.review.sign_in import own_path
from parcelscope.review.tables import SESSIONS, USERS


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReview]:
    with live_review(tmp_path_factory.mktemp("review")) as review:
        add_people(review.engine, ("ana", "analyst"), ("root", "admin"))
        yield review


def session_cookie(answer: httpx.Response) -> str:
    found = re.search(r"parcelscope=([^;]+)", answer.headers.get("set-cookie", ""))
    assert found, answer.headers
    return found.group(1)


def test_a_name_and_its_password_let_in(live: LiveReview) -> None:
    with live.browser() as browser:
        answer = browser.post(
            "/sign-in", data={"name": " Ana ", "password": PASSWORD, "next": "/queue"}
        )
        assert answer.status_code == 303
        assert answer.headers["location"] == "/queue"
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path=/" in cookie
        assert browser.get("/api/settings").json()["person"]["name"] == "ana"
        assert "Sign out" in browser.get("/queue").text


def test_neither_password_nor_token_is_kept_as_it_is(live: LiveReview) -> None:
    with live.browser() as browser:
        answer = browser.post("/sign-in", data={"name": "ana", "password": PASSWORD})
    token = session_cookie(answer)
    with reading(live.engine) as connection:
        hashes = list(connection.execute(select(USERS.c.password_hash)).scalars())
        tokens = list(connection.execute(select(SESSIONS.c.token_hash)).scalars())
        told = "".join(event.body for event in read(connection))
    assert all(kept.startswith("$argon2id$") for kept in hashes)
    assert token not in tokens
    assert PASSWORD not in told
    assert token not in told


@pytest.mark.parametrize(
    ("name", "password"),
    [
        pytest.param("ana", "the wrong one", id="wrong password"),
        pytest.param("nobody", PASSWORD, id="unknown name"),
        pytest.param("ana", "", id="no password"),
        pytest.param("", "", id="nothing"),
        pytest.param("ana", PASSWORD + "x" * 300, id="too long"),
        pytest.param("ana\x00", PASSWORD, id="control character"),
        pytest.param("' OR 1=1 --", PASSWORD, id="SQL"),
    ],
)
def test_all_that_is_wrong_gets_one_answer(live: LiveReview, name: str, password: str) -> None:
    """Nobody learns from it who exists."""
    with live.browser() as browser:
        answer = browser.post("/sign-in", data={"name": name, "password": password})
        assert answer.status_code == 403
        assert "That name and password do not go together." in answer.text
        assert "set-cookie" not in answer.headers
    live.app.state.review.attempts._failed.clear()


def test_a_new_sign_in_never_takes_over_a_token_that_was_there(live: LiveReview) -> None:
    """Session fixation: a token that somebody planted in a browser is worth nothing."""
    with live.browser() as browser:
        browser.cookies.set("parcelscope", "a-token-that-the-attacker-knows")
        answer = browser.post("/sign-in", data={"name": "ana", "password": PASSWORD})
        assert session_cookie(answer) != "a-token-that-the-attacker-knows"
    with live.browser() as attacker:
        attacker.cookies.set("parcelscope", "a-token-that-the-attacker-knows")
        assert attacker.get("/api/settings").status_code == 401


def test_signing_in_again_ends_the_session_before(live: LiveReview) -> None:
    with live.browser() as browser:
        first = session_cookie(browser.post("/sign-in", data={"name": "ana", "password": PASSWORD}))
        browser.post("/sign-in", data={"name": "ana", "password": PASSWORD})
    with live.browser() as thief:
        thief.cookies.set("parcelscope", first)
        assert thief.get("/api/settings").status_code == 401


def test_signing_out_ends_the_session_for_whoever_has_the_token(live: LiveReview) -> None:
    with live.signed_in("ana") as browser, live.browser() as thief:
        thief.cookies.set("parcelscope", str(browser.cookies["parcelscope"]))
        assert thief.get("/api/settings").status_code == 200
        answer = browser.post("/sign-out")
        assert answer.status_code == 303
        assert answer.headers["clear-site-data"] == '"cache"'
        assert thief.get("/api/settings").status_code == 401
        assert browser.get("/queue", headers={"accept": "text/html"}).status_code == 303


def test_a_page_sends_to_the_form_and_back(live: LiveReview) -> None:
    with live.browser() as browser:
        answer = browser.get("/queue?band=look", headers={"accept": "text/html"})
        assert answer.headers["location"] == "/sign-in?next=/queue%3Fband%3Dlook"
        page = browser.get(answer.headers["location"])
    assert 'name="next" value="/queue?band=look"' in page.text


def test_a_link_from_elsewhere_goes_through_a_page_of_ours(live: LiveReview) -> None:
    """Browsers leave a strict cookie at home when another site links here."""
    headers = {"accept": "text/html", "sec-fetch-site": "cross-site"}
    with live.browser() as browser:
        page = browser.get("/queue?band=look", headers=headers)
    assert page.status_code == 200
    assert 'content="0;url=/queue?band=look"' in page.text


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        ("/queue?band=look", "/queue?band=look"),
        ("/", "/"),
        ("", "/"),
        ("queue", "/"),
        ("//elsewhere.example/", "/"),
        ("/\\elsewhere.example/", "/"),
        ("https://elsewhere.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\n/elsewhere.example", "/"),
        ("/sign-in?next=/sign-in", "/"),
        ("//[broken", "/"),
    ],
)
def test_nobody_is_sent_elsewhere_after_signing_in(wanted: str, path: str) -> None:
    assert own_path(wanted) == path


def test_too_many_tries_must_wait_even_with_the_right_password(tmp_path: Path) -> None:
    limits = {"failures_of_name": 3, "failures_of_address": 6}
    with live_review(tmp_path, limits=limits) as live:
        add_people(live.engine, ("ana", "analyst"), ("bo", "analyst"))
        with live.browser() as browser:
            for _ in range(3):
                wrong = {"name": "ana", "password": "the wrong one"}
                assert browser.post("/sign-in", data=wrong).status_code == 403
            right = {"name": "ana", "password": PASSWORD}
            answer = browser.post("/sign-in", data=right)
            assert answer.status_code == 429
            assert "Too many tries" in answer.text
            assert int(answer.headers["retry-after"]) > 800
            # Another name still may, until the address as a whole has tried too often.
            assert browser.post("/sign-in", data=right | {"name": "bo"}).status_code == 303
            for name in ("x", "y", "z"):
                browser.post("/sign-in", data={"name": name, "password": "guess"})
            assert browser.post("/sign-in", data=right | {"name": "bo"}).status_code == 429
        with reading(live.engine) as connection:
            refused = [event for event in read(connection) if event.kind == "sign_in_refused"]
        # What was typed as a name may be a password: only names of ours are told.
        assert {event.who for event in refused} == {"ana", "-"}


def test_tries_are_counted_by_name_and_by_address() -> None:
    now = 0.0
    limits = Limits(failures_of_name=2, failures_of_address=4, failure_window_s=100)
    attempts = Attempts(limits, clock=lambda: now)
    for _ in range(2):
        attempts.note_failure("ana", "10.0.0.1")
    assert attempts.wait_s("ana", "10.0.0.1") == 100
    assert attempts.wait_s("ana", "10.0.0.2") == 0
    assert attempts.wait_s("bo", "10.0.0.1") == 0
    for address in ("10.0.0.2", "10.0.0.3"):
        attempts.note_failure("ana", address)
    assert attempts.wait_s("ana", "10.0.0.9") == 100, "from many addresses at once"
    now = 101.0
    assert attempts.wait_s("ana", "10.0.0.1") == 0


def test_an_office_behind_one_address_may_sign_in_together() -> None:
    attempts = Attempts(Limits(failures_of_address=3))
    for number in range(50):
        attempts.note_failure(f"person-{number}", "10.0.0.1")
        attempts.note_success(f"person-{number}", "10.0.0.1")
    assert attempts.wait_s("the next one", "10.0.0.1") == 0


def test_made_up_names_do_not_fill_the_memory() -> None:
    attempts = Attempts(Limits())
    for number in range(30_000):
        attempts.note_failure(f"name-{number}", f"10.0.{number % 7}.1")
    assert len(attempts._failed) < 21_000
    assert attempts.wait_s("one more", "10.0.3.1") > 0


def a_session(folder: Path, **settings: float) -> tuple[Sessions, list[float], str]:
    """Sessions with a clock that stands still, and the token of `ana`."""
    engine = open_review(f"sqlite:///{folder / 'r.sqlite'}")
    add_member(engine, by="root", name="ana", role="analyst")
    now = [1_800_000_000.0]
    sessions = Sessions(engine, ReviewSettings.model_validate(settings), now=lambda: now[0])
    return sessions, now, sessions.begin(Person(name="ana", role="analyst"))


def test_a_session_ends_when_nobody_uses_it(tmp_path: Path) -> None:
    sessions, now, token = a_session(tmp_path, idle_min=10, session_h=12)
    for _ in range(20):  # 100 minutes in use
        now[0] += 300
        assert sessions.find(token) is not None
    now[0] += 601
    assert sessions.find(token) is None


def test_a_session_ends_after_its_longest_time_however_it_is_used(tmp_path: Path) -> None:
    sessions, now, token = a_session(tmp_path, idle_min=60, session_h=2)
    for _ in range(7):
        now[0] += 1000
        assert sessions.find(token) is not None
    now[0] += 201
    assert sessions.find(token) is None


def test_a_change_of_role_password_or_access_ends_sessions(tmp_path: Path) -> None:
    for number, change in enumerate(
        (
            lambda engine: set_role(engine, by="root", name="ana", role="viewer"),
            lambda engine: set_password(engine, by="root", name="ana", password=PASSWORD),
            lambda engine: set_disabled(engine, by="root", name="ana", disabled=True),
        )
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        sessions, now, token = a_session(folder)
        assert sessions.find(token) is not None
        change(sessions.engine)
        now[0] += 1.1  # another process may have changed it
        assert sessions.find(token) is None


def test_from_the_first_person_on_everybody_signs_in(tmp_path: Path) -> None:
    with live_review(tmp_path) as live, live.browser() as browser:
        assert browser.get("/api/settings").json()["person"]["name"] == LOCAL.name
        refused = browser.post(
            "/people", data={"name": "ana", "role": "analyst", "password": PASSWORD}
        )
        assert refused.status_code == 422
        assert "the first person must be an admin with a password" in refused.text
        added = browser.post(
            "/people", data={"name": "root", "role": "admin", "password": PASSWORD}
        )
        assert added.status_code == 303
        assert browser.get("/api/settings").status_code == 401


@pytest.mark.parametrize(
    ("password", "says"),
    [
        pytest.param("short", "15 to 256 characters, got 5", id="short"),
        pytest.param("x" * 300, "15 to 256 characters, got 300", id="long"),
        pytest.param("abababababababab", "at least 6 different", id="plain"),
        pytest.param("my name is Ana, hello", "must not hold the person's name", id="name"),
    ],
)
def test_a_password_that_is_easy_to_guess_is_refused(password: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        hash_password(password, name="ana")


def test_no_password_fits_where_none_was_kept() -> None:
    assert not is_password("", None)
    assert not is_password("anything", None)
    assert not is_password("anything", "no hash at all")
