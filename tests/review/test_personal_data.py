"""Names and addresses: for whoever decides, and for nobody else, on every page."""

from collections.abc import Iterator

import httpx
import pytest
from tests.review.live_review import LiveReview, add_people, live_review, put, some_parcel

from parcelscope.review.dossier import ManifestLine

SECRETS = ("Ludmilla Quist", "17 Elm Court")


def line(field: str, declared: str, *, personal: bool) -> ManifestLine:
    return ManifestLine(
        field=field, label=field, declared=declared, seen=None, differs=False, personal=personal
    )


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReview]:
    parcel = some_parcel(
        "P-1",
        description=f"gift for {SECRETS[0]}",
        manifest=(
            line("consignee_name", SECRETS[0], personal=True),
            line("consignee_address", SECRETS[1], personal=True),
            line("description", f"gift for {SECRETS[0].upper()}", personal=False),
        ),
        hidden=SECRETS,
    )
    with live_review(tmp_path_factory.mktemp("review")) as review:
        add_people(
            review.engine, ("vic", "viewer"), ("aud", "auditor"), ("ana", "analyst"), ("r", "admin")
        )
        put(review.engine, parcel)
        yield review


def everything_about(browser: httpx.Client) -> str:
    item_id = some_parcel("P-1").item_id
    told = browser.get(f"/api/items/{item_id}").json()
    pages = [f"/items/{item_id}", "/queue", "/cases", f"/cases/{told['reference']}", "/calendar"]
    return str(told) + "".join(browser.get(path).text for path in pages)


@pytest.mark.parametrize("name", ["vic", "aud"])
def test_whoever_does_not_decide_sees_no_person(live: LiveReview, name: str) -> None:
    with live.signed_in(name) as browser:
        told = everything_about(browser)
    assert "gift for" in told.casefold()
    for secret in SECRETS:
        assert secret.casefold() not in told.casefold()
    assert "hidden" in told


def test_whoever_decides_sees_whom_it_is_for(live: LiveReview) -> None:
    with live.signed_in("ana") as browser:
        told = everything_about(browser)
    for secret in SECRETS:
        assert secret in told


def test_a_search_for_a_name_tells_nobody_that_it_is_there(live: LiveReview) -> None:
    with live.signed_in("vic") as browser:
        found = browser.get("/queue", params={"text": "Quist"}).text
        nothing = browser.get("/queue", params={"text": "Nobody"}).text
    assert "P-1" not in found
    assert "Nothing here" in nothing
