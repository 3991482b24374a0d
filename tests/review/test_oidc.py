"""Signing in through an OpenID Connect provider, and what is not believed of it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc.jwk import RSAKey
from tests.review.chromium import chromium, needs_chromium, new_page
from tests.review.live_review import LiveReview, live_review
from tests.review.local_provider import CLIENT_ID, SECRET, Provider, local_provider

from parcelscope.review.database import reading
from parcelscope.review.events import read
from parcelscope.review.people import add_member, set_disabled


@pytest.fixture(scope="module")
def key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture(scope="module")
def another_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture
def provider(key: RSAKey) -> Iterator[Provider]:
    with local_provider(key) as running:
        yield running


def served(folder: Path, provider: Provider, **oidc: Any) -> Any:
    secret = folder / "secret"
    secret.write_text(f"{SECRET}\n")
    told = {
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret_file": secret,
        "label": "Agency ID",
        **oidc,
    }
    return live_review(folder, oidc=told)


@pytest.fixture
def live(tmp_path: Path, provider: Provider) -> Iterator[LiveReview]:
    with served(tmp_path, provider) as review:
        add_member(review.engine, by="parcelscope", name="ana", role="supervisor")
        yield review


def sign_in(browser: httpx.Client, wanted: str = "/queue?band=look") -> httpx.Response:
    """The last answer, after following the browser to the provider and back."""
    answer = browser.get("/sign-in/oidc", params={"next": wanted})
    for _ in range(5):
        if answer.status_code not in (302, 303, 307):
            return answer
        answer = browser.get(answer.headers["location"])
    raise AssertionError("sent around in circles")


def kinds(live: LiveReview) -> list[str]:
    with reading(live.engine) as connection:
        return [event.kind for event in read(connection)]


def test_the_sign_in_page_offers_the_provider(live: LiveReview) -> None:
    with live.browser() as browser:
        page = browser.get("/sign-in", params={"next": "/queue"}).text
    assert "Sign in with Agency ID" in page
    assert "/sign-in/oidc?next=/queue" in page


def test_a_person_of_ours_enters_with_the_role_that_they_have_here(
    live: LiveReview, provider: Provider
) -> None:
    with live.browser() as browser:
        answer = sign_in(browser)
        assert answer.status_code == 200, answer.text
        # Not a redirect: the browser came from the provider's site and would leave the strict
        # cookie at home.
        assert 'http-equiv="refresh" content="0;url=/queue?band=look"' in answer.text
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        person = browser.get("/api/settings").json()["person"]
    assert (person["name"], person["role"]) == ("ana", "supervisor")
    assert kinds(live)[-1] == "sign_in"


def test_it_asks_with_state_nonce_and_a_challenge(live: LiveReview, provider: Provider) -> None:
    with live.browser() as browser:
        sign_in(browser)
        sign_in(browser)
    first, second = provider.asked
    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 20
        assert first[name] != second[name]
    assert len(provider.exchanged[0]["code_verifier"]) >= 43


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(lambda p: p.lies.update(nonce="another"), id="another nonce"),
        pytest.param(lambda p: p.lies.update(nonce=None), id="no nonce"),
        pytest.param(lambda p: p.lies.update(aud="another-client"), id="for somebody else"),
        pytest.param(lambda p: p.lies.update(iss="https://elsewhere.example"), id="other issuer"),
        pytest.param(lambda p: p.lies.update(exp=1_600_000_000), id="expired"),
        pytest.param(lambda p: p.lies.update(exp=None), id="without end"),
        pytest.param(lambda p: setattr(p, "state", "forged"), id="another state"),
        pytest.param(lambda p: p.lies.update(preferred_username=None), id="no name"),
        pytest.param(lambda p: p.lies.update(preferred_username="a\nb"), id="no name either"),
        pytest.param(lambda p: p.lies.update(preferred_username="local"), id="our own name"),
    ],
)
def test_a_provider_that_lies_lets_nobody_in(
    live: LiveReview, provider: Provider, lie: Callable[[Provider], object]
) -> None:
    lie(provider)
    with live.browser() as browser:
        answer = sign_in(browser)
        assert answer.status_code == 403
        assert "did not work" in answer.text
        assert browser.get("/api/settings").status_code == 401
    assert "sign_in" not in kinds(live)


def test_a_token_that_another_key_signed_lets_nobody_in(
    live: LiveReview, provider: Provider, another_key: RSAKey
) -> None:
    provider.signs_with = another_key
    with live.browser() as browser:
        assert sign_in(browser).status_code == 403
        assert browser.get("/api/settings").status_code == 401


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    live: LiveReview, provider: Provider
) -> None:
    """Somebody else's code, slipped to a browser, must not sign it in as somebody else."""
    with live.browser() as attacker, live.browser() as victim:
        to_provider = attacker.get("/sign-in/oidc").headers["location"]
        back = attacker.get(to_provider).headers["location"]
        assert victim.get(back).status_code == 403
        assert victim.get("/api/settings").status_code == 401


