"""Which elements that the policy pack of its day requires a parcel does not declare."""

from collections.abc import Iterable, Sequence
from typing import Final

import polars as pl

from parcelscope.screening.policy_columns import applies, declared, first_of, lacking
from parcelscope.screening.policy_rules import Element, ElementsRule, PolicyPack

_BITS: Final = 62
"""Names that one column of masks holds."""


def missing_elements(
    rows: pl.DataFrame, pack: PolicyPack, rules: Sequence[ElementsRule], *, place: str
) -> pl.DataFrame:
    """What is not declared though some rule asks for it.

    Args:
        rows: As `policy_columns` needs them, with `place`; all of days on which `pack` holds.
        pack: The pack.
        rules: Those of its rules that require elements.
        place: Column that names a row.

    Returns:
        `place`, `missing`, `unfilled` (those of them that no row under the same rule declares),
        `elements_citation`, `elements_not_assessed`; one row per row.
    """
    fits = rows.with_columns(
        applies(pack.days(rule), rule.applies).alias(f"fits{n}") for n, rule in enumerate(rules)
    )
    shown = {element: f"shown{n}" for n, element in enumerate(_elements(rules))}
    known = fits.with_columns(declared(element).alias(name) for element, name in shown.items())
    asked = [
        (pl.col(f"fits{n}"), element.name, pl.col(shown[element]))
        for n, rule in enumerate(rules)
        for element in rule.elements
    ]
    names = list(dict.fromkeys(name for _, name, _ in asked))
    lacks = [(fit & ~shows).fill_null(value=False) for fit, _, shows in asked]
    somebody = _somebody(known, [(fit & shows).any() for fit, _, shows in asked])
    cited = [
        pl.any_horizontal(
            pl.lit(value=False),
            *(pl.col(f"fits{n}") & ~pl.col(shown[element]) for element in rule.elements),
        ).fill_null(value=False)
        for n, rule in enumerate(rules)
    ]
    missing = [_any(lack for lack, (_, of, _) in zip(lacks, asked, strict=True) if of == name)
               for name in names]  # fmt: skip
    own = [_any(lack for lack, (_, of, _), filled in zip(lacks, asked, somebody, strict=True)
                if of == name and filled) for name in names]  # fmt: skip
    masks = {
        "missing": _masks(missing),
        "own": _masks(own),
        "cited": _masks(cited),
    }
    masked = known.with_columns(
        mask.alias(f"{what}{n}") for what, some in masks.items() for n, mask in enumerate(some)
    )
    columns = [f"{what}{n}" for what, some in masks.items() for n, _ in enumerate(some)]
    table = _lists(masked.select(columns).unique(), names, [rule.citation for rule in rules])
    doubts = _doubts(masked.filter(_any(missing).not_()), pack, rules, place)
    return (
        masked.select(place, *columns)
        .join(table, on=columns, how="left")
        .drop(columns)
        .join(doubts, on=place, how="left")
    )


def _elements(rules: Iterable[ElementsRule]) -> list[Element]:
    """Each element of `rules` once: many rules ask for the same."""
    return list(dict.fromkeys(element for rule in rules for element in rule.elements))


def _somebody(rows: pl.DataFrame, tests: Sequence[pl.Expr]) -> list[bool]:
    """Of each test, whether some row passes it."""
    if not tests:
        return []
    return [bool(one) for one in rows.select(t.alias(str(n)) for n, t in enumerate(tests)).row(0)]


def _any(tests: Iterable[pl.Expr]) -> pl.Expr:
    return pl.any_horizontal(pl.lit(value=False), *tests)


def _masks(tests: Sequence[pl.Expr]) -> list[pl.Expr]:
    """Tests as whole numbers, one bit each: rows with the same answer share one list."""
    return [
        pl.sum_horizontal(
            pl.lit(0, pl.Int64),
            *(
                test.cast(pl.Int64) * (1 << bit)
                for bit, test in enumerate(tests[start : start + _BITS])
            ),
        )
        for start in range(0, max(len(tests), 1), _BITS)
    ]


def _lists(masks: pl.DataFrame, names: Sequence[str], citations: Sequence[str]) -> pl.DataFrame:
    """`masks` with the lists that they stand for."""
    rows = []
    for row in masks.to_dicts():
        lacking_all = _named("missing", row, names)
        own = set(_named("own", row, names))
        cited = dict.fromkeys(_named("cited", row, citations))
        rows.append(
            {
                **row,
                "missing": lacking_all,
                "unfilled": [name for name in lacking_all if name not in own],
                "elements_citation": "; ".join(cited) or None,
            }
        )
    texts = pl.List(pl.String())
    return pl.DataFrame(
        rows,
        schema={**masks.schema, "missing": texts, "unfilled": texts,
                "elements_citation": pl.String()},
    )  # fmt: skip


def _named(what: str, row: dict[str, int], names: Sequence[str]) -> list[str]:
    """Those of `names` whose bit is set."""
    return [
        name
        for number, name in enumerate(names)
        if row[f"{what}{number // _BITS}"] >> (number % _BITS) & 1
    ]


def _doubts(
    rows: pl.DataFrame, pack: PolicyPack, rules: Sequence[ElementsRule], place: str
) -> pl.DataFrame:
    """Why it cannot be said of a row that it declares all, of the rows where it cannot."""
    fits = [pl.col(f"fits{n}") for n in range(len(rules))]
    nothing = pl.format(
        "{} requires no elements of channel {}",
        pl.lit(pack.name),
        pl.col("channel").fill_null("not given"),
    )
    unknown = [fit.is_null() for fit in fits]
    open_ones = rows.filter(_any(unknown) | ~_any(fits).fill_null(value=False))
    reasons = [lacking(rule.applies) for rule in rules]
    why = first_of(unknown, reasons, nothing if rules else _no_rules(pack))
    return open_ones.select(place, why.alias("elements_not_assessed"))


def _no_rules(pack: PolicyPack) -> pl.Expr:
    return pl.lit(f"{pack.name} requires no elements")
