"""A whole window, from tables and findings to assessments and flags."""

import dataclasses
import random

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from tests.screening import windows as w

from parcelscope.datasets.records import FINDING_SCHEMA, Finding, NotAssessed
from parcelscope.screening.assess import Window, assess_window
from parcelscope.screening.assessments import ASSESSMENT_SCHEMA
from parcelscope.screening.config import ScreeningConfig, load_screening_config
from parcelscope.screening.flagging import FLAG_SCHEMA
from parcelscope.screening.indicators.evidence import Evidence
from parcelscope.screening.indicators.registry import CODES, DETECTOR_CHECKS, NEED_TEXT

CONFIG = load_screening_config()


def window() -> Evidence:
    """Thirty plain parcels, one that differs in many ways, and two cartons."""
    plain = [
        {
            "parcel_id": f"P{n:02d}",
            "tracking_number": f"CARRIER{n:06d}",
            "carton_id": "C1",
            "description": "cotton t-shirt",
            "hs_code": "610910",
            "currency": "USD",
            "value": 10.0 + n % 7,
            "declared_weight_g": 200.0 + n,
            "measured_weight_g": 201.0 + n,
        }
        for n in range(30)
    ]
    odd = {
        **plain[0],
        "parcel_id": "ODD",
        "tracking_number": "RB123456785GB",
        "carton_id": "C2",
        "description": "gift",
        "measured_weight_g": 900.0,
        "value": 2000.0,
    }
    images = [
        {"owner_id": owner, "kind": kind, "path": f"{owner}-{kind}", "energy": "dual"}
        for owner in ("ODD", "P00")
        for kind in ("scan", "photo")
    ]
    of = w.feed(
        [*plain, odd],
        [
            {"carton_id": "C1", "pieces_manifested": 30},
            {"carton_id": "C2", "pieces_manifested": 2},
        ],
        images,
        rejected_parcels=0,
    )
    findings = [
        w.item("ODD", "handgun", score=0.9, p_value=0.0005, image="ODD-scan"),
        w.item("ODD", "knife", score=0.3, p_value=0.05, image="ODD-scan"),
        w.read_code("ODD", "RR473124829GB"),
        w.band("ODD", "mass.total", 850, 950, kind="parcel"),
        w.band("C1", "pieces.count", 27, 33),
        w.band("C2", "pieces.count", 4, 6),
    ]
    why = NotAssessed(
        owner_id="P00", owner_kind="parcel", check="xray.items", reason="the scan is truncated"
    )
    return w.evidence(of, findings, [why])


def assess(evidence: Evidence, *, seed: int = 7, config: ScreeningConfig = CONFIG) -> Window:
    return assess_window(
        evidence.feed, evidence.findings, evidence.not_assessed, w.bundle(), config, seed=seed
    )


def row(frame: pl.DataFrame, key: str, owner_id: str) -> dict[str, object]:
    return frame.filter(pl.col(key) == owner_id).row(0, named=True)


def test_a_parcel_that_differs_is_riskiest_and_says_why() -> None:
    result = assess(window())
    odd = row(result.parcels, "parcel_id", "ODD")
    assert odd["band"] == "inspect"
    assert odd["reason_codes"] == [
        "item.handgun",
        "U4.label",
        "U3.mass",
        "U8.value",
        "U3.scale",
        "U8.description",
    ]
    assert isinstance(odd["reasons"], list)
    assert odd["reasons"][0] == "Shape like a handgun."
    assert result.parcels["risk"].max() == odd["risk"]
    # Its carton is opened, so that it has no flag of its own.
    assert row(result.flags, "owner_id", "C2")["arm"] == "targeted"
    assert (odd["arm"], odd["propensity"]) == ("with_carton", pytest.approx(1.0, abs=0.1))


@pytest.mark.parametrize(
    ("description", "p_value", "codes"),
    [
        pytest.param("goods", 0.05, ["U8.description"], id="beside another reason"),
        pytest.param("tea", 0.05, ["item.knife"], id="alone, as no risk stands without a sentence"),
        pytest.param("tea", 0.3, [], id="alone and weak"),
    ],
)
def test_a_shape_below_its_threshold_counts_but_is_a_reason_only_alone(
    description: str, p_value: float, codes: list[str]
) -> None:
    quiet = w.evidence(w.feed([{"parcel_id": "P", "description": description}]))
    knife = w.item("P", "knife", score=0.3, p_value=p_value)
    heard = w.evidence(quiet.feed, [knife])
    before, after = (row(assess(e).parcels, "parcel_id", "P") for e in (quiet, heard))
    assert after["reason_codes"] == codes
    assert float(str(after["risk"])) > float(str(before["risk"]))


def test_everyone_has_a_chance_of_being_examined() -> None:
    result = assess(window())
    assert (result.parcels["propensity"] > 0).all()
    assert (result.cartons["propensity"] > 0).all()


def test_plain_parcels_are_clear() -> None:
    result = assess(window())
    others = result.parcels.filter(pl.col("parcel_id") != "ODD")
    assert set(others["band"]) == {"clear"}
    assert set(others["reasons"].list.len()) == {0}
    assert set(result.parcels["verdict"]) == {"assessed"}


def test_a_carton_is_assessed_on_its_own_differences() -> None:
    result = assess(window())
    assert row(result.cartons, "carton_id", "C2")["reasons"] == [
        "The X-ray shows 4 to 6 pieces; the manifest says 2.",
        "The parcel rows of this carton add up to 1 piece; its own row says 2.",
    ]
    assert row(result.cartons, "carton_id", "C1")["reasons"] == []


