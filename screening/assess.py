"""A closed window, from manifest tables and detector findings to assessments and flags."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from parcelscope.datasets.embeddings import embeddings_frame
from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind, findings_frame, not_assessed_frame
from parcelscope.datasets.sightings import Earlier
from parcelscope.models.bundle import Bundle, FusionModel
from parcelscope.screening.assessments import Said, assess_owners
from parcelscope.screening.config import Bands, ScreeningConfig
from parcelscope.screening.flagging import choose_flags, owners_of
from parcelscope.screening.fusion import Fused, RiskScorer, fuse, strengths
from parcelscope.screening.indicator_pack import Indicators, load_indicators
from parcelscope.screening.indicator_run import Reports, manifest_reports, run_indicators
from parcelscope.screening.indicators.anomaly import reported_anomalies
from parcelscope.screening.indicators.authenticity import reported_authenticity
from parcelscope.screening.indicators.evidence import Evidence
from parcelscope.screening.indicators.items import reported_items, unscanned
from parcelscope.screening.indicators.profile import profile_findings
from parcelscope.screening.indicators.registry import DETECTOR_CHECKS, NEED_TEXT
from parcelscope.screening.manifest_features import manifest_features
from parcelscope.screening.standing import Standing, load_standing
from parcelscope.screening.trader_tiers import tier_shifts, with_tiers
from parcelscope.screening.uncalibrated import believed, left_out, marked
from parcelscope.screening.unchecked import in_order

WEAK_P_VALUE = 0.1
"""A weaker detector finding is no reason even where there is no other."""
LOGIT_SCHEMA = pl.Schema(
    {
        "owner_kind": pl.String(),
        "owner_id": pl.String(),
        "logit": pl.Float64(),
        "profile": pl.Float64(),
    }
)
"""What the knots of the fusion model made a risk of, and what the manifest row alone added."""
CONTRIBUTION_SCHEMA = pl.Schema(
    {
        "owner_kind": pl.String(),
        "owner_id": pl.String(),
        "code": pl.String(),
        "strength": pl.Float64(),
        "contribution": pl.Float64(),
    }
)
"""What each code had to do with it: 0 to 4, and that times its weight."""


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
    logits: pl.DataFrame
    """Columns as `LOGIT_SCHEMA`; not kept by a run, which can be replayed."""
    contributions: pl.DataFrame
    """Columns as `CONTRIBUTION_SCHEMA`; likewise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestSays:
    """What the manifest tables of a window come to by themselves, before any image was decoded."""

    reports: Reports
    shifts: pl.DataFrame
    """As `tier_shifts` gives it."""


def assess_manifest(
    feed: Feed,
    indicators: Indicators,
    standing: Standing,
    config: ScreeningConfig,
    earlier: Earlier | None = None,
) -> ManifestSays:
    """The part of `assess_window` that no detector has a say in, with the same arguments."""
    evidence = Evidence(
        feed=feed,
        findings=findings_frame(()),
        not_assessed=not_assessed_frame(()),
        standing=standing,
        earlier=earlier,
    )
    return ManifestSays(
        reports=manifest_reports(evidence, indicators),
        shifts=tier_shifts(feed.parcels, standing.traders, config.trader_tiers),
    )


