"""U4.text: identifiers that were read as text, against the manifest."""

import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import Finding, NotAssessed
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.labels import unlisted_labels, unlisted_text

PARAMETERS = w.parameters("label text")
PARCEL = {"parcel_id": "P", "tracking_number": "RB123456785GB", "carton_id": "C"}
OTHER = {"parcel_id": "Q", "tracking_number": "LP00123456789012"}
CARTON = {"carton_id": "C", "receptacle_id": "GBLALAUSLAXAAUX60123004100152"}
PHOTOS = [
    {"owner_id": owner, "owner_kind": kind, "kind": "photo", "path": f"{owner}.jpg"}
    for owner, kind in (("P", "parcel"), ("Q", "parcel"), ("C", "carton"))
]
READ = [w.text_lines("P"), w.text_lines("Q"), w.text_lines("C", kind="carton")]
UNLISTED = "RR473124829GB"


def seen(*findings: Finding, why: tuple[NotAssessed, ...] = (), rejected: int = 0) -> Outcome:
    """U4.text on parcels P (in carton C) and Q, whose photos were all read."""
    of = w.feed([PARCEL, OTHER], [CARTON], PHOTOS, rejected_parcels=rejected)
    return unlisted_text(w.evidence(of, [*READ, *findings], why), PARAMETERS)


def test_an_identifier_that_the_manifest_does_not_list_fires_and_says_how_it_was_read() -> None:
    outcome = seen(w.read_text("P", UNLISTED))
    assert w.sentences(outcome, "U4.text") == {
        "P": "A photo shows the identifier RR473124829GB, read as text, that the manifest does not "
        "list for this parcel."
    }
    row = outcome.findings.row(0, named=True)
    assert (row["image_path"], row["text"]) == ("label.jpg", UNLISTED)


def test_it_counts_for_less_than_the_same_identifier_in_a_code() -> None:
    of = w.feed([PARCEL, OTHER], [CARTON], PHOTOS)
    by_code = unlisted_labels(w.evidence(of, [w.read_code("P", UNLISTED)]), w.parameters("labels"))
    by_text = seen(w.read_text("P", UNLISTED))
    assert 1 < w.ratio(by_text, "U4.text", "P") < w.ratio(by_code, "U4.label", "P")


def test_the_number_of_another_parcel_fires_although_it_has_no_known_scheme() -> None:
    outcome = seen(w.read_text("P", "LP00123456789012", scheme="number"))
    assert w.sentences(outcome, "U4.text")["P"].endswith("; the manifest gives it to parcel Q.")


@pytest.mark.parametrize(
    "findings",
    [
        pytest.param([], id="photos without a number"),
        pytest.param([w.read_text("P", "RB123456785GB")], id="its own number"),
        pytest.param(
            [w.read_code("P", UNLISTED), w.read_text("P", UNLISTED)], id="a code holds it, too"
        ),
        pytest.param([w.read_text("P", "RB283456785GB")], id="its own number, misread"),
        pytest.param(
            [w.read_code("P", UNLISTED), w.read_text("P", "RR263124829GB")],
            id="the number of a code, misread",
        ),
        pytest.param([w.read_text("P", UNLISTED, confidence=0.6)], id="hardly read"),
        pytest.param([w.read_text("P", "X123456789Y", scheme="number")], id="of no scheme"),
        pytest.param([w.read_text("P", "4006381333931", scheme="gtin13")], id="product code"),
        pytest.param(
            [w.read_text("C", "RB123456785GB", kind="carton")], id="a parcel of the carton"
        ),
    ],
)
def test_otherwise_it_is_silent(findings: list[Finding]) -> None:
    outcome = seen(*findings)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_a_neighbouring_number_is_no_misreading_where_the_manifest_has_it() -> None:
    rows = [PARCEL, {"parcel_id": "Q", "tracking_number": "RB123456794GB"}]
    of = w.feed(rows, images=PHOTOS[:2])
    outcome = unlisted_text(
        w.evidence(of, [*READ[:2], w.read_text("P", "RB123456794GB")]), PARAMETERS
    )
    assert set(w.sentences(outcome, "U4.text")) == {"P"}


def test_what_was_not_read_is_not_assessed() -> None:
    of = w.feed([PARCEL, OTHER], [CARTON], PHOTOS[:2])
    why = NotAssessed(
        owner_id="Q", owner_kind="parcel", check="photo.text", reason="Q.jpg: not decoded in time"
    )
    outcome = unlisted_text(w.evidence(of, [], [why]), PARAMETERS)
    assert w.reasons_not_assessed(outcome, "U4.text") == {
        "P": "no label was read as text",
        "Q": "Q.jpg: not decoded in time",
        "C": "no photo",
    }


def test_a_carton_is_undecided_while_parcel_rows_could_not_be_read() -> None:
    outcome = seen(w.read_text("C", UNLISTED, kind="carton"), rejected=1)
    assert outcome.findings.is_empty()
    assert set(w.reasons_not_assessed(outcome, "U4.text")) == {"C"}
