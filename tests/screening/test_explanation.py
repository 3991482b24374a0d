"""Every value behind one parcel's risk."""

import dataclasses
from datetime import date

import polars as pl
import pytest
from tests.screening import windows as w

from parcelscope.datasets.records import Finding
from parcelscope.models.bundle import Bundle
from parcelscope.screening.assess import assess_window
from parcelscope.screening.config import load_screening_config
from parcelscope.screening.explanation import Explanation, explain_owner
from parcelscope.screening.indicator_pack import Indicators, load_indicators
from parcelscope.screening.policy_rules import Effective

CONFIG = load_screening_config()
BASE = load_indicators(("base",))


def explained(
    *findings: Finding,
    description: str = "tea",
    indicators: Indicators = BASE,
    bundle: Bundle | None = None,
    day: date | None = None,
) -> Explanation:
    of = w.evidence(w.feed([{"parcel_id": "P", "description": description}]), findings)
    models = w.bundle() if bundle is None else bundle
    window = assess_window(
        of.feed, of.findings, of.not_assessed, models, CONFIG, seed=7, indicators=indicators
    )
    stored = [
        of.findings.with_columns(pl.lit("findings/part-00000.parquet").alias("part")),
        window.findings.with_columns(pl.lit("findings/part-00001.parquet").alias("part")),
    ]
    return explain_owner(
        "parcel",
        "P",
        window=window,
        findings=pl.concat(stored).filter(pl.col("owner_id") == "P"),
        model=models.parcel_fusion,
        indicators=indicators,
        config=CONFIG,
        day=day,
    )


def test_a_parcel_without_findings_has_the_risk_of_nothing_found() -> None:
    one = explained()
    assert one.findings == ()
    assert one.sum is not None
    assert one.sum.logit == one.sum.intercept == w.bundle().parcel_fusion.intercept
    assert one.chance.inclusion_probability is not None
    assert one.not_assessed


def test_of_several_findings_of_a_code_the_strongest_carries_the_weight() -> None:
    weak, strong = (
        w.item("P", "knife", score=score, p_value=p_value)
        for score, p_value in ((0.2, 0.5), (0.9, 0.001))
    )
    first, second = explained(weak, strong).findings
    assert first.p_value == 0.001
    assert first.strength == pytest.approx(3.0)
    assert first.contribution == first.strength * first.weight
    assert (second.p_value, second.contribution) == (0.5, None)


def test_a_scanner_without_calibration_shows_how_its_findings_were_counted() -> None:
    shape = w.item("P", "knife", score=0.9, p_value=0.001)
    unlike = dataclasses.replace(shape, source="xray.anomaly", code="anomaly.scan")
    doubtful = [dataclasses.replace(one, is_calibrated=False) for one in (shape, unlike)]
    by_code = {one.code: one for one in explained(*doubtful).findings}
    knife, anomaly = by_code["item.knife"], by_code["anomaly.scan"]
    assert (knife.p_value, knife.counted_p_value) == (0.001, 0.02)
    assert knife.strength == pytest.approx(1.69897)
    assert (anomaly.counted_p_value, anomaly.strength, anomaly.contribution) == (None, None, None)


@pytest.mark.parametrize(
    ("day", "version"),
    [
        pytest.param(date(2026, 2, 1), 1, id="before"),
        pytest.param(date(2026, 4, 1), 2, id="after"),
        pytest.param(None, 2, id="no day is the latest"),
    ],
)
def test_the_entry_is_the_one_in_force_on_the_day(day: date | None, version: int) -> None:
    (pack,) = BASE.packs
    rule = next(rule for rule in pack.rules if "U8.description" in rule.codes)
    days = {
        1: Effective.model_validate({"from": date(2026, 1, 1), "until": date(2026, 2, 28)}),
        2: Effective.model_validate({"from": date(2026, 3, 1)}),
    }
    rules = [one for one in pack.rules if one is not rule]
    rules += [
        dataclasses.replace(rule, version=number, effective=held) for number, held in days.items()
    ]
    dated = Indicators(packs=(dataclasses.replace(pack, rules=tuple(rules)),))
    (found,) = explained(description="goods", indicators=dated, day=day).findings
    assert (found.code, found.version, found.pack) == ("U8.description", version, "base")
