"""U4: identifiers in photos against the manifest."""

import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import Finding, NotAssessed
from parcelscope.screening.indicators.evidence import Outcome
from parcelscope.screening.indicators.labels import unlisted_labels

PARAMETERS = w.parameters("labels")
PARCEL = {
    "parcel_id": "P",
    "tracking_number": "RB123456785GB",
    "house_bill": "HX-4711",
    "master_bill": "176-12345675",
    "carton_id": "C",
}
OTHER = {"parcel_id": "Q", "tracking_number": "LP00123456789012"}
CARTON = {"carton_id": "C", "receptacle_id": "GBLALAUSLAXAAUX60123004100152"}
PHOTOS = [
    {"owner_id": owner, "owner_kind": kind, "kind": "photo", "path": f"{owner}.jpg"}
    for owner, kind in (("P", "parcel"), ("Q", "parcel"), ("C", "carton"))
]
UNLISTED = "RR473124829GB"


def seen(*codes: Finding, images: list[w.Row] | None = None, rejected: int = 0) -> Outcome:
    """U4 on parcels P (in carton C) and Q."""
    of = w.feed(
        [PARCEL, OTHER], [CARTON], PHOTOS if images is None else images, rejected_parcels=rejected
    )
    return unlisted_labels(w.evidence(of, codes), PARAMETERS)


def test_an_identifier_that_the_manifest_does_not_list_fires_where_it_was_seen() -> None:
    outcome = seen(w.read_code("P", UNLISTED))
    assert w.sentences(outcome, "U4.label") == {
        "P": "A photo shows the identifier RR473124829GB that the manifest does not list for this "
        "parcel."
    }
    row = outcome.findings.row(0, named=True)
    assert (row["image_path"], row["box_xyxy"], row["text"]) == (
        "label.jpg",
        [1.0, 2.0, 3.0, 4.0],
        UNLISTED,
    )


def test_the_number_of_another_parcel_fires_although_it_has_no_known_scheme() -> None:
    outcome = seen(w.read_code("P", "LP-0012-3456-789012"))
    assert w.sentences(outcome, "U4.label") == {
        "P": "A photo shows the identifier LP-0012-3456-789012 that the manifest does not list for "
        "this parcel; the manifest gives it to parcel Q."
    }
    assert w.ratio(outcome, "U4.label", "P") > w.ratio(
        seen(w.read_code("P", UNLISTED)), "U4.label", "P"
    )


def test_several_identifiers_count_for_more_than_one() -> None:
    one = seen(w.read_code("P", UNLISTED))
    two = seen(w.read_code("P", UNLISTED), w.read_code("P", "EE471108151FR"))
    assert two.findings.height == 2
    assert w.ratio(two, "U4.label", "P") > w.ratio(one, "U4.label", "P") > 1
    assert "one of 2 identifiers" in two.findings["sentence"].to_list()[0]


def test_what_a_code_holds_cannot_break_the_sentence() -> None:
    outcome = seen(w.read_code("P", "RR473\x1d124\n829GB"))
    assert "the identifier RR473 124 829GB that" in w.sentences(outcome, "U4.label")["P"]


def test_one_label_in_two_photos_is_one_identifier() -> None:
    outcome = seen(w.read_code("P", UNLISTED), w.read_code("P", "RR 473 124 829 GB"))
    assert outcome.findings["observed"].to_list() == [1.0]


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(w.read_code("P", "rb 123 456 785 gb"), id="own tracking number"),
        pytest.param(w.read_code("P", "HX4711"), id="own house bill"),
        pytest.param(w.read_code("P", "17612345675"), id="own master bill"),
        pytest.param(w.read_code("P", "GBLALAUSLAXAAUX60123004100152"), id="its receptacle"),
        pytest.param(w.read_code("P", "4006381333931", symbology="EAN13"), id="product code"),
        pytest.param(w.read_code("P", "036000291452", symbology="UPC-A"), id="UPC"),
        pytest.param(w.read_code("P", "https://example.org/x", symbology="QRCode"), id="link"),
        pytest.param(w.read_code("P", "RR473124820GB"), id="a check digit that does not hold"),
        pytest.param(w.read_code("C", "RB123456785GB", kind="carton"), id="a parcel of the carton"),
    ],
)
def test_codes_that_are_listed_or_identify_no_parcel_are_silent(code: Finding) -> None:
    outcome = seen(code)
    assert outcome.findings.is_empty()
    assert outcome.not_assessed.is_empty()


def test_a_parcel_that_is_not_of_the_carton_fires_on_the_carton() -> None:
    outcome = seen(w.read_code("C", "LP00123456789012", kind="carton"))
    assert w.sentences(outcome, "U4.label") == {
        "C": "A photo shows the identifier LP00123456789012 that the manifest does not list for "
        "this carton; the manifest gives it to parcel Q."
    }


def test_a_label_on_a_carton_is_undecided_while_parcel_rows_could_not_be_read() -> None:
    outcome = seen(w.read_code("C", UNLISTED, kind="carton"), rejected=1)
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, "U4.label") == {
        "C": "a photo shows RR473124829GB, which may stand on a parcel row that could not be read"
    }


def test_without_a_photo_labels_are_not_assessed() -> None:
    outcome = seen(images=[])
    assert w.reasons_not_assessed(outcome, "U4.label") == dict.fromkeys("PQC", "no photo")


def test_poor_photos_without_a_code_are_not_assessed() -> None:
    poor = Finding(
        owner_id="P",
        owner_kind="parcel",
        source="photo.quality",
        code="quality.poor",
        sentence="The photo is blurred.",
    )
    assert w.reasons_not_assessed(seen(poor), "U4.label") == {
        "P": "no photo is good enough to read a label"
    }
    assert w.reasons_not_assessed(seen(poor, w.read_code("P", "HX4711")), "U4.label") == {}


def test_the_readers_own_reason_is_passed_on() -> None:
    why = NotAssessed(
        owner_id="P", owner_kind="parcel", check="photo.codes", reason="the photo is truncated"
    )
    of = w.feed([PARCEL], images=[PHOTOS[0]])
    outcome = unlisted_labels(w.evidence(of, [], [why]), PARAMETERS)
    assert w.reasons_not_assessed(outcome, "U4.label") == {"P": "the photo is truncated"}
