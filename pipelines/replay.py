"""A complete run replayed: its committed findings through the same screening, and held against it.

Nothing is scored again. What detectors found is read from the parts of the shards, the manifest
rows from the feed; both must be the very ones of the run, as must bundle and packs.
"""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import polars as pl
from pydantic import ValidationError

from parcelscope.datasets.errors import BundleError, RunError, first_fault
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.inference.risk import load_risk_scorers
from parcelscope.inference.shards import PartFile
from parcelscope.models.bundle import Bundle, builtin_bundle_folder, load_bundle
from parcelscope.models.signature import load_trusted_bundle
from parcelscope.pipelines.indicator_trial import feed_of
from parcelscope.pipelines.run_folder import (
    CARD,
    FLAGS,
    LEDGER,
    PLAN,
    BundleName,
    Run,
    RunCard,
    part_file,
    read_card,
    read_committed,
)
from parcelscope.pipelines.run_plan import RunPlan, decisive, read_plan, table_digests
from parcelscope.pipelines.versions import versions
from parcelscope.pipelines.window_history import read_earlier
from parcelscope.pipelines.window_stage import (
    WINDOW,
    Screening,
    assess_parts,
    committed_tables,
)
from parcelscope.screening.assess import Window
from parcelscope.screening.config import ScreeningConfig
from parcelscope.screening.indicator_pack import Indicators, load_indicators
from parcelscope.screening.standing import load_standing

Sameness = Literal["identical", "to 6 decimals", "different"]
DECIMALS: Final = 6
_COMPARED: Final = ("parcels", "cartons", "findings", "not_assessed", "flags")
_MOST_DIFFERENCES: Final = 5
PART: Final = "part"
"""Column that says which file of the run a row stands in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Whether a replay came to what the run has stored."""

    sameness: Sameness
    differences: tuple[str, ...]
    """The first few, in words; none unless `sameness` is `different`."""
    versions: tuple[str, ...]
    """Versions that are others now, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A run, what it was made of, and what that comes to now."""

    folder: Path
    card: RunCard
    feed: Feed
    screening: Screening
    window: Window
    findings: pl.DataFrame
    """All of them, with `PART`; as stored by the shards, as replayed by the window."""
    not_assessed: pl.DataFrame
    """Likewise."""
    agreement: Agreement


def replay(
    folder: Path,
    *,
    bundle_folder: Path | None = None,
    feed_folder: Path | None = None,
    indicators: Indicators | None = None,
) -> Replay:
    """The run in `folder`, its window assessed once more.

    Args:
        folder: Of a complete run.
        bundle_folder: Models that scored it; None looks at the built-in bundle and at a folder
            `bundle` beside the run.
        feed_folder: Where its feed lies now; None is where it lay.
        indicators: Packs to assess by instead of its own, to see what they would have come to.

    Raises:
        RunError: If there is no complete run, a part was changed, or the feed is another or gone.
        BundleError: If no bundle is the one that scored it.
        ConfigError: If a pack, a table or a list is not the one that the run decided by.
    """
    card, plan = read_planned(folder)
    parts = _parts(folder, card, plan)
    stored = committed_tables(folder, parts)
    feed = _feed(Run(folder=folder, card=card, **stored), plan, feed_folder)
    screening = _screening(folder, plan, bundle_folder, indicators)
    own = _window_files(card)
    of_shards = [part for part in parts if part.file not in own]
    window = assess_parts(folder, feed, screening, of_shards, read_earlier(folder, plan.created))
    before = {
        name: pl.concat(
            [read_committed(folder, p) for p in parts if p.table == name and p.file in own]
        )
        for name in _COMPARED
    }
    return Replay(
        folder=folder,
        card=card,
        feed=feed,
        screening=screening,
        window=window,
        findings=_with_part(folder, of_shards, "findings", window.findings, card),
        not_assessed=_with_part(folder, of_shards, "not_assessed", window.not_assessed, card),
        agreement=_agreement(before, window, plan),
    )


