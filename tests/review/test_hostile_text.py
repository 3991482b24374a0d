"""Text of strangers on every page, in a real browser: shown as it is, and never run."""

from collections.abc import Iterator

import pytest
from tests.review.chromium import chromium, needs_chromium, new_page
from tests.review.live_review import LiveReview, live_review, put, some_parcel

from parcelscope.review.database import reading
from parcelscope.review.dossier import ManifestLine
from parcelscope.review.filters import Filters
from parcelscope.review.items import find
from parcelscope.review.people import LOCAL
from parcelscope.review.remarks import note
from parcelscope.review.views import save

pytestmark = needs_chromium

ATTACKS = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    '"><svg onload=window.hacked=1>',
    "</title></script><script>window.hacked=1</script>",
    "{{ 7 * 7 }} ${7 * 7} javascript:window.hacked=1",
)
HOSTILE = " ".join(ATTACKS)


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveReview]:
    line = ManifestLine(
        field="description",
        label="Description",
        declared=HOSTILE,
        seen=HOSTILE,
        differs=True,
        personal=False,
    )
    parcel = some_parcel(
        ATTACKS[1][:40], description=HOSTILE, lane=ATTACKS[0], facility=ATTACKS[2], manifest=[line]
    )
    with live_review(tmp_path_factory.mktemp("review")) as review:
        (item_id,) = put(review.engine, parcel)
        note(review.engine, LOCAL, item_id, HOSTILE)
        save(review.engine, LOCAL, ATTACKS[0], Filters(lane=ATTACKS[0]))
        yield review


def test_what_strangers_wrote_is_read_and_never_run(live: LiveReview) -> None:
    with reading(live.engine) as connection:
        rows = [
            str(row[0]) for row in connection.exec_driver_sql("select item_id from review_items")
        ]
        item = find(connection, rows[0])
    pages = {
        "/": True,
        f"/items/{item.item_id}": True,
        "/queue": True,
        "/queue?" + "text=%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E": False,
        "/audit": True,
        f"/cases/{item.reference}": True,
        "/cases": False,
        "/calendar": False,
        "/officer": False,
        "/people": False,
        "/statistics": False,
        "/help": False,
        "/sign-in?next=%22%3E%3Cscript%3Ewindow.hacked%3D1%3C%2Fscript%3E": False,
        "/nowhere/%3Cscript%3Ewindow.hacked=1%3C/script%3E": False,
    }
    with chromium() as browser, new_page(browser, live.url) as page:
        elsewhere: list[str] = []
        refused: list[str] = []
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((live.url, "data:", "blob:"))
                else elsewhere.append(request.url)
            ),
        )
        page.on(
            "console",
            lambda said: (
                refused.append(said.text) if "Content Security Policy" in said.text else None
            ),
        )
        page.on("dialog", lambda dialog: refused.append(dialog.message))
        for path, tells in pages.items():
            page.goto(path)
            page.wait_for_load_state("networkidle")
            if tells:
                page.get_by_text("window.hacked").first.wait_for()
            assert page.evaluate("window.hacked") is None, path
            assert page.locator("script:not([src])").count() == 0, path
            assert page.locator("img[onerror], svg[onload]").count() == 0, path
        assert elsewhere == []
        assert refused == []


def test_the_policy_stops_what_a_page_would_let_slip(live: LiveReview) -> None:
    """The second wall: a script that did get into a page still would not run."""
    with chromium() as browser, new_page(browser, live.url) as page:
        page.goto("/queue")
        page.evaluate(
            """() => {
              const script = document.createElement('script');
              script.textContent = 'window.hacked = 1';
              document.body.append(script);
              const link = document.createElement('a');
              link.setAttribute('onclick', 'window.hacked = 1');
              document.body.append(link);
              link.click();
            }"""
        )
        assert page.evaluate("window.hacked") is None
        sent = page.evaluate(
            "fetch('https://127.0.0.1:9/steal').then(() => 'sent', error => error.message)"
        )
        assert sent != "sent"
