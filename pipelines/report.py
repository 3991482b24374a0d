"""The report of a run: one page that holds all it shows, and asks nobody for anything."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.datasets.writing import write_text_whole
from parcelscope.models.bundle import Bundle
from parcelscope.pipelines.calibration_words import scanner_lines, uncalibrated_notice
from parcelscope.pipelines.charts import Histogram, Row, Tick, ranked, risk_histogram, tick
from parcelscope.pipelines.check_words import named
from parcelscope.pipelines.flag_cards import (
    TABLE_OF,
    FlagLine,
    flag_cards,
    flag_lines,
    shortened,
)
from parcelscope.pipelines.pages import page_environment
from parcelscope.pipelines.progress import duration
from parcelscope.pipelines.run_folder import Run, TableCounts
from parcelscope.pipelines.run_summary import arm_counts
from parcelscope.screening.budget import budget_words
from parcelscope.screening.config import ScreeningConfig

MOST_QUARANTINE_ROWS = 50
REASONS_PER_CHECK = 3
_FILE_BEFORE_REASON = r"^\S+\.[A-Za-z0-9]{2,5}: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """One figure at the head of the page."""

    name: str
    value: str
    note: str
    accent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HistogramChart:
    """Risks of all parcels, or of all cartons."""

    title: str
    note: str
    histogram: Histogram
    ticks: tuple[Tick, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarChart:
    """A ranked list."""

    title: str
    note: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """One row or image that could not be read."""

    where: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unassessed:
    """One reason why a check could not be made, and on how many."""

    check: str
    reason: str
    count: int


def write_report(path: Path, run: Run, feed: Feed, bundle: Bundle, config: ScreeningConfig) -> None:
    """Write the report of `run` on `feed` to `path`, whole or not at all."""
    write_text_whole(path, render_report(run, feed, bundle, config))


def render_report(run: Run, feed: Feed, bundle: Bundle, config: ScreeningConfig) -> str:
    """The report as HTML. All text of the feed is escaped; pictures are read from the feed."""
    lines = flag_lines(run, feed)
    scanners = scanner_lines(feed, bundle)
    return (
        page_environment()
        .get_template("report.html")
        .render(
            run_id=run.card.run_id,
            feed_name=Path(run.card.feed).name or run.card.feed,
            created=run.card.created.replace("T", " ").replace("+00:00", " UTC"),
            lead=lead(run),
            bundle_name=bundle.name,
            bundle_notes=bundle.notes,
            totals=totals(run),
            histograms=tuple(_histograms(run, config)),
            bars=tuple(_bars(run)),
            flags=lines,
            in_full=sum(line.in_full for line in lines),
            arms_note=arms_note(lines),
            cards=flag_cards(run, feed, lines, bundle, config),
            unread=_unread(run),
            unread_count=run.quarantine.height,
            unassessed=_unassessed(run),
            scanners=scanners,
            uncalibrated=uncalibrated_notice(scanners, config.uncalibrated),
            facts=tuple(_facts(run, bundle)),
        )
    )


def lead(run: Run) -> str:
    """The result in one sentence."""
    counts = run.card.counts
    kinds = run.flags.get_column("owner_kind")
    parcels = int((kinds == "parcel").sum())
    found = [f"{parcels:,} of {_things(counts.parcels.assessed, 'parcel')}"]
    if counts.cartons.assessed:
        cartons = run.flags.height - parcels
        found.append(f"{cartons:,} of {_things(counts.cartons.assessed, 'master carton')}")
    budget = budget_words(run.card.budget)
    text = f"Proposed for opening: {' and '.join(found)}, at a budget of {budget}"
    drawn = counts.flagged_random
    if not drawn:
        return f"{text}."
    be = "was" if drawn == 1 else "were"
    return f"{text}; {drawn:,} of the {run.flags.height:,} {be} drawn at random."


def totals(run: Run) -> tuple[Total, ...]:
    """The figures at the head of the page."""
    counts, seconds = run.card.counts, run.card.total_s
    assessed = counts.parcels.assessed + counts.cartons.assessed
    rate = f"{assessed / seconds:,.1f} per second" if seconds else ""
    return (
        Total(
            name="Flagged",
            value=f"{run.flags.height:,}",
            note=arm_counts(counts),
            accent=True,
        ),
        _table_total("Parcels", counts.parcels),
        _table_total("Master cartons", counts.cartons),
        _table_total("Images", counts.images),
        Total(name="Time", value=duration(seconds), note=rate),
    )


def arms_note(lines: tuple[FlagLine, ...]) -> str:
    """How the flagged came to be flagged, in words."""
    arms = {line.arm for line in lines}
    text = "Targeted ones promise most per officer-minute."
    if "uncertain" in arms:
        text += " Uncertain ones lie near where targeting stops, or too little of them is known."
    if "random" in arms:
        text += (
            " Random ones were drawn whatever their risk, so that what the targeting misses can be"
            " estimated."
        )
    return f"{text} Risk is the calibrated chance of a discrepancy worth an inspection."


def _table_total(name: str, counts: TableCounts) -> Total:
    parts = [f"{counts.assessed:,} assessed"]
    if counts.degraded:
        parts.append(f"{counts.degraded:,} degraded")
    if counts.missing:
        parts.append(f"{counts.missing:,} missing")
    parts.append(f"{counts.quarantined:,} quarantined")
    return Total(name=name, value=f"{counts.rows:,}", note=", ".join(parts))


def _histograms(run: Run, config: ScreeningConfig) -> Iterator[HistogramChart]:
    ticks = (
        tick(config.bands.look, "look", before=True),
        tick(config.bands.inspect, "inspect"),
    )
    kinds: tuple[tuple[OwnerKind, str], ...] = (
        ("parcel", "Risk of the parcels"),
        ("carton", "Risk of the master cartons"),
    )
    for kind, title in kinds:
        table, key = TABLE_OF[kind]
        frame: pl.DataFrame = getattr(run, table)
        scored = frame.filter(pl.col("risk").is_not_null())
        if scored.is_empty():
            continue
        flagged = run.flags.filter(pl.col("owner_kind") == kind).get_column("owner_id")
        histogram = risk_histogram(
            scored.get_column("risk").to_numpy(),
            scored.get_column(key).is_in(flagged.implode()).to_numpy(),
        )
        yield HistogramChart(
            title=title,
            note=f"{scored.height:,} scored; the coloured part is flagged. Heights go with the"
            f" square root of the number; the highest column holds {histogram.highest:,}.",
            histogram=histogram,
            ticks=ticks,
        )


def _bars(run: Run) -> Iterator[BarChart]:
    codes = pl.concat(
        [frame.select(pl.col("reason_codes").explode()) for frame in (run.parcels, run.cartons)]
    ).drop_nulls()
    yield BarChart(
        title="Reasons",
        note="How many parcels and cartons each reason was reported for, flagged or not.",
        rows=ranked(_named(_counted(codes, "reason_codes"))),
    )
    checks = run.not_assessed.select("owner_kind", "owner_id", "check").unique()
    yield BarChart(
        title="Not assessed",
        note="On how many parcels and cartons each check could not be made.",
        rows=ranked(_named(_counted(checks, "check")), most=16),
    )
    if run.quarantine.is_empty():
        return
    yield BarChart(
        title="Quarantined",
        note="Rows and images that could not be read, by what is wrong with them.",
        rows=ranked(_counted(run.quarantine, "code")),
    )


def _counted(frame: pl.DataFrame, column: str) -> list[tuple[str, int]]:
    counts = frame.get_column(column).fill_null("unnamed").value_counts()
    return [(str(name), int(count)) for name, count in counts.iter_rows()]


def _named(values: list[tuple[str, int]]) -> list[tuple[str, int]]:
    return [(named(code), count) for code, count in values]


def _unread(run: Run) -> tuple[Unread, ...]:
    rows = run.quarantine.sort("table", "row").head(MOST_QUARANTINE_ROWS)
    return tuple(
        Unread(
            where=shortened(row["path"] or f"{row['table']} row {row['row']}"),
            message=shortened(row["message"] or row["code"] or ""),
        )
        for row in rows.iter_rows(named=True)
    )


def _unassessed(run: Run) -> tuple[Unassessed, ...]:
    """The commonest reasons of each check, then how many had another."""
    # The same reason on a thousand scans is one line here; the file is named on the parcel's card.
    reason = pl.col("reason").str.replace(_FILE_BEFORE_REASON, "")
    rows = run.not_assessed.with_columns(reason).unique()
    found: list[Unassessed] = []
    for check, count in sorted(_counted(rows, "check"), key=lambda item: (-item[1], item[0])):
        reasons = sorted(
            _counted(rows.filter(pl.col("check") == check), "reason"),
            key=lambda item: (-item[1], item[0]),
        )
        found += [
            Unassessed(check=named(check), reason=shortened(text), count=n)
            for text, n in reasons[:REASONS_PER_CHECK]
        ]
        rest = count - sum(n for _, n in reasons[:REASONS_PER_CHECK])
        if rest:
            found.append(Unassessed(check=named(check), reason="other reasons", count=rest))
    return tuple(found)


def _facts(run: Run, bundle: Bundle) -> Iterator[tuple[str, str]]:
    card = run.card
    yield "Bundle", f"{bundle.name} {bundle.version}, digest {card.bundle.digest}"
    yield "Trained on", bundle.training_data
    yield "Feed", card.feed
    yield "Budget", budget_words(card.budget)
    yield "Seed", str(card.seed)
    yield "Workers", str(card.workers)
    yield "Times", ", ".join(f"{name} {duration(s)}" for name, s in card.timings_s.items())
    yield "Versions", ", ".join(f"{name} {value}" for name, value in card.versions.items())


def _things(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
