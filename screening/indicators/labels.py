"""U4: identifiers read in photos that the manifest does not list for that parcel or carton."""

from typing import Final

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    with_ratio,
)
from parcelscope.screening.indicators.label_numbers import (
    OWNER,
    listed,
    numbers_read,
    unlisted,
    unread,
    without_misreadings,
)
from parcelscope.screening.indicators.wording import quoted

LABEL: Final = "U4.label"
LABEL_TEXT: Final = "U4.text"


class LabelParameters(BaseModel, frozen=True, extra="forbid"):
    """U4: identifiers in photos that the manifest does not list."""

    unlisted: Grades
    """By the number of such identifiers on one parcel or carton."""
    listed_elsewhere: float = Field(ge=1)
    """Factor on the ratio where the identifier is that of another parcel of the window."""


class LabelTextParameters(LabelParameters, frozen=True, extra="forbid"):
    """U4: such identifiers where no code holds them and they were read as text."""

    min_confidence: float = Field(ge=0, le=1)
    """Of the reader; a number that it is less sure of does not count."""
    most_edits: int = Field(ge=0)
    """A number that differs from one of the owner's own in no more characters is that, misread."""


def unlisted_labels(evidence: Evidence, parameters: LabelParameters) -> Outcome:
    """U4.label: parcel identifiers in photos that stand on no manifest row of their owner.

    An identifier is a number of a known scheme whose check digit holds, or one that the manifest of
    this window gives to another parcel. Product codes (EAN, UPC) and anything else printed on goods
    are none.
    """
    codes = numbers_read(evidence.findings, "photo.codes")
    return _told(
        evidence,
        unlisted(evidence, codes),
        parameters,
        code=LABEL,
        blind=unread(evidence, codes, "photo.codes"),
    )


def unlisted_text(evidence: Evidence, parameters: LabelTextParameters) -> Outcome:
    """U4.text: as `unlisted_labels`, of identifiers that were read as text and in no code.

    Weaker evidence: a reader of text may get several digits wrong, and one check digit in ten holds
    all the same. A number that is nearly one of the owner's own, or nearly one that a code of the
    owner holds, is taken for that one.
    """
    read = numbers_read(evidence.findings, "photo.text")
    return _told(
        evidence,
        strangers_in_text(evidence, read, parameters),
        parameters,
        code=LABEL_TEXT,
        blind=unread(evidence, read, "photo.text"),
    )


def strangers_in_text(
    evidence: Evidence, read: pl.DataFrame, parameters: LabelTextParameters
) -> pl.DataFrame:
    """Those of the numbers `read` as text that no code holds and no row lists, as `unlisted`."""
    codes = numbers_read(evidence.findings, "photo.codes")
    sure = read.filter(pl.col("observed") >= parameters.min_confidence)
    strangers = unlisted(evidence, sure.join(codes, on=[*OWNER, "number"], how="anti"))
    if strangers.is_empty():
        return strangers
    known = pl.concat([listed(evidence, strangers), codes.select(*OWNER, "number")])
    return without_misreadings(strangers, known, most_edits=parameters.most_edits)


def _told(
    evidence: Evidence,
    strangers: pl.DataFrame,
    parameters: LabelParameters,
    *,
    code: str,
    blind: pl.DataFrame,
) -> Outcome:
    """What is said under `code` of the numbers `strangers`; `blind` are owners not looked at."""
    suspects = strangers.filter(pl.col("is_identifier") | pl.col("given_to").is_not_null())
    # Its own row may be the one that could not be read.
    unsure = (
        pl.lit(evidence.rejected_parcel_rows > 0)
        & (pl.col("owner_kind") == "carton")
        & pl.col("given_to").is_null()
    )
    undecided = pl.format(
        "a photo shows {}, which may stand on a parcel row that could not be read",
        quoted(pl.col("text")),
    )
    doubted = suspects.filter(unsure).unique(OWNER, keep="first", maintain_order=True)
    sure = suspects.filter(~unsure)
    return Outcome(
        findings=findings_of(sure, lambda: _findings(sure, parameters, code)),
        not_assessed=pl.concat(
            [
                as_not_assessed(blind, code, pl.col("reason")),
                as_not_assessed(doubted, code, undecided),
            ]
        ),
    )


def _findings(suspects: pl.DataFrame, parameters: LabelParameters, code: str) -> pl.DataFrame:
    counted = suspects.with_columns(pl.len().over(OWNER).alias("labels"))
    many, shown = pl.col("labels") > 1, quoted(pl.col("text"))
    thing = (
        pl.when(pl.col("owner_kind") == "parcel").then(pl.lit("parcel")).otherwise(pl.lit("carton"))
    )
    head = (
        pl.when(many)
        .then(pl.format("A photo shows {}, one of {} identifiers", shown, pl.col("labels")))
        .otherwise(pl.format("A photo shows the identifier {}", shown))
    )
    how = pl.lit("" if code == LABEL else ", read as text,")
    tail = (
        pl.when(pl.col("given_to").is_null())
        .then(pl.lit(""))
        .otherwise(pl.format("; the manifest gives it to parcel {}", pl.col("given_to")))
    )
    sentence = pl.format(
        "{}{} that the manifest does not list for this {}{}.", head, how, thing, tail
    )
    rows = counted.select(
        *OWNER,
        pl.lit(code).alias("code"),
        sentence.alias("sentence"),
        pl.col("labels").alias("observed"),
        pl.lit(0.0).alias("expected"),
        pl.lit("identifiers").alias("unit"),
        "text",
        "image_path",
        "box_xyxy",
    )
    ratios = parameters.unlisted.ratios(counted["labels"].to_numpy().astype(float))
    factor = counted.select(
        pl.when(pl.col("given_to").is_null()).then(1.0).otherwise(parameters.listed_elsewhere)
    ).to_series()
    return with_ratio(rows, ratios * factor.to_numpy())
