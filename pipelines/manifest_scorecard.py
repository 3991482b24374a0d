"""Mail and express manifests judged by the same rules: complete, valid, plain, in time."""

import datetime
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from parcelscope.datasets.errors import ConfigError, FeedError
from parcelscope.datasets.feed import Feed, find_table, read_feed
from parcelscope.datasets.feed_urls import feed_url
from parcelscope.datasets.manifests.entries import Format
from parcelscope.datasets.manifests.reading import read_manifests
from parcelscope.datasets.polars_faults import POLARS_FAULTS
from parcelscope.datasets.records import FINDING_SCHEMA, NOT_ASSESSED_SCHEMA
from parcelscope.datasets.schema import CARTONS, IMAGES, STEP_WEDGES
from parcelscope.datasets.tables import empty_table, no_rejections
from parcelscope.pipelines.manifest_convert import PROVENANCE
from parcelscope.pipelines.manifest_elements import Element, ElementList, shipped_elements
from parcelscope.pipelines.manifest_measures import (
    Group,
    GroupKind,
    Measure,
    Part,
    Scorecard,
    wilson,
)
from parcelscope.pipelines.manifest_validity import VALIDITY_CHECKS, judged
from parcelscope.screening.indicator_pack import load_pack
from parcelscope.screening.indicators.description import (
    DescriptionParameters,
    vague_descriptions,
)
from parcelscope.screening.indicators.evidence import Evidence

_MOST_FILES = 12
"""Files that get a column each; more of them are summed up by their form only."""


def scorecard_of(
    sources: Sequence[Path],
    *,
    day: datetime.date,
    form: Format | None = None,
    fill: dict[str, str] | None = None,
) -> Scorecard:
    """The scorecard of a feed folder, or of manifests.

    Raises:
        FeedError: If a source cannot be read, or no row was.
    """
    parcels, origins, rejected = _rows(sources, form, fill)
    if parcels.is_empty():
        names = ", ".join(str(source) for source in sources)
        raise FeedError(f"{names}: expected a parcel to judge, got none")
    rules = shipped_elements()
    marked = _marked(parcels, rules, day)
    frame = marked.join(origins, on="parcel_id", how="left", maintain_order="left")
    return Scorecard(
        sources=tuple(str(source) for source in sources),
        day=day,
        rules=rules.version,
        rejected=rejected,
        groups=tuple(
            _group(kind, name, rows, rules, day) for kind, name, rows in _groups(frame, rules)
        ),
    )


def day_named(text: str | None) -> datetime.date:
    """The day in `text`, or today.

    Raises:
        ConfigError: If it is none.
    """
    if text is None:
        return datetime.datetime.now(datetime.UTC).date()
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"--on must be a date like 2026-01-31, got {text!r}") from None


def _rows(
    sources: Sequence[Path], form: Format | None, fill: dict[str, str] | None
) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """The parcels, the file and form that each is from, and how many rows were rejected."""
    only = sources[0] if len(sources) == 1 else None
    if only is not None and form is None and not fill and _is_feed(only):
        feed = read_feed(only)
        return feed.parcels.drop("row"), _origins_beside(only), feed.rejected.height
    manifests = read_manifests(sources, form=form, fill=fill)
    return manifests.parcels, manifests.origins, manifests.rejected


def _is_feed(folder: Path) -> bool:
    if feed_url(str(folder)) is not None:
        return True
    return folder.is_dir() and find_table(folder, "parcels") is not None


def _origins_beside(folder: Path) -> pl.DataFrame:
    """`parcel_id` with `file` and `format`, as a conversion wrote them; empty for other feeds."""
    parts = sorted((folder / PROVENANCE).glob("part-*.parquet"))
    schema = {"parcel_id": pl.String(), "file": pl.String(), "format": pl.String()}
    if not parts:
        return pl.DataFrame(schema=schema)
    named = (pl.col("table") == "parcels") & (pl.col("field") == "parcel_id")
    try:
        found = pl.scan_parquet(parts).filter(named).select("key", "file", "format").collect()
    except POLARS_FAULTS as error:
        told = " ".join(str(error).split())[:200]
        raise FeedError(f"{folder / PROVENANCE}: expected origins of values, got: {told}") from None
    return found.rename({"key": "parcel_id"}).unique("parcel_id", maintain_order=True)


