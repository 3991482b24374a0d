"""The officer's phone in a real browser: a label, three taps, a connection that is lost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
import zxingcpp
from tests.review.bench_world import bench_parcel, write_bench_feed
from tests.review.chromium import CHROMIUM, chromium, needs_chromium, new_page, sign_in
from tests.review.live_review import PASSWORD, LiveReview, add_people, live_review, put

from parcelscope.review.cases import find_case
from parcelscope.review.database import reading
from parcelscope.review.dossier import Source
from parcelscope.review.events import Event, read, verify
from parcelscope.review.items import find
from parcelscope.screening.policy import PolicyConfig, load_policies

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = needs_chromium
playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True}
US = load_policies(PolicyConfig())


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    return write_bench_feed(tmp_path_factory.mktemp("phone"))


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    with chromium() as one:
        yield one


@pytest.fixture
def review(tmp_path: Path, source: Source) -> Iterator[LiveReview]:
    with live_review(tmp_path) as live:
        put(live.engine, *(bench_parcel(source, f"P-{number}") for number in (1, 2, 3)))
        yield live
        with reading(live.engine) as connection:
            assert verify(connection).problem is None


@contextmanager
def phone(browser: "Browser", review: LiveReview, **context: Any) -> Iterator["Page"]:
    """The officer's page of the one local user."""
    with new_page(browser, review.url, **(PHONE | context)) as page:
        page.goto("/officer")
        page.wait_for_selector("#start:not([hidden])")
        yield page


def exams(review: LiveReview) -> list[Event]:
    with reading(review.engine) as connection:
        return [event for event in read(connection) if event.kind == "outcome"]


def case_state(review: LiveReview, event: Event) -> str:
    with reading(review.engine) as connection:
        return find_case(connection, event.reference or "", US).standing.state


def type_number(page: "Page", number: str) -> None:
    page.fill("#number", number)
    page.press("#number", "Enter")
    page.wait_for_selector("[data-choice=violation]")


def tap(page: "Page", *choices: str) -> None:
    for choice in choices:
        page.tap(f"[data-choice={choice}]")


@pytest.mark.parametrize(
    ("taps", "told", "state"),
    [
        (("violation", "undeclared", "log"), ("violation", "undeclared"), "exam"),
        (("no_violation", "release", "log"), ("no_violation", ""), "released"),
        (("no_violation", "keep", "log"), ("no_violation", ""), "exam"),
        (("not_examined", "gone", "log"), ("not_examined", "gone"), "open"),
    ],
)
def test_an_exam_is_logged_in_three_taps(
    browser: "Browser",
    review: LiveReview,
    taps: tuple[str, ...],
    told: tuple[str, str],
    state: str,
) -> None:
    with phone(browser, review) as page:
        type_number(page, "p-2")
        assert page.inner_text("#parcel h2") == "Parcel P-2"
        tap(page, *taps)
        page.wait_for_selector("#done:not([hidden])")
        assert "Logged: parcel P-2" in page.inner_text("#done")
    (event,) = exams(review)
    body = event.told()
    assert (body["outcome"], body["kind"]) == told
    assert body["exam_started_at"] <= body["exam_ended_at"]
    assert case_state(review, event) == state


def test_everything_to_tap_is_large_and_the_outcomes_are_in_view(
    browser: "Browser", review: LiveReview
) -> None:
    with phone(browser, review) as page:
        type_number(page, "P-1")
        boxes = [one.bounding_box() for one in page.query_selector_all("[data-choice]")]
        assert len(boxes) == 3
        for box in boxes:
            assert box is not None
            assert min(box["width"], box["height"]) >= 48
            assert box["y"] + box["height"] <= 844
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 390


