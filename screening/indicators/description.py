"""U8: declarations that do not say what the goods are, or at a price unlike that of the others."""

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
from parcelscope.screening.indicators.wording import plain, quoted
from parcelscope.screening.word_types import Word

DESCRIPTION = "U8.description"
VALUE = "U8.value"

# The standard deviation of a normal distribution is this times its median absolute deviation.
_MAD_TO_SIGMA = 1.4826


class DescriptionParameters(BaseModel, frozen=True, extra="forbid"):
    """U8: descriptions that do not say what the goods are."""

    vague_phrases: tuple[Word, ...] = Field(min_length=1)
    """Lower case; vague when they are all that is said."""
    filler_words: tuple[Word, ...]
    """Lower case; ignored when comparing with the phrases."""
    min_letters: int = Field(ge=1)
    vague: float = Field(ge=1)
    """Likelihood ratio of a vague phrase."""
    short: float = Field(ge=1)
    """Likelihood ratio of a description with fewer than `min_letters` letters."""
    code_only: float = Field(ge=1)
    """Likelihood ratio of a product code without a word."""


class ValueParameters(BaseModel, frozen=True, extra="forbid"):
    """U8: value per kilogram against parcels under the same four digits of HS."""

    grades: Grades
    """By robust z; the first is where it fires."""
    min_rows: int = Field(ge=5)
    """Fewer comparable parcels in the window: not assessed."""
    min_spread: float = Field(gt=0)
    """Robust spread of ln(value per kg) that is assumed at least, so that a group of equal
    declarations does not make the next one an outlier."""


def vague_descriptions(evidence: Evidence, parameters: DescriptionParameters) -> Outcome:
    """U8.description: a phrase that fits anything, too few letters, or a product code alone."""
    parcels = evidence.owners("parcel").select("owner_id", "owner_kind", "description")
    stated = pl.col("description").str.strip_chars() != ""
    # Windows repeat themselves: judge each wording once.
    wordings = _judged(
        parcels.filter(stated).select("description").unique(), parameters
    ).drop_nulls("likelihood_ratio")
    vague = parcels.join(wordings, on="description", how="inner")
    findings = findings_of(
        vague,
        lambda: vague.select(
            "owner_id",
            "owner_kind",
            pl.lit(DESCRIPTION).alias("code"),
            pl.format(
                'The description "{}" {}; it should say what the goods are.',
                quoted(pl.col("description")),
                pl.col("how"),
            ).alias("sentence"),
            pl.col("description").alias("text"),
            pl.col("likelihood_ratio"),
        ),
    )
    undescribed = parcels.filter(~stated.fill_null(value=False))
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(
            undescribed, DESCRIPTION, pl.lit("the manifest gives no description")
        ),
    )


def _judged(wordings: pl.DataFrame, parameters: DescriptionParameters) -> pl.DataFrame:
    """`description` with `how` it is vague and its `likelihood_ratio`, null where it is not."""
    text = pl.col("description")
    plain = (
        text.str.to_lowercase()
        .str.replace_all(r"\b(\p{L})\.", "$1")  # f.a.k. is one word
        .str.replace_all(r"[^\p{L}\p{N}]+", " ")
        .str.strip_chars()
    )
    filler = rf"\b(?:{'|'.join(parameters.filler_words)}|\d+)\b"
    words, kept = pl.col("words"), pl.col("kept")
    bare = words.str.replace_all(filler if parameters.filler_words else r"\b\d+\b", " ")
    letters = words.str.count_matches(r"\p{L}")
    # One character of Chinese or Japanese may be a whole word.
    foreign = words.str.len_bytes() > words.str.len_chars()
    vague = list(parameters.vague_phrases)
    phrase = words.is_in(vague) | kept.is_in(vague) | ((kept == "") & (pl.col("letters") > 0))
    code = words.str.contains(r"\d") & ~words.str.contains(r"\b[a-z]{3,}\b") & ~foreign
    short = (pl.col("letters") < parameters.min_letters) & ~foreign
    verdict = pl.col("verdict")
    # Step by step: what stands twice in an expression is computed twice.
    return (
        wordings.with_columns(plain.alias("words"))
        .with_columns(
            bare.str.replace_all(r"\s+", " ").str.strip_chars().alias("kept"),
            letters.alias("letters"),
        )
        .with_columns(
            pl.when(phrase).then(0).when(code).then(1).when(short).then(2).alias("verdict")
        )
        .select(
            "description",
            pl.when(verdict == 0)
            .then(pl.lit("fits almost anything"))
            .when(verdict == 1)
            .then(pl.lit("is a product code without a word"))
            .when(verdict == 2)
            .then(pl.lit(f"has fewer than {parameters.min_letters} letters"))
            .alias("how"),
            pl.when(verdict == 0)
            .then(parameters.vague)
            .when(verdict == 1)
            .then(parameters.code_only)
            .when(verdict == 2)
            .then(parameters.short)
            .alias("likelihood_ratio"),
        )
    )


