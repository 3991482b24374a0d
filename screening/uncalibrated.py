"""Findings on scans of scanners that nobody calibrated: how far the risk believes them.

A detector that says "unlike the scans I know" says so of every scan of a new scanner; what it finds
there is told as not assessed. One that finds a shape finds it there too, only how rare that is
among compliant scans is not known; it counts for less.
"""

from typing import Literal

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import NOT_ASSESSED_SCHEMA, not_assessed_frame
from parcelscope.screening.config import UncalibratedConfig
from parcelscope.screening.indicators.contents import CONTENTS
from parcelscope.screening.indicators.contents import DETECTOR as CONTENTS_DETECTOR
from parcelscope.screening.indicators.count import COUNT
from parcelscope.screening.indicators.leaning import COUNT_LEANING
from parcelscope.screening.indicators.origin import ORIGIN_COUNT

RESTS_ON = {
    COUNT: "xray.pieces",
    COUNT_LEANING: "xray.pieces",
    CONTENTS: CONTENTS_DETECTOR,
    ORIGIN_COUNT: "xray.pieces",
}
"""Codes of indicators that say what they say because of one detector."""
_OWNER = ["owner_id", "owner_kind"]
_UNCALIBRATED = ~pl.col("is_calibrated").fill_null(value=True)


def believed(findings: pl.DataFrame, config: UncalibratedConfig) -> pl.DataFrame:
    """`findings` as the risk may take them, columns as `FINDING_SCHEMA`.

    Those to be left out are gone; the p-values of those to be taken with caution are no lower, and
    their likelihood ratios no higher, than `config` allows.
    """
    if not findings.select(_UNCALIBRATED.any()).item():
        return findings  # the usual case; a copy of all findings is much memory
    kept = findings.filter(~(_UNCALIBRATED & _treated(config, "leave_out")))
    careful = _UNCALIBRATED & _treated(config, "caution")
    floor = config.lowest_p_value
    return kept.with_columns(
        pl.when(careful)
        .then(pl.col("p_value").clip(lower_bound=floor))
        .otherwise("p_value")
        .alias("p_value"),
        pl.when(careful)
        .then(pl.col("likelihood_ratio").clip(upper_bound=1 / floor))
        .otherwise("likelihood_ratio")
        .alias("likelihood_ratio"),
    )


def left_out(findings: pl.DataFrame, feed: Feed, config: UncalibratedConfig) -> pl.DataFrame:
    """Not-assessed rows for those of `findings` that are left out, with the scanner's name."""
    gone = findings.filter(_UNCALIBRATED & _treated(config, "leave_out"))
    if gone.is_empty():
        return not_assessed_frame(())
    scanners = feed.images.select(
        *_OWNER, pl.col("path").alias("image_path"), "scanner_model", "scanner_software"
    ).unique([*_OWNER, "image_path"])
    rows = gone.join(scanners, on=[*_OWNER, "image_path"], how="left").select(
        *_OWNER, "source", "scanner_model", "scanner_software"
    )
    pairs = rows.select("scanner_model", "scanner_software").unique()
    reasons = pairs.with_columns(
        pl.Series("reason", [_reason(*pair) for pair in pairs.iter_rows()], dtype=pl.String())
    )
    return (
        rows.unique()
        .join(reasons, on=["scanner_model", "scanner_software"], how="left", nulls_equal=True)
        .select(*_OWNER, pl.col("source").alias("check"), "reason")
        .cast(pl.Schema(NOT_ASSESSED_SCHEMA))
    )


def marked(indicated: pl.DataFrame, findings: pl.DataFrame) -> pl.DataFrame:
    """`indicated`, those marked as uncalibrated that rest on an uncalibrated one of `findings`."""
    if not findings.select(_UNCALIBRATED.any()).item():
        return indicated
    resting = pl.col("code").replace_strict(RESTS_ON, default=None, return_dtype=pl.String())
    doubtful = (
        findings.filter(_UNCALIBRATED)
        .select(*_OWNER, pl.col("source").alias("detector"), pl.lit(value=True).alias("doubtful"))
        .unique()
    )
    return (
        indicated.with_columns(resting.alias("detector"))
        .join(doubtful, on=[*_OWNER, "detector"], how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("doubtful"))
            .then(pl.lit(value=False))
            .otherwise("is_calibrated")
            .alias("is_calibrated")
        )
        .select(indicated.columns)
    )


def scanner_words(model: str | None, software: str | None) -> str:
    """A scanner as people say it: `PS-160 4.2`."""
    if model is None:
        return "the feed names none"
    return f"{model} {software}" if software else f"{model}, no software version named"


def _treated(config: UncalibratedConfig, treatment: Literal["leave_out", "caution"]) -> pl.Expr:
    """Whether findings of a detector, or of an indicator that rests on one, are treated so."""
    detectors = [name for name, how in config.detectors.items() if how == treatment]
    codes = [code for code, detector in RESTS_ON.items() if detector in detectors]
    return pl.col("source").is_in(detectors) | pl.col("code").is_in(codes)


def _reason(model: str | None, software: str | None) -> str:
    if model is None:
        return "not calibrated for the scanner, which the feed does not name"
    return f"not calibrated for scanner {scanner_words(model, software)}"
