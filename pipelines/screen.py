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
from parcelscope.models.bundle import builtin_bundle_folder, load_bundle
from parcelscope.pipelines.accounts import (
    quarantine_rows,
    rejected_images,
    require_all_scored,
    run_counts,
    verdict_frame,
)
from parcelscope.pipelines.progress import Report, duration, silent
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
from parcelscope.pipelines.versions import versions
from parcelscope.screening.assess import assess_window
from parcelscope.screening.config import ScreeningConfig, load_screening_config


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """What a run came to."""

    folder: Path
    counts: RunCounts
    seconds: float

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
        yield f"Took {duration(self.seconds)}. Report: {self.report}"


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
    began = datetime.now(UTC)
    settings = _settings(config, budget)
    threads = usable_cores() if workers is None else workers
    source = builtin_bundle_folder() if bundle_folder is None else bundle_folder
    watch = Stopwatch()
    with watch.stage("read"):
        feed = read_feed(feed_folder)
    with watch.stage("load"):
        bundle, digest = load_bundle(source)
        detectors = load_detectors(bundle, source)
    with new_run_folder(out):
        with watch.stage("score"):
            scored = _score(feed, detectors, out, workers=threads, progress=progress)
        with watch.stage("assess"):
            window = assess_window(
                feed, scored.findings, scored.not_assessed, bundle, settings, seed=seed
            )
        findings = pl.concat([scored.findings, window.findings])
        not_assessed = pl.concat([scored.not_assessed, window.not_assessed])
        card = RunCard(
            run_id=f"{began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
            feed=str(feed_folder),
            created=began.isoformat(timespec="seconds"),
            bundle=BundleName(name=bundle.name, version=bundle.version, digest=digest),
            config=settings.model_dump(mode="json"),
            budget=settings.budget,
            seed=seed,
            workers=threads,
            versions=versions(),
            counts=run_counts(
                feed,
                scored.images,
                window,
                findings=findings.height,
                not_assessed=not_assessed.height,
            ),
            timings_s=dict(watch.seconds),
        )
        run = Run(
            folder=out,
            card=card,
            parcels=window.parcels,
            cartons=window.cartons,
            images=scored.images,
            findings=findings,
            not_assessed=not_assessed,
            quarantine=quarantine_rows(feed, scored.images),
            notes=feed.notes,
            flags=window.flags,
        )
        with watch.stage("write"):
            write_part(out, "findings", scored.parts, window.findings)
            write_part(out, "not_assessed", scored.parts, window.not_assessed)
            _write_assessments(run)
            write_report(out / REPORT, run, feed, bundle, settings)
        card = card.model_copy(update={"timings_s": dict(watch.seconds)})
        write_card(out, card)
    return RunSummary(folder=out, counts=card.counts, seconds=card.total_s)


def usable_cores() -> int:
    """Cores that this process may use, which may be fewer than the machine has."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux says
        return os.cpu_count() or 1


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


def _write_assessments(run: Run) -> None:
    write_part(run.folder, "parcels", 0, run.parcels)
    write_part(run.folder, "cartons", 0, run.cartons)
    write_part(run.folder, "quarantine", 0, run.quarantine)
    write_part(run.folder, "notes", 0, run.notes)
    write_flags(run.folder, run.flags)
