"""U1.leaning and U3.leaning: cartons that differ from their manifest within what measuring allows.

No alarm: an alarm needs the whole band beyond the manifest. But of two cartons inside their bands
the one that leans further is the better one to open, and a budget is spent on an order.
"""

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.bands import counts_on_arrival
from parcelscope.screening.indicators.count import COUNT
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
    with_reasons,
)
from parcelscope.screening.indicators.wording import counted, grams, plain

COUNT_LEANING = "U1.leaning"
WEIGHT_LEANING = "U3.leaning"


class LeaningParameters(BaseModel, frozen=True, extra="forbid"):
    """U1.leaning and U3.leaning: cartons off their manifest within what measuring allows."""

    count: Grades
    """By how many half-widths of its band the middle of the count exceeds the manifest."""
    min_half_width_pieces: float = Field(gt=0)
    """A band of the count is never believed to be narrower than this, each way."""
    weight: Grades
    """By which share the scale exceeds the declared weight."""


def cartons_leaning(evidence: Evidence, parameters: LeaningParameters) -> Outcome:
    """U1.leaning and U3.leaning, on cartons."""
    return merged([_count_leaning(evidence, parameters), _weight_leaning(evidence, parameters)])


def _count_leaning(evidence: Evidence, parameters: LeaningParameters) -> Outcome:
    """The middle of the count above the manifest, in half-widths of its band."""
    keys = ["owner_id", "owner_kind"]
    cartons = with_reasons(
        evidence.owners("carton").select(*keys, "pieces_manifested"), evidence, "xray.pieces"
    ).join(counts_on_arrival(evidence), on=keys, how="left")
    manifested, low, high = pl.col("pieces_manifested"), pl.col("low"), pl.col("high")
    middle = (low + high) / 2
    half_width = pl.max_horizontal((high - low) / 2, pl.lit(parameters.min_half_width_pieces))
    comparable = manifested.is_not_null() & low.is_not_null()
    rows = cartons.filter(comparable & (low.ceil() <= manifested)).with_columns(
        ((middle - manifested) / half_width).alias("distance"), middle.alias("middle")
    )
    rows = rows.filter(pl.col("distance") >= parameters.count.at[0])
    findings = findings_of(
        rows,
        lambda: with_ratio(
            rows.select(
                *keys,
                pl.lit(COUNT_LEANING).alias("code"),
                pl.format(
                    "The X-ray shows {} to {}, about {}; the manifest's {} is at the low end of"
                    " that.",
                    plain(low.ceil(), 0),
                    counted(high.floor(), "piece"),
                    plain(pl.col("middle"), 1),
                    manifested,
                ).alias("sentence"),
                pl.col("middle").alias("observed"),
                low.alias("observed_low"),
                high.alias("observed_high"),
                manifested.alias("expected"),
                pl.lit("pieces").alias("unit"),
            ),
            parameters.count.ratios(rows["distance"].to_numpy()),
        ),
    )
    reason = pl.lit(f"no count to compare, see {COUNT}")
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(cartons.filter(~comparable), COUNT_LEANING, reason),
    )


def _weight_leaning(evidence: Evidence, parameters: LeaningParameters) -> Outcome:
    """The scale above the declared weight of a carton, as a share of it."""
    cartons = evidence.owners("carton")
    declared, measured = pl.col("declared_weight_g"), pl.col("measured_weight_g")
    comparable = ((declared > 0) & (measured > 0)).fill_null(value=False)
    rows = cartons.filter(comparable).with_columns((measured / declared - 1).alias("distance"))
    rows = rows.filter(pl.col("distance") >= parameters.weight.at[0])
    findings = findings_of(
        rows,
        lambda: with_ratio(
            rows.select(
                "owner_id",
                "owner_kind",
                pl.lit(WEIGHT_LEANING).alias("code"),
                pl.format(
                    "The scale says {}, {} % above the {} of the manifest.",
                    grams(measured),
                    plain(pl.col("distance") * 100, 1),
                    grams(declared),
                ).alias("sentence"),
                measured.alias("observed"),
                declared.alias("expected"),
                pl.lit("g").alias("unit"),
            ),
            parameters.weight.ratios(rows["distance"].to_numpy()),
        ),
    )
    reason = (
        pl.when(~(declared > 0).fill_null(value=False))
        .then(pl.lit("the manifest gives no weight"))
        .otherwise(pl.lit("no weight from a scale"))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(cartons.filter(~comparable), WEIGHT_LEANING, reason),
    )
