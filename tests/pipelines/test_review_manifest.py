"""The manifest beside what was seen, as the review's pages show it."""

import pytest

from parcelscope.datasets.schema import PARCELS
from parcelscope.datasets.tables import empty_table
from parcelscope.pipelines.comparisons import Known
from parcelscope.pipelines.review_manifest import manifest_lines


@pytest.mark.parametrize(
    ("told", "seen"),
    [
        pytest.param((), "Worth more.", id="no reason says it"),
        pytest.param((("U8.value", "Worth much more."),), "Worth more.", id="a reason like it"),
        pytest.param((("U8.value", "Worth more."),), None, id="a reason says it"),
    ],
)
def test_what_a_reason_says_is_not_said_again_beside_its_field(
    told: tuple[tuple[str, str], ...], seen: str | None
) -> None:
    finding = {"code": "U8.value", "sentence": "Worth more.", "source": "indicator", "text": None}
    known = Known(
        kind="parcel",
        row=dict.fromkeys(empty_table(PARCELS).columns) | {"value": 5.0},
        findings=(finding,),
        not_assessed=frozenset({"xray.items"}),
    )
    line = manifest_lines(known, told, frozenset())[0]
    assert (line.field, line.seen, line.differs) == ("value", seen, True)
