"""The workstation in a browser, and what became of the parcels that somebody decided on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tests.review.bench_world import bench_parcel
from tests.review.chromium import new_page, wait_for_parcel
from tests.review.live_review import LiveReview, put

from parcelscope.review.database import reading
from parcelscope.review.dossier import Source
from parcelscope.review.events import Event, of_item
from parcelscope.review.items import Band, Item, find

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


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
