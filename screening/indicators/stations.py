"""Where scans were taken: at origin, or on arrival, which counts where both were."""

from typing import Final

import polars as pl

_IMAGE: Final = ["owner_id", "owner_kind", "image_path"]


def with_station(findings: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    """`findings` with `station` (arrival unless the feed says origin) and `view` of their image."""
    places = images.select(
        "owner_id", "owner_kind", pl.col("path").alias("image_path"), "station", "view"
    ).unique(_IMAGE, keep="any")
    return findings.join(places, on=_IMAGE, how="left", maintain_order="left").with_columns(
        pl.col("station").fill_null("arrival")
    )


def on_arrival(findings: pl.DataFrame, images: pl.DataFrame) -> pl.DataFrame:
    """Those of `findings` on scans taken on arrival, or all of an owner that has none there.

    What was declared is held against what arrived; a scan at origin speaks where there is no other.
    """
    if images.filter(pl.col("station") == "origin").is_empty():
        return findings
    placed = with_station(findings, images)
    arrived = pl.col("station") == "arrival"
    some = arrived.any().over("owner_id", "owner_kind", "code")
    return placed.filter(arrived | ~some).select(findings.columns)
