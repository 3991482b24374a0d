"""One band per parcel or carton from the bands of its scans."""

from typing import Final

import polars as pl

from parcelscope.datasets.records import ONE_ENERGY
from parcelscope.screening.indicators.evidence import Evidence
from parcelscope.screening.indicators.stations import on_arrival

VIEW_CORRELATION: Final = 0.6
"""Of the errors of two counts of one carton: what hides behind something in one view often does in
the other, and one network errs alike. `benchmarks/two_views.py` prints what it is."""
_OWNER: Final = ["owner_id", "owner_kind"]


def counts_on_arrival(evidence: Evidence) -> pl.DataFrame:
    """How many pieces each carton holds, from all its scans on arrival: as `pooled_bands`."""
    counts = evidence.findings.filter(pl.col("code") == "pieces.count")
    return pooled_bands(on_arrival(counts, evidence.feed.images), "pieces.count")


def masses_on_arrival(evidence: Evidence) -> pl.DataFrame:
    """What each parcel and carton weighs by its scans on arrival: as `scan_bands`, and one_energy.

    Where a scan was weighed by both energies, those that were weighed by one are not asked.
    """
    masses = on_arrival(
        evidence.findings.filter(pl.col("code") == "mass.total"), evidence.feed.images
    )
    by_one = pl.col("text").eq_missing(pl.lit(ONE_ENERGY))
    physics = masses.filter(~by_one)
    estimated = masses.filter(by_one).join(physics, on=_OWNER, how="anti")
    return pl.concat(
        scan_bands(part, "mass.total").with_columns(pl.lit(value=told).alias("one_energy"))
        for part, told in ((physics, False), (estimated, True))
    )


def scan_bands(findings: pl.DataFrame, code: str) -> pl.DataFrame:
    """The band of `code` for each owner: owner_id, owner_kind, scans, low, high, agree.

    Every scan of one owner measures the same thing, so its bands are intersected: the side view
    sees what the top view hides. Where they do not meet, at least one is wrong and nobody knows
    which, so `agree` is false and the band is wide enough to hold both.
    """
    bands = _measured(findings, code).group_by(_OWNER).agg(*_EDGES)
    return _told(bands, pl.col("inner_low"), pl.col("inner_high"))


def pooled_bands(findings: pl.DataFrame, code: str) -> pl.DataFrame:
    """The band of `code` from all scans together, columns as `scan_bands`.

    The mean of the bands' middles, with the half-width that such a mean has where errors have the
    correlation `VIEW_CORRELATION`. An intersection would be narrow just where two scans differ, and
    so miss the truth more often than either. All scans count alike: a band is narrow where few
    pieces are seen, so weighing by width would believe the view that hides most. One scan keeps its
    band. Where the bands do not meet it is as in `scan_bands`.
    """
    half = (pl.col("observed_high") - pl.col("observed_low")) / 2
    middle = (pl.col("observed_high") + pl.col("observed_low")) / 2
    share = 1 / pl.len().over(_OWNER)
    rows = (
        # Sums of floats in the same order for any order of the rows.
        _measured(findings, code)
        .sort(*_OWNER, "observed_low", "observed_high")
        .with_columns((share * middle).alias("part"), (share * half).alias("reach"))
    )
    bands = rows.group_by(_OWNER, maintain_order=True).agg(
        *_EDGES,
        pl.col("part").sum().alias("middle"),
        (
            (1 - VIEW_CORRELATION) * (pl.col("reach") ** 2).sum()
            + VIEW_CORRELATION * pl.col("reach").sum() ** 2
        )
        .sqrt()
        .alias("half"),
    )
    alone = pl.col("scans") == 1
    return _told(
        bands,
        pl.when(alone).then("inner_low").otherwise(pl.col("middle") - pl.col("half")),
        pl.when(alone).then("inner_high").otherwise(pl.col("middle") + pl.col("half")),
    )


_EDGES: Final = (
    pl.len().alias("scans"),
    pl.col("observed_low").min().alias("lowest"),
    pl.col("observed_low").max().alias("inner_low"),
    pl.col("observed_high").min().alias("inner_high"),
    pl.col("observed_high").max().alias("highest"),
)


def _measured(findings: pl.DataFrame, code: str) -> pl.DataFrame:
    known = pl.col("observed_low").is_not_null() & pl.col("observed_high").is_not_null()
    return findings.filter((pl.col("code") == code) & known)


def _told(bands: pl.DataFrame, low: pl.Expr, high: pl.Expr) -> pl.DataFrame:
    """`low` to `high` where the bands meet, else all that any of them holds."""
    agree = pl.col("inner_low") <= pl.col("inner_high")
    return bands.select(
        *_OWNER,
        "scans",
        pl.when(agree).then(low).otherwise("lowest").alias("low"),
        pl.when(agree).then(high).otherwise("highest").alias("high"),
        agree.alias("agree"),
    )
