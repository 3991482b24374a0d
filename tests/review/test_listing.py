"""What is to be seen of the queue: filters, counts, and pages that leave nothing out."""

import pytest
from sqlalchemy import Engine
from tests.review.queue_world import (
    ANA,
    BO,
    CLEAR,
    FIVE_PARCELS,
    NOON,
    carton,
    parcel,
    took,
)

from parcelscope.review import queue
from parcelscope.review.database import reading
from parcelscope.review.errors import (
    ReviewError,
)
from parcelscope.review.filters import Filters
from parcelscope.review.items import enrol

ONE, TWO, *_ = FIVE_PARCELS


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        pytest.param({}, [1, 2, 3, 4, 5, 6, 7], id="anything"),
        pytest.param({"facility": "LAX"}, [6], id="facility"),
        pytest.param({"lane": "CN-US"}, [7], id="lane"),
        pytest.param({"band": "inspect"}, [7], id="band"),
        pytest.param({"band": "not assessed"}, [6], id="no band"),
        pytest.param({"kind": "carton"}, [], id="kind"),
        pytest.param({"state": "decided"}, [2], id="state"),
        pytest.param({"reason_code": "U2"}, [7], id="reason"),
        pytest.param({"reason_code": "U3"}, [], id="half a reason"),
        pytest.param({"text": "KNIFE"}, [7], id="description"),
        pytest.param({"text": "cn-3"}, [3], id="number"),
        pytest.param({"text": "%"}, [], id="no wildcard"),
        pytest.param({"text": "_nife"}, [], id="no single wildcard"),
        pytest.param({"text": "'; DROP TABLE review_items; --"}, [], id="no SQL"),
    ],
)
def test_filters(engine: Engine, asked: dict[str, str], numbers: list[int]) -> None:
    other = parcel(6, facility="LAX", band=None, risk=None)
    knife = parcel(
        7, lane="CN-US", band="inspect", reason_codes=("U3.mass", "U2"), description="knife"
    )
    enrol(engine, [other, knife], "run-2")
    took(engine, ANA)
    queue.decide(engine, ANA, TWO.item_id, CLEAR)
    filters = Filters(**asked)
    with reading(engine) as connection:
        found = queue.page(connection, filters)
        counted = queue.counts(connection, filters, now=NOON)
    assert [one.owner_id for one in found.items] == [f"CN-{number}" for number in numbers]
    assert counted.total == len(numbers)
    wanted = [f"CN-{n}" for n in numbers if n not in (1, 2)]
    assert took(engine, BO, ahead=9, filters=filters) == (
        [] if asked.get("state") == "decided" else wanted
    )


def test_counts(engine: Engine) -> None:
    enrol(engine, [parcel(6, facility="LAX", band=None), carton(1)], "run-2")
    took(engine, ANA, ahead=3)
    queue.decide(engine, ANA, ONE.item_id, CLEAR)
    with reading(engine) as connection:
        counted = queue.counts(connection, Filters(), now=NOON)
        later = queue.counts(connection, Filters(), now=NOON + 1000)
        nothing = queue.counts(connection, Filters(text="nix"), now=NOON)
    assert (counted.total, counted.waiting, counted.held, later.held) == (7, 6, 2, 0)
    assert counted.by_state == {"decided": 1, "open": 6}
    assert counted.by_band == {"look": 5, "not assessed": 2}
    assert counted.by_kind == {"carton": 1, "parcel": 6}
    assert counted.by_facility == {"JFK": 6, "LAX": 1}
    assert (nothing.total, nothing.by_state) == (0, {})


def test_pages_neither_repeat_nor_leave_out_what_is_decided_or_enrolled_meanwhile(
    engine: Engine,
) -> None:
    alike = [parcel(number, priority=0.1 + 0.2) for number in range(20, 30)]
    enrol(engine, alike, "run-2")
    seen: list[str] = []
    after: str | None = None
    while True:
        with reading(engine) as connection:
            shown = queue.page(connection, Filters(), after, 4)
        seen += [one.owner_id for one in shown.items]
        if shown.next is None:
            break
        after = shown.next
        # One that belongs on a page that was seen already.
        enrol(engine, [parcel(100 + len(seen), priority=9.0)], "run-3")
        if len(seen) == 4:
            queue.take(engine, ANA, ahead=1, filters=Filters(text=seen[0]))
    assert len(seen) == len(set(seen)) == 15
    assert {one.owner_id for one in alike} < set(seen)


@pytest.mark.parametrize("after", ["", "x~y", "nix"])
def test_a_page_starts_only_where_one_ended(engine: Engine, after: str) -> None:
    with (
        pytest.raises(ReviewError, match="after: expected where a page ended"),
        reading(engine) as connection,
    ):
        queue.page(connection, Filters(), after)
