"""Policy packs and verdicts in words, and as JSON."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.screening.policy import Found, Policies
from parcelscope.screening.policy_rules import (
    DisclosureRule,
    ElementsRule,
    EntryRule,
    NoticeRule,
    PolicyPack,
    RedactionRule,
    Rule,
    Scope,
    ValueLimitRule,
)

SHOWN_LINES = 12
"""Of each count, the most frequent; the rest are added up."""


def pack_lines(found: Sequence[Found]) -> Iterator[str]:
    """A line for each pack, by jurisdiction and day."""
    for one in sorted(found, key=lambda one: (one.pack.jurisdiction, one.pack.effective.since)):
        pack = one.pack
        unchecked = sum(not rule.source_checked for rule in pack.rules)
        yield (
            f"{pack.name:<14} version {pack.version}, {pack.jurisdiction},"
            f" {pack.effective.words()}: {pack.title}; {len(pack.rules)} rules, {unchecked} not"
            " checked against their source"
        )


def rule_lines(pack: PolicyPack, day: date | None) -> Iterator[str]:
    """The rules of `pack`, those that hold on `day` or all, each with its citation."""
    yield f"{pack.name} version {pack.version}, {pack.effective.words()}: {pack.title}"
    yield f"Days as in {pack.time_zone}. Not legal advice."
    for rule in _rules(pack, day):
        yield ""
        days = "" if rule.effective is None else f", {rule.effective.words()}"
        yield f"{rule.code} ({rule.kind.replace('_', ' ')}{days})"
        yield f"  {_said(rule)}"
        yield f"  {rule.citation}{'' if rule.source_checked else '; not checked'}"
        if rule.note:
            yield f"  Note: {rule.note}"


def pack_as_json(found: Found, day: date | None = None) -> dict[str, Any]:
    """The pack with its digest; of its rules those that hold on `day`, or all."""
    told = found.pack.model_dump(mode="json", by_alias=True)
    told["rules"] = [
        rule.model_dump(mode="json", by_alias=True) for rule in _rules(found.pack, day)
    ]
    return {"file": found.file.name, "sha256": found.digest, **told}


def check_lines(verdicts: pl.DataFrame, policies: Policies, feed: Feed) -> Iterator[str]:
    """What the packs say of a feed, counted."""
    rejected = feed.rejected.filter(pl.col("table") == "parcels").height
    yield (
        f"{verdicts.height:,} parcels under the policy packs of {policies.jurisdiction}"
        + (f"; {rejected:,} rows could not be read" if rejected else "")
    )
    yield from _counted("Entry", verdicts, ["pack", "entry_code", "entry", "entry_citation"])
    yield from _counted(
        "Above a limit", verdicts, ["pack", "limit_code", "limit_of", "limit_citation"]
    )
    missing = verdicts.select("pack", pl.col("missing").alias("element")).explode("element")
    yield from _counted("Not declared", missing, ["pack", "element"])
    for check, column in (("Entry", "entry"), ("Elements", "elements")):
        reasons = verdicts.select(pl.col(f"{column}_not_assessed").alias("reason"))
        yield from _counted(f"{check} not assessed", reasons, ["reason"])


def verdicts_as_json(verdicts: pl.DataFrame, policies: Policies) -> dict[str, Any]:
    """The verdict on each parcel."""
    rows = verdicts.with_columns(pl.col("day").dt.to_string("%Y-%m-%d")).to_dicts()
    return {
        "jurisdiction": policies.jurisdiction,
        "packs": [{"name": pack.name, "version": pack.version} for pack in policies.packs],
        "parcels": rows,
    }


def _counted(title: str, rows: pl.DataFrame, columns: list[str]) -> Iterator[str]:
    counts = (
        rows.drop_nulls(columns[-1])
        .group_by(columns)
        .len()
        .sort("len", *columns, descending=[True, *(False for _ in columns)])
    )
    if counts.is_empty():
        return
    yield ""
    yield f"{title}:"
    for *words, number in counts.head(SHOWN_LINES).iter_rows():
        yield f"  {number:>9,}  {'; '.join(str(word) for word in words)}"
    if counts.height > SHOWN_LINES:
        rest = counts.slice(SHOWN_LINES)
        yield f"  {rest['len'].sum():>9,}  {rest.height} others"


def _rules(pack: PolicyPack, day: date | None) -> list[Rule]:
    return [rule for rule in pack.rules if day is None or pack.days(rule).holds(day)]


def _said(rule: Rule) -> str:
    match rule:
        case EntryRule():
            kind = "" if rule.entry_type is None else f" [type {rule.entry_type}]"
            told = f"takes {rule.entry}{kind}"
            return f"{_scope(rule.applies)}: {told}{'; notable' if rule.notable else ''}"
        case ValueLimitRule():
            per = rule.per.replace("_", " and ")
            return f"{_scope(rule.applies)}: {rule.limit.words()} per {per}, for {rule.of}"
        case ElementsRule():
            names = ", ".join(element.name for element in rule.elements)
            return f"{_scope(rule.applies)}: declares {names}"
        case NoticeRule():
            to = "" if rule.to is None else f" to {rule.to.replace('_', ' ')}"
            return (
                f"{rule.by}{to}: {rule.action} within {rule.length}"
                f" {rule.unit.replace('_', ' ')} of {rule.counted_from}"
                + ("" if rule.otherwise is None else f"; otherwise {rule.otherwise}")
            )
        case RedactionRule():
            symbols = ", ".join((*rule.fields, *(f"{s} symbols" for s in rule.symbols)))
            return f"{rule.recipient.replace('_', ' ')}, {rule.stage}: without {symbols}"
        case DisclosureRule():
            return f"{rule.recipient.replace('_', ' ')}, {rule.stage}: {', '.join(rule.fields)}"


def _scope(scope: Scope) -> str:
    """Which shipments, in words."""
    parts = []
    if scope.channels:
        parts.append(" or ".join(scope.channels))
    if scope.origins:
        parts.append(f"from {', '.join(scope.origins)}")
    if scope.origins_except:
        parts.append(f"not from {', '.join(scope.origins_except)}")
    if scope.value_above is not None:
        parts.append(f"above {scope.value_above.words()}")
    if scope.value_at_most is not None:
        parts.append(f"up to {scope.value_at_most.words()}")
    if scope.entry_number is not None:
        parts.append("with an entry number" if scope.entry_number == "present" else "without one")
    return ", ".join(parts) or "every shipment"
