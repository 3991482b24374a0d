"""U5: photos of one parcel that show two postal numbers of one kind. Only where text is read."""

from typing import Final

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.check_digits import scheme
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_findings,
    as_not_assessed,
    with_ratio,
)
from parcelscope.screening.indicators.label_numbers import (
    OWNER,
    listed,
    numbers_read,
    unread,
    without_misreadings,
)

LABELS: Final = "U5.labels"


class SecondLabelParameters(BaseModel, frozen=True, extra="forbid"):
    """U5: two labels on one parcel."""

    labels: Grades
    """By the number of different numbers of one scheme."""
    min_confidence: float = Field(ge=0, le=1)
    """Of the reader of text; a number that it is less sure of does not count."""
    most_edits: int = Field(ge=0)
    """Characters by which two numbers may differ and still be one, misread."""


def second_labels(evidence: Evidence, parameters: SecondLabelParameters) -> Outcome:
    """U5.labels: different numbers of one scheme (S10, SSCC, UPS, USPS), read by code or as text.

    A parcel has one label of a carrier. Numbers that the manifest lists for it may be several.
    """
    text = numbers_read(evidence.findings, "photo.text")
    blind = unread(evidence, text, "photo.text").filter(pl.col("owner_kind") == "parcel")
    seen = _seen(evidence, text, parameters)
    grouped = seen.group_by(*OWNER, "scheme", maintain_order=True).agg(
        pl.len().alias("labels"),
        pl.col("is_listed").all(),
        pl.col("number").first().alias("one"),
        pl.col("number").last().alias("other"),
        pl.col("image_path").last(),
        pl.col("box_xyxy").last(),
    )
    several = grouped.filter((pl.col("labels") > 1) & ~pl.col("is_listed"))
    rows = several.select(
        *OWNER,
        pl.lit(LABELS).alias("code"),
        pl.format(
            "Photos show {} different {} numbers, such as {} and {}; a parcel has one.",
            *("labels", "scheme", "one", "other"),
        ).alias("sentence"),
        pl.col("labels").cast(pl.Float64).alias("observed"),
        pl.lit(1.0).alias("expected"),
        pl.lit("labels").alias("unit"),
        pl.col("other").alias("text"),
        "image_path",
        "box_xyxy",
    )
    ratios = parameters.labels.ratios(several["labels"].to_numpy().astype(float))
    return Outcome(
        findings=as_findings(with_ratio(rows, ratios)),
        not_assessed=as_not_assessed(blind, LABELS, pl.col("reason")),
    )


def _seen(
    evidence: Evidence, text: pl.DataFrame, parameters: SecondLabelParameters
) -> pl.DataFrame:
    """Each number of a scheme on each parcel, and whether the manifest lists it; those first."""
    wanted = (pl.col("owner_kind") == "parcel") & pl.col("is_identifier")
    codes = numbers_read(evidence.findings, "photo.codes").filter(wanted)
    sure = text.filter(wanted & (pl.col("observed") >= parameters.min_confidence))
    alone = sure.join(codes, on=[*OWNER, "number"], how="anti")
    own = listed(evidence, pl.concat([codes, alone]))
    own = own.unique().with_columns(pl.lit(value=True).alias("is_listed"))
    # Whatever is read as text and is nearly a number that is there already, is that one.
    known = pl.concat([own.drop("is_listed"), codes.select(*OWNER, "number")])
    strangers = alone.join(own, on=[*OWNER, "number"], how="anti").with_columns(
        pl.lit(None, pl.String).alias("given_to")
    )
    certain = without_misreadings(strangers, known, most_edits=parameters.most_edits)
    printed = alone.join(own, on=[*OWNER, "number"], how="semi")
    return (
        pl.concat([codes, printed, certain.drop("given_to")])
        .with_columns(scheme(pl.col("number")).alias("scheme"))
        .drop_nulls("scheme")
        .join(own, on=[*OWNER, "number"], how="left")
        .with_columns(pl.col("is_listed").fill_null(value=False))
        .sort(*OWNER, "scheme", ~pl.col("is_listed"), "number")
    )
