"""Scans unlike those of compliant parcels: which of them the analyst is told of."""

import polars as pl

from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.indicators.evidence import Evidence

ANOMALY = "xray.anomaly"


def reported_anomalies(evidence: Evidence, config: ScreeningConfig) -> pl.DataFrame:
    """The findings of `xray.anomaly` that few compliant scans would reach, unchanged."""
    return evidence.findings.filter(
        (pl.col("source") == ANOMALY) & (pl.col("p_value") <= config.anomaly.max_p_value)
    )
