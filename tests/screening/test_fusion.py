"""Strengths, weights and calibrated risk."""

import math
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parcelscope.datasets.records import Finding, findings_frame
from parcelscope.models.bundle import FusionModel
from parcelscope.screening.fusion import UNLEARNED_WEIGHT, fuse, strengths, weight_of

MODEL = FusionModel(
    intercept=-4.0,
    weights={"item.*": 1.0, "item.knife": 1.5, "anomaly.scan": 0.5},
    knots_logit=(-6.0, 0.0, 6.0),
    knots_risk=(0.0, 0.5, 1.0),
)


def finding(
    owner_id: str,
    code: str,
    *,
    likelihood_ratio: float | None = None,
    p_value: float | None = None,
) -> Finding:
    return Finding(
        owner_id=owner_id,
        owner_kind="parcel",
        source="s",
        code=code,
        sentence="s",
        likelihood_ratio=likelihood_ratio,
        p_value=p_value,
        observed=300.0,
    )


@pytest.mark.parametrize(
    ("evidence", "strength"),
    [
        pytest.param({"likelihood_ratio": 100.0}, 2.0, id="likelihood ratio"),
        pytest.param({"p_value": 0.001}, 3.0, id="p-value"),
        pytest.param({"likelihood_ratio": 10.0, "p_value": 0.001}, 1.0, id="the ratio goes first"),
        pytest.param({"likelihood_ratio": 0.1}, 0.0, id="in favour of the parcel"),
        pytest.param({"likelihood_ratio": 1e9}, 4.0, id="capped"),
        pytest.param({"p_value": 0.0}, 4.0, id="a p-value of zero"),
        pytest.param({"p_value": 1.0}, 0.0, id="like any other scan"),
    ],
)
def test_the_strength_of_a_finding(evidence: dict[str, float], strength: float) -> None:
    frame = strengths(findings_frame([finding("P", "item.knife", **evidence)]))
    assert frame["strength"].to_list() == [pytest.approx(strength)]


def test_a_measurement_has_no_strength() -> None:
    assert strengths(findings_frame([finding("P", "mass.total")])).is_empty()


def test_strengths_of_a_long_window_are_those_of_its_rows() -> None:
    few = findings_frame(
        [
            finding("P1", "item.knife", p_value=0.01),
            finding("P2", "item.knife", p_value=0.5),
            finding("P1", "item.knife", p_value=0.1),
            finding("P2", "U1.count", likelihood_ratio=10.0),
            finding("P2", "U1.count", p_value=0.001),
            finding("P1", "mass.total"),
        ]
    )
    assert strengths(few[[*range(few.height)] * 9_000]).equals(strengths(few))


def test_the_strongest_finding_of_a_code_counts() -> None:
    twice = [finding("P", "item.knife", p_value=p) for p in (0.1, 0.01)]
    assert strengths(findings_frame(twice))["strength"].to_list() == [pytest.approx(2.0)]


@pytest.mark.parametrize(
    ("code", "weight"),
    [("item.knife", 1.5), ("item.handgun", 1.0), ("anomaly.scan", 0.5), ("U1.count", 0.0)],
)
def test_a_weight_is_looked_up_by_code_then_by_family(code: str, weight: float) -> None:
    assert weight_of(code, MODEL, has_ratio=False) == weight


def test_a_likelihood_ratio_that_the_model_never_saw_counts_by_half_its_logarithm() -> None:
    assert weight_of("U99.new", MODEL, has_ratio=True) == UNLEARNED_WEIGHT
    assert weight_of("item.knife", MODEL, has_ratio=True) == 1.5
    found = strengths(findings_frame([finding("A", "U99.new", likelihood_ratio=100.0)]))
    added = fuse(pl.Series(["A"]), found, MODEL).contributions["contribution"]
    assert added.to_list() == [pytest.approx(math.log(100.0) / 2)]


def test_risk_is_the_calibrated_sum() -> None:
    found = strengths(
        findings_frame(
            [
                finding("A", "item.knife", p_value=0.01),
                finding("A", "anomaly.scan", p_value=0.01),
                finding("A", "scan.unknown", p_value=0.01),
                finding("gone", "item.knife", p_value=0.01),
            ]
        )
    )
    fused = fuse(pl.Series(["B", "A"]), found, MODEL)
    logit = -4.0 + 2 * 1.5 + 2 * 0.5
    assert fused.risk.rows() == [
        ("B", -4.0, pytest.approx(0.5 * 2 / 6)),
        ("A", pytest.approx(logit), pytest.approx(0.5)),
    ]
    by_code = dict(fused.contributions.select("code", "contribution").iter_rows())
    assert by_code == {
        "item.knife": pytest.approx(3.0),
        "anomaly.scan": pytest.approx(1.0),
        "scan.unknown": 0.0,
    }


def test_without_findings_everyone_has_the_risk_of_nothing_found() -> None:
    fused = fuse(pl.Series(["A", "B"]), strengths(findings_frame([])), MODEL)
    assert fused.risk["logit"].to_list() == [-4.0, -4.0]


def test_without_owners_there_is_no_risk() -> None:
    fused = fuse(pl.Series([], dtype=pl.String), strengths(findings_frame([])), MODEL)
    assert fused.risk.is_empty()


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ABCD"),
            st.sampled_from(["item.knife", "item.gun", "anomaly.scan", "x.y"]),
            st.floats(1e-6, 1.0),
        ),
        max_size=20,
    ),
    st.randoms(use_true_random=False),
)
def test_risk_is_the_same_to_the_last_bit_in_any_order(
    rows: list[tuple[str, str, float]], random: Random
) -> None:
    findings = [finding(owner, code, p_value=p) for owner, code, p in rows]
    shuffled = list(findings)
    random.shuffle(shuffled)
    owners = pl.Series(list("ABCD"))
    one, two = (
        fuse(owners, strengths(findings_frame(rows)), MODEL) for rows in (findings, shuffled)
    )
    assert one.risk.equals(two.risk)
    assert one.contributions.equals(two.contributions)


@given(st.floats(1e-6, 1.0), st.floats(1e-6, 1.0))
def test_a_rarer_score_never_lowers_the_risk(p: float, q: float) -> None:
    risks = [
        fuse(
            pl.Series(["A"]),
            strengths(findings_frame([finding("A", "item.knife", p_value=value)])),
            MODEL,
        ).risk["risk"][0]
        for value in sorted((p, q))
    ]
    assert risks[0] >= risks[1]
    assert all(math.isfinite(risk) and 0 <= risk <= 1 for risk in risks)
