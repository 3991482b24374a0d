"""Packaging unlike its genuine reference: which of it the analyst is told of."""

import polars as pl

from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.indicators.evidence import Evidence

AUTHENTICITY = "photo.authenticity"


def reported_authenticity(evidence: Evidence, config: ScreeningConfig) -> pl.DataFrame:
    """The findings of `photo.authenticity` that few genuine photos would reach, unchanged."""
    return evidence.findings.filter(
        (pl.col("code") == AUTHENTICITY) & (pl.col("p_value") <= config.authenticity.max_p_value)
    )
