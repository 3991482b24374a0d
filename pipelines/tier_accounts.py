"""What trader tiers did in a run: how many parcels had one, and for how many it counted."""

import polars as pl
from pydantic import BaseModel, Field


class TierCounts(BaseModel, frozen=True, extra="forbid"):
    """Assessed parcels with a tier, verified or claimed."""

    lowered: dict[str, int]
    """By tier, parcels whose risk it lowered."""
    idle: dict[str, int]
    """By tier, parcels for which it counted for nothing; `tier_note` of each says why."""
    lowest_shift: float = Field(le=0)
    """The most that any tier took off log-odds."""


def tier_counts(parcels: pl.DataFrame) -> TierCounts | None:
    """What the tiers did to `parcels`, assessments of a run; None where no parcel has one."""
    known = parcels.filter(pl.col("tier").is_not_null() & (pl.col("verdict") == "assessed"))
    if known.is_empty():
        return None
    lowered = pl.col("tier_shift") < 0
    return TierCounts(
        lowered=_by_tier(known.filter(lowered)),
        idle=_by_tier(known.filter(~lowered)),
        lowest_shift=float(known.select(pl.col("tier_shift").min().fill_null(0.0)).item()),
    )


def _by_tier(parcels: pl.DataFrame) -> dict[str, int]:
    counted = parcels.group_by("tier").len().sort("tier")
    return {str(tier): int(count) for tier, count in counted.iter_rows()}


def tier_words(parcels: pl.DataFrame, parcel_id: str) -> str:
    """What a tier did to the risk of one of `parcels`, as a sentence; empty where it did nothing.

    Args:
        parcels: Assessments of a run; those of earlier releases know of no tiers.
        parcel_id: Which of them.
    """
    if "tier_shift" not in parcels.columns:
        return ""
    lowered = parcels.filter((pl.col("parcel_id") == parcel_id) & (pl.col("tier_shift") < 0))
    if lowered.is_empty():
        return ""
    row = lowered.row(0, named=True)
    return (
        f"The tier of its trader, {row['tier']}, took its risk from"
        f" {row['risk_before_tier']:.1%} to {row['risk']:.1%}."
    )
