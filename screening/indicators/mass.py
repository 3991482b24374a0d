"""U3: three masses of one parcel or carton against each other: X-ray, scale and declaration."""

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.datasets.records import ONE_ENERGY, OwnerKind
from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.bands import masses_on_arrival
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
    with_reasons,
)
from parcelscope.screening.indicators.wording import grams

XRAY_DECLARED = "U3.mass"
XRAY_SCALE = "U3.xray_scale"
SCALE_DECLARED = "U3.scale"


class MassParameters(BaseModel, frozen=True, extra="forbid"):
    """U3: masses against each other."""

    xray: Grades
    """By how many half-widths of its band the X-ray mass misses the weight."""
    min_half_widths: float = Field(ge=0)
    """Distances up to this say nothing."""
    min_half_width_share: float = Field(gt=0, lt=1)
    """A band is never believed to be narrower than this share of the mass, each way."""
    min_half_width_g: float = Field(gt=0)
    scale: Grades
    """By how many tolerances the scale misses the declared weight; the first is where it fires."""
    scale_tolerance: float = Field(gt=0, lt=1)
    """Share of the declared weight that is within tolerance."""
    scale_tolerance_g: float = Field(gt=0)
    """Grams that are always within tolerance."""


def masses_unlike(evidence: Evidence, parameters: MassParameters) -> Outcome:
    """U3.mass, U3.xray_scale and U3.scale, on parcels and cartons."""
    bands = masses_on_arrival(evidence)
    kinds: tuple[OwnerKind, ...] = ("parcel", "carton")
    outcomes = []
    for kind in kinds:
        owners = evidence.owners(kind).select(
            "owner_id", "owner_kind", "declared_weight_g", "measured_weight_g"
        )
        if owners.is_empty():
            continue
        weighed = with_reasons(owners, evidence, "xray.mass").join(
            bands, on=["owner_id", "owner_kind"], how="left"
        )
        outcomes += [
            _xray_against(weighed, XRAY_DECLARED, "declared_weight_g", parameters),
            _xray_against(weighed, XRAY_SCALE, "measured_weight_g", parameters),
            _scale_against_declared(weighed, parameters),
        ]
    return merged(outcomes)


_SAYS = {"declared_weight_g": "the manifest", "measured_weight_g": "the scale"}
_MISSING = {
    "declared_weight_g": "the manifest gives no weight",
    "measured_weight_g": "no weight from a scale",
}


def _xray_against(
    weighed: pl.DataFrame, code: str, column: str, parameters: MassParameters
) -> Outcome:
    """The X-ray mass band against the weight in `column`, in half-widths of the band."""
    low, high, weight = pl.col("low"), pl.col("high"), pl.col(column)
    middle = (low + high) / 2
    half_width = pl.max_horizontal(
        (high - low) / 2,
        middle * parameters.min_half_width_share,
        pl.lit(parameters.min_half_width_g),
    )
    outside = pl.max_horizontal((middle - weight).abs() - half_width, pl.lit(0.0))
    rows = weighed.with_columns(
        ((weight > 0) & low.is_not_null()).fill_null(value=False).alias("comparable"),
        (outside / half_width).alias("distance"),
    )
    differs = pl.col("comparable") & (pl.col("distance") > parameters.min_half_widths)
    fired = rows.filter(differs)
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                "owner_id",
                "owner_kind",
                pl.lit(code).alias("code"),
                pl.format(
                    "By X-ray it weighs {} to {}{}; {} says {}.",
                    grams(low),
                    grams(high),
                    pl.when("one_energy").then(pl.lit(f", {ONE_ENERGY}")).otherwise(pl.lit("")),
                    pl.lit(_SAYS[column]),
                    grams(weight),
                ).alias("sentence"),
                middle.alias("observed"),
                low.alias("observed_low"),
                high.alias("observed_high"),
                weight.alias("expected"),
                pl.lit("g").alias("unit"),
            ),
            parameters.xray.ratios(fired["distance"].to_numpy()),
        ),
    )
    reason = (
        pl.when(~(weight > 0).fill_null(value=False))
        .then(pl.lit(_MISSING[column]))
        .when(low.is_null())
        .then(pl.col("detector_reason").fill_null("no mass was estimated from a scan"))
        .otherwise(pl.lit("the scans give masses that contradict each other"))
    )
    unsure = pl.col("comparable") & ~differs & ~pl.col("agree")
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(rows.filter(~pl.col("comparable") | unsure), code, reason),
    )


def _scale_against_declared(weighed: pl.DataFrame, parameters: MassParameters) -> Outcome:
    """The facility's scale against the declared weight, in tolerances."""
    declared, measured = pl.col("declared_weight_g"), pl.col("measured_weight_g")
    tolerance = pl.max_horizontal(
        declared * parameters.scale_tolerance, pl.lit(parameters.scale_tolerance_g)
    )
    rows = weighed.with_columns(
        ((declared > 0) & (measured > 0)).fill_null(value=False).alias("comparable"),
        ((measured - declared).abs() / tolerance).alias("distance"),
    )
    fired = rows.filter(pl.col("comparable") & (pl.col("distance") >= parameters.scale.at[0]))
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                "owner_id",
                "owner_kind",
                pl.lit(SCALE_DECLARED).alias("code"),
                pl.format(
                    "The scale says {}; the manifest says {}.", grams(measured), grams(declared)
                ).alias("sentence"),
                measured.alias("observed"),
                declared.alias("expected"),
                pl.lit("g").alias("unit"),
            ),
            parameters.scale.ratios(fired["distance"].to_numpy()),
        ),
    )
    reason = (
        pl.when(~(declared > 0).fill_null(value=False))
        .then(pl.lit(_MISSING["declared_weight_g"]))
        .otherwise(pl.lit(_MISSING["measured_weight_g"]))
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(rows.filter(~pl.col("comparable")), SCALE_DECLARED, reason),
    )
