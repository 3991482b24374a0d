"""U1 and U2: how many pieces a master carton holds, by X-ray, by its row and by its parcels."""

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.bands import counts_on_arrival
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

COUNT = "U1.count"
ROW_PIECES = "U2.pieces"
ROW_WEIGHT = "U2.weight"


class CountParameters(BaseModel, frozen=True, extra="forbid"):
    """U1: pieces in the X-ray against the manifest."""

    grades: Grades
    """By how many pieces the lower bound exceeds the manifest."""


class RowsParameters(BaseModel, frozen=True, extra="forbid"):
    """U2: the parcel rows of a carton against its own row."""

    pieces: Grades
    """By how many pieces they differ."""
    weight: Grades
    """By how many tolerances they differ."""
    weight_tolerance: float = Field(gt=0, lt=1)
    """Share of the carton's weight that rounding explains."""
    tare_share: float = Field(ge=0, lt=1)
    """Share of the carton's weight that its own packaging may be."""


def more_pieces_than_manifested(evidence: Evidence, parameters: CountParameters) -> Outcome:
    """U1.count: cartons whose X-ray shows more pieces than the manifest lists.

    Fires only where even the lower bound of the count exceeds the manifest: pieces hide behind one
    another, so an X-ray never proves that one is missing.
    """
    keys = ["owner_id", "owner_kind"]
    cartons = with_reasons(
        evidence.owners("carton").select(*keys, "pieces_manifested"), evidence, "xray.pieces"
    ).join(counts_on_arrival(evidence), on=keys, how="left")
    manifested, low = pl.col("pieces_manifested"), pl.col("low").ceil()
    comparable = manifested.is_not_null() & pl.col("low").is_not_null()
    more = comparable & (low > manifested)
    high = pl.max_horizontal(pl.col("high").floor(), low)
    rows = cartons.filter(more).with_columns(low.alias("low"), high.alias("high"))
    seen = (
        pl.when(pl.col("low") == pl.col("high"))
        .then(counted(pl.col("low"), "piece"))
        .otherwise(pl.format("{} to {} pieces", plain(pl.col("low"), 0), plain(pl.col("high"), 0)))
    )
    findings = findings_of(
        rows,
        lambda: with_ratio(
            rows.select(
                *keys,
                pl.lit(COUNT).alias("code"),
                pl.format("The X-ray shows {}; the manifest says {}.", seen, manifested).alias(
                    "sentence"
                ),
                ((pl.col("low") + pl.col("high")) / 2).alias("observed"),
                pl.col("low").alias("observed_low"),
                pl.col("high").alias("observed_high"),
                manifested.alias("expected"),
                pl.lit("pieces").alias("unit"),
            ),
            parameters.grades.ratios((rows["low"] - rows["pieces_manifested"]).to_numpy()),
        ),
    )
    unsure = comparable & ~more & ~pl.col("agree")
    reason = (
        pl.when(manifested.is_null())
        .then(pl.lit("the manifest gives no number of pieces"))
        .when(pl.col("low").is_null())
        .then(pl.col("detector_reason").fill_null("no pieces were counted in a scan"))
        .otherwise(pl.lit("the scans of this carton show different numbers of pieces"))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(cartons.filter(~comparable | unsure), COUNT, reason),
    )


def rows_unlike_carton(evidence: Evidence, parameters: RowsParameters) -> Outcome:
    """U2.pieces and U2.weight: cartons whose parcel rows do not add up to their own row.

    A parcel row without a number of pieces counts as one. Fewer rows than manifested prove nothing
    while rows of the window could not be read: they may be the missing ones.
    """
    cartons = cartons_with_rows(evidence)
    rejected = evidence.rejected_parcel_rows
    return merged(
        [
            _piece_sums(cartons, parameters, rejected_rows=rejected),
            _weight_sums(cartons, parameters, rejected_rows=rejected),
        ]
    )