def test_what_could_not_be_checked_is_listed_and_never_a_reason() -> None:
    first = row(assess(window()).parcels, "parcel_id", "P00")
    assert isinstance(first["not_assessed"], list)
    assert "xray.items: the scan is truncated" in first["not_assessed"]
    assert "xray.items: no scan" not in first["not_assessed"]
    assert first["not_assessed"] == sorted(first["not_assessed"])


def test_a_parcel_of_which_nothing_could_be_checked_has_no_risk() -> None:
    bare = row(assess(w.evidence(w.feed([{"parcel_id": "P"}]))).parcels, "parcel_id", "P")
    assert bare["risk"] is None
    assert bare["band"] is None
    assert isinstance(bare["not_assessed"], list)
    listed = {str(line).split(":", 1)[0] for line in bare["not_assessed"]}
    parcel_codes = {code for code, kinds in CODES.items() if "parcel" in kinds}
    assert listed == (parcel_codes - NEED_TEXT) | set(DETECTOR_CHECKS)


def test_codes_that_need_text_are_looked_for_only_where_it_is_read() -> None:
    evidence = w.evidence(w.feed([{"parcel_id": "P"}]))
    silent = assess(evidence)
    asked = assess(evidence, config=CONFIG.model_copy(update={"ocr": True}))
    added = set(asked.not_assessed["check"]) - set(silent.not_assessed["check"])
    assert added == {code for code in NEED_TEXT if "parcel" in CODES[code]}


def test_a_row_that_the_feed_rejected_is_quarantined_with_its_place() -> None:
    result = assess(w.evidence(w.feed([{"parcel_id": "P"}], rejected_parcels=1)))
    bad = row(result.parcels, "parcel_id", "BAD0")
    assert (bad["verdict"], bad["risk"], bad["band"]) == ("quarantined", None, None)
    assert bad["not_assessed"] == [
        "feed: parcels.csv row 100: pieces must be a whole number, 0 or more, got ten"
    ]
    assert bad["propensity"] == pytest.approx(0.05 / 2)  # a twentieth of one exam, among two


def test_the_result_is_the_same_in_any_order_of_rows() -> None:
    evidence = window()
    shuffled = Evidence(
        feed=dataclasses.replace(
            evidence.feed,
            parcels=shuffle(evidence.feed.parcels),
            cartons=shuffle(evidence.feed.cartons),
            images=shuffle(evidence.feed.images),
        ),
        findings=shuffle(evidence.findings),
        not_assessed=shuffle(evidence.not_assessed),
    )
    one, two = assess(evidence), assess(shuffled)
    for field in dataclasses.fields(Window):
        assert_frame_equal(getattr(one, field.name), getattr(two, field.name), check_exact=True)


def shuffle(frame: pl.DataFrame) -> pl.DataFrame:
    order = list(range(frame.height))
    random.Random(5).shuffle(order)
    return frame[order]


def test_every_table_has_its_columns_even_when_empty() -> None:
    result = assess(w.evidence(w.feed()))
    assert result.parcels.schema == {"parcel_id": pl.String(), **ASSESSMENT_SCHEMA}
    assert result.cartons.schema == {"carton_id": pl.String(), **ASSESSMENT_SCHEMA}
    assert result.flags.schema == FLAG_SCHEMA
    assert result.findings.schema == FINDING_SCHEMA
    full = assess(window())
    assert full.parcels.schema == result.parcels.schema
    assert full.cartons.schema == result.cartons.schema
    assert full.flags.schema == FLAG_SCHEMA
    assert full.findings.schema == FINDING_SCHEMA


def test_reasons_are_cut_to_the_weightiest() -> None:
    short = CONFIG.model_copy(update={"max_reasons": 2})
    evidence = window()
    result = assess_window(
        evidence.feed, evidence.findings, evidence.not_assessed, w.bundle(), short, seed=7
    )
    assert row(result.parcels, "parcel_id", "ODD")["reason_codes"] == ["item.handgun", "U4.label"]


def test_findings_on_parcels_that_the_feed_does_not_have_are_ignored() -> None:
    stray = [w.item("GHOST", "handgun", score=0.9, p_value=0.001), w.read_code("GHOST", "1")]
    result = assess(w.evidence(w.feed([{"parcel_id": "P"}]), stray))
    assert result.parcels["parcel_id"].to_list() == ["P"]


@pytest.mark.parametrize("word", ["counterfeit", "contraband", "illegal", "fake", "guilty"])
def test_no_sentence_accuses(word: str) -> None:
    said = assess(window()).findings["sentence"].to_list()
    assert said
    assert not any(word in sentence.lower() for sentence in said)


def test_an_anomaly_is_reported_by_its_own_sentence() -> None:
    anomaly = Finding(
        owner_id="P",
        owner_kind="parcel",
        source="xray.anomaly",
        code="anomaly.scan",
        sentence="Unlike 99 of 100 compliant scans.",
        score=0.9,
        p_value=0.01,
    )
    result = assess(w.evidence(w.feed([{"parcel_id": "P"}]), [anomaly]))
    assert result.parcels["reasons"].to_list() == [["Unlike 99 of 100 compliant scans."]]


def test_a_row_that_could_not_be_read_may_be_drawn() -> None:
    of = w.evidence(w.feed([{"parcel_id": "P", "description": "tea"}], rejected_parcels=1))
    all_at_random = CONFIG.model_copy(update={"random_share": 1.0, "budget": 1.0})
    flags = assess_window(
        of.feed, of.findings, of.not_assessed, w.bundle(), all_at_random, seed=1
    ).flags
    flag = row(flags, "owner_id", "BAD0")
    assert (flag["arm"], flag["risk"], flag["reasons"]) == ("random", None, [])
