"""Score a feed, assess it, and leave a run folder with a report: the main job."""

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import polars as pl

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.records import findings_frame, not_assessed_frame
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import score_feed
from parcelscope.inference.risk import load_risk_scorers
from parcelscope.models.bundle import builtin_bundle_folder
from parcelscope.models.signature import load_trusted_bundle
from parcelscope.pipelines.accounts import (
    quarantine_rows,
    rejected_images,
    require_all_scored,
    run_counts,
    verdict_frame,
)
from parcelscope.pipelines.progress import Report, duration, silent
from parcelscope.pipelines.reference_pictures import keep_references
from parcelscope.pipelines.report import write_report
from parcelscope.pipelines.run_folder import (
    REPORT,
    BundleName,
    Run,
    RunCard,
    RunCounts,
    new_run_folder,
    require_free,
    write_card,
    write_flags,
    write_part,
)
from parcelscope.pipelines.shadow import ShadowCard, load_challenger, screen_in_shadow
from parcelscope.pipelines.versions import versions
from parcelscope.screening.assess import Window, assess_window
from parcelscope.screening.config import ScreeningConfig, load_screening_config


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a run came to."""

    folder: Path
    counts: RunCounts
    seconds: float
    shadow: ShadowCard | None = None
    """What became of the challenger, where one was tried out."""

    @property
    def report(self) -> Path:
        """The page to open."""
        return self.folder / REPORT

    def lines(self) -> Iterator[str]:
        """The result in a few lines."""
        counts = self.counts
        for name in ("parcels", "cartons", "images"):
            table = getattr(counts, name)
            missing = f", {table.missing:,} missing" if table.missing else ""
            yield (
                f"{name:<8}{table.rows:>9,} rows: {table.assessed:,} assessed,"
                f" {table.quarantined:,} quarantined{missing}"
            )
        flagged = counts.flagged_targeted + counts.flagged_random
        yield (
            f"{'flagged':<8}{flagged:>9,}: {counts.flagged_targeted:,} targeted,"
            f" {counts.flagged_random:,} at random"
        )
        if self.shadow is not None:
            yield f"{'shadow':<8} {self.shadow.line()}"
        yield f"Took {duration(self.seconds)}. Report: {self.report}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a run is to do, with every choice made."""

    feed_folder: Path
    bundle_folder: Path
    config: ScreeningConfig
    workers: int
    seed: int
    began: datetime
    """UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What the engine said about a whole feed."""

    findings: pl.DataFrame
    not_assessed: pl.DataFrame
    images: pl.DataFrame
    """Columns as `IMAGE_SCHEMA`; one row for each row of the images table."""
    parts: int
    """Parts written so far of each of the three."""


@dataclass(slots=True)
class Stopwatch:
    """Seconds by stage."""

    clock: Callable[[], float] = time.perf_counter
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block under `name`."""
        begin = self.clock()
        yield
        self.seconds[name] = round(self.clock() - begin, 3)


def screen(
    feed_folder: Path,
    out: Path,
    *,
    bundle_folder: Path | None = None,
    shadow_folder: Path | None = None,
    config: ScreeningConfig | None = None,
    budget: float | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: Report = silent,
) -> RunSummary:
    """Score the feed in `feed_folder` and write the run folder `out`.

    No single row or image stops a run: what cannot be read is quarantined with its reason, what is
    not there is not assessed. If the run itself fails, nothing of it is left in `out`.

    Args:
        feed_folder: Tables and images.
        out: Run folder, new or empty.
        bundle_folder: Models; the built-in bundle if None.
        shadow_folder: Models of a challenger, scored once the run is complete; it changes nothing
            in the run but adds its `shadow` folder.
        config: What screening decides by; the built-in configuration if None.
        budget: Share of parcels, and of cartons, to flag; that of `config` if None.
        workers: Threads that score; one per core if None.
        seed: Decides ties and the random arm.
        progress: Told how far it is.

    Raises:
        FeedError: The feed cannot be read.
        BundleError: The bundle cannot be trusted.
        ConfigError: The budget is no share.
        RunError: `out` is in use, or the counts do not add up.
    """
    require_free(out)
    job = _job(feed_folder, bundle_folder, config, budget=budget, workers=workers, seed=seed)
    watch = Stopwatch()
    with watch.stage("read"):
        feed = read_feed(feed_folder)
    with watch.stage("load"):
        public_key = job.config.bundle_public_key
        bundle, digest = load_trusted_bundle(job.bundle_folder, public_key=public_key)
        detectors = load_detectors(bundle, job.bundle_folder)
        scorers = load_risk_scorers(bundle, job.bundle_folder)
        challenger = (
            None
            if shadow_folder is None
            else load_challenger(shadow_folder.resolve(), public_key=public_key)
        )
    with new_run_folder(out):
        with watch.stage("score"):
            scored = _score(feed, detectors, out, workers=job.workers, progress=progress)
        with watch.stage("assess"):
            window = assess_window(
                feed,
                scored.findings,
                scored.not_assessed,
                bundle,
                job.config,
                seed=seed,
                scorers=scorers,
            )
        models = BundleName(name=bundle.name, version=bundle.version, digest=digest)
        run = _run(out, job, models, feed, scored, window, watch)
        with watch.stage("write"):
            _write_tables(run, scored, window)
            keep_references(out, detectors.references, run.findings, run.flags)
            write_report(out / REPORT, run, feed, bundle, job.config)
        card = run.card.model_copy(update={"timings_s": dict(watch.seconds)})
        write_card(out, card)
    shadow = None
    if challenger is not None:
        owners = feed.parcels.height + feed.cartons.height
        shadow = screen_in_shadow(
            out,
            feed,
            challenger,
            job.config,
            workers=job.workers,
            seed=seed,
            progress=lambda done: progress("scoring in shadow", done, owners),
        )
    return RunSummary(folder=out, counts=card.counts, seconds=card.total_s, shadow=shadow)


def usable_cores() -> int:
    """Cores that this process may use, which may be fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux says
        return os.cpu_count() or 1


