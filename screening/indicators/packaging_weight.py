"""U2.packaging: cartons that weigh more beyond their parcel rows than others of the window do.

A carton weighs more than its parcels by its packaging, and by what is on no row. Pieces that nobody
listed weigh in the carton's total even where that total is declared truly, so that scale and
manifest agree. How much packaging is usual is learned from the window itself.
"""

from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.count import cartons_with_rows, rows_rejected
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    with_ratio,
)
from parcelscope.screening.indicators.wording import counted, grams

Floats = npt.NDArray[np.float64]
Weight = Literal["measured_weight_g", "declared_weight_g"]

PACKAGING = "U2.packaging"

_MAD_TO_SIGMA: Final = 1.4826
_HUBER: Final = 1.345
"""Standard deviations from which a residual counts for less; 95 % efficient where errors are normal
(Huber, Robust Statistics, 1981)."""
_STEPS: Final = 30
"""Of reweighting; ten leave 1e-6 of a logarithm on windows of 500 and of 1,200 cartons."""


class PackagingParameters(BaseModel, frozen=True, extra="forbid"):
    """U2.packaging: what cartons weigh beyond their parcel rows."""

    grades: Grades
    """Robust z of the logarithm of the grams beyond the rows, among the cartons of the window."""
    weights: tuple[Weight, ...] = Field(min_length=1)
    """What the carton weighs: the first of these columns that it has."""
    min_cartons: int = Field(ge=4)
    """Comparable cartons in the window, below which it does not tell what is usual."""
    min_spread: float = Field(gt=0)
    """The spread of that logarithm is never believed to be narrower than this."""


def unusual_packaging(evidence: Evidence, parameters: PackagingParameters) -> Outcome:
    """U2.packaging: grams of a carton beyond its parcel rows, against cartons like it.

    Only too much is reported. A carton that weighs no more than its rows has no logarithm to
    compare, and nothing in it that they leave out.
    """
    cartons = _judged(evidence, parameters)
    usual, spread, rest = pl.col("usual"), pl.col("spread"), pl.col("rest_g")
    high = cartons.filter(
        pl.col("comparable") & ((rest.log() - usual) / spread >= parameters.grades.at[0])
    )
    unsure = evidence.rejected_parcel_rows > 0
    fired = high.clear() if unsure else high
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                "owner_id",
                "owner_kind",
                pl.lit(PACKAGING).alias("code"),
                pl.format(
                    "{} the carton weighs {} more than its {}; two in three cartons like it in this"
                    " window weigh {} to {} more.",
                    pl.col("by"),
                    grams(rest),
                    pl.when(pl.col("rows") == 1)
                    .then(pl.lit("one parcel row"))
                    .otherwise(pl.format("{} parcel rows together", pl.col("rows"))),
                    grams((usual - spread).exp()),
                    grams((usual + spread).exp()),
                ).alias("sentence"),
                rest.alias("observed"),
                usual.exp().alias("expected"),
                pl.lit("g").alias("unit"),
            ),
            parameters.grades.ratios(
                fired.select((rest.log() - usual) / spread).to_series().to_numpy()
            ),
        ),
    )
    missed = cartons.filter(pl.col("reason").is_not_null()).select(
        "owner_id", "owner_kind", "reason"
    )
    if unsure:
        why = rows_rejected(evidence.rejected_parcel_rows)
        missed = pl.concat([missed, high.select("owner_id", "owner_kind", why.alias("reason"))])
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(missed, PACKAGING, pl.col("reason")),
    )


