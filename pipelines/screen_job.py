"""A job: what a run is to do, what it needs in hand, and what its workers are told."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from parcelscope.datasets.errors import ConfigError
from parcelscope.datasets.feed import Feed, read_feed
from parcelscope.datasets.feed_urls import feed_name
from parcelscope.datasets.records import OwnerKind
from parcelscope.inference.cores import usable_cores
from parcelscope.inference.database import sqlite_url, without_password
from parcelscope.inference.detectors import Detectors, load_detectors
from parcelscope.inference.engine import ShardResult
from parcelscope.inference.history import history_url
from parcelscope.inference.intake import TRUSTED, Intake
from parcelscope.inference.label_reading import require_reader
from parcelscope.inference.ledger import Ledger, RunRow
from parcelscope.inference.providers import CPU_CHOICE, ProviderChoice
from parcelscope.inference.risk import load_risk_scorers
from parcelscope.inference.shards import DEFAULT_SHARD_SIZE, ShardPlan
from parcelscope.inference.sinks import Sink, UnreadImages
from parcelscope.models.bundle import Bundle, builtin_bundle_folder
from parcelscope.models.signature import load_trusted_bundle
from parcelscope.pipelines.run_folder import LEDGER, BundleName
from parcelscope.pipelines.run_plan import Fingerprint, RunPlan, decisive, table_digests
from parcelscope.pipelines.shadow import Challenger, load_challenger
from parcelscope.pipelines.shard_work import Loaded, WorkerRecipe
from parcelscope.pipelines.versions import versions
from parcelscope.screening.config import ScreeningConfig, load_screening_config
from parcelscope.screening.fusion import RiskScorer
from parcelscope.screening.indicator_pack import Indicators, load_indicators
from parcelscope.screening.standing import Standing, load_standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a run is to do, with every choice made."""

    feed_folder: Path
    out: Path
    bundle_folder: Path
    shadow_folder: Path | None
    config: ScreeningConfig
    workers: int
    seed: int
    provider: ProviderChoice
    shard_size: int
    database: str | None
    """URL, or None for a file in the run folder."""
    began: datetime
    """UTC."""
    intake: Intake = TRUSTED
    """What to do about damaged input; the scores do not depend on it."""
    history: str | None = None
    """URL of a history of earlier windows, if it is not in `database`."""

    @property
    def ledger_url(self) -> str:
        """URL of the database, whichever it is."""
        return sqlite_url(self.out.absolute() / LEDGER) if self.database is None else self.database


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What a job names, read and loaded."""

    feed: Feed
    shards: ShardPlan
    bundle: Bundle
    digest: str
    """Of the bundle."""
    indicators: Indicators
    standing: Standing
    detectors: Detectors
    scorers: Mapping[OwnerKind, RiskScorer]
    challenger: Challenger | None

    @property
    def bundle_name(self) -> BundleName:
        """What `run.json` calls the bundle."""
        return BundleName(name=self.bundle.name, version=self.bundle.version, digest=self.digest)


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


def make_job(
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
    intake: Intake = TRUSTED,
    history: str | None = None,
) -> Job:
    """What was asked for, with a default for what was left open; the arguments are `screen`'s."""
    models = builtin_bundle_folder() if bundle_folder is None else bundle_folder
    count = usable_cores() if workers is None else workers
    return Job(
        feed_folder=feed_folder,
        out=out,
        # Followed to its end now: where a promotion swaps the link while the bundle is loaded, the
        # card of one and the files of the other would not fit.
        bundle_folder=models.resolve(),
        shadow_folder=None if shadow_folder is None else shadow_folder.resolve(),
        config=_settings(config, budget),
        workers=count,
        seed=seed,
        provider=replace(provider, callers=count),
        shard_size=DEFAULT_SHARD_SIZE if shard_size is None else shard_size,
        database=database,
        began=datetime.now(UTC),
        intake=intake,
        history=None if history is None else history_url(history),
    )