def unusual_values(evidence: Evidence, parameters: ValueParameters) -> Outcome:
    """U8.value: value per kilogram far from that of the parcels under the same four HS digits.

    Compared in one currency within the window; the distance is a robust z of its logarithm.
    """
    parcels = _priced(evidence)
    group = ["hs4", "currency"]
    price = pl.col("log_price")
    typical = (
        parcels.filter(pl.col("comparable"))
        .with_columns((price - price.median().over(group)).abs().alias("deviation"))
        .group_by(group)
        .agg(
            price.median().alias("median"),
            pl.col("deviation").median().alias("mad"),
            pl.len().alias("rows"),
        )
    )
    spread = pl.max_horizontal(pl.col("mad") * _MAD_TO_SIGMA, pl.lit(parameters.min_spread))
    judged = parcels.join(typical, on=group, how="left").with_columns(
        (pl.col("comparable") & (pl.col("rows") >= parameters.min_rows))
        .fill_null(value=False)
        .alias("judged"),
        ((price - pl.col("median")).abs() / spread).alias("distance"),
    )
    fired = judged.filter(pl.col("judged") & (pl.col("distance") >= parameters.grades.at[0]))
    findings = findings_of(
        fired,
        lambda: with_ratio(
            _value_findings(fired), parameters.grades.ratios(fired["distance"].to_numpy())
        ),
    )
    reason = (
        pl.when(~pl.col("comparable"))
        .then(pl.lit("the manifest lacks a value, currency, weight or tariff code"))
        .otherwise(
            pl.format(
                "fewer than {} parcels of this window under HS {} in {}",
                pl.lit(parameters.min_rows),
                pl.col("hs4"),
                pl.col("currency"),
            )
        )
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(judged.filter(~pl.col("judged")), VALUE, reason),
    )


def _priced(evidence: Evidence) -> pl.DataFrame:
    """Parcels with hs4, currency, log_price (ln of value per kg), and which are `comparable`."""
    weight = pl.coalesce("declared_weight_g", "measured_weight_g")
    digits = pl.col("hs_code").str.replace_all(r"\D", "")
    hs4 = pl.when(digits.str.len_chars() >= 4).then(digits.str.slice(0, 4))
    currency = pl.col("currency").str.strip_chars().str.to_uppercase()
    positive = (weight > 0) & (pl.col("value") > 0)
    return (
        evidence.owners("parcel")
        .select(
            "owner_id",
            "owner_kind",
            hs4.alias("hs4"),
            pl.when(currency != "").then(currency).alias("currency"),
            pl.when(positive).then((pl.col("value") / weight * 1000).log()).alias("log_price"),
        )
        .with_columns(
            pl.all_horizontal(pl.col("hs4", "currency", "log_price").is_not_null()).alias(
                "comparable"
            )
        )
    )


def _value_findings(fired: pl.DataFrame) -> pl.DataFrame:
    declared, usual = pl.col("log_price").exp(), pl.col("median").exp()
    return fired.select(
        "owner_id",
        "owner_kind",
        pl.lit(VALUE).alias("code"),
        pl.format(
            "The declared value is {} {} per kg; the median of {} parcels under HS {} is {}.",
            plain(declared, 2),
            pl.col("currency"),
            pl.col("rows"),
            pl.col("hs4"),
            plain(usual, 2),
        ).alias("sentence"),
        declared.alias("observed"),
        usual.alias("expected"),
        pl.format("{}/kg", pl.col("currency")).alias("unit"),
    )
