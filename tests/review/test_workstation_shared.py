"""The workstation beside other people, and without a connection."""

from typing import TYPE_CHECKING

from tests.review.bench_pages import bench, events, function_on, item, put_parcels, wait_for_event
from tests.review.chromium import needs_chromium, new_page, sign_in, wait_for_parcel
from tests.review.live_review import PASSWORD, LiveReview, add_people

from parcelscope.review.dossier import Source

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route


pytestmark = needs_chromium


def test_a_second_analyst_sees_nothing_of_the_first_opinion(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    add_people(review.engine, ("ana", "analyst"), ("bo", "analyst"))
    (first,) = put_parcels(review, source, "inspect")
    with new_page(browser, review.url) as page:
        sign_in(page, "ana", PASSWORD)
        wait_for_parcel(page, first)
        page.keyboard.press("s")
        page.locator("#sheet-note").fill("a blade in the lining")
        page.get_by_role("button", name="I would inspect it").click()
        wait_for_event(page, review, first, "second")
        page.get_by_text("Nothing waits for you.").wait_for()
    with new_page(browser, review.url) as page:
        sign_in(page, "bo", PASSWORD)
        wait_for_parcel(page, first)
        told = page.content() + page.request.get(f"/api/items/{first}").text()
        assert "A second opinion is asked for" in told
        for hidden in ("blade in the lining", "would have", "ana"):
            assert hidden not in told.replace("analyst", "")
        page.keyboard.press("i")
        page.keyboard.press("4")
        wait_for_event(page, review, first, "decide")
    assert item(review, first).decision == "inspect"


def test_two_analysts_at_once_never_see_the_same_parcel(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    add_people(review.engine, ("ana", "analyst"), ("bo", "analyst"))
    ids = put_parcels(review, source, *(["clear"] * 6))
    seen: dict[str, list[str]] = {"ana": [], "bo": []}
    with new_page(browser, review.url) as left, new_page(browser, review.url) as right:
        for page, name in ((left, "ana"), (right, "bo")):
            sign_in(page, name, PASSWORD)
            wait_for_parcel(page)
        for _ in range(3):
            for page, name in ((left, "ana"), (right, "bo")):
                here = wait_for_parcel(page)
                seen[name].append(here)
                page.keyboard.press("c")
                page.wait_for_selector(f'#bench:not([data-shown="{here}"])', state="attached")
                wait_for_event(page, review, here, "decide")
    assert sorted(seen["ana"] + seen["bo"]) == sorted(ids)
    assert all(len(events(review, one, "decide")) == 1 for one in ids)


def test_a_parcel_that_went_to_somebody_else_is_not_decided_and_says_so(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    add_people(review.engine, ("ana", "analyst"), ("sue", "supervisor"), ("bo", "analyst"))
    (first,) = put_parcels(review, source, "clear")
    with new_page(browser, review.url) as page, review.signed_in("sue") as sue:
        sign_in(page, "ana", PASSWORD)
        wait_for_parcel(page, first)
        assert sue.post(f"/api/items/{first}/reassign", json={"to": "bo"}).status_code == 200
        page.keyboard.press("c")
        page.get_by_text("Not done: parcel P-1 is now with bo").wait_for()
    assert item(review, first).decision is None


def test_a_viewer_looks_and_cannot_decide(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    add_people(review.engine, ("vic", "viewer"))
    (first,) = put_parcels(review, source, "inspect")
    with new_page(browser, review.url) as page:
        sign_in(page, "vic", PASSWORD)
        page.goto(f"/items/{first}")
        wait_for_parcel(page, first)
        assert page.locator(".key-clear").is_disabled()
        page.keyboard.press("c")
        assert "Pat Doe" not in page.content()
    assert item(review, first).decision is None


def test_a_lost_connection_keeps_decisions_and_sends_them_once(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    first, second, third = put_parcels(review, source, "clear", "clear", "clear")
    with bench(browser, review) as page:
        page.wait_for_timeout(300)  # the second parcel is fetched ahead
        page.context.set_offline(True)
        page.keyboard.press("c")
        wait_for_parcel(page, second)
        page.get_by_text("1 decision is kept here and sent again").wait_for()
        page.keyboard.press("3")
        assert function_on(page) == "Inverse", "pictures go on working"
        page.keyboard.press("c")
        page.get_by_text("2 decisions are kept here").wait_for()
        page.context.set_offline(False)
        wait_for_parcel(page, third)
        page.locator("#connection").wait_for(state="hidden")
        assert len(events(review, first, "decide")) == len(events(review, second, "decide")) == 1


def test_an_answer_that_is_lost_on_its_way_does_not_decide_twice(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    first, second = put_parcels(review, source, "clear", "clear")
    lost: list[str] = []

    def lose_the_first_answer(route: "Route") -> None:
        if lost:
            route.continue_()
        else:
            lost.append(str(route.fetch().status))  # the server has heard it
            route.abort()

    with bench(browser, review) as page:
        page.route("**/decide", lose_the_first_answer)
        page.keyboard.press("c")
        page.get_by_text("1 decision is kept here").wait_for()
        page.locator("#connection").wait_for(state="hidden")
        wait_for_parcel(page, second)
    assert lost == ["200"]
    assert len(events(review, first, "decide")) == 1


def test_a_decision_that_waits_for_a_connection_can_be_taken_back(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    first, second = put_parcels(review, source, "clear", "clear")
    with bench(browser, review) as page:
        page.wait_for_timeout(300)
        page.context.set_offline(True)
        page.keyboard.press("c")
        wait_for_parcel(page, second)
        page.get_by_text("1 decision is kept here").wait_for()
        page.keyboard.press("u")
        wait_for_parcel(page, first)
        page.context.set_offline(False)
        page.locator("#connection").wait_for(state="hidden")
    assert events(review, first, "decide") == []


def test_deciding_faster_than_the_server_hears_decides_nothing_twice(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    ids = put_parcels(review, source, *(["clear"] * 5))

    def late(route: "Route") -> None:
        page.wait_for_timeout(400)
        route.continue_()

    refused: list[int] = []
    with bench(browser, review) as page:
        page.on("response", lambda answer: refused.append(answer.status))
        page.route("**/decide", late)
        shown_ones = []
        for _ in ids:
            here = wait_for_parcel(page)
            shown_ones.append(here)
            page.keyboard.press("c")
            page.wait_for_selector(f'#bench:not([data-shown="{here}"])', state="attached")
        page.get_by_text("Nothing waits for you.").wait_for()
        for one in ids:
            wait_for_event(page, review, one, "decide")
    assert shown_ones == ids
    assert 409 not in refused