def test_what_is_logged_without_a_connection_is_sent_once_when_it_returns(
    browser: "Browser", review: LiveReview
) -> None:
    with phone(browser, review) as page:
        kept = (
            "caches.open('parcelscope-exam').then(shelf => shelf.match('/officer')).then(Boolean)"
        )
        while not page.evaluate(kept):
            page.wait_for_timeout(50)
        type_number(page, "P-1")
        page.context.set_offline(True)
        tap(page, "violation", "mark", "log")
        page.wait_for_selector("#outbox:not([hidden])")
        assert "1 outcome waits for a connection" in page.inner_text("#outbox")
        assert page.is_visible("#lost")
        # A parcel that nobody looked up before the connection went.
        type_number(page, "P-3")
        tap(page, "not_examined", "no_time", "log")
        expect(page.locator("#outbox li")).to_have_count(2)
        assert exams(review) == []
        # The phone drops the page and loads it again, still without a connection.
        page.reload()
        page.wait_for_selector("#outbox:not([hidden])")
        expect(page.locator("#outbox li")).to_have_count(2)
        page.context.set_offline(False)
        page.wait_for_selector("#outbox", state="hidden")
    logged = exams(review)
    assert [event.told()["outcome"] for event in logged] == ["violation", "not_examined"]
    with reading(review.engine) as connection:
        names = [find(connection, event.item_id or "").owner_id for event in logged]
    assert names == ["P-1", "P-3"]


def test_an_answer_that_is_lost_on_its_way_does_not_log_twice(
    browser: "Browser", review: LiveReview
) -> None:
    with phone(browser, review) as page:
        lost: list[str] = []

        def lose(route: Any) -> None:
            if route.request.method == "POST" and not lost:
                route.fetch()  # the server hears it, the phone does not hear back
                lost.append(route.request.post_data)
                route.abort("connectionreset")
            else:
                route.continue_()

        page.route("**/api/exams", lose)
        type_number(page, "P-1")
        tap(page, "violation", "value", "log")
        page.wait_for_selector("#done:not([hidden])", timeout=20_000)
        assert len(lost) == 1
    (event,) = exams(review)
    assert event.told()["key"] == json.loads(lost[0])["key"]


def test_what_the_server_refuses_is_shown_and_can_be_looked_up(
    browser: "Browser", review: LiveReview
) -> None:
    with phone(browser, review) as page:
        page.route("**/api/lookup*", lambda route: route.abort("internetdisconnected"))
        type_number(page, "NOBODY-7")
        tap(page, "violation", "value", "log")
        page.wait_for_selector("#outbox .problem")
        text = page.inner_text("#outbox")
        assert "Not logged: NOBODY-7" in text
        assert "No case is known by NOBODY-7." in text
        page.get_by_role("button", name="Discard").tap()
        page.wait_for_selector("#outbox", state="hidden")
    assert exams(review) == []


def test_one_officer_does_not_send_what_another_logged(
    browser: "Browser", review: LiveReview
) -> None:
    add_people(review.engine, ("ana", "analyst"), ("bo", "analyst"))
    with new_page(browser, review.url, **PHONE) as page:
        sign_in(page, "ana", PASSWORD)
        page.goto("/officer")
        type_number(page, "P-1")
        page.route("**/api/exams", lambda route: route.abort("internetdisconnected"))
        tap(page, "violation", "value", "log")
        page.wait_for_selector("#outbox:not([hidden])")
        page.unroute("**/api/exams")
        page.goto("/")
        page.get_by_role("button", name="Sign out").click()
        sign_in(page, "bo", PASSWORD)
        page.goto("/officer")
        page.wait_for_selector("#waiting", state="attached")
        page.wait_for_timeout(500)
        assert exams(review) == []
        page.get_by_role("button", name="Sign out").click()
        sign_in(page, "ana", PASSWORD)
        page.goto("/officer")
        page.wait_for_selector("#done:not([hidden])")
    assert [event.who for event in exams(review)] == ["ana"]


