"""U12: declared empty but loaded, or declared with goods but next to empty."""

import re
from typing import Final

import numpy as np
import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
    with_reasons,
)
from parcelscope.screening.indicators.stations import on_arrival
from parcelscope.screening.indicators.wording import grams, plain, quoted

LOADED: Final = "U12.loaded"
EMPTY: Final = "U12.empty"
FILL: Final = "fill.share"
_OWNER: Final = ["owner_id", "owner_kind"]


class FillParameters(BaseModel, frozen=True, extra="forbid"):
    """U12: how full the scan shows it to be, against what was declared."""

    empty_words: tuple[str, ...] = Field(min_length=1)
    """Lower case words; one of them declares that nothing is inside."""
    flat_words: tuple[str, ...] = Field(min_length=1)
    """Lower case words; one of them declares sheets of paper, which fill little."""
    loaded: Grades
    """By the share of the outline with contents, where it was declared empty; the first is where
    it fires."""
    loaded_flat: Grades
    """The same where paper was declared; a stack of it is contents too, so it counts for less."""
    empty_share: float = Field(gt=0, lt=1)
    """Share of the outline with contents, up to which a scan shows next to nothing."""
    min_weight_g: float = Field(gt=0)
    """Declared weight from which contents must show."""
    min_pieces: int = Field(ge=1)
    """Manifested pieces from which the contents of a master carton must show."""
    empty: Grades
    """By how many times the least weight, or the least pieces, were declared."""


def fill_unlike_declared(evidence: Evidence, parameters: FillParameters) -> Outcome:
    """U12.loaded and U12.empty, on parcels and cartons.

    A scan shows what is thick, not what is light: a shirt in a large carton fills little of it.
    Only where the declaration leaves no room for that is it held against the scan.
    """
    rows = pl.concat([_parcels(evidence, parameters), _cartons(evidence, parameters)])
    shares = (
        on_arrival(
            evidence.findings.select(*_OWNER, "code", "observed", "image_path").filter(
                pl.col("code") == FILL
            ),
            evidence.feed.images,
        )
        # The emptiest view tells nothing of a flat parcel, so the fullest one speaks.
        .sort(*_OWNER, "observed", "image_path", descending=[False, False, True, False])
        .unique(_OWNER, keep="first", maintain_order=True)
        .select(*_OWNER, pl.col("observed").alias("share"), "image_path")
    )
    rows = with_reasons(rows, evidence, "xray.mass").join(shares, on=_OWNER, how="left")
    return merged([_loaded(rows, parameters), _empty(rows, parameters)])


def _parcels(evidence: Evidence, parameters: FillParameters) -> pl.DataFrame:
    words = pl.col("description").fill_null("").str.to_lowercase()
    nothing = words.str.contains(_any_of(parameters.empty_words)) | (pl.col("pieces") == 0)
    flat = words.str.contains(_any_of(parameters.flat_words))
    nothing = nothing.fill_null(value=False)
    weight = pl.col("declared_weight_g")
    return evidence.owners("parcel").select(
        *_OWNER,
        nothing.alias("nothing"),
        (flat & ~nothing).alias("flat"),
        ((words.str.strip_chars() != "") | (pl.col("pieces") == 0))
        .fill_null(value=False)
        .alias("told"),
        (weight / parameters.min_weight_g).alias("times"),
        pl.format('as "{}"', quoted(pl.col("description"))).fill_null("with no piece").alias("as"),
        pl.format("with {}", grams(weight)).alias("with"),
    )


def _cartons(evidence: Evidence, parameters: FillParameters) -> pl.DataFrame:
    pieces = pl.col("pieces_manifested")
    return evidence.owners("carton").select(
        *_OWNER,
        (pieces == 0).fill_null(value=False).alias("nothing"),
        pl.lit(value=False).alias("flat"),
        pieces.is_not_null().alias("told"),
        (pieces.cast(pl.Float64) / parameters.min_pieces).alias("times"),
        pl.lit("with no piece").alias("as"),
        pl.format("with {} pieces", pieces).alias("with"),
    )


def _loaded(rows: pl.DataFrame, parameters: FillParameters) -> Outcome:
    declared = pl.col("nothing") | pl.col("flat")
    limit = pl.when(pl.col("flat")).then(parameters.loaded_flat.at[0]).otherwise(
        parameters.loaded.at[0]
    )  # fmt: skip
    fired = rows.filter(declared & (pl.col("share") >= limit))
    ratios = np.where(
        fired["flat"].to_numpy(),
        parameters.loaded_flat.ratios(fired["share"].to_numpy()),
        parameters.loaded.ratios(fired["share"].to_numpy()),
    )
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                *_OWNER,
                pl.lit(LOADED).alias("code"),
                pl.format(
                    "Declared {}; the scan shows contents in {} % of its outline.",
                    "as",
                    plain(pl.col("share") * 100, 0),
                ).alias("sentence"),
                pl.col("share").alias("observed"),
                pl.lit(0.0).alias("expected"),
                pl.lit("share of the outline").alias("unit"),
                "image_path",
            ),
            ratios,
        ),
    )
    reason = (
        pl.when(~pl.col("told"))
        .then(pl.lit("the manifest does not say what is inside"))
        .otherwise(_no_fill())
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(
            rows.filter(~pl.col("told") | (declared & pl.col("share").is_null())), LOADED, reason
        ),
    )


def _empty(rows: pl.DataFrame, parameters: FillParameters) -> Outcome:
    declared = ((pl.col("times") >= 1) & ~pl.col("nothing")).fill_null(value=False)
    fired = rows.filter(declared & (pl.col("share") <= parameters.empty_share))
    findings = findings_of(
        fired,
        lambda: with_ratio(
            fired.select(
                *_OWNER,
                pl.lit(EMPTY).alias("code"),
                pl.format(
                    "Declared {}; the scan shows contents in no more than {} % of its outline.",
                    "with",
                    plain(pl.col("share") * 100, 0),
                ).alias("sentence"),
                pl.col("share").alias("observed"),
                pl.lit(parameters.empty_share).alias("expected"),
                pl.lit("share of the outline").alias("unit"),
                "image_path",
            ),
            parameters.empty.ratios(fired["times"].to_numpy()),
        ),
    )
    reason = (
        pl.when(pl.col("times").is_null())
        .then(pl.lit("the manifest gives neither a weight nor a number of pieces"))
        .otherwise(_no_fill())
    )
    unknown = pl.col("times").is_null() | (declared & pl.col("share").is_null())
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(rows.filter(unknown), EMPTY, reason),
    )


def _no_fill() -> pl.Expr:
    return pl.lit("no scan shows how full it is")


def _any_of(words: tuple[str, ...]) -> str:
    return rf"\b(?:{'|'.join(re.escape(word) for word in words)})\b"
