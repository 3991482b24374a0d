"""Indicators and their packs in words, and as JSON."""

import inspect
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel

from parcelscope.datasets.feed import OWNER_KIND, Feed
from parcelscope.datasets.records import OwnerKind, findings_frame, not_assessed_frame
from parcelscope.datasets.schema import CARTONS, IMAGES, PARCELS, STEP_WEDGES
from parcelscope.datasets.tables import ROW, empty_table, no_rejections
from parcelscope.pipelines.check_words import check_words
from parcelscope.pipelines.indicator_examples import EXAMPLES
from parcelscope.screening.config import Grades
from parcelscope.screening.indicator_pack import Indicators
from parcelscope.screening.indicators.evidence import KEYS, Evidence
from parcelscope.screening.indicators.registry import CODES, INDICATORS
from parcelscope.screening.pack_file import IndicatorPack, Rule
from parcelscope.screening.policy import PolicyConfig, load_policies
from parcelscope.screening.standing import Standing

Line = tuple[str, Rule]
"""A code and the entry that it is looked for by."""
_SHOWN_VALUES = 6


def lines_of(indicators: Indicators, on: date | None) -> list[Line]:
    """Every code with each of its entries, or with the one in force `on` that day, by code."""
    order = list(CODES)
    return sorted(
        (
            (code, rule)
            for rule in indicators.rules
            if on is None or rule.holds(on)
            for code in rule.codes
        ),
        key=lambda line: (order.index(line[0]), line[1].first),
    )


def list_lines(lines: Sequence[Line]) -> Iterator[str]:
    """A line for each code and entry."""
    yield f"{'code':<20} {'of':<14} {'severity':<8} {'version':<13} {'looks at'}"
    for code, rule in lines:
        when = "" if rule.effective is None else f", {rule.when}"
        yield (
            f"{code:<20} {', '.join(CODES[code]):<14} {rule.severity:<8}"
            f" {f'{rule.pack} {rule.version}':<13} {check_words(code)}{when}"
        )


def as_json(lines: Sequence[Line]) -> list[dict[str, Any]]:
    """What `list_lines` says and the parameters, for programs."""
    return [
        {
            "code": code,
            "looks_at": check_words(code),
            "of": list(CODES[code]),
            "severity": rule.severity,
            "pack": rule.pack,
            "version": rule.version,
            "effective": None
            if rule.effective is None
            else rule.effective.model_dump(mode="json", by_alias=True),
            "citation": rule.citation,
            "max_likelihood_ratio": rule.max_likelihood_ratio,
            "parameters": rule.parameters.model_dump(mode="json"),
        }
        for code, rule in lines
    ]


def explain_lines(code: str, rules: Sequence[Rule]) -> Iterator[str]:
    """All there is to say about `code`, by each of `rules`."""
    indicator = INDICATORS[rules[0].indicator]
    yield f"{code}: {check_words(code)}"
    yield f"Said of: {', '.join(CODES[code])}"
    yield ""
    yield from (inspect.getdoc(indicator.run) or "").splitlines()
    yield ""
    if code in EXAMPLES:
        yield f"For example: {EXAMPLES[code]}"
    reasons = dict.fromkeys(_reason_of_nothing(kind, code, rules[0]) for kind in CODES[code])
    yield f"Not assessed where nothing is known, since {'; '.join(reasons)}."
    yield "What it says is a reason to look, not a verdict."
    for rule in rules:
        yield ""
        yield (f"{rule.pack} version {rule.version}, severity {rule.severity}, {rule.when}")
        yield f"  Rests on: {rule.citation}"
        if rule.max_likelihood_ratio is not None:
            yield f"  Imported: no finding counts for more than {rule.max_likelihood_ratio:g}"
        shared = [other for other in rule.codes if other != code]
        if shared:
            yield f"  Parameters, with {', '.join(shared)}:"
        else:
            yield "  Parameters:"
        yield from (f"    {line}" for line in _parameter_lines(rule.parameters))


def pack_lines(pack: IndicatorPack) -> Iterator[str]:
    """What a pack that was read and fits is."""
    codes = sum(len(rule.codes) for rule in pack.rules)
    yield f"{pack.name} version {pack.version}: {pack.title}"
    yield f"  {len(pack.rules)} entries, {codes} codes, all fit; SHA-256 {pack.digest}"
    if pack.max_likelihood_ratio is not None:
        yield f"  imported: no finding counts for more than {pack.max_likelihood_ratio:g}"


def _parameter_lines(parameters: BaseModel) -> Iterator[str]:
    """Each parameter; likelihood ratios as a small table."""
    for name, value in parameters:
        if isinstance(value, Grades):
            at = [f"{x:g}" for x in value.at]
            ratios = [f"{x:g}" for x in value.likelihood_ratio]
            width = max(map(len, (*at, *ratios)))
            yield f"{name}:"
            yield "  from              " + "  ".join(f"{x:>{width}}" for x in at)
            yield "  likelihood ratio  " + "  ".join(f"{x:>{width}}" for x in ratios)
        elif isinstance(value, tuple) and len(value) > _SHOWN_VALUES:
            shown = ", ".join(str(one) for one in value[:_SHOWN_VALUES])
            yield f"{name}: {len(value)} values: {shown}, …"
        elif isinstance(value, dict):
            yield f"{name}: {', '.join(f'{key} {one}' for key, one in value.items())}"
        elif isinstance(value, tuple):
            yield f"{name}: {', '.join(str(one) for one in value)}"
        else:
            yield f"{name}: {value}"


def _reason_of_nothing(kind: OwnerKind, code: str, rule: Rule) -> str:
    """What the indicator answers of a parcel, or carton, that has an id and nothing else."""
    tables = {schema.name: empty_table(schema) for schema in (PARCELS, CARTONS, STEP_WEDGES)}
    name = f"{kind}s"
    one = pl.DataFrame({KEYS[kind]: ["X"], ROW: [1]})
    tables[name] = pl.concat([tables[name], one], how="diagonal")
    feed = Feed(
        root=Path(),
        **tables,
        images=empty_table(IMAGES).with_columns(pl.lit(None, pl.String).alias(OWNER_KIND)),
        rejected=no_rejections(),
        notes=no_rejections(),
        rows={name: 1},
    )
    evidence = Evidence(
        feed=feed,
        findings=findings_frame(()),
        not_assessed=not_assessed_frame(()),
        standing=Standing(policies=load_policies(PolicyConfig())),
    )
    outcome = INDICATORS[rule.indicator].run(evidence, rule.parameters)
    reasons = outcome.not_assessed.filter(pl.col("check") == code)["reason"]
    return str(reasons[0]) if len(reasons) else "nothing was found"
