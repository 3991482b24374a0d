"""Shapes in X-ray scans: which of the detector's findings the analyst is told of."""

import polars as pl

from parcelscope.datasets.records import FINDING_COLUMNS
from parcelscope.models.bundle import Bundle
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.indicators.evidence import Evidence, as_not_assessed

ITEMS = "xray.items"
SCANNER = ("scanner_model", "scanner_software")


def reported_items(evidence: Evidence, bundle: Bundle, config: ScreeningConfig) -> pl.DataFrame:
    """The findings of `xray.items` at or above their class's threshold, unchanged.

    The threshold is that of the card for the kind of scan it was seen in, by the scanner's own
    calibration where it has one; those below it stay in the run's findings and in the risk.
    """
    cards, own = _thresholds(bundle), _own_thresholds(bundle)
    default = config.items.default_threshold
    lowest = min([default, *cards["threshold"], *own["own_threshold"]])
    # Most findings are weak: those that no threshold lets through stay out of what follows.
    seen = evidence.findings.filter((pl.col("source") == ITEMS) & (pl.col("score") >= lowest))
    if seen.is_empty():
        return seen
    colour = pl.col("energy") == "colour"
    images = evidence.feed.images.select(
        "owner_id",
        "owner_kind",
        pl.col("path").alias("image_path"),
        pl.when(colour).then(pl.lit("colour")).otherwise(pl.lit("dual")).alias("input"),
        *SCANNER,
    ).unique(["owner_id", "owner_kind", "image_path"])
    threshold = pl.coalesce("own_threshold", "threshold").fill_null(default)
    return (
        seen.join(images, on=["owner_id", "owner_kind", "image_path"], how="left")
        .with_columns(pl.col("input").fill_null("dual"))
        .join(cards, on=["input", "code"], how="left")
        .join(own, on=["input", "code", *SCANNER], how="left", nulls_equal=True)
        .filter(pl.col("score") >= threshold)
        .select(FINDING_COLUMNS)
    )


def _thresholds(bundle: Bundle) -> pl.DataFrame:
    """input, code, threshold: the cards' own."""
    rows = [
        (card.input, f"item.{name}", threshold)
        for card in bundle.detectors
        if card.detector == ITEMS
        for name, threshold in card.thresholds.items()
    ]
    schema = {"input": pl.String(), "code": pl.String(), "threshold": pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _own_thresholds(bundle: Bundle) -> pl.DataFrame:
    """input, code, scanner_model, scanner_software, own_threshold: those of single scanners."""
    rows = [
        (card.input, f"item.{name}", one.scanner_model, one.scanner_software, threshold)
        for card in bundle.detectors
        if card.detector == ITEMS
        for one in card.calibrations
        for name, threshold in one.thresholds.items()
    ]
    columns = ("input", "code", *SCANNER)
    schema = {**dict.fromkeys(columns, pl.String()), "own_threshold": pl.Float64()}
    return pl.DataFrame(rows, schema=schema, orient="row")


def unscanned(evidence: Evidence, check: str) -> pl.DataFrame:
    """Not-assessed rows for parcels without a scan, where the engine did not already say so."""
    owner = ["owner_id", "owner_kind"]
    scans = evidence.feed.images.filter(pl.col("kind") == "scan").select(owner)
    parcels = evidence.owners("parcel").select(owner)
    silent = parcels.join(scans.unique(), on=owner, how="anti")
    if not silent.is_empty():
        said = evidence.not_assessed.filter(pl.col("check") == check).select(owner)
        silent = silent.join(said.unique(), on=owner, how="anti")
    return as_not_assessed(silent, check, pl.lit("no scan"))
