"""Saved views."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.review.queue_world import ANA, BO, SUE, VIC, new_url, review_with

from parcelscope.review.database import reading
from parcelscope.review.errors import NoSuchItem, NotAllowed, ReviewError
from parcelscope.review.filters import Filters, filters_from
from parcelscope.review.roles import Person
from parcelscope.review.views import View, remove, save, views_of

RISKY = Filters(band="inspect", facility="JFK")


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    of = request.getfixturevalue("server") if request.param == "postgresql" else None
    with review_with(new_url(tmp_path, of)) as opened:
        yield opened


def names(engine: Engine, person: Person) -> list[tuple[str, bool]]:
    with reading(engine) as connection:
        return [(view.name, view.shared) for view in views_of(connection, person)]


def test_a_view_is_found_again_by_whoever_saved_it(engine: Engine) -> None:
    saved = save(engine, ANA, " risky ", RISKY)
    assert saved == View(view_id=saved.view_id, name="risky", filters=RISKY, shared=False)
    with reading(engine) as connection:
        assert views_of(connection, ANA) == [saved]
        assert views_of(connection, BO) == []


def test_a_shared_view_is_for_all_and_saved_by_supervisors(engine: Engine) -> None:
    with pytest.raises(NotAllowed):
        save(engine, ANA, "risky", RISKY, shared=True)
    save(engine, SUE, "risky", RISKY, shared=True)
    save(engine, ANA, "zebra", RISKY)
    assert names(engine, ANA) == [("zebra", False), ("risky", True)]
    assert names(engine, VIC) == [("risky", True)]


def test_the_same_name_again_replaces_the_view(engine: Engine) -> None:
    for filters in (RISKY, Filters(lane="CN-US")):
        save(engine, ANA, "mine", filters)
    save(engine, BO, "mine", RISKY)
    with reading(engine) as connection:
        assert [view.filters for view in views_of(connection, ANA)] == [Filters(lane="CN-US")]


def test_only_their_own_are_removed(engine: Engine) -> None:
    mine = save(engine, ANA, "mine", RISKY)
    shared = save(engine, SUE, "all", RISKY, shared=True)
    with pytest.raises(NoSuchItem, match=r"no saved view .* of bo"):
        remove(engine, BO, mine.view_id)
    with pytest.raises(NotAllowed):
        remove(engine, BO, shared.view_id)
    remove(engine, ANA, mine.view_id)
    remove(engine, SUE, shared.view_id)
    assert names(engine, ANA) == []
    with pytest.raises(NoSuchItem):
        remove(engine, ANA, mine.view_id)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 81])
def test_names_that_no_view_has(engine: Engine, name: str) -> None:
    with pytest.raises(ReviewError, match="a view needs a name of 1 to 80 printable"):
        save(engine, ANA, name, RISKY)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        pytest.param({"colour": "red"}, "expected facility, .* got 'colour'", id="unknown"),
        pytest.param({"band": 7}, "band must be text, got int", id="a number"),
        pytest.param({"band": None}, "band must be text, got NoneType", id="nothing"),
    ],
)
def test_filters_that_are_none(told: dict[str, object], says: str) -> None:
    with pytest.raises(ReviewError, match=says):
        filters_from(told)


def test_filters_come_back_from_json() -> None:
    assert filters_from(RISKY.as_json()) == RISKY
    assert filters_from({}) == Filters()
