"""U13: what a UPU S9 receptacle identifier says, against the receptacles and items of the window.

The identifier carries its own number within the despatch, whether it is the last one, its weight
and its sub-class: `parcelscope.datasets.identifiers.parse_s9`.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from parcelscope.datasets.identifiers import parse_s9
from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.check_digits import normalised
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
)
from parcelscope.screening.indicators.wording import counted, grams, quoted

RECEPTACLE_COUNT = "U13.count"
RECEPTACLE_WEIGHT = "U13.weight"
SUBCLASS = "U13.class"

_KEYS = ["owner_id", "owner_kind"]
_S9_SCHEMA = {
    "receptacle": pl.String(),
    "despatch": pl.String(),
    "serial": pl.Int64(),
    "is_last": pl.Boolean(),
    "s9_weight_g": pl.Int64(),
    "subclass": pl.String(),
}
_NO_S9 = "the manifest gives no UPU S9 receptacle identifier"


class ReceptacleParameters(BaseModel, frozen=True, extra="forbid"):
    """U13: receptacles of a mail despatch."""

    beyond: Grades
    """By how many numbers a receptacle lies beyond the one flagged as the last."""
    absent: Grades
    """By how many receptacles, up to the one flagged as the last, the window does not hold."""
    weight: Grades
    """By how many tolerances the items' weights miss that of the identifier."""
    weight_tolerance: float = Field(gt=0, lt=1)
    """Share of the receptacle's weight that rounding explains."""
    weight_tolerance_g: float = Field(gt=0)
    """Grams that are always within tolerance: the identifier counts in steps of 100 g."""
    tare_share: float = Field(ge=0, lt=1)
    """Share of the receptacle's weight that bag or box may be."""
    item_class: float = Field(ge=1)
    """Likelihood ratio of an item in a receptacle for another class."""
    services: dict[str, str] = Field(min_length=1)
    """For the first letter of a sub-class, the first letters of S10 services that fit it."""


def receptacles_unlike_items(evidence: Evidence, parameters: ReceptacleParameters) -> Outcome:
    """U13.count, U13.weight and U13.class: a receptacle's identifier against what the window holds.

    The count and the weight are said of cartons, the class of the item that does not fit.
    """
    if evidence.feed.cartons.is_empty():  # a parcel scored by itself is the usual case
        return _classes(evidence, parameters)
    cartons = _with_s9(evidence.owners("carton"))
    return merged(
        [
            _counts(cartons, parameters),
            _weights(cartons, evidence, parameters),
            _classes(evidence, parameters),
        ]
    )


def _with_s9(rows: pl.DataFrame) -> pl.DataFrame:
    """`rows` with the fields of their receptacle's identifier, null where it is no S9."""
    keyed = rows.with_columns(normalised(pl.col("receptacle_id")).alias("receptacle"))
    texts = keyed["receptacle"].drop_nulls().unique()
    fields = [
        (text, s9.despatch_id, s9.receptacle_number, s9.is_last, s9.weight_g, s9.subclass)
        for text in texts
        if (s9 := parse_s9(text)) is not None
    ]
    parsed = pl.DataFrame(fields, schema=_S9_SCHEMA, orient="row")
    return keyed.join(parsed, on="receptacle", how="left")


def _counts(cartons: pl.DataFrame, parameters: ReceptacleParameters) -> Outcome:
    """Receptacles numbered beyond the last one, and those that are not there."""
    known = cartons.filter(pl.col("despatch").is_not_null())
    despatches = known.group_by("despatch").agg(
        # The lowest: where two say that they are the last, one of them cannot be.
        pl.col("serial").filter(pl.col("is_last")).min().alias("last"),
        pl.col("serial").n_unique().alias("seen"),
    )
    within = (
        known.join(despatches, on="despatch", how="left")
        .filter(pl.col("serial") <= pl.col("last"))
        .group_by("despatch")
        .agg(pl.col("serial").n_unique().alias("there"))
    )
    rows = cartons.join(despatches, on="despatch", how="left").join(
        within, on="despatch", how="left"
    )
    serial, last = pl.col("serial"), pl.col("last")
    beyond = rows.filter(serial > last)
    absent = rows.filter((serial == last) & pl.col("is_last") & (pl.col("there") < last))
    findings = pl.concat(
        [
            _count_findings(
                beyond,
                "This is receptacle {} of its despatch, although number {} is flagged as the last.",
                (serial, last),
                observed=serial,
                ratios=parameters.beyond.ratios(
                    (beyond["serial"] - beyond["last"]).to_numpy().astype(float)
                ),
            ),
            _count_findings(
                absent,
                "The last receptacle of its despatch has number {}; this window holds {} of them.",
                (last, pl.col("there")),
                observed=pl.col("there"),
                ratios=parameters.absent.ratios(
                    (absent["last"] - absent["there"]).to_numpy().astype(float)
                ),
            ),
        ]
    )
    reason = (
        pl.when(pl.col("despatch").is_null())
        .then(pl.lit(_NO_S9))
        .otherwise(pl.lit("no receptacle of its despatch in this window is flagged as the last"))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(rows.filter(last.is_null()), RECEPTACLE_COUNT, reason),
    )