def _marked(parcels: pl.DataFrame, rules: ElementList, day: datetime.date) -> pl.DataFrame:
    """`parcel_id`, `channel`, and a column with true, false or null for each measure."""
    columns: dict[str, pl.Series] = {}
    for element in rules.elements:
        if element.citations(day):
            says = parcels.select(_says(element)).to_series()
            columns[f"completeness.{element.code}"] = says
    for check in VALIDITY_CHECKS:
        columns[f"validity.{check.code}"] = judged(parcels, check)
    columns["vagueness.description"] = _vague(parcels)
    lead = (pl.col("arrived_at") - pl.col("data_received_at")).dt.total_seconds() / 3600
    words = {word: name for name, others in rules.channels.items() for word in others}
    channel = pl.col("channel").str.strip_chars().str.to_lowercase()
    return parcels.select(
        "parcel_id",
        channel.replace(words).alias("channel"),
        (lead > rules.minimum_lead_h).alias("timeliness.before_arrival"),
        lead.alias("lead_h"),
    ).with_columns(values.alias(name) for name, values in columns.items())


def _says(element: Element) -> pl.Expr:
    def filled(name: str) -> pl.Expr:
        column = pl.col(name)
        if element.pattern is not None:
            digits = column.str.replace_all(r"[.\s-]", "")
            return digits.str.contains(element.pattern).fill_null(value=False)
        return column.is_not_null()

    return pl.any_horizontal(
        pl.all_horizontal(filled(name) for name in group) for group in element.any_of
    )


def _vague(parcels: pl.DataFrame) -> pl.Series:
    """True where the description indicator finds one vague; null where there is none."""
    rule = next(rule for rule in load_pack("base").rules if rule.indicator == "description")
    if not isinstance(rule.parameters, DescriptionParameters):
        raise ConfigError("indicator pack base: description has parameters of another kind")
    feed = Feed(
        root=Path(),
        parcels=parcels,
        cartons=empty_table(CARTONS),
        images=empty_table(IMAGES),
        step_wedges=empty_table(STEP_WEDGES),
        rejected=no_rejections(),
        notes=no_rejections(),
        rows={},
    )
    evidence = Evidence(
        feed=feed,
        findings=pl.DataFrame(schema=FINDING_SCHEMA),
        not_assessed=pl.DataFrame(schema=NOT_ASSESSED_SCHEMA),
    )
    found = vague_descriptions(evidence, rule.parameters).findings.get_column("owner_id")
    described = pl.col("description").str.strip_chars() != ""
    return parcels.select(
        pl.when(described).then(pl.col("parcel_id").is_in(found.implode())).alias("vague")
    ).to_series()


def _groups(frame: pl.DataFrame, rules: ElementList) -> list[tuple[GroupKind, str, pl.DataFrame]]:
    groups: list[tuple[GroupKind, str, pl.DataFrame]] = [("feed", "all rows", frame)]
    present = frame.get_column("channel").drop_nulls().unique().sort().to_list()
    for name in [*rules.channels, *(name for name in present if name not in rules.channels)]:
        groups.append(("channel", name, frame.filter(pl.col("channel") == name)))
    unnamed = frame.filter(pl.col("channel").is_null())
    if not unnamed.is_empty():
        groups.append(("channel", "no channel named", unnamed))
    for kind in ("format", "file"):
        names = frame.get_column(kind).drop_nulls().unique().sort().to_list()
        if names and (kind == "format" or 1 < len(names) <= _MOST_FILES):
            groups += [(kind, name, frame.filter(pl.col(kind) == name)) for name in names]
    return groups


def _group(
    kind: GroupKind,
    name: str,
    rows: pl.DataFrame,
    rules: ElementList,
    day: datetime.date,
) -> Group:
    measures = [
        _measure(rows, "completeness", one.code, one.title, "; ".join(citations), "")
        for one in rules.elements
        if (citations := one.citations(day))
    ]
    measures += [
        _measure(rows, "validity", one.code, one.title, one.standard,
                 f"no {one.column} of a form that is judged")
        for one in VALIDITY_CHECKS
    ]  # fmt: skip
    measures.append(
        _measure(rows, "vagueness", "description", "Vague descriptions",
                 "indicator U8.description", "no row has a description")
    )  # fmt: skip
    measures.append(
        _measure(rows, "timeliness", "before_arrival",
                 f"Data came more than {rules.minimum_lead_h:g} hours before the parcel",
                 "data_received_at against arrived_at", "no row says when both came")
    )  # fmt: skip
    lead = rows.get_column("lead_h").median()
    return Group(
        kind=kind,
        name=name,
        rows=rows.height,
        measures=tuple(measures),
        median_lead_h=float(lead) if isinstance(lead, float) else None,
    )


def _measure(
    rows: pl.DataFrame, part: Part, code: str, title: str, citation: str, why_not: str
) -> Measure:
    marks = rows.get_column(f"{part}.{code}").drop_nulls()
    total, count = len(marks), int(marks.sum())
    low, high = wilson(count, total) if total else (None, None)
    return Measure(
        part=part,
        code=code,
        title=title,
        citation=citation,
        rows=total,
        count=count,
        share=count / total if total else None,
        low=low,
        high=high,
        why_not="" if total else "no rows" if rows.is_empty() else why_not,
    )
