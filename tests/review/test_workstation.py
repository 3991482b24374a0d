"""The analyst's workstation in a real browser, against the real application and database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.review.bench_world import bench_carton, bench_parcel, parcel_scan, write_bench_feed
from tests.review.chromium import chromium, needs_chromium, new_page, sign_in, wait_for_parcel
from tests.review.live_review import PASSWORD, LiveReview, add_people, live_review, put
from tests.review.queue_world import new_url

from parcelscope.datasets.xray.functions import prepare, shown
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.models.bundle import builtin_bundle_folder, read_card
from parcelscope.review.database import reading
from parcelscope.review.dossier import Source
from parcelscope.review.events import Event, of_item
from parcelscope.review.items import Band, Item, find

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return write_bench_feed(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as one:
        yield one


@pytest.fixture
def review(tmp_path: Path) -> Iterator[LiveReview]:
    with live_review(tmp_path, database=new_url(tmp_path, None)) as live:
        yield live


@contextmanager
def bench(browser: "Browser", review: LiveReview, **context: Any) -> Iterator["Page"]:
    """The workstation of the one local user, with the first parcel on the screen."""
    with new_page(browser, review.url, **context) as page:
        page.goto("/")
        wait_for_parcel(page)
        yield page


def put_parcels(review: LiveReview, source: Source, *bands: Band) -> list[str]:
    """Parcels P-1, P-2 and so on, most urgent first."""
    return put(
        review.engine,
        *(
            bench_parcel(source, f"P-{number}", band=band, priority=-float(number))
            for number, band in enumerate(bands, start=1)
        ),
    )


def item(review: LiveReview, item_id: str) -> Item:
    with reading(review.engine) as connection:
        return find(connection, item_id)


def events(review: LiveReview, item_id: str, kind: str) -> list[Event]:
    with reading(review.engine) as connection:
        return [event for event in of_item(connection, item_id) if event.kind == kind]


def wait_for_event(page: "Page", review: LiveReview, item_id: str, kind: str) -> Event:
    for _ in range(200):
        found = events(review, item_id, kind)
        if found:
            return found[0]
        page.wait_for_timeout(50)
    raise AssertionError(f"no event {kind} of {item_id} came")


def function_on(page: "Page") -> str:
    pressed = page.locator("#keys-picture [aria-pressed=true] .label")
    return ", ".join(pressed.all_inner_texts())


def test_one_key_clears_a_parcel_and_the_next_one_is_there(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    first, second = put_parcels(review, source, "clear", "clear")
    with bench(browser, review) as page:
        assert wait_for_parcel(page) == first
        page.keyboard.press("2")
        page.keyboard.press("c")
        wait_for_parcel(page, second)
        told = wait_for_event(page, review, first, "decide").told()
        assert function_on(page) == "Colour", "each parcel starts in colour"
    assert item(review, first).decision == "clear"
    assert told["functions_used"] == ["grey"]
    assert told["marks_shown"] is False
    assert told["presentation"] == "marks_after"
    assert 0 < told["ms_on_screen"] < 60_000
    assert (told["model_version"], told["threshold_version"]) == ("bundle-1", "threshold-1")


def test_the_map_of_what_is_unusual_lies_over_the_scan_once_marks_are_shown(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    folder = builtin_bundle_folder()
    models = {"bundle": str(folder), "bundle_digest": read_card(folder)[1]}
    one = bench_parcel(source.model_copy(update=models), "P-1", marked=False)
    one.dossier["images"][0]["heat"] = True
    put(review.engine, one)
    with bench(browser, review) as page:
        heat = page.locator("canvas.heat")
        heat.wait_for(state="attached")
        assert not heat.is_visible(), "not before the first look"
        page.keyboard.press("h")
        assert heat.is_visible()
        over, under = (
            page.locator(f"canvas{one}").bounding_box() for one in (".heat", "[role=img]")
        )
        assert over == pytest.approx(under, abs=0.1)
        reddest = heat.evaluate(
            "one => one.getContext('2d').getImageData(0, 0, one.width, one.height).data"
            ".reduce((most, value, at) => (at % 4 === 3 ? Math.max(most, value) : most), 0)"
        )
        assert reddest == round(0.6 * 255)


def test_a_clear_against_the_model_shows_its_marks_once_and_asks_why(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    first, second = put_parcels(review, source, "inspect", "clear")
    with bench(browser, review) as page:
        mark = page.locator(".frame.mark")
        assert not mark.is_visible(), "the first look is without marks"
        page.keyboard.press("c")
        page.get_by_role("dialog").get_by_text("Clear it against the model's advice").wait_for()
        assert mark.is_visible()
        assert item(review, first).decision is None
        page.keyboard.press("1")
        wait_for_parcel(page, second)
        told = wait_for_event(page, review, first, "decide").told()
    assert told["reason_code"] == "as_declared"
    assert told["marks_shown"] is True
    assert told["functions_used"] == ["marks_flashed"]


def test_inspect_takes_a_reason_and_another_reason_takes_a_note(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    first, second = put_parcels(review, source, "inspect", "clear")
    with bench(browser, review) as page:
        page.keyboard.press("i")
        page.keyboard.press("7")
        page.get_by_text("needs a note").wait_for()
        page.keyboard.type("ci u h: typed words press no keys")
        page.keyboard.press("Control+Enter")
        wait_for_parcel(page, second)
        told = wait_for_event(page, review, first, "decide").told()
    assert (told["decision"], told["reason_code"]) == ("inspect", "other")
    assert told["note"] == "ci u h: typed words press no keys"


def test_escape_puts_the_sheet_away_and_decides_nothing(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    (first,) = put_parcels(review, source, "inspect")
    with bench(browser, review) as page:
        page.keyboard.press("i")
        page.keyboard.press("Escape")
        assert page.locator("#sheet").is_hidden()
        assert wait_for_parcel(page) == first
    assert item(review, first).decision is None


def test_undo_brings_the_parcel_back_as_a_new_event(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    first, second = put_parcels(review, source, "clear", "clear")
    with bench(browser, review) as page:
        page.keyboard.press("c")
        wait_for_parcel(page, second)
        page.keyboard.press("u")
        wait_for_parcel(page, first)
        assert item(review, first).decision is None
        assert [len(events(review, first, kind)) for kind in ("decide", "undo")] == [1, 1]
        page.keyboard.press("c")
        wait_for_parcel(page, second)
        wait_for_event(page, review, first, "decide")


def test_a_note_stays_with_the_parcel(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    (first,) = put_parcels(review, source, "look")
    with bench(browser, review) as page:
        page.keyboard.press("n")
        page.keyboard.type("label torn")
        page.keyboard.press("Control+Enter")
        event = wait_for_event(page, review, first, "note")
        assert wait_for_parcel(page) == first
    assert event.told()["note"] == "label torn"


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


def test_a_carton_is_released_with_its_parcels(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    inside = tuple(
        bench_parcel(source, f"P-{number}", band="clear", priority=-9.0, carton_id="C-1")
        for number in (1, 2, 3)
    )
    inside_ids = put(review.engine, *inside)
    (carton,) = put(review.engine, bench_carton(source, "C-1", inside))
    with bench(browser, review) as page:
        assert wait_for_parcel(page) == carton
        assert "The manifest says 4 pieces; about 6 (5 to 7) counted" in page.inner_text("#panel")
        assert "≠ at least 1 more than declared" in page.inner_text("#panel")
        assert page.locator(".frame.piece").first.is_hidden()
        page.keyboard.press("b")
        assert page.locator(".frame.piece").first.is_visible()
        page.keyboard.press("r")
        page.keyboard.type("trusted sender")
        page.keyboard.press("Control+Enter")
        page.get_by_text("released in all").wait_for()
    states = {one: item(review, one).state for one in (carton, *inside_ids)}
    assert set(states.values()) <= {"released", "decided"}, states


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


def test_a_tap_stays_and_holding_peeks(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    put_parcels(review, source, "look")
    with bench(browser, review) as page:
        page.keyboard.press("5")
        assert function_on(page) == "Metal"
        page.keyboard.down("2")
        page.wait_for_timeout(400)
        assert function_on(page) == "Grey"
        page.keyboard.up("2")
        assert function_on(page) == "Metal"
        page.locator("#keys-picture .key-marks").click()
        assert function_on(page) == "Metal, Marks"
        page.locator("#keys-picture .key-inverse").click(delay=400)
        assert function_on(page) == "Metal, Marks", "holding a button peeks too"


def test_the_screen_shows_the_pixels_that_python_renders(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    put_parcels(review, source, "look")
    scan = parcel_scan()
    prepared = prepare(scan.low, scan.high, air_level=AIR_LEVEL)
    read = (
        "() => { const c = document.querySelector('.stage.scan canvas');"
        " return Array.from(c.getContext('2d').getImageData(0, 0, c.width, c.height).data) }"
    )
    with bench(browser, review) as page:
        for key, function in (("1", "colour"), ("4", "organic")):
            page.keyboard.press(key)
            expected = shown(prepared, function)
            got = np.array(page.evaluate(read), np.uint8).reshape(*expected.shape[:2], 4)[..., :3]
            differ = np.abs(got.astype(int) - expected).max(axis=2)
            assert (differ > 1).mean() < 1e-4, function


def test_what_stands_in_a_manifest_stays_text(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    hostile = "<img src=x onerror=\"document.title='taken'\"><script>alert(1)</script>"
    put(review.engine, bench_parcel(source, "P-1", description=hostile))
    with bench(browser, review) as page:
        assert hostile in page.inner_text("#panel")
        page.wait_for_timeout(200)
        assert page.title().startswith("Parcel P-1")


def test_no_page_asks_any_other_host(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    put_parcels(review, source, "look")
    with new_page(browser, review.url) as page:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto("/")
        wait_for_parcel(page)
        page.goto("/help")
    assert asked
    assert [url for url in asked if not url.startswith((review.url, "blob:", "data:"))] == []


def test_marks_are_there_at_once_where_the_facility_wants_them_first(
    browser: "Browser", tmp_path: Path, source: Source
) -> None:
    database = new_url(tmp_path, None)
    with live_review(tmp_path, database=database, presentation="marks_first") as review:
        (first,) = put_parcels(review, source, "clear")
        with bench(browser, review) as page:
            assert page.locator(".frame.mark").is_visible()
            page.keyboard.press("c")
            told = wait_for_event(page, review, first, "decide").told()
    assert (told["presentation"], told["marks_shown"]) == ("marks_first", True)


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


def test_fingers_pinch_drag_and_swipe(
    browser: "Browser", review: LiveReview, source: Source
) -> None:
    put_parcels(review, source, "look")
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    with bench(browser, review, **phone) as page:
        fingers = page.context.new_cdp_session(page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            told = [{"x": x, "y": y, "id": n} for n, (x, y) in enumerate(points)]
            fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": told})

        def looks() -> str:
            return str(page.evaluate("document.querySelector('.layer > *').style.transform"))

        def title() -> str:
            return page.inner_text("#panes figcaption b")

        whole = looks()
        assert title() == "X-ray, top"
        touch("touchStart", (150, 250), (240, 250))
        touch("touchMove", (120, 250), (270, 250))
        touch("touchMove", (90, 250), (300, 250))
        touch("touchEnd")
        near = looks()
        assert near != whole
        touch("touchStart", (200, 250))
        touch("touchMove", (160, 270))
        touch("touchEnd")
        assert looks() != near
        assert title() == "X-ray, top", "a drag on a near picture turns no page"
        page.locator(".key-fit").dispatch_event("click")
        touch("touchStart", (300, 250))
        touch("touchMove", (200, 250))
        touch("touchMove", (120, 250))
        touch("touchEnd")
        assert title() == "Photo, product"
        page.locator(".key-inspect").tap()
        page.get_by_role("button", name="Differs from the manifest").tap()
        page.get_by_text("Nothing waits for you.").wait_for()


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
