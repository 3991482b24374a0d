"""`parcelscope bench`: what the engine could do, what it does, and what binds it.

Seconds tell of one machine, ratios travel: the bound is additive, so achieved over bound says how
much the engine loses, and CPU time says it also where other processes take the cores.
"""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from parcelscope.datasets.embeddings import embeddings_frame
from parcelscope.datasets.errors import FeedError, RunError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.records import (
    Finding,
    NotAssessed,
    findings_frame,
    not_assessed_frame,
)
from parcelscope.datasets.writing import write_parquet_whole
from parcelscope.inference.cores import usable_cores
from parcelscope.inference.decoding import Decoding
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import ShardResult, score_feed, use_one_thread_per_worker
from parcelscope.inference.intake import Intake
from parcelscope.inference.providers import Asked, Precision, ProviderChoice
from parcelscope.inference.risk import load_risk_scorers
from parcelscope.inference.weighing import Gauges, gauges_of
from parcelscope.models.bundle import Bundle, builtin_bundle_folder
from parcelscope.models.signature import load_trusted_bundle
from parcelscope.pipelines.accounts import verdict_frame
from parcelscope.pipelines.bench_card import BenchCard
from parcelscope.pipelines.bench_clock import NOTHING, Spent, now, since
from parcelscope.pipelines.bench_feed import first_owners, light_feed
from parcelscope.pipelines.bench_lines import (
    EVERYTHING,
    SCANS_AND_QUALITY,
    WithoutCodes,
    without_references,
)
from parcelscope.pipelines.bench_naive import (
    NaiveRun,
    PillowDecoding,
    open_naively,
    require_same_findings,
    run_naively,
)
from parcelscope.pipelines.bench_parts import measure
from parcelscope.pipelines.bench_sums import Agreement, Line, Measured, bench_card
from parcelscope.pipelines.bench_yolo import YoloRun, run_yolo
from parcelscope.pipelines.progress import Report, silent
from parcelscope.screening.assess import assess_window
from parcelscope.screening.config import load_screening_config

NAIVE_BUDGET: Final = 0.2
"""Share flagged when the naive loop is compared: at 2 % of few parcels there would be no flags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What to measure, with every choice made."""

    feed: Path | None = None
    """None for a synthetic feed of light parcels."""
    bundle_folder: Path | None = None
    owners: int = 128
    """Parcels and master cartons of the feed that are scored, pass after pass."""
    seconds: float = 5.0
    """Least CPU time of the components, and least wall time of the engine and each comparison."""
    workers: int | None = None
    provider: Asked = "auto"
    precision: Precision | None = None
    isolate: bool = False
    """Whether the engine decodes in processes of their own."""
    naive: bool = True
    yolo: bool = False
    """Whether to compare with ultralytics, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRun:
    """What the engine said of a feed, and what saying it took, over some passes."""

    findings: tuple[Finding, ...]
    not_assessed: tuple[NotAssessed, ...]
    """Both of the first pass."""
    owners: int
    """Over all passes."""
    spent: Spent


def bench(wanted: Bench, progress: Report = silent) -> BenchCard:
    """Measure the components, the engine, and what it is compared with.

    Raises:
        FeedError: The feed cannot be read, or has no images.
        BundleError: The bundle cannot be trusted.
        ConfigError: The provider or an extra that was asked for is not there.
        RunError: The naive loop scores or flags differently than the engine.
    """
    use_one_thread_per_worker()
    workers = usable_cores() if wanted.workers is None else wanted.workers
    folder = (wanted.bundle_folder or builtin_bundle_folder()).resolve()
    bundle, _ = load_trusted_bundle(folder)
    choice = ProviderChoice(asked=wanted.provider, precision=wanted.precision, callers=workers)
    detectors = load_detectors(bundle, folder, choice=choice)
    with _feed(wanted, progress) as feed, tempfile.TemporaryDirectory() as scratch:
        gauges = gauges_of(feed.step_wedges)
        out = Path(scratch)
        progress("components", 0, 1)
        costs = measure(
            feed,
            detectors.alone(),
            gauges,
            lambda n, shard: _write(out, n, shard),
            seconds=wanted.seconds,
        )
        progress("components", 1, 1)

        def run(detectors: Detectors, adapt: Callable[[Decoding], Decoding]) -> EngineRun:
            with Intake(isolate=wanted.isolate).decoding(workers) as decoding:
                return _run_engine(
                    feed,
                    detectors,
                    gauges,
                    out,
                    workers=workers,
                    seconds=wanted.seconds,
                    decoding=adapt(decoding),
                    progress=progress,
                )

        engine = run(detectors, lambda decoding: decoding)
        lines: tuple[Line, ...] = ()
        naive = None
        if wanted.naive:
            progress("naive loop", 0, 2)
            some = without_references(detectors)
            part = run(some, WithoutCodes)
            opened = open_naively(some, bundle, folder)
            pillow = PillowDecoding()
            no_codes = run_naively(
                feed, opened, gauges, WithoutCodes(pillow), seconds=wanted.seconds
            )
            require_same_findings(part.findings, no_codes)
            progress("naive loop", 1, 2)
            opened = open_naively(detectors, bundle, folder)
            loop = run_naively(feed, opened, gauges, pillow, seconds=wanted.seconds)
            naive = Agreement(
                loop=loop,
                largest_score_difference=require_same_findings(engine.findings, loop),
                flags=_require_same_flags(feed, bundle, folder, engine, loop),
            )
            lines = (
                Line.of(SCANS_AND_QUALITY, part.spent, part.owners, no_codes),
                Line.of(EVERYTHING, engine.spent, engine.owners, loop),
            )
            progress("naive loop", 2, 2)
        yolo: YoloRun | None = None
        if wanted.yolo:
            yolo = run_yolo(feed, detectors, folder, out / "yolo", seconds=wanted.seconds)
        return bench_card(
            Measured(
                feed=feed,
                bundle=f"{bundle.name} {bundle.version}",
                detectors=detectors,
                workers=workers,
                cores=usable_cores(),
                costs=costs,
                engine_owners=engine.owners,
                engine=engine.spent,
                naive=naive,
                lines=lines,
                yolo=yolo,
            )
        )


@contextmanager
def _feed(wanted: Bench, progress: Report) -> Iterator[Feed]:
    """The parcels to score: of the user's feed, or of a light one drawn for the occasion."""
    if wanted.feed is None:
        with tempfile.TemporaryDirectory() as folder:
            drawn = light_feed(Path(folder) / "feed", parcels=wanted.owners, progress=progress)
            yield drawn
        return
    feed = first_owners(read_feed(wanted.feed), wanted.owners)
    if feed.images.is_empty():
        raise FeedError(f"{wanted.feed}: expected a feed with images to score, got none")
    yield feed