def _count_findings(
    rows: pl.DataFrame,
    sentence: str,
    values: tuple[pl.Expr, pl.Expr],
    *,
    observed: pl.Expr,
    ratios: NDArray[np.float64],
) -> pl.DataFrame:
    """A finding for each of `rows`: `sentence` with its two `values`, against the last number."""
    return findings_of(
        rows,
        lambda: with_ratio(
            rows.select(
                *_KEYS,
                pl.lit(RECEPTACLE_COUNT).alias("code"),
                pl.format(sentence, *values).alias("sentence"),
                observed.alias("observed"),
                pl.col("last").alias("expected"),
                pl.lit("receptacles").alias("unit"),
                pl.col("receptacle").alias("text"),
            ),
            ratios,
        ),
    )


def _weights(
    cartons: pl.DataFrame, evidence: Evidence, parameters: ReceptacleParameters
) -> Outcome:
    """The weight in the identifier against the declared weights of the items."""
    sums = (
        evidence.feed.parcels.filter(pl.col("carton_id").is_not_null())
        .sort("parcel_id")  # floats add up to the same sum in any order of the feed
        .group_by("carton_id", maintain_order=True)
        .agg(
            pl.col("declared_weight_g").sum().alias("items_g"),
            pl.col("declared_weight_g").null_count().alias("unweighed"),
        )
    )
    whole, parts = pl.col("s9_weight_g"), pl.col("items_g")
    tolerance = pl.max_horizontal(
        whole * parameters.weight_tolerance, pl.lit(parameters.weight_tolerance_g)
    )
    over, under = parts - whole, whole * (1 - parameters.tare_share) - parts
    rejected = pl.lit(evidence.rejected_parcel_rows > 0)
    rows = cartons.join(sums, on="carton_id", how="left").with_columns(
        (pl.max_horizontal(over, under) / tolerance).alias("distance"),
        ((whole > 0) & (pl.col("unweighed") == 0) & ~((under > 0) & rejected))
        .fill_null(value=False)
        .alias("comparable"),
    )
    fired = rows.filter(pl.col("comparable") & (pl.col("distance") >= parameters.weight.at[0]))
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                *_KEYS,
                pl.lit(RECEPTACLE_WEIGHT).alias("code"),
                pl.format(
                    "The items of this receptacle add up to {}; its identifier says {}.",
                    grams(parts),
                    grams(whole),
                ).alias("sentence"),
                parts.alias("observed"),
                whole.alias("expected"),
                pl.lit("g").alias("unit"),
                pl.col("receptacle").alias("text"),
            ),
            parameters.weight.ratios(fired["distance"].to_numpy()),
        ),
    )
    reason = (
        pl.when(pl.col("despatch").is_null())
        .then(pl.lit(_NO_S9))
        .when(whole <= 0)
        .then(pl.lit("the receptacle identifier gives no weight"))
        .when(parts.is_null())
        .then(pl.lit("no parcel row of this window names the carton"))
        .when(pl.col("unweighed") > 0)
        .then(
            pl.format(
                "{} of this carton without a declared weight",
                counted(pl.col("unweighed"), "parcel row"),
            )
        )
        .otherwise(pl.lit("parcel rows that could not be read may belong to the carton"))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(rows.filter(~pl.col("comparable")), RECEPTACLE_WEIGHT, reason),
    )


def _classes(evidence: Evidence, parameters: ReceptacleParameters) -> Outcome:
    """The service letters of each item against the sub-class of its receptacle."""
    around = evidence.owners("carton").select(
        "carton_id", pl.col("receptacle_id").alias("of_carton")
    )
    parcels = (
        evidence.owners("parcel")
        .select(*_KEYS, "carton_id", "receptacle_id", "tracking_number")
        .join(around, on="carton_id", how="left")
        .with_columns(pl.coalesce("receptacle_id", "of_carton").alias("receptacle_id"))
    )
    number = normalised(pl.col("tracking_number"))
    rows = _with_s9(parcels).with_columns(
        pl.when(number.str.contains(r"^[A-Z]{2}\d{9}[A-Z]{2}$"))
        .then(number.str.slice(0, 1))
        .alias("service"),
        pl.col("subclass")
        .str.slice(0, 1)
        .replace_strict(parameters.services, default=None, return_dtype=pl.String())
        .alias("fitting"),
    )
    service, fitting = pl.col("service"), pl.col("fitting")
    comparable = service.is_not_null() & fitting.is_not_null()
    fired = rows.filter(comparable & ~fitting.str.contains(service, literal=True))
    findings = findings_of(
        fired,
        lambda: fired.select(
            *_KEYS,
            pl.lit(SUBCLASS).alias("code"),
            pl.format(
                "Item {} is of service {}; its receptacle is of sub-class {}, which holds {}.",
                quoted(pl.col("tracking_number")),
                service,
                pl.col("subclass"),
                fitting.str.split("").list.join(", "),
            ).alias("sentence"),
            pl.col("tracking_number").alias("text"),
            pl.lit(parameters.item_class).alias("likelihood_ratio"),
        ),
    )
    reason = (
        pl.when(pl.col("despatch").is_null())
        .then(pl.lit(_NO_S9))
        .when(service.is_null())
        .then(pl.lit("the manifest gives no UPU S10 item identifier"))
        .otherwise(pl.format("it is not known what sub-class {} holds", pl.col("subclass")))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(rows.filter(~comparable), SUBCLASS, reason),
    )
