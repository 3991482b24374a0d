"""A pack of indicators tried on a feed or a run: how often each code fires, beside the base."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from parcelscope.datasets.errors import RunError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.feed_urls import feed_url
from parcelscope.datasets.records import findings_frame, not_assessed_frame
from parcelscope.pipelines.run_folder import CARD, Run, read_run
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.indicator_pack import Indicators, load_pack
from parcelscope.screening.indicator_run import run_indicators
from parcelscope.screening.indicators.evidence import SOURCE, Evidence, Outcome
from parcelscope.screening.indicators.registry import CODES
from parcelscope.screening.pack_file import IndicatorPack
from parcelscope.screening.standing import load_standing

BASE = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What came of one code on one kind of owner, by a pack."""

    fired: int
    """Owners with a finding."""
    not_assessed: int
    """Owners on which it could not be looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One code on one kind of owner, by the pack that is tried and by the base pack."""

    code: str
    kind: str
    owners: int
    own: Tally
    base: Tally


def try_pack(pack: IndicatorPack, source: Path, config: ScreeningConfig) -> list[TrialLine]:
    """How often each code of `pack` fires on the feed or run in `source`, in the registry's order.

    Of a feed nothing was looked at, so what needs a scan or a photo is not assessed there; a run
    has what its detectors found.

    Raises:
        FeedError: If the feed cannot be read.
        RunError: If the run cannot be read, or its feed is gone.
        ConfigError: If what the configuration names cannot be read.
    """
    evidence = _evidence(source, config)
    own = run_indicators(evidence, Indicators(packs=(pack,)))
    base = run_indicators(evidence, Indicators(packs=(load_pack(BASE),)))
    codes = {code for rule in pack.rules for code in rule.codes}
    heights = {"parcel": evidence.feed.parcels.height, "carton": evidence.feed.cartons.height}
    return [
        TrialLine(
            code=code,
            kind=kind,
            owners=heights[kind],
            own=_tally(own, code, kind),
            base=_tally(base, code, kind),
        )
        for code, kinds in CODES.items()
        if code in codes
        for kind in kinds
    ]


def trial_lines(lines: list[TrialLine]) -> Iterator[str]:
    """A line for each code and kind of owner."""
    yield f"{'':<28} {'fires':>16} {'by ' + BASE:>16} {'not assessed':>14} {'by ' + BASE:>10}"
    for line in lines:
        name = f"{line.code} ({line.kind})"
        yield (
            f"{name:<28} {_share(line.own.fired, line.owners):>16}"
            f" {_share(line.base.fired, line.owners):>16} {line.own.not_assessed:>14,}"
            f" {line.base.not_assessed:>10,}"
        )


def _share(number: int, of: int) -> str:
    return f"{number:,}" if not of else f"{number:,} ({100 * number / of:.1f} %)"


def _tally(outcome: Outcome, code: str, kind: str) -> Tally:
    of_kind = pl.col("owner_kind") == kind
    fired = outcome.findings.filter(of_kind & (pl.col("code") == code))
    missed = outcome.not_assessed.filter(of_kind & (pl.col("check") == code))
    return Tally(fired=fired["owner_id"].n_unique(), not_assessed=missed["owner_id"].n_unique())


def _evidence(source: Path, config: ScreeningConfig) -> Evidence:
    standing = load_standing(config.policy, config.trader_tiers, config.watch_lists)
    if feed_url(str(source)) is not None or not (source / CARD).is_file():
        return Evidence(
            feed=read_feed(source),
            findings=findings_frame(()),
            not_assessed=not_assessed_frame(()),
            standing=standing,
        )
    run = read_run(source)
    return Evidence(
        feed=feed_of(run),
        findings=run.findings.filter(pl.col("source") != SOURCE),
        not_assessed=run.not_assessed.filter(~pl.col("check").is_in(list(CODES))),
        standing=standing,
    )


def feed_of(run: Run) -> Feed:
    """The feed that `run` was of.

    Raises:
        RunError: If it is gone.
        FeedError: If it cannot be read.
    """
    folder = Path(run.card.feed)
    if feed_url(run.card.feed) is None and not folder.is_dir():
        raise RunError(f"{run.folder}: expected the feed of the run in {folder}, found none")
    return read_feed(folder)
