"""Trader tiers: what a verified trader's record takes off the odds of a parcel.

A tier belongs to a verified identity, wears off with the age of the verification, and is bounded.
It never switches a check off: at or above the line from which a parcel is worth opening it counts
for nothing, and the random arm does not know of it.
"""

import math
from pathlib import Path
from typing import Final, Self

import polars as pl
from pydantic import BaseModel, Field, model_validator

from parcelscope.datasets.columns import ID_PATTERN, Column, TableSchema
from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.tables import empty_table, read_table
from parcelscope.screening.outside_tables import require_all_taken

TRADERS: Final = TableSchema(
    name="traders",
    meaning="One row per verification of a trader; the latest before a parcel arrived counts.",
    key=("trader_id", "verified_at"),
    columns=(
        Column(
            name="trader_id",
            type="text",
            meaning="The identity, as the parcels table spells it.",
            required=True,
            pattern=ID_PATTERN,
        ),
        Column(
            name="tier",
            type="text",
            meaning="Its tier, one that the screening configuration names.",
            required=True,
        ),
        Column(
            name="verified_at",
            type="datetime",
            meaning="When the identity and its record were verified.",
            required=True,
        ),
        Column(
            name="verified_by",
            type="text",
            meaning="Who verified it.",
            required=True,
        ),
    ),
)

SHIFT_SCHEMA: Final = pl.Schema(
    {
        "owner_id": pl.String(),
        "tier": pl.String(),
        "tier_shift": pl.Float64(),
        "tier_note": pl.String(),
    }
)
"""`tier_note` says why a tier counts for nothing; null where it counts, or where there is none."""

TIER_SCHEMA: Final = pl.Schema(
    {
        "risk_before_tier": pl.Float64(),
        "tier": pl.String(),
        "tier_shift": pl.Float64(),
        "tier_note": pl.String(),
    }
)
"""What an assessment keeps of a tier: the risk without it, the tier, what it added to the log-odds
(0 where it counts for nothing) and why it counts for nothing."""


class TraderTierConfig(BaseModel, frozen=True, extra="forbid"):
    """How much a trader's tier counts for. Unless `traders` is given, for nothing."""

    traders: str | None = None
    """Table of verified traders, CSV or Parquet."""
    tiers: dict[str, float] = {}
    """What each tier, freshly verified, adds to the log-odds: 0 or less."""
    max_shift: float = Field(default=1.0, ge=0, le=3)
    """No tier takes off more log-odds than this; 1.0 divides the odds by 2.7."""
    half_life_days: float = Field(default=365, gt=0)
    """After so long without a new verification, half of it is left."""
    max_age_days: float = Field(default=1095, gt=0)
    """An older verification counts for nothing."""
    declared_share: float = Field(default=0.0, ge=0, le=1)
    """Share of its shift that a tier counts for which only the manifest row claims."""

    @model_validator(mode="after")
    def _lowering(self) -> Self:
        for tier, shift in self.tiers.items():
            if not (math.isfinite(shift) and -self.max_shift <= shift <= 0):
                raise ValueError(
                    f"tiers.{tier} must lie from -{self.max_shift:g} (max_shift) to 0, got"
                    f" {shift:g}"
                )
        return self


def read_traders(path: Path, config: TraderTierConfig) -> pl.DataFrame:
    """The verified traders in `path`, columns as `TRADERS`.

    Raises:
        ConfigError: If a row cannot be taken or names a tier that `config` does not.
        FeedError: If the file cannot be read as this table.
    """
    read = read_table(path, TRADERS)
    require_all_taken(read, path)
    unknown = read.frame.filter(~pl.col("tier").is_in(list(config.tiers)))
    if not unknown.is_empty():
        first = unknown.sort("row").row(0, named=True)
        known = ", ".join(sorted(config.tiers)) or "none at all"
        raise ConfigError(
            f"{path} row {first['row']}: tier must be one that trader_tiers.tiers of the screening"
            f" configuration names ({known}), got {first['tier']!r}"
        )
    return read.frame.select(TRADERS.names)


_NO_TIER: Final = {
    name: pl.lit(None, dtype) for name, dtype in SHIFT_SCHEMA.items() if name != "owner_id"
}


def no_traders() -> pl.DataFrame:
    """A table of traders without rows."""
    return empty_table(TRADERS).select(TRADERS.names)


def tier_shifts(
    parcels: pl.DataFrame, traders: pl.DataFrame, config: TraderTierConfig
) -> pl.DataFrame:
    """What the tier of each parcel's trader adds to its log-odds, before the risk is looked at.

    The shift of a tier, times one half for each half-life between its verification and the arrival
    of the parcel. Without a date of arrival the age is not known, and it counts for nothing.

    Args:
        parcels: `parcel_id`, `trader_id`, `trader_tier`, `arrived_at`; one row per parcel.
        traders: As `read_traders` gives it.
        config: The shifts and their bounds.

    Returns:
        Columns as `SHIFT_SCHEMA`, one row per parcel, by id; `tier_shift` 0 or less, null where
        there is no tier.
    """
    text = pl.col("trader_id", "trader_tier").str.strip_chars()
    rows = parcels.select("parcel_id", text, "arrived_at").with_columns(
        pl.when(pl.col("trader_id") != "").then("trader_id"),
        pl.when(pl.col("trader_tier") != "").then("trader_tier"),
    )
    if rows["trader_id"].null_count() == rows["trader_tier"].null_count() == rows.height:
        # The usual case.
        return rows.select(pl.col("parcel_id").alias("owner_id"), **_NO_TIER).sort("owner_id")
    verified = _verified(rows, traders)
    if config.declared_share == 0:
        verified = verified.with_columns(pl.lit(None, pl.String).alias("claimed"))
    else:
        named = pl.col("trader_tier").is_in(list(config.tiers))
        verified = verified.with_columns(pl.when(named).then("trader_tier").alias("claimed"))
    return _shifted(verified, config).sort("owner_id")


