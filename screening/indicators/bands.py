"""One band per parcel or carton from the bands of its scans."""

import polars as pl


def scan_bands(findings: pl.DataFrame, code: str) -> pl.DataFrame:
    """The band of `code` for each owner: owner_id, owner_kind, scans, low, high, agree.

    Every scan of one owner measures the same thing, so its bands are intersected: the side view
    sees what the top view hides. Where they do not meet, at least one is wrong and nobody knows
    which, so `agree` is false and the band is wide enough to hold both.
    """
    low, high = pl.col("observed_low"), pl.col("observed_high")
    measured = findings.filter((pl.col("code") == code) & low.is_not_null() & high.is_not_null())
    bands = measured.group_by("owner_id", "owner_kind").agg(
        pl.len().alias("scans"),
        low.min().alias("lowest"),
        low.max().alias("inner_low"),
        high.min().alias("inner_high"),
        high.max().alias("highest"),
    )
    agree = pl.col("inner_low") <= pl.col("inner_high")
    return bands.select(
        "owner_id",
        "owner_kind",
        "scans",
        pl.when(agree).then("inner_low").otherwise("lowest").alias("low"),
        pl.when(agree).then("inner_high").otherwise("highest").alias("high"),
        agree.alias("agree"),
    )
