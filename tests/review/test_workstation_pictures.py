"""What the workstation shows in a real browser: the scan's own pixels, marks, and views of them."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.review.bench_pages import bench, function_on, put_parcels, wait_for_event
from tests.review.bench_world import bench_parcel, parcel_scan
from tests.review.chromium import needs_chromium
from tests.review.live_review import LiveReview, live_review, put
from tests.review.queue_world import new_url

from parcelscope.datasets.xray.functions import prepare, shown
from parcelscope.datasets.xray.physics import AIR_LEVEL
from parcelscope.models.bundle import builtin_bundle_folder, read_card
from parcelscope.review.dossier import Source

if TYPE_CHECKING:
    from playwright.sync_api import Browser


pytestmark = needs_chromium


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
