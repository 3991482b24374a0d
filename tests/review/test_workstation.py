"""The analyst's workstation in a real browser, against the real application and database."""

from typing import TYPE_CHECKING

from tests.review.bench_pages import bench, events, function_on, item, put_parcels, wait_for_event
from tests.review.bench_world import bench_carton, bench_parcel
from tests.review.chromium import needs_chromium, new_page, wait_for_parcel
from tests.review.live_review import LiveReview, put

from parcelscope.review.dossier import Source

if TYPE_CHECKING:
    from playwright.sync_api import Browser


pytestmark = needs_chromium


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
