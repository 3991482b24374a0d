"""A scorecard as a table, as JSON and as one page."""

import datetime
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from parcelscope.datasets.writing import write_text_whole
from parcelscope.pipelines.manifest_measures import PARTS, Group, Measure, Part, Scorecard
from parcelscope.pipelines.pages import page_environment

PAGE: Final = "manifest_scorecard.html"
_MOST_COLUMNS = 5
"""Groups side by side in a terminal; the page and the JSON have all."""
_WIDTH = 140
"""Characters of a table that goes to a file or a pipe."""


def as_json(scorecard: Scorecard) -> dict[str, Any]:
    """The scorecard for programs: what was not assessed has no share, and says why."""
    return {
        "sources": list(scorecard.sources),
        "on": scorecard.day.isoformat(),
        "rules": scorecard.rules,
        "rejected": scorecard.rejected,
        "groups": [
            {
                "kind": group.kind,
                "name": group.name,
                "rows": group.rows,
                "median_lead_h": group.median_lead_h,
                "measures": [asdict(measure) for measure in group.measures],
            }
            for group in scorecard.groups
        ],
    }


def print_scorecard(scorecard: Scorecard) -> None:
    """Print the whole feed and its channels side by side, then its sources."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=_WIDTH)
    console.print(Text(head_line(scorecard)))
    columns = [group for group in scorecard.groups if group.kind in ("feed", "channel")]
    sources = [group for group in scorecard.groups if group.kind in ("format", "file")]
    for part, title in PARTS.items():
        console.print(_table(part, title, columns[:_MOST_COLUMNS]))
    if len(sources) > 1:
        console.print(Text("By source"))
        for part, title in PARTS.items():
            console.print(_table(part, title, sources[:_MOST_COLUMNS]))
    if max(len(columns), len(sources)) > _MOST_COLUMNS:
        console.print(Text("More groups are in --json and --html."))


def write_page(scorecard: Scorecard, path: Path) -> None:
    """Write the scorecard as one page that needs nothing else."""
    write_text_whole(path, render(scorecard))


def render(scorecard: Scorecard) -> str:
    """The page. All text of manifests is escaped."""
    kinds = {
        "channel": "Mail and express side by side",
        "format": "By form of the source",
        "file": "By file",
    }
    feed = [group for group in scorecard.groups if group.kind == "feed"]
    sections = []
    for kind, title in kinds.items():
        groups = [group for group in scorecard.groups if group.kind == kind]
        if not groups:
            continue
        shown = feed + groups if kind == "channel" else groups
        sections.append({"kind": kind, "title": title, "groups": shown, "parts": _parts(shown)})
    return (
        page_environment()
        .get_template(PAGE)
        .render(
            head=head_line(scorecard),
            scorecard=scorecard,
            totals=_totals(scorecard),
            sections=sections,
            made=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )


def head_line(scorecard: Scorecard) -> str:
    """What was judged, by which rules."""
    rejected = f"; {scorecard.rejected:,} could not be read" if scorecard.rejected else ""
    return (
        f"{', '.join(scorecard.sources)}: {scorecard.groups[0].rows:,} parcels{rejected}; elements"
        f" of list {scorecard.rules} in force on {scorecard.day.isoformat()}"
    )


def told(measure: Measure) -> str:
    """The share with its interval and the rows behind it, or why there is none."""
    if measure.share is None or measure.low is None or measure.high is None:
        return f"not assessed: {measure.why_not}"
    return f"{_percent(measure.share)} ({_percent(measure.low)}-{_percent(measure.high)})"


def _percent(share: float) -> str:
    # 100 % is said of all rows only, and 0 % of none.
    if 0 < share < 1:
        return f"{min(max(100 * share, 0.1), 99.9):.1f}"
    return f"{100 * share:.0f}"


def _table(part: Part, title: str, groups: list[Group]) -> Table:
    table = Table(title=f"{title}, % (95 % interval), rows", title_justify="left")
    table.add_column("", ratio=3, overflow="fold")
    for group in groups:
        table.add_column(Text(f"{group.name}\n{group.rows:,} rows"), ratio=2, overflow="fold")
    for index, first in enumerate(groups[0].measures):
        if first.part != part:
            continue
        cells = []
        for group in groups:
            measure = group.measures[index]
            count = f" {measure.rows:,}" if measure.share is not None else ""
            cells.append(Text(told(measure) + count))
        table.add_row(Text(first.title), *cells)
    if part == "timeliness":
        leads = [
            Text("not assessed" if one.median_lead_h is None else f"{one.median_lead_h:.1f} h")
            for one in groups
        ]
        table.add_row(Text("Median lead of the data"), *leads)
    return table


def _parts(groups: list[Group]) -> list[dict[str, Any]]:
    """Rows of the page's tables: each measure with its cell in each group."""
    parts = []
    for part, title in PARTS.items():
        rows = [
            {
                "title": first.title,
                "citation": first.citation,
                "cells": [_cell(group.measures[index]) for group in groups],
            }
            for index, first in enumerate(groups[0].measures)
            if first.part == part
        ]
        leads = [
            "not assessed" if one.median_lead_h is None else f"{one.median_lead_h:.1f} h"
            for one in groups
        ]
        parts.append({"part": part, "title": title, "rows": rows,
                      "leads": leads if part == "timeliness" else []})  # fmt: skip
    return parts


def _cell(measure: Measure) -> dict[str, Any]:
    if measure.share is None or measure.low is None or measure.high is None:
        return {"why_not": measure.why_not}
    return {
        "why_not": "",
        "words": _percent(measure.share),
        "interval": f"{_percent(measure.low)} to {_percent(measure.high)}",
        "rows": measure.rows,
        "width": round(100 * measure.share, 2),
        "left": round(100 * measure.low, 2),
        "span": round(max(100 * (measure.high - measure.low), 0.5), 2),
        "is_worse_when_high": measure.part == "vagueness",
    }


def _totals(scorecard: Scorecard) -> list[tuple[str, str, str]]:
    """The figures at the head of the page: mail and express, complete rows of all."""
    totals = []
    for group in scorecard.groups:
        if group.kind not in ("feed", "channel"):
            continue
        shares = [
            m.share for m in group.measures if m.part == "completeness" and m.share is not None
        ]
        words = "not assessed" if not shares else f"{_percent(sum(shares) / len(shares))} %"
        what = "no rows" if not group.rows else f"of elements said, mean over {len(shares)}"
        totals.append((f"{group.name}, {group.rows:,} rows", words, what))
    return totals
