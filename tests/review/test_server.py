"""The application ends when it is asked to."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.review.queue_world import new_url

from parcelscope.review.database import open_review
from parcelscope.review.server import serve
from parcelscope.review.settings import ReviewSettings


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """Leave the signals of the tests as they were."""
    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGINT)}
    yield
    for one, handler in before.items():
        signal.signal(one, handler)


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGINT], ids=lambda one: one.name)
def test_asked_in_the_moment_of_its_start_it_ends(asked: signal.Signals, tmp_path: Path) -> None:
    engine = open_review(new_url(tmp_path, None))
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        signal.raise_signal(asked)

    serve(ReviewSettings(port=0), engine, say=say)
    engine.dispose()
    assert said[0].startswith("parcelscope review is at http://127.0.0.1:")
