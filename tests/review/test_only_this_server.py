"""Pages ask the server that they came from, and nobody else."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.review.bench_pages import put_parcels
from tests.review.bench_world import write_bench_feed
from tests.review.chromium import chromium, needs_chromium, new_page
from tests.review.live_review import live_review
from tests.review.queue_world import new_url

REVIEW = Path(__file__).parents[2] / "review"
SHIPPED = [path for folder in ("static", "pages") for path in sorted((REVIEW / folder).iterdir())]
PAGES = [
    "/", "/queue", "/cases", "/calendar", "/officer", "/statistics", "/audit", "/people", "/help",
]  # fmt: skip


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_no_file_names_another_server(path: Path) -> None:
    assert not re.findall(rb"https?://|url\(\s*['\"]?//", path.read_bytes())


@needs_chromium
def test_a_browser_asks_nobody_else(tmp_path: Path) -> None:
    source = write_bench_feed(tmp_path)
    with live_review(tmp_path, database=new_url(tmp_path, None)) as review, chromium() as browser:
        put_parcels(review, source, "inspect", "clear")
        asked: list[str] = []
        with new_page(browser, review.url) as page:
            page.on("request", lambda request: asked.append(request.url))
            for address in PAGES:
                page.goto(address)
                page.wait_for_load_state("networkidle")
        others = [url for url in asked if urlsplit(url).scheme not in ("blob", "data")]
        assert len(others) > 2 * len(PAGES)
        assert {urlsplit(url).netloc for url in others} == {urlsplit(review.url).netloc}
