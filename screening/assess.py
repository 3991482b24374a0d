"""A closed window, from manifest tables and detector findings to assessments and flags."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.models.bundle import Bundle, FusionModel
from parcelscope.screening.config import Bands, ScreeningConfig
from parcelscope.screening.flagging import choose_flags
from parcelscope.screening.fusion import Fused, RiskScorer, fuse, strengths
from parcelscope.screening.indicators.anomaly import reported_anomalies
from parcelscope.screening.indicators.authenticity import reported_authenticity
from parcelscope.screening.indicators.evidence import KEYS, Evidence, merged
from parcelscope.screening.indicators.items import reported_items, unscanned
from parcelscope.screening.indicators.profile import profile_findings
from parcelscope.screening.indicators.registry import CODES, DETECTOR_CHECKS, INDICATORS
from parcelscope.screening.manifest_features import manifest_features

WEAK_P_VALUE = 0.1
"""A weaker detector finding is no reason even where there is no other."""
ASSESSMENT_SCHEMA = pl.Schema(
    {
        "verdict": pl.String(),
        "risk": pl.Float64(),
        "band": pl.String(),
        "reason_codes": pl.List(pl.String()),
        "reasons": pl.List(pl.String()),
        "not_assessed": pl.List(pl.String()),
    }
)
"""Columns of an assessment, after its `parcel_id` or `carton_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What screening says about one closed window."""

    parcels: pl.DataFrame
    """parcel_id, then `ASSESSMENT_SCHEMA`; one row per row of the feed's table, by id."""
    cartons: pl.DataFrame
    """carton_id, then `ASSESSMENT_SCHEMA`."""
    findings: pl.DataFrame
    """What the indicators found, columns as `FINDING_SCHEMA`."""
    not_assessed: pl.DataFrame
    """What screening could not check, columns as `NOT_ASSESSED_SCHEMA`."""
    flags: pl.DataFrame
    """Columns as `FLAG_SCHEMA`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """Everything said about the window, by detectors and indicators."""

    strong: pl.DataFrame
    """As `strengths` gives it."""
    reported: pl.DataFrame
    """Findings that the analyst is told of."""
    not_assessed: pl.DataFrame


def assess_window(
    feed: Feed,
    findings: pl.DataFrame,
    not_assessed: pl.DataFrame,
    bundle: Bundle,
    config: ScreeningConfig,
    *,
    seed: int,
    scorers: Mapping[OwnerKind, RiskScorer] | None = None,
) -> Window:
    """Assess every parcel and carton of `feed`, and flag those worth opening.

    The result is the same for any order of the rows of `feed`, `findings` and `not_assessed`.

    Args:
        feed: The manifest tables. Rows that it rejected come back as `quarantined`.
        findings: What the detectors found, columns as `FINDING_SCHEMA`.
        not_assessed: What they could not look at, columns as `NOT_ASSESSED_SCHEMA`.
        bundle: Thresholds and fusion models.
        config: What the indicators compare with, and the budget.
        seed: Decides ties and the random arm.
        scorers: The graphs of the fusion models that have trees, as `inference.risk` loads them.

    Raises:
        BundleError: If a fusion model has trees and no scorer came with it.
    """
    evidence = Evidence(feed=feed, findings=findings, not_assessed=not_assessed)
    indicated = merged([indicator(evidence, config) for indicator in INDICATORS.values()])
    unseen = [unscanned(evidence, check) for check in DETECTOR_CHECKS]
    reported = pl.concat(
        [
            indicated.findings,
            reported_items(evidence, bundle, config),
            reported_anomalies(evidence, config),
            reported_authenticity(evidence, config),
        ]
    )
    strong = strengths(pl.concat([findings, indicated.findings]))
    models: dict[OwnerKind, FusionModel] = {
        "parcel": bundle.parcel_fusion,
        "carton": bundle.carton_fusion,
    }
    fused = {
        kind: _fused(evidence, kind, strong, model, (scorers or {}).get(kind))
        for kind, model in models.items()
    }
    profiles = profile_findings(evidence, fused["parcel"], bundle.parcel_fusion)
    reported = pl.concat([reported, profiles])
    said = _Said(
        strong=strong,
        reported=pl.concat([reported, _otherwise_silent(findings, reported)]),
        not_assessed=pl.concat([not_assessed, indicated.not_assessed, *unseen]),
    )
    parcels = _assess("parcel", evidence, said, fused["parcel"], config)
    cartons = _assess("carton", evidence, said, fused["carton"], config)
    flags = choose_flags(
        pl.concat([_as_owners(parcels, "parcel"), _as_owners(cartons, "carton")]),
        budget=config.budget,
        random_share=config.random_share,
        seed=seed,
    )
    return Window(
        parcels=parcels,
        cartons=cartons,
        findings=pl.concat([indicated.findings, profiles]).sort(
            "owner_kind", "owner_id", "code", "text", "image_path", "sentence", nulls_last=True
        ),
        not_assessed=pl.concat([indicated.not_assessed, *unseen]).sort(
            "owner_kind", "owner_id", "check", "reason"
        ),
        flags=flags,
    )


def _otherwise_silent(findings: pl.DataFrame, reported: pl.DataFrame) -> pl.DataFrame:
    """Detector findings too weak to be reported, of owners that have no other reason.

    They count towards the risk all the same, and no risk may stand without a sentence.
    """
    owner = ["owner_id", "owner_kind"]
    return findings.filter(pl.col("p_value") <= WEAK_P_VALUE).join(
        reported.select(owner).unique(), on=owner, how="anti"
    )


def _fused(
    evidence: Evidence,
    kind: OwnerKind,
    strong: pl.DataFrame,
    model: FusionModel,
    scorer: RiskScorer | None,
) -> Fused:
    """The risks of all parcels, or all cartons, by id."""
    features = manifest_features(evidence) if kind == "parcel" and model.manifest else None
    return fuse(
        evidence.owners(kind).get_column("owner_id").sort(),
        strong.filter(pl.col("owner_kind") == kind),
        model,
        features=features,
        scorer=scorer,
    )


def _assess(
    kind: OwnerKind, evidence: Evidence, said: _Said, fused: Fused, config: ScreeningConfig
) -> pl.DataFrame:
    """Assessments of all parcels, or all cartons, sorted by id."""
    key = KEYS[kind]
    of_kind = pl.col("owner_kind") == kind
    strong = said.strong.filter(of_kind)
    unlooked = _not_assessed_lists(said.not_assessed.filter(of_kind), kind)
    rows = (
        fused.risk.join(
            _reason_lists(said.reported.filter(of_kind), fused, config.max_reasons),
            on="owner_id",
            how="left",
        )
        .join(unlooked, on="owner_id", how="left")
        .join(
            strong.select("owner_id", pl.lit(value=True).alias("found")).unique(),
            on="owner_id",
            how="left",
        )
    )
    # Where nothing at all could be checked, the risk of nothing found would be a claim.
    blind = (pl.col("missed") >= _checks(kind)) & pl.col("found").is_null()
    risk = pl.when(blind.fill_null(value=False)).then(None).otherwise(pl.col("risk"))
    none = pl.lit([], pl.List(pl.String()))
    assessed = rows.select(
        pl.col("owner_id").alias(key),
        pl.lit("assessed").alias("verdict"),
        risk.alias("risk"),
        _band(risk, config.bands).alias("band"),
        *(pl.col(name).fill_null(none) for name in ("reason_codes", "reasons", "not_assessed")),
    )
    return pl.concat([assessed, _quarantined(evidence.feed, kind)]).sort(key, "verdict")


def _checks(kind: OwnerKind) -> int:
    """How many checks there are for `kind`."""
    return sum(kind in kinds for kinds in CODES.values()) + sum(
        owner_kind == kind for owner_kind in DETECTOR_CHECKS.values()
    )


def _reason_lists(reported: pl.DataFrame, fused: Fused, max_reasons: int) -> pl.DataFrame:
    """owner_id, reason_codes, reasons: one sentence per code, the weightiest code first."""
    owner = "owner_id"
    weighed = reported.join(
        fused.contributions.select(owner, "code", "contribution"), on=[owner, "code"], how="left"
    ).with_columns(
        pl.col("contribution").fill_null(0.0),
        pl.col("likelihood_ratio").fill_null(0.0),
        pl.col("p_value").fill_null(1.0),
    )
    ordered = weighed.sort(
        owner,
        "contribution",
        "likelihood_ratio",
        "p_value",
        "code",
        "sentence",
        descending=[False, True, True, False, False, False],
    ).unique([owner, "code"], keep="first", maintain_order=True)
    return ordered.group_by(owner, maintain_order=True).agg(
        pl.col("code").head(max_reasons).alias("reason_codes"),
        pl.col("sentence").head(max_reasons).alias("reasons"),
    )


def _not_assessed_lists(rows: pl.DataFrame, kind: OwnerKind) -> pl.DataFrame:
    """owner_id, not_assessed, and how many of our checks were `missed`."""
    ours = [
        *(code for code, kinds in CODES.items() if kind in kinds),
        *(check for check, owner_kind in DETECTOR_CHECKS.items() if owner_kind == kind),
    ]
    check = pl.col("check")
    return (
        rows.select("owner_id", "check", "reason")
        .unique()
        .sort("owner_id", "check", "reason")
        .group_by("owner_id", maintain_order=True)
        .agg(
            pl.format("{}: {}", check, pl.col("reason")).alias("not_assessed"),
            check.filter(check.is_in(ours)).n_unique().alias("missed"),
        )
    )


def _band(risk: pl.Expr, bands: Bands) -> pl.Expr:
    return (
        pl.when(risk >= bands.inspect)
        .then(pl.lit("inspect"))
        .when(risk >= bands.look)
        .then(pl.lit("look"))
        .when(risk.is_not_null())
        .then(pl.lit("clear"))
    )


def _quarantined(feed: Feed, kind: OwnerKind) -> pl.DataFrame:
    """An assessment without a risk for each row that the feed rejected."""
    place = pl.format("{} row {}", "file", "row")
    subject = pl.when(pl.col("column") == "").then(pl.lit("the row")).otherwise("column")
    why = pl.format("feed: {}: {} must be {}, got {}", place, subject, "expected", "got")
    rejected = feed.rejected.filter(pl.col("table") == f"{kind}s")
    none = pl.lit(None)
    nothing = pl.lit([], pl.List(pl.String()))
    return rejected.select(
        pl.col("key").fill_null(place).alias(KEYS[kind]),
        pl.lit("quarantined").alias("verdict"),
        none.alias("risk"),
        none.alias("band"),
        nothing.alias("reason_codes"),
        nothing.alias("reasons"),
        pl.concat_list(why).alias("not_assessed"),
    ).cast(pl.Schema({KEYS[kind]: pl.String(), **ASSESSMENT_SCHEMA}))


def _as_owners(assessments: pl.DataFrame, kind: OwnerKind) -> pl.DataFrame:
    return assessments.select(
        pl.lit(kind).alias("owner_kind"),
        pl.col(KEYS[kind]).alias("owner_id"),
        "verdict",
        "risk",
        "reasons",
    )
