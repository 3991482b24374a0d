"""No page breaks a rule of WCAG 2.2 AA that axe-core can check; people check the rest."""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.review.bench_pages import put_parcels
from tests.review.bench_world import bench_carton, write_bench_feed
from tests.review.chromium import chromium, needs_chromium, new_page, sign_in, wait_for_parcel
from tests.review.live_review import PASSWORD, LiveReview, add_people, live_review, put
from tests.review.queue_world import new_url

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = [
    needs_chromium,
    pytest.mark.skipif(
        importlib.util.find_spec("axe_playwright_python") is None,
        reason="no axe-playwright-python on this machine checks the pages",
    ),
]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESK = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple["Browser", LiveReview]]:
    folder = tmp_path_factory.mktemp("accessible")
    source = write_bench_feed(folder)
    with live_review(folder, database=new_url(folder, None)) as review, chromium() as browser:
        put_parcels(review, source, "inspect", "look", "clear")
        put(review.engine, bench_carton(source, "C-1", ()))
        yield browser, review


def violations(page: "Page") -> list[str]:
    """What axe-core finds, one line each: the rule, what is wrong, where."""
    from axe_playwright_python.sync_playwright import Axe

    options: dict[str, Any] = {"runOnly": RULES, "resultTypes": ["violations"]}
    found = Axe().run(page, options=options).response["violations"]
    return [
        f"{rule['id']}: {rule['help']}: {node['target']}"
        for rule in found
        for node in rule["nodes"]
    ]


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("address", ["/help", "/queue", "/audit", "/statistics", "/people"])
def test_a_page_keeps_the_rules(
    world: tuple["Browser", LiveReview], address: str, screen: dict[str, int]
) -> None:
    browser, review = world
    with new_page(browser, review.url, viewport=screen) as page:
        answer = page.goto(address)
        assert answer is not None
        assert answer.ok
        page.wait_for_load_state("networkidle")
        assert violations(page) == []


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_the_door_keeps_the_rules(
    world: tuple["Browser", LiveReview], tmp_path: Path, screen: dict[str, int]
) -> None:
    browser, _ = world
    with live_review(tmp_path) as review, new_page(browser, review.url, viewport=screen) as page:
        add_people(review.engine, ("root", "admin"))
        page.goto("/sign-in")
        page.fill("#name", "root")
        page.fill("#password", "the wrong one")
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.get_by_role("alert").wait_for()
        assert violations(page) == []
        sign_in(page, "root", PASSWORD)
        page.goto("/people")
        assert violations(page) == []


def as_it_comes(page: "Page") -> None: ...


def with_marks(page: "Page") -> None:
    page.keyboard.press("h")
    page.keyboard.press("5")


def with_a_sheet(page: "Page") -> None:
    page.keyboard.press("i")


def with_the_keys(page: "Page") -> None:
    page.keyboard.press("?")


def without_a_connection(page: "Page") -> None:
    page.evaluate("document.getElementById('connection').hidden = false")
    page.evaluate("document.getElementById('connection').textContent = '⚠ Connection lost.'")


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(
    "state", [as_it_comes, with_marks, with_a_sheet, with_the_keys, without_a_connection]
)
def test_the_workstation_keeps_the_rules(
    world: tuple["Browser", LiveReview], state: Callable[["Page"], None], screen: dict[str, int]
) -> None:
    browser, review = world
    with new_page(browser, review.url, viewport=screen) as page:
        page.goto("/")
        wait_for_parcel(page)
        state(page)
        page.wait_for_timeout(300)
        assert violations(page) == []
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= screen["width"], "nothing is wider than the screen"