def open_job(job: Job, watch: Stopwatch) -> Opened:
    """Read the feed and load the models."""
    if job.config.ocr:
        require_reader()
    with watch.stage("read"):
        feed = read_feed(job.feed_folder)
        shards = ShardPlan(feed, shard_size=job.shard_size)
    with watch.stage("load"):
        indicators = load_indicators(job.config.indicator_packs)
        standing = load_standing(job.config.policy, job.config.trader_tiers, job.config.watch_lists)
        public_key = job.config.bundle_public_key
        bundle, digest = load_trusted_bundle(job.bundle_folder, public_key=public_key)
        detectors = load_detectors(bundle, job.bundle_folder, choice=job.provider)
        scorers = load_risk_scorers(bundle, job.bundle_folder)
        challenger = (
            None
            if job.shadow_folder is None
            else load_challenger(
                job.shadow_folder,
                public_key=public_key,
                choice=job.provider.settled(detectors.provider),
            )
        )
    return Opened(
        feed=feed,
        shards=shards,
        bundle=bundle,
        digest=digest,
        indicators=indicators,
        standing=standing,
        detectors=detectors,
        scorers=scorers,
        challenger=challenger,
    )


def plan_of(job: Job, opened: Opened) -> RunPlan:
    """The plan of the run, if this is its first process."""
    provider = opened.detectors.provider
    return RunPlan(
        run_id=f"{job.began:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        created=job.began.isoformat(timespec="seconds"),
        feed=feed_name(job.feed_folder),
        database=None if job.database is None else without_password(job.database),
        history=None if job.history is None else without_password(job.history),
        owners=opened.shards.owners,
        shards=len(opened.shards),
        fingerprint=Fingerprint(
            bundle=opened.bundle_name,
            config=job.config.model_dump(mode="json"),
            packs={pack.name: pack.fingerprint for pack in opened.indicators.packs},
            standing=dict(opened.standing.digests),
            seed=job.seed,
            provider={
                "name": provider.name,
                "version": provider.version,
                "precision": provider.precision,
            },
            versions=decisive(versions()),
            tables=table_digests(opened.feed.root),
            shard_size=job.shard_size,
        ),
    )


def recipe_of(
    job: Job,
    opened: Opened,
    plan: RunPlan,
    ledger: Ledger,
    *,
    threads: int,
    sinks: tuple[Sink[ShardResult], ...],
    scored: Callable[[int], None],
    cancelled: Callable[[], bool],
) -> WorkerRecipe:
    """What the workers of this run are told."""
    return WorkerRecipe(
        feed_folder=job.feed_folder,
        bundle_folder=job.bundle_folder,
        bundle_digest=opened.digest,
        public_key=job.config.bundle_public_key,
        provider=job.provider.settled(opened.detectors.provider),
        out=job.out,
        database=job.ledger_url,
        run=run_row(plan),
        shard_size=job.shard_size,
        threads=threads,
        sinks=(UnreadImages(run_id=plan.run_id), *sinks),
        intake=job.intake,
        ocr=job.config.ocr,
        loaded=Loaded(
            feed=opened.feed,
            plan=opened.shards,
            detectors=opened.detectors,
            ledger=ledger,
            scored=scored,
            cancelled=cancelled,
        ),
    )


def run_row(plan: RunPlan) -> RunRow:
    """The run as the database knows it."""
    return RunRow(
        run_id=plan.run_id,
        fingerprint=plan.fingerprint.digest,
        feed=plan.feed,
        created=plan.created,
    )


def _settings(config: ScreeningConfig | None, budget: float | None) -> ScreeningConfig:
    settings = load_screening_config() if config is None else config
    if budget is None:
        return settings
    if not 0 < budget <= 1:
        raise ConfigError(f"budget must be a share above 0 and at most 1, got {budget}")
    return settings.model_copy(update={"budget": budget})