def read_planned(folder: Path) -> tuple[RunCard, RunPlan]:
    """The card and the plan of the complete run in `folder`.

    Raises:
        RunError: If there is none, or it is of a release that kept too little to be replayed.
    """
    card, plan = read_card(folder), read_plan(folder)
    if plan is None or card.parts is None:
        raise RunError(f"{folder}: is of an earlier release, which kept no {PLAN} to replay it by")
    return card, plan


def _parts(folder: Path, card: RunCard, plan: RunPlan) -> tuple[PartFile, ...]:
    """The parts that count: those of the card, which must be those of the ledger."""
    if card.fingerprint != plan.fingerprint.digest or card.run_id != plan.run_id:
        raise RunError(f"{folder}: expected the {CARD} of the run that {PLAN} plans, got another's")
    listed = card.parts or ()
    path = folder / LEDGER
    if plan.database is not None or not path.is_file():
        return listed
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            rows = database.execute(
                "SELECT file, sha256 FROM parts WHERE run_id = ?", (plan.run_id,)
            ).fetchall()
    except sqlite3.Error as error:
        raise RunError(f"{path}: expected the ledger of the run, got: {error}") from None
    ledger = dict(rows)
    for part in listed:
        if ledger.pop(part.file, None) != part.sha256:
            raise RunError(
                f"{folder / CARD}: names another {part.file} than the ledger committed;"
                " start over with --fresh"
            )
    if ledger:
        raise RunError(
            f"{folder / CARD}: leaves out {min(ledger)}, which the ledger committed;"
            " start over with --fresh"
        )
    return listed


def _feed(run: Run, plan: RunPlan, folder: Path | None) -> Feed:
    feed = feed_of(run) if folder is None else read_feed(folder)
    now, was = table_digests(feed.root), plan.fingerprint.tables
    for table in sorted({*now, *was}):
        if now.get(table) != was.get(table):
            raise RunError(
                f"{folder or run.card.feed}: its table {table} is not the one of the run, SHA-256"
                f" {was.get(table, 'none')[:12]}, got {now.get(table, 'none')[:12]};"
                " name the feed as it was with --feed"
            )
    return feed


def _screening(
    folder: Path, plan: RunPlan, bundle_folder: Path | None, given: Indicators | None
) -> Screening:
    """All that decided, each the very one of the run, save for packs that were given."""
    was = plan.fingerprint
    try:
        config = ScreeningConfig.model_validate(was.config)
    except ValidationError as error:
        fault = first_fault(error.errors())
        raise RunError(
            f"{folder / PLAN}: its configuration is of another release: {fault}"
        ) from None
    bundle, found = scoring_bundle(folder, was.bundle, bundle_folder, config.bundle_public_key)
    indicators = load_indicators(config.indicator_packs) if given is None else given
    if given is None:
        packs = {pack.name: pack.fingerprint for pack in indicators.packs}
        _require_same(folder, "indicator pack", was.packs, packs)
    standing = load_standing(config.policy, config.trader_tiers, config.watch_lists)
    _require_same(folder, "set of", was.standing, standing.digests)
    return Screening(
        bundle=bundle,
        config=config,
        indicators=indicators,
        standing=standing,
        scorers=load_risk_scorers(bundle, found),
        seed=was.seed,
        digest=was.digest,
    )


def scoring_bundle(
    folder: Path, name: BundleName, given: Path | None, public_key: str | None
) -> tuple[Bundle, Path]:
    """The bundle that scored the run in `folder`, and where it lies.

    Args:
        folder: Of the run.
        name: As `run.json` names it.
        given: Where it should lie; None looks at the built-in one, and beside the run.
        public_key: Its signature must be by this one, if any.

    Raises:
        BundleError: If none of these is the one that scored it, or it is not signed so.
    """
    beside = folder.absolute().parent / "bundle"
    places = [builtin_bundle_folder(), beside] if given is None else [given]
    got = []
    for place in places:
        if given is None and not (place / "bundle.json").is_file():
            continue
        bundle, digest = load_bundle(place)
        if digest == name.digest:
            return load_trusted_bundle(place, public_key=public_key)[0], place
        got.append(f"{bundle.name} {bundle.version} ({digest[:12]}…) in {place}")
    raise BundleError(
        f"{folder}: was scored by {name.name} {name.version}"
        f" ({name.digest[:12]}…), got {' and '.join(got) or 'none'}; name it with --bundle"
    )


