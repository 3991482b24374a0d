"""Every value that the risk and the exam of one parcel or carton came from."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from parcelscope.datasets.records import OwnerKind
from parcelscope.models.bundle import FusionModel
from parcelscope.screening.assess import Window
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.fusion import strength_of_finding, weight_of
from parcelscope.screening.indicator_pack import Indicators
from parcelscope.screening.indicators.evidence import KEYS
from parcelscope.screening.pack_file import Rule
from parcelscope.screening.uncalibrated import believed


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """One finding, and what it had to do with the risk."""

    code: str
    source: str
    """Detector, or `indicator`."""
    sentence: str
    observed: float | None
    observed_low: float | None
    observed_high: float | None
    expected: float | None
    unit: str | None
    score: float | None
    p_value: float | None
    likelihood_ratio: float | None
    counted_p_value: float | None
    """As the risk took it: not below what a scanner without calibration allows."""
    counted_likelihood_ratio: float | None
    is_calibrated: bool | None
    strength: float | None
    """0 to 4; None for a measurement, or a finding that was left out."""
    weight: float
    """Of its code, as `fusion.weight_of` gives it; 0 where it does not count."""
    contribution: float | None
    """Log-odds that it added; None where a stronger one of the same code counts, or none does."""
    pack: str | None
    version: int | None
    severity: str | None
    citation: str | None
    """Of the entry in force, where it is an indicator's."""
    text: str | None
    image_path: str | None
    box_xyxy: tuple[float, ...] | None
    part: str
    """File of the run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """From the intercept to the calibrated risk."""

    intercept: float
    """Log-odds where nothing is found."""
    findings: float
    """What all codes add."""
    profile: float
    """What the manifest row by itself adds."""
    trees: bool
    """Whether trees made the logit, so that it is not the sum of what stands here."""
    logit: float
    knots: tuple[tuple[float, float], tuple[float, float]]
    """(logit, risk) of the two knots that the risk lies between, or of the outermost two."""
    risk_before_tier: float | None
    tier: str | None
    tier_shift: float | None
    tier_note: str | None
    risk: float | None
    """None where nothing could be checked."""
    band: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """Whether it comes to an exam, and how likely that was."""

    arm: str | None
    inclusion_probability: float | None
    rank: int | None
    """Among the flags of its kind; None where it has none of its own."""
    minutes: float | None
    pool: str | None
    drawn: bool | None
    draw_probability: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One parcel or carton."""

    owner_kind: OwnerKind
    owner_id: str
    verdict: str
    findings: tuple[Weighed, ...]
    """The weightiest first."""
    sum: Sum | None
    """None where the row could not be read."""
    chance: Chance
    reasons: tuple[str, ...]
    not_assessed: tuple[str, ...]


def explain_owner(
    kind: OwnerKind,
    owner_id: str,
    *,
    window: Window,
    findings: pl.DataFrame,
    model: FusionModel,
    indicators: Indicators,
    config: ScreeningConfig,
    day: date | None,
) -> Explanation:
    """What the window says of one owner, with all that it weighed.

    Args:
        kind: Parcel or carton.
        owner_id: One of the window's assessments.
        window: As `assess_window` gave it.
        findings: Of this owner, columns as `FINDING_SCHEMA` and `part`.
        model: Fusion model of its kind.
        indicators: The packs that decided.
        config: How findings on scanners without calibration count.
        day: The day that decides which entry of a pack is in force; None is the latest.
    """
    table = window.parcels if kind == "parcel" else window.cartons
    # A row that was refused for its id may stand beside the assessed one.
    row = table.filter(pl.col(KEYS[kind]) == owner_id).sort("verdict").row(0, named=True)
    own = (pl.col("owner_kind") == kind) & (pl.col("owner_id") == owner_id)
    weights = window.contributions.filter(own)
    weighed = _weighed(findings, weights, model, indicators, config, day)
    flags = window.flags.filter(own)
    flag: dict[str, Any] = flags.row(0, named=True) if flags.height else {}
    return Explanation(
        owner_kind=kind,
        owner_id=owner_id,
        verdict=row["verdict"],
        findings=weighed,
        sum=_sum(row, window.logits.filter(own), weights, model),
        chance=Chance(
            arm=row["arm"],
            inclusion_probability=row["propensity"],
            rank=flag.get("rank"),
            minutes=flag.get("minutes"),
            pool=flag.get("pool"),
            drawn=flag.get("drawn"),
            draw_probability=flag.get("draw_propensity"),
        ),
        reasons=tuple(row["reasons"]),
        not_assessed=tuple(row["not_assessed"]),
    )