def _run_engine(
    feed: Feed,
    detectors: Detectors,
    gauges: Gauges,
    out: Path,
    *,
    workers: int,
    seconds: float,
    decoding: Decoding,
    progress: Report,
) -> EngineRun:
    """Score `feed` and write the parts, pass after pass, until `seconds` have passed."""
    first: list[ShardResult] = []
    owners, passes, spent = 0, 0, NOTHING
    progress("engine", 0, 100)
    while passes == 0 or spent.wall_s < seconds:
        begin = now()
        results = score_feed(feed, detectors, gauges, workers=workers, decoding=decoding)
        for number, result in enumerate(results):
            _write(out, number, result)
            owners += result.owners
            if passes == 0:
                first.append(result)
        spent += since(begin)
        passes += 1
        progress("engine", min(round(100 * spent.wall_s / seconds), 100), 100)
    return EngineRun(
        findings=tuple(one for result in first for one in result.findings),
        not_assessed=tuple(one for result in first for one in result.not_assessed),
        owners=owners,
        spent=spent,
    )


def _write(out: Path, number: int, result: ShardResult) -> None:
    """Write the parts of one shard, as `parcelscope screen` does."""
    for name, rows in (
        ("findings", findings_frame(result.findings)),
        ("not_assessed", not_assessed_frame(result.not_assessed)),
        ("images", verdict_frame(result.image_verdicts)),
        ("embeddings", embeddings_frame(result.embeddings)),
    ):
        write_parquet_whole(rows, out / f"{name}-{number:05d}.parquet")


def _require_same_flags(
    feed: Feed, bundle: Bundle, folder: Path, engine: EngineRun, naive: NaiveRun
) -> int:
    """How many parcels are flagged, alike by the engine's findings and by the naive loop's.

    Raises:
        RunError: If one of them flags what the other does not.
    """
    window = first_owners(feed, len(naive.owners))
    config = load_screening_config().model_copy(update={"budget": NAIVE_BUDGET})
    scorers = load_risk_scorers(bundle, folder)
    seen = {(owner.owner_id, owner.owner_kind) for owner in naive.owners}

    def flagged(findings: Sequence[Finding], not_assessed: Sequence[NotAssessed]) -> pl.DataFrame:
        assessed = assess_window(
            window,
            findings_frame([one for one in findings if (one.owner_id, one.owner_kind) in seen]),
            not_assessed_frame(
                [one for one in not_assessed if (one.owner_id, one.owner_kind) in seen]
            ),
            bundle,
            config,
            seed=0,
            scorers=scorers,
        )
        return assessed.flags.select("owner_kind", "owner_id", "arm").sort(pl.all())

    ours = flagged(engine.findings, engine.not_assessed)
    theirs = flagged(naive.outcome.findings, naive.outcome.not_assessed)
    if not ours.equals(theirs):
        raise RunError(
            f"bench: expected the same flags from the naive loop's findings, got {theirs.height}"
            f" and {ours.height} from the engine's, of which"
            f" {ours.join(theirs, on=ours.columns, how='inner').height} agree"
        )
    return ours.height