def cartons_with_rows(evidence: Evidence) -> pl.DataFrame:
    """The carton rows with what their parcel rows add up to, null where no parcel row names them.

    Adds `rows`, `pieces_in_rows` (a row without a number of pieces counts as one),
    `weight_in_rows_g` and `rows_without_weight`.
    """
    sums = (
        evidence.feed.parcels.filter(pl.col("carton_id").is_not_null())
        .sort("parcel_id")  # floats add up to the same sum in any order of the feed
        .group_by("carton_id", maintain_order=True)
        .agg(
            pl.len().alias("rows"),
            pl.col("pieces").fill_null(1).sum().alias("pieces_in_rows"),
            pl.col("declared_weight_g").sum().alias("weight_in_rows_g"),
            pl.col("declared_weight_g").null_count().alias("rows_without_weight"),
        )
    )
    return evidence.owners("carton").join(sums, on="carton_id", how="left")


def _piece_sums(
    cartons: pl.DataFrame, parameters: RowsParameters, *, rejected_rows: int
) -> Outcome:
    manifested, listed = pl.col("pieces_manifested"), pl.col("pieces_in_rows")
    short = (listed < manifested) & pl.lit(rejected_rows > 0)
    comparable = manifested.is_not_null() & listed.is_not_null() & ~short.fill_null(value=False)
    rows = cartons.filter(comparable & (listed != manifested))
    findings = findings_of(
        rows,
        lambda: with_ratio(
            rows.select(
                "owner_id",
                "owner_kind",
                pl.lit(ROW_PIECES).alias("code"),
                pl.format(
                    "The parcel rows of this carton add up to {}; its own row says {}.",
                    counted(listed, "piece"),
                    manifested,
                ).alias("sentence"),
                listed.alias("observed"),
                manifested.alias("expected"),
                pl.lit("pieces").alias("unit"),
            ),
            parameters.pieces.ratios(
                (rows["pieces_in_rows"] - rows["pieces_manifested"]).abs().to_numpy()
            ),
        ),
    )
    reason = (
        pl.when(manifested.is_null())
        .then(pl.lit("the manifest gives no number of pieces"))
        .when(listed.is_null())
        .then(pl.lit("no parcel row of this window names the carton"))
        .otherwise(rows_rejected(rejected_rows))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(cartons.filter(~comparable), ROW_PIECES, reason),
    )


def _weight_sums(
    cartons: pl.DataFrame, parameters: RowsParameters, *, rejected_rows: int
) -> Outcome:
    whole, parts = pl.col("declared_weight_g"), pl.col("weight_in_rows_g")
    tolerance = parameters.weight_tolerance * whole
    # The carton's own packaging weighs too, so only its part of the gap is allowed for.
    over = parts - whole
    under = whole * (1 - parameters.tare_share) - parts
    distance = pl.max_horizontal(over, under) / tolerance
    short = (under > 0) & pl.lit(rejected_rows > 0)
    comparable = (
        (whole > 0) & parts.is_not_null() & (pl.col("rows_without_weight") == 0) & ~short
    ).fill_null(value=False)
    rows = cartons.filter(comparable).with_columns(distance.alias("distance"))
    rows = rows.filter(pl.col("distance") >= parameters.weight.at[0])
    findings = findings_of(
        rows,
        lambda: with_ratio(
            rows.select(
                "owner_id",
                "owner_kind",
                pl.lit(ROW_WEIGHT).alias("code"),
                pl.format(
                    "The parcel rows of this carton add up to {}; its own row says {}.",
                    grams(parts),
                    grams(whole),
                ).alias("sentence"),
                parts.alias("observed"),
                whole.alias("expected"),
                pl.lit("g").alias("unit"),
            ),
            parameters.weight.ratios(rows["distance"].to_numpy()),
        ),
    )
    reason = (
        pl.when(whole.is_null() | (whole <= 0))
        .then(pl.lit("the manifest gives no weight for the carton"))
        .when(parts.is_null())
        .then(pl.lit("no parcel row of this window names the carton"))
        .when(pl.col("rows_without_weight") > 0)
        .then(
            pl.format(
                "{} of this carton without a declared weight",
                counted(pl.col("rows_without_weight"), "parcel row"),
            )
        )
        .otherwise(rows_rejected(rejected_rows))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(cartons.filter(~comparable), ROW_WEIGHT, reason),
    )


def rows_rejected(rows: int) -> pl.Expr:
    """Why parcel rows of a carton may be missing, `rows` of the window being unreadable."""
    noun = "parcel row" if rows == 1 else "parcel rows"
    return pl.lit(f"{rows} {noun} of this window could not be read and may belong to the carton")