def _weighed(
    findings: pl.DataFrame,
    weights: pl.DataFrame,
    model: FusionModel,
    indicators: Indicators,
    config: ScreeningConfig,
    day: date | None,
) -> tuple[Weighed, ...]:
    """Each finding; of several of one code the strongest carries its contribution."""
    numbered = findings.with_row_index("n")
    counted = believed(numbered, config.uncalibrated).select(
        "n",
        pl.col("p_value").alias("counted_p_value"),
        pl.col("likelihood_ratio").alias("counted_likelihood_ratio"),
        strength_of_finding().alias("strength"),
    )
    rows = numbered.join(counted, on="n", how="left").sort(
        "strength", "n", descending=[True, False], nulls_last=True
    )
    contribution = dict(weights.select("code", "contribution").iter_rows())
    found = []
    for row in rows.iter_rows(named=True):
        rule = _rule(row["code"], indicators, day) if row["source"] == "indicator" else None
        has_ratio = row["likelihood_ratio"] is not None
        weight = weight_of(row["code"], model, has_ratio=has_ratio)
        added = contribution.pop(row["code"], None) if row["strength"] is not None else None
        found.append(
            Weighed(
                **{name: row[name] for name in _PLAIN},
                box_xyxy=None if row["box_xyxy"] is None else tuple(row["box_xyxy"]),
                weight=weight,
                contribution=added,
                pack=None if rule is None else rule.pack,
                version=None if rule is None else rule.version,
                severity=None if rule is None else rule.severity,
                citation=None if rule is None else rule.citation,
            )
        )
    return tuple(
        sorted(found, key=lambda one: (-(one.contribution or 0.0), one.contribution is None))
    )


_PLAIN = (
    "code", "source", "sentence", "observed", "observed_low", "observed_high", "expected", "unit",
    "score", "p_value", "likelihood_ratio", "counted_p_value", "counted_likelihood_ratio",
    "is_calibrated", "strength", "text", "image_path", "part",
)  # fmt: skip


def _rule(code: str, indicators: Indicators, day: date | None) -> Rule | None:
    """The entry for `code` in force on `day`, the latest where no day is known."""
    ours = [rule for rule in indicators.rules if code in rule.codes]
    held = [rule for rule in ours if day is not None and rule.holds(day)]
    return max(held or ours, key=lambda rule: rule.first, default=None)


def _sum(
    row: dict[str, Any], logits: pl.DataFrame, weights: pl.DataFrame, model: FusionModel
) -> Sum | None:
    if logits.is_empty() or row["verdict"] != "assessed":
        return None
    logit, profile = logits.select("logit", "profile").row(0)
    last = len(model.knots_logit) - 1
    above = max(next((k for k, at in enumerate(model.knots_logit) if at >= logit), last), 1)
    below = above - 1
    return Sum(
        intercept=model.intercept,
        findings=float(weights["contribution"].sum()),
        profile=profile,
        trees=model.trees is not None,
        logit=logit,
        knots=(
            (model.knots_logit[below], model.knots_risk[below]),
            (model.knots_logit[above], model.knots_risk[above]),
        ),
        risk_before_tier=row["risk_before_tier"],
        tier=row["tier"],
        tier_shift=row["tier_shift"],
        tier_note=row["tier_note"],
        risk=row["risk"],
        band=row["band"],
    )