def test_a_stranger_is_refused_and_noted(tmp_path: Path, provider: Provider) -> None:
    provider.claims["preferred_username"] = "mallory"
    with served(tmp_path, provider) as live, live.browser() as browser:
        answer = sign_in(browser)
        assert answer.status_code == 403
        assert "mallory is not among the people" in answer.text
        assert kinds(live) == ["sign_in_refused"]


def test_whoever_is_disabled_here_stays_out(live: LiveReview) -> None:
    set_disabled(live.engine, by="root", name="ana", disabled=True)
    with live.browser() as browser:
        assert sign_in(browser).status_code == 403


def test_groups_of_the_provider_give_roles(tmp_path: Path, provider: Provider) -> None:
    roles = {"leads": "supervisor", "screeners": "analyst"}
    with served(tmp_path, provider, group_roles=roles) as live:
        for groups, expected in (
            (["x", "screeners"], "analyst"),
            (["screeners", "leads"], "supervisor"),
        ):
            provider.claims = {"preferred_username": "Kim", "groups": groups}
            with live.browser() as browser:
                assert sign_in(browser).status_code == 200
                assert browser.get("/api/settings").json()["person"]["role"] == expected
        provider.claims = {"preferred_username": "Kim", "groups": "leads"}
        with live.browser() as browser:
            assert sign_in(browser).status_code == 403


def test_an_address_that_nobody_verified_is_no_name(tmp_path: Path, provider: Provider) -> None:
    with served(tmp_path, provider, name_claim="email", default_role="viewer") as live:
        provider.claims = {"email": "ana@agency.example", "email_verified": False}
        with live.browser() as browser:
            assert sign_in(browser).status_code == 403
        provider.claims["email_verified"] = True
        with live.browser() as browser:
            assert sign_in(browser).status_code == 200


def test_a_provider_that_is_gone_is_one_sentence(tmp_path: Path, provider: Provider) -> None:
    with served(tmp_path, provider, issuer="http://127.0.0.1:9") as live, live.browser() as browser:
        answer = browser.get("/sign-in/oidc")
        assert answer.status_code == 503
        assert "cannot be reached" in answer.text


def test_it_sends_nobody_elsewhere_afterwards(live: LiveReview) -> None:
    with live.browser() as browser:
        assert 'url=/"' in sign_in(browser, "https://elsewhere.example/").text


@needs_chromium
def test_a_browser_comes_back_from_another_site_and_is_in(
    tmp_path: Path, provider: Provider
) -> None:
    """`localhost` is another site than `127.0.0.1`: what is strict does not travel between them."""
    provider.issuer = provider.issuer.replace("127.0.0.1", "localhost")
    with served(tmp_path, provider) as live, chromium() as browser:
        add_member(live.engine, by="parcelscope", name="ana", role="supervisor")
        with new_page(browser, live.url) as page:
            page.goto("/queue?all=1")
            page.get_by_role("link", name="Sign in with Agency ID").click()
            page.wait_for_url("**/queue?all=1")
            page.get_by_role("heading", name="Queue").wait_for()
            assert "ana" in page.locator(".who").inner_text()
            page.get_by_role("button", name="Sign out").click()
            page.wait_for_url("**/sign-in")
            page.goto("/queue")
            assert page.url.endswith("/sign-in?next=/queue")