def _require_same(folder: Path, what: str, was: Mapping[str, str], now: Mapping[str, str]) -> None:
    for name in sorted({*was, *now}):
        if was.get(name) != now.get(name):
            raise RunError(
                f"{folder}: the {what} {name} is not the one that the run decided by, digest"
                f" {was.get(name, 'none')[:12]}, got {now.get(name, 'none')[:12]}"
            )


def _window_files(card: RunCard) -> frozenset[str]:
    """The files that screening wrote, after those of the shards."""
    number = card.shards or 0
    after = [part_file(name, number) for name in ("findings", "not_assessed")]
    return frozenset([*after, *(part_file(name, WINDOW) for name in ("parcels", "cartons")), FLAGS])


def _with_part(
    folder: Path, of_shards: list[PartFile], name: str, of_window: pl.DataFrame, card: RunCard
) -> pl.DataFrame:
    own = part_file("findings" if name == "findings" else "not_assessed", card.shards or 0)
    frames = [
        read_committed(folder, part).with_columns(pl.lit(part.file).alias(PART))
        for part in of_shards
        if part.table == name
    ]
    return pl.concat([*frames, of_window.with_columns(pl.lit(own).alias(PART))])


def _agreement(before: Mapping[str, pl.DataFrame], window: Window, plan: RunPlan) -> Agreement:
    pairs = {name: (before[name], getattr(window, name)) for name in _COMPARED}
    changed = {name: pair for name, pair in pairs.items() if not pair[0].equals(pair[1])}
    differences = [
        words for name, (was, now) in changed.items() for words in _differences(name, was, now)
    ]
    was_version, now_version = plan.fingerprint.versions, decisive(versions())
    return Agreement(
        sameness="different" if differences else "to 6 decimals" if changed else "identical",
        differences=tuple(differences[:_MOST_DIFFERENCES]),
        versions=tuple(
            f"{name} was {was_version.get(name)}, now is {now_version.get(name)}"
            for name in sorted({*was_version, *now_version})
            if was_version.get(name) != now_version.get(name)
        ),
    )


def _differences(name: str, was: pl.DataFrame, now: pl.DataFrame) -> list[str]:
    """In what two tables differ beyond the sixth decimal, in words."""
    if was.columns != now.columns:
        return [f"{name}: the run has other columns"]
    if was.height != now.height:
        return [f"{name}: {was.height:,} rows stored, {now.height:,} replayed"]
    told = []
    owner = next(c for c in ("owner_id", "parcel_id", "carton_id") if c in was.columns)
    for column in was.columns:
        at = np.flatnonzero(~_alike(was[column], now[column]))
        if at.size:
            row = int(at[0])
            more = f", and {at.size - 1:,} more rows" if at.size > 1 else ""
            told.append(
                f"{name}: {column} of {was[owner][row]}: stored {was[column][row]!r},"
                f" replayed {now[column][row]!r}{more}"
            )
    return told


def _alike(was: pl.Series, now: pl.Series) -> np.ndarray:
    """(N,) whether each value is the same; numbers to six decimals of those above 1."""
    if was.dtype == pl.Float64:
        one, other = was.to_numpy(), now.to_numpy()
        near = np.isclose(one, other, rtol=0.5 * 10.0**-DECIMALS, atol=0.5 * 10.0**-DECIMALS,
                          equal_nan=True)  # fmt: skip
        return np.asarray(near & (was.is_null() == now.is_null()).to_numpy(), np.bool_)
    if isinstance(was.dtype, pl.List) and was.dtype.inner == pl.Float64:
        return np.array([_near_lists(a, b) for a, b in zip(was, now, strict=True)], np.bool_)
    return was.eq_missing(now).to_numpy()


def _near_lists(was: pl.Series | None, now: pl.Series | None) -> bool:
    if was is None or now is None:
        return was is now
    return len(was) == len(now) and bool(_alike(was, now).all())