def test_a_label_before_the_camera_leads_to_its_parcel(
    browser: "Browser", review: LiveReview, tmp_path: Path
) -> None:
    film = _film(_label("P-2"), tmp_path / "label.mjpeg")
    camera = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]
    with_camera = browser.browser_type.launch(
        executable_path=CHROMIUM,
        args=["--no-sandbox", *camera, f"--use-file-for-fake-video-capture={film}"],
    )
    try:
        with phone(with_camera, review, permissions=["camera"]) as page:
            page.tap("#scan")
            page.wait_for_selector("#parcel:not([hidden])")
            assert page.inner_text("#parcel h2") == "Parcel P-2"
            assert page.evaluate("document.getElementById('video').srcObject") is None
    finally:
        with_camera.close()


def test_a_photo_of_a_label_leads_to_its_parcel(
    browser: "Browser", review: LiveReview, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    cv2.imwrite(str(photo), _label("P-3"))
    with phone(browser, review) as page:
        page.set_input_files("#photo", photo)
        page.wait_for_selector("#parcel:not([hidden])")
        assert page.inner_text("#parcel h2") == "Parcel P-3"
        page.get_by_role("button", name="Back").tap()
        blank = tmp_path / "blank.jpg"
        cv2.imwrite(str(blank), np.full((400, 600, 3), 220, np.uint8))
        page.set_input_files("#photo", blank)
        expect(page.locator("#problem")).to_have_text("No code on it can be read.")


def test_a_picture_that_is_saved_carries_the_number_of_its_case(review: LiveReview) -> None:
    with review.browser() as client:
        told = client.get("/api/lookup", params={"text": "P-1"}).json()
        reference, item_id = told["found"][0]["reference"], told["item"]["item_id"]
        photo = client.get(f"/api/items/{item_id}/images/1/picture")
    assert photo.headers["content-disposition"] == f'inline; filename="{reference}-1.jpg"'


def test_what_waits_for_an_exam_is_listed_and_opens_with_a_tap(
    browser: "Browser", review: LiveReview
) -> None:
    with phone(browser, review) as page:
        assert page.is_hidden("#waiting")
        with review.browser() as client:
            item = client.post("/api/queue/take", json={}).json()["items"][0]
            body = {"decision": "inspect", "reason_code": "count_differs"}
            client.post(f"/api/items/{item['item_id']}/decide", json=body).raise_for_status()
        page.reload()
        page.locator("#waiting button").tap()
        page.wait_for_selector("#parcel:not([hidden])")
        assert page.inner_text("#parcel h2") == f"Parcel {item['owner_id']}"


@pytest.mark.parametrize("path", ["/officer", "/cases", "/calendar", "case"])
def test_the_pages_have_no_barriers_that_axe_knows(
    browser: "Browser", review: LiveReview, path: str
) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with phone(browser, review) as page:
        type_number(page, "P-1")
        tap(page, "violation", "mark", "log")
        page.wait_for_selector("#done:not([hidden])")
        address = f"/cases/{exams(review)[0].reference}" if path == "case" else path
        for width in (390, 1366):
            page.set_viewport_size({"width": width, "height": 844})
            page.goto(address)
            page.wait_for_load_state("networkidle")
            found = axe.run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response
            told = [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]
            assert told == []


def _label(text: str) -> Any:
    """A label with `text` as Code 128, 1280 x 720 pixels."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    bars = np.asarray(zxingcpp.write_barcode_to_image(code, scale=4), np.uint8)
    bars = cv2.resize(bars, (640, 220), interpolation=cv2.INTER_NEAREST)
    label = np.full((720, 1280), 235, np.uint8)
    label[250:470, 320:960] = bars
    return cv2.cvtColor(label, cv2.COLOR_GRAY2BGR)


def _film(picture: Any, path: Path) -> Path:
    """What Chromium takes for a camera: pictures one after the other."""
    _, data = cv2.imencode(".jpg", picture)
    path.write_bytes(data.tobytes() * 30)
    return path
