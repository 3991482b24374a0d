"""U12: how full a scan is, against what was declared."""

from typing import Any

import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import Finding, OwnerKind
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.fill import EMPTY, LOADED, fill_unlike_declared


def fill(share: float, *, owner: str = "P", kind: OwnerKind = "parcel") -> Finding:
    return Finding(
        owner_id=owner,
        owner_kind=kind,
        source="xray.fill",
        code="fill.share",
        sentence="measured",
        observed=share,
        image_path="top.tif",
    )


def judged(share: float | None, **columns: Any) -> Outcome:
    of = w.evidence(w.feed([{"parcel_id": "P", **columns}]), [] if share is None else [fill(share)])
    return fill_unlike_declared(of, w.parameters("fill"))


@pytest.mark.parametrize(
    ("share", "columns", "code"),
    [
        pytest.param(0.6, {"description": "Empty box for return"}, LOADED, id="declared empty"),
        pytest.param(0.4, {"description": "Toy", "pieces": 0}, LOADED, id="declared no piece"),
        pytest.param(0.7, {"description": "Documents"}, LOADED, id="a thick stack of paper"),
        pytest.param(
            0.01, {"description": "Tools", "declared_weight_g": 4000}, EMPTY, id="goods, but empty"
        ),
    ],
)
def test_it_fires(share: float, columns: dict[str, Any], code: str) -> None:
    outcome = judged(share, **columns)
    assert list(w.sentences(outcome, code)) == ["P"]
    assert w.ratio(outcome, code, "P") > 1
    row = outcome.findings.row(0, named=True)
    assert row["observed"] == share
    assert row["expected"] is not None


@pytest.mark.parametrize(
    ("share", "columns"),
    [
        pytest.param(0.05, {"description": "empty box"}, id="empty as declared"),
        pytest.param(0.3, {"description": "letters and documents"}, id="a little paper"),
        pytest.param(0.6, {"description": "shoes", "declared_weight_g": 900}, id="full of goods"),
        pytest.param(
            0.01, {"description": "earrings", "declared_weight_g": 40}, id="light and small"
        ),
        pytest.param(0.5, {"description": "emptying pump"}, id="a word within a word"),
    ],
)
def test_it_stays_silent(share: float, columns: dict[str, Any]) -> None:
    assert judged(share, **columns).findings.is_empty()


@pytest.mark.parametrize(
    ("columns", "check", "reason"),
    [
        pytest.param({"description": "empty"}, LOADED, "no scan shows how full it is", id="scan"),
        pytest.param(
            {"declared_weight_g": 5000.0}, EMPTY, "no scan shows how full it is", id="no scan"
        ),
        pytest.param({}, LOADED, "the manifest does not say what is inside", id="no words"),
        pytest.param({}, EMPTY, "neither a weight nor a number", id="no weight"),
    ],
)
def test_it_is_not_assessed(columns: dict[str, Any], check: str, reason: str) -> None:
    assert reason in w.reasons_not_assessed(judged(None, **columns), check)["P"]


def test_a_carton_without_pieces_that_is_full_is_reported() -> None:
    of = w.evidence(
        w.feed(cartons=[{"carton_id": "C", "pieces_manifested": 0}]),
        [fill(0.5, owner="C", kind="carton")],
    )
    outcome = fill_unlike_declared(of, w.parameters("fill"))
    assert w.sentences(outcome, LOADED) == {
        "C": "Declared with no piece; the scan shows contents in 50 % of its outline."
    }


def test_a_carton_with_pieces_that_shows_nothing_is_reported() -> None:
    of = w.evidence(
        w.feed(cartons=[{"carton_id": "C", "pieces_manifested": 10}]),
        [fill(0.0, owner="C", kind="carton")],
    )
    outcome = fill_unlike_declared(of, w.parameters("fill"))
    assert list(w.sentences(outcome, EMPTY)) == ["C"]


def test_what_arrived_counts_not_what_left() -> None:
    images = [
        {"owner_id": "P", "kind": "scan", "path": path, "station": station}
        for path, station in (("out.tif", "origin"), ("in.tif", "arrival"))
    ]
    of = w.evidence(
        w.feed([{"parcel_id": "P", "description": "empty"}], images=images),
        [
            Finding(
                owner_id="P",
                owner_kind="parcel",
                source="xray.fill",
                code="fill.share",
                sentence="measured",
                observed=share,
                image_path=path,
            )
            for path, share in (("out.tif", 0.9), ("in.tif", 0.0))
        ],
    )
    assert fill_unlike_declared(of, w.parameters("fill")).findings.is_empty()
