"""Which elements that the policy pack of its day requires a parcel does not declare.

The table is asked what fits and what is declared; what follows is worked out on arrays of booleans,
which takes far less than expressions for one row, and no more for a million.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from parcelscope.screening.policy_columns import applies, declared, first_of, lacking
from parcelscope.screening.policy_rules import Element, ElementsRule, PolicyPack

_BITS: Final = 62
"""Names that one column of masks holds."""
_Flags = NDArray[np.bool_]
"""Shape (N,): of each row."""


def missing_elements(
    rows: pl.DataFrame,
    pack: PolicyPack,
    rules: Sequence[ElementsRule],
    every: Sequence[ElementsRule],
    *,
    place: str,
) -> pl.DataFrame:
    """What is not declared though some rule asks for it.

    Args:
        rows: As `policy_columns` needs them, with `place`; all of days on which `pack` holds.
        pack: The pack.
        rules: Those of its rules that require elements and may be about one of `rows`.
        every: All of its rules that require elements; what is missing is told in their order.
        place: Column that names a row.

    Returns:
        `place`, `missing`, `unfilled` (those of them that no row under the same rule declares),
        `elements_citation`, `elements_not_assessed`; one row per row.
    """
    told = _answers(rows, pack, rules)
    wanted = {element.name for rule in rules for element in rule.elements}
    order = dict.fromkeys(element.name for rule in every for element in rule.elements)
    names = [name for name in order if name in wanted]
    missing = {name: np.zeros(rows.height, np.bool_) for name in names}
    own = {name: np.zeros(rows.height, np.bool_) for name in names}
    cited = [np.zeros(rows.height, np.bool_) for _ in rules]
    for n, rule in enumerate(rules):
        for element in rule.elements:
            shows = told.shown[element]
            lacks = told.fits[n] & ~shows
            missing[element.name] |= lacks
            cited[n] |= lacks
            if (told.fits[n] & shows).any():
                own[element.name] |= lacks
    masks = {
        **_masks("missing", [missing[name] for name in names], rows.height),
        **_masks("own", [own[name] for name in names], rows.height),
        **_masks("cited", cited, rows.height),
    }
    masked = rows.select(place).with_columns(pl.Series(name, mask) for name, mask in masks.items())
    columns = list(masks)
    table = _lists(masked.select(columns).unique(), names, [rule.citation for rule in rules])
    nothing = _none_of_channel(pack) if every else pl.lit(f"{pack.name} requires no elements")
    doubts = _doubts(rows, told, ~_either(missing.values(), rows.height), rules, nothing)
    return masked.join(table, on=columns, how="left").drop(columns).join(
        doubts.select(place, "elements_not_assessed"), on=place, how="left"
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answers:
    """What the rows say to rules that require elements."""

    fits: list[_Flags]
    """Of each rule, whether it is about the row, as far as known."""
    unknown: list[_Flags]
    """Of each rule, whether that cannot be said."""
    shown: Mapping[Element, _Flags]
    """Of each element, whether the row declares it."""


def _answers(rows: pl.DataFrame, pack: PolicyPack, rules: Sequence[ElementsRule]) -> _Answers:
    if not rules:
        return _Answers(fits=[], unknown=[], shown={})
    # Each element once: many rules ask for the same.
    elements = list(dict.fromkeys(element for rule in rules for element in rule.elements))
    fits = rows.select(
        applies(pack.days(rule), rule.applies).alias(str(n)) for n, rule in enumerate(rules)
    )
    shown = rows.select(declared(element).alias(str(n)) for n, element in enumerate(elements))
    known = fits.select(pl.all().fill_null(value=False))
    unknown = fits.select(pl.all().is_null())
    return _Answers(
        fits=[column.to_numpy() for column in known],
        unknown=[column.to_numpy() for column in unknown],
        shown={element: column.to_numpy() for element, column in zip(elements, shown, strict=True)},
    )


def _either(flags: Iterable[_Flags], height: int) -> _Flags:
    found = np.zeros(height, np.bool_)
    for one in flags:
        found |= one
    return found


def _masks(what: str, flags: Sequence[_Flags], height: int) -> dict[str, NDArray[np.int64]]:
    """`flags` as whole numbers, one bit each: rows with the same answers share one list."""
    masks = {}
    for word, start in enumerate(range(0, max(len(flags), 1), _BITS)):
        mask = np.zeros(height, np.int64)
        for bit, flag in enumerate(flags[start : start + _BITS]):
            mask |= flag.astype(np.int64) << bit
        masks[f"{what}{word}"] = mask
    return masks


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


def _none_of_channel(pack: PolicyPack) -> pl.Expr:
    return pl.format(
        "{} requires no elements of channel {}",
        pl.lit(pack.name),
        pl.col("channel").fill_null("not given"),
    )


def _doubts(
    rows: pl.DataFrame,
    told: _Answers,
    complete: _Flags,
    rules: Sequence[ElementsRule],
    nothing: pl.Expr,
) -> pl.DataFrame:
    """Why it cannot be said of a row that it declares all, of the rows where it cannot.

    Args:
        rows: As `missing_elements` has them.
        told: What they say to `rules`.
        complete: Of each row, whether nothing is missing as far as known.
        rules: Those that may be about one of the rows.
        nothing: What is said where none is about the row.

    Returns:
        Such rows, with `elements_not_assessed`.
    """
    unsure = _either(told.unknown, rows.height)
    asked = _either(told.fits, rows.height)
    is_open = complete & (unsure | ~asked)
    if not is_open.any():
        return rows.clear().with_columns(pl.lit(None, pl.String).alias("elements_not_assessed"))
    first = np.where(unsure, np.argmax([*told.unknown, ~unsure], axis=0), -1)
    rule = pl.col("\x00rule")
    why = first_of(
        [rule == n for n in range(len(rules))], [lacking(one.applies) for one in rules], nothing
    )
    numbered = rows.with_columns(pl.Series("\x00rule", first)).filter(pl.Series(is_open))
    return numbered.with_columns(why.alias("elements_not_assessed"))
