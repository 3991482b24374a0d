"""Names from a reverse proxy: believed from its own addresses alone."""

from pathlib import Path

import httpx
import pytest
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from tests.review.live_review import live_review

from parcelscope.review.people import add_member, set_disabled
from parcelscope.review.proxy import address_of, name_from_proxy
from parcelscope.review.settings import ProxySettings

PROXY = ProxySettings(addresses=("10.1.0.0/24", "::1"))


@pytest.mark.parametrize(
    ("address", "sent", "name"),
    [
        pytest.param("10.1.0.7", ["ana"], "ana", id="from the proxy"),
        pytest.param("::1", ["ana"], "ana", id="from its other address"),
        pytest.param("10.1.1.7", ["ana"], None, id="from elsewhere"),
        pytest.param("unknown", ["ana"], None, id="from nowhere"),
        pytest.param("10.1.0.7", [], None, id="without a name"),
        pytest.param("10.1.0.7", [""], None, id="empty"),
        pytest.param("10.1.0.7", ["root", "ana"], None, id="twice: one is the client's"),
        pytest.param("10.1.0.7", ["a\tb"], None, id="control character"),
        pytest.param("10.1.0.7", ["x" * 101], None, id="too long"),
    ],
)
def test_a_name_counts_from_the_proxy_alone(
    address: str, sent: list[str], name: str | None
) -> None:
    headers = Headers(raw=[(b"x-remote-user", one.encode()) for one in sent])
    assert name_from_proxy(address, headers, PROXY) == name
    assert name_from_proxy(address, headers, None) is None


@pytest.mark.parametrize(
    ("client", "forwarded", "address"),
    [
        pytest.param("192.0.2.9", "203.0.113.5", "192.0.2.9", id="not from the proxy"),
        pytest.param("10.1.0.7", "203.0.113.5", "203.0.113.5", id="from the proxy"),
        pytest.param("10.1.0.7", "6.6.6.6, 203.0.113.5", "203.0.113.5", id="forged before it"),
        pytest.param("10.1.0.7", "203.0.113.5, 10.1.0.8", "203.0.113.5", id="two proxies"),
        pytest.param("10.1.0.7", "", "10.1.0.7", id="proxy says nothing"),
    ],
)
def test_tries_are_counted_by_the_address_that_the_proxy_saw(
    client: str, forwarded: str, address: str
) -> None:
    scope = {
        "type": "http",
        "client": (client, 5000),
        "headers": [(b"x-forwarded-for", forwarded.encode())],
    }
    assert address_of(HTTPConnection(scope), PROXY) == address


def test_whom_the_proxy_names_is_in_without_a_password(tmp_path: Path) -> None:
    proxy = {"header": "X-Agency-User", "addresses": ["127.0.0.1"]}
    with live_review(tmp_path, proxy=proxy) as live:
        add_member(live.engine, by="parcelscope", name="ana", role="supervisor")
        with httpx.Client(base_url=live.url, headers={"x-agency-user": "Ana"}) as browser:
            told = browser.get("/api/settings").json()["person"]
            assert (told["name"], told["role"]) == ("ana", "supervisor")
            # A site elsewhere can make the browser go through the proxy too.
            forged = browser.post("/api/undo", headers={"origin": "https://elsewhere.example"})
            assert forged.status_code == 403
        with httpx.Client(base_url=live.url, headers={"x-agency-user": "mallory"}) as browser:
            answer = browser.get("/queue", headers={"accept": "text/html"})
            assert answer.status_code == 403
            assert "mallory is not among the people" in answer.text
        with httpx.Client(base_url=live.url) as browser:
            assert browser.get("/api/settings").status_code == 401
        set_disabled(live.engine, by="parcelscope", name="ana", disabled=True)
        with httpx.Client(base_url=live.url, headers={"x-agency-user": "ana"}) as browser:
            assert browser.get("/api/settings").status_code == 403


def test_a_header_from_anywhere_else_means_nothing(tmp_path: Path) -> None:
    with live_review(tmp_path, proxy={"addresses": ["192.0.2.1"]}) as live:
        add_member(live.engine, by="parcelscope", name="root", role="admin")
        with httpx.Client(base_url=live.url, headers={"x-remote-user": "root"}) as stranger:
            assert stranger.get("/api/settings").status_code == 401
            assert stranger.get("/people").status_code == 401


def test_strangers_may_be_given_a_role(tmp_path: Path) -> None:
    proxy = {"addresses": ["127.0.0.1"], "default_role": "viewer"}
    with (
        live_review(tmp_path, proxy=proxy) as live,
        httpx.Client(base_url=live.url, headers={"x-remote-user": "Kim"}) as browser,
    ):
        told = browser.get("/api/settings").json()["person"]
        assert (told["name"], told["role"]) == ("kim", "viewer")
        assert browser.get("/statistics").status_code == 403


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via", "x-real-ip"])
def test_nobody_becomes_the_user_of_this_machine_through_a_proxy(
    tmp_path: Path, header: str
) -> None:
    """A proxy that was put before it without a word to it would make everybody an admin."""
    with live_review(tmp_path) as live, httpx.Client(base_url=live.url) as browser:
        assert browser.get("/api/settings").status_code == 200
        assert browser.get("/api/settings", headers={header: "192.0.2.1"}).status_code == 401


def test_with_an_origin_of_its_own_everybody_signs_in(tmp_path: Path) -> None:
    with (
        live_review(tmp_path, origin="https://review.example") as live,
        httpx.Client(base_url=live.url) as browser,
    ):
        assert browser.get("/api/settings").status_code == 401
