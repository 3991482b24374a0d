"""contents.contradicts: what the X-ray shows against what was declared."""

import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import Finding, NotAssessed
from parcelscope.screening.indicators.contents import CONTENTS, contents_contradict

PARAMETERS = w.parameters("contents")
SHIRTS = {"parcel_id": "P", "hs_code": "610910", "description": "cotton t-shirts"}


def support(family: str, p_value: float, *, image: str = "scan.tif") -> Finding:
    return Finding(
        owner_id="P",
        owner_kind="parcel",
        source="xray.contents",
        code="contents.support",
        sentence="measured",
        observed=p_value,
        text=family,
        image_path=image,
    )


def material(**shares: float) -> list[Finding]:
    return [
        Finding(
            owner_id="P",
            owner_kind="parcel",
            source="xray.contents",
            code="contents.material",
            sentence="measured",
            observed=share,
            text=name.replace("_", "-"),
            image_path="scan.tif",
        )
        for name, share in shares.items()
    ]


def test_goods_that_the_scan_does_not_support_are_reported_in_words_of_difference() -> None:
    found = [
        support("textile", 0.004),
        support("electronics", 0.9),
        *material(organic=0.05, mixed=0.25, metal_like=0.6, opaque=0.1),
        w.band("P", "mass.total", 900, 1100, kind="parcel"),
    ]
    outcome = contents_contradict(w.evidence(w.feed([SHIRTS]), found), PARAMETERS)
    assert w.sentences(outcome, CONTENTS) == {
        "P": 'Declared as textile ("cotton t-shirts"); 0.4 % of compliant parcels declared so show'
        " as little of it. About 700 g of the 1 kg on the scan is metal-like or opaque, 50 g"
        " organic."
    }
    assert outcome.findings["p_value"].to_list() == [0.004]
    assert outcome.findings["image_path"].to_list() == ["scan.tif"]
    assert outcome.not_assessed.is_empty()


def test_without_a_mass_the_material_is_told_in_shares() -> None:
    found = [support("textile", 0.01), *material(organic=0.05, mixed=0.3, metal_like=0.6, opaque=0)]
    outcome = contents_contradict(w.evidence(w.feed([SHIRTS]), found), PARAMETERS)
    assert w.sentences(outcome, CONTENTS)["P"].endswith(
        "About 60 % of what the scan shows is metal-like or opaque, 5 % organic."
    )


@pytest.mark.parametrize(
    ("description", "found", "reported"),
    [
        pytest.param("shirt", [("textile", 0.01, "a")], True, id="not supported"),
        pytest.param("shirt", [("textile", 0.3, "a")], False, id="supported"),
        pytest.param(
            "shirt", [("textile", 0.01, "a"), ("textile", 0.5, "b")], False, id="seen by one scan"
        ),
        pytest.param(
            "shirt, toy car", [("textile", 0.01, "a"), ("toys", 0.4, "a")], False, id="one of two"
        ),
        pytest.param(
            "shirt, toy car", [("textile", 0.01, "a"), ("toys", 0.01, "a")], True, id="none of two"
        ),
    ],
)
def test_only_a_parcel_of_which_nothing_declared_is_supported_is_reported(
    description: str, found: list[tuple[str, float, str]], reported: bool
) -> None:
    of = w.feed([{**SHIRTS, "description": description}])
    findings = [support(family, p, image=image) for family, p, image in found]
    outcome = contents_contradict(w.evidence(of, findings), PARAMETERS)
    assert (outcome.findings.height == 1) is reported


@pytest.mark.parametrize(
    ("row", "findings", "reason"),
    [
        pytest.param(
            {"hs_code": None, "description": "gifts"},
            [support("textile", 0.01)],
            "the declaration names no family of goods that is known",
            id="a vague declaration",
        ),
        pytest.param({}, [], "no model looked at its contents", id="no model"),
        pytest.param(
            {"description": "t-shirt, tea"},
            [support("textile", 0.01)],
            "what scans show of food is not known to the model",
            id="a family that the model does not know",
        ),
    ],
)
def test_what_cannot_be_compared_is_not_assessed(
    row: dict[str, str], findings: list[Finding], reason: str
) -> None:
    outcome = contents_contradict(w.evidence(w.feed([{**SHIRTS, **row}]), findings), PARAMETERS)
    assert outcome.findings.is_empty()
    assert w.reasons_not_assessed(outcome, CONTENTS) == {"P": reason}


def test_the_detectors_own_reason_is_passed_on() -> None:
    why = NotAssessed(
        owner_id="P", owner_kind="parcel", check="xray.contents", reason="the scan is truncated"
    )
    outcome = contents_contradict(w.evidence(w.feed([SHIRTS]), [], [why]), PARAMETERS)
    assert w.reasons_not_assessed(outcome, CONTENTS) == {"P": "the scan is truncated"}
