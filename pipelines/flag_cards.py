"""The flagged parcels and cartons as the report shows them: a line in the list, a card in full."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from parcelscope.datasets.feed import Feed
from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.photo_authenticity import ZONE
from parcelscope.models.bundle import Bundle
from parcelscope.pipelines.check_words import named
from parcelscope.pipelines.comparisons import Comparison, Known, comparisons
from parcelscope.pipelines.gallery import Gallery, gallery_of
from parcelscope.pipelines.reference_pictures import Compared, comparisons_of
from parcelscope.pipelines.run_folder import Run
from parcelscope.pipelines.tier_accounts import tier_words
from parcelscope.screening.budget import Budget, budget_words
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.indicators.anomaly import reported_anomalies
from parcelscope.screening.indicators.evidence import Evidence
from parcelscope.screening.indicators.items import reported_items

Row = dict[str, Any]
Key = tuple[OwnerKind, str]

FULL_FLAGS = 60
"""Flags shown with their pictures; the page stays small enough to mail."""
CARRIED_NAMED = 6
"""Parcels named on the card of the carton that they come with, riskiest first."""
SHOWN_CHARACTERS = 160
"""Of a declared text. Manifest rows come from outside, and some are a page long."""

KIND_WORDS: dict[OwnerKind, str] = {"parcel": "parcel", "carton": "master carton"}
BAND_WORDS = {"clear": "○ clear", "look": "◐ look", "inspect": "● inspect"}
"""Sign and word, as colour alone must never carry the meaning."""
TABLE_OF: dict[OwnerKind, tuple[str, str]] = {
    "parcel": ("parcels", "parcel_id"),
    "carton": ("cartons", "carton_id"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagLine:
    """One flag in the list."""

    number: int
    """Place in the list, from 1."""
    kind: OwnerKind
    owner_id: str
    description: str
    risk: float | None
    band: str
    arm: str
    propensity: float
    reasons: tuple[str, ...]
    in_full: bool
    """Whether there is a card for it."""

    @property
    def anchor(self) -> str:
        """Where its card is on the page."""
        return f"flag-{self.number}"

    @property
    def kind_words(self) -> str:
        """`parcel` or `master carton`."""
        return KIND_WORDS[self.kind]

    @property
    def band_words(self) -> str:
        """The advice with its sign."""
        return BAND_WORDS.get(self.band, "not scored")

    @property
    def risk_percent(self) -> int:
        """The risk as a length, 0 to 100."""
        return round(100 * (self.risk or 0.0))

    @property
    def risk_words(self) -> str:
        """The risk as a number."""
        return "not scored" if self.risk is None else f"{self.risk:.1%}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagCard:
    """One flag in full."""

    line: FlagLine
    gallery: Gallery
    references: tuple[Compared, ...]
    """Photos beside the genuine packaging that they differ from."""
    comparisons: tuple[Comparison, ...]
    not_assessed: tuple[str, ...]
    """Sentences: the check in words, and why it could not be made."""
    arm_words: str


def flag_lines(run: Run, feed: Feed) -> tuple[FlagLine, ...]:
    """The flags of `run`, highest risk first; each kind keeps the order of its ranks."""
    manifest = _manifest(run, feed)
    bands = _column_by_owner(run, "band")
    ordered = run.flags.sort(
        "risk", "owner_kind", "rank", descending=[True, False, False], nulls_last=True
    )
    lines = []
    for number, flag in enumerate(ordered.iter_rows(named=True), start=1):
        key: Key = (flag["owner_kind"], flag["owner_id"])
        lines.append(
            FlagLine(
                number=number,
                kind=flag["owner_kind"],
                owner_id=flag["owner_id"],
                description=shortened(manifest[key].get("description") or ""),
                risk=flag["risk"],
                band=bands[key] or "",
                arm=flag["arm"],
                propensity=flag["propensity"],
                reasons=tuple(flag["reasons"] or ()),
                in_full=number <= FULL_FLAGS,
            )
        )
    return tuple(lines)


def flag_cards(
    run: Run, feed: Feed, lines: Sequence[FlagLine], bundle: Bundle, config: ScreeningConfig
) -> Iterator[FlagCard]:
    """A card for each of `lines` that is shown in full; pictures are read as each is asked for."""
    manifest = _manifest(run, feed)
    left_open = _column_by_owner(run, "not_assessed")
    flagged = run.flags.select("owner_kind", "owner_id")
    findings = run.findings.join(flagged, on=["owner_kind", "owner_id"], how="semi")
    reported = drawn_findings(feed, findings, run.not_assessed, bundle, config)
    for line in lines:
        if not line.in_full:
            continue
        key = (line.kind, line.owner_id)
        shown = _of_owner(reported, line)
        known = Known(
            kind=line.kind,
            row=manifest[key],
            findings=_of_owner(findings, line).to_dicts(),
            not_assessed=frozenset(_of_owner(run.not_assessed, line).get_column("check")),
            item_shapes=item_shapes(shown),
        )
        if line.kind == "carton":
            known = _with_parcels(known, feed, line.owner_id)
        yield FlagCard(
            line=line,
            gallery=gallery_of(
                _of_owner(feed.images, line),
                _of_owner(run.images, line),
                shown,
                root=feed.root,
                kind=line.kind,
                bundle=bundle,
            ),
            references=comparisons_of(run.folder, _of_owner(findings, line), feed.root),
            comparisons=comparisons(known),
            not_assessed=tuple(_with_words(entry) for entry in left_open[key] or ()),
            arm_words=arm_words(line, run.card.budget)
            + _carried_words(run, feed, line)
            + _tier_words(run, line),
        )


def arm_words(line: FlagLine, budget: float | Budget) -> str:
    """Why this one was chosen, in words."""
    if line.arm == "random":
        return (
            "Drawn at random, whatever its risk. Its chance of coming to an exam was"
            f" {line.propensity:.2%}. What is found in such draws tells without bias how much the"
            " targeting misses."
        )
    sure = "certain" if line.propensity > 0.9999 else f"{line.propensity:.1%} likely"
    if line.arm == "uncertain":
        return (
            "Uncertain: its risk lies near where targeting stops, or so little of it could be"
            " checked that its risk may well lie beyond. Opening it teaches most. It was"
            f" {sure} to be chosen."
        )
    return (
        "Targeted: its risk, for the minutes that opening it takes, is among the highest of the"
        f" run, within the inspection budget of {budget_words(budget)}. It was {sure} to be chosen."
    )


def _carried_words(run: Run, feed: Feed, line: FlagLine) -> str:
    """Which parcels come with a flagged carton."""
    if line.kind != "carton":
        return ""
    inside = feed.parcels.filter(pl.col("carton_id") == line.owner_id).select("parcel_id")
    carried = run.parcels.join(inside, on="parcel_id", how="semi").filter(
        pl.col("verdict") == "assessed"
    )
    if carried.is_empty():
        return ""
    first = carried.sort("risk", "parcel_id", descending=[True, False], nulls_last=True).head(
        CARRIED_NAMED
    )
    named_ = ", ".join(
        f"{name} (risk {'not scored' if risk is None else format(risk, '.1%')})"
        for name, risk in first.select("parcel_id", "risk").iter_rows()
    )
    more = carried.height - first.height
    return (
        f" Its {carried.height:,} parcel{'' if carried.height == 1 else 's'} come with it and have"
        f" no flag of their own: {named_}{f' and {more:,} more' if more else ''}."
    )


def _tier_words(run: Run, line: FlagLine) -> str:
    """What the tier of its trader did to the risk of a flagged parcel."""
    words = tier_words(run.parcels, line.owner_id) if line.kind == "parcel" else ""
    return f" {words}" if words else ""


def shortened(text: str) -> str:
    """`text` on one line, cut where it is longer than anyone reads."""
    line = " ".join(text.split())
    return line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS].rstrip()}…"


def drawn_findings(
    feed: Feed,
    findings: pl.DataFrame,
    not_assessed: pl.DataFrame,
    bundle: Bundle,
    config: ScreeningConfig,
) -> pl.DataFrame:
    """The findings that are drawn: those that the analyst is told of, pieces, and codes."""
    evidence = Evidence(feed=feed, findings=findings, not_assessed=not_assessed)
    code = pl.col("code")
    drawn = findings.filter(
        (code == "pieces.piece") | (code == ZONE) | code.str.starts_with("code.")
    )
    return pl.concat(
        [
            reported_items(evidence, bundle, config),
            reported_anomalies(evidence, config),
            drawn,
        ]
    )


def _with_words(entry: str) -> str:
    """A not-assessed entry `check: reason`, the check in words."""
    check, _, reason = entry.partition(": ")
    return f"{named(check)}: {reason}"


def item_shapes(shown: pl.DataFrame) -> tuple[str, ...]:
    """Names of the shapes among `shown`, the likest first."""
    items = shown.filter(pl.col("code").str.starts_with("item.")).sort("score", descending=True)
    names = items.get_column("code").str.strip_prefix("item.").str.replace_all("_", " ")
    return tuple(dict.fromkeys(names.to_list()))


def _with_parcels(known: Known, feed: Feed, carton_id: str) -> Known:
    """`known` with what the parcel rows say that name the carton."""
    weights = feed.parcels.filter(pl.col("carton_id") == carton_id).get_column("declared_weight_g")
    complete = len(weights) > 0 and weights.null_count() == 0
    return replace(
        known, listed=len(weights), listed_weight_g=float(weights.sum()) if complete else None
    )


def _manifest(run: Run, feed: Feed) -> dict[Key, Row]:
    """The manifest rows of all that is flagged."""
    rows: dict[Key, Row] = {}
    for kind, (table, key) in TABLE_OF.items():
        flagged = run.flags.filter(pl.col("owner_kind") == kind).get_column("owner_id").implode()
        frame: pl.DataFrame = getattr(feed, table)
        for row in frame.filter(pl.col(key).is_in(flagged)).iter_rows(named=True):
            rows[kind, row[key]] = row
        # A row that could not be read may be drawn, and has nothing to compare with.
        for owner_id in flagged.explode():
            rows.setdefault((kind, owner_id), dict.fromkeys(frame.columns))
    return rows


def _column_by_owner(run: Run, column: str) -> dict[Key, Any]:
    """`column` of the assessments of all that is flagged."""
    values: dict[Key, Any] = {}
    for kind, (table, key) in TABLE_OF.items():
        flagged = run.flags.filter(pl.col("owner_kind") == kind).get_column("owner_id").implode()
        frame: pl.DataFrame = getattr(run, table)
        chosen = frame.filter(pl.col(key).is_in(flagged))
        for owner_id, value in chosen.select(key, column).iter_rows():
            # A row refused for its id has that of another; the assessed one comes first.
            values.setdefault((kind, owner_id), value)
    return values


def _of_owner(frame: pl.DataFrame, line: FlagLine) -> pl.DataFrame:
    return frame.filter((pl.col("owner_kind") == line.kind) & (pl.col("owner_id") == line.owner_id))
