"""Shapes in X-ray scans: which of the detector's findings the analyst is told of."""

import polars as pl

from parcelscope.datasets.records import FINDING_COLUMNS
from parcelscope.models.bundle import Bundle
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.indicators.evidence import Evidence, as_not_assessed

ITEMS = "xray.items"


def reported_items(evidence: Evidence, bundle: Bundle, config: ScreeningConfig) -> pl.DataFrame:
    """The findings of `xray.items` at or above their class's threshold, unchanged.

    The threshold is that of the card for the kind of scan it was seen in; those below it stay in
    the run's findings and in the risk.
    """
    seen = evidence.findings.filter(pl.col("source") == ITEMS)
    if seen.is_empty():
        return seen
    thresholds = pl.DataFrame(
        [
            {"input": card.input, "code": f"item.{name}", "threshold": threshold}
            for card in bundle.detectors
            if card.detector == ITEMS
            for name, threshold in card.thresholds.items()
        ],
        schema={"input": pl.String(), "code": pl.String(), "threshold": pl.Float64()},
    )
    colour = pl.col("energy") == "colour"
    images = evidence.feed.images.select(
        "owner_id",
        "owner_kind",
        pl.col("path").alias("image_path"),
        pl.when(colour).then(pl.lit("colour")).otherwise(pl.lit("dual")).alias("input"),
    ).unique(["owner_id", "owner_kind", "image_path"])
    return (
        seen.join(images, on=["owner_id", "owner_kind", "image_path"], how="left")
        .with_columns(pl.col("input").fill_null("dual"))
        .join(thresholds, on=["input", "code"], how="left")
        .filter(pl.col("score") >= pl.col("threshold").fill_null(config.items.default_threshold))
        .select(FINDING_COLUMNS)
    )


def unscanned(evidence: Evidence, check: str) -> pl.DataFrame:
    """Not-assessed rows for parcels without a scan, where the engine did not already say so."""
    owner = ["owner_id", "owner_kind"]
    scans = evidence.feed.images.filter(pl.col("kind") == "scan").select(owner)
    said = evidence.not_assessed.filter(pl.col("check") == check).select(owner)
    silent = (
        evidence.owners("parcel")
        .select(owner)
        .join(scans.unique(), on=owner, how="anti")
        .join(said.unique(), on=owner, how="anti")
    )
    return as_not_assessed(silent, check, pl.lit("no scan"))
