"""Score a feed, assess it, and leave a run folder with a report: the main job.

A run that is cut off goes on where it stopped: what is committed is never done twice.
"""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from parcelscope.datasets.errors import ConfigError, RunError
from parcelscope.inference.database import DatabaseError, without_password
from parcelscope.inference.engine import RunStoppedError, never
from parcelscope.inference.executors import ArrayExecutor, Executor, LocalExecutor
from parcelscope.inference.intake import TRUSTED, Intake
from parcelscope.inference.ledger import Done, open_ledger, reach_database
from parcelscope.inference.observed import Observer
from parcelscope.inference.providers import CPU_CHOICE, ProviderChoice
from parcelscope.inference.shards import ShardPlan, ShardSpec
from parcelscope.inference.stage_clock import tell
from parcelscope.pipelines.progress import Report, silent
from parcelscope.pipelines.quarantine_limit import QuarantineLimit
from parcelscope.pipelines.run_finish import OWN_SINKS, Sinks, Work, complete, finish
from parcelscope.pipelines.run_folder import CARD, remove_run
from parcelscope.pipelines.run_plan import RunPlan, read_plan, require_free_or_planned, settled_plan
from parcelscope.pipelines.run_summary import RunSummary, ShareSummary
from parcelscope.pipelines.screen_job import (
    Job,
    Opened,
    Stopwatch,
    make_job,
    open_job,
    plan_of,
    recipe_of,
    run_row,
)
from parcelscope.pipelines.window_history import NO_HISTORY, WindowHistory, open_history
from parcelscope.pipelines.window_stage import alone
from parcelscope.screening.config import ScreeningConfig

Say = Callable[[str], object]


def to_nobody(line: str) -> None:
    """Say nothing."""


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
    provider: ProviderChoice = CPU_CHOICE,
    shard_size: int | None = None,
    database: str | None = None,
    history: str | None = None,
    fresh: bool = False,
    executor: Executor | None = None,
    intake: Intake = TRUSTED,
    progress: Report = silent,
    say: Say = to_nobody,
    cancelled: Callable[[], bool] = never,
    observer: Observer | None = None,
) -> RunSummary:
    """Score the feed in `feed_folder` and write the run folder `out`.

    No single row or image stops a run: what cannot be read is quarantined with its reason, what is
    not there is not assessed. A run that is cut off, by whatever, keeps what it has committed, and
    the same call goes on with it; a complete run is left as it is.

    Args:
        feed_folder: Tables and images.
        out: Run folder, new or empty, or with a run of the same to go on with.
        bundle_folder: Models; the built-in bundle if None.
        shadow_folder: Models of a challenger, scored once the run is complete; it changes nothing
            in the run but adds its `shadow` folder.
        config: What screening decides by; the built-in configuration if None.
        budget: Share of parcels, and of cartons, to flag; that of `config` if None.
        workers: Threads that score; one per core if None.
        seed: Decides ties and the random arm.
        provider: What the models run on; how many workers call them is filled in here.
        shard_size: Parcels and cartons that are committed together; 256 if None.
        database: URL of the database for the ledger and the results; a file in `out` if None.
        history: File or URL of a database that keeps the numbers of earlier windows; that of
            `database` if None, and without either numbers used again are looked for in this feed
            alone.
        fresh: Delete the run in `out` first.
        executor: Who has the shards scored; this process if None.
        intake: How images are decoded, and how many may be damaged.
        progress: Told how far it is.
        say: Told in a sentence where a run goes on.
        cancelled: Asked between a few parcels whether to stop.
        observer: Told of every shard what became of its images and where the time went.

    Raises:
        FeedError: The feed cannot be read.
        BundleError: The bundle cannot be trusted.
        ConfigError: The budget is no share, or the provider is not there or fails its self-test.
        RunError: `out` is in use by something else, cannot be written, or the counts do not add
            up; or too many images are damaged.
        RunStoppedError: `cancelled` said so.
    """
    job = make_job(
        feed_folder,
        out,
        bundle_folder=bundle_folder,
        shadow_folder=shadow_folder,
        config=config,
        budget=budget,
        workers=workers,
        seed=seed,
        provider=provider,
        shard_size=shard_size,
        database=database,
        intake=intake,
        history=history,
    )
    summary = screen_job(
        job,
        executor or LocalExecutor(),
        fresh=fresh,
        progress=progress,
        say=say,
        cancelled=cancelled,
        observer=observer,
    )
    if isinstance(summary, ShareSummary):
        raise ConfigError("an executor that takes a share of the shards needs `screen_job`")
    return summary


