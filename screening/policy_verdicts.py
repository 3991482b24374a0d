"""What the policy pack of its day says of each parcel: its entry, its limits, what it must declare.

Every question may have no answer: a rule about the value is silent on a parcel without one. Such a
parcel is not assessed, with the reason, and never held to a rule that may not be meant for it.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from parcelscope.screening.exchange_rates import no_rates, with_converted
from parcelscope.screening.policy import DATE_COLUMN, Policies, local_day
from parcelscope.screening.policy_columns import (
    about,
    applies,
    first_of,
    lacking,
    prepared,
    within,
)
from parcelscope.screening.policy_elements import missing_elements
from parcelscope.screening.policy_rules import (
    ElementsRule,
    EntryRule,
    PolicyPack,
    ValueLimitRule,
)

VERDICT_SCHEMA: Final = pl.Schema(
    {
        "parcel_id": pl.String(),
        "day": pl.Date(),
        "pack": pl.String(),
        "pack_version": pl.Int64(),
        "entry_code": pl.String(),
        "entry": pl.String(),
        "entry_type": pl.String(),
        "entry_citation": pl.String(),
        "source_checked": pl.Boolean(),
        "notable": pl.Boolean(),
        "limit_code": pl.String(),
        "limit_of": pl.String(),
        "limit_amount": pl.Float64(),
        "limit_value": pl.Float64(),
        "limit_currency": pl.String(),
        "limit_citation": pl.String(),
        "missing": pl.List(pl.String()),
        "unfilled": pl.List(pl.String()),
        "elements_citation": pl.String(),
        "entry_not_assessed": pl.String(),
        "elements_not_assessed": pl.String(),
    }
)
"""Columns of a verdict. `limit_*` speak of the first limit that is exceeded, `limit_value` in its
currency; `missing` lists the elements that are not declared, `unfilled` those of them that no row
of the window under the same rule declares either."""

_PLACE: Final = "\x00place"
_PLACED: Final = pl.Schema({_PLACE: pl.UInt32(), **VERDICT_SCHEMA})


def policy_verdicts(
    parcels: pl.DataFrame,
    policies: Policies,
    *,
    rates: pl.DataFrame | None = None,
    max_rate_age_days: int = 31,
    on: date | None = None,
) -> pl.DataFrame:
    """The verdict on each of `parcels`, columns as `VERDICT_SCHEMA`, in their order.

    Args:
        parcels: Columns as the parcels table has them.
        policies: The packs of one jurisdiction.
        rates: Exchange rates, as `read_rates` gives them; without them a value in another currency
            than the rule's is not compared.
        max_rate_age_days: An older rate is not used.
        on: Take every parcel as if it came on this day.
    """
    day = local_day(policies) if on is None else pl.lit(on)
    rows = prepared(parcels, day).with_row_index(_PLACE)
    known = no_rates() if rates is None else rates
    told = []
    for pack in policies.packs:
        meant = rows.filter(within(pack.effective))
        if not meant.is_empty():  # most packs are of other years, and none is cheap
            told.append(_judged(meant, pack, known, max_rate_age_days))
    if sum(one.height for one in told) < rows.height:  # no two packs hold on one day
        dated = pl.any_horizontal(
            pl.lit(value=False), *(within(pack.effective) for pack in policies.packs)
        )
        told.append(_unpacked(rows.filter(~dated.fill_null(value=False)), policies))
    whole = pl.concat(told) if told else pl.DataFrame(schema=_PLACED)
    return whole.sort(_PLACE).select(*VERDICT_SCHEMA)


def _judged(
    rows: pl.DataFrame, pack: PolicyPack, rates: pl.DataFrame, max_age_days: int
) -> pl.DataFrame:
    """Verdicts on `rows`, all of days on which `pack` holds."""
    every = [rule for rule in pack.rules if isinstance(rule, ElementsRule)]
    rules = about(rows, pack)
    entries = [rule for rule in rules if isinstance(rule, EntryRule)]
    limits = [rule for rule in rules if isinstance(rule, ValueLimitRule) and rule.per == "shipment"]
    elements = [rule for rule in rules if isinstance(rule, ElementsRule)]
    scopes = [
        *(rule.applies for rule in entries),
        *(rule.applies for rule in limits),
        *(rule.applies for rule in elements),
    ]
    currencies = {name for scope in scopes for name in scope.currencies}
    currencies |= {rule.limit.currency for rule in limits}
    valued = with_converted(rows, currencies, rates, max_age_days=max_age_days)
    told = (
        valued.select(
            _PLACE,
            "parcel_id",
            "day",
            pl.lit(pack.name).alias("pack"),
            pl.lit(pack.version).alias("pack_version"),
        )
        .join(_entry(valued, pack, entries), on=_PLACE, how="left")
        .join(_limit(valued, pack, limits), on=_PLACE, how="left")
        .join(missing_elements(valued, pack, elements, every, place=_PLACE), on=_PLACE, how="left")
    )
    return told.select(_PLACE, *VERDICT_SCHEMA).cast(_PLACED)


def _entry(rows: pl.DataFrame, pack: PolicyPack, rules: Sequence[EntryRule]) -> pl.DataFrame:
    """The first rule that fits each row, or why that cannot be said."""
    fits = [pl.col(f"fits{n}") for n in range(len(rules))]
    # Where it is not known whether a rule fits, no later rule may be taken for the first.
    maybe = [fit.fill_null(value=True) for fit in fits]
    numbered = rows.with_columns(
        applies(pack.days(rule), rule.applies).alias(f"fits{n}") for n, rule in enumerate(rules)
    ).with_columns(
        first_of(maybe, [pl.lit(n) for n in range(len(rules))], pl.lit(-1)).alias("rule"),
        first_of(maybe, [fit.is_not_null() for fit in fits], pl.lit(value=False)).alias("known"),
    )
    said = pl.DataFrame(
        {
            "rule": range(len(rules)),
            "entry_code": [rule.code for rule in rules],
            "entry": [rule.entry for rule in rules],
            "entry_type": [rule.entry_type for rule in rules],
            "entry_citation": [rule.citation for rule in rules],
            "source_checked": [rule.source_checked for rule in rules],
            "notable": [rule.notable for rule in rules],
        },
        schema_overrides={"rule": pl.Int32, "entry_type": pl.String},
    )
    channel = pl.col("channel").fill_null("not given")
    uncovered = pl.format("no entry rule of {} is about channel {}", pl.lit(pack.name), channel)
    at = [pl.col("rule") == n for n in range(len(rules))]
    why = first_of(at, [lacking(rule.applies) for rule in rules], uncovered)
    known = numbered.filter("known").select(_PLACE, "rule")
    return pl.concat(
        [
            known.join(said, on="rule", how="left").drop("rule"),
            numbered.filter(~pl.col("known")).select(_PLACE, why.alias("entry_not_assessed")),
        ],
        how="diagonal",
    )


def _limit(rows: pl.DataFrame, pack: PolicyPack, rules: Sequence[ValueLimitRule]) -> pl.DataFrame:
    """The first limit per shipment that a row exceeds, of the rows that exceed one."""
    values = [pl.col(f"value_{rule.limit.currency}") for rule in rules]
    exceeded = [
        applies(pack.days(rule), rule.applies) & (value > rule.limit.amount)
        for rule, value in zip(rules, values, strict=True)
    ]
    said = pl.DataFrame(
        {
            "rule": range(len(rules)),
            "limit_code": [rule.code for rule in rules],
            "limit_of": [rule.of for rule in rules],
            "limit_amount": [rule.limit.amount for rule in rules],
            "limit_currency": [rule.limit.currency for rule in rules],
            "limit_citation": [rule.citation for rule in rules],
        },
        schema_overrides={"rule": pl.Int32},
    )
    number = first_of(exceeded, [pl.lit(n) for n in range(len(rules))], pl.lit(-1))
    value = first_of(exceeded, values, pl.lit(None, pl.Float64))
    over = rows.select(_PLACE, number.alias("rule"), value.alias("limit_value"))
    return over.filter(pl.col("rule") >= 0).join(said, on="rule", how="left").drop("rule")


def _unpacked(rows: pl.DataFrame, policies: Policies) -> pl.DataFrame:
    """Verdicts on `rows` of days on which no pack holds, or of no day."""
    reason = (
        pl.when(pl.col("day").is_null())
        .then(pl.lit(f"the manifest gives no {DATE_COLUMN}"))
        .otherwise(
            pl.format(
                "no policy pack of {} holds on {}",
                pl.lit(policies.jurisdiction),
                pl.col("day").dt.to_string("%Y-%m-%d"),
            )
        )
    )
    nothing = pl.lit([], pl.List(pl.String()))
    given = {
        "parcel_id": pl.col("parcel_id"),
        "day": pl.col("day"),
        "missing": nothing,
        "unfilled": nothing,
        "entry_not_assessed": reason,
        "elements_not_assessed": reason,
    }
    return rows.select(
        _PLACE,
        *(
            given.get(name, pl.lit(None)).cast(dtype).alias(name)
            for name, dtype in VERDICT_SCHEMA.items()
        ),
    )
