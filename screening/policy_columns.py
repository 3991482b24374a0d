"""What a policy rule asks of a row, as polars expressions: true, false, or null where not known.

Columns as `prepared` gives them: text without blanks around, null where nothing is left; `day`; and
`value_<currency>`, the value in each currency that a rule states its amount in.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

import polars as pl

from parcelscope.datasets.schema import PARCELS
from parcelscope.screening.policy_rules import (
    Effective,
    Element,
    ElementsRule,
    EntryRule,
    PolicyPack,
    Scope,
    ValueLimitRule,
)

_NUMBERS: Final = frozenset(c.name for c in PARCELS.columns if c.type in {"number", "integer"})
_DATES: Final = frozenset(c.name for c in PARCELS.columns if c.type == "datetime")


def prepared(parcels: pl.DataFrame, day: pl.Expr) -> pl.DataFrame:
    """`parcels` as the expressions here need them, but for the values."""
    text = [name for name in PARCELS.names if name not in _NUMBERS | _DATES]
    stripped = pl.col(text).str.strip_chars()
    return parcels.with_columns(
        pl.when(stripped != "").then(stripped).otherwise(None).name.keep(), day.alias("day")
    ).with_columns(
        pl.col("channel").str.to_lowercase(),
        pl.col("origin_country", "currency").str.to_uppercase(),
    )


def about(rows: pl.DataFrame, pack: PolicyPack) -> list[EntryRule | ValueLimitRule | ElementsRule]:
    """Those of the rules of `pack` that ask something of a row and may be about one of `rows`.

    What is left out holds on none of their days or for none of their channels, so `applies` is
    false of it for every row. A rule costs as much to put together as to apply to a thousand rows,
    and a single parcel came by one channel on one day.

    Args:
        rows: As `prepared` gives them; all of days on which `pack` holds.
        pack: The pack.
    """
    channels = set(rows["channel"].unique())
    first, last = rows.select(
        pl.col("day").min().alias("first"), pl.col("day").max().alias("last")
    ).row(0)
    return [
        rule
        for rule in pack.rules
        if isinstance(rule, EntryRule | ValueLimitRule | ElementsRule)
        and pack.days(rule).since <= last
        and first <= pack.days(rule).last
        # Of a row without a channel it is not known.
        and (
            not rule.applies.channels
            or None in channels
            or not channels.isdisjoint(rule.applies.channels)
        )
    ]


def within(days: Effective) -> pl.Expr:
    """Whether the day of a row is one of `days`."""
    return pl.col("day").is_between(pl.lit(days.since), pl.lit(days.until or date.max))


def applies(days: Effective, scope: Scope) -> pl.Expr:
    """Whether a rule that holds on `days` is about the row; null where that cannot be said."""
    tests = [within(days)]
    if scope.channels:
        tests.append(pl.col("channel").is_in(list(scope.channels)))
    if scope.origins:
        tests.append(pl.col("origin_country").is_in(list(scope.origins)))
    if scope.origins_except:
        tests.append(~pl.col("origin_country").is_in(list(scope.origins_except)))
    if scope.value_above is not None:
        tests.append(pl.col(f"value_{scope.value_above.currency}") > scope.value_above.amount)
    if scope.value_at_most is not None:
        tests.append(pl.col(f"value_{scope.value_at_most.currency}") <= scope.value_at_most.amount)
    if scope.entry_number is not None:
        filled = pl.col("entry_number").is_not_null()
        tests.append(filled if scope.entry_number == "present" else ~filled)
    # One test that fails decides, whatever is not known of the others.
    return pl.all_horizontal(tests)


def lacking(scope: Scope) -> pl.Expr:
    """What the row does not say that `scope` asks about; null where it says all."""
    reasons = []
    if scope.channels:
        reasons.append(_unless(pl.col("channel"), pl.lit("the manifest gives no channel")))
    if scope.origins or scope.origins_except:
        reasons.append(
            _unless(pl.col("origin_country"), pl.lit("the manifest gives no country of origin"))
        )
    for currency in scope.currencies[:1]:
        foreign = pl.format(
            "the value is in {}, the rule in {}, and there is no rate of the day",
            pl.col("currency"),
            pl.lit(currency),
        )
        reasons += [
            _unless(pl.col("value"), pl.lit("the manifest gives no value")),
            _unless(pl.col("currency"), pl.lit("the manifest gives no currency")),
            _unless(pl.col(f"value_{currency}"), foreign),
        ]
    return pl.coalesce(*reasons, pl.lit(None, pl.String)) if reasons else pl.lit(None, pl.String)


def declared(element: Element) -> pl.Expr:
    """Whether the row declares `element`; never null."""
    filled = []
    for name in element.any_of:
        column = pl.col(name)
        if name in _NUMBERS:
            # Nothing weighs or counts nought, but a gift may be worth nothing.
            filled.append((column > 0) if name != "value" else column.is_not_null())
        elif element.digits is not None:
            filled.append(column.str.count_matches(r"\d") >= element.digits)
        else:
            filled.append(column.is_not_null())
    return pl.any_horizontal(one.fill_null(value=False) for one in filled)


def first_of(cases: Sequence[pl.Expr], values: Sequence[pl.Expr], otherwise: pl.Expr) -> pl.Expr:
    """The value, perhaps null, of the first case that is true."""
    chosen = otherwise
    for case, value in zip(reversed(cases), reversed(values), strict=True):
        chosen = pl.when(case).then(value).otherwise(chosen)
    return chosen


def _unless(given: pl.Expr, reason: pl.Expr) -> pl.Expr:
    return pl.when(given.is_null()).then(reason)
