"""Runs the indicators of a pack over a window, each row by the version in force on its day."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl
from pydantic import BaseModel

from parcelscope.datasets.feed import Feed
from parcelscope.screening.indicator_pack import Indicators
from parcelscope.screening.indicators.evidence import (
    Evidence,
    Outcome,
    as_not_assessed,
    merged,
)
from parcelscope.screening.indicators.registry import CODES, INDICATORS
from parcelscope.screening.pack_file import Rule

_OWNER = ["owner_id", "owner_kind"]


@dataclass(frozen=True, slots=True)
class Reports:
    """What indicators reported of one window, each with the parameters that it went by."""

    _found: dict[str, list[tuple[BaseModel, Outcome]]] = field(default_factory=dict)

    def of(self, rule: Rule, evidence: Evidence) -> Outcome:
        """What the indicator of `rule` reports, without the rest of the rule; worked out once."""
        known = self._found.setdefault(rule.indicator, [])
        for parameters, outcome in known:
            if parameters == rule.parameters:
                return outcome
        known.append((rule.parameters, INDICATORS[rule.indicator].run(evidence, rule.parameters)))
        return known[-1][1]


def manifest_reports(evidence: Evidence, indicators: Indicators) -> Reports:
    """What those indicators report that look at the manifest alone.

    Nothing that a detector said is asked for, so the images may still be at work.
    """
    reports = Reports()
    for rule in _about(evidence.feed, indicators):
        if INDICATORS[rule.indicator].by_manifest:
            reports.of(rule, evidence)
    return reports


def run_indicators(
    evidence: Evidence, indicators: Indicators, reports: Reports | None = None
) -> Outcome:
    """What all rules of `indicators` report.

    An indicator looks at the whole window, whatever the day of a row: what is usual among the rows
    does not change where a parameter does. A row without a date is held to the latest version.

    Args:
        evidence: The window.
        indicators: The packs.
        reports: What is known already, as `manifest_reports` gives it of the same window.
    """
    rules = _about(evidence.feed, indicators)
    dated = _dated_codes(rules)
    days = owner_days(evidence.feed) if dated else None
    known = Reports() if reports is None else reports
    outcomes = []
    for rule in rules:
        outcome = _capped(_of_codes(known.of(rule, evidence), rule), rule)
        if days is not None and not dated.isdisjoint(rule.codes):
            outcome = _on_days(outcome, rule, rules, days)
        outcomes.append(outcome)
    if days is not None:
        outcomes += [_without_version(code, rules, days) for code in sorted(dated)]
    return merged(outcomes)


def _about(feed: Feed, indicators: Indicators) -> list[Rule]:
    """The rules that may have something to say of what `feed` holds."""
    kinds = _kinds_of(feed)
    return [
        rule
        for rule in indicators.rules
        if any(kinds.intersection(CODES[code]) for code in INDICATORS[rule.indicator].codes)
    ]


def _kinds_of(feed: Feed) -> set[str]:
    """What the window holds: an indicator of cartons alone has nothing to say where none is."""
    tables = {"parcel": feed.parcels, "carton": feed.cartons}
    return {kind for kind, rows in tables.items() if not rows.is_empty()}


def _dated_codes(rules: Sequence[Rule]) -> set[str]:
    """Codes whose rules do not hold on every day."""
    return {code for rule in rules if rule.effective is not None for code in rule.codes}


def owner_days(feed: Feed) -> pl.DataFrame:
    """owner_id, owner_kind, day (UTC): when each came; of a carton the latest of its parcels."""
    day = pl.coalesce("arrived_at", "data_received_at").dt.date().alias("day")
    parcels = feed.parcels.select(
        pl.col("parcel_id").alias("owner_id"),
        pl.lit("parcel").alias("owner_kind"),
        "carton_id",
        day,
    )
    of_cartons = parcels.group_by("carton_id").agg(pl.col("day").max())
    cartons = feed.cartons.join(of_cartons, on="carton_id", how="left").select(
        pl.col("carton_id").alias("owner_id"), pl.lit("carton").alias("owner_kind"), "day"
    )
    return pl.concat([parcels.select(*_OWNER, "day"), cartons])


def _of_codes(outcome: Outcome, rule: Rule) -> Outcome:
    """What `outcome` says under the codes of `rule`."""
    if set(rule.codes) == set(INDICATORS[rule.indicator].codes):
        return outcome
    codes = list(rule.codes)
    return Outcome(
        findings=outcome.findings.filter(pl.col("code").is_in(codes)),
        not_assessed=outcome.not_assessed.filter(pl.col("check").is_in(codes)),
    )


def _capped(outcome: Outcome, rule: Rule) -> Outcome:
    """`outcome`, where no finding counts for more than its pack is allowed to."""
    if rule.max_likelihood_ratio is None:
        return outcome
    ratio = pl.col("likelihood_ratio").clip(upper_bound=rule.max_likelihood_ratio)
    return Outcome(findings=outcome.findings.with_columns(ratio), not_assessed=outcome.not_assessed)


def _on_days(outcome: Outcome, rule: Rule, rules: Sequence[Rule], days: pl.DataFrame) -> Outcome:
    """What `outcome` says of the rows that `rule` is in force for."""
    findings, not_assessed = [], []
    for code in rule.codes:
        meant = days.filter(_in_force(rule, latest=rule is _latest(code, rules))).select(_OWNER)
        findings.append(
            outcome.findings.filter(pl.col("code") == code).join(meant, on=_OWNER, how="semi")
        )
        not_assessed.append(
            outcome.not_assessed.filter(pl.col("check") == code).join(meant, on=_OWNER, how="semi")
        )
    return Outcome(findings=pl.concat(findings), not_assessed=pl.concat(not_assessed))


def _in_force(rule: Rule, *, latest: bool) -> pl.Expr:
    day = pl.col("day")
    last = date.max if rule.effective is None else rule.effective.last
    return (
        pl.when(day.is_null())
        .then(pl.lit(latest))
        .otherwise((day >= pl.lit(rule.first)) & (day <= pl.lit(last)))
    )


def _latest(code: str, rules: Sequence[Rule]) -> Rule:
    ours = [rule for rule in rules if code in rule.codes]
    return max(ours, key=lambda rule: rule.first)


def _without_version(code: str, rules: Sequence[Rule], days: pl.DataFrame) -> Outcome:
    """Rows of a day on which no version of `code` is in force."""
    ours = [rule for rule in rules if code in rule.codes]
    missed = ~pl.any_horizontal(_in_force(rule, latest=True) for rule in ours)
    rows = days.filter(missed & pl.col("owner_kind").is_in(list(CODES[code])))
    reason = pl.format("no version of {} is in force on {}", pl.lit(code), pl.col("day"))
    return Outcome(findings=merged([]).findings, not_assessed=as_not_assessed(rows, code, reason))
