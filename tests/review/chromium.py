"""Debian's Chromium under Playwright, for tests that need a real browser."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
needs_chromium = pytest.mark.skipif(
    CHROMIUM is None or importlib.util.find_spec("playwright") is None,
    reason="no chromium or no playwright on this machine shows the pages",
)


@contextmanager
def chromium() -> Iterator["Browser"]:
    """A browser until the block ends."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # CI runs as root in a container, where Chromium's own sandbox cannot start.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def new_page(browser: "Browser", url: str, **context: Any) -> Iterator["Page"]:
    """A page of somebody's own, without what others have stored; no error may show in it."""
    problems: list[str] = []
    with browser.new_context(base_url=url, **context) as own:
        page = own.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: problems.append(str(error)))
        yield page
        assert not problems, problems


def sign_in(page: "Page", name: str, password: str) -> None:
    """Sign in as `name` and come to the first page of their role."""
    page.goto("/sign-in")
    page.fill("#name", name)
    page.fill("#password", password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(lambda url: "/sign-in" not in url)


def wait_for_parcel(page: "Page", item_id: str | None = None) -> str:
    """Wait until the pictures of a parcel, or of `item_id`, are on the screen; which it is."""
    page.wait_for_selector(f'#bench[data-shown="{item_id}"]' if item_id else "#bench[data-shown]")
    return str(page.get_attribute("#bench", "data-shown"))