def _judged(evidence: Evidence, parameters: PackagingParameters) -> pl.DataFrame:
    """Cartons by id, with what they weigh beyond their rows and what is usual for it.

    Adds `rest_g`, `by` (what weighed it), `comparable`, `usual` and `spread` of the logarithm of
    `rest_g`, and the `reason` why nothing can be said, null where something can.
    """
    columns = parameters.weights
    weight = pl.coalesce(pl.when(pl.col(name) > 0).then(pl.col(name)) for name in columns)
    by = pl.coalesce(
        pl.when(pl.col(name) > 0).then(
            pl.lit("By the scale" if name == "measured_weight_g" else "By its own row")
        )
        for name in columns
    )
    cartons = (
        cartons_with_rows(evidence)
        .sort("owner_id")  # the regression adds up in the order of the rows
        .with_columns((weight - pl.col("weight_in_rows_g")).alias("rest_g"), by.alias("by"))
    )
    incomplete = _incomplete(weight)
    cartons = cartons.with_columns(incomplete.alias("reason"))
    comparable = pl.col("reason").is_null() & (pl.col("rest_g") > 0)
    cartons = cartons.with_columns(comparable.alias("comparable"))
    some = cartons.filter("comparable")
    if some.height < parameters.min_cartons:
        few = pl.lit(
            f"fewer than {parameters.min_cartons} comparable cartons in this window, which do not"
            " tell what packaging usually weighs"
        )
        return cartons.with_columns(
            pl.coalesce("reason", few).alias("reason"),
            pl.lit(value=False).alias("comparable"),
            pl.lit(None, pl.Float64).alias("usual"),
            pl.lit(None, pl.Float64).alias("spread"),
        )
    known = some.select(pl.col("weight_in_rows_g").log(), pl.col("rows").cast(pl.Float64).log())
    usual, spread = robust_fit(
        known.to_numpy(), some["rest_g"].log().to_numpy(), min_spread=parameters.min_spread
    )
    told = pl.DataFrame({"owner_id": some["owner_id"], "usual": usual})
    return cartons.join(told, on="owner_id", how="left", maintain_order="left").with_columns(
        pl.lit(spread).alias("spread")
    )


def _incomplete(weight: pl.Expr) -> pl.Expr:
    """Why a carton and its rows do not tell what lies between them; null where they do."""
    listed, manifested = pl.col("pieces_in_rows"), pl.col("pieces_manifested")
    unweighed = pl.col("rows_without_weight")
    return (
        pl.when(weight.is_null())
        .then(pl.lit("no weight of the carton"))
        .when(pl.col("rows").is_null())
        .then(pl.lit("no parcel row of this window names the carton"))
        .when(unweighed > 0)
        .then(
            pl.format(
                "{} of this carton without a declared weight", counted(unweighed, "parcel row")
            )
        )
        .when(pl.col("weight_in_rows_g") <= 0)
        .then(pl.lit("the parcel rows of this carton declare no weight"))
        .when(listed < manifested)
        .then(
            pl.format("its parcel rows list {} of {}", listed, counted(manifested, "piece")),
        )
    )


def robust_fit(known: Floats, told: Floats, *, min_spread: float) -> tuple[Floats, float]:
    """What a line through most points gives for each, and how far points usually lie from it.

    Huber's M-estimate by reweighted least squares (Holland and Welsch, Communications in Statistics
    A6, 1977), its residuals freed of their median; the spread is 1.4826 times their median
    absolute deviation. A column that does not vary, or follows from another, is allowed.

    Args:
        known: (N, K) what is known of each point.
        told: (N,) what is to be explained by it.
        min_spread: The spread is never taken to be narrower.
    """
    columns = np.column_stack([np.ones(len(told)), known - known.mean(axis=0)])
    weights = np.ones(len(told))
    for _ in range(_STEPS):
        root = np.sqrt(weights)
        factors = np.linalg.lstsq(columns * root[:, None], told * root, rcond=1e-9)[0]
        off = told - columns @ factors
        middle = float(np.median(off))
        spread = max(_MAD_TO_SIGMA * float(np.median(np.abs(off - middle))), min_spread)
        weights = 1.0 / np.maximum(np.abs(off - middle) / (_HUBER * spread), 1.0)
    return columns @ factors + middle, spread
