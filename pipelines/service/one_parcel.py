"""Scores and assesses one parcel: a feed of one, in memory where the system has such a place."""

import json
import tempfile
from collections.abc import Iterable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import polars as pl

from parcelscope.datasets.embeddings import embeddings_frame
from parcelscope.datasets.errors import FeedError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.records import findings_frame, not_assessed_frame
from parcelscope.datasets.schema import STEP_WEDGES
from parcelscope.datasets.tables import empty_table, read_table
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import use_one_thread_per_worker
from parcelscope.inference.label_reading import require_reader
from parcelscope.inference.one_owner import score_owner
from parcelscope.inference.owners import OwnerTable
from parcelscope.inference.risk import load_risk_scorers
from parcelscope.inference.verdicts import Outcome
from parcelscope.inference.weighing import Gauges, gauges_of
from parcelscope.models.bundle import Bundle
from parcelscope.models.signature import load_trusted_bundle
from parcelscope.pipelines.service.parcel import (
    BundleAnswer,
    ImageAnswer,
    ParcelRequest,
    ScoreAnswer,
    not_assessed,
)
from parcelscope.pipelines.service.parcel_history import (
    ParcelHistory,
    Seen,
    open_parcel_history,
)
from parcelscope.screening.assess import ManifestSays, Window, assess_manifest, assess_window
from parcelscope.screening.config import ScreeningConfig, load_screening_config
from parcelscope.screening.indicator_pack import Indicators, load_indicators
from parcelscope.screening.standing import Standing, load_standing

MEMORY = Path("/dev/shm")
"""A folder that is memory, on Linux: the images of a parcel need not touch a disk."""
BESIDE: Final = 2
"""Threads beside the one that looks at the scans: photos, and what the manifest says by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorer:
    """All that one parcel is scored with."""

    bundle: Bundle
    name: BundleAnswer
    detectors: Detectors
    scorers: Any
    gauges: Gauges
    config: ScreeningConfig
    indicators: Indicators
    standing: Standing
    beside: Executor
    history: ParcelHistory | None = None


def load_scorer(
    bundle_folder: Path,
    config: Path | None,
    step_wedges: Path | None,
    history: str | None = None,
) -> Scorer:
    """The models in `bundle_folder`, ready to score.

    Args:
        bundle_folder: The bundle.
        config: The screening configuration; the built-in one if None.
        step_wedges: Table of the scanners' step wedges, if there is one.
        history: URL of the history of numbers, if there is one.

    Raises:
        BundleError: If the bundle cannot be trusted.
        ConfigError: If the configuration or the URL does not fit, or asks for what is not there.
        FeedError: If the step wedges cannot be read.
    """
    settings = load_screening_config(config)
    if settings.ocr:
        require_reader()
    bundle, digest = load_trusted_bundle(bundle_folder, public_key=settings.bundle_public_key)
    wedges = (
        empty_table(STEP_WEDGES)
        if step_wedges is None
        else read_table(step_wedges, STEP_WEDGES).frame
    )
    use_one_thread_per_worker()
    indicators = load_indicators(settings.indicator_packs)
    return Scorer(
        bundle=bundle,
        name=BundleAnswer(name=bundle.name, version=bundle.version, digest=digest),
        detectors=load_detectors(bundle, bundle_folder),
        scorers=load_risk_scorers(bundle, bundle_folder),
        gauges=gauges_of(wedges),
        config=settings,
        indicators=indicators,
        standing=load_standing(settings.policy, settings.trader_tiers, settings.watch_lists),
        beside=ThreadPoolExecutor(BESIDE, thread_name_prefix="beside"),
        history=open_parcel_history(history, indicators),
    )


def score_parcel(request: ParcelRequest, scorer: Scorer) -> ScoreAnswer:
    """What is said about one parcel.

    Indicators that compare parcels with each other see a window of this one alone, and what the
    history knows of its numbers.
    """
    where = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(prefix="parcel-", dir=where) as name:
        folder = Path(name)
        try:
            feed = _feed(request, folder)
        except FeedError as error:
            return not_assessed("request", str(error))
        # Half of the work needs no image: it is done while they are decoded.
        waiting = scorer.beside.submit(_by_manifest, feed, request, scorer)
        (owner,) = OwnerTable(feed).between(0, 1)
        outcome = score_owner(
            owner, feed.root, scorer.detectors, scorer.gauges, scorer.beside, ocr=scorer.config.ocr
        )
    manifest, seen = waiting.result()
    window = assess_window(
        feed,
        findings_frame(outcome.findings),
        pl.concat([not_assessed_frame(outcome.not_assessed), seen.not_assessed]),
        scorer.bundle,
        scorer.config,
        seed=0,
        scorers=scorer.scorers,
        indicators=scorer.indicators,
        standing=scorer.standing,
        earlier=seen.earlier,
        embeddings=embeddings_frame(outcome.embeddings),
        manifest=manifest,
    )
    return _answer(outcome, window, scorer)


def _by_manifest(feed: Feed, request: ParcelRequest, scorer: Scorer) -> tuple[ManifestSays, Seen]:
    """What the manifest row and the history say without the images."""
    seen = (
        Seen(not_assessed=not_assessed_frame(()))
        if scorer.history is None
        else scorer.history.look(feed, request.parcel)
    )
    says = assess_manifest(
        feed, scorer.indicators, scorer.standing, scorer.config, earlier=seen.earlier
    )
    return says, seen


def _feed(request: ParcelRequest, folder: Path) -> Feed:
    """The request as a feed; an image without a file is one that is missing.

    Raises:
        FeedError: If a value is not what its column asks for.
    """
    for name, content in request.files.items():
        (folder / name).write_bytes(content)
    _write_rows(folder / "parcels.ndjson", [request.parcel])
    if request.images:
        _write_rows(folder / "images.ndjson", request.images)
    feed = read_feed(folder)
    for row in feed.rejected.head(1).to_dicts():
        raise FeedError(
            f"{row['table']} row {row['row']}: {row['column']} must be {row['expected']},"
            f" got {row['got']}"
        )
    return replace(feed, root=folder)


def _write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _answer(outcome: Outcome, window: Window, scorer: Scorer) -> ScoreAnswer:
    (row,) = window.parcels.to_dicts()
    said = [*findings_frame(outcome.findings).to_dicts(), *window.findings.to_dicts()]
    return ScoreAnswer(
        verdict="assessed" if row["risk"] is not None else "not_assessed",
        parcel_id=row["parcel_id"],
        risk=row["risk"],
        band=row["band"],
        reason_codes=tuple(row["reason_codes"]),
        reasons=tuple(row["reasons"]),
        not_assessed=tuple(row["not_assessed"]),
        findings=tuple(
            {name: value for name, value in finding.items() if value is not None}
            for finding in said
        ),
        images=tuple(
            ImageAnswer(
                path=verdict.path,
                verdict=verdict.verdict,
                code=verdict.code,
                message=verdict.message,
            )
            for verdict in outcome.verdicts
        ),
        bundle=scorer.name,
        why=None if row["risk"] is not None else "no_evidence",
        reason=None if row["risk"] is not None else "nothing about this parcel could be checked",
    )
