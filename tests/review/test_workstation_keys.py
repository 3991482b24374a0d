"""The help is true: each key that it names does something, and no other key does anything."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.review.bench_pages import put_parcels
from tests.review.bench_world import bench_carton, write_bench_feed
from tests.review.chromium import chromium, needs_chromium, new_page, wait_for_parcel
from tests.review.live_review import live_review, put
from tests.review.queue_world import new_url

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = needs_chromium

STATE = """() => {
  const shown = (id) => !document.getElementById(id).hidden;
  const pictures = [...document.querySelectorAll('.layer > *')];
  return JSON.stringify({
    parcel: document.getElementById('bench').dataset.shown,
    pressed: [...document.querySelectorAll('#keys-picture [aria-pressed=true]')]
      .map((button) => button.className),
    marks: document.getElementById('panes').className,
    panes: document.getElementById('panes').dataset.count,
    looks: pictures.map((p) => p.style.transform),
    said: shown('said') && document.getElementById('said').innerText,
    sheet: shown('sheet') && document.getElementById('sheet').innerText,
    help: document.getElementById('help').open,
    full: Boolean(document.fullscreenElement),
    title: document.title,
  });
}"""
FIRST: dict[str, tuple[str, ...]] = {"-": ("+",), "0": ("+",), "1": ("2",)}
"""Pressed before, where a key takes something back."""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Page"]:
    """A carton with pieces, so that every key means something, then parcels."""
    folder = tmp_path_factory.mktemp("keys")
    source = write_bench_feed(folder)
    database = new_url(folder, None)
    with live_review(folder, database=database) as review, chromium() as browser:
        put(review.engine, bench_carton(source, "C-1", (), band="inspect"))
        put_parcels(review, source, "inspect", "look", "inspect", "clear")
        with new_page(browser, review.url) as one:
            yield one


@pytest.fixture
def fresh(page: "Page") -> "Page":
    page.goto("/")
    wait_for_parcel(page)
    page.wait_for_timeout(150)
    return page


def keys(page: "Page") -> list[dict[str, Any]]:
    """The table of keys, as the browser has it."""
    table: list[dict[str, Any]] = page.evaluate(
        "async () => (await import('/static/keys.js')).KEYS"
    )
    return table


def state(page: "Page") -> str:
    page.wait_for_timeout(60)
    return str(page.evaluate(STATE))


def change(page: "Page", act: Callable[[], None], before: tuple[str, ...]) -> bool:
    for key in before:
        page.keyboard.press(key)
    was = state(page)
    act()
    return state(page) != was


def test_each_key_of_the_help_does_something(fresh: "Page") -> None:
    idle = []
    for entry in keys(fresh):
        if entry["name"] in ("undo", "marks"):  # shown by other tests, on other parcels
            continue
        fresh.goto("/")
        wait_for_parcel(fresh)
        key = entry["key"]
        if not change(fresh, lambda key=key: fresh.keyboard.press(key), FIRST.get(key, ())):  # type: ignore[misc]
            idle.append(key)
    assert idle == []


def test_each_key_has_a_button_that_does_the_same(fresh: "Page") -> None:
    idle = []
    for entry in keys(fresh):
        if entry["name"] in ("undo", "marks"):
            continue
        fresh.goto("/")
        wait_for_parcel(fresh)
        button = fresh.locator(f".key-{entry['name']}")
        # One that says why it does nothing is `aria-disabled`, and can be pressed all the same.
        press = partial(button.click, force=True)
        if not change(fresh, press, FIRST.get(entry["key"], ())):
            idle.append(entry["name"])
    assert idle == []


def test_no_other_key_does_anything(fresh: "Page") -> None:
    known = {key for entry in keys(fresh) for key in (entry["key"], *entry.get("also", ()))}
    was = state(fresh)
    for key in "abcdefghijklmnopqrstuvwxyz0123456789.,;/\\[]'`!@#$%^&*()_":
        if key not in known:
            fresh.keyboard.press(key)
            assert state(fresh) == was, key
    for key in ("Enter", "ArrowLeft", "ArrowUp", "PageDown", "Backspace", "Control+s", "Alt+c"):
        fresh.keyboard.press(key)
        assert state(fresh) == was, key


def test_the_help_page_and_the_dialog_name_every_key(fresh: "Page") -> None:
    table = keys(fresh)
    caps = [
        entry.get("cap", entry["key"].upper() if len(entry["key"]) == 1 else entry["key"])
        for entry in table
    ]
    fresh.keyboard.press("?")
    assert sorted(fresh.locator("#help #help-keys kbd").all_inner_texts()) == sorted(caps)
    fresh.goto("/help")
    assert sorted(fresh.locator("#help-keys kbd").all_inner_texts()) == sorted(caps)


def test_tab_turns_the_panes_and_shift_tab_reaches_the_buttons(fresh: "Page") -> None:
    page = fresh
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.classList.contains('key-clear')"):
            break
    else:
        raise AssertionError("Shift+Tab never came to the button Clear")
    page.keyboard.press("Tab")  # from a control, Tab goes on as everywhere
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"