def _verified(rows: pl.DataFrame, traders: pl.DataFrame) -> pl.DataFrame:
    """`rows` with `tier` and `verified_at`, the latest at or before the arrival, and `listed`."""
    known = traders.select("trader_id", "tier", "verified_at")
    listed = known.select("trader_id", pl.lit(value=True).alias("listed")).unique()
    dated = rows.drop_nulls(["trader_id", "arrived_at"]).sort("arrived_at")
    latest = dated.select("parcel_id", "trader_id", "arrived_at").join_asof(
        known.with_columns(pl.col("verified_at").alias("arrived_at")).sort("arrived_at"),
        on="arrived_at",
        by="trader_id",
        strategy="backward",
        check_sortedness=False,
    )
    return rows.join(
        latest.select("parcel_id", "tier", "verified_at"), on="parcel_id", how="left"
    ).join(listed, on="trader_id", how="left")


def _shifted(rows: pl.DataFrame, config: TraderTierConfig) -> pl.DataFrame:
    age_days = (pl.col("arrived_at") - pl.col("verified_at")).dt.total_microseconds() / 86_400e6
    full = {
        name: pl.col(column).replace_strict(config.tiers, default=None, return_dtype=pl.Float64)
        for name, column in (("tier", "tier"), ("claimed", "claimed"))
    }
    worn = full["tier"] * (-age_days / config.half_life_days * math.log(2)).exp()
    by_record = pl.when(age_days <= config.max_age_days).then(worn).otherwise(0.0)
    by_claim = full["claimed"] * config.declared_share
    listed = pl.col("listed").fill_null(value=False)
    note = (
        pl.when(pl.col("tier").is_not_null() & (age_days > config.max_age_days))
        .then(
            pl.format(
                "verified {} days before arrival, more than {}",
                age_days.floor().cast(pl.Int64),
                pl.lit(f"{config.max_age_days:g}"),
            )
        )
        .when(pl.col("tier").is_not_null())
        .then(pl.lit(None, pl.String))
        .when(listed & pl.col("arrived_at").is_null())
        .then(pl.lit("no date of arrival to tell the age of its verification by"))
        .when(listed)
        .then(pl.lit("verified only after the parcel arrived"))
        .when(pl.col("claimed").is_null() & pl.col("trader_tier").is_not_null())
        .then(pl.lit("claimed by the manifest row alone"))
    )
    shift = (
        pl.when(pl.col("tier").is_not_null())
        .then(by_record)
        .when(~listed & pl.col("claimed").is_not_null())
        .then(by_claim)
        .when(note.is_not_null())
        .then(0.0)
    )
    bounded = shift.clip(-config.max_shift, 0.0)
    return rows.select(
        pl.col("parcel_id").alias("owner_id"),
        pl.coalesce(
            "tier", pl.when(~listed).then("claimed"), pl.when(~listed).then("trader_tier")
        ).alias("tier"),
        # Minus nought prints as such.
        (bounded + 0.0).alias("tier_shift"),
        note.alias("tier_note"),
    ).cast(SHIFT_SCHEMA)


def shifted_risk(risk: pl.Expr, shift: pl.Expr, *, line: float) -> pl.Expr:
    """`risk` with `shift` added to its log-odds, where it lies below `line`.

    At or above `line` it stays as it is, whatever the tier: a reduced examination, except where
    there is a risk. For one shift it never falls where `risk` rises, so that it puts no two parcels
    of one tier and age in another order; without a shift, or with none, it is `risk` itself.

    Args:
        risk: 0 to 1; null stays null.
        shift: 0 or less; null where there is no tier.
        line: Risk from which a parcel is worth opening.
    """
    # Written so that each step rises or falls throughout: rounding then keeps the order too.
    against = (1 - risk) / risk * (-shift).exp()
    counts = (shift < 0) & (risk < line)
    # A shift too small for the last bit must not round the risk up.
    lowered = pl.min_horizontal(1 / (1 + against), risk)
    return pl.when(counts.fill_null(value=False)).then(lowered).otherwise(risk)


def with_tiers(risks: pl.DataFrame, shifts: pl.DataFrame | None, *, line: float) -> pl.DataFrame:
    """`risks` with their tiers counted: `risk` lowered, and columns as `TIER_SCHEMA`.

    Args:
        risks: owner_id, risk; one row per owner.
        shifts: As `tier_shifts` gives it; None for owners that have no trader, such as cartons.
        line: Risk from which a parcel is worth opening.
    """
    if shifts is None:
        return risks.with_columns(**_NO_TIER, risk_before_tier=pl.col("risk"))
    risk, shift = pl.col("risk"), pl.col("tier_shift")
    above = (shift < 0) & (risk >= line)
    return risks.join(shifts, on="owner_id", how="left", maintain_order="left").with_columns(
        risk.alias("risk_before_tier"),
        shifted_risk(risk, shift, line=line).alias("risk"),
        pl.when(above).then(0.0).otherwise(shift).alias("tier_shift"),
        pl.when(above)
        .then(pl.lit("the risk is at or above the line from which a parcel is worth opening"))
        .otherwise("tier_note")
        .alias("tier_note"),
    )