def assess_window(
    feed: Feed,
    findings: pl.DataFrame,
    not_assessed: pl.DataFrame,
    bundle: Bundle,
    config: ScreeningConfig,
    *,
    seed: int,
    scorers: Mapping[OwnerKind, RiskScorer] | None = None,
    indicators: Indicators | None = None,
    standing: Standing | None = None,
    earlier: Earlier | None = None,
    embeddings: pl.DataFrame | None = None,
    manifest: ManifestSays | None = None,
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
        indicators: The packs of `config`, loaded; they are loaded here if None.
        standing: Policy packs, rates and traders that `config` names; loaded here if None.
        earlier: What earlier windows saw of the numbers of this one, if anybody kept it.
        embeddings: Where each scan lies among all, columns as `EMBEDDING_SCHEMA`, if known.
        manifest: As `assess_manifest` gave it for the same arguments, where that was done ahead.

    Raises:
        BundleError: If a fusion model has trees and no scorer came with it.
        ConfigError: If an indicator pack or standing data to be loaded here does not fit.
    """
    rules = load_indicators(config.indicator_packs) if indicators is None else indicators
    if not config.ocr:
        # Nobody asked for it: that is no gap of a parcel.
        rules = rules.without(NEED_TEXT)
    if standing is None:
        standing = load_standing(config.policy, config.trader_tiers, config.watch_lists)
    doubted = left_out(findings, feed, config.uncalibrated)
    evidence = Evidence(
        feed=feed,
        findings=believed(findings, config.uncalibrated),
        not_assessed=pl.concat([not_assessed, doubted]),
        standing=standing,
        earlier=earlier,
        embeddings=embeddings_frame(()) if embeddings is None else embeddings,
    )
    indicated = run_indicators(evidence, rules, None if manifest is None else manifest.reports)
    told = marked(indicated.findings, findings)
    unseen = [unscanned(evidence, check) for check in DETECTOR_CHECKS]
    strong = strengths(pl.concat([evidence.findings, believed(told, config.uncalibrated)]))
    shifts = (
        tier_shifts(feed.parcels, standing.traders, config.trader_tiers)
        if manifest is None
        else manifest.shifts
    )
    fused = _fused_owners(evidence, strong, bundle, scorers or {}, shifts, config)
    profiles = profile_findings(evidence, fused["parcel"], bundle.parcel_fusion)
    reported = pl.concat([told, *_reported_by_detectors(evidence, bundle, config), profiles])
    said = Said(
        strong=strong,
        reported=pl.concat([reported, _otherwise_silent(evidence.findings, reported)]),
        not_assessed=pl.concat([evidence.not_assessed, indicated.not_assessed, *unseen]),
        checks={kind: _checks(kind, rules) for kind in fused},
    )
    parcels = assess_owners("parcel", feed, said, fused["parcel"], config)
    cartons = assess_owners("carton", feed, said, fused["carton"], config)
    flagged = choose_flags(
        owners_of(feed, parcels, cartons),
        budget=config.budget,
        random_share=config.random_share,
        exams=config.exams,
        seed=seed,
    )
    return Window(
        parcels=flagged.onto(parcels, "parcel"),
        cartons=flagged.onto(cartons, "carton"),
        findings=pl.concat([told, profiles]).sort(
            "owner_kind", "owner_id", "code", "text", "image_path", "sentence", nulls_last=True
        ),
        not_assessed=in_order(pl.concat([doubted, indicated.not_assessed, *unseen])),
        flags=flagged.flags,
        logits=pl.concat([_logits(kind, one) for kind, one in fused.items()]),
        contributions=pl.concat([_contributions(kind, one) for kind, one in fused.items()]),
    )


def _reported_by_detectors(
    evidence: Evidence, bundle: Bundle, config: ScreeningConfig
) -> tuple[pl.DataFrame, ...]:
    """Detector findings that are reasons by themselves, without an indicator between."""
    return (
        reported_items(evidence, bundle, config),
        reported_anomalies(evidence, config),
        reported_authenticity(evidence, config),
    )


def _otherwise_silent(findings: pl.DataFrame, reported: pl.DataFrame) -> pl.DataFrame:
    """Detector findings too weak to be reported, of owners that have no other reason.

    They count towards the risk all the same, and no risk may stand without a sentence.
    """
    owner = ["owner_id", "owner_kind"]
    return findings.filter(pl.col("p_value") <= WEAK_P_VALUE).join(
        reported.select(owner).unique(), on=owner, how="anti"
    )


def _fused_owners(
    evidence: Evidence,
    strong: pl.DataFrame,
    bundle: Bundle,
    scorers: Mapping[OwnerKind, RiskScorer],
    shifts: pl.DataFrame,
    config: ScreeningConfig,
) -> dict[OwnerKind, Fused]:
    """The risks of all parcels and of all cartons, those of parcels with the tiers of traders."""
    models: dict[OwnerKind, FusionModel] = {
        "parcel": bundle.parcel_fusion,
        "carton": bundle.carton_fusion,
    }
    fused = {
        kind: _fused(evidence, kind, strong, model, scorers.get(kind))
        for kind, model in models.items()
    }
    return {
        kind: _tiered(one, shifts if kind == "parcel" else None, config.bands)
        for kind, one in fused.items()
    }


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


def _logits(kind: OwnerKind, fused: Fused) -> pl.DataFrame:
    return fused.risk.select(
        pl.lit(kind).alias("owner_kind"), "owner_id", "logit", pl.Series("profile", fused.profile)
    )


def _contributions(kind: OwnerKind, fused: Fused) -> pl.DataFrame:
    return fused.contributions.select(pl.lit(kind).alias("owner_kind"), pl.all())


def _tiered(fused: Fused, shifts: pl.DataFrame | None, bands: Bands) -> Fused:
    """`fused` with the tiers of traders counted; the parcels at the line of `bands` stay there."""
    return replace(fused, risk=with_tiers(fused.risk, shifts, line=bands.inspect))


def _checks(kind: OwnerKind, indicators: Indicators) -> tuple[str, ...]:
    """Every check that there is for `kind`."""
    return (
        *(code for code, kinds in indicators.codes.items() if kind in kinds),
        *(check for check, owner_kind in DETECTOR_CHECKS.items() if owner_kind == kind),
    )
