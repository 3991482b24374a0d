"""Outcomes for programs: plain values, ready for JSON."""

import math
from typing import Any

from parcelscope.pipelines.outcomes import ArmFigures, KindFigures, Outcomes
from parcelscope.pipelines.outcomes_uniformity import Compared
from parcelscope.screening.outcome_metrics import LEVELS, Estimate
from parcelscope.screening.outcome_uniformity import LIMITS


def as_json(outcomes: Outcomes) -> dict[str, Any]:
    """The outcomes for programs: what could not be assessed has no figure."""
    decided, delay, pairs = outcomes.decided, outcomes.delay, outcomes.agreement
    return {
        "runs": [run.card.run_id for run in decided.runs],
        "decisions": decided.rows,
        "left_out": [
            {"reason": one.reason, "rows": one.rows, "first_row": one.first}
            for one in decided.left_out
        ],
        "kinds": {f"{figures.kind}s": _kind(figures) for figures in outcomes.kinds},
        "delay_h": None
        if delay is None
        else {
            name: getattr(delay, name)
            for name in ("count", "mean", "median", "ninetieth", "longest")
        },
        "uniformity": {one.by: _compared(one) for one in outcomes.compared},
        "agreement": None
        if pairs is None
        else {"pairs": pairs.pairs, "agreed": pairs.agreed, "kappa": pairs.kappa},
        "drift": [
            {
                "what": one.what,
                "against": one.against,
                "psi": one.shift.psi,
                "ks": one.shift.ks,
                "p_value": one.shift.p_value,
            }
            for one in outcomes.drift
        ],
        "not_assessed": [{"what": one.what, "why": one.why} for one in outcomes.unjudged],
    }


def _kind(figures: KindFigures) -> dict[str, Any]:
    return {
        "population": figures.population,
        "prevalence": _estimate(figures.prevalence),
        "arms": {one.arm.replace(" ", "_"): _arm(one) for one in (*figures.arms, figures.together)},
        "calibration": [
            {
                "risk_low": one.low,
                "risk_high": one.high,
                "mean_risk": one.risk,
                "found": _estimate(one.found),
            }
            for one in figures.calibration
        ],
    }


def _arm(figures: ArmFigures) -> dict[str, Any]:
    return {
        "referred": figures.referred,
        "examined": figures.examined,
        "violations": figures.violations,
        "officer_hours": figures.hours,
        "precision": _estimate(figures.precision),
        "per_1000_exams": _estimate(figures.per_thousand),
        "recall": _estimate(figures.recall),
    }


def _compared(compared: Compared) -> dict[str, Any]:
    return {
        "p_value": None if math.isnan(compared.alike) else compared.alike,
        "groups": [
            {
                "name": group.name,
                "exams": group.exams,
                "found": group.found,
                "expected": group.expected,
                "outside_95": group.outside(LIMITS[0]),
                "outside_99_8": group.outside(LIMITS[1]),
            }
            for group in compared.groups
        ],
    }


def _estimate(estimate: Estimate) -> dict[str, Any]:
    if not estimate.known:
        return {"not_assessed": estimate.why, "exams": estimate.exams, "needed": estimate.needed}
    return {
        "value": estimate.value,
        "exams": estimate.exams,
        **{
            f"interval_{level:.0%}".replace("%", ""): list(span)
            for level, span in zip(LEVELS, estimate.intervals, strict=True)
        },
    }
