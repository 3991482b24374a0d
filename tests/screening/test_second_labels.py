"""U5.labels: two labels of one kind on one parcel."""

import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import Finding
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.second_labels import second_labels

PARAMETERS = w.parameters("second labels")
OWN, FOREIGN = "RB123456785GB", "RR473124829GB"
PHOTO = {"owner_id": "P", "owner_kind": "parcel", "kind": "photo", "path": "P.jpg"}


def seen(*findings: Finding, house_bill: str | None = None) -> Outcome:
    row = {"parcel_id": "P", "tracking_number": OWN, "house_bill": house_bill}
    of = w.feed([row], images=[PHOTO])
    return second_labels(w.evidence(of, [w.text_lines("P"), *findings]), PARAMETERS)


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param([w.read_code("P", OWN), w.read_code("P", FOREIGN)], id="two codes"),
        pytest.param([w.read_code("P", OWN), w.read_text("P", FOREIGN)], id="a code and text"),
        pytest.param([w.read_text("P", OWN), w.read_text("P", FOREIGN)], id="text"),
    ],
)
def test_two_numbers_of_one_scheme_fire(findings: list[Finding]) -> None:
    outcome = seen(*findings)
    assert w.sentences(outcome, "U5.labels") == {
        "P": f"Photos show 2 different S10 numbers, such as {OWN} and {FOREIGN}; a parcel has one."
    }
    assert w.ratio(outcome, "U5.labels", "P") > 1
    assert outcome.findings["text"].to_list() == [FOREIGN]


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param([], id="no number"),
        pytest.param([w.read_code("P", OWN), w.read_text("P", OWN)], id="one, read twice"),
        pytest.param([w.read_code("P", FOREIGN)], id="one, of somebody else"),
        pytest.param([w.read_code("P", OWN), w.read_text("P", "RB283456785GB")], id="misread"),
        pytest.param(
            [w.read_code("P", OWN), w.read_text("P", "340123450000000017", scheme="sscc")],
            id="one of each of two schemes",
        ),
        pytest.param(
            [w.read_code("P", OWN), w.read_text("P", FOREIGN, confidence=0.6)], id="hardly read"
        ),
    ],
)
def test_one_label_is_silent(findings: list[Finding]) -> None:
    outcome = seen(*findings)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_two_numbers_that_the_manifest_lists_are_silent() -> None:
    outcome = seen(w.read_code("P", OWN), w.read_code("P", FOREIGN), house_bill=FOREIGN)
    assert outcome.findings.is_empty()


def test_without_text_it_is_not_assessed() -> None:
    of = w.feed([{"parcel_id": "P", "tracking_number": OWN}], images=[PHOTO])
    outcome = second_labels(w.evidence(of), PARAMETERS)
    assert w.reasons_not_assessed(outcome, "U5.labels") == {"P": "no label was read as text"}
