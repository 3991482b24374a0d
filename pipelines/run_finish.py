"""The end of a run: its window is screened, its report written, its challenger tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from parcelscope.datasets.feed_urls import feed_name
from parcelscope.inference.database import without_password
from parcelscope.inference.engine import ShardResult
from parcelscope.inference.executors import Executor
from parcelscope.inference.ledger import Done, Ledger
from parcelscope.inference.shards import PartFile
from parcelscope.inference.sinks import Sink
from parcelscope.pipelines import shadow
from parcelscope.pipelines.accounts import run_counts
from parcelscope.pipelines.indicator_names import pack_names, rule_names
from parcelscope.pipelines.progress import Report
from parcelscope.pipelines.reference_pictures import keep_references
from parcelscope.pipelines.report import write_report
from parcelscope.pipelines.run_folder import (
    REPORT,
    Run,
    RunCard,
    read_card,
    sweep,
    write_card,
)
from parcelscope.pipelines.run_plan import RunPlan
from parcelscope.pipelines.run_summary import RunSummary
from parcelscope.pipelines.screen_job import Job, Opened, Stopwatch
from parcelscope.pipelines.shadow import ShadowCard, screen_in_shadow
from parcelscope.pipelines.tier_accounts import tier_counts
from parcelscope.pipelines.versions import versions
from parcelscope.pipelines.window_history import NO_HISTORY, WindowHistory, read_earlier
from parcelscope.pipelines.window_stage import (
    Assessments,
    Screening,
    closing_tables,
    screen_window,
)
from parcelscope.screening.assess import Window


@dataclass(frozen=True, slots=True, kw_only=True)
class Sinks:
    """What else is written in the transactions that commit a run."""

    shard: tuple[Sink[ShardResult], ...] = ()
    """With each shard; goes to the processes that score."""
    window: tuple[Sink[Window], ...] = ()
    """With the screened window."""


OWN_SINKS = Sinks()
"""Nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A run that has its plan and its ledger."""

    job: Job
    opened: Opened
    plan: RunPlan
    ledger: Ledger
    executor: Executor
    sinks: Sinks
    history: WindowHistory = NO_HISTORY


def finish(work: Work, scored: Mapping[int, Done], watch: Stopwatch) -> None:
    """Screen the window, then write what is made of committed tables alone, `run.json` last.

    Args:
        work: The run.
        scored: Its shards, all of them.
        watch: Told how long it took.
    """
    job, opened, plan = work.job, work.opened, work.plan
    screening = Screening(
        bundle=opened.bundle,
        config=job.config,
        indicators=opened.indicators,
        standing=opened.standing,
        scorers=opened.scorers,
        seed=job.seed,
        digest=plan.fingerprint.digest,
    )
    with watch.stage("assess"):
        screen_window(
            job.out,
            opened.feed,
            screening,
            work.ledger,
            scored,
            (Assessments(run_id=plan.run_id), *work.sinks.window),
            work.history,
        )
    with watch.stage("write"):
        done = (*scored.values(), *work.ledger.done("screen").values())
        parts = tuple(part for one in done for part in one.parts)
        run = _run(work, parts, watch)
        keep_references(job.out, opened.detectors.references, run.findings, run.flags)
        write_report(job.out / REPORT, run, opened.feed, opened.bundle, job.config)
        sweep(job.out, parts)
    write_card(job.out, run.card.model_copy(update={"timings_s": dict(watch.seconds)}))


def _run(work: Work, parts: tuple[PartFile, ...], watch: Stopwatch) -> Run:
    """The tables of the run, findings on what was flagged alone, and its card until now.

    Raises:
        RunError: If the rows of a table do not add up.
    """
    job, opened, plan = work.job, work.opened, work.plan
    tables = closing_tables(job.out, parts)
    counts = run_counts(
        opened.feed,
        parcels=tables["parcels"],
        cartons=tables["cartons"],
        images=tables["images"],
        flags=tables["flags"],
        findings=sum(part.rows for part in parts if part.table == "findings"),
        not_assessed=tables["not_assessed"].height,
    )
    card = RunCard(
        run_id=plan.run_id,
        feed=feed_name(job.feed_folder),
        created=plan.created,
        bundle=opened.bundle_name,
        config=job.config.model_dump(mode="json"),
        indicator_packs=pack_names(opened.indicators),
        indicator_rules=rule_names(opened.indicators),
        standing=dict(opened.standing.digests),
        trader_tiers=tier_counts(tables["parcels"]),
        budget=job.config.budget,
        seed=job.seed,
        workers=job.workers,
        versions=versions(),
        provider=opened.detectors.provider,
        counts=counts,
        timings_s=dict(watch.seconds),
        fingerprint=plan.fingerprint.digest,
        executor=work.executor.name,
        shards=plan.shards,
        parts=parts,
        history=None if work.history.url is None else without_password(work.history.url),
    )
    return Run(folder=job.out, card=card, **tables)


def complete(job: Job, opened: Opened, progress: Report, *, before: bool) -> RunSummary:
    """What the complete run came to, after its challenger had its turn."""
    card = read_card(job.out)
    tried = None
    if opened.challenger is not None:
        tried = _tried_before(job.out, opened.challenger.name.digest)
        if tried is None:
            owners = opened.shards.owners
            tried = screen_in_shadow(
                job.out,
                opened.feed,
                opened.challenger,
                job.config,
                indicators=opened.indicators,
                earlier=read_earlier(job.out, card.created),
                standing=opened.standing,
                workers=job.workers,
                seed=job.seed,
                intake=job.intake,
                progress=lambda done: progress("scoring in shadow", done, owners),
            )
    return RunSummary(
        folder=job.out,
        counts=card.counts,
        seconds=card.total_s,
        shadow=tried,
        was_complete=before,
        history=card.history,
    )


def _tried_before(out: Path, digest: str) -> ShadowCard | None:
    """What became of this very challenger in an earlier call, if it came through."""
    try:
        card = ShadowCard.model_validate_json((out / shadow.FOLDER / shadow.CARD).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return card if card.bundle.digest == digest and card.failure is None else None