def screen_job(
    job: Job,
    executor: Executor,
    *,
    fresh: bool = False,
    progress: Report = silent,
    say: Say = to_nobody,
    cancelled: Callable[[], bool] = never,
    observer: Observer | None = None,
    sinks: Sinks = OWN_SINKS,
) -> RunSummary | ShareSummary:
    """Do `job`, or the share of it that `executor` has; see `screen`.

    Args:
        job: What to do.
        executor: Who has the shards scored.
        fresh: Delete the run in the run folder first.
        progress: Told how far it is.
        say: Told in a sentence where a run goes on.
        cancelled: Asked between a few parcels whether to stop.
        observer: Told of every shard what became of its images and where the time went.
        sinks: What is written to the database beside the tables of `inference` and `pipelines`.
    """
    watch = Stopwatch()
    if not fresh:
        require_free_or_planned(job.out)
    opened = open_job(job, watch)
    if fresh:
        _remove(job, executor, say)
    if job.database is not None:
        # Before the plan names it: a mistyped name must not cling to the run.
        reach_database(job.database)
    if job.history is not None:
        reach_database(job.history)
    with resumable(job.out):
        plan = settled_plan(job.out, plan_of(job, opened), cleared=fresh)
        if (job.out / CARD).is_file():
            return complete(job, opened, progress, before=True)
        history = _history(job, opened, plan, watch)
        ledger = open_ledger(job.ledger_url, run_row(plan))
        with contextlib.closing(ledger):
            work = Work(
                job=job,
                opened=opened,
                plan=plan,
                ledger=ledger,
                executor=executor,
                sinks=sinks,
                history=history,
            )
            with watch.stage("score"):
                _score(work, progress, say, cancelled, observer)
            scored = ledger.done("score")
            if len(scored) < len(opened.shards):
                return ShareSummary(folder=job.out, shards=plan.shards, done=len(scored))
            limit = QuarantineLimit(job.intake, opened.feed, job.out)
            limit.add_committed(part for one in scored.values() for part in one.parts)
            with alone(job.out):
                if not (job.out / CARD).is_file():
                    finish(work, scored, watch)
    return complete(job, opened, progress, before=False)


@contextmanager
def resumable(out: Path) -> Iterator[None]:
    """What the disk or the database refuses becomes a sentence that says how to go on."""
    hint = "what is committed is kept: the same command goes on with the run"
    try:
        yield
    except OSError as error:
        where = error.filename or out
        raise RunError(f"{where}: {error.strerror or error}; {hint}") from error
    except (DatabaseError, RunStoppedError) as error:
        raise type(error)(f"{out}: {error}; {hint}") from error


def _history(job: Job, opened: Opened, plan: RunPlan, watch: Stopwatch) -> WindowHistory:
    """What earlier windows say of this one, where anybody kept it."""
    if job.history is None and job.database is None:
        return NO_HISTORY
    with watch.stage("history"):
        return open_history(
            job.out,
            opened.feed,
            opened.indicators,
            plan,
            history=job.history,
            database=job.database,
        )


def _score(
    work: Work,
    progress: Report,
    say: Say,
    cancelled: Callable[[], bool],
    observer: Observer | None,
) -> None:
    """Have the shards scored that are not yet done."""
    job, opened, plan = work.job, work.opened, work.plan
    done = work.ledger.done("score")
    if done:
        say(f"resuming: {len(done):,} of {plan.shards:,} shards done")
    before = sum(one.owners for one in done.values())
    most = before

    def reached(owners: int) -> None:
        # Workers count what they have scored, receipts what is committed: the news never go back.
        nonlocal most
        most = max(most, before + owners)
        progress("scoring", most, plan.owners)

    recipe = recipe_of(
        job,
        opened,
        plan,
        work.ledger,
        threads=work.executor.threads(job.workers),
        sinks=work.sinks.shard,
        scored=reached,
        cancelled=cancelled,
    )
    limit = QuarantineLimit(job.intake, opened.feed, job.out)
    limit.add_committed(part for one in done.values() for part in one.parts)
    committed = 0
    for receipt in work.executor.map_shards(_to_do(opened.shards, done), recipe, cancelled):
        committed += receipt.owners
        reached(committed)
        if observer is not None:
            tell(observer, receipt)
        limit.add(receipt)


def _to_do(shards: ShardPlan, done: Mapping[int, Done]) -> Iterator[ShardSpec]:
    """The shards that are not `done`, as they are; those that are, only held against the feed.

    Raises:
        RunError: Where files of a shard that is done were changed since.
    """
    for spec in shards.specs():
        committed = done.get(spec.index)
        if committed is None:
            yield spec
        elif committed.digest != spec.digest:
            raise RunError(
                f"shard {spec.index}, from {spec.owners[0][1]} to {spec.owners[-1][1]}: files of"
                " the feed were changed since it was scored; a feed must stay as it is until its"
                " run is complete, or start over with --fresh"
            )


def _remove(job: Job, executor: Executor, say: Say) -> None:
    """Delete the run in the run folder, and what the database has of it."""
    if isinstance(executor, ArrayExecutor):
        raise ConfigError(
            "--fresh would delete what the other processes of the array have done;"
            " delete the run first, then start them all"
        )
    plan = read_plan(job.out)
    if plan is not None and plan.database is not None:
        if job.database is not None and without_password(job.database) == plan.database:
            with contextlib.closing(open_ledger(job.database, run_row(plan))) as ledger:
                ledger.forget()
        else:
            say(f"the rows of run {plan.run_id} stay in {plan.database}")
    remove_run(job.out)
