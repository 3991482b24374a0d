"""Spending the inspection budget: the riskiest, and some drawn at random."""

import math

import numpy as np
import polars as pl

FLAG_SCHEMA = pl.Schema(
    {
        "owner_kind": pl.String(),
        "owner_id": pl.String(),
        "arm": pl.String(),
        "propensity": pl.Float64(),
        "risk": pl.Float64(),
        "rank": pl.Int64(),
        "reasons": pl.List(pl.String()),
    }
)

# Below it, a draw would take the only flag of most windows away from the riskiest parcel.
_MIN_ASSESSED_FOR_RANDOM = 20
_KINDS = ("parcel", "carton")


def choose_flags(
    assessments: pl.DataFrame, *, budget: float, random_share: float, seed: int
) -> pl.DataFrame:
    """The assessments worth opening, within the budget, columns as `FLAG_SCHEMA`.

    Parcels and cartons have a budget each. The targeted arm takes the riskiest; the random arm is
    drawn uniformly from all others that were assessed, whatever their risk. With the propensities,
    rates among all assessed can be estimated without bias.

    Args:
        assessments: owner_kind, owner_id, verdict, risk, reasons; one row per owner. Only those
            `assessed` count; a null risk can be drawn but not targeted.
        budget: Share of the assessed that may be flagged, 0 (exclusive) to 1; rounded up.
        random_share: Share of the flags drawn at random, 0 to 1; at least one flag of two or more
            where 20 or more were assessed.
        seed: Same seed, same flags, in whatever order the rows come.
    """
    chosen = [
        _choose(
            assessments.filter((pl.col("owner_kind") == kind) & (pl.col("verdict") == "assessed")),
            budget=budget,
            random_share=random_share,
            rng=np.random.default_rng([seed, stream]),
        )
        for stream, kind in enumerate(_KINDS)
    ]
    return pl.concat(chosen)


def flag_counts(assessed: int, *, budget: float, random_share: float) -> tuple[int, int]:
    """How many of `assessed` to target and how many to draw at random."""
    # A product such as 0.07 * 100 lands just above its whole number.
    flags = min(math.ceil(budget * assessed - 1e-9), assessed)
    drawn = round(random_share * flags)
    if random_share > 0 and assessed >= _MIN_ASSESSED_FOR_RANDOM and flags >= 2:
        drawn = max(drawn, 1)
    return flags - drawn, drawn


def _choose(
    assessed: pl.DataFrame, *, budget: float, random_share: float, rng: np.random.Generator
) -> pl.DataFrame:
    """Flags among `assessed`, all of one kind."""
    n_targeted, n_drawn = flag_counts(assessed.height, budget=budget, random_share=random_share)
    ordered = assessed.sort("owner_id")
    # Two draws per owner, in the order of ids: one breaks ties, the other fills the random arm.
    tie, lot = rng.random((2, assessed.height))
    ordered = ordered.with_columns(pl.Series("tie", tie), pl.Series("lot", lot)).sort(
        "risk", "tie", "owner_id", descending=[True, False, False], nulls_last=True
    )
    n_targeted = min(n_targeted, ordered.height - ordered["risk"].null_count())
    targeted = ordered.head(n_targeted)
    others = ordered.slice(n_targeted)
    drawn = others.sort("lot", "owner_id").head(n_drawn)
    propensity = n_drawn / others.height if others.height else 1.0
    flags = pl.concat(
        [
            targeted.with_columns(pl.lit("targeted").alias("arm"), pl.lit(1.0).alias("propensity")),
            drawn.with_columns(
                pl.lit("random").alias("arm"), pl.lit(propensity).alias("propensity")
            ),
        ]
    ).sort("risk", "tie", "owner_id", descending=[True, False, False], nulls_last=True)
    ranked = flags.with_columns(pl.int_range(1, flags.height + 1, dtype=pl.Int64).alias("rank"))
    return ranked.select(*FLAG_SCHEMA).cast(FLAG_SCHEMA)
