"""The assessment of each parcel and carton: its risk, its band, and why, in rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.screening.config import Bands, ScreeningConfig
from parcelscope.screening.flagging import CHANCE_SCHEMA, UNASSESSED
from parcelscope.screening.fusion import Fused
from parcelscope.screening.indicators.evidence import KEYS
from parcelscope.screening.trader_tiers import TIER_SCHEMA
from parcelscope.screening.unchecked import not_assessed_lists

ASSESSMENT_SCHEMA = pl.Schema(
    {
        "verdict": pl.String(),
        "risk": pl.Float64(),
        "band": pl.String(),
        "reason_codes": pl.List(pl.String()),
        "reasons": pl.List(pl.String()),
        "not_assessed": pl.List(pl.String()),
        **TIER_SCHEMA,
        **CHANCE_SCHEMA,
    }
)
"""Columns of an assessment, after its `parcel_id` or `carton_id`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Everything said about the window, by detectors and indicators."""

    strong: pl.DataFrame
    """As `strengths` gives it."""
    reported: pl.DataFrame
    """Findings that the analyst is told of."""
    not_assessed: pl.DataFrame
    checks: Mapping[OwnerKind, tuple[str, ...]]
    """Every check that there is for parcels, and for cartons."""


def assess_owners(
    kind: OwnerKind, feed: Feed, said: Said, fused: Fused, config: ScreeningConfig
) -> pl.DataFrame:
    """Assessments of all parcels, or all cartons, sorted by id.

    Args:
        kind: Which of the two.
        feed: The manifest tables; rows that it rejected come back as `quarantined`.
        said: What was found and what could not be checked.
        fused: The risk of each, in the order wanted, with its tier.
        config: Bands of the risk, and how many reasons are told.

    Returns:
        parcel_id or carton_id, then `ASSESSMENT_SCHEMA` without the columns of the arms, and
        beside them the share of its checks that was not made.
    """
    key = KEYS[kind]
    if fused.risk.is_empty():
        return _quarantined(feed, kind).sort(key, "verdict")
    of_kind = pl.col("owner_kind") == kind
    strong = said.strong.filter(of_kind)
    # Sorted whole below: the columns that nobody asks for stay out of it.
    told = said.reported.select(
        "owner_id", "owner_kind", "code", "sentence", "likelihood_ratio", "p_value"
    )
    unmade = said.not_assessed.lazy().filter(of_kind).select("owner_id", "check", "reason")
    unlooked = not_assessed_lists(unmade.collect(), said.checks[kind])
    rows = (
        fused.risk.join(
            _reason_lists(told.filter(of_kind), fused, config.max_reasons),
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
    blind = (pl.col("missed") >= len(said.checks[kind])) & pl.col("found").is_null()
    blind = blind.fill_null(value=False)
    risk = pl.when(blind).then(None).otherwise(pl.col("risk"))
    before = pl.when(blind).then(None).otherwise(pl.col("risk_before_tier"))
    none = pl.lit([], pl.List(pl.String()))
    assessed = rows.select(
        pl.col("owner_id").alias(key),
        pl.lit("assessed").alias("verdict"),
        risk.alias("risk"),
        _band(risk, config.bands).alias("band"),
        *(pl.col(name).fill_null(none) for name in ("reason_codes", "reasons", "not_assessed")),
        before.alias("risk_before_tier"),
        *(name for name in TIER_SCHEMA if name != "risk_before_tier"),
        (pl.col("missed").fill_null(0) / max(len(said.checks[kind]), 1)).alias(UNASSESSED),
    )
    return pl.concat([assessed, _quarantined(feed, kind)]).sort(key, "verdict")


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
    rejected = feed.rejected.filter(pl.col("table") == f"{kind}s")
    if rejected.is_empty():
        return _none_quarantined(kind)
    place = pl.format("{} row {}", "file", "row")
    subject = pl.when(pl.col("column") == "").then(pl.lit("the row")).otherwise("column")
    why = pl.format("feed: {}: {} must be {}, got {}", place, subject, "expected", "got")
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
        *(none.alias(name) for name in TIER_SCHEMA),
        pl.lit(1.0).alias(UNASSESSED),
    ).cast(_none_quarantined(kind).schema)


@cache
def _none_quarantined(kind: OwnerKind) -> pl.DataFrame:
    told = {name: of for name, of in ASSESSMENT_SCHEMA.items() if name not in CHANCE_SCHEMA}
    return pl.DataFrame(schema={KEYS[kind]: pl.String(), **told, UNASSESSED: pl.Float64()})
