"""What tests of the review share: one PostgreSQL, the pictures of the bench, a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import Engine
from tests.inference.postgres_server import Server, postgres_server
from tests.review.bench_world import write_bench_feed
from tests.review.chromium import chromium
from tests.review.live_review import LiveReview, live_review
from tests.review.queue_world import FIVE_PARCELS, new_url, review_with

from parcelscope.review.dossier import Source

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server that nobody stops; `new_url` empties its database for each test."""
    with postgres_server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """The queue with five parcels, in a database of either kind; whole at the end."""
    of = request.getfixturevalue("server") if request.param == "postgresql" else None
    with review_with(new_url(tmp_path, of), *FIVE_PARCELS) as opened:
        yield opened


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The pictures of the parcels of `bench_world`."""
    return write_bench_feed(tmp_path_factory.mktemp("bench"))


@pytest.fixture(scope="module")
def browser() -> Iterator["Browser"]:
    """A browser."""
    with chromium() as one:
        yield one


@pytest.fixture
def review(tmp_path: Path) -> Iterator[LiveReview]:
    """The application, served, with nothing in it."""
    with live_review(tmp_path, database=new_url(tmp_path, None)) as live:
        yield live
