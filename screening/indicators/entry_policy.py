"""P: what the policy pack of its day says of a parcel's entry, and of what must be declared."""

from typing import Final

import polars as pl
from pydantic import BaseModel, Field

from parcelscope.screening.config import Grades
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_findings,
    as_not_assessed,
    findings_of,
    merged,
    with_ratio,
)
from parcelscope.screening.indicators.wording import plain
from parcelscope.screening.policy_verdicts import policy_verdicts

ENTRY: Final = "P.entry"
ELEMENTS: Final = "P.elements"


class EntryPolicyParameters(BaseModel, frozen=True, extra="forbid"):
    """P.entry and P.elements. Which law applies is not said here, but in the configuration."""

    limit: Grades
    """By how many times the limit the value is; the first is where it fires."""
    notable: float = Field(ge=1)
    """Likelihood ratio of an entry path that the policy pack marks as notable."""
    missing: Grades
    """By how many elements are not declared."""


def policy_departures(evidence: Evidence, parameters: EntryPolicyParameters) -> Outcome:
    """P.entry: a value over a limit, or a notable path. P.elements: what is not declared.

    An element that no row of the window under the same rule declares says something about the feed
    and nothing about the parcel: it is not assessed.
    """
    parcels = evidence.owners("parcel")
    standing = evidence.standing
    if standing is None:
        why = pl.lit("no policy packs were given")
        return merged(
            [
                Outcome(
                    findings=as_findings(pl.DataFrame()),
                    not_assessed=as_not_assessed(parcels, code, why),
                )
                for code in (ENTRY, ELEMENTS)
            ]
        )
    verdicts = policy_verdicts(
        evidence.feed.parcels,
        standing.policies,
        rates=standing.rates,
        max_rate_age_days=standing.max_rate_age_days,
    ).select(
        pl.col("parcel_id").alias("owner_id"),
        pl.lit("parcel").alias("owner_kind"),
        pl.exclude("parcel_id"),
    )
    return merged([_entry(verdicts, parameters), _elements(verdicts, parameters)])


def _entry(verdicts: pl.DataFrame, parameters: EntryPolicyParameters) -> Outcome:
    times = pl.col("limit_value") / pl.col("limit_amount")
    over = verdicts.filter(times >= parameters.limit.at[0])
    notable = verdicts.filter(
        pl.col("notable").fill_null(value=False)
        & ~(times >= parameters.limit.at[0]).fill_null(value=False)
    ).with_columns(pl.lit(parameters.notable).alias("likelihood_ratio"))
    ratios = parameters.limit.ratios(over.select(times).to_series().to_numpy())
    findings = pl.concat(
        [
            findings_of(over, lambda: _over_limit(with_ratio(over, ratios))),
            findings_of(notable, lambda: _notable(notable)),
        ]
    )
    silent = verdicts.filter(pl.col("entry_not_assessed").is_not_null()).join(
        findings, on="owner_id", how="anti"
    )
    return Outcome(
        findings=findings,
        not_assessed=as_not_assessed(silent, ENTRY, pl.col("entry_not_assessed")),
    )


def _over_limit(rows: pl.DataFrame) -> pl.DataFrame:
    leads = pl.when(pl.col("entry").is_null()).then(pl.format(" under {}.", _pack()))
    return rows.select(
        "owner_id",
        "owner_kind",
        pl.lit(ENTRY).alias("code"),
        pl.format(
            "The value of {} {} exceeds the {} {} per shipment of {} ({}){}",
            plain(pl.col("limit_value"), 2),
            "limit_currency",
            plain(pl.col("limit_amount"), 2),
            "limit_currency",
            "limit_of",
            "limit_citation",
            leads.otherwise(pl.format("; under {} it takes {}.", _pack(), _path())),
        ).alias("sentence"),
        pl.col("limit_value").alias("observed"),
        pl.col("limit_amount").alias("expected"),
        pl.col("limit_currency").alias("unit"),
        "likelihood_ratio",
    )


def _notable(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(
        "owner_id",
        "owner_kind",
        pl.lit(ENTRY).alias("code"),
        pl.format("Under {} it takes {}.", _pack(), _path()).alias("sentence"),
        pl.col("entry").alias("text"),
        "likelihood_ratio",
    )


def _elements(verdicts: pl.DataFrame, parameters: EntryPolicyParameters) -> Outcome:
    lacks = verdicts.with_columns(
        pl.col("missing").list.set_difference("unfilled").list.sort().alias("own")
    )
    count = pl.col("own").list.len()
    lacking = lacks.filter(count >= parameters.missing.at[0])
    distance = lacking.select(count.cast(pl.Float64)).to_series().to_numpy()
    named = pl.col("own").list.join(", ")
    findings = findings_of(
        lacking,
        lambda: with_ratio(lacking, parameters.missing.ratios(distance)).select(
            "owner_id",
            "owner_kind",
            pl.lit(ELEMENTS).alias("code"),
            pl.format(
                "The manifest row does not declare {}; {} asks for it ({}).",
                named,
                _pack(),
                "elements_citation",
            ).alias("sentence"),
            count.cast(pl.Float64).alias("observed"),
            pl.lit(0.0).alias("expected"),
            pl.lit("elements").alias("unit"),
            named.alias("text"),
            "likelihood_ratio",
        ),
    )
    nobody = pl.format(
        "no row of this window that {} asks for it declares {}",
        "pack",
        pl.col("unfilled").list.join(", "),
    )
    reason = pl.coalesce(
        "elements_not_assessed",
        pl.when(pl.col("unfilled").list.len() > 0).then(nobody),
    )
    silent = lacks.filter(reason.is_not_null() & (count < parameters.missing.at[0]))
    return Outcome(findings=findings, not_assessed=as_not_assessed(silent, ELEMENTS, reason))


def _pack() -> pl.Expr:
    return pl.format(
        "policy {} version {} on {}",
        "pack",
        "pack_version",
        pl.col("day").dt.to_string("%Y-%m-%d"),
    )


def _path() -> pl.Expr:
    """The entry with its citation, and whether that was checked."""
    unchecked = (
        pl.when(pl.col("source_checked"))
        .then(pl.lit(""))
        .otherwise(pl.lit("; not checked against its source"))
    )
    return pl.format("{} ({}{})", "entry", "entry_citation", unchecked)