def _job(
    feed_folder: Path,
    bundle_folder: Path | None,
    config: ScreeningConfig | None,
    *,
    budget: float | None,
    workers: int | None,
    seed: int,
) -> Job:
    """What was asked for, with a default for what was left open."""
    models = builtin_bundle_folder() if bundle_folder is None else bundle_folder
    return Job(
        feed_folder=feed_folder,
        # Followed to its end now: where a promotion swaps the link while the bundle is loaded, the
        # card of one and the files of the other would not fit.
        bundle_folder=models.resolve(),
        config=_settings(config, budget),
        workers=usable_cores() if workers is None else workers,
        seed=seed,
        began=datetime.now(UTC),
    )


def _settings(config: ScreeningConfig | None, budget: float | None) -> ScreeningConfig:
    settings = load_screening_config() if config is None else config
    if budget is None:
        return settings
    if not 0 < budget <= 1:
        raise ConfigError(f"budget must be a share above 0 and at most 1, got {budget}")
    return settings.model_copy(update={"budget": budget})


def _score(
    feed: Feed, detectors: Detectors, out: Path, *, workers: int, progress: Report
) -> Scored:
    """Score `feed`; what is said about a shard is written as soon as it is known."""
    owners = feed.parcels.height + feed.cartons.height
    findings, not_assessed = [findings_frame(())], [not_assessed_frame(())]
    images = [rejected_images(feed)]
    write_part(out, "images", 0, images[0])
    parts = done = 0
    for shard in score_feed(
        feed, detectors, workers=workers, progress=lambda n: progress("scoring", n, owners)
    ):
        findings.append(findings_frame(shard.findings))
        not_assessed.append(not_assessed_frame(shard.not_assessed))
        images.append(verdict_frame(shard.image_verdicts))
        write_part(out, "findings", parts, findings[-1])
        write_part(out, "not_assessed", parts, not_assessed[-1])
        parts, done = parts + 1, done + shard.owners
        write_part(out, "images", parts, images[-1])
    require_all_scored(feed, done)
    return Scored(
        findings=pl.concat(findings),
        not_assessed=pl.concat(not_assessed),
        images=pl.concat(images),
        parts=parts,
    )


def _run(
    out: Path,
    job: Job,
    models: BundleName,
    feed: Feed,
    scored: Scored,
    window: Window,
    watch: Stopwatch,
) -> Run:
    """All tables of the run and its card, with the times until now.

    Raises:
        RunError: If the rows of a table do not add up.
    """
    findings = pl.concat([scored.findings, window.findings])
    not_assessed = pl.concat([scored.not_assessed, window.not_assessed])
    counts = run_counts(
        feed, scored.images, window, findings=findings.height, not_assessed=not_assessed.height
    )
    return Run(
        folder=out,
        card=_card(job, models, counts, watch),
        parcels=window.parcels,
        cartons=window.cartons,
        images=scored.images,
        findings=findings,
        not_assessed=not_assessed,
        quarantine=quarantine_rows(feed, scored.images),
        notes=feed.notes,
        flags=window.flags,
    )


def _card(job: Job, models: BundleName, counts: RunCounts, watch: Stopwatch) -> RunCard:
    return RunCard(
        run_id=f"{job.began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        feed=str(job.feed_folder),
        created=job.began.isoformat(timespec="seconds"),
        bundle=models,
        config=job.config.model_dump(mode="json"),
        budget=job.config.budget,
        seed=job.seed,
        workers=job.workers,
        versions=versions(),
        counts=counts,
        timings_s=dict(watch.seconds),
    )


def _write_tables(run: Run, scored: Scored, window: Window) -> None:
    """Write what is not yet there: what screening added, and the tables of the whole feed."""
    write_part(run.folder, "findings", scored.parts, window.findings)
    write_part(run.folder, "not_assessed", scored.parts, window.not_assessed)
    write_part(run.folder, "parcels", 0, run.parcels)
    write_part(run.folder, "cartons", 0, run.cartons)
    write_part(run.folder, "quarantine", 0, run.quarantine)
    write_part(run.folder, "notes", 0, run.notes)
    write_flags(run.folder, run.flags)
