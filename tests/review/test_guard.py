"""What stands before every route: origins, hosts, sizes, headers, and addresses that lead out."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.review.live_review import LiveReview, add_people, live_review, put, some_parcel

import parcelscope.review
from parcelscope.review.app import needed_actions

ELSEWHERE = r"https?://|(?:src|href)=[\"']//|@import|url\(\s*[\"']?//"
FOLDER = Path(parcelscope.review.__file__ or "").parent


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReview]:
    with live_review(tmp_path_factory.mktemp("review")) as review:
        put(review.engine, some_parcel("P-1"))
        yield review


@pytest.fixture
def browser(live: LiveReview) -> Iterator[httpx.Client]:
    with live.browser() as client:
        yield client


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param(None, id="none"),
        pytest.param("null", id="null"),
        pytest.param("https://elsewhere.example", id="another site"),
        pytest.param("http://127.0.0.1", id="another port"),
        pytest.param("http://127.0.0.1:1", id="another port still"),
        pytest.param("https://{host}", id="another scheme"),
        pytest.param("http://{host}.elsewhere.example", id="begins like ours"),
        pytest.param("http://elsewhere.example/{host}", id="holds ours"),
        pytest.param("", id="empty"),
    ],
)
def test_a_write_from_another_site_is_refused(live: LiveReview, origin: str | None) -> None:
    host = live.url.removeprefix("http://")
    headers = {} if origin is None else {"origin": origin.format(host=host)}
    with httpx.Client(base_url=live.url, headers=headers) as stranger:
        for path in ("/api/queue/take", "/sign-in", "/sign-out", "/people"):
            answer = stranger.post(path, json={"filters": {}})
            assert answer.status_code == 403, path
            assert "expected a request from a page of" in answer.json()["detail"]


def test_two_origins_are_as_none(live: LiveReview) -> None:
    headers = [("origin", live.url), ("origin", "https://elsewhere.example")]
    with httpx.Client(base_url=live.url, headers=headers) as stranger:
        assert stranger.post("/api/queue/take", json={"filters": {}}).status_code == 403


@pytest.mark.parametrize("host", ["elsewhere.example", "elsewhere.example:80", "[::", ""])
def test_a_name_that_was_made_to_point_here_is_refused(live: LiveReview, host: str) -> None:
    """DNS rebinding: a page elsewhere that resolves its own name to this machine."""
    headers = {"host": host, "origin": f"http://{host}"}
    with httpx.Client(base_url=live.url) as stranger:
        assert stranger.get("/api/settings", headers=headers).status_code in (400, 421)
        taken = stranger.post("/api/queue/take", json={"filters": {}}, headers=headers)
        assert taken.status_code in (400, 421)


def test_the_origin_that_settings_name_is_the_only_one(tmp_path: Path) -> None:
    with live_review(tmp_path, origin="https://review.example") as live:
        add_people(live.engine, ("ana", "analyst"))
        with httpx.Client(base_url=live.url) as browser:
            wrong = browser.post("/sign-out", headers={"origin": live.url})
            assert wrong.status_code == 403
            right = browser.post("/sign-out", headers={"origin": "https://review.example"})
            assert right.status_code == 303
            page = browser.get("/sign-in", headers={"host": "review.example"})
            assert "max-age=31536000" in page.headers["strict-transport-security"]
            strange = browser.get("/sign-in", headers={"host": "elsewhere.example"})
            assert strange.status_code == 421
            secure = browser.post(
                "/sign-in",
                data={"name": "ana", "password": "correct horse battery staple"},
                headers={"origin": "https://review.example"},
            ).headers["set-cookie"]
    assert secure.startswith("__Host-parcelscope=")
    assert "Secure" in secure


def test_a_body_that_says_it_is_too_large_is_refused_unread(browser: httpx.Client) -> None:
    answer = browser.post("/api/queue/take", content=b"x" * 100_000)
    assert answer.status_code == 413
    assert answer.json()["detail"] == "expected a request of at most 65,536 bytes, got more"


def test_a_body_that_does_not_say_so_is_refused_where_it_is(live: LiveReview) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(1000):
            yield b" " * 10_000

    with live.browser() as browser:
        answer = browser.post(
            "/api/queue/take", content=endless(), headers={"content-type": "application/json"}
        )
    assert answer.status_code == 413


def test_only_pictures_of_labels_may_be_larger(browser: httpx.Client) -> None:
    assert browser.post("/api/frames", content=b"x" * 100_000).status_code != 413
    assert browser.post("/api/frames", content=b"x" * 5_000_000).status_code == 413


@pytest.mark.parametrize("length", ["-1", "1e9", "\u0669", "99999999999999999999"])
def test_a_length_that_is_none_is_refused(live: LiveReview, length: str) -> None:
    host, port = live.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            f"POST /api/queue/take HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: {live.url}\r\n"
            f"Content-Length: {length}\r\n\r\n".encode()
        )
        status = raw.recv(100).split()[1]
    assert status in (b"400", b"413")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"{", id="half"),
        pytest.param(b"[]", id="list"),
        pytest.param(b'{"filters": {}, "person": "root"}', id="another key"),
        pytest.param(b'{"filters": {"band": 1}}', id="number"),
        pytest.param(b"[" * 30_000, id="deep"),
        pytest.param(b'{"filters": {"text": "\xff\xfe"}}', id="no text"),
        pytest.param(b'{"filters": NaN}', id="no number"),
    ],
)
def test_a_body_that_is_not_what_it_must_be_is_one_sentence(
    browser: httpx.Client, body: bytes
) -> None:
    answer = browser.post(
        "/api/queue/take", content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code in (400, 422)
    assert isinstance(answer.json()["detail"], str)


def test_every_answer_tells_browsers_what_they_may_do(live: LiveReview) -> None:
    item_id = some_parcel("P-1").item_id
    paths = {
        path.format(item_id=item_id, n=0, k=0, form="csv", view_id="0", reference="x", seq=1)
        for method, path, _ in needed_actions()
        if method == "GET"
    }
    with live.browser() as browser:
        for path in (*paths, "/sign-in", "/static/base.css", "/nowhere", "/static/nowhere"):
            headers = browser.get(path).headers
            policy = headers["content-security-policy"]
            assert policy.startswith("default-src 'self'; img-src 'self' blob: data:;"), path
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["x-frame-options"] == "DENY"
            assert headers["cross-origin-resource-policy"] == "same-origin"
            assert headers["referrer-policy"] == "same-origin"
            assert "cache-control" in headers
            assert "access-control-allow-origin" not in headers
        assert browser.get("/queue").headers["cache-control"] == "no-store"
        assert browser.get(f"/api/items/{item_id}").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "/static/../app.py",
        "/static/..%2fapp.py",
        "/static/%2e%2e/app.py",
        "/static/....//app.py",
        "/static/..%5capp.py",
        "/static//etc/passwd",
        "/static/%00",
        "/api/items/../../etc/passwd",
        "/api/items/..%2f..%2fetc%2fpasswd",
        "/api/items/{item}/images/0/reference/..%2f..%2frun.json",
        "/api/items/{item}/images/..%2f0/picture",
        "/api/items/{item}/images/-1/picture",
        "/api/items/{item}/images/0/picture/../../../x",
        "/audit/export/..%2fcsv",
    ],
)
def test_no_address_leads_out(live: LiveReview, path: str) -> None:
    """Sent as it stands: clients would tidy it up."""
    host, port = live.url.removeprefix("http://").split(":")
    target = path.format(item=some_parcel("P-1").item_id)
    with socket.create_connection((host, int(port)), timeout=10) as raw:
        raw.sendall(
            f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = b""
        while chunk := raw.recv(65_536):
            answer += chunk
    assert answer.split()[1] in (b"400", b"404", b"405", b"422"), answer[:200]
    assert b"create_app" not in answer
    assert b"root:" not in answer


def test_no_page_or_file_names_a_place_elsewhere() -> None:
    """All that a browser is told to load comes from here: there is no CDN, font or counter."""
    for file in (*(FOLDER / "pages").rglob("*"), *(FOLDER / "static").rglob("*")):
        if file.suffix in {".html", ".css", ".js", ".mjs", ".svg"}:
            text = file.read_text(encoding="utf-8")
            # The name of a namespace is no address that anything is loaded from.
            text = text.replace("http://www.w3.org/2000/svg", "")
            assert not re.search(
                r"https?://|(?:src|href)=[\"']//|@import|url\(\s*[\"']?//", text
            ), file


def test_no_page_has_script_or_style_inside() -> None:
    for file in (FOLDER / "pages").rglob("*.html"):
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\ssrc=)", text), file
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text), file
        assert "|safe" not in text.replace(" ", ""), file


def test_a_fault_of_ours_is_one_sentence_without_its_insides(tmp_path: Path) -> None:
    with live_review(tmp_path) as live, live.browser() as browser:
        (parcel,) = put(live.engine, some_parcel("P-1", dossier={"not": "a dossier"}))
        answer = browser.get(f"/api/items/{parcel}")
        assert answer.status_code in (422, 500)
        assert "Traceback" not in answer.text
        assert "content-security-policy" in answer.headers
